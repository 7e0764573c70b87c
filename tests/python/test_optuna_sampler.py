# SPDX-License-Identifier: Apache-2.0
"""HpoSampler and HpoPruner in Optuna's studies: every sampler, every kind of parameter, whatever else a study may do."""

import copy
import math
import multiprocessing
import pickle
import threading

import pytest

optuna = pytest.importorskip("optuna", reason="python3-optuna is not installed")

import hpo  # noqa: E402
from hpo.exceptions import UnsupportedError  # noqa: E402
from hpo.integration.optuna import HpoPruner, HpoSampler, HpoStorage  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
pytestmark = pytest.mark.filterwarnings("ignore")
SAMPLERS = [n for n in hpo.samplers._registry() if n != "grid"]
QUICK = ["random", "sobol", "tpe", "auto"]
SUGGESTIONS = {
    "float": lambda t: t.suggest_float("x", -5, 5),
    "log float": lambda t: t.suggest_float("x", 1e-7, 10, log=True),
    "stepped float": lambda t: t.suggest_float("x", -1, 1, step=0.1),
    "int": lambda t: t.suggest_int("x", -10, 10),
    "log int": lambda t: t.suggest_int("x", 1, 1000, log=True),
    "stepped int": lambda t: t.suggest_int("x", 0, 9, step=3),
    "labels": lambda t: t.suggest_categorical("x", ["a", "b", "c"]),
    "mixed labels": lambda t: t.suggest_categorical("x", [None, True, 1, 0.5, "1", "None"]),
    "one": lambda t: t.suggest_int("x", 3, 3),
}


def score(x):
    return float(x) if isinstance(x, (int, float)) else float(len(str(x)))


def conditional(t):
    kind = t.suggest_categorical("kind", ["svm", "net", "net2"])
    if kind == "svm":
        return abs(math.log10(t.suggest_float("C", 1e-3, 1e3, log=True)) - 1)
    out = 1.0 * t.suggest_int("layers", 1, 3)
    for i in range(int(out)):
        out += t.suggest_float(f"units{i}", 0, 1)
    return out


def run(sampler, objective, n=20, **options):
    study = optuna.create_study(sampler=sampler, **options)
    study.optimize(objective, n_trials=n, catch=(ZeroDivisionError,))
    return study


def values(study):
    return [(t.state.name, t.params, t.values) for t in study.trials]


@pytest.mark.parametrize("kind", SUGGESTIONS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_and_kind(name, kind):
    seen = []

    def objective(t):
        x = SUGGESTIONS[kind](t)
        y = t.suggest_float("y", 0, 1)
        assert SUGGESTIONS[kind](t) == x  # asked again: the same
        seen.append((type(x), x))
        return score(x) + y

    study = run(HpoSampler(name, seed=1), objective, 12)
    for (kind_of, x), trial in zip(seen, study.trials):
        d = trial.distributions["x"]
        assert d._contains(d.to_internal_repr(x))
        if not isinstance(d, optuna.distributions.CategoricalDistribution):
            assert kind_of is (int if isinstance(d, optuna.distributions.IntDistribution) else float)
    if kind != "one":
        assert len({repr(x) for x in seen}) > 1
    mirror = study.sampler.in_step(study)
    assert [t.params for t in mirror.trials] == [t.params for t in study.trials]
    assert [t.values for t in mirror.trials] == [t.values for t in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_conditional_pruned_failed_enqueued(name):
    def objective(t):
        value = conditional(t)
        for step in range(4):
            t.report(value / (step + 1), step)
            if step == 2 and t.number % 5 == 1:
                raise optuna.TrialPruned
        return 1 / 0 if t.number % 7 == 3 else value

    study = optuna.create_study(sampler=HpoSampler(name, seed=3))
    study.enqueue_trial({"kind": "net", "layers": 2, "units0": 0.25})
    study.enqueue_trial({"kind": "svm", "C": 1e6})  # outside: Optuna takes it
    study.optimize(objective, n_trials=25, catch=(ZeroDivisionError,))
    assert study.trials[0].params["units0"] == 0.25
    assert study.trials[1].params == {"kind": "svm", "C": 1e6}
    mirror = study.sampler.in_step(study)
    assert [t.params for t in mirror.trials] == [t.params for t in study.trials]
    assert [t.state.name for t in mirror.trials] == [t.state.name for t in study.trials]
    pruned = [t for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    assert pruned and [mirror.trials[t.number].value for t in pruned] == [t.value for t in pruned]


@pytest.mark.parametrize("name", QUICK)
def test_same_seed_same_trials(name):
    a, b, c = (run(HpoSampler(name, seed=s), conditional, 30) for s in (5, 5, 6))
    assert values(a) == values(b) != values(c)


def test_it_is_the_librarys_own_search():
    """Without anything special, the trials are those of a study of the package with the same seed."""
    ours = hpo.create_study(sampler="tpe", seed=4)
    ours.optimize(conditional, n_trials=40)
    theirs = run(HpoSampler("tpe", seed=4), conditional, 40)
    assert [t.params for t in ours.trials] == [t.params for t in theirs.trials]


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_taken_up_again(name):
    """A new process goes on in the sequence."""
    url = optuna.storages.InMemoryStorage()

    def f(t):
        return t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1)

    whole = run(HpoSampler(name, seed=2), f, 20)
    run(HpoSampler(name, seed=2), f, 12, storage=url, study_name="s")
    study = optuna.load_study(study_name="s", storage=url, sampler=HpoSampler(name, seed=2))
    study.optimize(f, n_trials=8)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]


def test_history_counts():
    """What was there before the sampler came is learned from."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(conditional, n_trials=40)
    study.sampler = HpoSampler("tpe", seed=1)
    study.optimize(conditional, n_trials=30)
    assert len(study.sampler.in_step(study)) == 70
    assert sum(t.params["kind"] == "svm" for t in study.trials[40:]) > 15
    assert study.best_value < 0.1


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("n_jobs", [1, 4])
def test_threads(name, n_jobs):
    study = optuna.create_study(sampler=HpoSampler(name, seed=1))
    study.optimize(conditional, n_trials=40, n_jobs=n_jobs)
    assert len(study.trials) == 40 and all(t.state.name == "COMPLETE" for t in study.trials)
    params = [str(sorted(t.params.items())) for t in study.trials]
    # Of trials side by side two may have differed in a parameter that, as is learned later, they did not have.
    assert len(set(params)) >= (40 if n_jobs == 1 else 37)
    assert len(study.sampler.in_step(study)) == 40


def test_pending_of_others():
    """Running trials of another process are pending points, with the parameters that they have so far."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(conditional, n_trials=10)
    foreign = study.ask()
    foreign.suggest_categorical("kind", ["svm", "net", "net2"])
    study.sampler = HpoSampler("tpe", seed=1)
    mirror = study.sampler.in_step(study)
    assert [t.state.name for t in mirror.trials].count("RUNNING") == 1
    here = study.ask()
    conditional(here)
    if foreign.params["kind"] == "svm":
        foreign.suggest_float("C", 1e-3, 1e3, log=True)
    else:
        foreign.suggest_int("layers", 1, 3)
    study.sampler.in_step(study)
    study.tell(foreign, 5.0)
    study.tell(here, 1.0)
    mirror = study.sampler.in_step(study)
    assert sorted(t.value for t in mirror.trials)[-1] >= 1 and all(t.state.name == "COMPLETE" for t in mirror.trials)
    assert foreign.params in [t.params for t in mirror.trials]


def test_ask_and_tell():
    study = optuna.create_study(direction="maximize", sampler=HpoSampler("gp", seed=1))
    trials = [study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}) for _ in range(5)]
    assert len({t.params["x"] for t in trials}) == 5
    for t in reversed(trials):
        study.tell(t, -((t.params["x"] - 0.3) ** 2))
    for _ in range(15):
        t = study.ask()
        study.tell(t, -((t.suggest_float("x", 0, 1) - 0.3) ** 2))
    assert abs(study.best_params["x"] - 0.3) < 0.02


@pytest.mark.parametrize("name", ["auto", "random", "sobol"])
def test_several_objectives(name):
    def f(t):
        x = t.suggest_float("x", 0, 1)
        if t.number == 3:
            raise optuna.TrialPruned
        return x, 1 - x

    study = run(HpoSampler(name, seed=1), f, 20, directions=["minimize", "maximize"])
    assert len(study.best_trials) >= 1
    mirror = study.sampler.in_step(study)
    assert [d.name for d in mirror.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert [t.values for t in mirror.trials if t.values] == [t.values for t in study.trials if t.values]


def test_several_objectives_refused():
    with pytest.raises(UnsupportedError, match="objective"):
        run(HpoSampler("gp", seed=1), lambda t: (t.suggest_float("x", 0, 1), 0.0), 1, directions=["minimize"] * 2)


@pytest.mark.parametrize("name", ["auto", "tpe", "gp"])
def test_constraints(name):
    def f(t):
        x, y = t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)
        t.set_user_attr("c", 0.6 - x)
        return x + y

    study = run(HpoSampler(name, seed=1, constraints_func=lambda t: (t.user_attrs["c"],)), f, 40)
    assert all(t.system_attrs["constraints"] == (t.user_attrs["c"],) for t in study.trials)
    mirror = study.sampler.in_step(study)
    assert [t.constraints["c0"] for t in mirror.trials] == [t.user_attrs["c"] for t in study.trials]
    late = study.trials[20:]
    assert sum(t.user_attrs["c"] <= 0.1 for t in late) > len(late) / 2  # free search would go to x = 0
    feasible = [t.value for t in study.trials if t.user_attrs["c"] <= 0]
    assert min(feasible) == mirror.best_value < 0.8


def test_constraints_that_are_nan():
    study = optuna.create_study(sampler=HpoSampler("tpe", seed=1, constraints_func=lambda t: [math.nan]))
    with pytest.raises(ValueError, match="NaN"):
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert study.trials[0].system_attrs["constraints"] is None


def test_inside_other_samplers():
    partial = optuna.samplers.PartialFixedSampler({"y": 0.5}, HpoSampler("tpe", seed=1))
    study = run(partial, lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("y", 0, 1), 15)
    assert {t.params["y"] for t in study.trials} == {0.5}
    assert len({t.params["x"] for t in study.trials}) == 15


def test_with_hyperband_of_optuna():
    def f(t):
        x = t.suggest_float("x", 0, 1)
        for step in range(9):
            t.report(x, step)
            if t.should_prune():
                raise optuna.TrialPruned
        return x

    study = run(HpoSampler("tpe", seed=1), f, 30, pruner=optuna.pruners.HyperbandPruner(1, 9, 3))
    assert len(study.sampler.in_step(study)) == 30


def test_a_range_that_moves():
    study = run(HpoSampler("tpe", seed=1), lambda t: t.suggest_float("x", 0, 1 + t.number), 20)
    assert all(0 <= t.params["x"] <= 1 + t.number for t in study.trials)


def test_another_kind_is_refused():
    study = optuna.create_study(sampler=HpoSampler("tpe", seed=1))
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    with pytest.raises(ValueError):
        study.optimize(lambda t: t.suggest_int("x", 0, 1), n_trials=1)


def test_planned_trials_are_no_limit():
    assert len(run(HpoSampler("auto", seed=1, n_trials=10), conditional, 15).trials) == 15


def test_copies_and_pickles():
    sampler = HpoSampler("tpe", seed=3, initial=5)
    study = run(sampler, conditional, 8)
    for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert repr(twin) == repr(sampler) and values(run(twin, conditional, 8)) == values(study)


def test_what_cannot_be_is_said():
    with pytest.raises(UnsupportedError, match="GridSampler"):
        HpoSampler("grid")
    with pytest.raises(ValueError, match="no-such"):
        HpoSampler("tpe", **{"no-such": 1})
    with pytest.raises(KeyError):
        HpoSampler("no-such-sampler")
    with pytest.raises(TypeError, match="initial"):
        HpoSampler("tpe:liar=no", initial=3)


def _work(path, n):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="s", storage=HpoStorage(path), sampler=HpoSampler("random", seed=7))
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=n)


def test_two_processes_with_one_seed(tmp_path):
    path = tmp_path / "o.db"
    optuna.create_study(study_name="s", storage=HpoStorage(path))
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=(path, 10)) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    trials = optuna.load_study(study_name="s", storage=HpoStorage(path)).trials
    assert len(trials) == 20 and len({t.params["x"] for t in trials}) == 20


# ---- pruners ---------------------------------------------------------------------------------------------------


def curves(pruner, n=30, n_jobs=1, direction="minimize"):
    sign = 1 if direction == "minimize" else -1

    def f(t):
        x = t.suggest_float("x", 0, 1)
        for step in range(9):
            t.report(sign * (x + 1 / (step + 1)), step)
            if t.should_prune():
                raise optuna.TrialPruned
        return sign * x

    study = optuna.create_study(sampler=HpoSampler("random", seed=1), pruner=pruner, direction=direction)
    study.optimize(f, n_trials=n, n_jobs=n_jobs)
    return study


STOPPING = [
    ("median", {}),
    ("percentile", {"keep": 25}),
    ("threshold", {"upper": 1.5}),
    ("patience", {"patience": 2}),
    ("wilcoxon", {}),
    ("asha-stopping", {}),
    ("asha-stopping", {"max_resource": 9, "eta": 2, "brackets": 2}),
    (hpo.pruners.HyperbandPruner(1, 9), {}),
    ("patience:patience=1 and (median)", {}),
]


@pytest.mark.parametrize("name, options", STOPPING)
def test_every_pruner(name, options):
    study = curves(HpoPruner(name, **options))
    again = curves(HpoPruner(name, **options))
    assert values(study) == values(again)
    states = [t.state.name for t in study.trials]
    assert set(states) <= {"COMPLETE", "PRUNED"}
    if name in ("median", "percentile", "threshold", "asha-stopping"):
        assert "PRUNED" in states and "COMPLETE" in states
        cut = [t.params["x"] for t in study.trials if t.state.name == "PRUNED"]
        kept = [t.params["x"] for t in study.trials if t.state.name == "COMPLETE"]
        assert sum(cut) / len(cut) > sum(kept) / len(kept)
        assert min(kept) < 0.1


def test_pruner_is_the_librarys_scheduler():
    """The same decisions as in a study of the package."""

    def f(t):
        x = t.suggest_float("x", 0, 1)
        for step in range(9):
            t.report(x + 1 / (step + 1), step + 1)
            if t.should_prune():
                raise hpo.TrialPruned
        return x

    ours = hpo.create_study(sampler="random", seed=1, pruner="percentile:keep=40")
    ours.optimize(f, n_trials=30)
    theirs = curves(HpoPruner("percentile", keep=40))
    assert [t.state.name for t in ours.trials] == [t.state.name for t in theirs.trials]


def test_pruner_maximises():
    up, down = curves(HpoPruner("median"), direction="maximize"), curves(HpoPruner("median"))
    assert [t.state for t in up.trials] == [t.state for t in down.trials]


def test_pruner_with_threads():
    study = curves(HpoPruner("median"), n=40, n_jobs=4)
    assert {t.state.name for t in study.trials} == {"COMPLETE", "PRUNED"}


def test_pruner_joins_late():
    """Reports from before it came count."""
    study = curves(optuna.pruners.NopPruner(), n=20)
    study.pruner = pickle.loads(pickle.dumps(HpoPruner("median")))
    bad = study.ask()
    bad.suggest_float("x", 0, 1)
    bad.report(9.0, 0)
    bad.report(9.0, 3)
    assert bad.should_prune()
    good = study.ask()
    good.report(0.0, 3)
    assert not good.should_prune()


def test_nan_reports_say_nothing():
    study = curves(HpoPruner("median"), n=10)
    trial = study.ask()
    trial.report(math.nan, 0)
    assert not trial.should_prune()


def test_pruners_that_cannot_be():
    for name in ("hyperband", "halving", "pbt", "asha", "patience and (asha)"):
        with pytest.raises(UnsupportedError, match="Optuna cannot"):
            HpoPruner(name, max_resource=9)
    with pytest.raises(KeyError, match="no-such"):
        HpoPruner("no-such")
    with pytest.raises(ValueError):
        HpoPruner("median", no_such=1)
    with pytest.raises(TypeError):
        HpoPruner(hpo.pruners.MedianPruner(), keep=1)


def test_no_thread_is_left_behind():
    before = threading.active_count()
    run(HpoSampler("tpe", seed=1), conditional, 5)
    assert threading.active_count() == before
