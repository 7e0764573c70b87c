# SPDX-License-Identifier: Apache-2.0
"""Pruners: they stop hopeless trials.  In the library they are called schedulers (docs/schedulers.md).

Classes with Optuna's names and keywords for those that the library has; Scheduler("name", option=value) for any.
An object with a method prune(study, trial) is asked in Python.
"""

from . import _core
from .exceptions import UnsupportedError
from .later import json
from .samplers import _spec


def _known():
    return [json.loads(text)["name"] for text in _core.registry(1)]


class BasePruner:
    """Base class: `spec` is the library's text, or override prune(study, trial)."""

    spec = "none"

    def prune(self, study, trial):
        """True when the trial is to end; `trial` is its FrozenTrial."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}({self.spec!r})"


class Scheduler(BasePruner):
    """Any scheduler of the library by name: Scheduler("asha", eta=3)."""

    def __init__(self, name, **options):
        if name not in _known():
            raise UnsupportedError(f"scheduler {name!r} is not in this build of the library: it has {', '.join(_known())}")
        self.name, self.options = name, options

    @property
    def spec(self):
        return _spec(self.name, self.options)

    def prune(self, study, trial):
        """The library decides when a trial reports; an object of its own answers no questions."""
        raise UnsupportedError(f"{self!r} works as the pruner of a study, create_study(pruner=...), and inside PatientPruner")


class NopPruner(Scheduler):
    """Stops nothing."""

    def __init__(self):
        super().__init__("none")


class PercentilePruner(Scheduler):
    """Stops a trial that is not among the best `percentile` per cent at the same step."""

    def __init__(self, percentile, n_startup_trials=5, n_warmup_steps=0, interval_steps=1, *, n_min_trials=1):
        super().__init__(
            "percentile", keep=percentile, others=max(n_startup_trials, n_min_trials), grace=n_warmup_steps
        )


class MedianPruner(PercentilePruner):
    """Stops a trial whose best value is worse than the median of the others at the same step: PercentilePruner(50).

    The library's own rule "median" compares with the others' averages up to the step: Scheduler("median").
    """

    def __init__(self, n_startup_trials=5, n_warmup_steps=0, interval_steps=1, *, n_min_trials=1):
        super().__init__(50, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials)


class ThresholdPruner(Scheduler):
    """Stops a trial whose value leaves [lower, upper]."""

    def __init__(self, lower=None, upper=None, n_warmup_steps=0, interval_steps=1):
        if lower is None and upper is None:
            raise TypeError("ThresholdPruner: give lower, upper or both")
        options = {"grace": n_warmup_steps}
        if lower is not None:
            options["lower"] = lower
        if upper is not None:
            options["upper"] = upper
        super().__init__("threshold", **options)


class PatientPruner(Scheduler):
    """Lets `wrapped_pruner` stop a trial only while its last patience + 1 values are worse than its best before by more
    than min_delta; without one, that alone stops it.

    The wrapped pruner sees every report, also while it must not stop the trial; one written in Python is asked only then.
    """

    def __init__(self, wrapped_pruner=None, patience=0, min_delta=0.0):
        if patience < 0 or min_delta < 0:
            raise ValueError(f"patience is {patience} and min_delta {min_delta}: must not be negative")
        super().__init__("patience", rule="worse", patience=patience, delta=min_delta, grace=0)
        self._wrapped, self._custom = spec_of(wrapped_pruner)

    @property
    def spec(self):
        if self._wrapped is None:
            return super().spec
        return f"{super().spec} and ({self._wrapped})"

    def prune(self, study, trial):
        """For a wrapped pruner that is written in Python."""
        from .study import StudyDirection

        if self._custom is None:
            return super().prune(study, trial)
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        values = [sign * v for _, v in sorted(trial.intermediate_values.items()) if v == v]
        last = len(values) - int(self.options["patience"]) - 1
        if last < 1 or not min(values[last:]) > min(values[:last]) + self.options["delta"]:
            return False
        return bool(self._custom.prune(study, trial))


class SuccessiveHalvingPruner(Scheduler):
    """Asynchronous successive halving (ASHA) that stops trials; its rungs need no known end.

    min_resource "auto": the minimum of the declared fidelity; without one a hundredth of the last step of the first
    complete trial, before which nothing is stopped.
    """

    def __init__(self, min_resource="auto", reduction_factor=4, min_early_stopping_rate=0, bootstrap_count=0):
        if bootstrap_count > 0 and min_resource == "auto":
            raise ValueError(f"bootstrap_count is {bootstrap_count} and min_resource 'auto': give min_resource a number")
        super().__init__(
            "asha-stopping",
            eta=reduction_factor,
            first="compete",
            skip=min_early_stopping_rate,
            bootstrap=bootstrap_count,
            **_at_least_one("min", "min_resource", min_resource),
        )


class HyperbandPruner(Scheduler):
    """Brackets of successive halving that stop trials: SuccessiveHalvingPruner, each trial in a bracket that is drawn.

    max_resource "auto": the maximum of the declared fidelity; without one the last step of the first complete trial,
    before which nothing is stopped.  Scheduler("hyperband") is the algorithm that pauses trials and resumes them.
    """

    def __init__(self, min_resource=1, max_resource="auto", reduction_factor=3, bootstrap_count=0):
        if bootstrap_count > 0 and max_resource == "auto":
            raise ValueError(f"bootstrap_count is {bootstrap_count} and max_resource 'auto': give max_resource a number")
        super().__init__(
            "asha-stopping",
            eta=reduction_factor,
            first="compete",
            brackets=0,
            draw=True,
            bootstrap=bootstrap_count,
            **_at_least_one("min", "min_resource", min_resource),
            **_at_least_one("max", "max_resource", max_resource),
        )


def _at_least_one(option, name, value):
    if value == "auto":
        return {}
    if isinstance(value, str) or not value >= 1:
        raise ValueError(f"{name} is {value!r}: must be a number of at least 1, or 'auto'")
    return {option: value}


class WilcoxonPruner(Scheduler):
    """Stops a trial that a paired test over folds or instances finds worse than the best."""

    def __init__(self, *, p_threshold=0.1, n_startup_steps=2):
        super().__init__("wilcoxon", p=p_threshold, first=max(1, n_startup_steps))


def spec_of(pruner):
    """(the library's text or None, the object to ask in Python or None)."""
    if pruner is None or isinstance(pruner, str):
        return pruner, None
    if isinstance(pruner, type):
        pruner = pruner()
    if isinstance(pruner, Scheduler):
        return (None, pruner) if getattr(pruner, "_custom", None) is not None else (pruner.spec, None)
    if callable(getattr(pruner, "prune", None)):
        return None, pruner
    raise UnsupportedError(f"{pruner!r} is no pruner: use hpo.pruners, or an object with prune(study, trial)")
