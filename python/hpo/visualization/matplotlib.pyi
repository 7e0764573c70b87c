# SPDX-License-Identifier: Apache-2.0
from typing import Any, Callable, NoReturn, Optional, Sequence

from ..study import Study
from ..trial import FrozenTrial

_Target = Optional[Callable[[FrozenTrial], float]]

__all__ = [
    "is_available",
    "plot_contour",
    "plot_edf",
    "plot_hypervolume_history",
    "plot_intermediate_values",
    "plot_optimization_history",
    "plot_parallel_coordinate",
    "plot_param_importances",
    "plot_pareto_front",
    "plot_rank",
    "plot_slice",
    "plot_terminator_improvement",
    "plot_timeline",
]

def is_available() -> bool: ...
def plot_optimization_history(
    study: Any, *, target: _Target = None, target_name: str = "Objective Value", error_bar: bool = False
) -> Any: ...
def plot_edf(study: Any, *, target: _Target = None, target_name: str = "Objective Value") -> Any: ...
def plot_hypervolume_history(study: Study, reference_point: Sequence[float]) -> Any: ...
def plot_parallel_coordinate(
    study: Study, params: Optional[Sequence[str]] = None, *, target: _Target = None, target_name: str = "Objective Value"
) -> Any: ...
def plot_slice(
    study: Study, params: Optional[Sequence[str]] = None, *, target: _Target = None, target_name: str = "Objective Value"
) -> Any: ...
def plot_contour(
    study: Study, params: Optional[Sequence[str]] = None, *, target: _Target = None, target_name: str = "Objective Value"
) -> Any: ...
def plot_rank(
    study: Study, params: Optional[Sequence[str]] = None, *, target: _Target = None, target_name: str = "Objective Value"
) -> Any: ...
def plot_pareto_front(
    study: Study,
    *,
    target_names: Optional[Sequence[str]] = None,
    include_dominated_trials: bool = True,
    axis_order: Optional[Sequence[int]] = None,
    constraints_func: None = None,
    targets: None = None,
) -> Any: ...
def plot_intermediate_values(study: Study) -> Any: ...
def plot_timeline(study: Study, n_recent_trials: Optional[int] = None) -> Any: ...
def plot_param_importances(study: Study, *args: Any, **kwargs: Any) -> NoReturn: ...
def plot_terminator_improvement(study: Study, *args: Any, **kwargs: Any) -> NoReturn: ...
