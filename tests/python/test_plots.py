# SPDX-License-Identifier: Apache-2.0
"""Pictures: what is drawn, by values; that every backend draws it; columns against trials."""

import datetime
import itertools
import math
import random
import re
import warnings
import xml.etree.ElementTree as tree

import pytest

import hpo
from hpo import plot
from hpo.plot import figure as fig
from hpo.plot.progress import hypervolume
from hpo.plot.parameters import ranks, surface
from hpo.plot.trials import curve_of
from hpo.plot.view import View
from hpo.table import Table

BEGIN = datetime.datetime(2026, 1, 2, 3, 4, 5)


def add(study, value=None, state=hpo.TrialState.COMPLETE, params=None, start=0, seconds=1, **more):
    """A past trial with parameters of x's range (float), k's (int, log) and c's (categorical)."""
    ranges = {"x": hpo.Float(0, 10), "k": hpo.Int(1, 100, log=True), "c": hpo.Categorical(["a", "b", None])}
    params = params or {}
    trial = hpo.create_trial(
        state=state,
        **({"values": value} if isinstance(value, list) else {"value": value}),
        params=params,
        distributions={name: ranges[name] for name in params},
        **more,
    )
    trial.datetime_start = BEGIN + datetime.timedelta(seconds=start)
    trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=seconds)
    study.add_trial(trial)


@pytest.fixture
def mixed():
    """Six trials: complete, pruned, failed, infeasible; k exists where c is a."""
    study = hpo.create_study(study_name="mixed")
    add(study, 4.0, params={"x": 1.0, "c": "a", "k": 10}, start=0, seconds=4, intermediate_values={1: 9.0, 2: 4.0})
    add(study, 6.0, params={"x": 2.0, "c": "b"}, start=1, seconds=1, user_attrs={"note": "<&>"})
    add(study, 5.0, hpo.TrialState.PRUNED, params={"x": 3.0, "c": "a", "k": 1}, start=2, seconds=1, intermediate_values={1: 5.0})
    add(study, None, hpo.TrialState.FAIL, params={"x": 4.0, "c": "b"}, start=3)
    add(study, 1.0, params={"x": 5.0, "c": None}, start=5, constraints={"memory": 0.5})
    add(study, 2.0, params={"x": 6.0, "c": "a", "k": 100}, start=6, seconds=2)
    return study


# ---- columns ----------------------------------------------------------------------------------------------------


def same(a, b):
    return a == b or (a != a and b != b)


def test_table_agrees_with_trials(storage):
    random.seed(4)
    study = hpo.create_study(storage=storage, study_name="t", constraints=["memory"])

    def objective(trial):
        x = trial.suggest_float("x", 1e-3, 1, log=True)
        c = trial.suggest_categorical("c", ["a", ("b", 1), None, 2.5])
        if c == "a":
            x += trial.suggest_int("k", 1, 9)
        if random.random() < 0.5:
            trial.set_constraint("memory", random.gauss(0, 1))
            trial.set_constraint("other", 1.0)
        if random.random() < 0.3:
            trial.set_user_attr("n", trial.number)
        if random.random() < 0.2:
            raise ValueError("bad luck")
        return x

    study.optimize(objective, n_trials=40, catch=ValueError)
    study.enqueue_trial({"x": 0.5, "c": "a"})
    study.ask()
    study.enqueue_trial({"x": 0.25})
    table = Table(study)
    trials = study.trials
    assert table.state == [t.state for t in trials]
    params = table.params()
    for t in trials:
        i = t.number
        assert {name: column[i] for name, column in params.items() if column[i] is not None or name in t.params} == t.params
        assert same(table.values[0][i], math.nan if t.value is None else t.value)
        assert table.user_attrs().get(i, {}) == t.user_attrs
        assert {k: v[i] for k, v in table.constraints().items() if v[i] == v[i]} == t.constraints
        assert table.feasible()[i] == t.feasible
        assert (table.ended[i] > 0) == (t.datetime_complete is not None)


def test_feasible_at_the_limit():
    study = hpo.create_study(constraints={"time": 2.0})
    for i, seconds in enumerate((2.0, 2.5, 1.0)):
        trial = study.ask({"x": hpo.Float(0, 1)})
        trial.set_constraint("time", seconds)
        trial.set_constraint("memory", 0.0 if i < 2 else 0.1)
        study.tell(trial, 1.0)
    assert Table(study).feasible() == [t.feasible for t in study.trials] == [True, False, False]


def test_dataframe_by_columns(mixed):
    pd = pytest.importorskip("pandas")
    frame = mixed.trials_dataframe(attrs=("number", "value", "params", "state", "user_attrs", "constraints", "duration", "intermediate_values"))
    assert list(frame["number"]) == list(range(6))
    for t in mixed.trials:
        for name in ("x", "c", "k"):
            got = frame[f"params_{name}"][t.number]
            assert (pd.isna(got) and t.params.get(name) is None) or got == t.params[name]
        assert frame["state"][t.number] == t.state.name
        assert frame["duration"][t.number] == t.duration
        assert frame["intermediate_values"][t.number] == t.intermediate_values
    assert frame["user_attrs_note"][1] == "<&>" and pd.isna(frame["user_attrs_note"][0])
    assert frame["constraints_memory"][4] == 0.5
    frame.loc[0, "value"] = 3.0  # a copy: the study keeps its own
    assert mixed.trials[0].value == 4.0
    assert hpo.create_study().trials_dataframe().shape[0] == 0


def test_dataframe_of_other_kinds():
    pytest.importorskip("pandas")
    study = hpo.create_study(space="p: perm a,b,c; s: subset u,v; o: ordinal lo,hi; b: bool; f: const 3; x: 0..1 if b", seed=2)
    study.optimize(lambda t: t["o"] == "hi", n_trials=12)
    frame = study.trials_dataframe()
    for t in study.trials:
        for name in ("p", "s", "o", "b", "f"):
            assert frame[f"params_{name}"][t.number] == t.params[name]
        assert same(frame["params_x"][t.number], t.params.get("x", math.nan))


# ---- history ------------------------------------------------------------------------------------------------------


def test_history(mixed):
    figure = plot.history(mixed, backend="data")
    marks = {m.name: m for m in figure.panels[0].marks}
    assert (marks["complete"].x, marks["complete"].y) == ([0, 1, 5], [4.0, 6.0, 2.0])
    assert (marks["pruned"].x, marks["pruned"].y) == ([2], [5.0])
    assert (marks["infeasible"].x, marks["infeasible"].y) == ([4], [1.0])
    assert (marks["best so far"].x, marks["best so far"].y) == ([0, 5, 5], [4.0, 2.0, 2.0])
    assert figure.note == "1 failed trial without a value not shown"
    assert "c = a" in marks["complete"].texts[0] and "k = 10" in marks["complete"].texts[0]


def test_history_of_maximised_and_target():
    study = hpo.create_study(direction="maximize")
    for v in (1.0, 3.0, 2.0):
        add(study, v, params={"x": v})
    marks = plot.history(study, backend="data").panels[0].marks
    assert marks[-1].y == [1.0, 3.0, 3.0]
    figure = plot.history(study, target=lambda t: t.params["x"] * 2, target_name="twice", backend="data")
    assert [m.y for m in figure.panels[0].marks] == [[2.0, 6.0, 4.0]] and figure.panels[0].y.title == "twice"


def test_history_over_studies():
    studies = []
    for offset in (0.0, 2.0, 4.0):
        study = hpo.create_study(study_name=f"s{offset}")
        for v in (5.0, 7.0, 3.0)[: 3 if offset < 4 else 2]:
            add(study, v + offset, params={"x": v})
        studies.append(study)
    points, line = plot.history(studies, error_bar=True, backend="data").panels[0].marks
    assert points.y == [7.0, 9.0, 4.0] and points.error == pytest.approx([2.0, 2.0, math.sqrt(2)])
    assert line.y == [7.0, 7.0, 4.0]
    assert line.high == pytest.approx([9.0, 9.0, 4.0 + math.sqrt(2)]) and line.low[0] == pytest.approx(5.0)
    plain = plot.history(studies, backend="data").panels[0].marks
    assert {m.role for m in plain} == {"series0", "series1", "series2"}


def test_standard_errors_are_bars():
    study = hpo.create_study(noisy=True)
    for i in range(3):
        study.tell(study.ask({"x": hpo.Float(0, 1)}), float(i), sem=0.5 + i)
    assert plot.history(study, backend="data").panels[0].marks[0].error == [0.5, 1.5, 2.5]


def test_edf(mixed):
    line = plot.edf(mixed, backend="data").panels[0].marks[0]
    assert line.x == [2.0, 2.0, 4.0, 6.0, 6.0] and line.y == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0, 1.0])


def brute_hypervolume(points, ref):
    """Inclusion and exclusion over all subsets."""
    total = 0.0
    for n in range(1, len(points) + 1):
        for some in itertools.combinations(points, n):
            corner = [max(c) for c in zip(*some)]
            total += (-1) ** (n + 1) * math.prod(max(0.0, r - c) for r, c in zip(ref, corner))
    return total


@pytest.mark.parametrize("m", [2, 3, 4])
def test_hypervolume(m):
    rng = random.Random(m)
    for _ in range(10):
        points = [tuple(rng.choice((0.1, 0.3, 0.5, rng.random())) for _ in range(m)) for _ in range(7)]
        front = [p for p in set(points) if not any(q != p and all(a <= b for a, b in zip(q, p)) for q in points)]
        assert hypervolume(front, (1.0,) * m) == pytest.approx(brute_hypervolume(front, (1.0,) * m), abs=1e-12)


def test_hypervolume_history_and_front():
    study = hpo.create_study(directions=["minimize", "maximize"])
    for values in ([2.0, 1.0], [1.0, 0.0], [3.0, 3.0], [2.0, 2.0]):
        add(study, values, params={"x": values[0]})
    line = plot.hypervolume_history(study, [4.0, 0.0], backend="data").panels[0].marks[0]
    assert line.y == [2.0, 2.0, 4.0, 5.0]  # a point on the border adds nothing
    panel = plot.pareto(study, backend="data").panels[0]
    marks = {m.name: m for m in panel.marks}
    assert sorted(zip(marks["Pareto-optimal"].x, marks["Pareto-optimal"].y)) == [(1.0, 0.0), (2.0, 2.0), (3.0, 3.0)]
    assert (marks["dominated"].x, marks["dominated"].y) == ([2.0], [1.0])
    assert not any(m.role == "dominated" for m in plot.pareto(study, dominated=False, backend="data").panels[0].marks)
    with pytest.raises(hpo.HpoError, match="2 objectives"):
        plot.hypervolume_history(study, [1.0], backend="data")


# ---- parameters -----------------------------------------------------------------------------------------------------


def test_parallel(mixed):
    p = plot.parallel(mixed, backend="data").parallel
    assert [title for title, _ in p.axes] == ["value", "x", "c", "k"]
    rows = dict(zip(p.colour, p.rows))  # by value
    assert rows[6.0] == [1.0, pytest.approx(0.2), pytest.approx(0.5), fig.ABSENT]
    assert rows[4.0] == [0.5, 0.0, pytest.approx(1 / 6), 0.0]  # 10 of 10 .. 100, logarithmic
    assert rows[2.0] == [0.0, 1.0, pytest.approx(1 / 6), 1.0]
    assert p.colour[-1] == 2.0  # the best is drawn last
    assert [text for _, text in p.axes[2][1]] == ["a", "b", "None"]
    assert p.axes[3][1][0] == (fig.ABSENT, "-")
    one = plot.parallel(mixed, params=["x"], backend="data").parallel
    assert [title for title, _ in one.axes] == ["value", "x"]


def test_scale_of_colours(mixed):
    scale = plot.parallel(mixed, backend="data").scale
    assert (scale.low, scale.high, scale.reverse) == (2.0, 6.0, True)
    assert fig.shade(scale, 2.0) == 1 and fig.shade(scale, 6.0) == 0 and fig.shade(scale, 99.0) == 0
    study = hpo.create_study()
    for v in [*range(20), 1e9]:
        add(study, float(v), params={"x": min(v, 30) / 3})
    assert plot.slice(study, backend="data").scale.title == "trial"
    assert plot.parallel(study, backend="data").scale.high < 30  # one bad trial does not hide the rest


def test_slice(mixed):
    figure = plot.slice(mixed, backend="data")
    panels = {p.x.title: p for p in figure.panels}
    assert panels["k"].x.scale == "log" and panels["c"].x.scale == "labels" and panels["x"].x.scale == "linear"
    infeasible, complete = panels["x"].marks
    assert (complete.x, complete.y, complete.colour) == ([1.0, 2.0, 6.0], [4.0, 6.0, 2.0], [0, 1, 5])
    assert infeasible.x == [5.0]
    assert panels["k"].marks[-1].x == [10.0, 100.0]
    assert panels["c"].marks[-1].x == [0, 1, 0] and panels["c"].x.labels == ("a", "b", "None")


def test_surface_is_exact_at_the_trials():
    rng = random.Random(1)
    x_axis, y_axis = fig.Axis("x"), fig.Axis("y", "log")
    x, y = [rng.random() for _ in range(9)], [10 ** rng.uniform(-3, 1) for _ in range(9)]
    z = [rng.gauss(0, 1) for _ in range(9)]
    cells = surface(x_axis, y_axis, x, y, z)
    assert len(cells.z) == len(cells.y) == 40 and len(cells.z[0]) == len(cells.x) == 40
    flat = [v for row in cells.z for v in row]
    assert min(z) - 1e-9 <= min(flat) and max(flat) <= max(z) + 1e-9  # a mean: never beyond the trials
    one = surface(fig.Axis("x", "labels", ("a", "b")), fig.Axis("y", "labels", ("u",)), [0, 1], [0, 0], [3.0, 5.0])
    assert one.z[0] == pytest.approx([3.0, 5.0], abs=1e-6)
    assert surface(x_axis, y_axis, x, y, [2.0] * 9).z[7][7] == pytest.approx(2.0)


def test_contour_and_rank(mixed):
    figure = plot.contour(mixed, params=["x", "k"], backend="data")
    cells, points = figure.panels[0].marks
    assert (points.x, points.y) == ([1.0, 6.0], [10.0, 100.0])
    assert len(plot.contour(mixed, backend="data").panels) == 3
    ranked = plot.rank(mixed, params=["x", "c"], backend="data").panels[0].marks[0]
    assert ranked.colour == [0.5, 1.0, 0.0]
    with pytest.raises(hpo.HpoError, match="no parameter 'z'"):
        plot.contour(mixed, params=["x", "z"], backend="data")
    with pytest.raises(hpo.HpoError, match="at least 2"):
        plot.rank(mixed, params=["x"], backend="data")
    assert ranks([3.0, 1.0, 3.0, 2.0]) == pytest.approx([2.5 / 3, 0, 2.5 / 3, 1 / 3])


def test_many_parameters_are_not_paired_unasked():
    study = hpo.create_study(seed=1)
    study.optimize(lambda t: sum(t.suggest_float(f"x{i}", 0, 1) for i in range(7)), n_trials=3)
    with pytest.raises(hpo.HpoError, match="21 pairs"):
        plot.contour(study, backend="data")
    assert len(plot.contour(study, params=["x0", "x1", "x2"], backend="data").panels) == 3


# ---- trials -----------------------------------------------------------------------------------------------------------


def test_curves(mixed):
    figure = plot.curves(mixed, backend="data")
    lines = [m for m in figure.panels[0].marks if isinstance(m, fig.Line)]
    assert [(m.name, m.x, m.y, m.role) for m in lines] == [
        ("trial 0", [1.0, 2.0], [9.0, 4.0], "complete"),
        ("trial 2", [1.0], [5.0], "pruned"),
    ]
    ends = {m.role: (m.x, m.y) for m in figure.panels[0].marks if isinstance(m, fig.Points)}
    assert ends == {"complete": ([2.0], [4.0]), "pruned": ([1.0], [5.0])}


def test_folds_are_averaged_and_rungs_are_guides():
    study = hpo.create_study(space="x: 0..1; epochs: fidelity 1..9", pruner="asha:eta=3", seed=1)
    trial = study.ask()
    for fold, v in ((0, 1.0), (1, 3.0)):
        trial.report(v, 1, fold=fold)
    trial.report(1.5, 3)
    study.tell(trial, 1.5)
    assert curve_of(View(study), 0) == [(1.0, 2.0), (3.0, 1.5)]
    assert [x for x, _ in plot.curves(study, backend="data").panels[0].guides] in ([1.0, 3.0], [1.0], [3.0])


def test_timeline(mixed):
    figure = plot.timeline(mixed, backend="data")
    bars = {m.name: m for m in figure.panels[0].marks}
    assert bars["complete"].row == [0, 1, 0] and bars["pruned"].row == [1]  # a lane is used again when it is free
    assert bars["complete"].start == [0.0, 1.0, 6.0] and bars["complete"].end == [4.0, 2.0, 8.0]
    assert bars["failed"].start == [3.0] and bars["infeasible"].start == [5.0]
    assert figure.panels[0].y.labels == ("1", "2")
    assert plot.timeline(mixed, by="trial", recent=2, backend="data").panels[0].marks[-1].row == [5]
    with pytest.raises(hpo.HpoError, match="by is 'day'"):
        plot.timeline(mixed, by="day", backend="data")


# ---- drawing -----------------------------------------------------------------------------------------------------------

SINGLE = ("history", "edf", "parallel", "slice", "contour", "rank", "curves", "timeline")
OPTUNA = ("optimization_history", "edf", "parallel_coordinate", "slice", "contour", "rank", "intermediate_values", "timeline")


def check_svg(text):
    root = tree.fromstring(text)
    assert root.tag.endswith("svg")
    for number in re.findall(r'[ "MLHV](-?[\d.]+(?:e\d+)?|nan|inf)', " ".join(e.get("d", "") for e in root.iter())):
        assert math.isfinite(float(number))
    return root


@pytest.mark.parametrize("name", SINGLE)
def test_svg(mixed, name, tmp_path):
    picture = getattr(plot, name)(mixed, backend="svg")
    root = check_svg(picture.svg)
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", picture.svg)
    assert picture._repr_svg_() == picture.svg == str(picture)
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg
    if name == "history":
        circles = [e for e in root.iter() if e.tag.endswith("circle") and len(e)]
        assert len(circles) == 3 and "trial 0, complete" in circles[0][0].text


@pytest.fixture
def agg():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield plt
    plt.close("all")


@pytest.mark.parametrize("name", SINGLE)
def test_matplotlib(mixed, name, agg, tmp_path):
    figure = getattr(plot, name)(mixed, backend="matplotlib")
    figure.savefig(tmp_path / "a.png", dpi=30)
    if name == "history":
        assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[4.0, 2.0, 2.0]]


@pytest.mark.parametrize("name", SINGLE)
def test_plotly(mixed, name):
    pytest.importorskip("plotly")
    figure = getattr(plot, name)(mixed, backend="plotly")
    figure.to_json()
    if name == "history":
        assert {t.name: list(t.y) for t in figure.data}["complete"] == [4.0, 6.0, 2.0]


def test_optuna_names(mixed, agg):
    import hpo as optuna

    for name in OPTUNA:
        axes = getattr(optuna.visualization.matplotlib, "plot_" + name)(mixed)
        assert hasattr(axes, "plot") or all(hasattr(a, "plot") for a in axes.flat)
    assert optuna.visualization.matplotlib.is_available()
    with pytest.raises(hpo.HpoError, match="importance"):
        optuna.visualization.matplotlib.plot_param_importances(mixed)
    if optuna.visualization.is_available():
        for name in OPTUNA:
            assert type(getattr(optuna.visualization, "plot_" + name)(mixed)).__module__.startswith("plotly")
    else:
        with pytest.raises(ImportError, match="plotly is not installed"):
            optuna.visualization.plot_slice(mixed)
    study = optuna.create_study(directions=["minimize"] * 3, seed=1)
    study.optimize(lambda t: [t.suggest_float("x", 0, 1), -t.params["x"], 1.0], n_trials=4)
    axes = optuna.visualization.matplotlib.plot_pareto_front(study, target_names=["a", "b", "c"])
    assert [(a.get_xlabel(), a.get_ylabel()) for a in axes[:3]] == [("a", "b"), ("a", "c"), ("b", "c")]


def empty_study():
    return hpo.create_study(study_name="empty")


def failed_study():
    study = hpo.create_study(study_name="bad", seed=1)
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1) and math.nan, n_trials=3)
    return study


def same_study():
    """All trials alike in value and in one parameter."""
    study = hpo.create_study(study_name="same", seed=1)
    study.optimize(lambda t: 0.0 * t.suggest_int("k", 1, 5) * t.suggest_float("x", 0, 1) + t.suggest_float("c", 2, 2) - 2, n_trials=1)
    return study


@pytest.mark.parametrize("make", [empty_study, failed_study, same_study])
@pytest.mark.parametrize("backend", ["svg", "matplotlib", "plotly"])
def test_little_to_draw(make, backend, request):
    if backend != "svg":
        pytest.importorskip(backend)
    if backend == "matplotlib":
        request.getfixturevalue("agg")
    study = make()
    for name in SINGLE:
        if name in ("contour", "rank") and make is empty_study:
            with pytest.raises(hpo.HpoError, match="pair of parameters"):
                getattr(plot, name)(study, backend=backend)
            continue
        drawn = getattr(plot, name)(study, backend=backend)
        data = getattr(plot, name)(study, backend="data")
        if make is empty_study and name not in ("curves", "timeline"):
            assert "has no trials yet" in data.note
        if make is failed_study and name in ("history", "slice", "parallel"):
            assert "no complete trial" in data.note
        if backend == "svg":
            check_svg(drawn.svg)


def test_what_cannot_be_drawn(mixed):
    with pytest.raises(hpo.HpoError, match="backend is 'gnuplot'"):
        plot.history(mixed, backend="gnuplot")
    with pytest.raises(hpo.HpoError, match="several objectives"):
        plot.pareto(mixed)
    with pytest.raises(hpo.HpoError, match="objective is 3"):
        plot.history(mixed, objective=3)
    with pytest.raises(ValueError, match="no study"):
        plot.history([])


def test_logarithms_leave_out_what_has_none(mixed):
    add(mixed, -1.0, params={"x": 7.0})
    check_svg(plot.history(mixed, log=True, backend="svg").svg)


# ---- numbers on axes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-3.0, 17.0), (0.00123, 0.00125), (1e6, 5e8), (-1e-9, 1e-9)])
def test_ticks(low, high):
    marks = fig.ticks("linear", low, high)
    assert 2 <= len(marks) <= 8 and all(low - 1e-9 * (high - low) <= v <= high + 1e-9 * (high - low) for v in marks)
    steps = {round((b - a) / (marks[1] - marks[0]), 6) for a, b in zip(marks, marks[1:])}
    assert steps == {1.0}


def test_ticks_of_logarithms():
    assert fig.ticks("log", 1e-5, 1.0) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert fig.ticks("log", 2.0, 9.0) == [2.0, 5.0]
    assert len(fig.ticks("log", 1e-30, 1e30)) <= 8


def test_texts():
    assert [fig.text_of(v) for v in (0.0, 0.5, 1e-4, 1.25e-7, 1234567.0, 1500.0, 3, "x")] == ["0", "0.5", "1e-4", "1.25e-7", "1.23e6", "1500", "3", "x"]
