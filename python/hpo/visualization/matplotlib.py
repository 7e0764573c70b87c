# SPDX-License-Identifier: Apache-2.0
"""Optuna's names for the pictures of hpo.plot, drawn with matplotlib: each returns Axes, or an array of them."""

import functools
import importlib.util

from .. import plot
from .optuna_names import PLOTS


def is_available():
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def _drawn(make):
    @functools.wraps(make)
    def show(*args, **options):
        figure = make(*args, **options)
        drawn = plot.draw(figure, "matplotlib")
        axes = drawn.axes[: max(1, len(figure.panels))]  # without those of colour bars
        if len(axes) == 1:
            return axes[0]
        import numpy as np

        return np.array(axes, dtype=object)

    return show


globals().update({name: _drawn(make) for name, make in PLOTS.items()})

__all__ = ["is_available", *PLOTS]
