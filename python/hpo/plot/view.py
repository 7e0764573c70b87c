# SPDX-License-Identifier: Apache-2.0
"""A study as pictures see it: columns, one objective, and which trials count."""

import math

from ..exceptions import InvalidError, NotFoundError
from ..table import Table
from ..trial import TrialState
from .figure import Axis, Scale, text_of


def studies_of(study):
    """A list of studies from one, or from several."""
    if hasattr(study, "_look"):
        return [study]
    studies = list(study)
    if not studies:
        raise ValueError("no study was given: give one, or a list of them")
    return studies


class View:
    """The columns of a study, with one objective (or target(trial)) as `y`: NaN where a trial has none."""

    def __init__(self, study, objective=0, target=None, target_name=None):
        self.study, self.table = study, Table(study)
        self.n = len(self.table)
        self.states = self.table.state
        self.feasible = self.table.feasible()
        n = len(study.directions)
        names = study.metric_names or (["value"] if n == 1 else [f"value {i}" for i in range(n)])
        if target is not None:
            self.y = [math.nan] * self.n
            for t in study.get_trials(states=(TrialState.COMPLETE,)):
                self.y[t.number] = float(target(t))
            self.title, self.maximize = target_name or "target", False
        else:
            if isinstance(objective, str):
                if objective not in names:
                    raise InvalidError(f"the study has no objective {objective!r}: it has {', '.join(names)}")
                objective = names.index(objective)
            if not 0 <= objective < n:
                raise InvalidError(f"objective is {objective}: the study has {n}, numbered from 0")
            self.y = list(self.table.values[objective])
            self.title = target_name or names[objective]
            self.maximize = study.directions[objective].name == "MAXIMIZE"
        self.names, self.target = names, target
        self._params = {}
        self.complete = self._numbers(TrialState.COMPLETE, True)
        self.infeasible = self._numbers(TrialState.COMPLETE, False)
        self.pruned = self._numbers(TrialState.PRUNED, None)

    def _numbers(self, state, feasible):
        return [
            i
            for i in range(self.n)
            if self.states[i] == state and math.isfinite(self.y[i]) and feasible in (None, self.feasible[i])
        ]

    def better(self, a, b):
        return a > b if self.maximize else a < b

    def best_so_far(self):
        """[(number, value)] of the trials that were better than all complete feasible ones before them."""
        out = []
        for i in self.complete:
            if not out or self.better(self.y[i], out[-1][1]):
                out.append((i, self.y[i]))
        return out

    def why_empty(self):
        """What to say when there is no complete trial."""
        if self.n == 0:
            return f"study '{self.study.study_name}' has no trials yet"
        return f"study '{self.study.study_name}' has no complete trial with a finite {self.title} among its {self.n}"

    # ---- parameters ----

    def param(self, name):
        if name not in self._params:
            self._params[name] = self.table.param(name)
        return self._params[name]

    def chosen(self, params, least=1):
        """The parameters to show: those named, else all that were not the same in every trial."""
        known = list(self.table.layout.at)
        if params is not None:
            params = [params] if isinstance(params, str) else list(params)
            for name in params:
                if name not in known:
                    raise NotFoundError(f"the study has no parameter {name!r}: it has {', '.join(known) or 'none yet'}")
            if len(params) < least:
                raise InvalidError(f"{len(params)} parameter given: at least {least} are needed")
            return params
        shown = [name for name in known if not self._constant(name)]
        return shown or known

    def _constant(self, name):
        texts = {repr(v) for v in self.param(name)}
        return len(texts) < 2

    def axis(self, name):
        """The Axis of a parameter."""
        _, kind, _, _, low, high, _, scale, _ = self.table.layout.columns[self.table.layout.at[name]]
        if kind in ("float", "int") and self._numeric(name):
            return Axis(name, "log" if scale == "log" else "linear")
        labels = self.table.layout.choices.get(name) or ((False, True) if kind == "bool" else ())
        if not labels:
            labels = list(dict.fromkeys(repr(v) for v in self.param(name) if v is not None))
        return Axis(name, "labels", tuple(str(v) for v in labels))

    def _numeric(self, name):
        return all(v is None or isinstance(v, (int, float)) for v in self.param(name))

    def coordinates(self, name):
        """Where the values of a parameter stand on its axis; None: the trial does not have it."""
        axis, values = self.axis(name), self.param(name)
        if axis.scale != "labels":
            return [None if v is None or (axis.scale == "log" and v <= 0) else float(v) for v in values]
        at = {label: i for i, label in enumerate(axis.labels)}
        plain = name in self.table.layout.choices or all(v is None or isinstance(v, bool) for v in values)
        return [None if v is None else at.get(str(v) if plain else repr(v)) for v in values]

    # ---- colours and texts ----

    def scale(self):
        """Colours of the objective: the worst tenth looks alike, lest one bad trial hides all differences."""
        y = sorted((self.y[i] for i in self.complete), reverse=self.maximize)
        if not y:
            return None
        best, worst = y[0], y[min(len(y) - 1, int(0.9 * len(y)))]
        if best == worst:
            worst = y[-1]
        return Scale(self.title, min(best, worst), max(best, worst), reverse=not self.maximize)

    def text(self, number):
        """What the pointer shows of a trial."""
        lines = [f"trial {number}, {self.states[number].name.lower()}"]
        if math.isfinite(self.y[number]):
            lines.append(f"{self.title} = {self.y[number]:.6g}")
        for name in self.table.layout.at:
            v = self.param(name)[number]
            if v is not None:
                lines.append(f"{name} = {v:.6g}" if isinstance(v, float) else f"{name} = {text_of(v)}")
        return "\n".join(lines)

    def texts(self, numbers):
        return [self.text(i) for i in numbers]
