# SPDX-License-Identifier: Apache-2.0
"""Trials that are given: enqueued ones, repeats, and those made elsewhere."""

import math

from ..distributions import label
from ..exceptions import OutdatedError
from ..later import json
from ..learn import to_core
from ..trial import CONSTRAINT, FIXED, SYSTEM, TO_CORE, UNASKED, TrialState
from .optimizing import Optimizing
from .values import fits, is_json, json_value


class Queue(Optimizing):
    """The part of Study that takes trials."""

    def enqueue_trial(self, params, user_attrs=None, skip_if_exists=False):
        """Puts a configuration (or part of one) in front of the queue; the number of its trial."""
        if not isinstance(params, dict):
            raise TypeError("params must be a dict of name -> value")
        if skip_if_exists and self._has(params):
            return None
        attrs = dict(user_attrs or {})
        self._summary()
        layout = self._layout
        if self._open:
            attrs[FIXED] = {k: v if is_json(v) else label(v) for k, v in params.items()}
            params = {k: v for k, v in params.items() if k in layout.at and fits(layout, k, v)}
        encoded = {to_core(k): json_value(layout, k, v) for k, v in params.items()}
        return self._do("enqueue", json.dumps(encoded), json.dumps(attrs) if attrs else None)

    def _has(self, params):
        for trial in self.get_trials(states=(TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED)):
            known = trial.params
            if all(k in known and (known[k] == v or (known[k] != known[k] and v != v)) for k, v in params.items()):
                return True
        return False

    def requeue(self, number):
        """Returns a failed, stopped or running trial to the queue."""
        self._do("requeue", number)

    def repeat(self, number):
        """Enqueues the configuration of a trial once more; the number of the repeat."""
        return self._do("repeat", number)

    def add_trial(self, trial):
        """Adds a trial that was made elsewhere (see create_trial); its number."""
        if trial.state == TrialState.WAITING:
            return self.enqueue_trial(trial.params, user_attrs=trial.user_attrs)
        if not trial.state.is_finished():
            raise ValueError(f"a {trial.state.name} trial cannot be added: only finished and waiting ones")
        for name in trial.params:
            if name not in trial.distributions:
                raise ValueError(f"{name} has a value and no distribution: give both")
        if trial.values is not None and len(trial.values) != len(self._directions):
            raise ValueError(f"the trial has {len(trial.values)} values, the study {len(self._directions)} objective(s)")
        attrs = dict(trial.user_attrs)
        attrs.update({SYSTEM + "system:" + k: v for k, v in trial.system_attrs.items() if is_json(v)})
        outcomes = None
        if self._outcomes:
            outcomes = [trial.constraints.get(name, math.nan) for name in self._outcomes]
        attrs.update({CONSTRAINT + k: v for k, v in trial.constraints.items() if k not in self._outcomes})
        complete = trial.state == TrialState.COMPLETE
        trace = {name: (trial.distributions[name], value) for name, value in trial.params.items()}
        with self._lock:
            number = len(self)
            if not self._open:
                layout = self._layout
                row = self._h.columns(json.dumps({to_core(k): json_value(layout, k, v) for k, v in trial.params.items()}))
            reports = [
                (float(step), value)
                for step, value in sorted(trial.intermediate_values.items(), key=lambda kv: str(kv[0]))
                if not isinstance(step, tuple)
            ]
            reports.sort(key=lambda r: r[0])
            while True:
                handle = self._h
                if self._open:
                    handle, x, _ = self._make_room(trace, complete, number, None, None)
                    row = handle.settle(number, x)
                    hidden = [name for name, i in self._layout.at.items() if row[i] == row[i] and x[i] != x[i]]
                    attrs.pop(UNASKED, None)
                    if hidden:
                        attrs[UNASKED] = hidden
                try:
                    return handle.add(
                        row,
                        TO_CORE[trial.state],
                        trial.values if trial.state != TrialState.FAIL else None,
                        outcomes,
                        trial.std_errs,
                        _ms(trial.datetime_start),
                        _ms(trial.datetime_complete),
                        reports,
                        json.dumps(attrs) if attrs else None,
                        trial.reason,
                        trial.cost if trial.cost == trial.cost else 0.0,
                    )
                except OutdatedError:
                    self._reopen()

    def add_trials(self, trials):
        """add_trial for each of them."""
        for trial in trials:
            self.add_trial(trial)


def _ms(moment):
    return 0 if moment is None else int(moment.timestamp() * 1000)
