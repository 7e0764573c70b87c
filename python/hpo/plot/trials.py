# SPDX-License-Identifier: Apache-2.0
"""Trials as such: Pareto front, learning curves, timeline."""

import itertools
import json
import math
from datetime import datetime

from ..exceptions import InvalidError
from ..trial import TrialState
from .figure import Axis, Bars, Figure, Line, Panel, Points
from .view import View

WORD = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
    TrialState.PAUSED: "paused",
}


def pareto(study, *, objectives=None, dominated=True):
    """The Pareto front of each pair of objectives (or of those named by number): the front of all objectives is marked."""
    n = len(study.directions)
    if n < 2:
        raise InvalidError("a Pareto front needs several objectives: use `history`")
    view = View(study)
    chosen = list(range(n)) if objectives is None else [_objective(view, o) for o in objectives]
    pairs = list(itertools.combinations(chosen, 2))
    if not pairs:
        raise InvalidError("objectives names one objective: give two or more")
    figure = Figure("Pareto front", columns=min(3, len(pairs)))
    front = {t.number for t in study.best_trials} if view.complete or view.infeasible else set()
    complete = [i for i in range(view.n) if view.states[i] == TrialState.COMPLETE]
    kinds = (
        ([i for i in complete if not view.feasible[i]] if dominated else [], "infeasible"),
        ([i for i in complete if view.feasible[i] and i not in front] if dominated else [], "dominated"),
        (sorted(front), "best"),
    )
    for a, b in pairs:
        x, y = view.table.values[a], view.table.values[b]
        panel = Panel(Axis(view.names[a]), Axis(view.names[b]))
        for numbers, role in kinds:
            if numbers:
                name = "Pareto-optimal" if role == "best" else role
                panel.marks.append(Points([x[i] for i in numbers], [y[i] for i in numbers], role, name, _texts(view, numbers)))
        if n == 2 and front:
            order = sorted(front, key=lambda i: (x[i], y[i]))
            panel.marks.append(Line([x[i] for i in order], [y[i] for i in order], "best", "", thin=True))
        if not panel.marks:
            panel.note = figure.note = view.why_empty()
        figure.panels.append(panel)
    return figure


def _objective(view, one):
    if isinstance(one, str):
        if one not in view.names:
            raise InvalidError(f"the study has no objective {one!r}: it has {', '.join(view.names)}")
        return view.names.index(one)
    if not 0 <= one < len(view.names):
        raise InvalidError(f"objective is {one}: the study has {len(view.names)}, numbered from 0")
    return one


def _texts(view, numbers):
    out = []
    for i in numbers:
        lines = view.text(i).split("\n")
        values = [f"{name} = {column[i]:.6g}" for name, column in zip(view.names, view.table.values)]
        out.append("\n".join([lines[0], *values, *lines[2:]]))
    return out


def curves(study, *, objective=0, log=False):
    """Learning curves: what each trial reported, and how it ended.  Vertical lines: the rungs of the scheduler.

    Reports of folds count as their mean over the folds at that step.
    """
    view = View(study, objective)
    if isinstance(objective, str):
        objective = view.names.index(objective)
    panel = Panel(Axis("step"), Axis(view.title, "log" if log else "linear"))
    figure = Figure("Learning curves", [panel])
    ended = {}
    best = view.best_so_far()[-1][0] if view.complete else -1
    order = [i for i in range(view.n) if view.table.reports[i] and i != best] + ([best] if best >= 0 else [])
    for i in order:
        curve = curve_of(view, i, objective)
        if not curve:
            continue
        x, y = [s for s, _ in curve], [v for _, v in curve]
        word = "best" if i == best else WORD[view.states[i]]
        if word == "complete" and not view.feasible[i]:
            word = "infeasible"
        panel.marks.append(Line(x, y, word, f"trial {i}", thin=i != best))
        px, py, numbers = ended.setdefault(word, ([], [], []))
        px.append(x[-1]), py.append(y[-1]), numbers.append(i)
    for word, (x, y, numbers) in ended.items():
        panel.marks.append(Points(x, y, word, "best trial" if word == "best" else word, view.texts(numbers)))
    if not panel.marks:
        panel.note = figure.note = f"no trial of study '{study.study_name}' has reported: use trial.report(value, step)"
        return figure
    last = max(max(m.x) for m in panel.marks)
    panel.guides = [(r, f"rung {r:g}") for r in _rungs(view) if 0 < r <= last]
    return figure


def _rungs(view):
    """Resources of the rungs; rules that compare at every step have none."""
    if not (view.table.summary["scheduler"] or "").startswith(("asha", "pasha", "halving", "hyperband")):
        return []
    return sorted({rung["resource"] for rung in json.loads(view.study._look.rungs()).get("rungs", ())})


def curve_of(view, number, objective=0, finite=True):
    """[(step, value)] of a trial's reports, ascending; the mean over folds where there are some.  NaN is left out, and
    with `finite` infinities are."""
    steps = {}
    for step, values, _, _ in view.table.report_lists(number):
        v = values[objective]
        if math.isfinite(v) or (not finite and v == v):
            steps.setdefault(step, []).append(v)
    return [(step, sum(v) / len(v)) for step, v in sorted(steps.items())]


UNITS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "days"))


def timeline(study, *, by="lane", recent=None):
    """When each trial ran.  by "lane": a row for each trial that ran at the same time; "worker": a row a worker; "trial".

    recent: only the last so many trials.
    """
    if by not in ("lane", "worker", "trial"):
        raise InvalidError(f"by is {by!r}: use 'lane', 'worker' or 'trial'")
    view = View(study)
    started, ended = view.table.started, view.table.ended
    numbers = [i for i in range(view.n) if started[i] > 0]
    if recent is not None:
        numbers = numbers[-recent:]
    panel = Panel(Axis("time"), Axis({"lane": "running at once", "worker": "", "trial": "trial"}[by]))
    figure = Figure("Timeline", [panel])
    if not numbers:
        panel.note = figure.note = f"no trial of study '{study.study_name}' has started"
        return figure
    first = min(started[i] for i in numbers)
    now = max(max(started[i], ended[i]) for i in numbers)
    if any(ended[i] < started[i] for i in numbers):
        now = max(now, view.table.summary["last_ms"])  # something runs still
    unit, word = max((u for u in UNITS if u[0] <= max(1.0, (now - first) / 2000)), key=lambda u: u[0])
    panel.x.title = f"{word} since {datetime.fromtimestamp(first / 1000):%Y-%m-%d %H:%M:%S}"
    end = {i: ended[i] if ended[i] >= started[i] else now for i in numbers}
    rows, panel.y.labels = _rows(view, numbers, started, end, by)
    if panel.y.labels:
        panel.y.scale = "labels"
    groups = {}
    for i in numbers:
        word = WORD[view.states[i]]
        if word == "complete" and not view.feasible[i]:
            word = "infeasible"
        groups.setdefault(word, []).append(i)
    for word, group in groups.items():
        panel.marks.append(
            Bars(
                [rows[i] for i in group],
                [(started[i] - first) / 1000 / unit for i in group],
                [(end[i] - first) / 1000 / unit for i in group],
                word,
                word,
                [f"{view.text(i)}\n{(end[i] - started[i]) / 1000:.3g} s" for i in group],
            )
        )
    return figure


def _rows(view, numbers, started, end, by):
    """({number: row}, labels of the rows)."""
    if by == "trial":
        return {i: i for i in numbers}, ()
    if by == "worker":
        workers = view.table.texts("worker")
        names = list(dict.fromkeys(workers[i] or "-" for i in numbers))
        at = {name: k for k, name in enumerate(names)}
        return {i: at[workers[i] or "-"] for i in numbers}, tuple(names)
    free, rows = [], {}  # when each lane is free again
    for i in sorted(numbers, key=lambda i: (started[i], i)):
        lane = next((k for k, t in enumerate(free) if t <= started[i]), len(free))
        if lane == len(free):
            free.append(0)
        free[lane] = end[i]
        rows[i] = lane
    return rows, tuple(str(k + 1) for k in range(len(free)))
