# SPDX-License-Identifier: Apache-2.0
"""A callback for XGBoost: reports a metric after each round, ends hopeless trials.

    def objective(trial):
        params = {"eta": trial.suggest_float("eta", 1e-3, 0.5, log=True), "objective": "binary:logistic"}
        callback = PruningCallback(trial, "valid-logloss", 200)
        xgb.train(params, train, callback.rounds, evals=[(valid, "valid")], callbacks=[callback], verbose_eval=False)
        return callback.value

XGBClassifier(n_estimators=callback.rounds, callbacks=[callback]) works the same, with "validation_0-logloss", and xgb.cv with
"test-logloss".  With a folder a trial that was paused goes on: xgb.train(..., xgb_model=callback.model).
"""

from .training import GO, STOP, Run

__all__ = ["PruningCallback"]


class _Pruning:
    """PruningCallback(trial, monitor, n_rounds=None, folder=None)

    monitor     "DATA-METRIC": the name of the data in evals, and of the metric
    n_rounds    how many rounds; a space with a fidelity says it itself
    folder      where checkpoints are kept; None: nowhere

    rounds, model: rounds that are left and the model to go on from (a path or None).  value: the last value.
    """

    def __init__(self, trial, monitor, n_rounds=None, folder=None):
        super().__init__()
        self.run = Run(trial, n_rounds, folder, ".ubj")
        self.data, _, self.metric = monitor.partition("-")
        saved = self.run.saved
        self._done = 0 if saved is None else saved["step"]
        self.model = None if saved is None else self.run.path
        self.run.value = None if saved is None else saved["value"]

    @property
    def rounds(self):
        return max(0, self.run.limit - self._done)

    @property
    def value(self):
        return self.run.value

    def after_iteration(self, model, epoch, evals_log):
        """Called by XGBoost; True ends the training."""
        try:
            last = evals_log[self.data][self.metric][-1]
        except KeyError:
            known = ", ".join(f"{d}-{m}" for d, metrics in evals_log.items() for m in metrics)
            raise ValueError(f"monitor is '{self.data}-{self.metric}', which is not measured: use one of {known or '(nothing)'}") from None
        value = last[0] if isinstance(last, tuple) else last  # xgb.cv: (mean, standard deviation)
        step = self._done + epoch + 1
        decision = self.run.report(step, value)
        if decision == GO:
            return False
        if decision == STOP:
            self.run.forget()
            raise self.run.pruned(step)
        if not hasattr(model, "save_model"):  # xgb.cv has several models, and takes True for early stopping
            return False
        self.run.save(model.save_model, step)
        if step < self.run.limit:
            raise self.run.pruned(step)
        return True


def __getattr__(name):
    if name != "PruningCallback":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xgboost.callback import TrainingCallback

    cls = globals()[name] = type(name, (_Pruning, TrainingCallback), {"__doc__": _Pruning.__doc__, "__module__": __name__})
    return cls
