# SPDX-License-Identifier: Apache-2.0
"""Handing out trials, and the values of parameters that the library's handle does not know as the trial asks for them."""

import time

from .. import _core, logging
from ..distributions import CategoricalDistribution, IntDistribution, check_distribution_compatibility
from ..exceptions import HpoError, InvalidError, OutdatedError, StudyExhausted
from ..later import json, threading, weakref
from ..trial import FIXED, Trial
from .sampling import Sampling
from .values import fixed_value, single_value


class Asking(Sampling):
    """The part of Study that hands out trials."""

    def ask(self, fixed_distributions=None):
        """Hands out the next trial.  StudyExhausted: the study is over, or waits for others.

        fixed_distributions: {name: distribution} to be suggested at once, for `trial.params`.
        """
        while True:
            got = self._ask_once()
            if isinstance(got, Trial):
                break
            if got == _core.DONE:
                raise StudyExhausted(f"study '{self._name}' is {self.status}: no further trial")
            if not self._wait_for_others():
                raise StudyExhausted(f"study '{self._name}': nothing to hand out until a running trial has ended")
            time.sleep(0.01)
        for name, distribution in (fixed_distributions or {}).items():
            _suggest(got, name, distribution)
        return got

    def _wait_for_others(self):
        return False

    def _ask_once(self):
        """A Trial, or the core's DONE or WAIT."""
        if self._generation != self._storage._generation or self._storage.shared:
            got = self._do("ask", self, Trial, self._queue_only)
        else:
            try:
                got = self._h.ask(self, Trial, self._queue_only)
            except OutdatedError:  # another thread has just let the space grow
                got = self._do("ask", self, Trial, self._queue_only)
        if type(got) is Trial:
            self._live[got.number] = got
            if self._storage.shared:
                self._keep(got)
            if self._own_sampler is not None:
                self._begin_sampling(got)
        return got

    def _keep(self, trial):
        """Renews the lease of a trial while it lives in this process."""
        if self._keeper is None:
            self._keeper = Keeper(self)
        self._keeper.trials.add(trial)

    # ---- what a trial asks for ----

    def _fixed_of(self, trial):
        """Values given by enqueue_trial."""
        if not self._open or trial._draw >= 0:
            return {}
        if "_fixed" not in trial.__dict__:
            attrs = json.loads(self._row(trial.number)[7] or "{}")
            trial.__dict__["_fixed"] = attrs.get(FIXED, {})
        return trial.__dict__["_fixed"]

    def _first_sight(self, trial, name, distribution, given):
        """The value of a parameter that is not as the handle of the trial knows it."""
        layout = self._layout_of(trial._h)
        i = layout.at.get(name)
        if not self._open:
            return self._declared(trial, layout, name, i, distribution)
        fixed = self._fixed_of(trial)
        if name in fixed:
            value = fixed_value(distribution, fixed[name])
            if value is not None:
                return value[0]
            logging.warning(
                f"{name} was enqueued as {fixed[name]!r} for trial {trial.number}, outside of {distribution!r}: ignored"
            )
        known = layout.distribution(name) if i is not None else None
        if known is not None and not layout.is_const(name):
            check_distribution_compatibility(known, distribution)
        if distribution.single():
            return single_value(distribution)
        if self._own_sampler is not None:
            return self._chosen(trial, name, distribution)
        return self._proposed(trial, name, distribution, given)

    def _declared(self, trial, layout, name, i, distribution):
        if i is None:
            raise InvalidError(
                f"{name} is not in the declared space ({', '.join(layout.at)}): declare it, or create the study "
                "without a space"
            )
        v = trial._x[layout.columns[i][2]]
        if v != v:
            raise InvalidError(f"{name} is inactive in trial {trial.number}: it exists if {layout.condition(name)}")
        value = layout.value(i, trial._x)
        if not distribution.contains(value):
            raise InvalidError(f"{name} is {value!r} in the declared space, outside of {distribution!r}: make them agree")
        return value


class Keeper:
    """Renews leases of trials in this process, so that nobody else takes them for lost."""

    def __init__(self, study):
        self.trials = weakref.WeakSet()
        self.study = weakref.ref(study)
        self.every = max(0.5, study._lease / 4)
        threading.Thread(target=self.run, daemon=True, name="hpo-keeper").start()

    def run(self):
        while True:
            time.sleep(self.every)
            study = self.study()
            if study is None or study._keeper is not self:
                return
            for trial in list(self.trials):
                with study._lock:
                    if not trial._live:
                        self.trials.discard(trial)
                        continue
                    try:
                        trial._renew()
                    except HpoError:
                        self.trials.discard(trial)  # lost, or the file is gone: the tell will say so
            del study


def _suggest(trial, name, distribution):
    """suggest_* for a distribution, by the quick way."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
