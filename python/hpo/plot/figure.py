# SPDX-License-Identifier: Apache-2.0
"""What a picture consists of.  The data layer (progress.py, parameters.py, trials.py) makes a Figure of a study, and a drawing
layer (draw_svg.py, draw_matplotlib.py, draw_plotly.py) draws any Figure: none of them knows what the others do.

Coordinates are numbers in the axes' own units; on an axis of labels they are the positions 0, 1, 2 ...
"""

import math
from dataclasses import dataclass, field
from typing import Optional

# Kinds of trials and what they look like everywhere: (colour, marker).  Okabe and Ito's palette (2008), which people
# with the common kinds of colour blindness can tell apart; the marker says it once more.
ROLES = {
    "complete": ("#0072b2", "circle"),
    "best": ("#d55e00", "diamond"),
    "pruned": ("#e69f00", "square"),
    "infeasible": ("#9a9a9a", "cross"),
    "failed": ("#b00020", "cross"),
    "running": ("#009e73", "circle"),
    "waiting": ("#cccccc", "circle"),
    "paused": ("#cc79a7", "square"),
    "dominated": ("#9cc3dc", "circle"),
    "trial": ("#d55e00", "circle"),  # any trial, over a surface
}
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#5c5c5c")
# Dark is good: light grey-blue to dark blue.
SEQUENTIAL = ("#dbe6f0", "#a6c8e0", "#6aaed6", "#3182bd", "#08519c", "#08264f")


def colour_of(role):
    """Colour of a role, or of a series ("series3")."""
    return SERIES[int(role[6:]) % len(SERIES)] if role.startswith("series") else ROLES[role][0]


def marker_of(role):
    return "circle" if role.startswith("series") else ROLES[role][1]


@dataclass
class Axis:
    """scale: "linear", "log" or "labels" (then `labels` are the texts of 0, 1, ...)."""

    title: str = ""
    scale: str = "linear"
    labels: tuple = ()
    low: Optional[float] = None  # ends; None: from the data
    high: Optional[float] = None


@dataclass
class Points:
    x: list
    y: list
    role: str = "complete"
    name: str = ""
    texts: Optional[list] = None  # shown at the pointer
    colour: Optional[list] = None  # numbers on the figure's scale, in place of the role's colour
    error: Optional[list] = None  # half widths of bars in y; NaN: none


@dataclass
class Line:
    x: list
    y: list
    role: str = "series0"
    name: str = ""
    steps: bool = False  # values hold until the next x
    thin: bool = False
    low: Optional[list] = None  # a band around it
    high: Optional[list] = None


@dataclass
class Bars:
    """Horizontal bars: rows, and where they begin and end."""

    row: list
    start: list
    end: list
    role: str = "complete"
    name: str = ""
    texts: Optional[list] = None


@dataclass
class Cells:
    """A surface: z[j][i] at x[i], y[j]."""

    x: list
    y: list
    z: list


@dataclass
class Scale:
    """What colours mean.  They saturate at both ends."""

    title: str
    low: float
    high: float
    reverse: bool = False  # True: small numbers are dark


@dataclass
class Panel:
    x: Axis
    y: Axis
    marks: list = field(default_factory=list)
    title: str = ""
    guides: list = field(default_factory=list)  # [(x, text)]: vertical lines
    note: str = ""  # in the middle of a panel without marks


@dataclass
class Parallel:
    """Parallel coordinates.  axes: [(title, [(position, text)])], positions 0 to 1; ABSENT stands below."""

    axes: list
    rows: list
    colour: list
    texts: Optional[list] = None


ABSENT = -0.12


@dataclass
class Figure:
    title: str
    panels: list = field(default_factory=list)
    columns: int = 1
    scale: Optional[Scale] = None
    parallel: Optional[Parallel] = None
    note: str = ""  # why there is nothing, or what was left out


# ---- numbers on axes ------------------------------------------------------------------------------------------


def ends(axis, values):
    """(low, high) of an axis that shows the values, with a margin."""
    if axis.scale == "labels":
        return -0.5, max(len(axis.labels), 1) - 0.5
    values = [v for v in values if v is not None and math.isfinite(v) and (axis.scale != "log" or v > 0)]
    if axis.low is not None:
        values.append(axis.low)
    if axis.high is not None:
        values.append(axis.high)
    if not values:
        return (0.1, 1.0) if axis.scale == "log" else (0.0, 1.0)
    low, high = min(values), max(values)
    if axis.scale == "log":
        margin = (high / low) ** 0.04 if high > low else 2.0
        return low / margin, high * margin
    margin = 0.04 * (high - low) if high > low else 0.5 * abs(high) or 0.5
    return low - margin, high + margin


def ticks(scale, low, high, most=6):
    """Round numbers between low and high."""
    if scale == "log":
        a, b = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if b - a >= 1:
            every = max(1, math.ceil((b - a + 1) / most))
            return [10.0**k for k in range(a, b + 1, every)]
        out = [m * 10.0**k for k in range(a - 1, b + 2) for m in (1, 2, 5)]
        return [v for v in out if low <= v <= high] or ticks("linear", low, high, most)
    if not high > low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def text_of(value):
    """A value as short as it can be read."""
    if isinstance(value, float):
        if value == 0:
            return "0"
        if 1e-3 <= abs(value) < 1e5:
            return f"{value:.3g}" if abs(value) < 1000 else f"{value:.5g}"
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}" if "." in digits else f"{digits}e{int(power)}"
    return str(value)


def place(scale, low, high, v):
    """Where v stands between low (0) and high (1)."""
    if scale == "log":
        low, high, v = math.log(low), math.log(high), math.log(v)
    return (v - low) / (high - low) if high > low else 0.5


def shade(scale, v):
    """Darkness of a number on a colour scale, 0 to 1."""
    t = min(1.0, max(0.0, place("linear", scale.low, scale.high, v)))
    return 1 - t if scale.reverse else t
