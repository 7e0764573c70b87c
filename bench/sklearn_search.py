# SPDX-License-Identifier: Apache-2.0
"""SearchCV against RandomizedSearchCV: best cross-validated score with equal numbers of candidates, held-out score,
processor time, and what a candidate costs whose fits are nearly free.

PYTHONPATH=python python3 bench/sklearn_search.py [seeds [cancer,digits,overhead]]"""

import sys
import time
import warnings

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpo.sklearn import SearchCV

N, SEEDS = 30, int(sys.argv[1]) if len(sys.argv) > 1 else 4
PARTS = sys.argv[2].split(",") if len(sys.argv) > 2 else ["cancer", "digits", "overhead"]
warnings.simplefilter("ignore")


def cancer():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    forest = RandomForestClassifier(n_estimators=10, random_state=0)
    return load_breast_cancer(return_X_y=True), pipe, [
        {"clf": [SVC()], "clf__C": loguniform(1e-3, 1e4), "clf__gamma": loguniform(1e-6, 10)},
        {"clf": [forest], "clf__max_features": uniform(0.02, 0.98), "clf__min_samples_leaf": randint(1, 40)},
    ]


def digits():
    X, y = load_digits(return_X_y=True)
    return (X[:600], y[:600]), SVC(), {"C": loguniform(1e-3, 1e4), "gamma": loguniform(1e-7, 1)}


def run(kind, model, space, data, seed, **more):
    X, y = data
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    begin = time.process_time()
    search = kind(model, space, n_iter=N, cv=cv, random_state=seed, **more).fit(X, y)
    took = time.process_time() - begin
    folds = sum(int(np.sum(~np.isnan(search.cv_results_[f"split{k}_test_score"]))) for k in range(5))
    return search.best_score_, search.score(X_test, y_test), took, folds


for name, problem in (("breast cancer, SVC or forest", cancer), ("digits, SVC", digits)):
    if problem.__name__ not in PARTS:
        continue
    data, model, space = problem()
    for label, kind, more in (
        ("RandomizedSearchCV", RandomizedSearchCV, {}),
        ("SearchCV", SearchCV, {}),
        ("SearchCV wilcoxon", SearchCV, {"scheduler": "wilcoxon"}),
    ):
        rows = np.array([run(kind, model, space, data, seed, **more) for seed in range(SEEDS)])
        cv_score, test, took, folds = rows.mean(axis=0)
        line = f"{name:30} {label:20} cv {cv_score:.4f} (sd {rows[:, 0].std():.4f})  test {test:.4f}  {took:6.2f} s  {folds:5.1f} fits"
        print(line, flush=True)

if "overhead" in PARTS:
    X, y = np.zeros((100, 2)), np.tile([0, 1], 50)
    for label, kind, more in (("RandomizedSearchCV", RandomizedSearchCV, {}), ("SearchCV random", SearchCV, {"sampler": "random"}),
                              ("SearchCV auto", SearchCV, {}), ("SearchCV tpe", SearchCV, {"sampler": "tpe"})):  # fmt: skip
        times = []
        for n in (20, 120):
            model = DummyClassifier(strategy="constant", constant=1)
            search = kind(model, {"random_state": randint(0, 10**6)}, n_iter=n, cv=5, random_state=0, **more)
            begin = time.process_time()
            search.fit(X, y)
            times.append(time.process_time() - begin)
        print(f"{label:20} {1000 * (times[1] - times[0]) / 100:.2f} ms a candidate, five fits and scores of a constant among it", flush=True)
