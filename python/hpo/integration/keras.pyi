# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional

from ..trial import Trial

__all__ = ["PruningCallback"]

class PruningCallback:
    monitor: str
    start: int
    limit: int
    path: Optional[str]
    def __init__(self, trial: Trial, monitor: str, n_epochs: Optional[int] = None, folder: Optional[str] = None) -> None: ...
    @property
    def value(self) -> Optional[float]: ...
    def on_epoch_end(self, epoch: int, logs: Optional[dict[str, Any]] = None) -> None: ...
