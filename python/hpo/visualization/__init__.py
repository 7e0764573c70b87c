# SPDX-License-Identifier: Apache-2.0
"""Optuna's names for the pictures of hpo.plot, drawn with plotly; hpo.visualization.matplotlib draws with matplotlib."""

import functools
import importlib.util

from .. import plot
from .optuna_names import PLOTS


def is_available():
    """Whether plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


def _drawn(make):
    @functools.wraps(make)
    def show(*args, **options):
        return plot.draw(make(*args, **options), "plotly")

    return show


globals().update({name: _drawn(make) for name, make in PLOTS.items()})

from . import matplotlib  # noqa: E402

__all__ = ["is_available", "matplotlib", *PLOTS]
