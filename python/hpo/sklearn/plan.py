# SPDX-License-Identifier: Apache-2.0
"""How far candidates run and when a scheduler judges them: the range of the resource, its steps, the lag."""

import json
import math
import numbers

import numpy as np
from sklearn.base import is_classifier

from .. import _core, pruners, samplers

SMALLEST = 81  # the least n_samples is this part of all, and never fewer than two of each class and fold


def scheduler_of(scheduler):
    """(name, {option: text}, capabilities) of a scheduler of the library; (None, {}, []) for one in Python, or none."""
    text, _ = pruners.spec_of(scheduler)
    if text is None:
        return None, {}, []
    name, _, options = text.replace(",", ":", 1).partition(":") if ":" not in text else text.partition(":")
    known = {d["name"]: d["capabilities"] for d in map(json.loads, _core.registry(1))}
    return name, dict(o.split("=", 1) for o in options.split(",") if "=" in o), known.get(name, [])


def check_scheduler(scheduler, resource):
    """ValueError where scheduler and resource do not go together."""
    name, _, can = scheduler_of(scheduler)
    if "clones" in can:
        raise ValueError(f"scheduler {name!r} changes parameters during training: use it with a training loop, not with SearchCV")
    if "needs-fidelity" in can and resource is None:
        raise ValueError(f"scheduler {name!r} needs a resource: resource='n_samples', 'epochs', or a parameter such as 'n_estimators'")
    if resource is not None and scheduler is None:
        raise ValueError(f"the resource {resource!r} needs a scheduler: scheduler='asha', 'hyperband' or 'median'")


def resource_range(name, low, high, estimator, y, splits):
    """(name, low, high) of a resource, "auto" filled in; None: there is none."""
    if name is None:
        return None
    if name == "n_samples":
        most = min(len(train) for train, _ in splits)
        high = most if high == "auto" else high
        if low == "auto":
            n_classes = len(np.unique(y)) if y is not None and is_classifier(estimator) else 1
            low = min(max(2 * len(splits) * n_classes, math.ceil(high / SMALLEST)), high)
        if high > most:
            raise ValueError(f"max_resource is {high}: the smallest training part has {most} samples")
    elif high == "auto":
        high = {} if name == "epochs" else estimator.get_params(deep=True).get(name)
        if not isinstance(high, numbers.Integral) or high < 2:
            raise ValueError(f"max_resource is 'auto' and {name} has no whole number as its value: give max_resource")
    low = 1 if low == "auto" else low
    for what, value in (("min_resource", low), ("max_resource", high)):
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"{what} is {value!r}: a whole number from 1 is needed")
    if low >= high:
        raise ValueError(f"min_resource {low} is not below max_resource {high}: there is nothing to save")
    return name, int(low), int(high)


def ladder(scheduler, resource):
    """f(amount) -> the amounts up to it at which a scheduler that stops for good judges; None: it pauses instead."""
    if resource is None or scheduler is None:
        return None
    _, options, can = scheduler_of(scheduler)
    if "pauses" in can and options.get("type") != "stopping":
        return None
    name, low, _ = resource
    if name == "epochs":
        return lambda amount: list(range(low, int(amount) + 1))
    eta = float(options.get("eta", 3 if "pauses" in can else 2))
    low = max(low, int(float(options.get("min", 0))))

    def rungs(amount):
        out, r = [], float(low)
        while r * math.sqrt(eta) < amount:
            out.append(round(r))
            r *= eta
        return [*dict.fromkeys(out), int(amount)]

    return rungs


def lag_of(sampler, waits, n_jobs):
    """How many candidates are in work together when the user has not said: 1 where results are waited for."""
    spec = samplers.spec_of(sampler) or "auto"
    known = samplers._registry().get(spec.split(":")[0])
    learns = known is None or "history" in known["capabilities"]
    return 1 if learns or waits else 2 * n_jobs


def speaker(verbose, objective, error_score):
    """f(record) that prints: a line for each new best, or (verbose 2) for each candidate."""
    best = -math.inf

    def say(record):
        nonlocal best
        mean = record.mean(objective, error_score)
        better = record.state == "complete" and mean > best
        best = mean if better else best
        if verbose >= 2 or better:
            seconds = sum(out["fit_time"] + out["score_time"] for out in record.folds)
            amount = f" at {record.amount:g}" if record.amount is not None else ""
            params = ", ".join(f"{k}={v}" for k, v in record.params.items())
            print(f"[{record.number}] {record.state}{amount} {mean:.6g}{' (best)' if better else ''} {seconds:.1f}s: {params}", flush=True)
        if verbose >= 3:
            print(f"    {', '.join(str(v) for v in record.scores(objective))}", flush=True)

    return say if verbose else None
