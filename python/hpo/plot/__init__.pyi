# SPDX-License-Identifier: Apache-2.0
from typing import Any, Callable, Iterable, Optional, Sequence, Union

from ..study import Study
from ..trial import FrozenTrial
from .figure import Figure

BACKENDS: tuple[str, ...]
_Studies = Union[Study, Iterable[Study]]
_Objective = Union[int, str]
_Target = Optional[Callable[[FrozenTrial], float]]
_Params = Union[None, str, Sequence[str]]

__all__ = [
    "contour",
    "curves",
    "draw",
    "edf",
    "history",
    "hypervolume_history",
    "parallel",
    "pareto",
    "rank",
    "slice",
    "timeline",
]

# What they return depends on the backend: a matplotlib Figure, a plotly Figure, a Picture with `svg`, or a Figure.
def draw(figure: Figure, backend: Optional[str] = None) -> Any: ...
def history(
    study: _Studies,
    *,
    objective: _Objective = 0,
    target: _Target = None,
    target_name: Optional[str] = None,
    error_bar: bool = False,
    log: bool = False,
    backend: Optional[str] = None,
) -> Any: ...
def edf(
    study: _Studies, *, objective: _Objective = 0, target: _Target = None, target_name: Optional[str] = None, backend: Optional[str] = None
) -> Any: ...
def hypervolume_history(
    study: Study, reference_point: Sequence[float], *, title: str = "Hypervolume", backend: Optional[str] = None
) -> Any: ...
def parallel(
    study: Study,
    params: _Params = None,
    *,
    objective: _Objective = 0,
    target: _Target = None,
    target_name: Optional[str] = None,
    backend: Optional[str] = None,
) -> Any: ...
def slice(
    study: Study,
    params: _Params = None,
    *,
    objective: _Objective = 0,
    target: _Target = None,
    target_name: Optional[str] = None,
    backend: Optional[str] = None,
) -> Any: ...
def contour(
    study: Study,
    params: _Params = None,
    *,
    objective: _Objective = 0,
    target: _Target = None,
    target_name: Optional[str] = None,
    backend: Optional[str] = None,
) -> Any: ...
def rank(
    study: Study,
    params: _Params = None,
    *,
    objective: _Objective = 0,
    target: _Target = None,
    target_name: Optional[str] = None,
    backend: Optional[str] = None,
) -> Any: ...
def pareto(
    study: Study, *, objectives: Optional[Sequence[_Objective]] = None, dominated: bool = True, backend: Optional[str] = None
) -> Any: ...
def curves(study: Study, *, objective: _Objective = 0, log: bool = False, backend: Optional[str] = None) -> Any: ...
def timeline(study: Study, *, by: str = "lane", recent: Optional[int] = None, backend: Optional[str] = None) -> Any: ...
