# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional

from ..trial import Trial

__all__ = ["PruningCallback"]

class PruningCallback:
    model: Optional[str]
    def __init__(self, trial: Trial, monitor: str, n_rounds: Optional[int] = None, folder: Optional[str] = None) -> None: ...
    @property
    def rounds(self) -> int: ...
    @property
    def value(self) -> Optional[float]: ...
    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool: ...
