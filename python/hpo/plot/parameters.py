# SPDX-License-Identifier: Apache-2.0
"""The objective over the parameters: parallel coordinates, slices, contours, ranks."""

import itertools
import math

from ..exceptions import InvalidError
from .figure import ABSENT, Axis, Cells, Figure, Panel, Parallel, Points, Scale, ends, place, text_of, ticks
from .view import View

MOST_PAIRED = 6  # parameters that are paired without being asked for
GRID = 40  # cells of a contour, each way


def parallel(study, params=None, *, objective=0, target=None, target_name=None):
    """Parallel coordinates: a line a complete trial, dark where it is good; "-" where it does not have the parameter."""
    view = View(study, objective, target, target_name)
    figure = Figure("Parallel coordinates", scale=view.scale())
    names = view.chosen(params)
    if not view.complete:
        figure.note = view.why_empty()
        return figure
    numbers = sorted(view.complete, key=lambda i: view.y[i], reverse=not view.maximize)  # the best on top
    axes, columns = [], []
    for axis, values in [(Axis(view.title), view.y)] + [(view.axis(n), view.coordinates(n)) for n in names]:
        marks, positions = _positions(axis, [values[i] for i in numbers])
        axes.append((axis.title, marks))
        columns.append(positions)
    figure.parallel = Parallel(axes, [list(r) for r in zip(*columns)], [view.y[i] for i in numbers], view.texts(numbers))
    if view.infeasible:
        figure.note = f"{len(view.infeasible)} infeasible trials not shown"
    return figure


def _positions(axis, values):
    """([(position, text)], positions) of the values on an axis from 0 to 1."""
    absent = any(v is None for v in values)
    marks = [(ABSENT, "-")] if absent else []
    if axis.scale == "labels":
        n = len(axis.labels)
        marks += [((i + 0.5) / n, text) for i, text in enumerate(axis.labels)]
        return marks, [ABSENT if v is None else (v + 0.5) / n for v in values]
    known = [v for v in values if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    shown = sorted({low, high, *ticks(axis.scale, low, high, 5)})
    marks += [(place(axis.scale, low, high, v), text_of(v)) for v in _apart(axis.scale, low, high, shown)]
    return marks, [ABSENT if v is None else place(axis.scale, low, high, v) for v in values]


def _apart(scale, low, high, shown):
    """Both ends, and what stands far enough from them to be read."""
    inside = [v for v in shown if low < v < high and 0.07 < place(scale, low, high, v) < 0.93]
    return [low, *inside, high] if high > low else [low]


def slice(study, params=None, *, objective=0, target=None, target_name=None):
    """The objective over each parameter alone; dark: late trials."""
    view = View(study, objective, target, target_name)
    names = view.chosen(params)
    figure = Figure("Slices", columns=min(4, max(1, len(names))))
    if not view.complete and not view.infeasible:
        figure.note = view.why_empty()
        figure.panels = [Panel(Axis(), Axis(view.title), note=figure.note)]
        return figure
    figure.scale = Scale("trial", 0, max(1, view.n - 1))
    for name in names:
        at = view.coordinates(name)
        panel = Panel(view.axis(name), Axis(view.title))
        for numbers, role in ((view.infeasible, "infeasible"), (view.complete, "complete")):
            numbers = [i for i in numbers if at[i] is not None]
            if numbers:
                panel.marks.append(
                    Points(
                        [at[i] for i in numbers],
                        [view.y[i] for i in numbers],
                        role,
                        role,
                        view.texts(numbers),
                        colour=numbers if role == "complete" else None,
                    )
                )
        if not panel.marks:
            panel.note = f"no complete trial has {name}"
        figure.panels.append(panel)
    return figure


def _pairs(view, params):
    names = view.chosen(params, least=2)
    if len(names) < 2:
        raise InvalidError(f"a pair of parameters is needed: the study has {', '.join(names) or 'none'}")
    if params is None and len(names) > MOST_PAIRED:
        raise InvalidError(
            f"{len(names)} parameters make {len(names) * (len(names) - 1) // 2} pairs: name those to draw, params=[{names[0]!r}, ...]"
        )
    pairs = list(itertools.combinations(names, 2))
    return pairs, 1 if len(pairs) == 1 else min(3, len(pairs))


def contour(study, params=None, *, objective=0, target=None, target_name=None):
    """The objective over pairs of parameters: the trials, and a surface between them.

    The surface is the mean of the trials weighted by 1 / distance^4 in the unit square of the two axes (Shepard 1968):
    exact at the trials, never beyond them, and blind to the other parameters.
    """
    view = View(study, objective, target, target_name)
    pairs, columns = _pairs(view, params)
    figure = Figure("Contours", columns=columns, scale=view.scale())
    for a, b in pairs:
        panel = Panel(view.axis(a), view.axis(b))
        xs, ys = view.coordinates(a), view.coordinates(b)
        numbers = [i for i in view.complete if xs[i] is not None and ys[i] is not None]
        if numbers:
            x, y, z = ([column[i] for i in numbers] for column in (xs, ys, view.y))
            panel.marks = [surface(panel.x, panel.y, x, y, z), Points(x, y, "trial", "", view.texts(numbers))]
        else:
            panel.note = view.why_empty() if not view.complete else f"no complete trial has both {a} and {b}"
            figure.note = panel.note
        figure.panels.append(panel)
    return figure


def _grid(axis, values):
    """Places of a surface's columns, and where they stand between 0 and 1."""
    if axis.scale == "labels":
        n = len(axis.labels)
        return [float(i) for i in range(n)], [(i + 0.5) / n for i in range(n)], (-0.5, n - 0.5)
    low, high = ends(axis, values)
    at = [i / (GRID - 1) for i in range(GRID)]
    if axis.scale == "log":
        return [math.exp(math.log(low) + t * math.log(high / low)) for t in at], at, (low, high)
    return [low + t * (high - low) for t in at], at, (low, high)


def surface(x_axis, y_axis, x, y, z):
    """Shepard's interpolant of (x, y, z) on a grid over both axes."""
    gx, ux, (x0, x1) = _grid(x_axis, x)
    gy, uy, (y0, y1) = _grid(y_axis, y)
    cells = {}  # trials at one place, and all trials in one small square, count as their mean
    for a, b, v in zip(x, y, z):
        u, w = place(x_axis.scale, x0, x1, a), place(y_axis.scale, y0, y1, b)
        at = (round(u * 3 * GRID), round(w * 3 * GRID))
        s = cells.setdefault(at, [0.0, 0.0, 0.0, 0])
        s[0] += u
        s[1] += w
        s[2] += v
        s[3] += 1
    points = [(u / n, w / n, v / n, n) for u, w, v, n in cells.values()]
    out = []
    for w in uy:
        row = []
        for u in ux:
            total = weight = 0.0
            for pu, pw, v, n in points:
                d = (u - pu) ** 2 + (w - pw) ** 2
                k = n / (d * d + 1e-12)
                total += k * v
                weight += k
            row.append(total / weight)
        out.append(row)
    return Cells(gx, gy, out)


def ranks(values):
    """Ranks from 0 to 1, ties share their mean rank."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    out = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in order[i : j + 1]:
            out[k] = (i + j) / 2 / max(1, len(values) - 1)
        i = j + 1
    return out


def rank(study, params=None, *, objective=0, target=None, target_name=None):
    """Pairs of parameters, each trial coloured by the rank of its value: robust against outliers of any size."""
    view = View(study, objective, target, target_name)
    pairs, columns = _pairs(view, params)
    figure = Figure("Ranks", columns=columns, scale=Scale(f"rank of {view.title}, 0: the best", 0.0, 1.0, reverse=True))
    sign = -1 if view.maximize else 1
    by_number = dict(zip(view.complete, ranks([sign * view.y[i] for i in view.complete])))
    for a, b in pairs:
        panel = Panel(view.axis(a), view.axis(b))
        xs, ys = view.coordinates(a), view.coordinates(b)
        numbers = [i for i in view.complete if xs[i] is not None and ys[i] is not None]
        if numbers:
            panel.marks = [
                Points([xs[i] for i in numbers], [ys[i] for i in numbers], "complete", "", view.texts(numbers), [by_number[i] for i in numbers])
            ]
        else:
            panel.note = figure.note = view.why_empty() if not view.complete else f"no complete trial has both {a} and {b}"
        figure.panels.append(panel)
    return figure
