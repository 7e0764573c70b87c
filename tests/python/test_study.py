# SPDX-License-Identifier: Apache-2.0
"""The package as Optuna's users know it."""

import math
import os
import pickle
import subprocess
import sys
import threading
import time

import pytest

import hpo


def sphere(trial):
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", -5, 5)
    return x * x + y * y


def test_optimize_finds_the_minimum(storage):
    study = hpo.create_study(storage=storage, seed=1)
    study.optimize(sphere, n_trials=40)
    assert len(study.trials) == 40
    assert study.best_value < 0.1
    best = study.best_trial
    assert best.params == study.best_params and set(best.params) == {"x", "y"}
    assert best.value == best.params["x"] ** 2 + best.params["y"] ** 2
    assert best.state == hpo.TrialState.COMPLETE
    assert best.distributions["x"] == hpo.distributions.FloatDistribution(-5, 5)
    assert best.datetime_complete >= best.datetime_start
    assert [t.number for t in study.trials] == list(range(40))


def test_same_seed_same_trials(storage, tmp_path):
    values = []
    for i in range(2):
        study = hpo.create_study(storage=None if storage is None else str(tmp_path / f"{i}.db"), seed=7)
        study.optimize(sphere, n_trials=15)
        values.append([t.params for t in study.trials])
    assert values[0] == values[1]


def test_kinds_of_parameters(storage):
    seen = []

    def objective(trial):
        p = {
            "f": trial.suggest_float("f", 1e-5, 1, log=True),
            "s": trial.suggest_float("s", 0, 1, step=0.25),
            "i": trial.suggest_int("i", 3, 9),
            "j": trial.suggest_int("j", 1, 1000, log=True),
            "k": trial.suggest_int("k", 0, 100, step=10),
            "c": trial.suggest_categorical("c", ["a", None, True, 1, 1.5, "1", "None"]),
            "one": trial.suggest_float("one", 2.0, 2.0),
        }
        assert p["s"] in (0, 0.25, 0.5, 0.75, 1) and p["k"] % 10 == 0 and p["one"] == 2.0
        assert isinstance(p["i"], int) and 3 <= p["i"] <= 9 and 1 <= p["j"] <= 1000 and 1e-5 <= p["f"] <= 1
        assert trial.suggest_int("i", 3, 9) == p["i"]  # asking again gives the same
        assert trial.params == p
        seen.append(p)
        return p["f"]

    study = hpo.create_study(storage=storage, seed=3, sampler="random")
    study.optimize(objective, n_trials=30)
    assert [t.params for t in study.trials] == seen
    assert {type(p["c"]) for p in seen} == {str, type(None), bool, int, float}
    if storage is not None:  # another process sees the same values, types included
        again = hpo.load_study(storage=storage)
        assert [t.params for t in again.trials] == seen
        assert [[type(v) for v in t.params.values()] for t in again.trials] == [
            [type(v) for v in p.values()] for p in seen
        ]


def test_old_names(storage):
    study = hpo.create_study(storage=storage)
    t = study.ask()
    assert 0 <= t.suggest_uniform("a", 0, 1) <= 1
    assert 1 <= t.suggest_loguniform("b", 1, 10) <= 10
    assert t.suggest_discrete_uniform("c", 0, 1, 0.5) in (0, 0.5, 1)
    study.tell(t, 1.0)
    assert set(study.best_params) == {"a", "b", "c"}


def test_ask_and_tell(storage):
    study = hpo.create_study(storage=storage, direction="maximize")
    t = study.ask({"x": hpo.Float(0, 1), "c": hpo.Categorical(["p", "q"])})
    assert set(t.params) == {"x", "c"}
    frozen = study.tell(t, 3)
    assert frozen.value == 3 and frozen.params == t.params
    with pytest.raises(hpo.exceptions.UpdateFinishedTrialError):
        study.tell(t, 3)
    assert study.tell(t.number, 4, skip_if_finished=True).value == 3
    u = study.ask()
    u.suggest_float("x", 0, 1)
    assert study.tell(u.number, state=hpo.TrialState.FAIL).state == hpo.TrialState.FAIL
    v = study.ask()
    assert study.tell(v, math.nan).state == hpo.TrialState.FAIL
    w = study.ask()
    with pytest.raises(ValueError):
        study.tell(w, [1, 2], state=hpo.TrialState.COMPLETE)
    with pytest.raises(ValueError):
        study.tell(99, 1)
    assert study.best_value == 3


def test_tell_from_another_process(tmp_path):
    path = str(tmp_path / "s.db")
    study = hpo.create_study(storage=path, study_name="s")
    t = study.ask()
    t.suggest_float("x", 0, 1)
    study._settle(t, True)
    other = hpo.load_study(storage=path, study_name="s")
    other.tell(t.number, 5.0)
    assert study.best_value == 5.0


def test_exceptions_and_catch(storage):
    study = hpo.create_study(storage=storage)

    def fails(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number % 2:
            raise ValueError("no\nluck")
        return 1.0

    with pytest.raises(ValueError):
        study.optimize(fails, n_trials=4)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    assert study.trials[1].reason == "ValueError: no luck"
    study.optimize(fails, n_trials=4, catch=(ValueError,))
    assert len(study.trials) == 6
    study.optimize(lambda t: None, n_trials=1)
    study.optimize(lambda t: math.nan, n_trials=1)
    study.optimize(lambda t: "x", n_trials=1)
    assert [t.state.name for t in study.trials[-3:]] == ["FAIL"] * 3


def test_interrupt_gives_the_trial_back(storage):
    study = hpo.create_study(storage=storage)

    def interrupted(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number == 2:
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_trials=10)
    assert study.trials[2].state == hpo.TrialState.WAITING
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3


def test_control_c():
    code = """
import hpo, os, signal, sys, threading
s = hpo.create_study(sampler="random")
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    s.optimize(lambda t: t.suggest_float("x", 0, 1), timeout=60)
except KeyboardInterrupt:
    print("interrupted", len(s.trials) > 1000)
"""
    path = str(__import__("pathlib").Path(hpo.__file__).parents[1])
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": path})
    assert out.stdout == "interrupted True\n", out.stderr


def test_reports_and_pruning(storage):
    study = hpo.create_study(storage=storage)

    class Always(hpo.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.last_step == 2

    study.pruner = Always()

    def objective(trial):
        trial.suggest_float("x", 0, 1)
        for step in range(5):
            trial.report(step * 10, step)
            if trial.should_prune():
                raise hpo.TrialPruned()
        return 1.0

    study.optimize(objective, n_trials=3)
    for t in study.trials:
        assert t.state == hpo.TrialState.PRUNED and t.value == 20
        assert t.intermediate_values == {0: 0, 1: 10, 2: 20} and t.last_step == 2
    with pytest.raises(ValueError):
        study.best_trial
    with pytest.raises(TypeError):
        study.ask().report("x", 0)


def test_stop_request_prunes(storage):
    study = hpo.create_study(storage=storage)
    t = study.ask()
    t.report(1, 0)
    assert not t.should_prune()
    study.request_stop(t.number)
    t.report(1, 1)
    assert t.should_prune()


def test_attributes(storage):
    study = hpo.create_study(storage=storage)
    study.set_user_attr("who", {"name": ["x", 1]})
    t = study.ask()
    t.set_user_attr("note", "a")
    t.set_user_attr("note", "b")
    assert t.user_attrs == {"note": "b"}
    study.tell(t, 0.0)
    assert study.trials[0].user_attrs == {"note": "b"}
    assert study.user_attrs == {"who": {"name": ["x", 1]}}
    assert study.system_attrs == {}
    if storage is None:
        study.set_user_attr("model", object)
        assert study.user_attrs["model"] is object
    else:
        with pytest.raises(TypeError):
            study.set_user_attr("model", object())


def test_enqueue(storage):
    study = hpo.create_study(storage=storage, seed=2)
    study.enqueue_trial({"x": 1.5, "c": "b"}, user_attrs={"from": "me"})
    study.enqueue_trial({"x": 99.0})  # out of range: ignored when it is asked for
    study.enqueue_trial({"y": 2})
    assert study.trials[0].state == hpo.TrialState.WAITING and study.trials[0].params == {"x": 1.5, "c": "b"}

    def objective(trial):
        c = trial.suggest_categorical("c", ["a", "b"])
        return trial.suggest_float("x", -2, 2) + trial.suggest_int("y", 0, 3) + (c == "a")

    study.optimize(objective, n_trials=5)
    ts = study.trials
    assert ts[0].params["x"] == 1.5 and ts[0].params["c"] == "b" and ts[0].user_attrs == {"from": "me"}
    assert -2 <= ts[1].params["x"] <= 2 and ts[2].params["y"] == 2
    assert study.enqueue_trial({"x": 1.5, "c": "b"}, skip_if_exists=True) is None
    assert study.enqueue_trial({"x": 0.5}, skip_if_exists=True) == 5
    study.optimize(objective, n_trials=1)
    assert study.trials[5].params["x"] == 0.5


def test_several_objectives(storage):
    study = hpo.create_study(storage=storage, directions=["minimize", "maximize"], seed=0)

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        return x, x * (2 - x) if x < 0.5 else 0.1

    study.optimize(objective, n_trials=30)
    front = study.best_trials
    assert front and all(len(t.values) == 2 for t in front)
    for t in study.trials:
        assert not any(
            t.values[0] <= f.values[0] and t.values[1] >= f.values[1] and t.values != f.values for f in front
        )
    with pytest.raises(RuntimeError):
        study.best_trial
    with pytest.raises(RuntimeError):
        study.direction
    study.set_metric_names(["cost", "gain"])
    assert list(study.trials_dataframe().columns[1:3]) == ["values_cost", "values_gain"]
    study.optimize(lambda t: 1.0, n_trials=1)
    assert study.trials[-1].state == hpo.TrialState.FAIL


@pytest.mark.parametrize("declared", [True, False])
def test_constraints(storage, declared):
    study = hpo.create_study(storage=storage, seed=0, constraints=["big"] if declared else None, sampler="random")

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("big", 0.5 - x)
        return x

    study.optimize(objective, n_trials=20)
    best = study.best_trial
    assert best.params["x"] == min(t.params["x"] for t in study.trials if t.params["x"] >= 0.5)
    assert best.constraints == {"big": 0.5 - best.params["x"]} and best.feasible


def test_constraints_func():
    sampler = hpo.samplers.RandomSampler(seed=1, constraints_func=lambda t: (0.5 - t.params["x"],))
    study = hpo.create_study(sampler=sampler)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=20)
    assert study.best_value >= 0.5


def test_callbacks_and_stop(storage):
    study = hpo.create_study(storage=storage)
    seen = []

    def callback(s, trial):
        seen.append(trial.number)
        assert trial.state == hpo.TrialState.COMPLETE
        if trial.number == 4:
            s.stop()

    study.optimize(sphere, n_trials=100, callbacks=[callback], gc_after_trial=True)
    assert seen == [0, 1, 2, 3, 4]
    study.optimize(sphere, callbacks=[hpo.study.MaxTrialsCallback(8)])
    assert len(study.trials) == 8
    with pytest.raises(RuntimeError):
        study.stop()

    def stops(trial):
        study.stop()
        return 0.0

    study.optimize(stops, n_trials=10)
    assert len(study.trials) == 9

    def nested(trial):
        study.optimize(sphere, n_trials=1)

    with pytest.raises(RuntimeError):
        study.optimize(nested, n_trials=1)


def test_timeout(storage):
    study = hpo.create_study(storage=storage, sampler="random")
    start = time.monotonic()
    study.optimize(sphere, timeout=0.2)
    assert 0.15 < time.monotonic() - start < 5 and len(study.trials) > 1


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_threads(storage, sampler):
    study = hpo.create_study(storage=storage, sampler=sampler)
    names = set()

    def objective(trial):
        names.add(threading.get_ident())
        time.sleep(0.001)
        return sphere(trial)

    study.optimize(objective, n_trials=40, n_jobs=4)
    assert len(study.trials) == 40 and 2 <= len(names) <= 4
    assert all(t.state == hpo.TrialState.COMPLETE and len(t.params) == 2 for t in study.trials)
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda t: 1 / 0, n_trials=4, n_jobs=2)


def test_budget_and_status(storage):
    study = hpo.create_study(storage=storage, trials=7)
    study.optimize(sphere)
    assert len(study.trials) == 7 and study.status == "stopped (trials)"
    with pytest.raises(hpo.exceptions.StudyExhausted):
        study.ask()


def test_add_trial_and_copy(storage, tmp_path):
    study = hpo.create_study(storage=storage, study_name="a", direction="maximize", seed=5)
    study.optimize(sphere, n_trials=5)
    study.set_user_attr("k", 1)
    t = hpo.create_trial(
        value=1000.0,
        params={"x": 1.0, "z": "q"},
        distributions={"x": hpo.Float(-9, 9), "z": hpo.Categorical(["p", "q"])},
        user_attrs={"by": "hand"},
        intermediate_values={1: 0.5, 2: 0.25},
    )
    study.add_trial(t)
    study.add_trials(study.get_trials(states=(hpo.TrialState.COMPLETE,))[:2])
    best = study.best_trial
    assert best.number == 5 and best.params == t.params and best.user_attrs == {"by": "hand"}
    assert best.intermediate_values == {1: 0.5, 2: 0.25}
    assert study.trials[6].params == study.trials[0].params
    study.optimize(sphere, n_trials=3)
    if storage is None:
        return
    to = str(tmp_path / "copy.db")
    hpo.copy_study(from_study_name="a", from_storage=storage, to_storage=to)
    new = hpo.load_study(storage=to)
    assert [t.params for t in new.trials] == [t.params for t in study.trials]
    assert [t.values for t in new.trials] == [t.values for t in study.trials]
    assert new.user_attrs == {"k": 1} and new.directions == study.directions
    assert hpo.get_all_study_names(to) == ["a"]
    assert hpo.get_all_study_summaries(to)[0].n_trials == len(study.trials)
    hpo.delete_study(study_name="a", storage=to)
    assert hpo.get_all_study_names(to) == []


def test_stored_studies(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    hpo.create_study(storage=url, study_name="a", direction="maximize")
    with pytest.raises(hpo.exceptions.DuplicatedStudyError):
        hpo.create_study(storage=url, study_name="a", direction="maximize")
    study = hpo.create_study(storage=url, study_name="a", direction="maximize", load_if_exists=True)
    study.optimize(sphere, n_trials=3)
    again = hpo.load_study(study_name="a", storage=url)
    assert again.trials == study.trials
    again.optimize(sphere, n_trials=2)
    assert len(study.trials) == 5
    with pytest.raises(KeyError):
        hpo.load_study(study_name="b", storage=url)
    hpo.create_study(storage=url)
    assert len(hpo.get_all_study_names(url)) == 2


def test_dataframe(storage):
    pandas = pytest.importorskip("pandas")
    study = hpo.create_study(storage=storage, sampler="random")

    def objective(trial):
        if trial.suggest_categorical("c", ["a", "b"]) == "a":
            trial.suggest_int("n", 1, 9)
        trial.set_user_attr("u", trial.number)
        return trial.number * 1.0

    study.optimize(objective, n_trials=10)
    frame = study.trials_dataframe()
    assert list(frame["number"]) == list(range(10)) and list(frame["value"]) == [float(i) for i in range(10)]
    assert list(frame["user_attrs_u"]) == list(range(10))
    assert set(frame["params_c"]) == {"a", "b"} and set(frame["state"]) == {"COMPLETE"}
    assert (frame["params_n"].isna() == (frame["params_c"] == "b")).all()
    assert str(frame["duration"].dtype).startswith("timedelta")
    multi = study.trials_dataframe(multi_index=True)
    assert isinstance(multi.columns, pandas.MultiIndex)
    assert hpo.create_study().trials_dataframe().shape[0] == 0


def test_frozen_and_fixed_trials():
    study = hpo.create_study(seed=1)
    study.optimize(sphere, n_trials=5)
    assert sphere(study.best_trial) == study.best_value
    assert sphere(hpo.FixedTrial({"x": 1, "y": 2})) == 5
    with pytest.raises(ValueError):
        sphere(hpo.FixedTrial({"x": 1}))
    with pytest.raises(ValueError):
        study.best_trial.suggest_float("nope", 0, 1)
    t = pickle.loads(pickle.dumps(study.best_trial))
    assert t == study.best_trial and t.params == study.best_params
    assert "FrozenTrial" in repr(t) and "<table>" in study._repr_html_() and "<table>" in t._repr_html_()
    assert "5 trials" in repr(study)


def test_pickle_study(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.db"))
    study.optimize(sphere, n_trials=2)
    assert pickle.loads(pickle.dumps(study)).trials == study.trials
    with pytest.raises(TypeError):
        pickle.dumps(hpo.create_study())


def test_logging(capfd):
    hpo.logging.set_verbosity(hpo.logging.INFO)
    study = hpo.create_study()
    study.optimize(sphere, n_trials=2, show_progress_bar=True)
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    err = capfd.readouterr().err
    assert "Trial 1 finished with value" in err and "Best is trial" in err and "2/2 trials" in err


def test_context_trial():
    study = hpo.create_study()
    with study.ask() as t:
        t.tell(t.suggest_float("x", 0, 1))
    with study.ask() as t:
        raise hpo.TrialPruned
    with pytest.raises(ValueError):
        with study.ask() as t:
            raise ValueError
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED", "FAIL"]


def test_errors_name_the_remedy():
    with pytest.raises(ValueError, match="minimize"):
        hpo.create_study(direction="up")
    with pytest.raises(KeyError, match="nosuch"):
        hpo.create_study(sampler="nosuch")
    with pytest.raises(NotImplementedError, match="AutoSampler"):
        hpo.samplers.CmaEsSampler
    with pytest.raises(TypeError, match="unknown option"):
        hpo.samplers.TPESampler(nope=1)
    with pytest.raises(TypeError):
        hpo.create_study().optimize(3)
    study = hpo.create_study()
    t = study.ask()
    for bad in (lambda: t.suggest_float("a", 1, 0), lambda: t.suggest_float("a", 0, 1, log=True),
                lambda: t.suggest_int("a", 0.5, 1), lambda: t.suggest_categorical("a", [])):
        with pytest.raises(ValueError):
            bad()
    with pytest.raises(TypeError):
        t.suggest_float("a", 0)
    with pytest.raises(TypeError):
        t.suggest_float("a", 0, 1, nonsense=2)
    with pytest.raises(TypeError):
        t.suggest_float(3, 0, 1)
    t.suggest_float("a", 0, 1)
    with pytest.raises(ValueError):
        t.suggest_int("a", 0, 1)


def test_samplers_as_classes():
    names = [n for n in dir(hpo.samplers) if n.endswith("Sampler") and n not in ("BaseSampler", "QMCSampler")]
    listed = set(hpo.samplers._registry())
    assert {getattr(hpo.samplers, n)._name for n in names} == listed
    s = hpo.samplers.TPESampler(seed=3, n_startup_trials=4, multivariate=True)
    assert s.spec == "tpe:initial=4" and s.seed == 3
    assert "initial" in hpo.samplers.TPESampler.__doc__
    assert hpo.samplers.QMCSampler(qmc_type="halton").spec == "halton"
    study = hpo.create_study(sampler=s)
    assert study.seed == 3 and study.sampler is s
    study.optimize(sphere, n_trials=3)
    study.sampler = hpo.samplers.RandomSampler()
    study.optimize(sphere, n_trials=3)
    assert study._summary()["sampler"] == "random"


def test_grid(storage):
    grid = {"x": [-1.0, 0.0, 2.0], "c": ["a", "b"]}
    study = hpo.create_study(storage=storage, sampler=hpo.samplers.GridSampler(grid))
    seen = []

    def objective(trial):
        seen.append((trial.suggest_float("x", -5, 5), trial.suggest_categorical("c", ["a", "b", "z"])))
        return seen[-1][0]

    study.optimize(objective)
    assert sorted(seen) == [(x, c) for x in grid["x"] for c in grid["c"]]
    study.optimize(objective, n_trials=10)
    assert len(seen) == 6


def test_explain_and_recommend():
    study = hpo.create_study(seed=1)
    study.optimize(sphere, n_trials=15)
    assert study.explain(14)["recomputed"] is True
    assert set(study.recommend()["params"]) == {"x", "y"}
