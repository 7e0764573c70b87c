# SPDX-License-Identifier: Apache-2.0
from . import (
    distributions as distributions,
    exceptions as exceptions,
    logging as logging,
    plot as plot,
    pruners as pruners,
    samplers as samplers,
    search_space as search_space,
    storages as storages,
    study as study,
    trial as trial,
    visualization as visualization,
)
from .declared import maximize as maximize, minimize as minimize, objective as objective
from .distributions import CategoricalDistribution as Categorical, FloatDistribution as Float, IntDistribution as Int
from .exceptions import HpoError as HpoError, TrialPruned as TrialPruned
from .space import Space as Space
from .study import (
    Study as Study,
    StudyDirection as StudyDirection,
    copy_study as copy_study,
    create_study as create_study,
    delete_study as delete_study,
    get_all_study_names as get_all_study_names,
    get_all_study_summaries as get_all_study_summaries,
    load_study as load_study,
)
from .trial import FixedTrial as FixedTrial, FrozenTrial as FrozenTrial, Trial as Trial, TrialState as TrialState, create_trial as create_trial

__version__: str
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
    "plot",
    "pruners",
    "samplers",
    "search_space",
    "storages",
    "study",
    "trial",
    "visualization",
]

def __dir__() -> list[str]: ...
