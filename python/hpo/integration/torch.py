# SPDX-License-Identifier: Apache-2.0
"""A training loop for PyTorch, or anything with state_dict and load_state_dict.

    def objective(trial):
        model = Net(trial.suggest_int("width", 8, 256))
        optimizer = torch.optim.SGD(model.parameters(), lr=trial.suggest_float("lr", 1e-4, 1, log=True))
        loop = TrainingLoop(trial, 30, folder="checkpoints", model=model, optimizer=optimizer)
        for epoch in loop:
            train(model, optimizer)
            loop.report(validate(model))       # raises TrialPruned when the trial is to end
        return loop.value

A trial that was paused by its scheduler, or whose process was killed, goes on from its checkpoint: model, optimiser and
random numbers as they were.  Checkpoints are pickles: load those of your own only.
"""

import inspect
import pickle
import random
import sys

from .training import GO, STOP, Run

__all__ = ["TrainingLoop", "broadcast"]


def broadcast(value):
    """The value of rank 0 in every rank of torch.distributed; without that, the value."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return value
    box = [value]
    torch.distributed.broadcast_object_list(box, src=0)
    return box[0]


class TrainingLoop:
    """Iterates over the epochs that are left of a trial.

    trial       in hand; None in ranks other than 0 of a distributed training, in which all ranks call everything
    n_epochs    how many epochs; a space with a fidelity says it itself
    folder      where checkpoints are kept, one a trial; None: nowhere
    every       saves a checkpoint each so many epochs; 0: only where a piece ends
    keep        keeps that of a trial that was trained to its end
    state       what a checkpoint holds, by name: anything with state_dict and load_state_dict
    """

    def __init__(self, trial, n_epochs=None, folder=None, every=0, keep=True, **state):
        for name, one in state.items():
            if not hasattr(one, "state_dict") or not hasattr(one, "load_state_dict"):
                raise TypeError(f"{name} is {type(one).__name__}, which has no state_dict and load_state_dict")
        self.run = None if trial is None else Run(trial, n_epochs, folder, ".pt")
        self.state, self.every, self.keep = state, every, keep
        mine = None if self.run is None else (self.run.limit, self.run.full, self.run.path, self.run.saved)
        self.limit, self.full, self._path, saved = broadcast(mine)
        self.start, self.value, self.epoch = 0, None, -1
        if saved is not None:
            self._load()
            self.start, self.value = saved["step"], saved["value"]
            if self.run is not None:
                self.run.value = self.value

    def __iter__(self):
        for self.epoch in range(self.start, self.limit):
            yield self.epoch
            done = self.epoch + 1
            if done == self.limit or (self.every and done % self.every == 0):
                self._save(done)
        if self.limit >= self.full and not self.keep and self.run is not None:
            self.run.forget()

    def report(self, value):
        """Reports the value after this epoch.  Raises TrialPruned when the trial is to stop, or its piece is over."""
        step = self.epoch + 1
        if step < 1:
            raise RuntimeError("report() belongs into the loop: for epoch in loop: ...; loop.report(value)")
        decision = broadcast(None if self.run is None else self.run.report(step, value))
        self.value = broadcast(None if self.run is None else self.run.value)
        if decision == GO or step == self.limit and decision != STOP:
            return
        if decision == STOP:
            if self.run is not None:
                self.run.forget()
        else:
            self._save(step)
        raise (self.run.pruned(step) if self.run is not None else _pruned(step))

    # -- checkpoints --

    def _save(self, step):
        if self.run is not None:
            self.run.save(self._write, step)

    def _write(self, path):
        held = {"state": {name: one.state_dict() for name, one in self.state.items()}, "random": _random_states()}
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.save(held, path)
        else:
            with open(path, "wb") as f:
                pickle.dump(held, f)

    def _load(self):
        torch = sys.modules.get("torch")
        if torch is not None:
            ours = {"weights_only": False} if "weights_only" in inspect.signature(torch.load).parameters else {}
            held = torch.load(self._path, map_location="cpu", **ours)
        else:
            with open(self._path, "rb") as f:
                held = pickle.load(f)
        missing = set(self.state) ^ set(held["state"])
        if missing:
            raise ValueError(f"the checkpoint {self._path} holds {', '.join(held['state'])}: the loop was made without or with other {', '.join(missing)}")
        for name, one in self.state.items():
            one.load_state_dict(held["state"][name])
        _set_random_states(held["random"])


def _pruned(step):
    from ..exceptions import TrialPruned

    return TrialPruned(f"after step {step}")


def _random_states():
    out = {"python": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        out["numpy"] = numpy.random.get_state()
    if torch is not None:
        out["torch"] = torch.get_rng_state()
        if torch.cuda.is_available():
            out["cuda"] = torch.cuda.get_rng_state_all()
    return out


def _set_random_states(states):
    random.setstate(states["python"])
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and "numpy" in states:
        numpy.random.set_state(states["numpy"])
    if torch is not None and "torch" in states:
        torch.set_rng_state(states["torch"])
        if "cuda" in states and torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states["cuda"])
