# SPDX-License-Identifier: Apache-2.0
from typing import Sequence, Union

from .distributions import BaseDistribution
from .study import Study
from .trial import FrozenTrial

class IntersectionSearchSpace:
    def __init__(self, include_pruned: bool = False) -> None: ...
    def calculate(self, study: Study, ordered_dict: bool = False) -> dict[str, BaseDistribution]: ...

def intersection_search_space(
    trials: Union[Study, Sequence[FrozenTrial]], include_pruned: bool = False, ordered_dict: bool = False
) -> dict[str, BaseDistribution]: ...
