# SPDX-License-Identifier: Apache-2.0
"""The loop of a search: asks the study, has folds evaluated, tells.

Order of events.  Up to `lag` candidates are in work, their folds handed to the workers in the order (candidate, fold).
But the study hears of them one after the other: all reports of the oldest candidate, then its end, and only then the
next is asked for.  So the events of a study, and with a sampler and a scheduler that are functions of them everything
that follows, do not depend on how many workers there are or which is quicker.  What a scheduler stops while its later
folds already run elsewhere is cancelled, and what they give is dropped.
"""

import math
import time
from collections import deque

from .. import _core
from ..trial import Trial, TrialState
from .results import COMPLETE, FAILED, STOPPED, Record

_STATES = {TrialState.COMPLETE: COMPLETE, TrialState.FAIL: FAILED}
ATTRIBUTE = "cv"  # of a trial in a file: Record.to_json


class _Piece:
    """A candidate that was handed out, and its folds in work."""

    def __init__(self, trial, record, steps, start):
        self.trial, self.record, self.steps, self.start = trial, record, steps, start
        self.futures = []
        self.before = record.folds, record.amount, dict(record.spent)

    def undo(self):
        """Its record as it was."""
        self.record.folds, self.record.amount, self.record.spent = self.before

    def cancel(self):
        for future in self.futures:
            future.cancel()


class Loop:
    """One run of a search.  Its records, by trial number, are what is known when it ends, or is interrupted."""

    def __init__(self, study, space, work, n_splits, objectives, error_score, lag, by_fold=False, ladder=None, pauses=False, deadline=None, say=None):
        """objectives: the metrics that the study maximises ([None]: the only one).  by_fold: a scheduler judges after each fold.
        ladder: f(amount) -> amounts up to it at which a scheduler judges; pauses: one that hands candidates out again instead.
        say: f(record), called when a candidate ends."""
        self.study, self.space, self.work, self.n_splits = study, space, work, n_splits
        self.objectives, self.error_score, self.lag = objectives, error_score, lag
        self.by_fold, self.ladder, self.pauses, self.deadline, self.say = by_fold, ladder, pauses, deadline, say
        self.finishing = False
        self.ended = False  # has one candidate?
        self.records = {}
        self.kept = {}  # paused trial -> {fold: (amount, fitted estimator)}
        self.window = deque()

    # ---- the loop ----

    def run(self):
        over, wait = False, 0.002
        try:
            while True:
                while not over and len(self.window) < self.lag and not self._late():
                    if self._past():
                        self._finish_best()
                    got = self.study._ask_once()
                    if isinstance(got, Trial):
                        self.window.append(self._begin(got))
                        continue
                    over = got == _core.DONE and not self.window and not self._finish_best()
                    break
                if self.window:
                    self._settle(self.window[0])
                    self.window.popleft()
                    wait = 0.002
                elif over or self._late():
                    return
                else:  # everything waits for what others have in hand
                    time.sleep(wait)
                    wait = min(0.2, 1.5 * wait)
        finally:
            for piece in self.window:
                self._give_back(piece)
            self.kept.clear()

    def _past(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _late(self):
        """Is the time over?  Not before one candidate has ended, in full where a scheduler goes by pieces."""
        return self._past() and self.ended

    def _finish_best(self):
        """Before the end, when nothing is complete: no more candidates, so that a scheduler that goes by pieces runs the
        best one to the end.  True: it may do so."""
        if not self.pauses or self.finishing or not self.records or any(r.state == COMPLETE for r in self.records.values()):
            return False
        self.finishing = True
        self.study._do("set_budget", len(self.study), 0.0, 0.0, math.nan, 0)
        self.study.resume()
        return True

    def _give_back(self, piece):
        """Of a piece that was interrupted nothing is known: it is handed out again."""
        piece.cancel()
        if not piece.trial._live:
            return
        self.study.tell(piece.trial, state=TrialState.WAITING)
        piece.undo()
        if not piece.record.folds:
            del self.records[piece.trial.number]

    # ---- one candidate ----

    def _begin(self, trial):
        layout = self.study._layout_of(trial._h)
        params, amount = self.space.decode(layout, trial._x)
        record = self.records.get(trial.number)
        if record is None:
            record = self.records[trial.number] = Record(trial.number, params)
        kept = self.kept.pop(trial.number, {})
        steps = [amount] if self.ladder is None or kept or record.folds else self.ladder(amount)
        piece = _Piece(trial, record, steps, kept)
        self._submit(piece, steps[0], piece.start)
        return piece

    def _submit(self, piece, amount, states):
        keep = self.work.task.keeps and amount is not None
        params = piece.record.params
        piece.futures = [self.work.submit(params, fold, amount, states.get(fold), keep) for fold in range(self.n_splits)]

    def _settle(self, piece):
        """Reports and ends the oldest candidate."""
        record, trial = piece.record, piece.trial
        stopped, states = False, {}
        for i, amount in enumerate(piece.steps):
            if i > 0:
                self._submit(piece, amount, states)
            record.begin(amount)
            for fold, future in enumerate(piece.futures):
                if fold > 0 and self._late():
                    raise _TimeIsUp
                out = future.result()
                states[fold] = out.pop("state")
                record.folds.append(out)
                if self.by_fold and self._judge(trial, record, fold):
                    stopped = True
                    break
            last = i == len(piece.steps) - 1
            if stopped or (not last and self._stop_at(trial, record, amount)):
                stopped = True
                break
        piece.cancel()
        self._tell(piece, stopped)
        self.ended |= record.state == COMPLETE or not self.pauses
        if self.work.task.keeps and record.state == STOPPED and not stopped and all(states.values()):
            self.kept[trial.number] = states
        if self.say is not None:
            self.say(record)

    def _values(self, record):
        return [record.mean(metric, self.error_score) for metric in self.objectives]

    def _judge(self, trial, record, fold):
        """After a fold: does the scheduler want the candidate to end?  A failed fold ends it."""
        value = record.scores(self.objectives[0])[fold]
        value = self.error_score if value is None else value
        if value != value:
            return True
        trial.report(value, step=fold + 1, fold=fold)
        return fold < self.n_splits - 1 and trial.should_prune()

    def _stop_at(self, trial, record, amount):
        values = self._values(record)
        if any(v != v for v in values):
            return True
        trial.report(values[0], step=amount)
        return trial.should_prune()

    def _tell(self, piece, stopped):
        study, trial, record = self.study, piece.trial, piece.record
        values = self._values(record)
        if study.storage.shared:
            study._set_attr(trial.number, ATTRIBUTE, record.to_json())
        cost = sum(out["fit_time"] + out["score_time"] for out in record.folds)
        if any(v != v for v in values):
            study.tell(trial, state=TrialState.FAIL, reason=_why(record), cost=cost)
            record.state = FAILED
            return
        frozen = study.tell(trial, values, TrialState.PRUNED if stopped else TrialState.COMPLETE, cost=cost)
        record.state = _STATES.get(frozen.state, STOPPED)

    # ---- what others, or an earlier process, have done ----

    def recall(self):
        """Takes up the records of the study's file."""
        layout = self.study._layout
        for trial in self.study.trials:
            doc = trial.user_attrs.get(ATTRIBUTE)
            known = self.records.get(trial.number)
            if doc is None or (known is not None and known.state != STOPPED):
                continue
            params, _ = self.space.decode(layout, trial._row[2])
            record = self.records[trial.number] = Record.of_json(trial.number, params, doc)
            record.state = _STATES.get(trial.state, STOPPED)
            self.ended |= record.state == COMPLETE


class _TimeIsUp(Exception):
    """The time is over in the middle of a candidate."""


def _why(record):
    for out in record.folds:
        text = out["error"] or out["score_error"]
        if text:
            return text.strip().rsplit("\n", 1)[-1][:500]
    return "the score is NaN"


def finish(loop):
    """Runs a loop to its end; True: in time."""
    try:
        loop.run()
    except _TimeIsUp:
        return False
    return True
