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

import importlib
import sys

# What is where: modules are imported when one of their names is first used (PEP 562).  __init__.pyi says the same to
# type checkers.
_HOME = {
    "Categorical": ("distributions", "CategoricalDistribution"),
    "FixedTrial": ("trial", "FixedTrial"),
    "Float": ("distributions", "FloatDistribution"),
    "FrozenTrial": ("trial", "FrozenTrial"),
    "HpoError": ("exceptions", "HpoError"),
    "Int": ("distributions", "IntDistribution"),
    "Space": ("space", "Space"),
    "Study": ("study", "Study"),
    "StudyDirection": ("study", "StudyDirection"),
    "Trial": ("trial", "Trial"),
    "TrialPruned": ("exceptions", "TrialPruned"),
    "TrialState": ("trial", "TrialState"),
    "__version__": ("_core", "version"),
    "copy_study": ("study", "copy_study"),
    "create_study": ("study", "create_study"),
    "create_trial": ("trial", "create_trial"),
    "delete_study": ("study", "delete_study"),
    "get_all_study_names": ("study", "get_all_study_names"),
    "get_all_study_summaries": ("study", "get_all_study_summaries"),
    "load_study": ("study", "load_study"),
    "maximize": ("declared", "maximize"),
    "minimize": ("declared", "minimize"),
    "objective": ("declared", "objective"),
}
_MODULES = (
    "distributions",
    "exceptions",
    "logging",
    "plot",
    "pruners",
    "samplers",
    "search_space",
    "storages",
    "study",
    "trial",
    "visualization",
)

__all__ = sorted([name for name in _HOME if name != "__version__"] + list(_MODULES))


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module("." + name, __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    module, theirs = _HOME[name]
    value = globals()[name] = getattr(importlib.import_module("." + module, __name__), theirs)
    return value


def __dir__():
    return sorted({*globals(), *__all__, "__version__"})
