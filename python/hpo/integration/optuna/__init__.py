# SPDX-License-Identifier: Apache-2.0
"""This library inside Optuna's studies.

    import optuna
    from hpo.integration.optuna import HpoPruner, HpoSampler, HpoStorage

    study = optuna.create_study(
        storage=HpoStorage("study.db"),           # the file that `hpo top`, `hpo best` and `hpo plot` read
        sampler=HpoSampler("auto", seed=1),       # any sampler of the library
        pruner=HpoPruner("median"),               # any scheduler that only stops
    )

Each of the three works without the other two.  Tested with Optuna 3.1; docs/optuna.md has the rest.
"""

try:
    import optuna as _optuna  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "hpo.integration.optuna needs Optuna 3.0 or later: pip install optuna (Debian: python3-optuna)"
    ) from _error

from .pruner import HpoPruner
from .sampler import HpoSampler
from .storage import HpoStorage

__all__ = ["HpoPruner", "HpoSampler", "HpoStorage"]
