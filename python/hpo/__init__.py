# SPDX-License-Identifier: Apache-2.0
"""hpo: hyperparameter optimisation on libhpo.

    import hpo

    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        return (x - 2) ** 2

    study = hpo.create_study()
    study.optimize(objective, n_trials=100)
    study.best_params

The names are Optuna's where it has them: `import hpo as optuna` runs most programs.  docs/python.md has the rest.
"""

from . import _core

from . import distributions, exceptions, logging, pruners, samplers, storages, study, trial  # noqa: E402
from .distributions import CategoricalDistribution as Categorical
from .distributions import FloatDistribution as Float
from .distributions import IntDistribution as Int
from .declared import maximize, minimize, objective
from .exceptions import HpoError, TrialPruned
from .space import Space
from .study import (
    Study,
    StudyDirection,
    copy_study,
    create_study,
    delete_study,
    get_all_study_names,
    get_all_study_summaries,
    load_study,
)
from .trial import FixedTrial, FrozenTrial, Trial, TrialState, create_trial

__version__ = _core.version

__all__ = [
    "Categorical",
    "FixedTrial",
    "Float",
    "FrozenTrial",
    "HpoError",
    "Int",
    "Space",
    "Study",
    "StudyDirection",
    "Trial",
    "TrialPruned",
    "TrialState",
    "copy_study",
    "create_study",
    "create_trial",
    "delete_study",
    "distributions",
    "exceptions",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
    "logging",
    "maximize",
    "minimize",
    "objective",
    "pruners",
    "samplers",
    "storages",
    "study",
    "trial",
]
