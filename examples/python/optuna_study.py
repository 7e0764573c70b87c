# SPDX-License-Identifier: Apache-2.0
"""An Optuna program with this library's sampler, pruner and file.

    PYTHONPATH=python /usr/bin/python3 examples/python/optuna_study.py

The study then lies in a file that `hpo top --storage FILE` reads as well.
"""

import tempfile
from pathlib import Path

import optuna

from hpo.integration.optuna import HpoPruner, HpoSampler, HpoStorage

optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    kind = trial.suggest_categorical("kind", ["linear", "tree"])
    if kind == "linear":
        penalty = trial.suggest_float("penalty", 1e-6, 1, log=True)
        loss = 0.3 + abs(penalty - 1e-3) ** 0.5
    else:
        depth = trial.suggest_int("depth", 1, 12)
        loss = 0.1 + 0.02 * (depth - 6) ** 2
    for epoch in range(20):
        trial.report(loss + 1 / (epoch + 1), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return loss


with tempfile.TemporaryDirectory() as folder:
    study = optuna.create_study(
        storage=HpoStorage(Path(folder) / "study.db"),
        sampler=HpoSampler("auto", seed=1),
        pruner=HpoPruner("median"),
    )
    study.optimize(objective, n_trials=40)
    pruned = sum(t.state == optuna.trial.TrialState.PRUNED for t in study.trials)
    print(f"best {study.best_value:.3f} with {study.best_params}; {pruned} of {len(study.trials)} trials stopped early")
