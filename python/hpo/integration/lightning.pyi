# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional

from ..trial import Trial

__all__ = ["PruningCallback"]

class PruningCallback:
    monitor: str
    limit: Optional[int]
    ckpt_path: Optional[str]
    value: Optional[float]
    def __init__(self, trial: Optional[Trial], monitor: str, n_epochs: Optional[int] = None, folder: Optional[str] = None) -> None: ...
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None: ...
    def check(self) -> None: ...
