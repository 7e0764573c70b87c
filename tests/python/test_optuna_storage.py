# SPDX-License-Identifier: Apache-2.0
"""HpoStorage: every method of Optuna's BaseStorage, errors in their places, several processes, and our own view of it."""

import datetime
import json
import math
import multiprocessing
import os
import pickle
import random
import subprocess
import tempfile
import threading
import time

import pytest

optuna = pytest.importorskip("optuna", reason="python3-optuna is not installed")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.study import StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

import hpo  # noqa: E402
from hpo.integration.optuna import HpoSampler, HpoStorage  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
pytestmark = pytest.mark.filterwarnings("ignore")
MIN, MAX = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
NOWHERE = (77 << 40) + 5


@pytest.fixture
def path():
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        yield f"{folder}/s.db"


@pytest.fixture
def storage(path):
    return HpoStorage(path)


def trials_of(storage, study):
    """Seen by a second storage on the same file, which knows nothing yet."""
    return HpoStorage(storage._storage.url).get_all_trials(study)


def same(storage, study):
    """Both views agree; returns the trials."""
    a, b = storage.get_all_trials(study), trials_of(storage, study)
    assert [repr(t) for t in a] == [repr(t) for t in b]
    for t in a:
        assert repr(storage.get_trial(t._trial_id)) == repr(t)
    return a


# ---- studies ---------------------------------------------------------------------------------------------------


def test_studies_have_names_ids_directions(storage):
    a = storage.create_new_study([MIN], "a")
    b = storage.create_new_study([MAX, MIN], "b / ü: 'x'")
    c = storage.create_new_study([MIN])
    assert len({a, b, c}) == 3
    assert storage.get_study_name_from_id(b) == "b / ü: 'x'" and storage.get_study_id_from_name("a") == a
    assert storage.get_study_name_from_id(c).startswith("no-name-")
    assert storage.get_study_directions(a) == [MIN] and storage.get_study_directions(b) == [MAX, MIN]
    other = HpoStorage(storage._storage.url)
    assert other.get_study_name_from_id(b) == "b / ü: 'x'" and other.get_study_directions(b) == [MAX, MIN]
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        storage.create_new_study([MIN], "a")
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        other.create_new_study([MIN], "a")
    with pytest.raises(ValueError):
        storage.create_new_study([StudyDirection.NOT_SET])


def test_deleted_studies_are_gone_everywhere(storage):
    other = HpoStorage(storage._storage.url)
    a, b = storage.create_new_study([MIN], "a"), storage.create_new_study([MIN], "b")
    t = storage.create_new_trial(a)
    assert other.get_trial(t).number == 0
    storage.delete_study(a)
    for s in (storage, other):
        for call in (
            lambda: s.get_study_name_from_id(a),
            lambda: s.get_all_trials(a),
            lambda: s.get_trial(t),
            lambda: s.delete_study(a),
            lambda: s.get_study_id_from_name("a"),
            lambda: s.create_new_trial(a),
        ):
            with pytest.raises(KeyError):
                call()
        assert s.get_all_trials(b) == []
    again = storage.create_new_study([MIN], "a")
    assert again not in (a, b)
    assert storage.create_new_trial(again) != t


def test_attributes_of_studies(storage):
    s = storage.create_new_study([MIN], "s")
    values = {"n": 1, "x": 1.5, "t": "ü\n", "l": [1, None, {"a": True}], "none": None, "nan": math.nan, "hpo:fixed": 3}
    for i, (key, value) in enumerate(values.items()):
        storage.set_study_user_attr(s, key, value)
        storage.set_study_system_attr(s, key, [value, i])
    user, system = storage.get_study_user_attrs(s), storage.get_study_system_attrs(s)
    assert repr(user) == repr(HpoStorage(storage._storage.url).get_study_user_attrs(s))
    assert user.keys() == values.keys() and math.isnan(user.pop("nan"))
    assert user == {k: v for k, v in values.items() if k != "nan"}
    assert system["t"] == ["ü\n", 2]
    storage.set_study_user_attr(s, "n", None)
    storage.set_study_user_attr(s, "x", {})
    assert storage.get_study_user_attrs(s)["n"] is None and storage.get_study_user_attrs(s)["x"] == {}
    with pytest.raises(TypeError):
        storage.set_study_user_attr(s, "bad", {1, 2})
    frozen = storage.get_all_studies()
    assert [f.study_name for f in frozen] == ["s"] and frozen[0]._study_id == s and frozen[0].directions == [MIN]
    assert frozen[0].user_attrs["x"] == {}


def test_unknown_studies_are_key_errors(storage):
    storage.create_new_study([MIN])
    for call in (
        lambda: storage.delete_study(99),
        lambda: storage.set_study_user_attr(99, "k", 1),
        lambda: storage.set_study_system_attr(99, "k", 1),
        lambda: storage.get_study_id_from_name("none"),
        lambda: storage.get_study_name_from_id(99),
        lambda: storage.get_study_directions(99),
        lambda: storage.get_study_user_attrs(99),
        lambda: storage.get_study_system_attrs(99),
        lambda: storage.create_new_trial(99),
        lambda: storage.get_all_trials(99),
        lambda: storage.get_n_trials(99),
        lambda: storage.get_best_trial(99),
        lambda: storage.get_trial_id_from_study_id_trial_number(99, 0),
    ):
        with pytest.raises(KeyError):
            call()


# ---- trials ----------------------------------------------------------------------------------------------------


def test_unknown_trials_are_key_errors(storage):
    s = storage.create_new_study([MIN])
    good = storage.create_new_trial(s)
    for bad in (NOWHERE, good + 1, -1, 0):
        for call in (
            lambda: storage.set_trial_param(bad, "x", 0.5, FloatDistribution(0, 1)),
            lambda: storage.set_trial_state_values(bad, TrialState.COMPLETE, [1.0]),
            lambda: storage.set_trial_intermediate_value(bad, 0, 1.0),
            lambda: storage.set_trial_user_attr(bad, "k", 1),
            lambda: storage.set_trial_system_attr(bad, "k", 1),
            lambda: storage.get_trial(bad),
            lambda: storage.get_trial_number_from_id(bad),
            lambda: storage.get_trial_param(bad, "x"),
            lambda: storage.get_trial_params(bad),
            lambda: storage.get_trial_user_attrs(bad),
            lambda: storage.get_trial_system_attrs(bad),
        ):
            with pytest.raises(KeyError):
                call()
    with pytest.raises(KeyError):
        storage.get_trial_param(good, "x")
    with pytest.raises(KeyError):
        storage.get_trial_id_from_study_id_trial_number(s, 1)


def test_new_trials(storage):
    s, other = storage.create_new_study([MIN]), storage.create_new_study([MIN])
    before = datetime.datetime.now()
    ids = [storage.create_new_trial(s) for _ in range(3)] + [storage.create_new_trial(other)]
    assert len(set(ids)) == 4 and [storage.get_trial_number_from_id(i) for i in ids] == [0, 1, 2, 0]
    assert [storage.get_trial_id_from_study_id_trial_number(s, n) for n in range(3)] == ids[:3]
    for t in same(storage, s):
        assert (t.state, t.params, t.distributions, t.values, t.user_attrs, t.system_attrs) == (
            TrialState.RUNNING, {}, {}, None, {}, {},
        )  # fmt: skip
        assert abs((t.datetime_start - before).total_seconds()) < 60 and t.datetime_complete is None
    assert storage.get_n_trials(s) == 3 and storage.get_n_trials(s, TrialState.RUNNING) == 3
    assert storage.get_n_trials(s, (TrialState.COMPLETE, TrialState.WAITING)) == 0


KINDS = [
    (FloatDistribution(-1, 1), 0.25, 0.25),
    (FloatDistribution(1e-5, 1, log=True), 1e-3, 1e-3),
    (FloatDistribution(0, 1, step=0.25), 0.75, 0.75),
    (FloatDistribution(2, 2), 2.0, 2.0),
    (IntDistribution(-5, 5), 3.0, 3),
    (IntDistribution(1, 1000, log=True), 10.0, 10),
    (IntDistribution(0, 9, step=3), 6.0, 6),
    (CategoricalDistribution(("a", "b")), 1, "b"),
    (CategoricalDistribution((None, True, 1, 1.5, "1", "None")), 3, 1.5),
]


def test_parameters(storage):
    s = storage.create_new_study([MIN])
    for turn in range(2):  # the second time the space is known
        t = storage.create_new_trial(s)
        for i, (kind, internal, external) in enumerate(KINDS):
            storage.set_trial_param(t, f"p {i}", internal, kind)
            got = storage.get_trial(t)
            assert list(got.params) == [f"p {j}" for j in range(i + 1)]
            assert got.params[f"p {i}"] == external and type(got.params[f"p {i}"]) is type(external)
            assert got.distributions[f"p {i}"] == kind
            assert storage.get_trial_param(t, f"p {i}") == internal
        assert storage.get_trial_params(t) == storage.get_trial(t).params
        storage.set_trial_state_values(t, TrialState.COMPLETE, [float(turn)])
        assert storage.get_trial(t).params == {f"p {i}": e for i, (_, _, e) in enumerate(KINDS)}
    assert same(storage, s)[0].distributions == {f"p {i}": k for i, (k, _, _) in enumerate(KINDS)}
    t = storage.create_new_trial(s)
    with pytest.raises(ValueError):
        storage.set_trial_param(t, "p 0", 0, CategoricalDistribution(("a", "b")))
    with pytest.raises(ValueError):
        storage.set_trial_param(t, "p 7", 0, CategoricalDistribution(("a", "c")))
    storage.set_trial_param(t, "p 0", 40.0, FloatDistribution(0, 50))  # a range may move
    storage.set_trial_state_values(t, TrialState.COMPLETE, [0.0])
    assert [u.distributions["p 0"].high for u in same(storage, s)] == [1, 1, 50]


def test_states_and_values(storage):
    s = storage.create_new_study([MIN])
    for state, values in (
        (TrialState.COMPLETE, [0.5]),
        (TrialState.COMPLETE, [math.inf]),
        (TrialState.COMPLETE, [-math.inf]),
        (TrialState.PRUNED, [2.5]),
        (TrialState.PRUNED, None),
        (TrialState.FAIL, None),
        (TrialState.FAIL, [3.0]),
    ):
        t = storage.create_new_trial(s)
        storage.set_trial_intermediate_value(t, 0, 9.0)
        assert storage.set_trial_state_values(t, TrialState.RUNNING) is False
        assert storage.set_trial_state_values(t, state, values) is True
        got = storage.get_trial(t)
        assert (got.state, got.values) == (state, values) and got.datetime_complete >= got.datetime_start
        for call in (
            lambda: storage.set_trial_state_values(t, TrialState.RUNNING),
            lambda: storage.set_trial_state_values(t, TrialState.COMPLETE, [1.0]),
            lambda: storage.set_trial_param(t, "x", 0.5, FloatDistribution(0, 1)),
            lambda: storage.set_trial_intermediate_value(t, 1, 1.0),
            lambda: storage.set_trial_user_attr(t, "k", 1),
            lambda: storage.set_trial_system_attr(t, "k", 1),
        ):
            with pytest.raises(RuntimeError):
                call()
        assert repr(storage.get_trial(t)) == repr(got)
    same(storage, s)
    back = storage.create_new_trial(s)
    assert storage.set_trial_state_values(back, TrialState.WAITING) is True
    assert storage.get_trial(back).state == TrialState.WAITING
    assert storage.set_trial_state_values(back, TrialState.RUNNING) is True
    assert storage.get_best_trial(s).value == -math.inf


def test_waiting_trials(storage):
    s = storage.create_new_study([MIN])
    template = optuna.trial.create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 1, "k": None}})
    waiting = storage.create_new_trial(s, template)
    running = storage.create_new_trial(s)  # a new one, not that which waits
    assert running != waiting and storage.get_trial(waiting).state == TrialState.WAITING
    assert storage.get_trial(waiting).system_attrs == {"fixed_params": {"x": 1, "k": None}}
    assert storage.get_trial(waiting).datetime_start is None and storage.get_trial(waiting).params == {}
    with pytest.raises(RuntimeError):
        storage.set_trial_intermediate_value(waiting, 0, 1.0)
    other = HpoStorage(storage._storage.url)
    assert other.set_trial_state_values(waiting, TrialState.RUNNING) is True
    assert storage.set_trial_state_values(waiting, TrialState.RUNNING) is False
    assert storage.get_trial(waiting).datetime_start is not None
    storage.set_trial_param(waiting, "x", 1.0, FloatDistribution(0, 2))  # another process may, as in Optuna
    assert other.set_trial_state_values(waiting, TrialState.COMPLETE, [1.0]) is True
    direct = storage.create_new_trial(s, template)
    assert storage.set_trial_state_values(direct, TrialState.FAIL) is True
    assert [t.state.name for t in same(storage, s)] == ["COMPLETE", "RUNNING", "FAIL"]
    assert storage.get_all_trials(s)[0].params == {"x": 1.0}


def test_a_waiting_trial_that_has_ended_elsewhere(storage):
    """Whoever has listed it as waiting is too slow, and not wrong."""
    s = storage.create_new_study([MIN])
    t = storage.create_new_trial(s, optuna.trial.create_trial(state=TrialState.WAITING))
    assert [x.state for x in storage.get_all_trials(s)] == [TrialState.WAITING]
    other = HpoStorage(storage._storage.url)
    assert other.set_trial_state_values(t, TrialState.RUNNING) is True
    assert other.set_trial_state_values(t, TrialState.COMPLETE, [1.0]) is True
    assert storage.set_trial_state_values(t, TrialState.RUNNING) is False
    for at in (storage, other):
        assert at.get_all_trials(s)[0].state == TrialState.COMPLETE
        with pytest.raises(RuntimeError):
            at.set_trial_state_values(t, TrialState.RUNNING)


def test_intermediate_values(storage):
    s = storage.create_new_study([MIN])
    t = storage.create_new_trial(s)
    seen = {0: 1.0, 7: math.inf, 3: -math.inf, 5: math.nan}
    for step, value in seen.items():
        storage.set_trial_intermediate_value(t, step, value)
    assert repr(sorted(storage.get_trial(t).intermediate_values.items())) == repr(sorted(seen.items()))
    storage.set_trial_intermediate_value(t, 3, 0.5)  # the last one counts
    assert storage.get_trial(t).intermediate_values[3] == 0.5
    storage.set_trial_state_values(t, TrialState.COMPLETE, [1.0])
    assert storage.get_trial(t).intermediate_values[3] == 0.5
    two = storage.create_new_study([MIN, MAX])
    t = storage.create_new_trial(two)
    storage.set_trial_intermediate_value(t, 1, 2.0)
    storage.set_trial_state_values(t, TrialState.COMPLETE, [1.0, 2.0])
    assert same(storage, two)[0].intermediate_values == {1: 2.0}
    assert same(storage, two)[0].values == [1.0, 2.0]


def test_attributes_of_trials(storage):
    s = storage.create_new_study([MIN])
    t = storage.create_new_trial(s)
    for key, value in (("a", 1), ("a", [None, "x"]), ("b", None), ("hpo:y", {}), ("c", math.inf)):
        storage.set_trial_user_attr(t, key, value)
        storage.set_trial_system_attr(t, key, [value])
    user = {"a": [None, "x"], "b": None, "hpo:y": {}, "c": math.inf}
    assert storage.get_trial_user_attrs(t) == user
    assert storage.get_trial_system_attrs(t) == {k: [v] for k, v in user.items()}
    storage.set_trial_state_values(t, TrialState.COMPLETE, [1.0])
    assert same(storage, s)[0].user_attrs == user
    with pytest.raises(TypeError):
        storage.set_trial_user_attr(storage.create_new_trial(s), "bad", object())


def random_trial(rng, n_values):
    state = rng.choice(list(TrialState))
    kinds = rng.sample(KINDS, rng.randint(0, len(KINDS)))
    start = datetime.datetime(2024, 2, 29, 12, 0, 0, rng.randrange(10**6))
    names = {id(k): f"p{KINDS.index(k)}" for k in kinds}
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=None,
        values=[rng.choice([0.5, math.inf, -2.0]) for _ in range(n_values)] if state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        datetime_start=None if state == TrialState.WAITING else start,
        datetime_complete=start + datetime.timedelta(seconds=rng.random()) if state.is_finished() else None,
        params={names[id(k)]: k[2] for k in kinds},
        distributions={names[id(k)]: k[0] for k in kinds},
        user_attrs={"u": rng.choice([1, None, [math.nan]])},
        system_attrs={"s": {"a": 1}, "constraints": [rng.random() - 0.5]},
        intermediate_values={} if state == TrialState.WAITING else {i: rng.random() for i in range(rng.randint(0, 3))},
    )


@pytest.mark.parametrize("n_values", [1, 2])
def test_templates(storage, n_values):
    rng = random.Random(n_values)
    s = storage.create_new_study([MIN] * n_values)
    given = [random_trial(rng, n_values) for _ in range(40)]
    ids = [storage.create_new_trial(s, t) for t in given]
    for i, (want, got) in enumerate(zip(given, same(storage, s))):
        want.number, want._trial_id = i, ids[i]
        assert repr(got) == repr(want)


def test_what_is_read_stays(storage):
    """What was handed out does not change when the trial goes on."""
    s = storage.create_new_study([MIN])
    t = storage.create_new_trial(s)
    before, listed = storage.get_trial(t), storage.get_all_trials(s, deepcopy=False)[0]
    storage.set_trial_param(t, "x", 0.5, FloatDistribution(0, 1))
    storage.set_trial_user_attr(t, "a", 1)
    storage.set_trial_intermediate_value(t, 0, 1.0)
    storage.set_trial_state_values(t, TrialState.COMPLETE, [1.0])
    for frozen in (before, listed):
        assert (frozen.state, frozen.params, frozen.user_attrs, frozen.intermediate_values) == (TrialState.RUNNING, {}, {}, {})


def test_lists_by_state(storage):
    s = storage.create_new_study([MAX])
    ids = [storage.create_new_trial(s) for _ in range(5)]
    storage.set_trial_state_values(ids[1], TrialState.COMPLETE, [1.0])
    storage.set_trial_state_values(ids[3], TrialState.COMPLETE, [3.0])
    storage.set_trial_state_values(ids[4], TrialState.FAIL)
    numbers = lambda *states: [t.number for t in storage.get_all_trials(s, states=states)]  # noqa: E731
    assert numbers(TrialState.COMPLETE) == [1, 3] and numbers(TrialState.RUNNING) == [0, 2]
    assert numbers(TrialState.FAIL, TrialState.COMPLETE) == [1, 3, 4] and numbers() == []
    assert storage.get_best_trial(s).number == 3
    assert storage.get_n_trials(s, TrialState.COMPLETE) == 2
    with pytest.raises(RuntimeError):
        two = storage.create_new_study([MIN, MIN])
        storage.set_trial_state_values(storage.create_new_trial(two), TrialState.COMPLETE, [1.0, 1.0])
        storage.get_best_trial(two)
    with pytest.raises(ValueError):
        storage.get_best_trial(storage.create_new_study([MIN]))


def test_pickled(storage):
    s = storage.create_new_study([MIN], "s")
    twin = pickle.loads(pickle.dumps(storage))
    assert twin.get_study_id_from_name("s") == s


# ---- Optuna programs -------------------------------------------------------------------------------------------


def objective(t):
    kind = t.suggest_categorical("kind", ["svm", None, 3])
    x = t.suggest_float("x", 1e-5, 1, log=True)
    if kind == "svm":
        x += t.suggest_int("degree", 1, 5)
    for step in range(3):
        t.report(x + step, step)
    t.set_user_attr("note", t.number)
    if t.number % 6 == 4:
        raise optuna.TrialPruned
    if t.number % 7 == 5:
        raise ZeroDivisionError
    return x


@pytest.mark.parametrize("sampler", [optuna.samplers.TPESampler, optuna.samplers.RandomSampler, HpoSampler])
def test_the_same_as_in_memory(storage, sampler):
    def run(at):
        seed = {"seed": 1} if sampler is not HpoSampler else {"seed": 1, "sampler": "tpe"}
        study = optuna.create_study(storage=at, sampler=sampler(**seed), direction="maximize")
        study.enqueue_trial({"kind": 3, "x": 0.5})
        study.optimize(objective, n_trials=30, catch=(ZeroDivisionError,))
        return study

    here, there = run(storage), run(None)
    for a, b in zip(here.trials, there.trials):
        for what in ("number", "state", "values", "params", "distributions", "user_attrs", "intermediate_values"):
            assert getattr(a, what) == getattr(b, what), what
    assert here.best_params == there.best_params
    assert [t.number for t in here.trials] == list(range(30))
    same(storage, here._study_id)


def test_threads(storage):
    study = optuna.create_study(storage=storage)
    study.optimize(objective, n_trials=40, n_jobs=4, catch=(ZeroDivisionError,))
    assert sorted(t.number for t in study.trials) == list(range(40))
    assert all(t.state.is_finished() for t in study.trials)
    same(storage, study._study_id)


def _work(path, n, seed):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="s", storage=HpoStorage(path), sampler=optuna.samplers.RandomSampler(seed=seed))
    done = []
    while len(done) < n:
        try:
            study.optimize(objective, n_trials=n - len(done), catch=(ZeroDivisionError,), callbacks=[lambda *_: done.append(1)])
        except RuntimeError as e:  # Optuna 3 does not expect that another process has run an enqueued trial since it looked
            assert "has ended" in str(e)


def in_processes(*jobs):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=job) for job in jobs]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
        assert w.exitcode == 0


def test_two_processes(path):
    study = optuna.create_study(storage=HpoStorage(path), study_name="s")
    for i in range(10):
        study.enqueue_trial({"x": 0.01 * (i + 1), "kind": None})
    in_processes((path, 20, 1), (path, 20, 2))
    trials = study.trials
    assert len(trials) == 40 and [t.number for t in trials] == list(range(40))
    assert all(t.state.is_finished() for t in trials)
    queued = [t for t in trials if "fixed_params" in t.system_attrs]
    assert len(queued) == 10 and sorted(round(t.params["x"] * 100) for t in queued) == list(range(1, 11))
    assert [t.user_attrs["note"] for t in trials] == list(range(40))
    same(study._storage, study._study_id)


def test_a_storage_that_was_forked(path):
    """A child of a process that has the file open opens it anew."""
    storage = HpoStorage(path)
    study = optuna.create_study(storage=storage, study_name="s")
    study.optimize(objective, n_trials=3, catch=(ZeroDivisionError,))
    child = os.fork()
    if child == 0:
        try:
            study.optimize(objective, n_trials=3, catch=(ZeroDivisionError,))
        finally:
            os._exit(0)
    study.optimize(objective, n_trials=3, catch=(ZeroDivisionError,))
    os.waitpid(child, 0)
    assert len(study.trials) == 9 and all(t.state.is_finished() for t in study.trials)


def test_queue_is_popped_once(storage, path):
    s = storage.create_new_study([MIN], "s")
    waiting = [storage.create_new_trial(s, optuna.trial.create_trial(state=TrialState.WAITING)) for _ in range(20)]
    won, lock = [], threading.Lock()

    def pop():
        mine = HpoStorage(path)
        for t in waiting:
            if mine.set_trial_state_values(t, TrialState.RUNNING):
                with lock:
                    won.append(t)

    threads = [threading.Thread(target=pop) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(won) == waiting


def test_heartbeat_and_retry(path):
    storage = HpoStorage(
        path, heartbeat_interval=1, grace_period=1, failed_trial_callback=optuna.storages.RetryFailedTrialCallback(2)
    )
    assert storage.get_heartbeat_interval() == 1
    study = optuna.create_study(storage=storage, study_name="s")
    lost = study.ask()
    lost.suggest_float("x", 0, 1)
    storage.record_heartbeat(lost._trial_id)
    quiet = study.ask()  # never gave a sign of life: it may be an ask-and-tell program's
    assert storage._get_stale_trial_ids(study._study_id) == []
    time.sleep(1.2)
    assert storage._get_stale_trial_ids(study._study_id) == [lost._trial_id]
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    states = [t.state.name for t in study.trials]
    assert states == ["FAIL", "RUNNING", "COMPLETE"]
    assert study.trials[2].system_attrs["failed_trial"] == 0 and study.trials[2].params == lost.params
    assert study.trials[quiet.number].state == TrialState.RUNNING
    for wrong in ({"heartbeat_interval": 0}, {"grace_period": -1}):
        with pytest.raises(ValueError):
            HpoStorage(path, **wrong)


def test_constraints_are_declared(path):
    sampler = optuna.samplers.TPESampler(seed=1, constraints_func=lambda t: [t.params["x"] - 0.5])
    study = optuna.create_study(storage=HpoStorage(path, constraints=["c0"]), study_name="s", direction="maximize", sampler=sampler)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=20)
    ours = hpo.load_study(storage=path, study_name="s")
    assert ours.best_value == max(t.value for t in study.trials if t.value <= 0.5)
    assert [t.constraints["c0"] for t in ours.trials] == [t.system_attrs["constraints"][0] for t in study.trials]


# ---- the other side --------------------------------------------------------------------------------------------


def test_this_package_reads_it(path):
    study = optuna.create_study(storage=HpoStorage(path), study_name="s")
    study.optimize(objective, n_trials=25, catch=(ZeroDivisionError,))
    ours = hpo.load_study(storage=path, study_name="s")
    assert [t.params for t in ours.trials] == [t.params for t in study.trials]
    assert [t.state.name for t in ours.trials] == [t.state.name for t in study.trials]
    assert ours.best_value == study.best_value and ours.best_params == study.best_params
    assert ours.trials[3].user_attrs["note"] == 3


def test_optuna_reads_ours(path):
    ours = hpo.create_study(storage=path, study_name="s", space="lr: log 1e-5..1; opt: sgd,adam; m: 0..0.9 if opt == sgd")
    ours.optimize(lambda t: t["lr"] + t.params.get("m", 0.0), n_trials=15)
    study = optuna.load_study(storage=HpoStorage(path), study_name="s")
    assert [t.params for t in study.trials] == [t.params for t in ours.trials]
    assert study.best_value == ours.best_value
    assert study.trials[0].distributions["lr"] == FloatDistribution(1e-5, 1, log=True)


def test_a_trial_put_back_is_seen(path):
    study = optuna.create_study(storage=HpoStorage(path), study_name="s")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    with pytest.raises(ValueError):
        study.optimize(lambda t: {}["no"] if False else float("x"), n_trials=1)
    assert study.trials[3].state == TrialState.FAIL
    hpo.load_study(storage=path, study_name="s").requeue(3)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["WAITING"]
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 4


def test_the_command_reads_it(path):
    command = os.environ.get("HPO_COMMAND")
    if command is None:
        pytest.skip("HPO_COMMAND names no command: tools/run_python_tests.sh builds one")
    study = optuna.create_study(storage=HpoStorage(path), study_name="s", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=25, catch=(ZeroDivisionError,))
    top = json.loads(subprocess.run([command, "top", "--storage", path, "--json"], check=True, capture_output=True, text=True).stdout)
    best = (top if isinstance(top, list) else top["trials"])[0]
    assert best["number"] == study.best_trial.number
    assert subprocess.run([command, "db", "verify", "--storage", path], capture_output=True).returncode == 0
