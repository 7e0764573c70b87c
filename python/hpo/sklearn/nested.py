# SPDX-License-Identifier: Apache-2.0
"""Cross-validation by hand inside an objective, and nested cross-validation around a search.

The best score of a search is the largest of many noisy means over the same folds, so it promises too much (Cawley and
Talbot, JMLR 11, 2010).  Nested cross-validation repeats the whole search on the training part of each outer fold and
scores what comes out on data that the search has not seen (Varma and Simon, BMC Bioinformatics 7:91, 2006).

With K outer folds, scores s_k with mean m and variance v (K - 1 in the denominator), n_test and n_train rows, the
standard error of m is sqrt((1 / K + n_test / n_train) v): training sets overlap, and v / K alone is too small (Nadeau
and Bengio, Machine Learning 52, 2003).  The interval is Student's with K - 1 degrees of freedom.
"""

import math

import numpy as np
from scipy.stats import t as student
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metaestimators import _safe_split

from ..exceptions import TrialPruned
from .folds import Task, rows_of
from .scoring import score_of, scorer_of


def cross_validate(trial, estimator, X, y=None, *, groups=None, cv=None, scoring=None, fit_params=None, pick=None):
    """The mean score of an estimator, for the objective of a study that is maximised.

    Reports each fold to the trial, so that a pruner such as "wilcoxon" or "median" may stop it: then TrialPruned is
    raised.  With several metrics `pick` names the one that counts; the means of all become user attributes.
    """
    scorer, named = scorer_of(estimator, scoring)
    X, y, groups = indexable(X, y, groups)
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    splits = list(splitter.split(X, y, groups))
    if named is not None and pick not in named:
        raise ValueError(f"pick is {pick!r}: name one of {', '.join(named)}")
    task = Task(estimator, X, y, splits, scorer, fit_params or {})
    outs = []
    for fold in range(len(splits)):
        outs.append(task.run({}, fold)["test"])
        trial.report(outs[-1] if named is None else outs[-1][pick], fold + 1, fold=fold)
        if fold + 1 < len(splits) and trial.should_prune():
            raise TrialPruned(f"after {fold + 1} of {len(splits)} folds")
    if named is None:
        return float(np.mean(outs))
    for name in named:
        trial.set_user_attr(name, float(np.mean([out[name] for out in outs])))
    return float(np.mean([out[pick] for out in outs]))


class NestedResult:
    """What nested_cross_validate returns.

    scores     outer scores by metric: {metric: array}, one entry a fold; "score" when there is one metric
    inner      the search's own best score in each fold (of the metric of refit)
    params     the best parameters in each fold
    searches   the fitted searches (return_searches)
    metric     the metric that the properties below are about
    """

    def __init__(self, scores, inner, params, sizes, metric, searches):
        self.scores, self.inner, self.params, self.sizes = scores, inner, params, sizes
        self.metric, self.searches = metric, searches

    @property
    def mean(self):
        """The honest estimate: the mean outer score."""
        return float(np.mean(self.scores[self.metric]))

    @property
    def inner_mean(self):
        """What the searches promised."""
        return float(np.mean(self.inner))

    @property
    def optimism(self):
        """inner_mean - mean: how much too good the best score of a search looks here."""
        return self.inner_mean - self.mean

    @property
    def std_err(self):
        """Standard error of `mean`, corrected for overlapping training sets; NaN with one fold."""
        s = self.scores[self.metric]
        if len(s) < 2:
            return math.nan
        ratio = np.mean([test / train for train, test in self.sizes])
        return float(math.sqrt((1 / len(s) + ratio) * np.var(s, ddof=1)))

    def interval(self, level=0.9):
        """(low, high) around `mean`."""
        half = student.ppf((1 + level) / 2, len(self.scores[self.metric]) - 1) * self.std_err
        return self.mean - half, self.mean + half

    def __repr__(self):
        lines = [f"outer {self.metric}  {self.mean:.4f} +- {self.std_err:.4f}   (honest)"]
        lines.append(f"inner {self.metric}  {self.inner_mean:.4f}   (what the searches promised: {self.optimism:+.4f})")
        for k, (s, i, p) in enumerate(zip(self.scores[self.metric], self.inner, self.params)):
            lines.append(f"  fold {k}: outer {s:.4f}, inner {i:.4f}, {p}")
        return "\n".join(lines)


def nested_cross_validate(search, X, y=None, *, groups=None, outer_cv=5, fit_params=None, return_searches=False):
    """Runs a search (SearchCV, or any other of scikit-learn with refit) on the training part of each outer fold.

    groups go to the outer splitter, and their training part to the search's own.  The outer scores are by the metrics of
    the search.  Studies in a file get one name a fold.  Returns a NestedResult.
    """
    if not search.refit:
        raise ValueError("refit is False: the outer folds need the best estimator of each search")
    X, y, groups = indexable(X, y, groups)
    estimator = search.estimator
    splitter = check_cv(outer_cv, y, classifier=is_classifier(estimator))
    scorer, named = scorer_of(estimator, search.scoring)
    scores, inner, params, sizes, searches = {}, [], [], [], []
    for k, (train, test) in enumerate(splitter.split(X, y, groups)):
        one = clone(search)
        if getattr(one, "storage", None) is not None:
            one.set_params(study_name=f"{one.study_name or 'search'}-outer-{k}")
        given = rows_of(fit_params or {}, train, X)
        if groups is not None:
            given["groups"] = _safe_indexing(groups, train)
        one.fit(*_safe_split(estimator, X, y, train), **given)
        out = score_of(scorer, one.best_estimator_, *_safe_split(estimator, X, y, test, train))
        for name, value in (out if isinstance(out, dict) else {"score": out}).items():
            scores.setdefault(name, []).append(value)
        inner.append(_inner(one, named or (list(out) if isinstance(out, dict) else None)))
        params.append(one.best_params_)
        sizes.append((len(train), len(test)))
        if return_searches:
            searches.append(one)
    metric = "score" if "score" in scores and len(scores) == 1 else search.refit if isinstance(search.refit, str) else next(iter(scores))
    return NestedResult({n: np.array(v) for n, v in scores.items()}, np.array(inner), params, sizes, metric, searches)


def _inner(search, metrics):
    if hasattr(search, "best_score_"):
        return float(search.best_score_)
    name = "score" if metrics is None else metrics[0]  # a callable refit chose
    return float(search.cv_results_[f"mean_test_{name}"][search.best_index_])
