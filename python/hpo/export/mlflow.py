# SPDX-License-Identifier: Apache-2.0
"""A folder as MLflow keeps it in files: the study is an experiment, each trial a run.

    DIR/EXPERIMENT/meta.yaml
    DIR/EXPERIMENT/RUN/meta.yaml, params/NAME, metrics/NAME (lines "ms value step"), tags/NAME, artifacts/

Ids follow from the study's name and age, so that an export once more replaces the first.
"""

import hashlib
import json
import os
import re
from pathlib import Path

from ..plot.trials import WORD, curve_of
from ..plot.view import View
from ..trial import TrialState

RUNNING, SCHEDULED, FINISHED, FAILED, KILLED = 1, 2, 3, 4, 5
STATUS = {
    TrialState.RUNNING: RUNNING,
    TrialState.WAITING: SCHEDULED,
    TrialState.PAUSED: SCHEDULED,
    TrialState.COMPLETE: FINISHED,
    TrialState.PRUNED: KILLED,
    TrialState.FAIL: FAILED,
}
LOCAL = 4  # source_type


def _digest(*parts):
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def key(name):
    """A name as MLflow takes it: letters, digits, "_-. /" and no way out of its folder."""
    text = re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)
    if os.path.normpath(text) != text or text == "." or text.startswith(("/", "..")):
        text = text.replace("/", "_").replace(".", "_") or "_"
    return text


def _keys(names):
    """{name: key}, all different."""
    out, taken = {}, set()
    for name in names:
        text, n = key(name), 2
        while text in taken:
            text, n = f"{key(name)}_{n}", n + 1
        taken.add(text)
        out[name] = text
    return out


def _yaml(pairs):
    """A flat document: JSON's values are YAML's."""
    return "".join(f"{k}: {json.dumps(v)}\n" for k, v in sorted(pairs.items()))


def _put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _text(v):
    return v if isinstance(v, str) else str(v)


def export(study, folder):
    """Writes the study below a folder ("mlruns"); returns the experiment's folder."""
    view = View(study)
    table, s = view.table, view.table.summary
    experiment = str(10**17 + int(_digest(study.study_name, s["created_ms"]), 16) % (9 * 10**17))
    root = Path(folder).resolve() / experiment
    _put(
        root / "meta.yaml",
        _yaml(
            {
                "artifact_location": root.as_uri(),
                "creation_time": s["created_ms"],
                "experiment_id": experiment,
                "last_update_time": s["last_ms"],
                "lifecycle_stage": "active",
                "name": study.study_name,
            }
        ),
    )
    directions = [d.name for d in study.directions]
    for kind, v in {"directions": json.dumps(directions), "sampler": s["sampler"], **study.user_attrs}.items():
        _put(root / "tags" / key(kind), _text(v))
    columns = table.params()
    names, params = _keys(view.names), _keys(columns)
    constraints = table.constraints()
    attrs = table.user_attrs()
    workers, reasons = table.texts("worker"), table.texts("reason")
    for i in range(view.n):
        run = _digest(study.study_name, s["created_ms"], i)
        place = root / run
        start, end = table.started[i] or table.created[i], table.ended[i] or None
        (place / "artifacts").mkdir(parents=True, exist_ok=True)
        for sub in ("metrics", "params", "tags"):
            (place / sub).mkdir(exist_ok=True)
        _put(
            place / "meta.yaml",
            _yaml(
                {
                    "artifact_uri": (place / "artifacts").as_uri(),
                    "end_time": end,
                    "entry_point_name": "",
                    "experiment_id": experiment,
                    "lifecycle_stage": "active",
                    "run_id": run,
                    "run_name": f"trial-{i}",
                    "run_uuid": run,
                    "source_name": "hpo",
                    "source_type": LOCAL,
                    "source_version": "",
                    "start_time": start,
                    "status": STATUS[view.states[i]],
                    "tags": [],
                    "user_id": workers[i] or "",
                }
            ),
        )
        for name, column in columns.items():
            if column[i] is not None:
                _put(place / "params" / params[name], _text(column[i]))
        moments = {step: ms for step, _, _, ms in table.report_lists(i)}
        last = 0
        for m, name in enumerate(view.names):
            lines = []
            points = curve_of(view, i, m, finite=False)
            whole = all(step == int(step) for step, _ in points)
            for k, (step, v) in enumerate(points):
                at = int(step) if whole else k
                lines.append(f"{moments.get(step) or end or start} {v!r} {at}\n")
                last = max(last, at)
            if lines:
                _put(place / "metrics" / "reported" / names[name], "".join(lines))
            v = table.values[m][i]
            if v == v:
                _put(place / "metrics" / names[name], f"{end or start} {v!r} {last}\n")
        for name, column in constraints.items():
            if column[i] == column[i]:
                _put(place / "metrics" / "constraint" / key(name), f"{end or start} {column[i]!r} {last}\n")
        tags = {
            "mlflow.runName": f"trial-{i}",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": "hpo",
            "mlflow.user": workers[i] or "",
            "number": i,
            "state": WORD[view.states[i]],
            "directions": json.dumps(directions),
            **({"reason": reasons[i]} if reasons[i] else {}),
            **{k: v for k, v in attrs.get(i, {}).items()},
        }
        for name, text in _keys(tags).items():
            _put(place / "tags" / text, _text(tags[name]))
    return str(root)
