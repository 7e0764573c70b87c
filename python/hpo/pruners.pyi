# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional, Union

from .study import Study
from .trial import FrozenTrial

class BasePruner:
    @property
    def spec(self) -> str: ...
    def prune(self, study: Study, trial: FrozenTrial) -> bool: ...

class Scheduler(BasePruner):
    name: str
    options: dict[str, Any]
    def __init__(self, name: str, **options: Any) -> None: ...
    def prune(self, study: Study, trial: FrozenTrial) -> bool: ...

class NopPruner(Scheduler):
    def __init__(self) -> None: ...

class PercentilePruner(Scheduler):
    def __init__(
        self, percentile: float, n_startup_trials: int = 5, n_warmup_steps: int = 0, interval_steps: int = 1, *, n_min_trials: int = 1
    ) -> None: ...

class MedianPruner(PercentilePruner):
    def __init__(self, n_startup_trials: int = 5, n_warmup_steps: int = 0, interval_steps: int = 1, *, n_min_trials: int = 1) -> None: ...

class ThresholdPruner(Scheduler):
    def __init__(
        self, lower: Optional[float] = None, upper: Optional[float] = None, n_warmup_steps: int = 0, interval_steps: int = 1
    ) -> None: ...

class PatientPruner(Scheduler):
    def __init__(self, wrapped_pruner: Any = None, patience: float = 0, min_delta: float = 0.0) -> None: ...

class SuccessiveHalvingPruner(Scheduler):
    def __init__(
        self,
        min_resource: Union[str, float] = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None: ...

class HyperbandPruner(Scheduler):
    def __init__(
        self, min_resource: float = 1, max_resource: Union[str, float] = "auto", reduction_factor: int = 3, bootstrap_count: int = 0
    ) -> None: ...

class WilcoxonPruner(Scheduler):
    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None: ...

def spec_of(pruner: Any) -> tuple[Optional[str], Any]: ...
