# SPDX-License-Identifier: Apache-2.0
"""Exports for TensorBoard and MLflow, read back by readers of our own, and by these tools where they are installed."""

import json
import math
import random
import struct

import pytest

import hpo
from hpo.export import mlflow as mlflow_export
from hpo.export import tensorboard as tensorboard_export
from hpo.export.tfrecord import crc32c, masked, varint


@pytest.fixture
def study():
    """Twelve trials: curves, one failure, pruned ones, a branch, a bool, a constraint."""
    random.seed(1)
    study = hpo.create_study(study_name="net/a b", seed=4, pruner="median")

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1, log=True)
        opt = trial.suggest_categorical("opt", ["sgd", "adam"])
        momentum = trial.suggest_float("momentum/0", 0, 0.99) if opt == "sgd" else 0.5
        trial.suggest_int("layers", 1, 4)
        trial.suggest_categorical("nesterov", [True, False])
        trial.set_user_attr("note", "größer")
        trial.set_constraint("memory", lr - 0.5)
        for step in range(1, 4):
            trial.report(momentum + 1 / step, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        if trial.number == 3:
            raise ValueError("bad")
        return momentum

    study.optimize(objective, n_trials=12, catch=ValueError)
    return study


# ---- a reader of event files ------------------------------------------------------------------------------------------


def records(path):
    """The records of a file; checks every checksum with a second way to compute it."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        assert crc == slow_mask(data[at : at + 8])
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == slow_mask(body)
        yield body
        at += 16 + length


def slow_mask(data):
    """Polynomial division bit by bit, not reflected: x^32 + ... of 0x1edc6f41."""
    crc = 0xFFFFFFFF
    for byte in data:
        byte = int(f"{byte:08b}"[::-1], 2)
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x1EDC6F41 if crc & 1 << 31 else crc << 1) & 0xFFFFFFFF
    crc = int(f"{crc:032b}"[::-1], 2) ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def fields(data):
    """{number: [value]} of a message; what has a length stays bytes."""
    out, at = {}, 0

    def number():
        nonlocal at
        v = shift = 0
        while True:
            byte = data[at]
            at += 1
            v |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return v

    while at < len(data):
        head = number()
        kind = head & 7
        if kind == 0:
            v = number()
        elif kind == 2:
            n = number()
            v = data[at : at + n]
            assert len(v) == n
            at += n
        else:
            n, form = {1: (8, "<d"), 5: (4, "<f")}[kind]
            v = struct.unpack_from(form, data, at)[0]
            at += n
        out.setdefault(head >> 3, []).append(v)
    return out


def read_events(folder):
    """([(tag, step, value)], {tag: plugin content}) of the one event file in a folder."""
    (path,) = [p for p in folder.iterdir() if "tfevents" in p.name]
    scalars, plugins, first = [], {}, True
    for body in records(path):
        event = fields(body)
        assert event[1][0] > 1.7e9
        if first:
            assert event[3] == [b"brain.Event:2"]
            first = False
            continue
        for value in fields(event[5][0])[1]:
            value = fields(value)
            tag = value[1][0].decode()
            if 2 in value:
                scalars.append((tag, event[2][0], value[2][0]))
            else:
                plugin = fields(fields(value[9][0])[1][0])
                assert plugin[1] == [b"hparams"] and 8 in value
                plugins[tag] = fields(plugin[2][0])
    return scalars, plugins


def of_value(data):
    """google.protobuf.Value"""
    value = fields(data)
    return value[2][0] if 2 in value else bool(value[4][0]) if 4 in value else value[3][0].decode()


def test_checksums():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(bytes([255] * 32)) == 0x62A8AB43  # RFC 3720, B.4
    rng = random.Random(3)
    for n in (0, 1, 7, 300):
        data = rng.randbytes(n)
        assert masked(data) == slow_mask(data)
    assert [varint(v) for v in (0, 127, 128, 300)] == [b"\0", b"\x7f", b"\x80\1", b"\xac\2"]
    assert varint(-1) == b"\xff" * 9 + b"\1"


def test_event_files(study, tmp_path):
    root = tmp_path / "net%2Fa b"
    assert study.export_tensorboard(tmp_path) == str(root)
    scalars, plugins = read_events(root)
    assert not scalars
    experiment = fields(plugins["_hparams_/experiment"][2][0])
    infos = [fields(i) for i in experiment[4]]
    assert {i[1][0].decode(): i[4][0] for i in infos} == {"lr": 3, "opt": 1, "momentum/0": 3, "layers": 3, "nesterov": 2}
    by_name = {i[1][0].decode(): i for i in infos}
    assert {k: v[0] for k, v in fields(by_name["lr"][6][0]).items()} == {1: 1e-5, 2: 1.0}
    assert [of_value(v) for v in fields(by_name["opt"][5][0])[1]] == ["sgd", "adam"]
    assert [fields(fields(m)[1][0])[2][0] for m in experiment[5]] == [b"value"]
    for t in study.trials:
        scalars, plugins = read_events(root / f"trial-{t.number:05d}")
        start = fields(plugins["_hparams_/session_start_info"][3][0])
        params = {fields(p)[1][0].decode(): of_value(fields(p)[2][0]) for p in start[1]}
        assert params == t.params
        assert fields(plugins["_hparams_/session_end_info"][4][0])[1][0] == (2 if t.state.name == "FAIL" else 1)
        got = {(tag, step): v for tag, step, v in scalars}
        expected = {("reported/value", step): v for step, v in t.intermediate_values.items()}
        last = max(t.intermediate_values)
        if t.value is not None:
            expected["value", last] = t.value
        expected["constraint/memory", last] = t.constraints["memory"]
        assert got == pytest.approx(expected, rel=1e-6)
    files = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    study.export_tensorboard(tmp_path)
    assert files == sorted(p for p in tmp_path.rglob("*") if p.is_file())  # replaced, not doubled


def test_odd_steps_and_values(tmp_path):
    study = hpo.create_study(study_name="odd")
    trial = study.ask()
    trial.suggest_categorical("c", [None, 2, "x"])
    trial.report(math.inf, 0.25)
    trial.report(1e300, 0.5)
    study.tell(trial, 1.0)
    study.export_tensorboard(tmp_path)
    scalars, _ = read_events(tmp_path / "odd" / "trial-00000")
    # steps that are no whole numbers are counted; what is too large for 32 bits is infinite
    assert scalars == [("reported/value", 0, math.inf), ("reported/value", 1, math.inf), ("value", 1, 1.0)]
    assert hpo.create_study(study_name="none").export_tensorboard(tmp_path).endswith("none")


def test_tensorboard_reads_them(study, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed")
    root = study.export_tensorboard(tmp_path)
    events = accumulator.EventAccumulator(f"{root}/trial-00000")
    events.Reload()
    trial = study.trials[0]
    assert {s.step: s.value for s in events.Scalars("reported/value")} == pytest.approx(trial.intermediate_values)
    from tensorboard.plugins.hparams import plugin_data_pb2

    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    info = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert info.hparams["lr"].number_value == trial.params["lr"] and info.hparams["nesterov"].bool_value == trial.params["nesterov"]


# ---- MLflow ----------------------------------------------------------------------------------------------------------


def yaml_of(path):
    return {k: json.loads(v) for k, v in (line.split(": ", 1) for line in path.read_text(encoding="utf-8").splitlines())}


def test_mlflow_files(study, tmp_path):
    from pathlib import Path

    root = Path(study.export_mlflow(tmp_path / "mlruns"))
    meta = yaml_of(root / "meta.yaml")
    assert meta["name"] == "net/a b" and meta["experiment_id"] == root.name and meta["lifecycle_stage"] == "active"
    runs = {yaml_of(p)["run_name"]: p.parent for p in root.glob("*/meta.yaml")}
    assert len(runs) == 12
    for t in study.trials:
        run = runs[f"trial-{t.number}"]
        meta = yaml_of(run / "meta.yaml")
        assert meta["run_id"] == run.name and len(run.name) == 32
        assert meta["status"] == {"COMPLETE": 3, "PRUNED": 5, "FAIL": 4}[t.state.name]
        assert meta["start_time"] == round(t.datetime_start.timestamp() * 1000)
        params = {p.relative_to(run / "params").as_posix(): p.read_text(encoding="utf-8") for p in (run / "params").rglob("*") if p.is_file()}
        assert params == {k: str(v) for k, v in t.params.items()}
        lines = [line.split() for line in (run / "metrics" / "reported" / "value").read_text().splitlines()]
        assert {int(step): float(v) for _, v, step in lines} == t.intermediate_values
        assert (run / "metrics" / "value").exists() == (t.value is not None)
        assert (run / "tags" / "note").read_text(encoding="utf-8") == "größer" and (run / "tags" / "number").read_text() == str(t.number)
    files = sorted(p for p in tmp_path.rglob("*"))
    study.export_mlflow(tmp_path / "mlruns")
    assert files == sorted(p for p in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["../../etc", "/root", "a/../b", "..", ".", "a//b", "x\ny", "a\0b", "ü", "~"])
def test_names_stay_in_their_folder(name, tmp_path):
    import os

    text = mlflow_export.key(name)
    assert text and os.path.normpath(text) == text and not text.startswith(("/", "..")) and "\0" not in text
    assert text != "."
    root = (tmp_path / "x").resolve()
    assert (root / text).resolve().is_relative_to(root) and (root / text).resolve() != root


def test_names_that_look_alike_stay_apart():
    assert mlflow_export._keys(["a:b", "a;b", "a_b"]) == {"a:b": "a_b", "a;b": "a_b_2", "a_b": "a_b_3"}


def test_mlflow_reads_them(study, tmp_path):
    store = pytest.importorskip("mlflow.store.tracking.file_store", reason="mlflow is not installed")
    root = study.export_mlflow(tmp_path / "mlruns")
    store = store.FileStore(str(tmp_path / "mlruns"))
    experiment = store.get_experiment_by_name("net/a b")
    assert root.endswith(experiment.experiment_id)
    from mlflow.entities import ViewType

    runs = store.search_runs([experiment.experiment_id], "", ViewType.ACTIVE_ONLY, max_results=100)
    assert len(runs) == 12
    by_number = {int(r.data.tags["number"]): r for r in runs}
    for t in study.trials:
        run = by_number[t.number]
        assert run.data.params == {k: str(v) for k, v in t.params.items()}
        assert run.data.metrics.get("value") == t.value


def test_scalars_are_floats_of_32_bits():
    assert tensorboard_export.scalar("t", 0.5) == b"\n\1t\x15\0\0\0?"


# ---- from the shell ----------------------------------------------------------------------------------------------------


def test_command(tmp_path, capsys):
    from hpo.__main__ import main

    path = str(tmp_path / "s.db")
    hpo.create_study(storage=path, study_name="net", seed=1).optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    assert main(["report", path, "net", str(tmp_path / "a.html")]) == 0
    assert "<title>net</title>" in (tmp_path / "a.html").read_text()
    assert main(["export-tensorboard", path, "net", str(tmp_path / "tb")]) == 0 and (tmp_path / "tb" / "net").is_dir()
    assert main(["export-mlflow", path, "net", str(tmp_path / "ml")]) == 0 and len(list((tmp_path / "ml").iterdir())) == 1
    capsys.readouterr()
    assert main(["report", path, "other", str(tmp_path / "b.html")]) == 1
    assert main(["report", str(tmp_path / "no.db"), "net", str(tmp_path / "b.html")]) == 1
    assert not (tmp_path / "no.db").exists() and "there is no file" in capsys.readouterr().err
