# SPDX-License-Identifier: Apache-2.0
"""Event files for TensorBoard: a folder a trial with its curves and its result, and what the HPARAMS tab needs.

    DIR/STUDY/events...               the experiment: parameters with their ranges, metrics
    DIR/STUDY/trial-00017/events...   the session: parameters, reports, values, how it ended

Field numbers: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto;
tensorboard/plugins/hparams/{plugin_data,api,hparams_util}.proto; google/protobuf/struct.proto.
"""

import math
import os
import time
from urllib.parse import quote

from ..exceptions import InvalidError
from ..plot.trials import curve_of
from ..plot.view import View
from ..trial import TrialState
from .tfrecord import block, double, record, single, varint, whole

SUCCESS, FAILURE, RUNNING = 1, 2, 3
STATUS = {TrialState.COMPLETE: SUCCESS, TrialState.PRUNED: SUCCESS, TrialState.FAIL: FAILURE, TrialState.RUNNING: RUNNING}
TEXT, BOOL, NUMBER = 1, 2, 3  # DataType
# What a summary carries beside the plugin's data: one float, 0 (dtype DT_FLOAT, shape [1]).
NOTHING = whole(1, 1) + block(2, block(2, whole(1, 1))) + block(5, b"\0\0\0\0")


def event(wall, step, *, version=None, values=()):
    """A record with one Event."""
    data = double(1, wall) + whole(2, step)
    data += block(3, version) if version is not None else block(5, b"".join(block(1, v) for v in values))
    return record(data)


def scalar(tag, v):
    """Summary.Value of a number."""
    return block(1, tag) + single(2, v)


def hparams(tag, field, data):
    """Summary.Value with data of the HPARAMS plugin."""
    content = whole(1, 0) + block(field, data)
    return block(1, f"_hparams_/{tag}") + block(9, block(1, block(1, "hparams") + block(2, content))) + block(8, NOTHING)


def value(v):
    """google.protobuf.Value"""
    if isinstance(v, bool):
        return varint(4 << 3) + varint(v)
    if isinstance(v, (int, float)):
        return double(2, float(v))
    return block(3, v if isinstance(v, str) else repr(v))


def _kind(values):
    known = [v for v in values if v is not None]
    if known and all(isinstance(v, bool) for v in known):
        return BOOL
    return NUMBER if known and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known) else TEXT


def _as(kind, v):
    return v if kind != TEXT or isinstance(v, str) else repr(v)


def experiment(view, kinds, metrics):
    """Experiment: what the columns of the table are."""
    s = view.table.summary
    out = block(6, view.study.study_name) + double(3, s["created_ms"] / 1000)
    for name, kind in kinds.items():
        info = block(1, name) + whole(4, kind)
        distribution = view.table.layout.distribution(name)
        choices = getattr(distribution, "choices", None)
        if choices is not None:
            info += block(5, b"".join(block(1, value(_as(kind, c))) for c in choices))
        elif kind == NUMBER and getattr(distribution, "low", None) is not None:
            info += block(6, double(1, distribution.low) + double(2, distribution.high))
        out += block(4, info)
    for tag in metrics:
        out += block(5, block(1, block(2, tag)) + block(3, tag))
    return out


def _write(folder, moment, parts):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"events.out.tfevents.{int(moment):010d}.hpo.v2")
    with open(path + ".new", "wb") as f:
        f.write(event(moment, 0, version="brain.Event:2"))
        f.writelines(parts)
    os.replace(path + ".new", path)


def _steps(points):
    """Steps are whole numbers there: fractions are counted instead."""
    if all(s == int(s) for s, _ in points):
        return [(int(s), v) for s, v in points]
    return [(i, v) for i, (_, v) in enumerate(points)]


def export(study, folder):
    """Writes the event files of a study below a folder; those of an earlier export are replaced.  Returns the study's."""
    if not study.study_name:
        raise InvalidError("the study has no name")
    view = View(study)
    table = view.table
    root = os.path.join(folder, quote(study.study_name, safe=" +,=@"))
    columns = table.params()
    kinds = {name: _kind(column) for name, column in columns.items()}
    created = table.summary["created_ms"] / 1000 or time.time()
    _write(root, created, [event(created, 0, values=[hparams("experiment", 2, experiment(view, kinds, view.names))])])
    for i in range(view.n):
        start = table.started[i] / 1000
        if start <= 0:
            continue
        end = table.ended[i] / 1000 if table.ended[i] > 0 else start
        config = b"".join(
            block(1, block(1, name) + block(2, value(_as(kinds[name], column[i])))) for name, column in columns.items() if column[i] is not None
        )
        session = config + block(4, f"trial-{i}") + double(5, start)
        parts = [event(start, 0, values=[hparams("session_start_info", 3, session)])]
        last, moments = 0, dict((s, ms / 1000) for s, _, _, ms in table.report_lists(i))
        for m, name in enumerate(view.names):
            points = curve_of(view, i, m, finite=False)
            for (at, v), (step, _) in zip(_steps(points), points):
                parts.append(event(moments.get(step) or end, at, values=[scalar(f"reported/{name}", v)]))
                last = max(last, at)
        values = [scalar(name, column[i]) for name, column in zip(view.names, table.values) if not math.isnan(column[i])]
        values += [scalar(f"constraint/{name}", column[i]) for name, column in table.constraints().items() if column[i] == column[i]]
        if values:
            parts.append(event(end, last, values=values))
        if view.states[i] in STATUS:
            over = whole(1, STATUS[view.states[i]]) + double(2, end)
            parts.append(event(end, last, values=[hparams("session_end_info", 4, over)]))
        _write(os.path.join(root, f"trial-{i:05d}"), start, parts)
    return root
