# SPDX-License-Identifier: Apache-2.0
"""A callback for Keras (packages keras and tensorflow): reports a value of the logs after each epoch.

    def objective(trial):
        callback = PruningCallback(trial, "val_loss", 30, folder="checkpoints")
        model = keras.models.load_model(callback.path) if callback.path else build(trial)
        model.fit(x, y, validation_split=0.2, initial_epoch=callback.start, epochs=callback.limit, callbacks=[callback])
        return callback.value
"""

from .training import GO, STOP, Run

__all__ = ["PruningCallback"]


class _NoHooks:
    """Stands in for Keras's Callback where that is not installed: hooks that do nothing."""

    model = None

    def set_model(self, model):
        self.model = model

    def set_params(self, params):
        self.params = params

    def __getattr__(self, name):
        if name.startswith("on_"):
            return lambda *args, **kwargs: None
        raise AttributeError(name)


class _Pruning:
    """PruningCallback(trial, monitor, n_epochs=None, folder=None)

    monitor     a key of the logs, e.g. "val_loss"
    n_epochs    how many epochs; a space with a fidelity says it itself
    folder      where checkpoints (model.save) are kept; None: nowhere

    start, limit: for initial_epoch and epochs.  path: of the model to go on from, or None.  value: the last value.
    """

    def __init__(self, trial, monitor, n_epochs=None, folder=None):
        super().__init__()
        self.run, self.monitor = Run(trial, n_epochs, folder, ".keras"), monitor
        saved = self.run.saved
        self.limit, self.start = self.run.limit, 0 if saved is None else saved["step"]
        self.path = None if saved is None else self.run.path
        self.run.value = None if saved is None else saved["value"]

    @property
    def value(self):
        return self.run.value

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ValueError(f"monitor is {self.monitor!r}, which is not in the logs: they have {', '.join(logs or ()) or '(nothing)'}")
        step = epoch + 1
        decision = self.run.report(step, value)
        if decision == GO:
            return
        if decision == STOP:
            self.run.forget()
            raise self.run.pruned(step)
        self.run.save(self.model.save, step)
        if step < self.limit:
            raise self.run.pruned(step)
        self.model.stop_training = True


def _base():
    for name in ("keras.callbacks", "tensorflow.keras.callbacks"):
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
