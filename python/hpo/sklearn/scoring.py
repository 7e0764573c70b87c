# SPDX-License-Identifier: Apache-2.0
"""Scorers of one metric, of several, and callables that decide themselves."""

import inspect
import numbers

from sklearn.metrics import check_scoring, get_scorer


def scorer_of(estimator, scoring):
    """(scorer, names of the metrics or None): `scoring` as GridSearchCV takes it.

    The scorer is callable(estimator, X, y) for one metric or a callable of the user's, else a dict of them.  A
    user's callable may return a dict: its metrics are known when it was called.
    """
    if callable(scoring):
        return scoring, None
    if scoring is None or isinstance(scoring, str):
        return check_scoring(estimator, scoring=scoring), None
    if isinstance(scoring, dict):
        several = {name: check_scoring(estimator, scoring=one) for name, one in scoring.items()}
    elif isinstance(scoring, (list, tuple, set)):
        bad = [one for one in scoring if not isinstance(one, str)]
        if bad or len(set(scoring)) != len(scoring):
            raise ValueError(f"scoring is {scoring!r}: a list holds different names of metrics; give functions in a dict")
        several = {name: get_scorer(name) for name in scoring}
    else:
        raise ValueError(f"scoring is {scoring!r}: use a name, a callable, a list of names or a dict")
    if not several:
        raise ValueError("scoring is empty: give at least one metric")
    return several, list(several)


def _together(scorers):
    """One callable for several scorers that predicts once, where this version of scikit-learn has it."""
    try:
        from sklearn.metrics._scorer import _MultimetricScorer as many
    except ImportError:
        return None
    if any(p.kind == inspect.Parameter.VAR_KEYWORD for p in inspect.signature(many).parameters.values()):
        return many(**scorers)
    return many(scorers=scorers)


def score_of(scorer, estimator, X, y):
    """A float, or {metric: float}."""
    args = (estimator, X) if y is None else (estimator, X, y)
    if isinstance(scorer, dict):
        many = _together(scorer)
        out = many(*args) if many is not None else {name: one(*args) for name, one in scorer.items()}
    else:
        out = scorer(*args)
    if isinstance(out, dict):
        return {name: _number(v, name) for name, v in out.items()}
    return _number(out, "score")


def _number(value, name):
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, numbers.Number):
        raise ValueError(f"the scorer returned {value!r} ({type(value).__name__}) for {name!r}: a number is needed")
    return float(value)
