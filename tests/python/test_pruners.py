# SPDX-License-Identifier: Apache-2.0
"""Pruners with Optuna's names decide as Optuna's do, on the same curves."""

import math
import random

import pytest

import hpo

CURVES, SCHEDULER = 40, 50  # trials; purpose of the stream that draws brackets


def curve(number, step, seed):
    """Decreasing, some crossing others; rounded, so that there are ties."""
    r = random.Random(f"{seed} {number}")
    start, end, rate = r.random() * 3, r.random(), 10 ** r.uniform(-2, 0)
    noise = random.Random(f"{seed} {number} {step}").gauss(0, 0.02)
    return round(end + start * math.exp(-rate * step) + noise, 2)


def steps_of(number, seed):
    """The steps at which a trial reports: not the same for all."""
    stride = random.Random(f"{seed} {number} stride").choice([1, 1, 1, 2, 7])
    return range(0, 100, stride)


def play(package, pruner, seed, direction="minimize"):
    """{trial: step at which it was pruned, or None}, with three trials at a time."""
    study = package.create_study(direction=direction, pruner=pruner, **({"seed": 5} if package is hpo else {}))
    sign = 1 if direction == "minimize" else -1
    ends, running = {}, []
    while len(ends) < CURVES:
        while len(running) < 3 and len(ends) + len(running) < CURVES:
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            running.append((trial, iter(steps_of(trial.number, seed))))
        for one in list(running):
            trial, steps = one
            step = next(steps, None)
            if step is None:
                study.tell(trial, sign * curve(trial.number, 99, seed))
                ends[trial.number] = None
            else:
                trial.report(sign * curve(trial.number, step, seed), step)
                if not trial.should_prune():
                    continue
                study.tell(trial, state=package.trial.TrialState.PRUNED)
                ends[trial.number] = step
            running.remove(one)
    return ends


@pytest.fixture
def optuna():
    module = pytest.importorskip("optuna")
    module.logging.set_verbosity(module.logging.ERROR)
    return module


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_resource": 1, "reduction_factor": 3},
        {"min_resource": 2, "reduction_factor": 2, "min_early_stopping_rate": 1},
        {"min_resource": 3, "reduction_factor": 4, "bootstrap_count": 5},
    ],
)
def test_successive_halving(optuna, options, direction):
    for seed in range(2):
        ours = play(hpo, hpo.pruners.SuccessiveHalvingPruner(**options), seed, direction)
        theirs = play(optuna, optuna.pruners.SuccessiveHalvingPruner(**options), seed, direction)
        assert ours == theirs
        assert 5 < sum(v is not None for v in ours.values()) <= CURVES


def philox(seed, index, purpose):
    """The first uniform number of a stream of the library (src/math/rng.c)."""
    c, k = [0, purpose, index & 0xFFFFFFFF, index >> 32], [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return ((c[1] << 32 | c[0]) >> 11) * 2.0**-53


@pytest.mark.parametrize("options", [{}, {"max_resource": 90, "reduction_factor": 2}, {"min_resource": 4, "max_resource": 99, "bootstrap_count": 2}])
def test_hyperband(optuna, options):
    pruner = optuna.pruners.HyperbandPruner(**options)

    def bracket(study, trial):  # by our seed instead of a hash of the study's name
        sizes = pruner._trial_allocation_budgets
        u = philox(5, trial.number, SCHEDULER) * sum(sizes)
        for b, size in enumerate(sizes):
            u -= size
            if u < 0:
                return b

    pruner._get_bracket_id = bracket
    ours = play(hpo, hpo.pruners.HyperbandPruner(**options), 1)
    assert ours == play(optuna, pruner, 1)
    assert 3 < sum(v is not None for v in ours.values())


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("options", [{"patience": 0}, {"patience": 2, "min_delta": 0.005}])
def test_patient(optuna, options, direction):
    def wrapped(package):
        return package.pruners.ThresholdPruner(**({"upper": 0.9} if direction == "minimize" else {"lower": -0.9}))

    for wrap in (False, True):
        ours, theirs = (play(p, p.pruners.PatientPruner(wrapped(p) if wrap else None, **options), 2, direction) for p in (hpo, optuna))
        assert ours == theirs
        assert any(v is not None for v in ours.values())


def test_patience_around_rungs(storage):
    """The wrapped pruner decides alone where patience is at its end."""
    inner = hpo.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    outer = hpo.pruners.PatientPruner(inner, patience=2)
    assert outer.spec.endswith(f" and ({inner.spec})")
    study = hpo.create_study(storage=storage, pruner=outer, seed=1)
    assert study.pruner == outer.spec
    worse = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    for number in range(3):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        for step, value in enumerate(worse):
            trial.report(value + number, step)
            if trial.should_prune():
                break
        assert step == (8 if number == 0 else 4)  # rung 4 is the first one at which three values were worse
        study.tell(trial, state=hpo.TrialState.PRUNED) if trial.should_prune() else study.tell(trial, value)


def test_what_is_refused():
    with pytest.raises(ValueError, match="bootstrap_count"):
        hpo.pruners.SuccessiveHalvingPruner(bootstrap_count=1)
    with pytest.raises(ValueError, match="min_resource is 0"):
        hpo.pruners.SuccessiveHalvingPruner(min_resource=0)
    with pytest.raises(ValueError, match="patience is -1"):
        hpo.pruners.PatientPruner(None, -1)

    class Mine(hpo.pruners.BasePruner):
        def prune(self, study, trial):
            return False

    with pytest.raises(hpo.exceptions.UnsupportedError, match="wrapped"):
        hpo.pruners.PatientPruner(Mine(), 1)
    with pytest.raises(ValueError, match="max_resource is 'much'"):
        hpo.pruners.HyperbandPruner(max_resource="much")


def test_optimize_with_pruners(storage):
    """A program for Optuna, its space and its last step unknown."""

    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        for epoch in range(30):
            value = x * x + math.exp(-epoch / 10)
            trial.report(value, epoch)
            if trial.should_prune():
                raise hpo.TrialPruned
        return value

    for pruner in (hpo.pruners.SuccessiveHalvingPruner(), hpo.pruners.HyperbandPruner()):
        study = hpo.create_study(storage=storage, study_name=pruner.spec, pruner=pruner, seed=1)
        study.optimize(objective, n_trials=40)
        states = [t.state.name for t in study.trials]
        assert states[0] == "COMPLETE" and states.count("PRUNED") > 10
        assert study.best_value < 0.2


def test_default_is_auto_and_asks_before_it_stops():
    """As Optuna's default: the objective that asks should_prune() agrees to be stopped; nobody else is."""

    def objective(trial, asks):
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 9):
            trial.report(x, step)
            if asks and trial.should_prune():
                raise hpo.TrialPruned
        return x

    for asks in (False, True):
        study = hpo.create_study(seed=3, sampler="random")
        assert study.pruner == "auto"
        study.optimize(lambda trial: objective(trial, asks), n_trials=20)
        stopped = [t for t in study.trials if t.state == hpo.TrialState.PRUNED]
        assert bool(stopped) == asks
        if asks:
            assert min(t.value for t in stopped) > study.best_value
    assert hpo.create_study(pruner=hpo.pruners.NopPruner()).pruner == "none"
    assert hpo.create_study(directions=["minimize", "minimize"]).pruner == "none"
    assert hpo.create_study(space="x: 0..1", lag=2).pruner == "none"
