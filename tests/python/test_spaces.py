# SPDX-License-Identifier: Apache-2.0
"""Declared and learned spaces: the same trials, conditions found out, nothing degraded to independent draws."""

import json
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hpo
from hpo import learn
from hpo.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, labels, unlabel


@pytest.mark.parametrize("sampler", ["auto", "random", "sobol", "halton", "tpe", "gp", "forest"])
def test_declared_and_define_by_run_are_the_same(storage, sampler):
    def value(lr, n, c):
        return (math.log10(lr) + 2) ** 2 + abs(n - 5) + (c == "b")

    def objective(trial):
        return value(
            trial.suggest_float("lr", 1e-5, 1, log=True),
            trial.suggest_int("n", 1, 9),
            trial.suggest_categorical("c", ["a", "b"]),
        )

    declared = hpo.create_study(
        space={"lr": "log 1e-5..1", "n": "int 1..9", "c": ["a", "b"]}, sampler=sampler, seed=4
    )
    declared.optimize(objective, n_trials=25)
    learned = hpo.create_study(storage=storage, sampler=sampler, seed=4)
    learned.optimize(objective, n_trials=25)
    assert [t.params for t in declared.trials] == [t.params for t in learned.trials]
    assert [t.values for t in declared.trials] == [t.values for t in learned.trials]


def network(trial):
    """Conditional in three ways: by a label, by a count, and nested."""
    opt = trial.suggest_categorical("opt", ["sgd", "adam"])
    loss = 0.0
    if opt == "sgd":
        loss += (trial.suggest_float("momentum", 0, 1) - 0.9) ** 2
        if trial.suggest_categorical("nesterov", [True, False]):
            loss += trial.suggest_float("damping", 0, 1)
    else:
        loss += 0.2 + (trial.suggest_float("beta", 0, 1) - 0.99) ** 2
    layers = trial.suggest_int("layers", 1, 4)
    for i in range(layers):
        loss += abs(trial.suggest_int(f"units{i}", 1, 64) - 32) / 320
    return loss


@pytest.mark.parametrize("sampler", ["auto", "tpe", "random", "forest"])
def test_conditions_are_learned(storage, sampler):
    study = hpo.create_study(storage=storage, sampler=sampler, seed=11)
    asked = []

    def objective(trial):
        out = network(trial)
        asked.append(trial.params)
        return out

    study.optimize(objective, n_trials=60)
    assert [t.params for t in study.trials] == asked
    p = study.space.params
    assert "opt" in p["momentum"]["when"] and "sgd" in p["momentum"]["when"]
    assert "adam" in p["beta"]["when"] or "sgd" in p["beta"]["when"]
    assert "layers" in p["units2"]["when"] and "when" not in p["opt"] and "when" not in p["units0"]
    # from some trial on nothing is a surprise any more: whole configurations are proposed
    h = study._h
    odd = 0
    for _ in range(20):
        t = study.ask()
        network(t)
        odd += not t._plain
        study.tell(t, 1.0)
    assert odd == 0 and study._h is h
    # and proposals are valid in the space as learned
    for x in study.space.sample(50, seed=1):
        assert ("momentum" in x) == (x["opt"] == "sgd")
        assert all((f"units{i}" in x) == (x["layers"] > i) for i in range(4) if f"units{i}" in p)


def test_learned_space_is_searched_as_well_as_the_declared_one():
    def best(space, seed):
        study = hpo.create_study(space=space, seed=seed, sampler="tpe")
        study.optimize(network, n_trials=120)
        return study.best_value

    lines = ["opt: sgd,adam", "momentum: 0..1 if opt == sgd", "nesterov: 'False','True' if opt == sgd",
             "damping: 0..1 if nesterov == 'True'", "beta: 0..1 if opt == adam", "layers: int 1..4"]
    lines += [f"units{i}: int 1..64 if layers > {i}" for i in range(4)]
    space = hpo.Space("\n".join(lines))
    declared = sorted(best(space, s) for s in range(5))[2]
    learned = sorted(best(None, s) for s in range(5))[2]
    assert learned < declared + 0.05


def test_surprises_and_changing_ranges(storage):
    study = hpo.create_study(storage=storage, seed=1, sampler="tpe")

    def objective(trial):
        n = trial.number
        x = trial.suggest_float("x", 0, 1 if n < 10 else 10)  # wider later
        c = trial.suggest_categorical("c", ["a", "b"] if n < 20 else ["a", "b", "new"])
        if n >= 30:
            trial.suggest_int("late", 1, 3)
        return x + (c == "a")

    study.optimize(objective, n_trials=40)
    p = study.space.params
    assert p["x"]["range"] == [0, 10] and p["c"]["values"] == ["a", "b", "new"] and "late" in p
    assert all(0 <= t.params["x"] <= (1 if t.number < 10 else 10) for t in study.trials)
    assert any(t.params["x"] > 1 for t in study.trials[10:])
    assert "late" not in study.trials[29].params and "late" in study.trials[30].params


def test_pruned_and_failed_trials_say_nothing_about_what_is_missing(storage):
    study = hpo.create_study(storage=storage, seed=1, sampler="random")

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number % 3 == 1:
            raise hpo.TrialPruned
        if trial.number % 3 == 2:
            raise ValueError
        return x + trial.suggest_float("y", 0, 1)

    study.optimize(objective, n_trials=12, catch=ValueError)
    assert "when" not in study.space.params["y"]
    for t in study.trials:
        assert set(t.params) == ({"x", "y"} if t.number % 3 == 0 else {"x"})


def test_programs_that_decide_by_something_else(storage):
    study = hpo.create_study(storage=storage, seed=1)
    rng = random.Random(3)
    asked = []

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if rng.random() < 0.5:
            x += trial.suggest_float("y", 0, 1)
        asked.append(trial.params)
        return x

    study.optimize(objective, n_trials=30)
    assert [t.params for t in study.trials] == asked


def by_number(trial):
    """Which parameters there are depends on nothing that can be learned; the last ones come in threes."""
    n = trial.number
    names = [name for i, name in enumerate("abc") if (n >> i) & 1] + [f"late{n // 12}"]
    return {name: trial.suggest_float(name, 0, 1) if name != "b" else trial.suggest_int(name, 0, 3) for name in names}


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_threads_lose_nothing(storage, sampler):
    study = hpo.create_study(storage=storage, sampler=sampler, seed=1)
    asked = {}

    def objective(trial):
        asked[trial.number] = by_number(trial)
        return sum(asked[trial.number].values())

    study.optimize(objective, n_trials=48, n_jobs=4)
    assert [t.params for t in study.trials] == [asked[i] for i in range(48)]
    assert [t.value for t in study.trials] == [sum(asked[i].values()) for i in range(48)]


def test_a_trial_that_another_process_grew_past(tmp_path):
    """Two connections: one learns a condition that the other's running trial contradicts."""
    path = str(tmp_path / "s.db")
    a = hpo.create_study(storage=path, study_name="s", sampler="random", seed=1)
    a.optimize(lambda t: (t.suggest_categorical("k", ["p", "q"]), t.suggest_float("x", 0, 1))[1], n_trials=1)
    b = hpo.load_study(storage=path, study_name="s")
    running = []
    for _ in range(6):
        t = b.ask()
        running.append((t, {"k": t.suggest_categorical("k", ["p", "q"]), "x": t.suggest_float("x", 0, 1)}))
    seen = a.trials[0].params["k"]
    told = []
    for i in range(30):  # here x exists for one label only
        t = a.ask()
        mine = {"k": t.suggest_categorical("k", ["p", "q"])}
        if mine["k"] == seen:
            mine["x"] = t.suggest_float("x", 0, 1)
        a.tell(t, 0.0)
        told.append((t.number, mine))
    assert "when" in a.space.params["x"]
    for t, mine in running:
        b.tell(t, 1.0)
        told.append((t.number, mine))
    for number, mine in told:
        assert a.trials[number].params == b.trials[number].params == mine


def test_two_workers_learn_the_same_space(tmp_path):
    path = str(tmp_path / "s.db")
    a = hpo.create_study(storage=path, study_name="s", sampler="tpe", seed=1)
    b = hpo.load_study(storage=path, study_name="s")
    ta, tb = a.ask(), b.ask()
    ta.suggest_float("x", 0, 1), tb.suggest_float("x", 0, 1)
    ta.suggest_float("only_a", 0, 1), tb.suggest_float("only_b", 0, 1)
    a.tell(ta, 1.0)
    b.tell(tb, 2.0)
    for study in (a, b):
        assert [set(t.params) for t in study.trials] == [{"x", "only_a"}, {"x", "only_b"}]
    for i in range(10):
        (a, b)[i % 2].optimize(network, n_trials=1)
    assert a.space == b.space and a.trials == b.trials


def test_declared_spaces():
    space = hpo.Space(lr="log 1e-5..1", opt=["sgd", "adam"], mom="0..0.99 if opt == sgd", order="perm 3",
                      mix="simplex 2", on="bool", size="ordinal 64,128", k="const 3", constraints=["lr < 0.5"])
    study = hpo.create_study(space=space, seed=1)
    t = study.ask()
    p = t.params
    assert p["lr"] < 0.5 and sorted(p["order"]) == [0, 1, 2] and abs(sum(p["mix"]) - 1) < 1e-12
    assert p["size"] in (64, 128) and p["k"] == 3 and isinstance(p["on"], bool)
    assert ("mom" in p) == (p["opt"] == "sgd")
    assert t.suggest_float("lr", 1e-5, 1, log=True) == p["lr"] == t["lr"]
    with pytest.raises(ValueError, match="not in the declared space"):
        t.suggest_float("other", 0, 1)
    study.tell(t, 1.0)
    assert study.best_params == p
    assert hpo.Space(space.json) if False else hpo.Space._of_json(space.json) == space
    assert "<table>" in space._repr_html_() and space.lint() is not None
    number = study.enqueue_trial({"lr": 0.01, "opt": "adam"})
    t = study.ask()
    assert t.number == number and t.params["lr"] == 0.01 and t.params["opt"] == "adam"
    with pytest.raises(ValueError):
        hpo.Space("lr: 1..0")
    with pytest.raises(TypeError):
        hpo.Space({"x": 3})
    exhausted = hpo.create_study(space="k: a,b,c")
    exhausted.optimize(lambda t: 0.0, n_trials=10)
    assert len(exhausted.trials) == 3


def test_functions_as_objectives():
    study = hpo.minimize(lambda x, y: (x - 1) ** 2 + y * y, {"x": "-5..5", "y": "-5..5"}, n_trials=40, seed=2)
    assert study.best_value < 0.1

    @hpo.objective(x="-1..1", c=["a", "b"])
    def f(x, c):
        return x + (c == "a")

    assert f(x=1, c="b") == 1
    best = hpo.maximize(f, n_trials=30, seed=0)
    assert best.best_params["c"] == "a" and best.space == f.space


def test_scipy_distributions():
    stats = pytest.importorskip("scipy.stats")
    space = hpo.Space({"u": stats.uniform(1, 2), "l": stats.loguniform(1e-3, 1), "i": stats.randint(1, 9), "n": stats.norm(0, 1)})
    p = space.params
    assert p["u"]["range"] == [1, 3] and p["l"]["scale"] == "log" and p["i"]["range"] == [1, 8] and "prior" in p["n"]
    with pytest.raises(ValueError):
        hpo.Space({"t": stats.cauchy(0, 1)})


# ---- properties -----------------------------------------------------------------------------------------------

scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False), st.text(max_size=12))


@given(st.lists(scalars, min_size=1, max_size=6, unique_by=lambda v: (type(v), v)))
def test_labels_come_back(choices):
    back = [unlabel(text) for text in labels(choices)]
    assert [(type(v), v) for v in back] == [(type(v), v) for v in choices]


@given(st.integers(-100, 100), st.integers(0, 100), st.integers(1, 7))
def test_int_distribution(low, width, step):
    d = IntDistribution(low, low + width, step=step)
    assert d.contains(d.low) and d.contains(d.high) and d.high <= low + width < d.high + step
    again = hpo.distributions.json_to_distribution(hpo.distributions.distribution_to_json(d))
    assert again == d


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.booleans())
def test_float_distribution(low, width, log):
    if log and low <= 0:
        with pytest.raises(ValueError):
            FloatDistribution(low, low + width, log=True)
        return
    d = FloatDistribution(low, low + width, log=log)
    assert d.contains(d.low) and d.contains(d.high) and not d.contains(d.high + 1)


def tree_programs(depth=3):
    """Random define-by-run programs: a parameter, then one sub-program for each of its values (or two ranges)."""
    leaf = st.none()

    def node(children):
        return st.tuples(st.sampled_from(["label", "int", "float"]), st.lists(children, min_size=2, max_size=3))

    return st.recursive(leaf, node, max_leaves=8)


def run_program(tree, trial, path="p"):
    if tree is None:
        return
    kind, children = tree
    n = len(children)
    if kind == "label":
        i = ["a", "b", "c"][:n].index(trial.suggest_categorical(path, ["a", "b", "c"][:n]))
    elif kind == "int":
        i = trial.suggest_int(path, 0, n - 1)
    else:
        i = min(n - 1, int(trial.suggest_float(path, 0, 1) * n))
    run_program(children[i], trial, f"{path}{i}")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree_programs(), st.integers(0, 5))
def test_any_tree_of_choices_is_learned(tree, seed):
    if tree is None:
        return
    study = hpo.create_study(sampler="random", seed=seed, noisy=True)
    asked = []

    def objective(trial):
        run_program(tree, trial)
        asked.append(trial.params)
        return 0.0

    study.optimize(objective, n_trials=60)
    assert [t.params for t in study.trials] == asked
    conditions = {k: p.get("when") for k, p in study.space.params.items()}
    for name in conditions:  # a child is never more active than its parent
        assert name == "p" or conditions[name] is not None


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=1, max_size=12), st.booleans())
def test_whatever_is_asked_for_is_recorded(asked, pruned):
    """Programs whose parameters nothing foretells, with trials that end early among them."""
    study = hpo.create_study(sampler="random", seed=len(asked))
    values = []

    def objective(trial):
        values.append({name: trial.suggest_int(name, 0, 4) for name in sorted(asked[trial.number])})
        if pruned and trial.number % 3 == 1:
            raise hpo.TrialPruned
        return 0.0

    study.optimize(objective, n_trials=len(asked))
    assert [t.params for t in study.trials] == values


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_trees_fit_what_can_be_fitted(table):
    params = [learn.Param("k", learn.LABEL, ["a", "b", "c", "d"]), learn.Param("x", learn.FLOAT)]
    seen = {}
    rows = []
    for k, x, positive in table:  # a function of (k, x): the first one counts
        rows.append(({"k": float(k), "x": x}, seen.setdefault((k, x), positive)))
    tree = learn.grow_tree(params, rows)
    wrong = [r for r in rows if learn.tree_holds(tree, r[0]) != r[1]]
    assert not [r for r in wrong if r[1]]  # what was asked for is never thought inactive
    if len(rows) <= 6:
        assert not wrong
    text = learn.tree_text(tree)
    if text not in (None, "false"):
        doc = {"k": {"type": "categorical", "values": ["a", "b", "c", "d"]}, "x": "0..1", "p": {"type": "float", "range": [0, 1], "when": text}}
        hpo.Space._of_json(json.dumps({"params": doc}))
        assert CategoricalDistribution(["a"]).single()
