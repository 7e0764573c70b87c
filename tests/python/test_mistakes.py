# SPDX-License-Identifier: Apache-2.0
"""What people get wrong: one line that names the thing, its value and the remedy, and nothing is left in pieces."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hpo


def line(error):
    text = str(error.value)
    assert text and "\n" not in text
    return text


@pytest.mark.parametrize(
    "options, kind, says",
    [
        ({"direction": "minimise"}, ValueError, "direction is 'minimise': use 'minimize' or 'maximize'"),
        ({"directions": "minimize"}, ValueError, "give a list, or direction='minimize'"),
        ({"directions": []}, ValueError, "at least one"),
        ({"sampler": "tpee"}, KeyError, "did you mean 'tpe'"),
        ({"sampler": "tpe:initia=3"}, ValueError, "did you mean 'initial'"),
        ({"sampler": "tpe:initial=abc"}, ValueError, "initial=abc: must be an integer"),
        ({"sampler": 3}, NotImplementedError, "3 is no sampler"),
        ({"pruner": "medain"}, KeyError, "did you mean 'median'"),
        ({"pruner": 3}, NotImplementedError, "3 is no pruner"),
        ({"until": "regrett"}, KeyError, "did you mean 'regret'"),
        ({"trials": -5}, ValueError, "-5"),
        ({"seed": "a"}, TypeError, "seed is 'a'"),
        ({"constraints": "memory"}, TypeError, "constraints is 'memory': give a list"),
        ({"constraints": 3}, TypeError, "constraints is 3"),
        ({"storage": 3}, TypeError, "storage is 3"),
        ({"storage": "mysql://u@h/db"}, NotImplementedError, "unknown scheme"),
        ({"storage": "/nodir/x.db"}, hpo.exceptions.StorageInternalError, "/nodir/x.db"),
        ({"space": "x: 0..1; y: 1..2 if z == 3"}, ValueError, "unknown name 'z'"),
        ({"space": {"x": {"type": "floatt", "range": [0, 1]}}}, ValueError, "did you mean 'float'"),
    ],
    ids=str,
)
def test_create_study(options, kind, says):
    with pytest.raises(kind) as error:
        hpo.create_study(**options)
    assert says in line(error)


@pytest.mark.parametrize(
    "options, kind, says",
    [
        ({"n_trials": -1}, ValueError, "n_trials is -1"),
        ({"n_trials": 2.5}, TypeError, "n_trials is 2.5"),
        ({"n_trials": "3"}, TypeError, "n_trials is '3'"),
        ({"n_trials": 1, "timeout": "1"}, TypeError, "timeout is '1'"),
        ({"n_trials": 1, "timeout": -1}, ValueError, "timeout is -1"),
        ({"n_trials": 1, "n_jobs": 0}, ValueError, "n_jobs is 0"),
        ({"n_trials": 1, "n_jobs": -2}, ValueError, "n_jobs is -2"),
        ({"n_trials": 1, "catch": "ValueError"}, TypeError, "catch has 'ValueError'"),
    ],
    ids=str,
)
def test_optimize(options, kind, says):
    study = hpo.create_study(sampler="random")
    with pytest.raises(kind) as error:
        study.optimize(lambda t: 0.0, **options)
    assert says in line(error) and len(study.trials) == 0
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)  # it still works
    with pytest.raises(TypeError, match="the objective is 3"):
        study.optimize(3, n_trials=1)


@pytest.mark.parametrize(
    "ask, kind, says",
    [
        (lambda t: t.suggest_float("lr", 1, 0), ValueError, "lr: low 1.0 is above high 0.0: swap them"),
        (lambda t: t.suggest_float("lr", 0, 1, log=True), ValueError, "lr: low is 0.0"),
        (lambda t: t.suggest_float("lr", math.nan, 1), ValueError, "lr: low is nan"),
        (lambda t: t.suggest_float("lr", 0, math.inf), ValueError, "lr: high is inf"),
        (lambda t: t.suggest_float("lr", "0", 1), TypeError, "lr: low is '0': a number is needed"),
        (lambda t: t.suggest_float("lr", 0, None), TypeError, "lr: high is None"),
        (lambda t: t.suggest_float("lr", 0, 1, step=-0.1), ValueError, "lr: step is -0.1"),
        (lambda t: t.suggest_int("n", 0.5, 3), ValueError, "n: low is 0.5: a whole number"),
        (lambda t: t.suggest_int("n", 0, "x"), TypeError, "n: high is 'x'"),
        (lambda t: t.suggest_int("n", 0, math.inf), ValueError, "n: high is inf"),
        (lambda t: t.suggest_float(3, 0, 1), TypeError, "name of a parameter is a str"),
        (lambda t: t.suggest_float("", 0, 1), ValueError, "no name"),
        (lambda t: t.suggest_float("lr", 0, 1, logg=True), TypeError, "logg"),
        (lambda t: t.suggest_categorical("c", []), ValueError, "c: choices is empty"),
        (lambda t: t.suggest_categorical("c", {"a", "b"}), TypeError, "give a list"),
        (lambda t: t.suggest_categorical("c", (x for x in "ab")), TypeError, "give a list"),
        (lambda t: t.suggest_categorical("c", None), TypeError, "c: choices are None"),
        (lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("x", 0, 1)), ValueError, "kind"),
        (lambda t: t["lr"], KeyError, "no parameter 'lr': it has none"),
    ],
)
def test_suggest(ask, kind, says):
    study = hpo.create_study(sampler="random")
    with pytest.raises(kind) as error:
        study.optimize(ask, n_trials=1)
    assert says in line(error)
    assert study.trials[0].state == hpo.TrialState.FAIL and study.trials[0].reason
    study.optimize(lambda t: t.suggest_float("lr", 1e-3, 1), n_trials=1)
    assert study.best_params.keys() == {"lr"}


def test_what_an_objective_may_return():
    numpy = pytest.importorskip("numpy")
    study = hpo.create_study(sampler="random")
    for good in (1, True, 1.5, math.inf, numpy.float32(1.5), numpy.int64(2), numpy.array([1.5]), [3]):
        study.optimize(lambda t: good, n_trials=1)
        assert study.trials[-1].state == hpo.TrialState.COMPLETE
    for bad in ("abc", None, math.nan, 1j, [], (1, 2), {"loss": 1}, numpy.array([1.0, 2.0]), numpy.nan):
        study.optimize(lambda t: bad, n_trials=1)
        last = study.trials[-1]
        assert last.state == hpo.TrialState.FAIL and last.values is None and "\n" not in last.reason


def test_files_that_are_not_there(tmp_path):
    path = tmp_path / "typo.db"
    for call in (
        lambda: hpo.load_study(storage=path),
        lambda: hpo.load_study(storage=f"sqlite:///{path}", study_name="s"),
        lambda: hpo.get_all_study_names(path),
        lambda: hpo.get_all_study_summaries(str(path)),
        lambda: hpo.delete_study(study_name="s", storage=path),
    ):
        with pytest.raises(KeyError) as error:
            call()
        assert "there is no file" in line(error) and not path.exists()
    hpo.storages.Storage(path)
    with pytest.raises(KeyError, match="holds no study"):
        hpo.load_study(storage=path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(hpo.exceptions.StorageInternalError, match="is not a database"):
        hpo.load_study(storage=tmp_path / "text")


def test_declared_spaces():
    study = hpo.create_study(space={"x": "0..1", "c": ["a", "b"]}, sampler="random")
    t = study.ask()
    for wrong, says in (
        (lambda: t["xx"], "no parameter 'xx': it has x, c"),
        (lambda: t.suggest_float("xx", 0, 1), "xx is not in the declared space (x, c)"),
        (lambda: study.enqueue_trial({"xx": 1}), "did you mean 'x'"),
        (lambda: study.enqueue_trial({"x": 3}), "x: 3 is outside 0..1"),
    ):
        with pytest.raises((ValueError, KeyError)) as error:
            wrong()
        assert says in line(error)
    study.tell(t, 1.0)
    assert len(study.trials) == 1


def run(code, **limits):
    """Another process; its exit status and what it said."""
    env = {**os.environ, "PYTHONPATH": str(Path(hpo.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120, **limits)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif("HPO_INSTRUMENTED" in os.environ, reason="the sanitiser writes files of its own")
def test_full_disk(tmp_path):
    """A file that cannot grow: the error names it, and what was told before is there."""
    path = tmp_path / "s.db"
    code = f"""
import resource, signal, hpo
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
study = hpo.create_study(storage={str(path)!r}, study_name="s", sampler="random")
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
try:
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=20_000)
except hpo.exceptions.StorageInternalError as e:
    print(e)
"""
    status, out, err = run(code)
    assert status == 0 and out.count("\n") == 1 and ("full" in out or "disk" in out or "I/O" in out), out + err
    trials = hpo.load_study(storage=path).trials
    assert len(trials) > 20 and all(t.state == hpo.TrialState.COMPLETE for t in trials[:-1])
    hpo.load_study(storage=path).optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    path = tmp_path / "s.db"
    hpo.create_study(storage=path, study_name="s").optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    os.chmod(path, 0o444)
    os.chmod(tmp_path, 0o555)
    try:
        with pytest.raises(hpo.exceptions.StorageInternalError, match="s.db"):
            hpo.create_study(storage=tmp_path / "new.db")
        with pytest.raises(hpo.exceptions.StorageInternalError):
            hpo.load_study(storage=path).ask()
    finally:
        os.chmod(tmp_path, 0o755)


def test_names_that_are_typed_wrong():
    for module, name, near in ((hpo, "create_studdy", "create_study"), (hpo.samplers, "TPEsampler", "TPESampler")):
        with pytest.raises(AttributeError) as error:
            getattr(module, name)
        assert error.value.name == name and near in dir(error.value.obj)  # so Python asks: did you mean ...?
