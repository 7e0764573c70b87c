# SPDX-License-Identifier: Apache-2.0
"""Study.trials_dataframe."""

from datetime import datetime

from .trial import _OF_CORE, CONSTRAINT, SYSTEM, FrozenTrial

_PLAIN = {"number": 0, "state": 1, "worker": 9, "cost": 14, "reason": 8}


def dataframe(study, attrs, multi_index=False):
    """The trials of a study as a pandas.DataFrame, one row each; built by columns."""
    import pandas as pd

    rows, layout = study._rows(), study._layout
    names = study.metric_names
    columns = {}
    trials = None
    for attr in attrs:
        if attr in ("value", "values"):
            _values(columns, rows, len(study.directions), names)
        elif attr == "state":
            words = [s.name for s in _OF_CORE]
            columns["state", ""] = [words[r[1]] for r in rows]
        elif attr in _PLAIN:
            columns[attr, ""] = [r[_PLAIN[attr]] for r in rows]
        elif attr == "datetime_start":
            columns[attr, ""] = _times(rows, 5)
        elif attr == "datetime_complete":
            columns[attr, ""] = _times(rows, 6)
        elif attr == "duration":
            columns[attr, ""] = _durations(rows)
        elif attr == "params":
            _params(columns, rows, study, layout)
        elif attr in ("user_attrs", "system_attrs", "constraints"):
            _attrs(columns, rows, study, layout, attr)
        else:
            if trials is None:
                trials = [FrozenTrial._of_row(r, study, layout) for r in rows]
            columns[attr, ""] = [getattr(t, attr) for t in trials]
    frame = pd.DataFrame({("_".join(k) if k[1] != "" else k[0]): v for k, v in _texts(columns).items()})
    if multi_index:
        frame.columns = pd.MultiIndex.from_tuples(list(_texts(columns)))
    return frame


def _texts(columns):
    return {(a, str(b)): v for (a, b), v in columns.items()}


def _values(columns, rows, n, names):
    nothing = (None,) * n
    table = list(zip(*(r[3] if r[3] is not None else nothing for r in rows))) or [()] * n
    for i in range(n):
        key = ("value" if n == 1 and not names else "values", "" if n == 1 and not names else names[i] if names else i)
        columns[key] = [float("nan") if v is None else v for v in table[i]]


def _times(rows, at):
    """Local time, as a column of NumPy; NaT: not yet."""
    import numpy as np

    ms = np.array([r[at] for r in rows], dtype="int64")
    known = ms > 0
    if not known.any():
        return np.full(len(rows), "NaT", dtype="datetime64[ns]")
    first, last = (_offset(v) for v in (ms[known].min(), ms[known].max()))
    if first == last and ms[known].max() - ms[known].min() < 90 * 86400000:
        local = ms + first
    else:  # the clocks were changed in between
        local = ms + np.array([_offset(v) if v > 0 else 0 for v in ms], dtype="int64")
    return np.where(known, local.astype("datetime64[ms]").astype("datetime64[ns]"), np.datetime64("NaT"))


def _offset(ms):
    """Local time minus UTC, in milliseconds."""
    return int(datetime.fromtimestamp(int(ms) // 1000).astimezone().utcoffset().total_seconds()) * 1000


def _durations(rows):
    import numpy as np

    start, end = (np.array([r[i] for r in rows], dtype="int64") for i in (5, 6))
    known = (start > 0) & (end > 0)
    return np.where(known, (end - start).astype("timedelta64[ms]").astype("timedelta64[ns]"), np.timedelta64("NaT"))


def _params(columns, rows, study, layout):
    from .trial import FIXED, UNASKED

    if any(r[7] and (UNASKED in r[7] or FIXED in r[7]) for r in rows) or not layout.simple:
        trials = [FrozenTrial._of_row(r, study, layout).params for r in rows]
        for name in layout.at:
            columns["params", name] = [p.get(name) for p in trials]
        return
    table = list(zip(*(r[2] for r in rows)))
    for i, (name, kind, column, *_) in enumerate(layout.columns):
        values = table[column] if table else ()
        if kind == "categorical":
            choices = layout.choices[name]
            values = [choices[int(v)] if v == v else None for v in values]
        elif kind == "int" and all(v == v for v in values):
            values = list(map(int, values))
        columns["params", name] = values


def _attrs(columns, rows, study, layout, which):
    if which != "constraints" and not study._objects and not any(r[7] for r in rows):
        return
    if which == "constraints" and not study._outcomes and not any(CONSTRAINT in (r[7] or "") for r in rows):
        return
    dicts = [getattr(FrozenTrial._of_row(r, study, layout), which) for r in rows]
    keys = list(dict.fromkeys(k for d in dicts for k in d if not k.startswith(SYSTEM)))
    for key in keys:
        columns[which, key] = [d.get(key) for d in dicts]
