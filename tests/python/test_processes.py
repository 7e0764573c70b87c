# SPDX-License-Identifier: Apache-2.0
"""Processes, forks, event loops, files that others use too."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hpo

PATH = str(Path(hpo.__file__).parents[1])


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.suggest_categorical("c", ["a", "b"]) == "a":
        x += trial.suggest_float("y", 0, 1)
    trial.set_user_attr("pid", os.getpid())
    time.sleep(0.01)  # so that every worker gets some
    return x


def fails(trial):
    raise ValueError("no")


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_map(tmp_path, sampler):
    study = hpo.create_study(storage=str(tmp_path / "s.db"), sampler=sampler)
    study.map(objective, n_trials=40, n_workers=3)
    trials = study.trials
    assert len(trials) == 40 and all(t.state == hpo.TrialState.COMPLETE for t in trials)
    assert len({t.user_attrs["pid"] for t in trials}) >= 2 and os.getpid() not in {t.user_attrs["pid"] for t in trials}
    assert all(("y" in t.params) == (t.params["c"] == "a") for t in trials)
    assert all(t.value == t.params["x"] + t.params.get("y", 0) for t in trials)


def test_map_needs_a_file_and_passes_failures_on(tmp_path, capfd):
    with pytest.raises(NotImplementedError, match="file"):
        hpo.create_study().map(objective, n_trials=1)
    study = hpo.create_study(storage=str(tmp_path / "s.db"))
    with pytest.raises(RuntimeError, match="failed"):
        study.map(fails, n_trials=4, n_workers=2)
    assert "ValueError: no" in capfd.readouterr().err
    study.map(fails, n_trials=4, n_workers=2, catch=ValueError)
    assert all(t.state == hpo.TrialState.FAIL for t in study.trials)


@pytest.mark.parametrize("file", [False, True])
def test_fork_in_the_middle(tmp_path, file):
    study = hpo.create_study(storage=str(tmp_path / "s.db") if file else None, sampler="random")
    study.optimize(objective, n_trials=3)
    held = study.ask()
    held.suggest_float("x", 0, 1)
    pid = os.fork()
    if pid == 0:
        try:
            study.optimize(objective, n_trials=5)
            os._exit(0 if len(study.trials) == 9 else 1)
        except BaseException as e:
            print(e, file=sys.stderr, flush=True)
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    study.tell(held, 1.0)
    study.optimize(objective, n_trials=2)
    assert len(study.trials) == (11 if file else 6)


def test_killed_worker_loses_no_trial(tmp_path):
    path = str(tmp_path / "s.db")
    study = hpo.create_study(storage=path, study_name="s", lease=0.3)
    code = f"""
import hpo, os
s = hpo.load_study(storage={path!r}, study_name="s")
t = s.ask(); t.suggest_float("x", 0, 1)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": PATH}, timeout=60)
    assert study.trials[0].state == hpo.TrialState.RUNNING
    time.sleep(0.5)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert len(study.trials) == 1 and study.trials[0].state == hpo.TrialState.COMPLETE


def test_leases_are_renewed(tmp_path):
    path = str(tmp_path / "s.db")
    study = hpo.create_study(storage=path, study_name="s", lease=1.5)
    t = study.ask()
    time.sleep(2.5)
    other = hpo.load_study(storage=path, study_name="s")
    assert other.ask().number == 1  # not the one that is held
    study.tell(t, 1.0)
    assert study.trials[0].value == 1.0


def test_async(storage):
    study = hpo.create_study(storage=storage, sampler="random")
    running, most = 0, 0

    async def slow(trial):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return trial.suggest_float("x", 0, 1)

    asyncio.run(study.optimize_async(slow, n_trials=12, concurrency=4))
    assert len(study.trials) == 12 and most == 4

    async def bad(trial):
        raise ValueError("no")

    with pytest.raises(ValueError):
        asyncio.run(study.optimize_async(bad, n_trials=3))


def test_import_is_quick():
    code = "import sys, time; t = time.perf_counter(); import hpo; print(time.perf_counter() - t); print(*sys.modules)"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATH}).stdout.split("\n")
    loaded = set(lines[1].split())
    assert not loaded & {"numpy", "pandas", "logging", "asyncio", "multiprocessing", "inspect", "socket"}


def test_the_command_reads_the_file(tmp_path):
    import sqlite3

    path = str(tmp_path / "s.db")
    study = hpo.create_study(storage=path, study_name="s", seed=1)
    study.optimize(objective, n_trials=10)
    with sqlite3.connect(path) as db:
        rows = db.execute("select number, value, params ->> 'c' from trials order by number").fetchall()
    assert rows == [(t.number, t.value, t.params["c"]) for t in study.trials]
