# SPDX-License-Identifier: Apache-2.0
"""What candidates gave, and cv_results_ made of it.

cv_results_ has the keys of GridSearchCV: mean_fit_time, std_fit_time, mean_score_time, std_score_time, param_NAME
(masked where a parameter does not exist), params, and for each metric M splitK_test_M, mean_test_M, std_test_M,
rank_test_M, with train scores the same.  And it has `trial` (number in the study), `state` (complete, stopped, failed),
and `resource` where there is one.  A candidate that was stopped after some folds has NaN in the others, and means over
what it has.

Ranks go first by how far a candidate got: one that a race or a small resource stopped early never ranks before one
that was evaluated in full, whatever its mean over fewer folds.
"""

import math
import warnings

import numpy as np
from numpy.ma import MaskedArray
from scipy.stats import rankdata
from sklearn.exceptions import FitFailedWarning

COMPLETE, STOPPED, FAILED = "complete", "stopped", "failed"


class Record:
    """What is known of a candidate."""

    def __init__(self, number, params, amount=None):
        self.number, self.params, self.amount = number, params, amount
        self.folds = []  # of the largest amount, in the order of the splits: dicts of Task.run without state
        self.spent = {}  # fold -> seconds of fits with smaller amounts
        self.state = STOPPED

    def begin(self, amount):
        """A larger amount: its folds replace those of the smaller one."""
        for fold, out in enumerate(self.folds):
            self.spent[fold] = self.spent.get(fold, 0.0) + out["fit_time"]
        self.folds, self.amount = [], amount

    def scores(self, metric):
        """The test scores of a metric by fold; None: its fit failed.  metric None: the only one."""
        return [_pick(out["test"], metric) for out in self.folds]

    def mean(self, metric, error_score):
        """The mean over the folds so far; NaN when one failed without a score for that."""
        values = [error_score if v is None else v for v in self.scores(metric)]
        return float(np.mean(values)) if values else math.nan

    # -- as a JSON attribute of the trial --

    def to_json(self):
        keep = ("test", "train", "fit_time", "score_time", "n_test", "error", "score_error")
        folds = [{k: _finite(out[k]) for k in keep} for out in self.folds]
        return {"amount": self.amount, "folds": folds, "spent": {str(k): v for k, v in self.spent.items()}}

    @classmethod
    def of_json(cls, number, params, doc):
        self = cls(number, params, doc["amount"])
        self.folds = [{k: _number(v) if k in ("test", "train") else v for k, v in out.items()} for out in doc["folds"]]
        self.spent = {int(k): v for k, v in doc["spent"].items()}
        return self


def _pick(scores, metric):
    """metric None: the only one, or the first."""
    if isinstance(scores, dict):
        return scores[metric] if metric is not None else next(iter(scores.values()))
    return scores


def _finite(value):
    """JSON has no NaN and no infinity: texts stand for them."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value):
    if isinstance(value, dict):
        return {k: _number(v) for k, v in value.items()}
    return float(value) if isinstance(value, str) else value


def metrics_of(records, named):
    """Names of the metrics, or None for a single one."""
    if named is not None:
        return named
    for record in records:
        for out in record.folds:
            if out["test"] is not None:
                return list(out["test"]) if isinstance(out["test"], dict) else None
    return None


def format_results(records, n_splits, metrics, error_score, train_scores, with_resource):
    """cv_results_: a dict of arrays with one entry a record."""
    n = len(records)
    results = {}
    times = {"fit_time": np.full((n, n_splits), np.nan), "score_time": np.full((n, n_splits), np.nan)}
    for i, record in enumerate(records):
        for fold, out in enumerate(record.folds):
            times["fit_time"][i, fold] = out["fit_time"] + record.spent.get(fold, 0.0)
            times["score_time"][i, fold] = out["score_time"]
    counts = [len(r.folds) for r in records]
    for key, table in times.items():
        _means(results, key, table, counts)
    _params(results, records)
    results["trial"] = np.array([r.number for r in records], dtype=int)
    results["state"] = np.array([r.state for r in records], dtype=object)
    if with_resource:
        results["resource"] = np.array([0 if r.amount is None else r.amount for r in records])
    reached = np.array([_reached(r) for r in records]).reshape(n, 3)
    for metric in [None] if metrics is None else metrics:
        name = "score" if metric is None else metric
        table = _table(records, n_splits, "test", metric, error_score)
        _splits(results, f"test_{name}", table)
        means = _means(results, f"test_{name}", table, counts)
        if not np.all(np.isfinite(means)):
            warnings.warn(f"one or more of the mean test scores of {name!r} are not finite: {means}", UserWarning)
        results[f"rank_test_{name}"] = _ranks(means, reached)
        if train_scores:
            table = _table(records, n_splits, "train", metric, error_score)
            _splits(results, f"train_{name}", table)
            _means(results, f"train_{name}", table, counts)
    return results


def _reached(record):
    """How far a candidate got; larger tuples rank first."""
    if record.state == COMPLETE:
        return (True, 0, 0)
    return (False, record.amount or 0, len(record.folds))


def _table(records, n_splits, which, metric, error_score):
    error_score = math.nan if error_score == "raise" else error_score
    table = np.full((len(records), n_splits), np.nan)
    for i, record in enumerate(records):
        for fold, out in enumerate(record.folds):
            value = _pick(out[which], metric)
            table[i, fold] = error_score if value is None else value
    return table


def _splits(results, key, table):
    for fold in range(table.shape[1]):
        results[f"split{fold}_{key}"] = table[:, fold].copy()


def _means(results, key, table, counts):
    """Over the folds that ran: a stopped candidate has fewer."""
    means, stds = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for i, (row, ran) in enumerate(zip(table, counts)):
        if ran:
            means[i], stds[i] = np.mean(row[:ran]), np.std(row[:ran])
    results[f"mean_{key}"], results[f"std_{key}"] = means, stds
    return means


def _params(results, records):
    names = dict.fromkeys(name for r in records for name in r.params)
    for name in names:
        column = MaskedArray(np.empty(len(records)), mask=True, dtype=object)
        for i, r in enumerate(records):
            if name in r.params:
                column[i] = r.params[name]
        results[f"param_{name}"] = column
    results["params"] = [r.params for r in records]


def _ranks(means, reached):
    """1 is best, equal ones share the best rank; failed ones rank last, together."""
    bad = np.isnan(means)
    keys = np.lexsort((means, reached[:, 2], reached[:, 1], reached[:, 0], ~bad)) if len(means) else np.empty(0, int)
    level, levels, before = 0, np.empty(len(means)), None
    for i in keys:
        now = (False,) if bad[i] else (True, *reached[i], means[i])
        level += before is not None and now != before
        levels[i], before = level, now
    return rankdata(-levels, method="min").astype(np.int32)


def warn_of_failures(records, error_score):
    """As scikit-learn does: ValueError when every fit failed, a warning when some did, or could not be scored."""
    outs = [out for r in records for out in r.folds]
    for key, what in (("error", "fits"), ("score_error", "scores")):
        texts = [out[key].strip() for out in outs if out[key] is not None]
        if not texts:
            continue
        hint = f"error_score='raise' shows where. The last one:\n{texts[-1]}"
        if key == "error" and len(texts) == len(outs):
            raise ValueError(f"all the {len(texts)} fits failed: the model or its space is misconfigured. {hint}")
        text = f"{len(texts)} {what} failed out of a total of {len(outs)} and count as {error_score}. {hint}"
        warnings.warn(text, FitFailedWarning if key == "error" else UserWarning)
