# SPDX-License-Identifier: Apache-2.0
import os
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Union

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin

from ..samplers import BaseSampler
from ..space import Space
from ..storages import Storage
from ..study import Study
from ..trial import FixedTrial, FrozenTrial, Trial

__all__ = ["NestedResult", "SearchCV", "cross_validate", "nested_cross_validate"]

# What scikit-learn takes: arrays, frames, sparse matrices, lists.
_Data = Any
_Scoring = Union[None, str, Callable[..., Any], Sequence[str], Mapping[str, Any]]
_Cv = Union[None, int, Any]
_Space = Union[str, Space, Mapping[str, Any], Sequence[Mapping[str, Any]]]

class SearchCV(MetaEstimatorMixin, BaseEstimator):
    estimator: Any
    space: _Space
    n_iter: Optional[int]
    scoring: _Scoring
    n_jobs: Optional[int]
    refit: Union[bool, str, Callable[[dict[str, Any]], int]]
    cv: _Cv
    verbose: int
    error_score: Union[float, str]
    return_train_score: bool
    random_state: Any
    sampler: Union[None, str, BaseSampler, type[BaseSampler]]
    scheduler: Any
    resource: Optional[str]
    min_resource: Union[float, str]
    max_resource: Union[float, str]
    lag: Optional[int]
    timeout: Optional[float]
    until: Optional[str]
    objective: Union[None, str, Sequence[str]]
    initial: Optional[Iterable[Mapping[str, Any]]]
    storage: Union[None, str, "os.PathLike[str]", Storage]
    study_name: Optional[str]
    # after fit
    cv_results_: dict[str, Any]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    best_estimator_: Any
    refit_time_: float
    scorer_: Any
    multimetric_: bool
    n_splits_: int
    feature_names_in_: Any
    study_: Study
    def __init__(
        self,
        estimator: Any,
        space: _Space,
        *,
        n_iter: Optional[int] = 50,
        scoring: _Scoring = None,
        n_jobs: Optional[int] = None,
        refit: Union[bool, str, Callable[[dict[str, Any]], int]] = True,
        cv: _Cv = None,
        verbose: int = 0,
        error_score: Union[float, str] = ...,
        return_train_score: bool = False,
        random_state: Any = None,
        sampler: Union[None, str, BaseSampler, type[BaseSampler]] = None,
        scheduler: Any = None,
        resource: Optional[str] = None,
        min_resource: Union[float, str] = "auto",
        max_resource: Union[float, str] = "auto",
        lag: Optional[int] = None,
        timeout: Optional[float] = None,
        until: Optional[str] = None,
        objective: Union[None, str, Sequence[str]] = None,
        initial: Optional[Iterable[Mapping[str, Any]]] = None,
        storage: Union[None, str, "os.PathLike[str]", Storage] = None,
        study_name: Optional[str] = None,
    ) -> None: ...
    def fit(self, X: _Data, y: Optional[_Data] = None, *, groups: Any = None, **fit_params: Any) -> "SearchCV": ...
    def score(self, X: _Data, y: Optional[_Data] = None) -> float: ...
    # those that the estimator has
    def predict(self, X: _Data) -> Any: ...
    def predict_proba(self, X: _Data) -> Any: ...
    def predict_log_proba(self, X: _Data) -> Any: ...
    def decision_function(self, X: _Data) -> Any: ...
    def transform(self, X: _Data) -> Any: ...
    def inverse_transform(self, X: _Data) -> Any: ...
    def score_samples(self, X: _Data) -> Any: ...
    @property
    def classes_(self) -> Any: ...
    @property
    def n_features_in_(self) -> int: ...
    def __sklearn_is_fitted__(self) -> bool: ...
    def __sklearn_tags__(self) -> Any: ...

class NestedResult:
    scores: dict[str, NDArray[Any]]
    inner: NDArray[Any]
    params: list[dict[str, Any]]
    sizes: list[tuple[int, int]]
    metric: str
    searches: list[Any]
    def __init__(
        self,
        scores: dict[str, NDArray[Any]],
        inner: NDArray[Any],
        params: list[dict[str, Any]],
        sizes: list[tuple[int, int]],
        metric: str,
        searches: list[Any],
    ) -> None: ...
    @property
    def mean(self) -> float: ...
    @property
    def inner_mean(self) -> float: ...
    @property
    def optimism(self) -> float: ...
    @property
    def std_err(self) -> float: ...
    def interval(self, level: float = 0.9) -> tuple[float, float]: ...

def cross_validate(
    trial: Union[Trial, FixedTrial, FrozenTrial],
    estimator: Any,
    X: _Data,
    y: Optional[_Data] = None,
    *,
    groups: Any = None,
    cv: _Cv = None,
    scoring: _Scoring = None,
    fit_params: Optional[Mapping[str, Any]] = None,
    pick: Optional[str] = None,
) -> float: ...
def nested_cross_validate(
    search: Any,
    X: _Data,
    y: Optional[_Data] = None,
    *,
    groups: Any = None,
    outer_cv: _Cv = 5,
    fit_params: Optional[Mapping[str, Any]] = None,
    return_searches: bool = False,
) -> NestedResult: ...
