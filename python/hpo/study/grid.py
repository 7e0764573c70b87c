# SPDX-License-Identifier: Apache-2.0
"""A grid of given values is the queue of its study."""

from ..trial import SYSTEM

GRID = SYSTEM + "grid"


def start_grid(study, sampler):
    """Enqueues the points of a sampler that has some."""
    if getattr(sampler, "search_space", None) is None or study._queue_only:
        return
    for point in sampler.points():
        study.enqueue_trial(point)
    study._do("set_attr", -1, GRID, "true")
    study._queue_only = True
