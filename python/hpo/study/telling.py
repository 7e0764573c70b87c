# SPDX-License-Identifier: Apache-2.0
"""How trials end."""

import math

from .. import logging
from ..exceptions import OutdatedError, TrialPruned, UpdateFinishedTrialError
from ..trial import CORE_STATE, TO_CORE, FrozenTrial, Trial, TrialState
from .growth import Growth

COMPLETE, STOPPED, FAILED, PAUSED, WAITING = (
    CORE_STATE[w] for w in ("complete", "stopped", "failed", "paused", "waiting")
)


class Telling(Growth):
    """The part of Study that ends trials."""

    def tell(self, trial, values=None, state=None, skip_if_finished=False, *, sem=None, cost=0.0, reason=None):
        """Ends a trial (a Trial of ask, or its number) and returns its FrozenTrial.

        values: a number, or one for each objective.  state: COMPLETE (values needed), PRUNED (the last report counts
        unless values are given), FAIL, or WAITING to give it back.  Without both the trial has failed.
        sem: standard errors of the values.  cost: what it has cost, in any unit.
        """
        if state is None and type(values) is float and values == values and type(trial) is Trial and trial._live:
            if len(self._directions) == 1:  # the common case
                self._end(trial, COMPLETE, values, reason, sem, cost)
                return FrozenTrial._later(trial.number, self)
        trial = self._held(trial, skip_if_finished)
        if isinstance(trial, FrozenTrial):
            return trial
        if state is None:
            values, reason = self._check_values(values)
            state = TrialState.FAIL if values is None else TrialState.COMPLETE
            if reason and self._catch == ():
                logging.warning(f"trial {trial.number} failed: {reason}")
        elif state not in TO_CORE:
            raise ValueError(f"state is {state!r}: use COMPLETE, PRUNED, FAIL or WAITING")
        elif state == TrialState.COMPLETE:
            values, why = self._check_values(values)
            if values is None:
                raise ValueError(f"a trial cannot be COMPLETE: {why}")
        elif values is not None and state != TrialState.PRUNED:
            raise ValueError(f"values were given with state {state!r}: leave them out")
        elif values is not None:
            values, why = self._check_values(values)
            if values is None:
                raise ValueError(f"the values of the pruned trial cannot be kept: {why}")
        self._end(trial, TO_CORE[state], values, reason, sem, cost)
        return FrozenTrial._later(trial.number, self)

    def _held(self, trial, skip):
        number = trial.number if isinstance(trial, Trial) else trial
        if not isinstance(number, int):
            raise TypeError(f"{trial!r} is neither a Trial nor its number")
        if not isinstance(trial, Trial):
            trial = self._live.get(number)
        if trial is not None and trial._live:
            return trial
        if number < 0 or number >= len(self):
            raise ValueError(f"study '{self._name}' has no trial {number}")
        frozen = self._frozen(number)
        if frozen.state.is_finished():
            if skip:
                return frozen
            raise UpdateFinishedTrialError(f"trial {number} has ended as {frozen.state.name}: it is told once")
        if frozen.state == TrialState.RUNNING:
            trial = self._do("attach", self, Trial, number, self._row(number)[18])
            return trial
        raise ValueError(f"trial {number} is {frozen.state.name}: ask for it first")

    def _check_values(self, values):
        """(list of floats, None), or (None, why not)."""
        n = len(self._directions)
        if values is None:
            return None, "no value was returned"
        try:
            out = [float(values)]
        except (TypeError, ValueError):
            try:
                out = [float(v) for v in values]
            except (TypeError, ValueError):
                return None, f"the value {values!r} is no number"
        if len(out) != n:
            return None, f"{len(out)} values were returned, the study has {n} objective(s)"
        if any(v != v for v in out):
            return None, f"the value {values!r} is not acceptable: NaN"
        return out, None

    def _end(self, trial, state, values=None, reason=None, sem=None, cost=0.0):
        """The one way in which a trial ends."""
        if state == COMPLETE and self._constraints_func is not None:
            self._measure(trial, values)
        if self._own_sampler is not None:
            try:
                self._after_sampling(trial, state, values)
            finally:
                self._record(trial, state, values, reason, sem, cost)
        else:
            self._record(trial, state, values, reason, sem, cost)

    def _record(self, trial, state, values, reason, sem, cost):
        odd = self._open and not trial._plain and state != WAITING
        measured = trial.__dict__.get("_constraints", {})
        outcomes = [measured.get(name, math.nan) for name in self._outcomes] if self._outcomes else None
        while True:
            try:
                if odd or self._storage.shared:
                    with self._lock:  # not while its keeper renews it, or another trial lets the space grow
                        if odd:
                            self._settle(trial, state == COMPLETE)
                        trial._tell(state, values, reason, outcomes, sem, cost)
                else:
                    trial._tell(state, values, reason, outcomes, sem, cost)
                break
            except OutdatedError:  # the space has grown since, without a parameter that this trial has
                with self._lock:
                    self._reopen()
                odd = True
        self._live.pop(trial.number, None)

    def _measure(self, trial, values):
        frozen = FrozenTrial(
            trial.number, TrialState.COMPLETE, values=values, params=trial.params, user_attrs=self._frozen(trial.number).user_attrs
        )
        for i, v in enumerate(self._constraints_func(frozen)):
            trial.set_constraint(f"c{i}", v)

    def _finish(self, trial, result, error):
        """After the objective: ends the trial by what it returned or raised."""
        if error is None:
            if not trial._live:
                return  # told inside the objective
            values, why = self._check_values(result)
            if values is not None and trial._decision == 1:
                self._end(trial, PAUSED)  # the scheduler goes on with it later
                return
            if values is not None:
                self._end(trial, COMPLETE, values)
                logging._level <= logging.INFO and self._say(trial.number, values)
                return
            logging.warning(f"trial {trial.number} failed: {why}")
            self._end(trial, FAILED, None, why)
            return
        if isinstance(error, TrialPruned):
            if trial._live:
                self._end(trial, PAUSED if trial._decision == 1 else STOPPED)
            logging.info(f"trial {trial.number} pruned. {error}")
            return
        if trial._live:
            if isinstance(error, Exception):
                self._end(trial, FAILED, None, _one_line(error))
            else:  # interrupted: nothing was learned, it is handed out again
                self._end(trial, WAITING)
        if isinstance(error, self._catch):
            logging.warning(f"trial {trial.number} failed: {_one_line(error)}")
            return
        raise error

    def _say(self, number, values):
        best = ""
        if len(values) == 1:
            s = self._summary()
            best = f" Best is trial {s['best']} with value: {s['best_value']}."
        shown = f"value: {values[0]}" if len(values) == 1 else f"values: {values}"
        logging.info(f"Trial {number} finished with {shown} and parameters: {self._frozen(number).params}.{best}")


def _one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
