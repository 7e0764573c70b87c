# SPDX-License-Identifier: Apache-2.0
"""`hpo import` and `hpo export`: Optuna's database and journal, there and back."""

import datetime
import json
import math
import os
import random
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="python3-optuna is not installed")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

import hpo  # noqa: E402
from hpo.integration.optuna import HpoSampler, HpoStorage  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
COMMAND = os.environ.get("HPO_COMMAND")  # of the build under test: tools/run_python_tests.sh
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(COMMAND is None, reason="HPO_COMMAND names no command: tools/run_python_tests.sh builds one"),
    pytest.mark.skipif("HPO_INSTRUMENTED" in os.environ, reason="the command has sanitised tests of its own"),
]


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as path:
        yield Path(path)


def run(*words, status=0):
    done = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def rdb(path):
    return optuna.storages.RDBStorage(f"sqlite:///{path}")


def journal(path):
    return optuna.storages.JournalStorage(optuna.storages.JournalFileStorage(str(path)))


STORAGES = {"rdb": rdb, "journal": journal}
FLAGS = {"rdb": "--optuna", "journal": "--optuna-journal"}


def everything(study):
    """A study as texts, for comparison."""
    trials = [
        (
            t.number,
            t.state.name,
            repr(t.values),
            repr(sorted(t.params.items())),  # a database gives them in any order
            repr(sorted(t.distributions.items())),
            repr(sorted(t.intermediate_values.items())),
            repr(sorted(t.user_attrs.items())),
            # Optuna's database and journal keep a tuple as a list
            json.dumps(t.system_attrs, sort_keys=True),
            str(t.datetime_start),
            str(t.datetime_complete),
        )
        for t in study.get_trials()
    ]
    return [d.name for d in study.directions], study.user_attrs, repr(sorted(study.system_attrs.items())), trials


KINDS = {
    "x": [(FloatDistribution(-1, 1), 0.25), (FloatDistribution(-2, 1), -1.5)],
    "lr": [(FloatDistribution(1e-5, 1, log=True), 1e-3)],
    "step": [(FloatDistribution(0, 1, step=0.1), 0.1 * 3), (FloatDistribution(0, 0.7, step=0.1), 0.7)],
    "one": [(FloatDistribution(2, 2), 2.0)],
    "n": [(IntDistribution(-5, 5), 3), (IntDistribution(-5, 7), 7)],
    "log n": [(IntDistribution(1, 1000, log=True), 10)],
    "by/3": [(IntDistribution(0, 9, step=3), 6)],
    "1 odd, näme·'`": [(CategoricalDistribution(("a b", "ü,'\"", "3")), "3")],
    "mixed": [(CategoricalDistribution((None, True, False, 1, 1.5, "1", "None", "a'b")), v) for v in (None, False, 1.5, "1", "None", "a'b")],
    "only": [(CategoricalDistribution(("x",)), "x")],
    "in": [(IntDistribution(4, 4), 4)],
}


def random_trials(seed, n, n_values):
    rng = random.Random(seed)
    states = [TrialState.COMPLETE] * 3 + list(TrialState)
    out = []
    for i in range(n):
        state = rng.choice(states)
        picked = {name: rng.choice(KINDS[name]) for name in KINDS if rng.random() < 0.8}
        start = datetime.datetime(2024, 2, 29, 23, 59, 59, rng.randrange(10**6))
        ended = state.is_finished()
        waiting = state == TrialState.WAITING
        system = {"fixed_params": {"x": 0.5, "mixed": None, "n": 99}} if waiting else {"s": [1, None], "constraints": [rng.random() - 0.5, 0.25]}
        out.append(
            FrozenTrial(
                number=i,
                trial_id=-1,
                state=state,
                value=None,
                values=[rng.choice([0.5, math.inf, -math.inf, 1 / 3]) for _ in range(n_values)]
                if state == TrialState.COMPLETE or (state == TrialState.PRUNED and rng.random() < 0.7)
                else None,
                datetime_start=None if waiting else start,
                datetime_complete=start + datetime.timedelta(days=1, microseconds=1) if ended else None,
                params={} if waiting else {n: v for n, (_, v) in picked.items()},
                distributions={} if waiting else {n: d for n, (d, _) in picked.items()},
                user_attrs={"u": rng.choice([1, None, "ü\n\"", [1.5, {"a": True}], math.inf])} if rng.random() < 0.7 else {},
                system_attrs=system,
                intermediate_values={}
                if waiting
                else {s: rng.choice([rng.random(), math.nan, math.inf]) for s in rng.sample(range(20), rng.randint(0, 4))},
            )
        )
    return out


def fill(storage, seed=1, n=60, directions=("minimize",), name="a study"):
    study = optuna.create_study(storage=storage, study_name=name, directions=list(directions))
    study.set_user_attr("who", {"name": "ü", "n": [1, None]})
    study.set_user_attr("none", None)
    study.set_system_attr("study:metric_names", [f"m{i}" for i in range(len(directions))])
    for trial in random_trials(seed, n, len(directions)):
        study._storage.create_new_trial(study._study_id, trial)
    return study


@pytest.mark.parametrize(
    "into, out, directions",
    [
        ("rdb", "rdb", ("minimize",)),
        ("rdb", "journal", ("maximize", "minimize")),
        ("journal", "rdb", ("maximize", "minimize")),
        ("journal", "journal", ("minimize",)),
    ],
)
def test_there_and_back(folder, into, out, directions):
    """Optuna writes, hpo imports, hpo exports, Optuna sees the same; so does our storage for Optuna."""
    study = fill(STORAGES[into](folder / "in"), len(directions), 30, directions)
    said = run("import", folder / "in", "--storage", folder / "s.db")
    assert "30 trials" in said
    run("db", "verify", "--storage", folder / "s.db")
    run("export", FLAGS[out], folder / "out", "--storage", folder / "s.db")
    back = optuna.load_study(study_name="a study", storage=STORAGES[out](folder / "out"))
    want, got = everything(study), everything(back)
    for a, b in zip(want[3], got[3]):
        assert a == b
    assert got == want
    assert everything(optuna.load_study(study_name="a study", storage=HpoStorage(folder / "s.db"))) == want
    if len(directions) == 1 and out == "rdb":  # and Optuna goes on with it
        ended = sum(t.state.is_finished() for t in back.trials)
        back.optimize(lambda t: t.suggest_float("x", -1, 1), n_trials=2)
        assert sum(t.state.is_finished() for t in back.trials) == ended + 2


def test_tables_of_older_versions(folder):
    """What 2.6 had: values without types, infinite ones in the column, distributions by their old names."""
    study = optuna.create_study(storage=rdb(folder / "in"), study_name="old")

    def objective(t):
        t.report(math.inf if t.number == 1 else 0.5, 3)
        t.suggest_int("n", 1, 9), t.suggest_int("m", 1, 100, log=True), t.suggest_categorical("c", ["a", "b"])
        x = t.suggest_float("x", -1, 1) + t.suggest_float("l", 1e-3, 1, log=True) + t.suggest_float("q", 0, 1, step=0.25)
        return -math.inf if t.number == 2 else x

    study.optimize(objective, n_trials=6)
    want = everything(study)
    with sqlite3.connect(folder / "in") as db:
        for table, value in (("trial_values", "value"), ("trial_intermediate_values", "intermediate_value")):
            kind = value + "_type"
            db.execute(f"UPDATE {table} SET {value} = CASE {kind} WHEN 'INF_POS' THEN 9e999 ELSE -9e999 END WHERE {kind} LIKE 'INF%'")
            db.execute(f"ALTER TABLE {table} DROP COLUMN {kind}")
        for key, text in db.execute("SELECT param_id, distribution_json FROM trial_params").fetchall():
            doc = json.loads(text)
            a = doc["attributes"]
            if doc["name"] != "CategoricalDistribution":
                log, whole = a.pop("log"), doc["name"][0] == "I"
                step = a.pop("step")
                doc["name"] = ("Int" if whole else "") + ("Log" if log else "" if whole or step is None else "Discrete") + "UniformDistribution"
                a.update({"step": step} if whole else {"q": step} if step is not None else {})
            db.execute("UPDATE trial_params SET distribution_json = ? WHERE param_id = ?", (json.dumps(doc), key))
        db.execute("UPDATE version_info SET library_version = '2.6.0'")
    run("import", folder / "in", "--storage", folder / "s.db")
    run("export", "--optuna", folder / "out", "--storage", folder / "s.db")
    got = everything(optuna.load_study(study_name="old", storage=rdb(folder / "out")))
    for a, b in zip(want[3], got[3], strict=True):
        assert a[:4] + a[5:] == b[:4] + b[5:]  # 4: the distributions keep the names that they came with
    ours = hpo.load_study(storage=folder / "s.db").trials
    for a, b in zip(study.trials, ours, strict=True):
        assert {n: d._asdict() for n, d in a.distributions.items()} == {n: d._asdict() for n, d in b.distributions.items()}
    with sqlite3.connect(folder / "in") as db:
        db.execute("ALTER TABLE trial_intermediate_values RENAME TO kept")
        db.execute("ALTER TABLE trial_values RENAME TO older")
        db.execute("CREATE TABLE trial_values(trial_value_id INTEGER, trial_id INTEGER, step INTEGER, value FLOAT)")
    assert "before 2.4" in run("import", folder / "in", "--storage", folder / "t.db", status=1)


@pytest.mark.parametrize("out", STORAGES)
def test_ours_there_and_back(folder, out):
    """A study of the package: Optuna opens it, and what comes back says the same."""
    ours = hpo.create_study(
        storage=folder / "s.db",
        study_name="ours",
        direction="maximize",
        space="lr: log 1e-5..1; opt: sgd,adam; m: 0..0.9 if opt == sgd; n: int 1..8; b: bool; p: perm 3; k: const 7",
        constraints={"memory": 16.0},
        seed=1,
    )
    ours.set_user_attr("a", [1, None])

    def objective(t):
        t.set_constraint("memory", 20.0 * t["lr"])
        t.set_user_attr("n", t.number)
        for step in range(3):
            t.report(t["lr"] * step, step)
        if t.number % 5 == 2:
            raise hpo.TrialPruned
        if t.number % 5 == 3:
            raise ValueError("two\nlines")
        return t["lr"]

    ours.optimize(objective, n_trials=20, catch=ValueError)
    ours.enqueue_trial({"lr": 0.5, "opt": "sgd", "m": 0.25, "n": 3, "b": True, "p": [2, 0, 1]})
    run("export", FLAGS[out], folder / "o", "--storage", folder / "s.db")
    theirs = optuna.load_study(study_name="ours", storage=STORAGES[out](folder / "o"))
    assert theirs.direction.name == "MAXIMIZE" and theirs.user_attrs == {"a": [1, None]}
    for a, b in zip(ours.trials, theirs.trials):
        assert a.number == b.number and a.state.name == b.state.name
        assert a.values == b.values and a.user_attrs == b.user_attrs
        if a.state.is_finished():
            spread = {k: v for k, v in a.params.items() if k != "p"}
            spread.update({f"p.{i}": v for i, v in enumerate(a.params["p"])})
            assert {k: b.params[k] for k in spread if k != "k"} == {k: v for k, v in spread.items() if k != "k"}
            assert float(b.params["k"]) == 7 and ("m" in b.params) == (b.params["opt"] == "sgd")
            assert a.intermediate_values == b.intermediate_values
            assert abs((a.datetime_start - b.datetime_start).total_seconds()) < 1e-6
        if a.state.name == "COMPLETE":
            assert b.system_attrs["constraints"] == [a.constraints["memory"] - 16]
    assert "two" in theirs.trials[3].system_attrs["fail_reason"]
    waiting = theirs.trials[20]
    assert waiting.system_attrs["fixed_params"]["lr"] == 0.5 and waiting.system_attrs["fixed_params"]["b"] is True
    assert theirs.trials[0].distributions["lr"] == FloatDistribution(1e-5, 1, log=True)
    assert theirs.trials[0].distributions["n"] == IntDistribution(1, 8)
    run("import", folder / "o", "--storage", folder / "t.db")
    again = hpo.load_study(storage=folder / "t.db")
    for a, b in zip(ours.trials, again.trials):
        assert (a.number, a.state, a.values) == (b.number, b.state, b.values)
        assert {k: v for k, v in a.params.items() if k not in "pk"} == {k: v for k, v in b.params.items() if k[0] not in "pk"}
    best = [t.value for t in ours.trials if t.state.name == "COMPLETE" and t.constraints["memory"] <= 16]
    assert again.best_value == max(best)


def branches(t):
    kind = t.suggest_categorical("kind", ["svm", "net", 3])
    if kind == "svm":
        return t.suggest_float("C", 1e-3, 1e3, log=True)
    n = t.suggest_int("layers", 1, 3)
    out = float(n)
    for i in range(n):
        out += t.suggest_float(f"u{i}", 0, 1)
    if n >= 2 and t.suggest_float("rate", 0, 1) > 0.5:
        out += t.suggest_float("deep", 0, 1)
    return out


def test_conditions_are_learned(folder):
    """As the package learns them, so that samplers see the branches."""
    study = optuna.create_study(storage=journal(folder / "o"), study_name="s", sampler=HpoSampler("random", seed=2))
    study.optimize(branches, n_trials=150)
    run("import", folder / "o", "--storage", folder / "s.db")
    ours = hpo.load_study(storage=folder / "s.db")
    assert [t.params for t in ours.trials] == [t.params for t in study.trials]
    assert all("hpo:unasked" not in (row[7] or "") for row in ours._rows())
    conditions = {name: p.get("when") for name, p in json.loads(ours.space.json)["params"].items()}
    assert conditions["kind"] is None and "'svm'" in conditions["C"]
    assert conditions["u1"] == "`layers` >= 2" and conditions["u2"] == "`layers` >= 3"
    assert conditions["deep"].startswith("`rate` >= 0.")
    learned = study.sampler.in_step(study).space
    assert {n: p.get("when") for n, p in json.loads(learned.json)["params"].items()}.keys() == conditions.keys()
    ours.optimize(branches, n_trials=20)  # the package goes on
    assert len(ours.trials) == 170 and ours.trials[-1].params.keys() >= {"kind"}


def test_a_program_that_flips_coins(folder):
    """Where no condition is right, what was not asked for stays hidden."""
    rng = random.Random(1)
    study = optuna.create_study(storage=journal(folder / "o"), study_name="s")
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + (t.suggest_float("y", 0, 1) if rng.random() < 0.5 else 0), n_trials=30)
    run("import", folder / "o", "--storage", folder / "s.db")
    assert [t.params for t in hpo.load_study(storage=folder / "s.db").trials] == [t.params for t in study.trials]
    run("export", "--optuna", folder / "back", "--storage", folder / "s.db")
    assert [t.params for t in optuna.load_study(study_name="s", storage=rdb(folder / "back")).trials] == [t.params for t in study.trials]


def test_a_real_program(folder):
    """With everything that a study gets while Optuna runs it: heartbeats, retries, a queue, constraints."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/o.db", heartbeat_interval=60)
    sampler = optuna.samplers.TPESampler(seed=1, constraints_func=lambda t: [t.params["x"] - 0.8, -1.0], multivariate=True)
    study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, pruner=optuna.pruners.MedianPruner(2))
    study.enqueue_trial({"x": 0.75})

    def objective(t):
        x = t.suggest_float("x", 0, 1)
        for step in range(5):
            t.report(x + step, step)
            if t.should_prune():
                raise optuna.TrialPruned
        return -x

    study.optimize(objective, n_trials=10)
    study.enqueue_trial({"x": 0.1})
    run("import", folder / "o.db", "--storage", folder / "s.db", "-n", "mine")
    assert "c0" in run("show", 3, "--storage", folder / "s.db", "-n", "mine")
    best = json.loads(run("top", "-k", 1, "--json", "--storage", folder / "s.db"))[0]
    feasible = [t for t in study.trials if t.state.name == "COMPLETE" and t.params["x"] <= 0.8]
    assert best["number"] == min(feasible, key=lambda t: t.value).number
    run("export", "--optuna", folder / "o.db", "--as", "back", "--storage", folder / "s.db")  # into the same file
    back = optuna.load_study(study_name="back", storage=f"sqlite:///{folder}/o.db")
    assert everything(back)[3] == everything(study)[3]
    handed = json.loads(run("ask", "--json", "--storage", folder / "s.db"))
    assert handed["trial"] == 10 and handed["params"] == {"x": 0.1}


def test_which_study(folder):
    storage = rdb(folder / "o.db")
    for name in ("a", "b"):
        fill(storage, 1, 3, name=name)
    assert "choose one with --from: a, b" in run("import", folder / "o.db", "--storage", folder / "s.db", status=1)
    assert "no study 'c'; it has: a, b" in run("import", folder / "o.db", "--from", "c", "--storage", folder / "s.db", status=1)
    run("import", f"optuna:sqlite:///{folder}/o.db", "--from", "b", "--storage", folder / "s.db")
    assert "exists" in run("import", folder / "o.db", "--from", "b", "--storage", folder / "s.db", status=1)
    run("import", folder / "o.db", "--from", "b", "-n", "c", "--storage", folder / "s.db")
    assert run("db", "info", "--names", "--storage", folder / "s.db").split() == ["b", "c"]
    log = journal(folder / "o.log")
    for name in ("x", "y", "z"):
        optuna.create_study(storage=log, study_name=name)
    optuna.delete_study(study_name="y", storage=log)
    again = optuna.create_study(storage=log, study_name="y")
    again.optimize(lambda t: t.suggest_float("q", 0, 1), n_trials=2)
    assert "x, z, y" in run("import", folder / "o.log", "--storage", folder / "s.db", status=1)
    assert "2 trials" in run("import", folder / "o.log", "--from", "y", "--storage", folder / "s.db")


def test_an_empty_study(folder):
    optuna.create_study(storage=rdb(folder / "o.db"), study_name="s", direction="maximize")
    run("import", folder / "o.db", "--storage", folder / "s.db")
    run("export", "--optuna-journal", folder / "o.log", "--storage", folder / "s.db")
    back = optuna.load_study(study_name="s", storage=journal(folder / "o.log"))
    assert back.trials == [] and back.direction.name == "MAXIMIZE"


def test_what_is_refused(folder):
    for name, text in (("text", "hello"), ("empty", "")):
        (folder / name).write_text(text)
        assert "neither a database" in run("import", folder / name, "--storage", folder / "s.db", status=1)
    assert "no file" in run("import", folder / "none", "--storage", folder / "s.db", status=1)
    hpo.create_study(storage=folder / "ours.db", study_name="s", space="x: 0..1").optimize(lambda t: t["x"], n_trials=2)
    assert "not one of Optuna's" in run("import", folder / "ours.db", "--storage", folder / "s.db", status=1)
    assert not (folder / "s.db").exists()
    assert "no database" in run("export", "--optuna", folder / "text", "--storage", folder / "ours.db", status=1)
    assert "does not exist yet" in run("export", "--optuna-journal", folder / "text", "--storage", folder / "ours.db", status=1)
    run("export", "--optuna", folder / "o.db", "--storage", folder / "ours.db")
    assert "--as" in run("export", "--optuna", folder / "o.db", "--storage", folder / "ours.db", status=1)
    assert len(optuna.load_study(study_name="s", storage=rdb(folder / "o.db")).trials) == 2
    assert (folder / "text").read_text() == "hello"


def test_half_a_line_and_damage(folder):
    study = fill(journal(folder / "o.log"), 3, 10)
    whole = (folder / "o.log").read_bytes()
    (folder / "torn.log").write_bytes(whole + b'{"op_code": 4, "wor')  # Optuna writes just now
    run("import", folder / "torn.log", "--storage", folder / "s.db")
    assert len(hpo.load_study(storage=folder / "s.db").trials) == len(study.trials)
    lines = whole.split(b"\n")
    rng = random.Random(1)
    for i in range(30):  # any damage is a message or a study, never a crash
        copy = list(lines)
        at = rng.randrange(len(copy) - 1)
        line = bytearray(copy[at])
        for _ in range(rng.randint(1, 4)):
            line[rng.randrange(len(line))] = rng.randrange(32, 127)
        copy[at] = bytes(line)
        (folder / "bad.log").write_bytes(b"\n".join(copy))
        done = subprocess.run(
            [COMMAND, "import", folder / "bad.log", "--storage", folder / "t.db", "-n", f"n{i}"], capture_output=True, text=True
        )
        assert done.returncode in (0, 1) and done.stderr.count("\n") <= 2, done.stderr


def test_while_optuna_writes(folder):
    """A file in use is read as it is at one moment."""
    study = optuna.create_study(storage=rdb(folder / "o.db"), study_name="s")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    open_trial = study.ask()
    open_trial.suggest_float("x", 0, 1)
    open_trial.report(1.0, 1)
    run("import", folder / "o.db", "--storage", folder / "s.db")
    ours = hpo.load_study(storage=folder / "s.db")
    assert [t.state.name for t in ours.trials] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert ours.trials[3].params == open_trial.params and ours.trials[3].intermediate_values == {1: 1.0}
    assert "running" in run("ps", "--storage", folder / "s.db")
    run("retry", 3, "--storage", folder / "s.db")
    assert ours.trials[3].state.name == "WAITING"
