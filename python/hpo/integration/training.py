# SPDX-License-Identifier: Apache-2.0
"""What the callbacks for training frameworks share: reports, the end of a piece, checkpoints.

A study whose space has a fidelity (`epochs: fidelity 1..81`) and a scheduler such as "asha" hands a trial out in pieces: to
epoch 1, later to 3, to 9.  A callback ends its training at `limit`, saves a checkpoint, and the next piece goes on from it,
also in another process, if `folder` is one that both see.  Without a fidelity `limit` is the number of epochs given.

    GO      train on
    PAUSE   the piece is over, the trial may be handed out again: the checkpoint stays
    STOP    the trial is hopeless: TrialPruned, the checkpoint goes
"""

import json
import os
import re

from ..exceptions import TrialPruned

GO, PAUSE, STOP = range(3)


def fidelity_of(trial):
    """(name, value, maximum) of the fidelity that counts steps in a trial's declared space, or None."""
    return next(((name, value, high) for name, value, high, _ in _fidelities(trial)), None)


def _fidelities(trial):
    """(name, value, maximum, resumable) of each, in the order of declaration."""
    study = getattr(trial, "study", None)
    if study is None or not getattr(trial, "_live", False) or study._open:
        return []
    layout = study._layout_of(trial._h)
    return [(c[0], layout.value(i, trial._x), c[5], c[8] == "resumable") for i, c in enumerate(layout.columns) if c[8]]


class Run:
    """One piece of a trial's training.

    limit    the epoch (round, step) at which it ends, counted from 1
    value    the last value reported
    path     of its checkpoint, or None without a folder
    """

    def __init__(self, trial, n=None, folder=None, suffix=""):
        found = fidelity_of(trial)
        if found is None and n is None:
            raise ValueError("how long does a training last? Give the number of epochs, or a space with a fidelity")
        self.trial = trial
        self.limit = int(n if found is None else found[1])
        self.full = int(n if found is None else found[2])
        # A checkpoint of other rows, of another width, is none of this piece.
        self.axes = {name: value for name, value, _, resumable in _fidelities(trial)[1:] if not resumable}
        self.value, self.path = None, None
        if folder is not None:
            study = getattr(trial, "study", None)
            name = re.sub(r"[^\w.-]", "_", study.study_name if study is not None else "trial")
            os.makedirs(folder, exist_ok=True)
            self.path = os.path.join(os.fspath(folder), f"{name}-{trial.number}{suffix}")

    def report(self, step, value):
        """Reports the value after `step` epochs; GO, PAUSE or STOP."""
        self.value = float(value)
        self.trial.report(self.value, step)
        if not self.trial.should_prune():
            return PAUSE if step >= self.limit else GO
        return PAUSE if getattr(self.trial, "_decision", 0) == 1 else STOP

    def pruned(self, step):
        """The exception that ends the objective."""
        return TrialPruned(f"after step {step}")

    # -- a small file beside the checkpoint --

    @property
    def saved(self):
        """{"step", "value"} of the checkpoint, or None: there is none, or other fidelities than the first have moved on."""
        if self.path is None or not os.path.exists(self.path) or not os.path.exists(self.path + ".json"):
            return None
        with open(self.path + ".json", encoding="utf-8") as f:
            saved = json.load(f)
        return saved if saved.get("axes", {}) == self.axes else None

    def save(self, write, step):
        """write(path) makes the checkpoint; it takes the place of the old one when it is whole."""
        if self.path is not None:
            write(self.new_path)
            self.commit(step)

    @property
    def new_path(self):
        """Where a checkpoint is written before it takes the place of the old one."""
        root, suffix = os.path.splitext(self.path)
        return f"{root}.new{suffix}"

    def commit(self, step):
        with open(self.path + ".json.new", "w", encoding="utf-8") as f:
            json.dump({"step": step, "value": self.value, **({"axes": self.axes} if self.axes else {})}, f)
        # Killed in between there is no checkpoint, and never one with the step of another.
        if os.path.exists(self.path + ".json"):
            os.remove(self.path + ".json")
        os.replace(self.new_path, self.path)
        os.replace(self.path + ".json.new", self.path + ".json")

    def forget(self):
        """Removes the checkpoint."""
        for path in (self.path, f"{self.path}.json"):
            if self.path is not None and os.path.exists(path):
                os.remove(path)
