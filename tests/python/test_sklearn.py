# SPDX-License-Identifier: Apache-2.0
"""hpo.sklearn: SearchCV as an estimator, its spaces, results, resources, races; nested cross-validation."""

import json
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="scikit-learn is not installed (python3-sklearn)")

from scipy import stats  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin, clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.datasets import make_classification, make_regression  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.exceptions import FitFailedWarning  # noqa: E402
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier  # noqa: E402
from sklearn.metrics import accuracy_score, make_scorer  # noqa: E402
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold, cross_val_score  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import SVC  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

import hpo  # noqa: E402
from hpo.sklearn import SearchCV, cross_validate, nested_cross_validate  # noqa: E402
from hpo.sklearn.folds import Task  # noqa: E402
from hpo.sklearn.results import _ranks  # noqa: E402
from hpo.sklearn.space import SearchSpace  # noqa: E402

X, y = make_classification(120, 6, n_informative=4, random_state=0, flip_y=0.1)


def knn(**options):
    """A search that takes a few milliseconds."""
    given = dict(n_iter=8, cv=3, random_state=0)
    given.update(options)
    return SearchCV(KNeighborsClassifier(), {"n_neighbors": "int 1..30", "weights": ["uniform", "distance"]}, **given)


# ---- as an estimator --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "search",
    [
        SearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2),
        SearchCV(make_pipeline(PCA(), RidgeClassifier()), {"ridgeclassifier__alpha": "0.1..1"}, cv=2, n_iter=2, error_score="raise"),
    ],
    ids=["ridge", "pipeline"],
)
def test_check_estimator(search):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(search)


def test_manners():
    s = knn()
    assert clone(s).get_params()["n_iter"] == 8 and "estimator__n_neighbors" in s.get_params()
    assert not hasattr(s, "transform") and not hasattr(s, "n_features_in_") and hasattr(s, "predict_proba")
    s.set_params(n_iter=5, estimator__p=1).fit(X, y)
    assert len(s.cv_results_["params"]) == 5 and s.n_features_in_ == 6 and list(s.classes_) == [0, 1]
    assert s.best_estimator_.p == 1 and s.predict_proba(X).shape == (120, 2)
    again = pickle.loads(pickle.dumps(s))
    assert (again.predict(X) == s.predict(X)).all() and again.best_params_ == s.best_params_
    assert s.study_.best_value == s.best_score_ and not hasattr(again, "study_")
    first = s.best_score_
    assert s.fit(X, y).best_score_ == first  # a second fit begins anew
    assert not hasattr(knn(refit=False).fit(X, y), "predict")
    with pytest.raises(AttributeError, match="refit is False"):
        knn(refit=False).fit(X, y).predict


def test_results_are_those_of_grid_search():
    grid = {"n_neighbors": [3, 5, 9], "weights": ["uniform", "distance"], "p": [1]}
    scoring = {"acc": "accuracy", "nll": "neg_log_loss"}
    theirs = GridSearchCV(KNeighborsClassifier(), grid, cv=3, scoring=scoring, refit="acc", return_train_score=True).fit(X, y)
    ours = SearchCV(KNeighborsClassifier(), grid, sampler="grid", n_iter=None, cv=3, scoring=scoring, refit="acc", return_train_score=True).fit(X, y)
    a, b = theirs.cv_results_, ours.cv_results_
    assert set(a) <= set(b) and set(b) - set(a) == {"trial", "state"}
    place = [b["params"].index(p) for p in a["params"]]
    for key in a:
        if "time" not in key and key != "params":
            assert type(a[key]) is type(b[key]) and a[key].dtype == b[key].dtype, key
            if a[key].dtype == object:
                assert list(a[key]) == list(b[key][place])
            else:
                np.testing.assert_allclose(a[key], b[key][place], rtol=1e-12)
    assert ours.best_score_ == theirs.best_score_ and ours.multimetric_ and ours.n_splits_ == 3
    assert a["params"][theirs.best_index_] == ours.best_params_ and ours.score(X, y) == theirs.score(X, y)
    assert all(v > 0 for v in b["mean_fit_time"]) and ours.refit_time_ > 0


def test_scoring_and_refit():
    for scoring in (["accuracy", "f1"], {"accuracy": "accuracy", "f1": make_scorer(accuracy_score)}):
        s = knn(scoring=scoring, refit="f1").fit(X, y)
        assert s.best_score_ == s.cv_results_["mean_test_f1"][s.best_index_] == s.cv_results_["mean_test_f1"].max()
    s = knn(scoring=["accuracy", "f1"], refit=lambda r: 2).fit(X, y)
    assert s.best_index_ == 2 and not hasattr(s, "best_score_") and hasattr(s, "best_estimator_")
    s = knn(scoring=["accuracy", "f1"], refit=False, objective="f1").fit(X, y)
    assert s.study_.best_value == s.cv_results_["mean_test_f1"].max() and not hasattr(s, "best_index_")
    s = knn(scoring=["accuracy", "f1"], refit="f1", objective=["accuracy", "f1"], sampler="random").fit(X, y)
    assert len(s.study_.directions) == 2 and len(s.study_.best_trials) >= 1
    s = knn(scoring=lambda e, X, y: {"a": e.score(X, y), "b": 0.5}, refit="a").fit(X, y)
    assert s.multimetric_ and "mean_test_b" in s.cv_results_ and s.best_score_ == s.cv_results_["mean_test_a"].max()
    s = knn(scoring=lambda e, X, y: e.score(X, y)).fit(X, y)
    assert not s.multimetric_ and s.score(X, y) == s.best_estimator_.score(X, y)
    for bad in (dict(scoring=["accuracy", "f1"]), dict(scoring=["accuracy", "f1"], refit="x"), dict(scoring=[]), dict(scoring=3),
                dict(scoring=["accuracy", "accuracy"], refit="accuracy"), dict(scoring=lambda e, X, y: {"a": 1.0})):  # fmt: skip
        with pytest.raises(ValueError):
            knn(**bad).fit(X, y)
    with pytest.raises(ValueError, match="a number is needed"):
        knn(scoring=lambda e, X, y: "good", error_score="raise").fit(X, y)
    with pytest.raises(IndexError):
        knn(refit=lambda r: 99).fit(X, y)


def test_groups_weights_and_unsupervised():
    groups = np.repeat(np.arange(12), 10)
    s = knn(cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert s.n_splits_ == 4
    with pytest.raises(ValueError, match="groups"):
        knn(cv=GroupKFold(4)).fit(X, y)

    seen = []

    class Weighted(ClassifierMixin, BaseEstimator):
        def __init__(self, k=1):
            self.k = k

        def fit(self, X, y, sample_weight=None, other=None):
            seen.append((len(X), sample_weight, other))
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.zeros(len(X), int)

    w = np.arange(120.0)
    SearchCV(Weighted(), {"k": [1, 2]}, cv=KFold(3)).fit(X, y, sample_weight=w, other="text")
    assert all(n == len(sw) and other == "text" for n, sw, other in seen) and seen[-1][0] == 120
    assert (seen[0][1] == w[40:]).all()

    from sklearn.neighbors import KernelDensity

    s = SearchCV(KernelDensity(), {"bandwidth": "log 0.1..10"}, n_iter=6, cv=3, random_state=1).fit(X)
    assert s.score_samples(X).shape == (120,)


def test_failures():
    class Picky(ClassifierMixin, BaseEstimator):
        def __init__(self, k=0, where=0):
            self.k, self.where = k, where

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            if self.k >= self.where:
                raise ArithmeticError("too large")
            return self

        def predict(self, X):
            return np.zeros(len(X), int)

    space = {"k": [0, 1, 2, 3]}
    with pytest.warns(FitFailedWarning, match="6 fits failed out of a total of 12"):
        s = SearchCV(Picky(where=2), space, cv=3, sampler="grid", n_iter=None).fit(X, y)
    r = s.cv_results_
    bad = np.array([p["k"] >= 2 for p in r["params"]])
    assert (r["rank_test_score"][bad] == 3).all() and np.isnan(r["mean_test_score"][bad]).all()
    assert set(r["state"][bad]) == {"failed"} and s.best_params_["k"] < 2
    assert "too large" in [t.reason for t in s.study_.trials if t.state == hpo.TrialState.FAIL][0]
    with pytest.warns(FitFailedWarning):
        s = SearchCV(Picky(where=2), space, cv=3, error_score=-1.0).fit(X, y)
    assert s.cv_results_["mean_test_score"].min() == -1
    with pytest.raises(ArithmeticError):
        SearchCV(Picky(where=2), space, cv=3, error_score="raise").fit(X, y)
    with pytest.raises(ValueError, match="all the 12 fits failed"):
        SearchCV(Picky(where=0), space, cv=3).fit(X, y)
    with pytest.warns(UserWarning, match="scores failed"):
        s = knn(scoring=lambda e, X, y: 1 / (e.n_neighbors > 10)).fit(X, y)
    assert np.isfinite(s.best_score_)
    for bad in (dict(error_score="x"), dict(n_iter=0), dict(n_iter=None), dict(timeout=-1), dict(lag=True), dict(scheduler="asha"),
                dict(resource="n_samples"), dict(scheduler="pbt", resource="n_samples"), dict(scheduler="asha", resource="epochs"),
                dict(scheduler="asha", resource="n_samples", max_resource=1000)):  # fmt: skip
        with pytest.raises(ValueError):
            knn(**bad).fit(X, y)


# ---- spaces -----------------------------------------------------------------------------------------------------


def drawn(space, estimator, n=200):
    """n configurations in the estimator's terms."""
    s = SearchSpace(space, estimator)
    study = hpo.create_study(space=s.space, sampler="random", seed=1)
    out = []
    for _ in range(n):
        try:
            t = study.ask()
        except hpo.exceptions.StudyExhausted:
            break
        out.append(s.decode(study._layout_of(t._h), t._x)[0])
        study.tell(t, 0.0)
    return out


def test_domains():
    objects = [None, True, 1, 1.0, "1", (1, 2)]
    space = {
        "C": stats.loguniform(1e-3, 1e3),
        "coef0": stats.uniform(-1, 2),
        "degree": stats.randint(2, 5),
        "tol": stats.expon(scale=0.01),
        "cache_size": stats.poisson(3),
        "max_iter": stats.geom(0.001),
        "shrinking": hpo.Categorical([True, False]),
        "gamma": "log 1e-4..1",
        "verbose": np.array([0, 1, 5]),
        "class_weight": objects,
        "kernel": ["rbf"],
        "random_state": range(3),
    }
    rows = drawn(space, SVC(), 400)
    assert len(rows) == 400
    C = np.array([p["C"] for p in rows])
    assert 1e-3 <= C.min() and C.max() <= 1e3 and abs(np.log10(np.median(C))) < 0.5
    assert all(-1 <= p["coef0"] <= 1 and p["degree"] in (2, 3, 4) and p["kernel"] == "rbf" for p in rows)
    tol = np.array([p["tol"] for p in rows])
    assert stats.kstest(tol, stats.expon(scale=0.01).cdf).pvalue > 1e-3 and tol.min() > 0
    counts = np.bincount([p["cache_size"] for p in rows], minlength=4)[:5] / 400
    np.testing.assert_allclose(counts, stats.poisson(3).pmf(np.arange(5)), atol=0.08)
    assert all(isinstance(p["max_iter"], int) and p["max_iter"] >= 1 for p in rows)
    assert abs(np.median([p["max_iter"] for p in rows]) - 693) < 200
    got = {(type(p["class_weight"]), p["class_weight"]) for p in rows}
    assert got == {(type(o), o) for o in objects}
    assert {p["verbose"] for p in rows} == {0, 1, 5} and all(type(p["verbose"]) is int for p in rows)
    assert {p["shrinking"] for p in rows} == {True, False} and {p["random_state"] for p in rows} == {0, 1, 2}
    doc = SearchSpace({"C": [0.1, 1, 10], "kernel": ["rbf", "poly"]}, SVC()).space.params
    assert doc["C"]["type"] == "ordinal" and doc["kernel"]["type"] == "categorical"
    assert drawn({}, SVC()) == [{}]
    for bad, error in (({"C": 3}, TypeError), ({"C": []}, ValueError), ({"c": [1]}, ValueError), ([3], TypeError),
                       ({"C": "1..0"}, ValueError)):  # fmt: skip
        with pytest.raises(error):
            SearchSpace(bad, SVC())
    with pytest.raises(ValueError, match="do you mean 'C'|do you mean"):
        SearchSpace({"gama": [1]}, SVC())


def test_conditions_write_themselves():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    space = {
        "scale": [StandardScaler(), "passthrough"],
        "scale__with_mean": [True, False],
        "clf": [SVC(), RandomForestClassifier(), KNeighborsClassifier()],
        "clf__C": stats.loguniform(1e-2, 1e2),
        "clf__n_neighbors": "int 1..9",
        "clf__max_depth": stats.randint(2, 9),
        "clf__gamma": "log 1e-4..1 if `clf` == SVC and `clf__C` > 1",
    }
    for p in drawn(space, pipe):
        kind = type(p["clf"])
        assert ("clf__C" in p) == (kind is SVC) and ("clf__n_neighbors" in p) == (kind is KNeighborsClassifier)
        assert ("clf__max_depth" in p) == (kind is RandomForestClassifier)
        assert ("clf__gamma" in p) == (kind is SVC and p["clf__C"] > 1)
        assert ("scale__with_mean" in p) == (p["scale"] != "passthrough")
        clone(pipe).set_params(**p)
    with pytest.raises(ValueError, match="no choice of clf has a parameter 'nope'"):
        SearchSpace({"clf": [SVC(), GaussianNB()], "clf__nope": [1, 2]}, pipe)
    # nested further: the condition of the inner one follows the outer
    from sklearn.ensemble import BaggingClassifier

    key = "estimator" if hasattr(BaggingClassifier(), "estimator") else "base_estimator"
    space = {"clf": [SVC(), BaggingClassifier()], f"clf__{key}": [KNeighborsClassifier(), GaussianNB()], f"clf__{key}__n_neighbors": "int 1..9"}
    for p in drawn(dict(reversed(space.items())), pipe):  # in any order
        assert (f"clf__{key}" in p) == isinstance(p["clf"], BaggingClassifier)
        assert (f"clf__{key}__n_neighbors" in p) == isinstance(p.get(f"clf__{key}"), KNeighborsClassifier)


def test_list_of_dicts():
    pipe = Pipeline([("clf", SVC())])
    C = stats.loguniform(1e-2, 1e2)
    space = [
        {"clf": [SVC()], "clf__C": C, "clf__kernel": ["rbf", "poly"]},
        {"clf": [LogisticRegression()], "clf__C": C},
        {"clf": [RidgeClassifier()], "clf__alpha": stats.expon(), "clf__tol": [1e-3]},
    ]
    rows = drawn(space, pipe)
    sets = {type(p["clf"]): set(p) for p in rows}
    assert sets == {SVC: {"clf", "clf__C", "clf__kernel"}, LogisticRegression: {"clf", "clf__C"}, RidgeClassifier: {"clf", "clf__alpha", "clf__tol"}}
    assert "clf__C" in SearchSpace(space, pipe).space.params  # one parameter for both
    s = SearchSpace([{"C": [1, 2]}, {"C": [3, 4], "gamma": [1]}], SVC())
    assert set(s.space.params) == {"alternative", "C/0", "C/1", "gamma"}
    assert s.encode({"C": 4, "gamma": 1}) == {"C/1": "4", "gamma": "1", "alternative": "1"}
    found = SearchCV(pipe, space, n_iter=10, cv=2, random_state=0).fit(X, y)
    assert found.best_params_["clf"].__class__ is found.best_estimator_.named_steps["clf"].__class__


def test_column_transformer_and_spaces():
    pytest.importorskip("pandas")
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcdef"))
    pre = ColumnTransformer([("num", StandardScaler(), ["a", "b", "c"]), ("rest", "passthrough", ["d", "e", "f"])])
    pipe = Pipeline([("pre", pre), ("clf", LogisticRegression())])
    space = {"pre__num": [StandardScaler(), "drop"], "pre__num__with_std": [True, False], "clf__C": "log 1e-3..1e3"}
    s = SearchCV(pipe, space, n_iter=12, cv=2, random_state=0).fit(frame, y)
    assert list(s.feature_names_in_) == list("abcdef")
    for p in s.cv_results_["params"]:
        assert ("pre__num__with_std" in p) == (p["pre__num"] != "drop")
    masked = s.cv_results_["param_pre__num__with_std"]
    assert [m for m in masked.mask] == [p["pre__num"] == "drop" for p in s.cv_results_["params"]]
    declared = hpo.Space("C: log 1e-2..1e2; kernel: rbf,poly; degree: int 2..4 if kernel == poly; constraint: C < 50")
    s = SearchCV(SVC(), declared, n_iter=15, cv=2, random_state=0).fit(X, y)
    assert all(("degree" in p) == (p["kernel"] == "poly") and p["C"] < 50 for p in s.cv_results_["params"])


@pytest.mark.parametrize("sampler", ["auto", "random", "tpe", "forest", hpo.samplers.SobolSampler, hpo.samplers.TPESampler(seed=5)])
def test_samplers_and_seeds(sampler):
    a, b = (knn(sampler=sampler).fit(X, y) for _ in range(2))
    assert a.cv_results_["params"] == b.cv_results_["params"]
    c = knn(sampler=sampler, random_state=1).fit(X, y)
    assert c.cv_results_["params"] != a.cv_results_["params"]


def test_initial():
    s = knn(initial=[{"n_neighbors": 7, "weights": "distance"}, {"n_neighbors": 3}]).fit(X, y)
    p = s.cv_results_["params"]
    assert p[0] == {"n_neighbors": 7, "weights": "distance"} and p[1]["n_neighbors"] == 3 and len(p) == 8
    with pytest.raises(ValueError, match="not in the space"):
        knn(initial=[{"p": 1}]).fit(X, y)


def test_initial_of_any_space():
    """What is drawn can be put in front of another search, conditions and quantiles included."""
    pipe = Pipeline([("clf", SVC())])
    one = {"clf": [SVC(), KNeighborsClassifier()], "clf__C": stats.expon(scale=3), "clf__n_neighbors": [1, 3, 9], "clf__gamma": ["scale", 0.1, None]}
    several = [{"clf": [SVC()], "clf__C": stats.loguniform(1, 9)}, {"clf": [SVC()], "clf__C": [1, 2], "clf__gamma": [0.5]}]
    for space in (one, several):
        s = SearchSpace(space, pipe)
        study = hpo.create_study(space=s.space, seed=1, sampler="random")
        for p in drawn(space, pipe, 30):
            study._do("enqueue", json.dumps(s.encode(p)), None)
            t = study.ask()
            got = s.decode(study._layout_of(t._h), t._x)[0]
            assert set(got) == set(p)
            for name in p:
                assert got[name] == (pytest.approx(p[name], rel=1e-9) if isinstance(p[name], float) else p[name])


@given(st.lists(st.tuples(st.sampled_from(["complete", "stopped", "failed"]), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=8))
def test_ranks(rows):
    """By the definition: 1 + the number of candidates that are better."""
    means = np.array([np.nan if state == "failed" else float(m) for state, _, m in rows])
    reached = np.array([(state == "complete", 0 if state == "complete" else a, 0) for state, a, _ in rows]).reshape(-1, 3)
    keys = [(-1,) if np.isnan(m) else (1, *r, m) for r, m in zip(reached.tolist(), means)]
    assert list(_ranks(means, reached)) == [1 + sum(other > key for other in keys) for key in keys]


# ---- workers ----------------------------------------------------------------------------------------------------


def same(a, b):
    assert a.cv_results_["params"] == b.cv_results_["params"]
    for key in a.cv_results_:
        if key.startswith(("split", "mean_test", "rank")):
            np.testing.assert_array_equal(a.cv_results_[key], b.cv_results_[key])


processes = pytest.mark.skipif(bool(os.environ.get("HPO_INSTRUMENTED")), reason="workers start slowly over an instrumented library")


@processes
@pytest.mark.parametrize("options", [{}, {"lag": 3, "sampler": "tpe"}, {"sampler": "random"}, {"scheduler": "wilcoxon", "n_iter": 15, "cv": 5},
                                     {"scheduler": "asha", "resource": "n_samples", "min_resource": 45, "lag": 3}])  # fmt: skip
def test_any_number_of_workers(options):
    import joblib

    one = knn(**options).fit(X, y)
    same(one, knn(n_jobs=2, scoring=lambda e, X, y: e.score(X, y), **options).fit(X, y))  # a lambda goes to processes too
    with joblib.parallel_backend("threading", n_jobs=3):
        same(one, knn(**options).fit(X, y))


@processes
def test_joblib_and_we_share_the_process():
    knn(n_jobs=2).fit(X, y)
    cross_val_score(GaussianNB(), X, y, n_jobs=2)
    knn(n_jobs=2).fit(X, y)


class Slow(GaussianNB):
    def __init__(self, wait=0.02, var_smoothing=1e-9):
        super().__init__(var_smoothing=var_smoothing)
        self.wait = wait

    def fit(self, X, y):
        time.sleep(self.wait)
        return super().fit(X, y)


def test_timeout():
    begin = time.monotonic()
    s = SearchCV(Slow(), {"var_smoothing": "log 1e-9..1"}, n_iter=None, timeout=0.3, cv=3, random_state=0).fit(X, y)
    assert 0.25 < time.monotonic() - begin < 5 and len(s.cv_results_["params"]) >= 1
    assert set(s.cv_results_["state"]) == {"complete"}  # one that the end interrupted is not half there
    s = SearchCV(Slow(), {"var_smoothing": "log 1e-9..1"}, timeout=0, cv=3).fit(X, y)
    assert len(s.cv_results_["params"]) == 1


def test_interrupt_keeps_what_is_done():
    s = SearchCV(Slow(0.01), {"var_smoothing": "log 1e-9..1"}, n_iter=1000, cv=3, random_state=0)
    main = threading.get_ident()
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        s.fit(X, y)
    timer.join()
    n = len(s.cv_results_["params"])
    assert 1 <= n < 1000 and s.best_score_ == s.cv_results_["mean_test_score"].max() and s.best_params_
    assert not hasattr(s, "best_estimator_") and not np.isnan(s.cv_results_["split2_test_score"]).any()


def test_storage(tmp_path):
    options = dict(storage=str(tmp_path / "s.db"), study_name="knn", return_train_score=True)
    first = knn(n_iter=5, **options).fit(X, y)
    second = knn(n_iter=9, **options).fit(X, y)  # goes on
    whole = knn(n_iter=9, return_train_score=True).fit(X, y)
    assert first.cv_results_["params"] == second.cv_results_["params"][:5]
    same(second, whole)
    np.testing.assert_array_equal(second.cv_results_["mean_train_score"], whole.cv_results_["mean_train_score"])
    assert pickle.loads(pickle.dumps(second)).study_.best_value == second.best_score_
    with pytest.raises(hpo.HpoError, match="other data"):
        knn(n_iter=9, **options).fit(X[:100], y[:100])
    names = hpo.get_all_study_names(options["storage"])
    assert names == ["knn"]
    # an interrupted one goes on where it stopped
    calls = []

    def breaks(estimator, X, y):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    options["study_name"] = "broken"
    with pytest.raises(KeyboardInterrupt):
        knn(n_iter=9, scoring=breaks, **options).fit(X, y)
    assert len(calls) == 8
    resumed = knn(n_iter=9, scoring=breaks, **options).fit(X, y)
    same(resumed, whole)


# ---- stopping early ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["wilcoxon", "friedman", "hoeffding:range=0.1", "median:others=2"])
def test_races(scheduler):
    def scoring(estimator, X, y):
        """Better for small p, with the same noise of the fold for all."""
        return (0.9 if estimator.p < 2 else 0.6) + 0.05 * X[:, 0].mean()

    options = dict(n_iter=30, cv=10, sampler="random", random_state=0)
    s = SearchCV(KNeighborsClassifier(), {"p": "1..2.5"}, scoring=scoring, scheduler=scheduler, **options).fit(X, y)
    r = s.cv_results_
    folds = np.sum([~np.isnan(r[f"split{k}_test_score"]) for k in range(10)], axis=0)
    stopped = r["state"] == "stopped"
    assert s.best_params_["p"] < 2 and stopped.any() and (folds[stopped] < 10).all() and (folds[~stopped] == 10).all()
    assert r["rank_test_score"][stopped].min() > r["rank_test_score"][~stopped].max()
    assert folds.sum() < 270
    assert (np.array([p["p"] for p in r["params"]])[stopped] >= 2).all()
    counts = s.study_._summary()["counts"]
    assert sum(counts) == 30


def test_python_pruner():
    class Odd:
        def prune(self, study, trial):
            return trial.number % 2 == 1

    r = knn(scheduler=Odd()).fit(X, y).cv_results_
    assert list(r["state"]) == ["complete", "stopped"] * 4


@pytest.mark.parametrize("scheduler", ["asha", "hyperband", "halving", "asha-stopping", "median:others=1"])
@pytest.mark.parametrize("resource", ["n_samples", "n_estimators", "epochs"])
def test_resources(scheduler, resource):
    if resource == "epochs":
        est, space, options = SGDClassifier(random_state=0), {"alpha": "log 1e-6..10"}, {"max_resource": 9}
    else:
        est, space, options = GradientBoostingClassifier(n_estimators=18, max_depth=1, random_state=0), {"learning_rate": "log 1e-3..1"}, {}
    s = SearchCV(est, space, n_iter=10, cv=2, scheduler=scheduler, resource=resource, random_state=0, error_score="raise", **options).fit(X, y)
    r = s.cv_results_
    full = {"epochs": 9, "n_samples": 60, "n_estimators": 18}[resource]
    assert r["resource"].max() == full and (r["resource"].min() < full or "median" in scheduler)
    assert r["resource"][s.best_index_] == full and r["state"][s.best_index_] == "complete"
    assert len(r["params"]) == 10 and ((r["resource"] == full) >= (r["state"] == "complete")).all()
    if resource == "n_estimators":
        assert [p["n_estimators"] for p in r["params"]] == list(r["resource"]) and s.best_estimator_.n_estimators == 18
        # going on is the same as one long fit, and the best estimator is a fresh one
        best = clone(est).set_params(**s.best_params_)
        assert np.allclose(cross_val_score(best, X, y, cv=2), [r[f"split{k}_test_score"][s.best_index_] for k in range(2)])
    if resource == "epochs":
        model = SGDClassifier(random_state=0, alpha=s.best_params_["alpha"])
        for _ in range(9):
            model.partial_fit(X, y, classes=[0, 1])
        assert (model.predict(X) == s.predict(X)).all()


def test_orders_of_samples():
    imbalanced = np.repeat([0, 1, 2], [80, 30, 10])
    task = Task(GaussianNB(), X, imbalanced, [], None, {}, resource=("n_samples", "n_samples"))
    train = np.arange(5, 120)
    order = task._order(train)
    assert sorted(order) == list(range(115))
    for n in (12, 40, 80):
        share = np.bincount(imbalanced[train[order[:n]]], minlength=3) / n
        np.testing.assert_allclose(share, np.bincount(imbalanced[train]) / 115, atol=1.01 / n)


def test_pipelines_by_epochs():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SGDClassifier(random_state=0))])
    s = SearchCV(pipe, {"clf__alpha": "log 1e-6..1"}, n_iter=5, cv=2, scheduler="asha", resource="epochs", max_resource=4, random_state=0).fit(X, y)
    model = clone(pipe).set_params(**s.best_params_)
    Z = model[0].fit_transform(X)
    for _ in range(4):
        model[1].partial_fit(Z, y, classes=[0, 1])
    assert (model.predict(X) == s.predict(X)).all()
    with pytest.raises(TypeError, match="needs partial_fit"):
        SearchCV(SVC(), {"C": "1..2"}, scheduler="asha", resource="epochs", max_resource=4, error_score="raise").fit(X, y)


def test_fidelity_in_the_space():
    s = SearchCV(RandomForestClassifier(random_state=0), "max_depth: int 1..5; n_estimators: fidelity 1..9", n_iter=6, cv=2, scheduler="asha", random_state=0)
    s.fit(X, y)
    pipe = Pipeline([("clf", SVC())])
    for resource in ("clf__n_estimators", "clf__nope"):
        with pytest.raises(ValueError, match="which has no n_estimators|no parameter|has no nope"):
            SearchSpace({"clf": [RandomForestClassifier(), SVC()]}, pipe, (resource, 1, 9))
    assert s.best_params_["n_estimators"] == 9 and s.cv_results_["resource"].min() == 1


# ---- objectives by hand, nested ---------------------------------------------------------------------------------


def test_cross_validate():
    study = hpo.create_study(direction="maximize", pruner="wilcoxon", sampler="random", seed=1)

    def objective(trial):
        model = DecisionTreeClassifier(max_depth=trial.suggest_int("depth", 1, 8), random_state=0)
        return cross_validate(trial, model, X, y, cv=8, scoring=["accuracy", "f1"], pick="accuracy")

    study.optimize(objective, n_trials=20)
    best = study.best_trial
    model = DecisionTreeClassifier(max_depth=best.params["depth"], random_state=0)
    assert abs(best.value - cross_val_score(model, X, y, cv=8).mean()) < 1e-12
    assert best.user_attrs["accuracy"] == best.value and len(best.intermediate_values) == 8
    assert any(t.state == hpo.TrialState.PRUNED for t in study.trials)


class Guess(ClassifierMixin, BaseEstimator):
    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.random.RandomState(self.seed).randint(0, 2, len(X))


def test_nested():
    noise, coin = np.random.RandomState(0).randn(90, 2), np.tile([0, 1], 45)
    search = SearchCV(Guess(), {"seed": "int 0..999"}, n_iter=40, cv=StratifiedKFold(4), random_state=0, sampler="random")
    r = nested_cross_validate(search, noise, coin, outer_cv=StratifiedKFold(3, shuffle=True, random_state=1), return_searches=True)
    assert len(r.inner) == len(r.params) == len(r.searches) == 3 and r.metric == "score"
    # the best of forty guesses looks good inside, and is a guess outside
    assert r.inner_mean > 0.6 and r.optimism > 0.05 and abs(r.mean - 0.5) < 0.15
    train, test = next(StratifiedKFold(3, shuffle=True, random_state=1).split(noise, coin))
    alone = clone(search).fit(noise[train], coin[train])
    assert r.scores["score"][0] == alone.score(noise[test], coin[test]) and r.inner[0] == alone.best_score_
    s = r.scores["score"]
    assert abs(r.std_err - np.sqrt((1 / 3 + 30 / 60) * s.var(ddof=1))) < 1e-12
    low, high = r.interval(0.9)
    assert abs((high - low) / 2 - stats.t.ppf(0.95, 2) * r.std_err) < 1e-12 and "honest" in repr(r)
    groups = np.repeat(np.arange(18), 5)
    grid = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5]}, cv=GroupKFold(3), scoring=["accuracy", "f1"], refit="f1")
    r = nested_cross_validate(grid, noise, coin, groups=groups, outer_cv=GroupKFold(3))
    assert set(r.scores) == {"accuracy", "f1"} and r.metric == "f1"
    with pytest.raises(ValueError, match="refit"):
        nested_cross_validate(clone(search).set_params(refit=False), noise, coin)


def test_regression_and_verbose(capsys):
    A, b = make_regression(60, 5, noise=5, random_state=0)
    s = SearchCV(Lasso(), {"alpha": "log 1e-3..10"}, n_iter=6, cv=3, scoring="neg_mean_squared_error", verbose=2, random_state=0).fit(A, b)
    out = capsys.readouterr().out
    assert "searching 1 parameters, 3 folds" in out and out.count("complete") == 6 and "(best)" in out
    assert s.best_score_ == s.cv_results_["mean_test_score"].max() < 0


def test_two_processes_share_a_study(tmp_path):
    path = str(tmp_path / "s.db")
    pid = os.fork()
    if pid == 0:
        try:
            SearchCV(Slow(0.005), {"var_smoothing": "log 1e-9..1"}, n_iter=20, cv=3, storage=path, random_state=0).fit(X, y)
            os._exit(0)
        except BaseException as e:
            print(e, flush=True)
            os._exit(1)
    s = SearchCV(Slow(0.005), {"var_smoothing": "log 1e-9..1"}, n_iter=20, cv=3, storage=path, random_state=0).fit(X, y)
    assert os.waitpid(pid, 0)[1] == 0
    again = SearchCV(Slow(0.005), {"var_smoothing": "log 1e-9..1"}, n_iter=20, cv=3, storage=path, random_state=0).fit(X, y)
    assert len(again.cv_results_["params"]) == 20 and len(s.cv_results_["params"]) >= 15
