# SPDX-License-Identifier: Apache-2.0
"""Successive halving over boosting rounds: many candidates get a few trees, the good ones go on to all of them."""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier

from hpo.sklearn import SearchCV

X, y = load_breast_cancer(return_X_y=True)
search = SearchCV(
    GradientBoostingClassifier(n_estimators=54, subsample=0.5, random_state=0),
    {"learning_rate": "log 1e-3..1", "max_depth": "int 1..4", "max_features": "0.1..1"},
    n_iter=15,
    cv=3,
    scheduler="asha",
    resource="n_estimators",  # from 1 to the estimator's own 54; trees are added, not grown anew
    min_resource=6,
    random_state=0,
).fit(X, y)
for params, trees, score in zip(*(search.cv_results_[k] for k in ("params", "resource", "mean_test_score"))):
    print(f"{trees:3} trees  {score:.3f}  rate {params['learning_rate']:.4f}, depth {params['max_depth']}")
print("best", search.best_params_, f"{search.best_score_:.3f}")
