# SPDX-License-Identifier: Apache-2.0
"""A callback for Lightning (packages lightning and pytorch_lightning): reports a logged metric after each validation.

    def objective(trial):
        callback = PruningCallback(trial, "val_loss", 30, folder="checkpoints")
        trainer = Trainer(max_epochs=callback.limit, callbacks=[callback])
        trainer.fit(Net(trial), data, ckpt_path=callback.ckpt_path)
        callback.check()                       # raises TrialPruned in a distributed training
        return callback.value

It looks at trainer.callback_metrics only, so any trainer with the hooks of Lightning will do.
"""

from .training import GO, STOP, Run

__all__ = ["PruningCallback"]


class _NoHooks:
    """Stands in for Lightning's Callback where that is not installed: hooks that do nothing."""

    def __getattr__(self, name):
        if name.startswith(("on_", "setup", "teardown")):
            return lambda *args, **kwargs: None
        raise AttributeError(name)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class _Pruning:
    """PruningCallback(trial, monitor, n_epochs=None, folder=None)

    monitor     name of a metric that the module logs, e.g. "val_loss"
    n_epochs    how many epochs; a space with a fidelity says it itself
    folder      where checkpoints are kept; None: nowhere

    limit: for max_epochs.  ckpt_path: for Trainer.fit, a path or None.  value: the last value.  trial is None in ranks
    other than 0 of a training that was started in several processes.
    """

    def __init__(self, trial, monitor, n_epochs=None, folder=None):
        super().__init__()
        self.run = None if trial is None else Run(trial, n_epochs, folder, ".ckpt")
        self.monitor, self.limit = monitor, n_epochs if trial is None else self.run.limit
        saved = None if trial is None else self.run.saved
        self.ckpt_path = None if saved is None else self.run.path
        self.value = None if saved is None else saved["value"]
        self._ended = None

    def on_validation_end(self, trainer, pl_module):
        if getattr(trainer, "sanity_checking", False):
            return
        step = trainer.current_epoch + 1
        decision = self._report(trainer, step) if self.run is not None and getattr(trainer, "is_global_zero", True) else None
        several = getattr(trainer, "world_size", 1) > 1
        if several:
            decision = trainer.strategy.broadcast(decision, src=0)
        if decision == GO:
            return
        if decision != STOP:
            self._save(trainer, step, several)
        if decision == STOP and self.run is not None:
            self.run.forget()
        trainer.should_stop = True
        if decision == STOP or self.limit is None or step < self.limit:
            self._ended = step
            if not several:
                self.check()

    def _report(self, trainer, step):
        value = trainer.callback_metrics.get(self.monitor)
        if value is None:
            known = ", ".join(map(str, trainer.callback_metrics)) or "(nothing)"
            raise ValueError(f"monitor is {self.monitor!r}, which the module has not logged: it has {known}")
        decision = self.run.report(step, float(value))
        self.value = self.run.value
        return decision

    def _save(self, trainer, step, several):
        path = None if self.run is None or self.run.path is None else self.run.new_path
        if several:  # every rank takes part in saving
            path = trainer.strategy.broadcast(path, src=0)
        if path is None:
            return
        trainer.save_checkpoint(path)
        if self.run is not None and getattr(trainer, "is_global_zero", True):
            self.run.commit(step)

    def check(self):
        """Raises TrialPruned when the trial was ended early."""
        if self._ended is not None:
            from ..exceptions import TrialPruned

            raise TrialPruned(f"after step {self._ended}")


def _base():
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return __import__(name, fromlist=["Callback"]).Callback
        except ImportError:
            pass
    return _NoHooks


def __getattr__(name):
    if name != "PruningCallback":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    cls = globals()[name] = type(name, (_Pruning, _base()), {"__doc__": _Pruning.__doc__, "__module__": __name__})
    return cls
