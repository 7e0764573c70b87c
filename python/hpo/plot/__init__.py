# SPDX-License-Identifier: Apache-2.0
"""Pictures of studies: hpo.plot.history(study), parallel, slice, contour, rank, pareto, hypervolume_history, curves,
timeline, edf.

Each computes what is to be seen (a Figure of figure.py) and has it drawn: backend="matplotlib", "plotly", "svg" (needs
nothing), or "data" for the Figure itself.  Default: matplotlib where it is installed, else svg.
"""

import functools
import importlib
import importlib.util
import inspect

from ..exceptions import InvalidError
from . import parameters as _parameters
from . import progress as _progress
from . import trials as _trials

BACKENDS = ("matplotlib", "plotly", "svg", "data")


def draw(figure, backend=None):
    """Draws a Figure: a matplotlib Figure, a plotly Figure, or a Picture with `svg` and `save(path)`."""
    if backend is None:
        backend = "matplotlib" if importlib.util.find_spec("matplotlib") else "svg"
    if backend == "data":
        return figure
    if backend not in BACKENDS:
        raise InvalidError(f"backend is {backend!r}: use {', '.join(BACKENDS)}")
    if backend != "svg" and importlib.util.find_spec(backend) is None:
        raise ImportError(f"{backend} is not installed: install it, or use backend='svg', which needs nothing")
    if figure.note:
        from .. import logging

        logging.info(f"{figure.title}: {figure.note}")
    return importlib.import_module(f"{__name__}.draw_{backend}").draw(figure)


def _drawn(make):
    @functools.wraps(make)
    def plot(study, *args, backend=None, **options):
        return draw(make(study, *args, **options), backend)

    signature = inspect.signature(make)
    last = inspect.Parameter("backend", inspect.Parameter.KEYWORD_ONLY, default=None)
    plot.__signature__ = signature.replace(parameters=[*signature.parameters.values(), last])
    return plot


history = _drawn(_progress.history)
edf = _drawn(_progress.edf)
hypervolume_history = _drawn(_progress.hypervolume_history)
parallel = _drawn(_parameters.parallel)
slice = _drawn(_parameters.slice)
contour = _drawn(_parameters.contour)
rank = _drawn(_parameters.rank)
pareto = _drawn(_trials.pareto)
curves = _drawn(_trials.curves)
timeline = _drawn(_trials.timeline)

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
