# SPDX-License-Identifier: Apache-2.0
"""XGBoost: rounds are reported, a trial that is worse than the median of the others at the same round ends."""

import numpy as np
import xgboost as xgb

import hpo
from hpo.integration.xgboost import PruningCallback

rng = np.random.RandomState(0)
X = rng.randn(600, 8)
y = (X[:, 0] * X[:, 1] + 0.5 * rng.randn(600) > 0).astype(int)
train, valid = xgb.DMatrix(X[:400], y[:400]), xgb.DMatrix(X[400:], y[400:])


def objective(trial):
    params = {
        "objective": "binary:logistic",
        "eta": trial.suggest_float("eta", 1e-3, 1, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 8),
        "nthread": 1,
    }
    callback = PruningCallback(trial, "valid-logloss", 40)
    xgb.train(params, train, callback.rounds, evals=[(valid, "valid")], callbacks=[callback], verbose_eval=False)
    return callback.value


study = hpo.create_study(pruner=hpo.pruners.MedianPruner(n_warmup_steps=5), seed=0)
study.optimize(objective, n_trials=15)
print("best", study.best_params, f"{study.best_value:.3f}")
print(sum(t.state == hpo.TrialState.PRUNED for t in study.trials), "of", len(study.trials), "trials ended early")
