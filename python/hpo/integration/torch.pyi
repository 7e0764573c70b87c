# SPDX-License-Identifier: Apache-2.0
import os
from typing import Any, Iterator, Optional, Protocol, TypeVar, Union

from ..trial import FixedTrial, FrozenTrial, Trial
from .training import Run

__all__ = ["TrainingLoop", "broadcast"]

_T = TypeVar("_T")

class _Stateful(Protocol):
    def state_dict(self) -> Any: ...
    def load_state_dict(self, state_dict: Any, /) -> Any: ...

def broadcast(value: _T) -> _T: ...

class TrainingLoop:
    run: Optional[Run]
    state: dict[str, _Stateful]
    every: int
    keep: bool
    limit: int
    full: int
    start: int
    epoch: int
    value: Optional[float]
    def __init__(
        self,
        trial: Union[None, Trial, FixedTrial, FrozenTrial],
        n_epochs: Optional[int] = None,
        folder: Union[None, str, "os.PathLike[str]"] = None,
        every: int = 0,
        keep: bool = True,
        **state: _Stateful,
    ) -> None: ...
    def __iter__(self) -> Iterator[int]: ...
    def report(self, value: float) -> None: ...
