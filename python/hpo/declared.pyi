# SPDX-License-Identifier: Apache-2.0
from typing import Any, Callable, Mapping, Optional, Union

from .space import Space
from .study import Study

_Space = Union[Space, str, Mapping[str, Any]]

def objective(space: Optional[_Space] = None, /, **params: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def minimize(
    func: Callable[..., Any],
    space: Optional[_Space] = None,
    /,
    *,
    n_trials: Optional[int] = None,
    timeout: Optional[float] = None,
    n_jobs: int = 1,
    **options: Any,
) -> Study: ...
def maximize(
    func: Callable[..., Any],
    space: Optional[_Space] = None,
    /,
    *,
    n_trials: Optional[int] = None,
    timeout: Optional[float] = None,
    n_jobs: int = 1,
    **options: Any,
) -> Study: ...
