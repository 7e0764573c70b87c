# SPDX-License-Identifier: Apache-2.0
"""hpo.sklearn: search estimators of scikit-learn on libhpo.

    from hpo.sklearn import SearchCV

    search = SearchCV(SVC(), {"C": "log 1e-3..1e3", "gamma": "log 1e-4..1"}, n_iter=40, random_state=0).fit(X, y)
    search.best_params_, search.best_score_, search.predict(X_new)

docs/sklearn.md has the rest.
"""

from .nested import NestedResult, cross_validate, nested_cross_validate
from .search import SearchCV

__all__ = ["NestedResult", "SearchCV", "cross_validate", "nested_cross_validate"]
