# SPDX-License-Identifier: Apache-2.0
"""One study file's study as Optuna sees it: rows become FrozenTrials, and what Optuna knows beyond our rows goes into
attributes of the trials.

    hpo:optuna       {"params": {name: [internal value, distribution]}, "start": ..., "complete": ..., "values": ...}
                     the distributions that this trial was asked with, as Optuna writes them, times to the microsecond,
                     and values where they are not those of the row
    hpo:system:KEY   system attributes (JSON)
    hpo:user:KEY     user attributes whose names begin with "hpo:"
    hpo:heartbeat    Unix time in milliseconds

Attributes that are null or not quite JSON (NaN) are kept as {"hpo:json": text}.  `hpo import` and `hpo export` use the
same attributes.
"""

import datetime
import functools
import json
import math
import os

import optuna
from optuna.distributions import json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

import hpo
from hpo.distributions import CategoricalDistribution, IntDistribution
from hpo.exceptions import HpoError
from hpo.study.handles import _host
from hpo.study.values import encode, fits
from hpo.trial import CORE_STATE, SYSTEM, UNASKED

from .sampler import constraints_of, fitting_distribution

NOTE = "hpo:optuna"
HEARTBEAT = "hpo:heartbeat"
SYSTEM_KEY = SYSTEM + "system:"
USER_KEY = SYSTEM + "user:"  # user attributes that begin with "hpo:"
BITS = 40
TO_CORE = {
    TrialState.COMPLETE: CORE_STATE["complete"],
    TrialState.PRUNED: CORE_STATE["stopped"],
    TrialState.FAIL: CORE_STATE["failed"],
    TrialState.WAITING: CORE_STATE["waiting"],
}
OF_CORE = {
    CORE_STATE["waiting"]: TrialState.WAITING,
    CORE_STATE["running"]: TrialState.RUNNING,
    CORE_STATE["paused"]: TrialState.RUNNING,  # not over, and not to be had
    CORE_STATE["complete"]: TrialState.COMPLETE,
    CORE_STATE["stopped"]: TrialState.PRUNED,
    CORE_STATE["failed"]: TrialState.FAIL,
    CORE_STATE["infeasible"]: TrialState.FAIL,
}


# ---- texts -----------------------------------------------------------------------------------------------------


def pack(value):
    """An attribute as JSON text of this library."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:  # NaN, infinity
        text = "null"
    return json.dumps({"hpo:json": json.dumps(value)}) if text == "null" else text


def unpack(value):
    if isinstance(value, dict) and value.keys() == {"hpo:json"}:
        return json.loads(value["hpo:json"])
    return value


def user_key(key):
    return USER_KEY + key if key.startswith(SYSTEM) else key


def split_attrs(attributes):
    """(user attributes, system attributes) of the attributes of a study or trial."""
    user, system = {}, {}
    for key, value in attributes.items():
        if key.startswith(SYSTEM_KEY):
            system[key[len(SYSTEM_KEY) :]] = unpack(value)
        elif key.startswith(USER_KEY):
            user[key[len(USER_KEY) :]] = unpack(value)
        elif not key.startswith(SYSTEM):
            user[key] = unpack(value)
    return user, system


@functools.lru_cache(maxsize=4096)
def _distribution(text):
    return json_to_distribution(text)


@functools.lru_cache(maxsize=4096)
def _theirs(ours):
    """A distribution of this package as one of Optuna."""
    if isinstance(ours, CategoricalDistribution):
        return optuna.distributions.CategoricalDistribution(ours.choices)
    if isinstance(ours, IntDistribution):
        return optuna.distributions.IntDistribution(ours.low, ours.high, log=ours.log, step=ours.step)
    return optuna.distributions.FloatDistribution(ours.low, ours.high, log=ours.log, step=ours.step)


def _moment(text, ms):
    if text is not None:
        return datetime.datetime.fromisoformat(text)
    return datetime.datetime.fromtimestamp(ms / 1000) if ms > 0 else None


def text_of(moment):
    return None if moment is None else moment.isoformat(sep=" ", timespec="microseconds")


class Held(hpo.Study):
    """A study whose trials are held for ever, by a worker that says what it is."""

    def _set_up(self, handle):
        handle.settings(f"optuna@{_host()}:{os.getpid()}".encode(), math.inf, True, self._open, False, False)


class Book:
    """One study: its handle, the trials in hand, and Optuna's picture of the others."""

    def __init__(self, study):
        self.study = study
        self.id = study._summary()["id"]
        self.directions = [StudyDirection(int(d)) for d in study.directions]
        self.forget()

    def forget(self):
        self.generation = self.study._storage._generation
        self.held = {}  # number -> trial of this package
        self.notes = {}  # number -> content of the attribute NOTE, of trials in hand
        self.cache = []  # FrozenTrial by number
        self.open = set()  # numbers of those that had not ended when they were read
        self.kinds = {}  # name -> the distribution that a parameter was first seen with

    def key(self, number):
        return (self.id << BITS) | number

    # ---- reading ----

    def fresh(self):
        self.study._fresh()
        if self.generation != self.study._storage._generation:
            self.forget()

    def rows(self, numbers, n):
        """Rows as of now, of ascending numbers below n."""
        if not numbers:
            return []
        look = self.study._look
        first, last = numbers[0], numbers[-1] + 1
        if last - first <= 2 * len(numbers) + 8:
            wanted = set(numbers)
            return [row for row in look.rows(first, last) if row[0] in wanted]
        return [look.rows(number, number + 1)[0] for number in numbers]

    def refresh(self):
        """The cache as of now."""
        self.fresh()
        summary = self.study._summary()
        n, counts = summary["n_trials"], summary["counts"]
        ended = sum(counts[i] for i, state in OF_CORE.items() if state.is_finished())
        if len(self.cache) - len(self.open) > ended:  # somebody has put a finished trial into the queue again
            self.cache, self.open = [], set()
        numbers = [*sorted(self.open), *range(len(self.cache), n)]
        self.cache += [None] * (n - len(self.cache))
        for row in self.rows(numbers, n):
            trial = self.cache[row[0]] = self.frozen(row)
            (self.open.discard if trial.state.is_finished() else self.open.add)(row[0])
        return self.cache

    def row(self, number):
        self.fresh()
        if number >= self.study._summary()["n_trials"]:
            raise KeyError(f"study '{self.study.study_name}' has no trial {number}")
        return self.rows([number], number + 1)[0]

    def trial(self, number):
        """One trial as of now."""
        self.fresh()
        if number < len(self.cache) and number not in self.open:
            return self.cache[number]
        return self.frozen(self.row(number))

    def frozen(self, row):
        number, state = row[0], OF_CORE[row[1]]
        attributes = json.loads(row[7]) if row[7] else {}
        note = attributes.get(NOTE, {})
        user, system = split_attrs(attributes)
        params, kinds = self.params(row, state, attributes)
        values = note["values"] if "values" in note else row[3]
        if values is not None:
            values = [float(v) for v in values]
            values = None if any(math.isnan(v) for v in values) else values
        reports = {}
        if row[10]:
            for step, seen, _, _ in self.study._look.reports(number, row[10]):
                reports[int(step)] = seen[0]
        return FrozenTrial(
            number=number,
            trial_id=self.key(number),
            state=state,
            value=None,
            values=values,
            datetime_start=_moment(note.get("start"), row[5]),
            datetime_complete=_moment(note.get("complete"), row[6]) if state.is_finished() else None,
            params=params,
            distributions=kinds,
            user_attrs=user,
            system_attrs=system,
            intermediate_values=reports,
        )

    def params(self, row, state, attributes):
        if NOTE in attributes:
            pairs = {
                name: (_distribution(text), float(internal))
                for name, (internal, text) in attributes[NOTE].get("params", {}).items()
            }
            params = {name: d.to_external_repr(v) for name, (d, v) in pairs.items()}
            kinds = {name: d for name, (d, _) in pairs.items()}
        elif state == TrialState.WAITING or (not state.is_finished() and (row[9] or "").startswith("optuna@")):
            return {}, {}  # nothing was asked for
        else:  # a trial of this library
            layout = self.study._layout
            found = layout.params(row[2], attributes.get(UNASKED, ()))
            kinds = {n: _theirs(d) for n in found if (d := layout.distribution(n)) is not None}
            params = {n: found[n] for n in kinds}
        for name, kind in kinds.items():
            self.kinds.setdefault(name, kind)
        return params, kinds

    # ---- writing ----

    def take(self, number):
        """The handle of a trial that runs."""
        self.fresh()
        ours = self.held.get(number)
        if ours is None or not ours._live:
            row = self.row(number)
            ours = self.held[number] = self.study._do("attach", self.study, hpo.Trial, number, row[18])
            self.notes[number] = json.loads(row[7] or "{}").get(NOTE, {})
        return ours

    def note(self, number):
        """Content of NOTE, to be changed and put back."""
        if number in self.notes:
            return self.notes[number]
        return json.loads(self.row(number)[7] or "{}").get(NOTE, {})

    def put(self, number, note):
        self.study._do("set_attr", number, NOTE, json.dumps(note))

    def show(self, number, note):
        """The row of a running trial has the values that it got so far, as far as the space knows them."""
        ours, study = self.held.get(number), self.study
        if ours is None or ours._h is not study._h:
            return
        layout, x, used = study._layout, list(ours._x), [math.nan] * len(ours._x)
        for name, (internal, text) in note["params"].items():
            value = _distribution(text).to_external_repr(internal)
            if name not in layout.at or not fits(layout, name, value):
                return
            x[layout.at[name]] = used[layout.at[name]] = encode(layout.doc["params"][name], value)
        try:
            ours._h.set_config(number, ours._token, tuple(x), tuple(used))
        except HpoError:
            pass  # the end of the trial tells all

    def trace(self, note):
        out = {}
        for name, (internal, text) in note.get("params", {}).items():
            kind = _distribution(text)
            value = kind.to_external_repr(internal)
            out[name] = (fitting_distribution(kind, value), value)
        return out

    def end(self, number, state, values):
        ours = self.take(number)
        note = self.notes.get(number, {})
        ours._odd().update(self.trace(note))
        ours._plain = False
        if state in (TrialState.COMPLETE, TrialState.PRUNED):
            system = split_attrs(json.loads(self.row(number)[7] or "{}"))[1]
            for name, value in constraints_of(system).items():
                ours.set_constraint(name, value)
        odd = values if state in (TrialState.FAIL, TrialState.WAITING) else None
        if odd is not None or (state == TrialState.PRUNED and values is None and self.row(number)[10]):
            note["values"] = odd
            self.put(number, note)
        if odd is not None:
            values = None
        self.study._end(ours, TO_CORE[state], None if values is None else [float(v) for v in values])
        self.held.pop(number, None)
        self.notes.pop(number, None)
        if number < len(self.cache):
            self.cache[number] = None  # read again with the next list
