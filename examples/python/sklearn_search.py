# SPDX-License-Identifier: Apache-2.0
"""Which classifier, and with which parameters?  One search over both: sub-parameters exist for their choice only."""

from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpo.sklearn import SearchCV

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)

pipeline = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
space = {
    "scale": [StandardScaler(), "passthrough"],
    "clf": [SVC(), RandomForestClassifier(n_estimators=10, random_state=0)],
    "clf__C": loguniform(1e-2, 1e3),
    "clf__gamma": "log 1e-5..1",
    "clf__max_features": randint(1, 10),
}
# "wilcoxon" stops a candidate whose first folds are worse than those of the best: its other folds are not fitted.
search = SearchCV(pipeline, space, n_iter=15, cv=5, scheduler="wilcoxon", random_state=0).fit(X, y)
print("best", search.best_params_, f"{search.best_score_:.3f}")
print("on data that the search has not seen", f"{search.score(X_test, y_test):.3f}")
print((search.cv_results_["state"] == "stopped").sum(), "of", len(search.cv_results_["state"]), "candidates were stopped early")
