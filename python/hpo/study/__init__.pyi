# SPDX-License-Identifier: Apache-2.0
import enum
import os
from datetime import datetime
from typing import Any, Awaitable, Callable, Iterable, Mapping, Optional, Sequence, Union

from ..distributions import BaseDistribution
from ..space import Space
from ..storages import Storage
from ..trial import FrozenTrial, Trial, TrialState

_Storage = Union[None, str, "os.PathLike[str]", Storage]
_Objective = Callable[[Trial], Any]
_Callback = Callable[["Study", FrozenTrial], Any]
_Values = Union[None, float, Sequence[float]]
_Direction = Union[str, "StudyDirection"]
_Errors = Union[type[BaseException], Iterable[type[BaseException]]]

__all__ = [
    "MaxTrialsCallback",
    "Study",
    "StudyDirection",
    "StudySummary",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]

class StudyDirection(enum.IntEnum):
    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2

class Study:
    def __init__(self, storage: Storage, name: str, handle: Any = None, pruner: Any = None, sampler: Any = None) -> None: ...
    # what it is
    @property
    def study_name(self) -> str: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def direction(self) -> StudyDirection: ...
    @property
    def directions(self) -> list[StudyDirection]: ...
    @property
    def seed(self) -> int: ...
    @property
    def space(self) -> Optional[Space]: ...
    @property
    def sampler(self) -> Any: ...
    @sampler.setter
    def sampler(self, sampler: Any) -> None: ...
    @property
    def pruner(self) -> Any: ...
    @pruner.setter
    def pruner(self, pruner: Any) -> None: ...
    @property
    def status(self) -> str: ...
    @property
    def metric_names(self) -> Optional[list[str]]: ...
    def set_metric_names(self, metric_names: Iterable[str]) -> None: ...
    @property
    def user_attrs(self) -> dict[str, Any]: ...
    @property
    def system_attrs(self) -> dict[str, Any]: ...
    def set_user_attr(self, key: str, value: Any) -> None: ...
    def set_system_attr(self, key: str, value: Any) -> None: ...
    # results
    def get_trials(self, deepcopy: bool = True, states: Optional[Sequence[TrialState]] = None) -> list[FrozenTrial]: ...
    @property
    def trials(self) -> list[FrozenTrial]: ...
    def __len__(self) -> int: ...
    @property
    def best_trials(self) -> list[FrozenTrial]: ...
    @property
    def best_trial(self) -> FrozenTrial: ...
    @property
    def best_value(self) -> float: ...
    @property
    def best_params(self) -> dict[str, Any]: ...
    def recommend(self) -> dict[str, Any]: ...
    def explain(self, number: int = -1) -> dict[str, Any]: ...
    def trials_dataframe(self, attrs: Sequence[str] = ..., multi_index: bool = False) -> Any: ...
    def report(self, path: Union[str, "os.PathLike[str]"]) -> None: ...
    def export_tensorboard(self, folder: Union[str, "os.PathLike[str]"]) -> str: ...
    def export_mlflow(self, folder: Union[str, "os.PathLike[str]"] = "mlruns") -> str: ...
    # ask and tell
    def ask(self, fixed_distributions: Optional[Mapping[str, BaseDistribution]] = None) -> Trial: ...
    def tell(
        self,
        trial: Union[Trial, int],
        values: _Values = None,
        state: Optional[TrialState] = None,
        skip_if_finished: bool = False,
        *,
        sem: _Values = None,
        cost: float = 0.0,
        reason: Optional[str] = None,
    ) -> FrozenTrial: ...
    # optimise
    def optimize(
        self,
        func: _Objective,
        n_trials: Optional[int] = None,
        timeout: Optional[float] = None,
        n_jobs: int = 1,
        catch: _Errors = (),
        callbacks: Optional[Iterable[_Callback]] = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
    ) -> None: ...
    def stop(self) -> None: ...
    def end(self, text: Optional[str] = None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def request_stop(self, number: int) -> None: ...
    def map(
        self,
        func: _Objective,
        n_trials: Optional[int] = None,
        timeout: Optional[float] = None,
        n_workers: Optional[int] = None,
        catch: _Errors = (),
    ) -> Any: ...
    async def optimize_async(
        self,
        func: Callable[[Trial], Awaitable[Any]],
        n_trials: Optional[int] = None,
        timeout: Optional[float] = None,
        concurrency: int = 1,
        catch: _Errors = (),
        callbacks: Optional[Iterable[_Callback]] = None,
    ) -> Any: ...
    # queue
    def enqueue_trial(
        self, params: dict[str, Any], user_attrs: Optional[Mapping[str, Any]] = None, skip_if_exists: bool = False
    ) -> Optional[int]: ...
    def requeue(self, number: int) -> None: ...
    def repeat(self, number: int) -> int: ...
    def add_trial(self, trial: FrozenTrial) -> int: ...
    def add_trials(self, trials: Iterable[FrozenTrial]) -> None: ...
    def __enter__(self) -> "Study": ...
    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool: ...

class StudySummary:
    study_name: str
    directions: list[StudyDirection]
    direction: Optional[StudyDirection]
    n_trials: int
    best_trial: Optional[FrozenTrial]
    user_attrs: dict[str, Any]
    system_attrs: dict[str, Any]
    datetime_start: Optional[datetime]
    def __init__(self, study: Study) -> None: ...

class MaxTrialsCallback:
    n_trials: int
    states: Optional[Sequence[TrialState]]
    def __init__(self, n_trials: int, states: Optional[Sequence[TrialState]] = ...) -> None: ...
    def __call__(self, study: Study, trial: FrozenTrial) -> None: ...

def create_study(
    *,
    storage: _Storage = None,
    sampler: Any = None,
    pruner: Any = None,
    study_name: Optional[str] = None,
    direction: Optional[_Direction] = None,
    load_if_exists: bool = False,
    directions: Optional[Sequence[_Direction]] = None,
    space: Union[None, str, Space, Mapping[str, Any]] = None,
    seed: Optional[int] = None,
    constraints: Union[None, Sequence[str], Mapping[str, float]] = None,
    noisy: bool = False,
    trials: int = 0,
    seconds: float = 0.0,
    cost: float = 0.0,
    target: Optional[float] = None,
    stagnation: int = 0,
    until: Optional[str] = None,
    metadata: Any = None,
    lag: int = 0,
    lease: float = 0.0,
    max_retries: int = 3,
) -> Study: ...
def load_study(*, study_name: Optional[str] = None, storage: _Storage, sampler: Any = None, pruner: Any = None) -> Study: ...
def delete_study(*, study_name: str, storage: _Storage) -> None: ...
def get_all_study_names(storage: _Storage) -> list[str]: ...
def get_all_study_summaries(storage: _Storage, include_best_trial: bool = True) -> list[StudySummary]: ...
def copy_study(*, from_study_name: str, from_storage: _Storage, to_storage: _Storage, to_study_name: Optional[str] = None) -> Study: ...
