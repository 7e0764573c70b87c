# SPDX-License-Identifier: Apache-2.0
"""All trials of a study as columns: what tables, pictures and exports are made of.  Needs no NumPy, serves it in place."""

import json
import math

from .trial import _OF_CORE, CONSTRAINT, FIXED, SYSTEM, UNASKED, TrialState

_ODD = (TrialState.WAITING, TrialState.RUNNING)


class Table:
    """Columns of a study at one moment.

    state      TrialState of each trial
    values     per objective: a memoryview of doubles, NaN where there is none
    started, ended, created   milliseconds since 1970, 0: not yet
    """

    def __init__(self, study):
        summary = study._summary()
        self.n = summary["n_trials"]
        look, study._read_all = study._look, True
        self.study, self.layout, self.summary = study, study._layout, summary
        self.raw = look.table(0, self.n)
        self.states = self.raw["state"]  # states of the library, one byte each
        for name in ("created", "started", "ended", "reports", "parent"):
            setattr(self, name, memoryview(self.raw[name]).cast("q"))
        self.cost, self.last_step = (memoryview(self.raw[name]).cast("d") for name in ("cost", "last_step"))
        for name in ("x", "values", "sems", "outcomes"):
            setattr(self, name, [memoryview(column).cast("d") for column in self.raw[name]])
        self._attrs = self._odd = None

    def __len__(self):
        return self.n

    @property
    def state(self):
        return [_OF_CORE[s] for s in self.states]

    def numbers(self, *states):
        """Numbers of the trials in these states."""
        wanted = {i for i, s in enumerate(_OF_CORE) if s in states}
        return [i for i, s in enumerate(self.states) if s in wanted]

    @property
    def attrs(self):
        """{number: attributes}, of the trials that have some."""
        if self._attrs is None:
            texts = self.raw["attributes"] or ()
            self._attrs = {i: json.loads(text) for i, text in enumerate(texts) if text}
        return self._attrs

    def texts(self, which):
        """'reason' or 'worker' of each trial, None where there is none."""
        return self.raw[which] or [None] * self.n

    def user_attrs(self):
        """{number: {key: value}}, of the trials that have some."""
        out = {i: {k: v for k, v in a.items() if not k.startswith(SYSTEM)} for i, a in self.attrs.items()}
        for number, kept in self.study._objects.items():
            if 0 <= number < self.n:
                out.setdefault(number, {}).update(kept)
        return {i: a for i, a in out.items() if a}

    def system_attrs(self):
        """{number: {key: value}}, of the trials that have some."""
        start = SYSTEM + "system:"
        out = {i: {k[len(start) :]: v for k, v in a.items() if k.startswith(start)} for i, a in self.attrs.items()}
        return {i: a for i, a in out.items() if a}

    # ---- parameters ----

    def odd(self):
        """{number: {name: value}} of trials whose parameters are not what their columns say."""
        if self._odd is None:
            self._odd = {}
            texts = self.raw["attributes"] or ()
            if any(t and (UNASKED in t or FIXED in t) for t in texts):
                for i, attrs in self.attrs.items():
                    if FIXED in attrs and _OF_CORE[self.states[i]] in _ODD:
                        self._odd[i] = dict(attrs[FIXED])
                    elif attrs.get(UNASKED):
                        self._odd[i] = self.layout.params([column[i] for column in self.x], attrs[UNASKED])
        return self._odd

    def param(self, name):
        """Values of a parameter, None in trials that do not have it."""
        i = self.layout.at[name]
        _, kind, column, width, *_ = self.layout.columns[i]
        x = self.x[column]
        if kind == "float":
            out = [v if v == v else None for v in x]
        elif kind == "int":
            out = [int(v) if v == v else None for v in x]
        elif kind in ("categorical", "ordinal"):
            choices = self.layout.choices[name]
            out = [choices[int(v)] if v == v else None for v in x]
        elif kind == "bool":
            out = [v != 0 if v == v else None for v in x]
        elif kind == "const":
            value = self.layout._const(name)
            out = [value if v == v else None for v in x]
        else:
            many = self.x[column : column + width]
            rows = [[0.0] * column + [c[r] for c in many] for r in range(self.n)]
            out = [self.layout.value(i, row) if row[column] == row[column] else None for row in rows]
        for r, params in self.odd().items():
            out[r] = params.get(name)
        return out

    def params(self):
        """{name: values}, in the order of the space."""
        return {name: self.param(name) for name in self.layout.at}

    # ---- constraints ----

    def constraints(self):
        """{name: values}, declared ones first; NaN: not measured."""
        out = {name: list(column) for name, column in zip(self.study._outcomes, self.outcomes)}
        if any(CONSTRAINT in (text or "") for text in self.raw["attributes"] or ()):
            for i, attrs in self.attrs.items():
                for key, v in attrs.items():
                    if key.startswith(CONSTRAINT):
                        out.setdefault(key[len(CONSTRAINT) :], [math.nan] * self.n)[i] = v
        return out

    def feasible(self):
        """Whether every measured constraint of a trial holds."""
        ok, limits = [True] * self.n, self.study._outcomes
        for name, column in self.constraints().items():
            limit = limits.get(name, 0)
            ok = [a and not v > limit for a, v in zip(ok, column)]
        return ok

    def report_lists(self, number):
        """[(step, values, fold, time in ms)] of a trial."""
        n = self.reports[number]
        return self.study._look.reports(number, n) if n else []
