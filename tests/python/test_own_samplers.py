# SPDX-License-Identifier: Apache-2.0
"""Samplers and pruners written in Python, as programs for Optuna have them."""

import math
import os
import pickle
import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hpo as optuna
import hpo
from hpo.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from hpo.study.values import own_value
from hpo.trial import TrialState


class Annealing(optuna.samplers.BaseSampler):
    """Simulated annealing: a neighbour of the point where it stands; worse ones are gone to with a probability."""

    def __init__(self, seed, temperature=10.0):
        self._random = random.Random(seed)  # as many programs do, without BaseSampler.__init__
        self._temperature = temperature
        self._at = None

    def infer_relative_search_space(self, study, trial):
        return optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(self, study, trial, search_space):
        if not search_space:
            return {}
        last = study.trials[-2]
        if self._at is None or last.value <= self._at.value or self._random.random() < math.exp((self._at.value - last.value) / self._temperature):
            self._at = last
        self._temperature *= 0.9
        values = {}
        for name, one in search_space.items():
            if not isinstance(one, optuna.distributions.FloatDistribution):
                raise NotImplementedError(f"{name}: floats only")
            here, width = self._at.params[name], 0.1 * (one.high - one.low)
            values[name] = self._random.uniform(max(one.low, here - width), min(one.high, here + width))
        return values

    def sample_independent(self, study, trial, param_name, param_distribution):
        return optuna.samplers.RandomSampler().sample_independent(study, trial, param_name, param_distribution)


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_float("y", -5, 5)
    return x**2 + y


def test_simulated_annealing(storage):
    sampler = Annealing(3)
    study = optuna.create_study(storage=storage, sampler=sampler, seed=1)
    asked = []

    def watched(trial):
        value = objective(trial)
        asked.append(dict(trial.params))
        if trial.number > 0:
            assert trial.relative_params == trial.params
        return value

    study.optimize(watched, n_trials=60)
    assert [t.params for t in study.trials] == asked
    assert [t.value for t in study.trials] == [p["x"] ** 2 + p["y"] for p in asked]
    assert study.best_value < 5 and study.sampler is sampler
    for before, after in zip(asked[1:], asked[2:]):  # never far from a point that was tried
        assert min(abs(after["x"] - p["x"]) for p in asked[: asked.index(after)]) <= 2 + 1e-9
    again = optuna.create_study(sampler=Annealing(3), seed=1)  # the same seeds, the same trials
    again.optimize(objective, n_trials=20)
    assert [t.params for t in again.trials] == asked[:20]


class LastPlace(optuna.pruners.BasePruner):
    """Stops a trial that is worse than all complete ones at the same step."""

    def __init__(self, warmup_steps, warmup_trials):
        self._steps, self._trials = warmup_steps, warmup_trials

    def prune(self, study, trial):
        step = trial.last_step
        if not step:
            return False
        others = [t.intermediate_values[step] for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if step in t.intermediate_values]
        return step >= self._steps and len(others) > self._trials and trial.intermediate_values[step] < min(others)


@pytest.mark.parametrize("sampler", [None, "random"])
def test_last_place_pruner(storage, sampler):
    study = optuna.create_study(storage=storage, sampler=sampler, pruner=LastPlace(1, 3), direction="maximize", seed=2)
    scores = {}

    def train(trial):
        x = trial.suggest_float("x", -1, 1)
        for step in range(8):
            score = (1 - x * x) * (1 - math.exp(-step))
            trial.report(score, step)
            if trial.should_prune():
                raise optuna.TrialPruned()
        scores[trial.number] = score
        return score

    study.optimize(train, n_trials=25)
    states = [t.state.name for t in study.trials]
    assert states[:4] == ["COMPLETE"] * 4 and "PRUNED" in states and set(states) == {"COMPLETE", "PRUNED"}
    for t in study.trials:
        if t.state == TrialState.PRUNED:
            before = [s for n, s in scores.items() if n < t.number]
            assert t.last_step == 1 and (1 - t.params["x"] ** 2) * (1 - math.exp(-7)) < min(before)


class Script(hpo.samplers.BaseSampler):
    """Gives what it is told to, and notes every call."""

    def __init__(self, relative=(), independent=(), space=None):
        self.space, self.relative, self.independent, self.calls = space or {}, dict(relative), dict(independent), []

    def before_trial(self, study, trial):
        self.calls.append(("before", trial.number, dict(trial.params)))

    def infer_relative_search_space(self, study, trial):
        self.calls.append(("infer", trial.number))
        return self.space

    def sample_relative(self, study, trial, search_space):
        self.calls.append(("relative", trial.number, search_space))
        return self.relative

    def sample_independent(self, study, trial, param_name, param_distribution):
        self.calls.append(("independent", trial.number, param_name, dict(trial.params)))
        return self.independent[param_name]

    def after_trial(self, study, trial, state, values):
        self.calls.append(("after", trial.number, dict(trial.params), state, values))


def test_what_is_called_when(storage):
    space = {"x": FloatDistribution(0, 1), "n": IntDistribution(1, 9)}
    s = Script({"x": 0.25, "n": 3}, {"c": "b", "x": 0.75}, space)
    study = hpo.create_study(storage=storage, sampler=s)
    t = study.ask()
    assert t.suggest_float("x", 0, 1) == 0.25 and t.suggest_categorical("c", ["a", "b"]) == "b"
    assert t.suggest_int("n", 1, 9) == 3 and t.suggest_float("x", 0, 1) == 0.25 and t.suggest_float("one", 7, 7) == 7
    study.tell(t, 1.5)
    assert s.calls == [
        ("before", 0, {}),
        ("infer", 0),
        ("relative", 0, space),
        ("independent", 0, "c", {"x": 0.25}),
        ("after", 0, {"x": 0.25, "c": "b", "n": 3, "one": 7}, TrialState.COMPLETE, [1.5]),
    ]
    assert study.trials[0].params == {"x": 0.25, "c": "b", "n": 3, "one": 7}
    # another range than was inferred: asked for by itself
    t = study.ask()
    assert t.suggest_float("x", 0.5, 1) == 0.75
    assert t.relative_params == {"x": 0.25, "n": 3}
    with pytest.raises(ValueError, match="kind"):
        t.suggest_float("n", 1, 9)
    study.tell(t, state=TrialState.FAIL)
    assert s.calls[-1] == ("after", 1, {"x": 0.75}, TrialState.FAIL, None)
    # enqueued values come first
    study.enqueue_trial({"x": 0.5})
    t = study.ask()
    assert t.suggest_float("x", 0, 1) == 0.5 and t.suggest_int("n", 1, 9) == 3
    t.report(4, 0)
    study.tell(t, state=TrialState.PRUNED)
    assert s.calls[-1] == ("after", 2, {"x": 0.5, "n": 3}, TrialState.PRUNED, [4.0])
    assert [x.params for x in study.trials[1:]] == [{"x": 0.75}, {"x": 0.5, "n": 3}]
    # given back: nothing has ended
    before = len([c for c in s.calls if c[0] == "after"])
    study.tell(study.ask(), state=TrialState.WAITING)
    assert len([c for c in s.calls if c[0] == "after"]) == before


def test_a_running_trial_shows_what_was_chosen(storage):
    s = Script({"x": 0.25}, {"y": 0.5, "x": 0.1}, {})
    study = hpo.create_study(storage=storage, sampler=s)
    s.relative = {}
    t = study.ask()
    t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)
    study.tell(t, 0.0)
    s.space, s.relative = {"x": FloatDistribution(0, 1)}, {"x": 0.25}
    t = study.ask()
    assert study.trials[1].state == TrialState.RUNNING and study.trials[1].params == {"x": 0.25}
    if storage is not None:
        assert hpo.load_study(storage=storage).trials[1].params == {"x": 0.25}
    t.suggest_float("x", 0, 1)
    study.tell(t, 0.0)
    assert study.trials[1].params == {"x": 0.25} and study.trials[0].params == {"x": 0.1, "y": 0.5}


@pytest.mark.parametrize("base", ["RandomSampler", "TPESampler", "SobolSampler", "AutoSampler"])
def test_what_a_class_does_not_override_is_the_library(storage, base):
    """A derived sampler that only watches gives the very trials of its base."""
    parent = getattr(hpo.samplers, base)

    class Watching(parent):
        seen = 0

        def sample_independent(self, study, trial, name, distribution):
            Watching.seen += 1
            return super().sample_independent(study, trial, name, distribution)

    def f(trial):
        x = trial.suggest_float("x", -1, 1)
        if trial.suggest_categorical("c", ["a", "b"]) == "a":
            x += trial.suggest_int("n", 0, 5)
        return x

    study = hpo.create_study(storage=storage, sampler=Watching(), seed=5)
    study.optimize(f, n_trials=30)
    plain = hpo.create_study(sampler=parent(), seed=5)
    plain.optimize(f, n_trials=30)
    assert [t.params for t in study.trials] == [t.params for t in plain.trials] and Watching.seen > 60


def test_one_parameter_by_hand():
    class Mostly(hpo.samplers.TPESampler):
        def sample_independent(self, study, trial, name, distribution):
            return 0.5 if name == "fixed" else super().sample_independent(study, trial, name, distribution)

    study = hpo.create_study(sampler=Mostly(initial=5, seed=3))
    study.optimize(lambda t: (t.suggest_float("x", -5, 5) - 1) ** 2 + t.suggest_float("fixed", 0, 1), n_trials=40)
    assert study.seed == 3 and {t.params["fixed"] for t in study.trials} == {0.5} and study.best_value < 0.6


def test_random_draws_are_drawn_anew():
    class Best(hpo.samplers.BaseSampler):
        def sample_independent(self, study, trial, name, distribution):
            draws = [hpo.samplers.RandomSampler().sample_independent(study, trial, name, distribution) for _ in range(20)]
            assert len(set(draws)) == 20 and all(distribution.contains(v) for v in draws)
            return min(draws)

    study = hpo.create_study(sampler=Best(), seed=1)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=10)
    assert max(t.value for t in study.trials) < 0.3


def test_mistakes_of_a_sampler(storage):
    s = Script({}, {"x": 7, "n": 2.5, "c": "z"})
    study = hpo.create_study(storage=storage, sampler=s)
    for ask in (lambda t: t.suggest_float("x", 0, 1), lambda t: t.suggest_int("n", 1, 9), lambda t: t.suggest_categorical("c", ["a", "b"])):
        with pytest.raises(ValueError, match="Script gave .* outside of"):
            study.optimize(ask, n_trials=1)
    assert [t.state.name for t in study.trials] == ["FAIL"] * 3
    s.relative = {"y": 1}
    with pytest.raises(ValueError, match="y, which its search space does not have"):
        study.ask()
    assert study.trials[3].state == TrialState.FAIL and "search space" in study.trials[3].reason
    s.infer_relative_search_space = lambda study, trial: 1 / 0
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda t: 0.0, n_trials=3)
    assert len(study.trials) == 5 and study.trials[4].state == TrialState.FAIL

    def interrupted(study, trial):
        raise KeyboardInterrupt

    s.infer_relative_search_space = interrupted
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda t: 0.0, n_trials=3)
    assert study.trials[5].state == TrialState.WAITING
    s.infer_relative_search_space, s.relative = lambda study, trial: {}, {}

    def broken(study, trial, state, values):
        raise OSError("full")

    s.after_trial = broken
    with pytest.raises(OSError):
        study.optimize(lambda t: 0.5, n_trials=3)
    assert study.trials[5].state == TrialState.COMPLETE and study.trials[5].value == 0.5  # its result is kept


def test_where_it_cannot_work(tmp_path):
    with pytest.raises(hpo.exceptions.UnsupportedError, match="leave out `space`"):
        hpo.create_study(space="x: 0..1", sampler=Annealing(1))
    declared = hpo.create_study(space="x: 0..1")
    with pytest.raises(hpo.exceptions.UnsupportedError, match="declared space"):
        declared.sampler = Annealing(1)
    assert declared.sampler == "auto"

    class Two(hpo.samplers.BaseSampler):
        def sample_independent(self, study, trial, name, distribution):
            return hpo.samplers.TPESampler().sample_independent(study, trial, name, distribution)

    with pytest.raises(hpo.exceptions.UnsupportedError, match="derive Two from"):
        hpo.create_study(sampler=Two()).optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    study = hpo.create_study()
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(ValueError, match="not in hand"):
        hpo.samplers.RandomSampler().sample_independent(study, study.trials[0], "x", FloatDistribution(0, 1))


def test_sampler_of_a_study_that_is_there(tmp_path):
    path = str(tmp_path / "s.db")
    hpo.create_study(storage=path, study_name="s", sampler="random", seed=1).optimize(objective, n_trials=5)
    study = hpo.load_study(storage=path, study_name="s", sampler=Annealing(2))
    study.optimize(objective, n_trials=5)
    assert all(t.params.keys() == {"x", "y"} for t in study.trials) and len(study.trials) == 10
    study.sampler = hpo.samplers.RandomSampler  # and back to the library
    study.optimize(objective, n_trials=5)
    assert study.sampler.spec == "random" and len(study.trials) == 15


class Third(hpo.samplers.BaseSampler):
    """Floats a third of their range up, and the process that did it."""

    def sample_independent(self, study, trial, name, distribution):
        return distribution.low + (distribution.high - distribution.low) / 3

    def reseed_rng(self):
        self.reseeded = os.getpid()

    def after_trial(self, study, trial, state, values):
        study.set_user_attr(f"reseeded {trial.number}", getattr(self, "reseeded", None))


def third(trial):
    return trial.suggest_float("x", 0, 3) - 1


def test_processes_threads_coroutines(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.db"), sampler=Third())
    study.map(third, n_trials=8, n_workers=2)
    assert [t.params for t in study.trials] == [{"x": 1.0}] * 8
    assert os.getpid() not in study.user_attrs.values() and None not in study.user_attrs.values()
    again = pickle.loads(pickle.dumps(study))
    again.optimize(third, n_trials=4, n_jobs=2)
    assert len(study.trials) == 12 and {t.params["x"] for t in study.trials} == {1.0}

    import asyncio

    async def later(trial):
        await asyncio.sleep(0)
        return third(trial)

    asyncio.run(again.optimize_async(later, n_trials=3, concurrency=2))
    assert len(study.trials) == 15 and study.best_value == 0.0


def test_threads_look_while_others_end(storage):
    """Samplers read the study while other threads tell."""

    class Mean(hpo.samplers.BaseSampler):
        def sample_independent(self, study, trial, name, distribution):
            done = [t.params[name] for t in study.trials if t.state == TrialState.COMPLETE and name in t.params]
            first = super().sample_independent(study, trial, name, distribution)
            return first if len(done) < 5 else sum(done) / len(done) * 0.5 + first * 0.5

    study = hpo.create_study(storage=storage, sampler=Mean(), seed=1)
    names = set()

    def f(trial):
        names.add(threading.get_ident())
        return trial.suggest_float("x", -1, 1) + trial.suggest_float(f"y{trial.number % 3}", 0, 1)

    study.optimize(f, n_trials=40, n_jobs=4)
    assert len(study.trials) == 40 and all(len(t.params) == 2 for t in study.trials)


def test_patience_around_a_pruner_of_ones_own(storage):
    class Yes(hpo.pruners.BasePruner):
        asked = 0

        def prune(self, study, trial):
            Yes.asked += 1
            return True

    curves = [[3, 2, 1, 2, 3, 4], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0.5], [1, math.nan, 2, 3, 4], [2, 1, 1.5, 0.9, 1, 1.2, 1.3]]
    stops = []
    for pruner in (hpo.pruners.PatientPruner(Yes(), patience=1, min_delta=0.2), hpo.pruners.PatientPruner(None, patience=1, min_delta=0.2)):
        for direction in ("minimize", "maximize"):
            study = hpo.create_study(storage=storage, pruner=pruner, direction=direction, sampler="random", seed=1)
            sign = 1 if direction == "minimize" else -1
            for curve in curves:
                trial = study.ask()
                trial.suggest_float("x", 0, 1)
                for step, value in enumerate(curve):
                    trial.report(sign * value, step)
                    if trial.should_prune():
                        break
                stops.append(step)
                study.tell(trial, state=TrialState.PRUNED)
    assert stops[:5] == stops[5:10] == stops[10:15] == stops[15:] and len(set(stops)) > 2
    assert Yes.asked < 2 * len(curves) + 1  # asked when patience is at its end only


def test_a_stop_from_outside_reaches_trials_with_a_pruner_of_ones_own(storage):
    study = hpo.create_study(storage=storage, pruner=LastPlace(1, 3))
    t = study.ask()
    t.report(1, 0)
    assert not t.should_prune()
    study.request_stop(t.number)
    t.report(1, 1)
    assert t.should_prune()


def test_intersection_search_space():
    study = hpo.create_study(seed=1, sampler="random")
    inter = optuna.search_space.IntersectionSearchSpace()
    assert inter.calculate(study) == {} == optuna.samplers.intersection_search_space(study)

    def f(trial):
        x = trial.suggest_float("x", 0, 1) + trial.suggest_int("a", 1, 3)
        if trial.number == 4:
            raise optuna.TrialPruned
        return x + (trial.suggest_float("b", 0, 1) if trial.number != 2 else 0)

    study.optimize(f, n_trials=2)
    assert list(inter.calculate(study)) == ["a", "b", "x"]
    study.optimize(f, n_trials=4)
    assert inter.calculate(study) == {"a": IntDistribution(1, 3), "x": FloatDistribution(0, 1)}
    assert optuna.search_space.intersection_search_space(study.trials) == inter.calculate(study)
    with pytest.raises(ValueError):
        inter.calculate(hpo.create_study(storage=None, study_name="other"))


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(10**400)), st.sampled_from(range(4)))
def test_own_values_are_in_their_distribution(value, which):
    one = (FloatDistribution(-1, 1), FloatDistribution(0, 2, step=0.5), IntDistribution(-4, 8, step=2), CategoricalDistribution([None, True, 1, 2.5, "a"]))[which]
    got = own_value(one, value)
    if got is None:
        assert isinstance(value, (bool, str, type(None))) or not one.contains(value)
    else:
        assert one.contains(got[0]) and (got[0] == value or got[0] is value or repr(got[0]) == value)  # its label
        assert which != 2 or type(got[0]) is int
        assert which > 1 or type(got[0]) is float


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 4), min_size=1), min_size=1, max_size=12))
def test_any_choice_is_what_the_trial_was(choices):
    """Whatever is chosen, and whatever is asked for: the record says it."""

    class Given(hpo.samplers.BaseSampler):
        def infer_relative_search_space(self, study, trial):
            return optuna.search_space.intersection_search_space(study.trials)

        def sample_relative(self, study, trial, space):
            return {name: choices[trial.number][name] for name in space if name in choices[trial.number]}

        def sample_independent(self, study, trial, name, distribution):
            return choices[trial.number][name]

    study = hpo.create_study(sampler=Given(), seed=1)
    study.optimize(lambda t: sum(t.suggest_int(name, 0, 4) for name in choices[t.number]), n_trials=len(choices))
    assert [t.params for t in study.trials] == choices
