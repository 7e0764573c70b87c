# SPDX-License-Identifier: Apache-2.0
"""Study.trials_dataframe: by columns, no Python object a trial."""

from datetime import datetime

import numpy as np
import pandas as pd

from .table import Table
from .trial import _OF_CORE

_PLAIN = ("worker", "reason")


def dataframe(study, attrs, multi_index=False):
    """The trials of a study as a pandas.DataFrame, one row each."""
    table = Table(study)
    columns = {}
    for attr in attrs:
        if attr == "number":
            columns[attr, ""] = np.arange(table.n)
        elif attr in ("value", "values"):
            _values(columns, table, study.metric_names)
        elif attr == "state":
            words = np.array([s.name for s in _OF_CORE], dtype=object)
            columns[attr, ""] = words[_array(table.states, "int8")]
        elif attr in _PLAIN:
            columns[attr, ""] = table.texts(attr)
        elif attr == "cost":
            columns[attr, ""] = _array(table.cost)
        elif attr == "datetime_start":
            columns[attr, ""] = _times(table.started)
        elif attr == "datetime_complete":
            columns[attr, ""] = _times(table.ended)
        elif attr == "duration":
            columns[attr, ""] = _durations(table)
        elif attr == "params":
            _params(columns, table)
        elif attr in ("user_attrs", "system_attrs"):
            _attrs(columns, attr, getattr(table, attr)(), table.n)
        elif attr == "constraints":
            for name, column in table.constraints().items():
                columns[attr, name] = column
        else:
            columns[attr, ""] = [getattr(t, attr) for t in study.trials]
    columns = {(a, str(b)): v for (a, b), v in columns.items()}
    frame = pd.DataFrame({"_".join(k) if k[1] != "" else k[0]: v for k, v in columns.items()})
    if multi_index:
        frame.columns = pd.MultiIndex.from_tuples(list(columns))
    return frame


def _array(column, dtype="float64"):
    """A column in place (NumPy refuses to look at nothing)."""
    return np.frombuffer(column, dtype=dtype) if len(column) else np.empty(0, dtype=dtype)


def _values(columns, table, names):
    n = len(table.values)
    for i, column in enumerate(table.values):
        if n == 1 and not names:
            key = ("value", "")
        else:
            key = ("values", names[i] if names else i)
        columns[key] = _array(column)


def _times(ms):
    """Local time, as a column of NumPy; NaT: not yet."""
    ms = _array(ms, "int64")
    known = ms > 0
    if not known.any():
        return np.full(len(ms), "NaT", dtype="datetime64[ns]")
    low, high = ms[known].min(), ms[known].max()
    first, last = _offset(low), _offset(high)
    if first == last and high - low < 90 * 86400000:
        local = ms + first
    else:  # the clocks were changed in between
        local = ms + np.array([_offset(v) if v > 0 else 0 for v in ms], dtype="int64")
    return np.where(known, local.astype("datetime64[ms]").astype("datetime64[ns]"), np.datetime64("NaT"))


def _offset(ms):
    """Local time minus UTC, in milliseconds."""
    return int(datetime.fromtimestamp(int(ms) // 1000).astimezone().utcoffset().total_seconds()) * 1000


def _durations(table):
    start, end = (_array(column, "int64") for column in (table.started, table.ended))
    known = (start > 0) & (end > 0)
    return np.where(known, (end - start).astype("timedelta64[ms]").astype("timedelta64[ns]"), np.timedelta64("NaT"))


def _params(columns, table):
    odd = table.odd()
    for name, kind, column, *_ in table.layout.columns:
        x = _array(table.x[column])
        absent = np.isnan(x)
        some = absent.any()
        if kind == "float":
            values = x
        elif kind == "int":
            values = x if some else x.astype("int64")
        elif kind in ("categorical", "ordinal"):
            choices = np.empty(len(table.layout.choices[name]) + 1, dtype=object)  # the last, None: absent
            for i, choice in enumerate(table.layout.choices[name]):
                choices[i] = choice
            values = choices[np.where(absent, -1, x).astype("int64")]
        else:
            columns["params", name] = table.param(name)
            continue
        if odd:
            values = list(values)
            for row, params in odd.items():
                values[row] = params.get(name)
        columns["params", name] = values


def _attrs(columns, which, dicts, n):
    for key in dict.fromkeys(k for d in dicts.values() for k in d):
        columns[which, key] = [dicts[i].get(key) if i in dicts else None for i in range(n)]
