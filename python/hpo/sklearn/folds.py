# SPDX-License-Identifier: Apache-2.0
"""One fit and its scores: the unit of work of a search.

`Task` is all that the candidates of a search have in common: the data, the splits, the estimator, the scorer.  It goes
to each worker once.  `Task.run(params, fold, ...)` fits one candidate on one split and scores it; it is a pure
function of its arguments, so it does not matter where it runs.

A resource makes fits longer or shorter:

    "parameter"   a parameter of the estimator, set to the resource; goes on from the last fit (warm_start) where that
                  gives what one long fit gives: added trees and boosting rounds
    "epochs"      calls of partial_fit with the whole training part; goes on from the last one
    "n_samples"   the first rows of a fixed order of the training part, in which every prefix has the classes in proportion
"""

import numbers
import time
from traceback import format_exc

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _num_samples

from .scoring import score_of


class Task:
    """The common part of all fits of a search."""

    def __init__(self, estimator, X, y, splits, scorer, fit_params, error_score="raise", return_train_score=False, resource=None):
        """resource: (name, kind) or None."""
        self.estimator, self.X, self.y, self.splits, self.scorer = estimator, X, y, splits, scorer
        self.fit_params, self.error_score, self.return_train_score = fit_params, error_score, return_train_score
        self.resource = resource
        self.keeps = resource is not None and resource[1] != "n_samples"
        self.classes = np.unique(y) if resource is not None and resource[1] == "epochs" and is_classifier(estimator) else None

    # ---- one fit ----

    def run(self, params, fold, amount=None, state=None, keep=False):
        """Fits on the training part of a split and scores on its test part.

        amount: of the resource; state: (amount, fitted estimator) to go on from; keep: return such a state.
        Returns a dict: test, train (scores by name, a number, or None: failed), fit_time, score_time, n_test, error,
        score_error (a traceback or None), state.
        """
        train, test = self.splits[fold]
        if amount is not None and self.resource[1] == "n_samples":
            train = train[self._order(train)[: int(amount)]]
        estimator = None
        begin = time.perf_counter()
        try:
            estimator = configured(self.estimator, params) if state is None else state[1]
            X_train, y_train = _safe_split(estimator, self.X, self.y, train)
            X_test, y_test = _safe_split(estimator, self.X, self.y, test, train)
            begin = time.perf_counter()
            self._fit(estimator, X_train, y_train, train, amount, 0 if state is None else state[0])
            fitted = time.perf_counter()
        except Exception:
            if self.error_score == "raise":
                raise
            took = time.perf_counter() - begin
            return _failed(format_exc(), took, len(test))
        scores, error = self._score(estimator, X_test, y_test)
        out = {"test": scores, "fit_time": fitted - begin, "score_time": time.perf_counter() - fitted}
        out["train"] = self._score(estimator, X_train, y_train)[0] if self.return_train_score else None
        out["n_test"], out["error"], out["score_error"] = len(test), None, error
        out["state"] = (amount, estimator) if keep and self.can_go_on(estimator) else None
        return out

    def fit_all(self, params, amount=None):
        """A new estimator with these parameters, fitted on all data."""
        if amount is not None and self.resource[1] == "n_samples":
            amount = None
        estimator = configured(self.estimator, params)
        self._fit(estimator, self.X, self.y, None, amount, 0)
        return estimator

    def _fit(self, estimator, X, y, rows, amount, done):
        given = self.fit_params if rows is None else rows_of(self.fit_params, rows, self.X)
        kind = self.resource[1] if self.resource is not None and amount is not None else None
        if kind == "epochs":
            self._epochs(estimator, X, y, given, int(amount) - int(done))
            return
        if kind == "parameter":
            estimator.set_params(**{self.resource[0]: int(amount)})
            if done:
                estimator.set_params(**{self._warm(): True})
        if y is None:
            estimator.fit(X, **given)
        else:
            estimator.fit(X, y, **given)

    # ---- resources ----

    def can_go_on(self, estimator):
        """Can this fitted estimator be trained further, with the result of one long training?"""
        if self.resource[1] == "epochs":
            return True
        owner, name = owner_of(estimator, self.resource[0])
        added = name == "n_estimators" or (name == "max_iter" and type(owner).__name__.startswith("HistGradientBoosting"))
        return added and "warm_start" in owner.get_params(deep=False)

    def _warm(self):
        path = self.resource[0].rpartition("__")
        return path[0] + path[1] + "warm_start"

    def _epochs(self, estimator, X, y, given, n):
        last, before = estimator, None
        if hasattr(estimator, "steps"):  # a pipeline: what stands before its last step is fitted once
            last, before = estimator.steps[-1][1], estimator[:-1]
        if not hasattr(last, "partial_fit"):
            raise TypeError(
                f"resource='epochs' needs partial_fit, which {type(last).__name__} has not: give the parameter that "
                "counts its rounds, e.g. resource='max_iter', or resource='n_samples'"
            )
        if before is not None and len(before.steps) > 0:
            if not hasattr(last, "n_features_in_"):
                before.fit(X, y)
            X = before.transform(X)
        if self.classes is not None:
            given = {"classes": self.classes, **given}
        if before is not None:
            prefix = estimator.steps[-1][0] + "__"
            given = {k[len(prefix) :] if k.startswith(prefix) else k: v for k, v in given.items()}
        for _ in range(n):
            if y is None:
                last.partial_fit(X, **given)
            else:
                last.partial_fit(X, y, **given)

    def _order(self, train):
        """A fixed order of the rows of a training part; with classes, each prefix has them in proportion."""
        rng = np.random.RandomState(len(train))
        order = rng.permutation(len(train))
        if self.y is None or not is_classifier(self.estimator) or getattr(self.y, "ndim", 1) != 1:
            return order
        _, label = np.unique(np.asarray(_safe_indexing(self.y, train))[order], return_inverse=True)
        place = np.empty(len(train))
        for k in range(label.max() + 1):
            mine = np.flatnonzero(label == k)
            place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
        return order[np.argsort(place, kind="stable")]

    # ---- scores ----

    def _score(self, estimator, X, y):
        try:
            return score_of(self.scorer, estimator, X, y), None
        except Exception:
            if self.error_score == "raise":
                raise
            return None, format_exc()


def _failed(text, took, n_test):
    out = {"test": None, "train": None, "fit_time": took, "score_time": 0.0, "n_test": n_test, "error": text}
    return {**out, "score_error": None, "state": None}


def rows_of(fit_params, rows, X):
    """Arguments of fit for some of the rows: those with one value a sample are cut like the data."""
    n, out = _num_samples(X), {}
    for name, value in fit_params.items():
        per_sample = hasattr(value, "__len__") and not isinstance(value, (str, dict)) and _num_samples(value) == n
        out[name] = _safe_indexing(value, rows) if per_sample else value
    return out


def configured(estimator, params):
    """A clone with these parameters; values that are estimators are cloned too."""
    return clone(estimator).set_params(**{name: clone(value, safe=False) for name, value in params.items()})


def owner_of(estimator, path):
    """(the nested estimator that has a parameter, the name there)."""
    up, _, name = path.rpartition("__")
    return (estimator.get_params(deep=True)[up] if up else estimator), name


def check_error_score(value):
    if value != "raise" and (isinstance(value, str) or not isinstance(value, numbers.Real)):
        raise ValueError(f"error_score is {value!r}: use 'raise' or a number (nan: the candidate counts as failed)")
