# SPDX-License-Identifier: Apache-2.0
"""The objective over the trials: optimisation history, empirical distribution, hypervolume."""

import math

from ..exceptions import InvalidError
from ..trial import TrialState
from .figure import Axis, Figure, Line, Panel, Points
from .view import View, studies_of


def history(study, *, objective=0, target=None, target_name=None, error_bar=False, log=False):
    """The objective of each trial, and the best so far.

    Several studies: one colour each; error_bar: mean and standard deviation over them at each trial number instead.
    Trials with standard errors (sem) have bars of that length.
    """
    views = [View(s, objective, target, target_name) for s in studies_of(study)]
    first = views[0]
    panel = Panel(Axis("trial"), Axis(first.title, "log" if log else "linear"))
    figure = Figure("Optimisation history", [panel])
    if not any(v.complete or v.pruned or v.infeasible for v in views):
        panel.note = figure.note = first.why_empty()
        return figure
    if error_bar:
        panel.marks = _over_studies(views)
        return figure
    for k, view in enumerate(views):
        several = len(views) > 1
        name = f"{view.study.study_name}: " if several else ""
        role = f"series{k}" if several else "complete"
        for numbers, kind in ((view.infeasible, "infeasible"), (view.pruned, "pruned"), (view.complete, role)):
            if numbers:
                word = "complete" if kind == role else kind
                panel.marks.append(
                    Points(
                        numbers, [view.y[i] for i in numbers], kind, name + word, view.texts(numbers), error=_errors(view, numbers)
                    )
                )
        best = view.best_so_far()
        if best and target is None:
            x, y = [i for i, _ in best] + [view.n - 1], [v for _, v in best] + [best[-1][1]]
            panel.marks.append(Line(x, y, role if several else "best", name + "best so far", steps=True))
    _count_failed(figure, views)
    return figure


def _errors(view, numbers):
    if view.target is not None or len(view.table.sems) != 1:
        return None
    sems = [view.table.sems[0][i] for i in numbers]
    return sems if any(s > 0 for s in sems) else None


def _count_failed(figure, views):
    failed = sum(v.states.count(TrialState.FAIL) for v in views)
    if failed:
        figure.note = f"{failed} failed trial{'s' if failed > 1 else ''} without a value not shown"


def mean_and_sd(values):
    """Mean and sample standard deviation (0 of one value)."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _over_studies(views):
    """Points with bars, and the mean incumbent with a band; at each number the studies that have come that far."""
    x, mean, sd, bx, best_mean, low, high = [], [], [], [], [], [], []
    tracks = []
    for view in views:
        track, best, steps = [], None, dict(view.best_so_far())
        for i in range(view.n):
            best = steps.get(i, best)
            track.append(best)
        tracks.append(track)
    for i in range(max(v.n for v in views)):
        now = [v.y[i] for v in views if i < v.n and v.states[i] == TrialState.COMPLETE and math.isfinite(v.y[i])]
        if now:
            m, s = mean_and_sd(now)
            x.append(i), mean.append(m), sd.append(s)
        now = [t[i] for t in tracks if i < len(t) and t[i] is not None]
        if now:
            m, s = mean_and_sd(now)
            bx.append(i), best_mean.append(m), low.append(m - s), high.append(m + s)
    n = f"{len(views)} studies"
    marks = [Points(x, mean, "complete", f"mean of {n}", error=sd)]
    if views[0].target is None:
        marks.append(Line(bx, best_mean, "best", f"best so far, mean of {n}", steps=True, low=low, high=high))
    return marks


def edf(study, *, objective=0, target=None, target_name=None):
    """Which share of the complete trials is at most that value: to compare studies, or samplers."""
    views = [View(s, objective, target, target_name) for s in studies_of(study)]
    panel = Panel(Axis(views[0].title), Axis("share of trials", low=0.0, high=1.0))
    figure = Figure("Empirical distribution of the objective", [panel])
    every = [v.y[i] for v in views for i in v.complete]
    if not every:
        panel.note = figure.note = views[0].why_empty()
        return figure
    low, high = min(every), max(every)
    for k, view in enumerate(views):
        y = sorted(view.y[i] for i in view.complete)
        if y:
            n = len(y)
            panel.marks.append(
                Line([low, *y, high], [0.0, *((i + 1) / n for i in range(n)), 1.0], f"series{k}", view.study.study_name, steps=True)
            )
    return figure


def hypervolume_history(study, reference_point, *, title="Hypervolume"):
    """The volume that the Pareto front dominates, up to the reference point, after each trial."""
    n = len(study.directions)
    reference = [float(v) for v in reference_point]
    if n < 2:
        raise InvalidError("hypervolume is for studies with several objectives: use `history`")
    if len(reference) != n:
        raise InvalidError(f"the reference point has {len(reference)} values: the study has {n} objectives")
    view = View(study)
    signs = [-1.0 if d.name == "MAXIMIZE" else 1.0 for d in study.directions]
    ref = [s * v for s, v in zip(signs, reference)]
    front, volume, x, y = [], 0.0, [], []
    for i in range(view.n):
        if view.states[i] != TrialState.COMPLETE or not view.feasible[i]:
            continue
        p = [s * column[i] for s, column in zip(signs, view.table.values)]
        if all(a < b for a, b in zip(p, ref)) and not any(_covers(q, p) for q in front):
            front = [q for q in front if not _covers(p, q)] + [p]
            volume = hypervolume(front, ref)
        x.append(i), y.append(volume)
    panel = Panel(Axis("trial"), Axis("hypervolume", low=0.0))
    figure = Figure(title, [panel])
    if x:
        panel.marks.append(Line(x, y, "series0", "hypervolume", steps=True))
    else:
        panel.note = figure.note = view.why_empty()
    return figure


def _covers(p, q):
    return all(a <= b for a, b in zip(p, q))


def hypervolume(points, reference):
    """Volume between mutually non-dominated points (minimised) and the reference, by slices along the last objective."""
    if len(reference) == 1:
        return max(0.0, reference[0] - min(p[0] for p in points)) if points else 0.0
    total, slab = 0.0, sorted(points, key=lambda p: p[-1])
    for i, p in enumerate(slab):
        top = slab[i + 1][-1] if i + 1 < len(slab) else reference[-1]
        if top > p[-1]:
            below = [q[:-1] for q in slab[: i + 1]]
            keep = [q for j, q in enumerate(below) if not any(_covers(o, q) and (o != q or k < j) for k, o in enumerate(below) if k != j)]
            total += (top - p[-1]) * hypervolume(keep, reference[:-1])
    return total
