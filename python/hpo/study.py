# SPDX-License-Identifier: Apache-2.0
"""Studies: ask, tell, optimise, and looking at what came out.

A Study has two handles of the library: `_h` asks and tells, `_look` reads.  A study with a declared space keeps them.
In a define-by-run study the space grows: trials use what the handle that made them knows, whatever they ask for
beyond that is learned when they end (`_settle`), and the study goes on with new handles.  docs/python.md tells how.
"""

import enum
import functools
import json
import math
import os
import threading
import time
import weakref

from . import _core, learn, logging, pruners, samplers
from .distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    index_of,
    label,
    labels,
    unlabel,
)
from .exceptions import (
    HpoError,
    InvalidError,
    NotFoundError,
    OutdatedError,
    StudyExhausted,
    TrialPruned,
    UpdateFinishedTrialError,
)
from .learn import to_core
from .space import Layout, Space, document
from .storages import Storage, get_storage
from .trial import (
    CONSTRAINT,
    CORE_STATE,
    FIXED,
    SYSTEM,
    TO_CORE,
    UNASKED,
    FrozenTrial,
    Trial,
    TrialState,
)

COMPLETE, STOPPED, FAILED, PAUSED, WAITING = (
    CORE_STATE[w] for w in ("complete", "stopped", "failed", "paused", "waiting")
)
GRID = SYSTEM + "grid"
METRIC_NAMES = SYSTEM + "metric_names"
BLIND = ("random", "sobol", "halton", "rsequence", "lhs", "grid")  # samplers that read no results


class StudyDirection(enum.IntEnum):
    """Which way is better."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2


def _direction(one):
    if isinstance(one, str) and one.lower() in ("minimize", "maximize"):
        return StudyDirection.MINIMIZE if one.lower() == "minimize" else StudyDirection.MAXIMIZE
    if isinstance(one, StudyDirection) and one != StudyDirection.NOT_SET:
        return one
    raise ValueError(f"direction is {one!r}: use 'minimize' or 'maximize'")


class Study:
    """A search: its space, its trials, its sampler.  Made by create_study and load_study."""

    def __init__(self, storage, name, handle=None, pruner=None, sampler=None):
        self._storage = storage
        self._name = name
        self._lock = threading.RLock()  # guards growing, and trials against their keeper
        self._custom_pruner = pruner
        self._sampler_object = sampler
        self._layouts = {}
        self._objects = {}  # attributes that are no JSON, by trial number
        # Trials in hand by number; on a file weakly: whoever drops one lets its lease run out.
        self._live = weakref.WeakValueDictionary() if storage.shared else {}
        self._keeper = None
        self._busy = False
        self._catch = ()
        self._stopping = False
        self._constraints_func = getattr(sampler, "constraints_func", None)
        self._reopen(handle)

    # ---- handles ----

    def _adopt(self, handle):
        """Goes on with another handle."""
        summary = handle.summary()
        self._h = handle
        self._look_handle = None
        self._read_all = False
        self._generation = self._storage._generation
        self._open = bool(summary["open_space"])
        self._directions = [StudyDirection(2 if up else 1) for _, up in summary["objectives"]]
        self._outcomes = dict(summary["outcomes"])
        attrs = json.loads(summary["attributes"] or "{}")
        self._queue_only = bool(attrs.get(GRID))
        blocks = self._storage.shared or summary["sampler"].split(":")[0] not in BLIND
        lease = 0.0 if self._storage.shared else math.inf
        handle.settings(_worker() if self._storage.shared else None, lease, blocks, self._open, self._constraints_func is not None)
        handle.stop = self._stopping
        self._lease = summary["lease"]
        self._layouts[id(handle)] = (handle, Layout(handle))

    def _reopen(self, handle=None):
        """Goes on with a handle of the space as it is now; it may grow again while that is opened."""
        while True:
            try:
                return self._adopt(handle or _core.Study.open(self._storage.core(), self._name))
            except OutdatedError:
                handle = None

    def _fresh(self):
        """After a fork handles on a file are the parent's."""
        self._storage.core()
        if self._generation != self._storage._generation:
            if self._storage.shared:
                for handle, _ in self._layouts.values():
                    handle.forget()
                for trial in list(self._live.values()):
                    trial._forget()
                if self._look_handle is not None:
                    self._look_handle.forget()
                self._layouts.clear()
                self._lock = threading.RLock()
                self._live = weakref.WeakValueDictionary()
                self._keeper = None
                self._reopen()
            self._generation = self._storage._generation

    def _layout_of(self, handle):
        return self._layouts[id(handle)][1]

    @property
    def _layout(self):
        return self._layouts[id(self._h)][1]

    @property
    def _look(self):
        self._fresh()
        while self._look_handle is None:
            try:
                look = _core.Study.open(self._storage.core(), self._name)
            except OutdatedError:
                continue
            if self._open and look.space() != self._h.space():
                with self._lock:
                    self._reopen()  # somebody else has let the space grow
            else:
                self._look_handle = look
        return self._look_handle

    def _summary(self):
        """The counters as of now; notices when another process has let the space grow."""
        while True:
            try:
                return self._look.summary()
            except OutdatedError:
                with self._lock:
                    self._reopen()

    def _do(self, method, *args):
        """A call that changes the study, on the newest handle."""
        self._fresh()
        while True:
            try:
                return getattr(self._h, method)(*args)
            except OutdatedError:
                with self._lock:
                    self._reopen()

    # ---- what it is ----

    @property
    def study_name(self):
        """Name of the study in its storage."""
        return self._name

    @property
    def storage(self):
        """Where it is kept."""
        return self._storage

    @property
    def direction(self):
        """Direction of the objective; RuntimeError with several."""
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives: use `directions`")
        return self._directions[0]

    @property
    def directions(self):
        return list(self._directions)

    @property
    def seed(self):
        """Seed of the study's sampler."""
        return self._summary()["seed"]

    @property
    def space(self):
        """The declared space, or what was learned of it so far."""
        self._summary()
        return Space._of_json(self._h.space()) if self._layout.columns else None

    @property
    def sampler(self):
        """The sampler object given by the caller, or the text of the stored one."""
        return self._sampler_object if self._sampler_object is not None else self._summary()["sampler"]

    @sampler.setter
    def sampler(self, sampler):
        self._sampler_object = sampler if isinstance(sampler, samplers.BaseSampler) else None
        self._constraints_func = getattr(sampler, "constraints_func", None)
        self._do("set_text", "sampler", samplers.spec_of(sampler))
        self._reopen()

    @property
    def pruner(self):
        return self._custom_pruner if self._custom_pruner is not None else self._summary()["scheduler"]

    @pruner.setter
    def pruner(self, pruner):
        _, custom = pruners.spec_of(pruner)
        if custom is None:
            raise HpoError("the scheduler of a study is chosen when it is created: create_study(pruner=...)")
        self._custom_pruner = custom

    @property
    def status(self):
        """'active', 'paused' or 'stopped (why)'."""
        s = self._summary()
        return ("active", "paused", f"stopped ({s['stop_reason']})")[s["status"]]

    @property
    def metric_names(self):
        """Names given by set_metric_names, or None."""
        return self._attrs().get(METRIC_NAMES)

    def set_metric_names(self, metric_names):
        """Names of the objectives, for tables."""
        names = list(metric_names)
        if len(names) != len(self._directions):
            raise ValueError(f"{len(names)} names were given for {len(self._directions)} objectives")
        self._do("set_attr", -1, METRIC_NAMES, json.dumps(names))

    def _attrs(self):
        return json.loads(self._summary()["attributes"] or "{}")

    @property
    def user_attrs(self):
        """Values attached with set_user_attr."""
        attrs = {k: v for k, v in self._attrs().items() if not k.startswith(SYSTEM)}
        attrs.update(self._objects.get(-1, {}))
        return attrs

    @property
    def system_attrs(self):
        n = len(SYSTEM) + 7
        return {k[n:]: v for k, v in self._attrs().items() if k.startswith(SYSTEM + "system:")}

    def set_user_attr(self, key, value):
        """Attaches a value of JSON type to the study."""
        self._set_attr(-1, key, value)

    def set_system_attr(self, key, value):
        """Deprecated: use set_user_attr."""
        self._set_attr(-1, SYSTEM + "system:" + key, value)

    def _set_attr(self, number, key, value):
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            if self._storage.shared:
                raise TypeError(
                    f"attribute {key!r} is {type(value).__name__}, which a file cannot keep: use str, numbers, "
                    "lists and dicts"
                ) from None
            self._objects.setdefault(number, {})[key] = value
            return
        self._objects.get(number, {}).pop(key, None)
        self._do("set_attr", number, key, "null" if value is None else text)
        if value is None:
            self._objects.setdefault(number, {})[key] = None

    def _kept(self, number):
        return self._objects.get(number, {})

    # ---- trials ----

    def _rows(self):
        n = self._summary()["n_trials"]
        look, self._read_all = self._look, True
        return look.rows(0, n)

    def _row(self, number):
        """One trial as it is now.  A handle that has read all trials shows them as it read them last."""
        look = self._look
        return look.rows(number, number + 1)[0] if self._read_all else look.row(number)

    def _frozen(self, number):
        if self._storage.shared:
            self._summary()
        return FrozenTrial._of_row(self._row(number), self, self._layout)

    def get_trials(self, deepcopy=True, states=None):
        """The trials, ascending numbers; states: only these."""
        rows, layout = self._rows(), self._layout
        trials = [FrozenTrial._of_row(row, self, layout) for row in rows]
        if states is not None:
            trials = [t for t in trials if t.state in states]
        return trials

    @property
    def trials(self):
        return self.get_trials()

    def __len__(self):
        return self._summary()["n_trials"]

    def _soft(self):
        """Constraints that were measured without being declared."""
        return self._constraints_func is not None or any(CONSTRAINT in (row[7] or "") for row in self._rows())

    @property
    def best_trials(self):
        """The Pareto-optimal feasible trials."""
        if self._soft():
            return _pareto([t for t in self.trials if t.state == TrialState.COMPLETE and t.feasible], self._directions)
        self._summary()
        best = self._look.best()
        self._read_all |= len(self._directions) > 1
        return [self._frozen(number) for number in best]

    @property
    def best_trial(self):
        """The best feasible trial; ValueError when there is none, RuntimeError with several objectives."""
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives: use `best_trials`")
        best = self.best_trials
        if not best:
            raise ValueError("no trial is complete and feasible yet")
        return best[0]

    @property
    def best_value(self):
        return self.best_trial.value

    @property
    def best_params(self):
        return self.best_trial.params

    def recommend(self):
        """Which configuration to use (docs/choosing.md): a dict with `params`, `number`, `text` and more."""
        self._summary()
        found = self._look.recommend()
        self._read_all = True
        found["params"] = self._frozen(found["number"]).params
        return found

    def explain(self, number=-1):
        """How a trial came about, or (-1) what would come next (docs/explain.md): a dict."""
        return json.loads(self._do("explain", number))

    def trials_dataframe(
        self,
        attrs=(
            "number",
            "value",
            "datetime_start",
            "datetime_complete",
            "duration",
            "params",
            "user_attrs",
            "system_attrs",
            "state",
        ),
        multi_index=False,
    ):
        """The trials as a pandas.DataFrame."""
        from .frame import dataframe

        return dataframe(self, attrs, multi_index)

    # ---- ask ----

    def ask(self, fixed_distributions=None):
        """Hands out the next trial.  StudyExhausted: the study is over, or waits for others.

        fixed_distributions: {name: distribution} to be suggested at once, for `trial.params`.
        """
        while True:
            got = self._ask_once()
            if isinstance(got, Trial):
                break
            if got == _core.DONE:
                raise StudyExhausted(f"study '{self._name}' is {self.status}: no further trial")
            if not self._wait_for_others():
                raise StudyExhausted(f"study '{self._name}': nothing to hand out until a running trial has ended")
            time.sleep(0.01)
        for name, distribution in (fixed_distributions or {}).items():
            _suggest(got, name, distribution)
        return got

    def _wait_for_others(self):
        return False

    def _ask_once(self):
        """A Trial, or the core's DONE or WAIT."""
        if self._generation != self._storage._generation or self._storage.shared:
            got = self._do("ask", self, Trial, self._queue_only)
        else:
            got = self._h.ask(self, Trial, self._queue_only)
        if type(got) is Trial:
            self._live[got.number] = got
            if self._storage.shared:
                self._keep(got)
        return got

    def _keep(self, trial):
        """Renews the lease of a trial while it lives in this process."""
        if self._keeper is None:
            self._keeper = _Keeper(self)
        self._keeper.trials.add(trial)

    # ---- what a trial asks for ----

    def _fixed_of(self, trial):
        """Values given by enqueue_trial."""
        if not self._open or trial._draw >= 0:
            return {}
        if "_fixed" not in trial.__dict__:
            attrs = json.loads(self._row(trial.number)[7] or "{}")
            trial.__dict__["_fixed"] = attrs.get(FIXED, {})
        return trial.__dict__["_fixed"]

    def _first_sight(self, trial, name, distribution, given):
        """The value of a parameter that is not as the handle of the trial knows it."""
        handle = trial._h
        layout = self._layout_of(handle)
        x, i = trial._x, layout.at.get(name)
        if not self._open:
            return self._declared(trial, layout, name, i, distribution)
        fixed = self._fixed_of(trial)
        if name in fixed:
            value = _fixed_value(distribution, fixed[name])
            if value is not None:
                return value[0]
            logging.warning(
                f"{name} was enqueued as {fixed[name]!r} for trial {trial.number}, outside of {distribution!r}: ignored"
            )
        known = layout.distribution(name) if i is not None else None
        if known is not None and not layout.is_const(name):
            check_distribution_compatibility(known, distribution)
        if distribution.single():
            return _single(distribution)
        if known is not None and not layout.is_const(name) and trial._draw >= 0 and x[i] == x[i]:
            value = layout.value(i, x)
            if isinstance(distribution, CategoricalDistribution):
                j = index_of(distribution.choices, value)
                if j < 0:
                    texts = labels(distribution.choices)
                    text = layout.doc["params"][name]["values"][int(x[i])]
                    j = texts.index(text) if text in texts else -1
                if labels(distribution.choices) == layout.doc["params"][name]["values"]:
                    handle.set_choices(name, distribution.choices)
                if j >= 0:
                    return distribution.choices[j]
            elif distribution.contains(value):
                return value
        doc = {n: {k: v for k, v in p.items() if k != "when"} for n, p in layout.doc["params"].items()}
        for other, (dist, _) in given.items():
            doc.setdefault(other, dist.domain())
        doc[name] = distribution.domain()
        row = handle.first_draw(document(doc), trial._draw, trial.number)
        return _decode(distribution, row[list(doc).index(name)])

    def _declared(self, trial, layout, name, i, distribution):
        if i is None:
            raise InvalidError(
                f"{name} is not in the declared space ({', '.join(layout.at)}): declare it, or create the study "
                "without a space"
            )
        v = trial._x[layout.columns[i][2]]
        if v != v:
            raise InvalidError(f"{name} is inactive in trial {trial.number}: it exists if {layout.condition(name)}")
        value = layout.value(i, trial._x)
        if not distribution.contains(value):
            raise InvalidError(f"{name} is {value!r} in the declared space, outside of {distribution!r}: make them agree")
        return value

    # ---- learning the space ----

    def _settle(self, trial, complete):
        """Before a trial ends: the study's space takes up what it asked for, and its record what it used."""
        trace = trial._trace()
        with self._lock:
            proposal = trial._x if trial._draw >= 0 else None
            while True:
                handle, row, hidden = self._make_room(trace, complete, trial.number, proposal, trial._h)
                try:
                    handle.set_config(trial.number, trial._token, row)
                    break
                except OutdatedError:
                    self._reopen()
            if hidden:
                self._do("set_attr", trial.number, UNASKED, json.dumps(hidden))

    def _make_room(self, trace, complete, number, proposal, proposed_by):
        """Lets the space grow until it has the trace: (handle, the trace's row, active names that are not in it)."""
        asked, suspects, tries = set(trace), set(), 0
        for _ in range(1000):  # every turn the space grows, here or elsewhere
            handle, layout = self._h, self._layout
            doc, new = _absorb(layout, trace)
            if doc is None:
                x = [math.nan] * len(layout.columns)
                if not complete and proposal is not None and proposed_by is handle:
                    x = list(proposal)
                for name, (_, value) in trace.items():
                    x[layout.at[name]] = _encode(layout.doc["params"][name], value)
                row = handle.settle(number, tuple(x))
                active = {name for i, name in enumerate(layout.at) if row[i] == row[i]}
                if tries >= 3 or (asked <= active and (not complete or asked == active)):
                    return handle, row, sorted(active - asked)
                suspects = asked ^ active if complete else asked - active
                doc = {name: dict(p) for name, p in layout.doc["params"].items()}
            else:
                suspects = new
            before = self._evidence(layout)
            if self._h is not handle:
                continue  # somebody else was quicker
            self._relearn(doc, before, trace, complete, suspects)
            try:
                handle.grow(document(doc))
                tries += 1
            except OutdatedError:
                self._reopen()
                continue
            self._reopen()
            self._hide(before)
        raise HpoError(f"trial {number}: the space does not settle: {sorted(suspects)}")

    def _evidence(self, layout):
        """[(number, values by name, names that do not count, complete)] of the trials that have ended."""
        out = []
        for row in self._rows():
            if row[1] in (COMPLETE, STOPPED, FAILED):
                hidden = json.loads(row[7]).get(UNASKED, ()) if row[7] and UNASKED in row[7] else ()
                values = {n: v for n, v in zip(layout.at, row[2]) if v == v and n not in hidden}
                out.append((row[0], values, hidden, row[1] == COMPLETE))
        return out

    def _hide(self, before):
        """Values that older trials have got by a growth are no part of their parameters."""
        layout, rows = self._layout, self._rows()
        for number, values, hidden, _ in before:
            now = [n for n, v in zip(layout.at, rows[number][2]) if v == v and n not in values]
            if set(now) != set(hidden):
                self._do("set_attr", number, UNASKED, json.dumps(now) if now else "null")

    def _relearn(self, doc, before, trace, complete, suspects):
        """Writes new conditions of the suspects into doc."""
        if not suspects:
            return
        params = []
        for name, p in doc.items():
            kind = {"categorical": learn.LABEL, "const": learn.LABEL, "int": learn.WHOLE}.get(p["type"], learn.FLOAT)
            values = [str(p["value"])] if p["type"] == "const" else p.get("values", ())
            params.append(learn.Param(name, kind, values))
        rows = [(values, values.keys(), whole) for _, values, _, whole in before]
        values = {name: _encode(doc[name], value) for name, (_, value) in trace.items()}
        rows.append((values, values.keys(), complete))
        conditions = {name: p.get("when") for name, p in doc.items()}
        learned = learn.learn(params, conditions, rows, suspects, list(trace))
        for name in suspects:
            doc[name].pop("when", None)
            if learned[name] is not None:
                doc[name]["when"] = learned[name]

    # ---- tell ----

    def tell(self, trial, values=None, state=None, skip_if_finished=False, *, sem=None, cost=0.0, reason=None):
        """Ends a trial (a Trial of ask, or its number) and returns its FrozenTrial.

        values: a number, or one for each objective.  state: COMPLETE (values needed), PRUNED (the last report counts
        unless values are given), FAIL, or WAITING to give it back.  Without both the trial has failed.
        sem: standard errors of the values.  cost: what it has cost, in any unit.
        """
        if state is None and type(values) is float and values == values and type(trial) is Trial and trial._live:
            if len(self._directions) == 1:  # the common case
                self._end(trial, COMPLETE, values, reason, sem, cost)
                return FrozenTrial._later(trial.number, self)
        trial = self._held(trial, skip_if_finished)
        if isinstance(trial, FrozenTrial):
            return trial
        if state is None:
            values, reason = self._check_values(values)
            state = TrialState.FAIL if values is None else TrialState.COMPLETE
            if reason and self._catch == ():
                logging.warning(f"trial {trial.number} failed: {reason}")
        elif state not in TO_CORE:
            raise ValueError(f"state is {state!r}: use COMPLETE, PRUNED, FAIL or WAITING")
        elif state == TrialState.COMPLETE:
            values, why = self._check_values(values)
            if values is None:
                raise ValueError(f"a trial cannot be COMPLETE: {why}")
        elif values is not None and state != TrialState.PRUNED:
            raise ValueError(f"values were given with state {state!r}: leave them out")
        elif values is not None:
            values, why = self._check_values(values)
            if values is None:
                raise ValueError(f"the values of the pruned trial cannot be kept: {why}")
        self._end(trial, TO_CORE[state], values, reason, sem, cost)
        return FrozenTrial._later(trial.number, self)

    def _held(self, trial, skip):
        number = trial.number if isinstance(trial, Trial) else trial
        if not isinstance(number, int):
            raise TypeError(f"{trial!r} is neither a Trial nor its number")
        if not isinstance(trial, Trial):
            trial = self._live.get(number)
        if trial is not None and trial._live:
            return trial
        if number < 0 or number >= len(self):
            raise ValueError(f"study '{self._name}' has no trial {number}")
        frozen = self._frozen(number)
        if frozen.state.is_finished():
            if skip:
                return frozen
            raise UpdateFinishedTrialError(f"trial {number} has ended as {frozen.state.name}: it is told once")
        if frozen.state == TrialState.RUNNING:
            trial = self._do("attach", self, Trial, number, self._row(number)[18])
            return trial
        raise ValueError(f"trial {number} is {frozen.state.name}: ask for it first")

    def _check_values(self, values):
        """(list of floats, None), or (None, why not)."""
        n = len(self._directions)
        if values is None:
            return None, "no value was returned"
        try:
            out = [float(values)]
        except (TypeError, ValueError):
            try:
                out = [float(v) for v in values]
            except (TypeError, ValueError):
                return None, f"the value {values!r} is no number"
        if len(out) != n:
            return None, f"{len(out)} values were returned, the study has {n} objective(s)"
        if any(v != v for v in out):
            return None, f"the value {values!r} is not acceptable: NaN"
        return out, None

    def _end(self, trial, state, values=None, reason=None, sem=None, cost=0.0):
        """The one way in which a trial ends."""
        if state == COMPLETE and self._constraints_func is not None:
            self._measure(trial, values)
        if self._open and not trial._plain and state != WAITING:
            self._settle(trial, state == COMPLETE)
        measured = trial.__dict__.get("_constraints", {})
        outcomes = [measured.get(name, math.nan) for name in self._outcomes] if self._outcomes else None
        if self._storage.shared:
            with self._lock:  # not while its keeper renews it
                trial._tell(state, values, reason, outcomes, sem, cost)
        else:
            trial._tell(state, values, reason, outcomes, sem, cost)
        self._live.pop(trial.number, None)

    def _measure(self, trial, values):
        frozen = FrozenTrial(
            trial.number, TrialState.COMPLETE, values=values, params=trial.params, user_attrs=self._frozen(trial.number).user_attrs
        )
        for i, v in enumerate(self._constraints_func(frozen)):
            trial.set_constraint(f"c{i}", v)

    def _finish(self, trial, result, error):
        """After the objective: ends the trial by what it returned or raised."""
        if error is None:
            if not trial._live:
                return  # told inside the objective
            values, why = self._check_values(result)
            if values is not None and trial._decision == 1:
                self._end(trial, PAUSED)  # the scheduler goes on with it later
                return
            if values is not None:
                self._end(trial, COMPLETE, values)
                logging._level <= logging.INFO and self._say(trial.number, values)
                return
            logging.warning(f"trial {trial.number} failed: {why}")
            self._end(trial, FAILED, None, why)
            return
        if isinstance(error, TrialPruned):
            if trial._live:
                self._end(trial, PAUSED if trial._decision == 1 else STOPPED)
            logging.info(f"trial {trial.number} pruned. {error}")
            return
        if trial._live:
            if isinstance(error, Exception):
                self._end(trial, FAILED, None, _one_line(error))
            else:  # interrupted: nothing was learned, it is handed out again
                self._end(trial, WAITING)
        if isinstance(error, self._catch):
            logging.warning(f"trial {trial.number} failed: {_one_line(error)}")
            return
        raise error

    def _say(self, number, values):
        best = ""
        if len(values) == 1:
            s = self._summary()
            best = f" Best is trial {s['best']} with value: {s['best_value']}."
        shown = f"value: {values[0]}" if len(values) == 1 else f"values: {values}"
        logging.info(f"Trial {number} finished with {shown} and parameters: {self._frozen(number).params}.{best}")

    # ---- optimise ----

    def optimize(
        self,
        func,
        n_trials=None,
        timeout=None,
        n_jobs=1,
        catch=(),
        callbacks=None,
        gc_after_trial=False,
        show_progress_bar=False,
    ):
        """Evaluates func(trial) again and again.

        n_trials, timeout: how many trials, how many seconds; the study's own budget counts too.
        n_jobs: threads (-1: as many as processors); `map` uses processes.
        catch: exceptions that fail a trial and not the loop.
        callbacks: called with (study, FrozenTrial) after each trial.
        """
        if not callable(func):
            raise TypeError(f"the objective is {func!r}: a function of a trial is needed")
        catch = tuple(catch) if isinstance(catch, (tuple, list, set)) else (catch,)
        if self._busy:
            raise RuntimeError("optimize is running in this study already: use n_jobs, or one study a thread")
        self._fresh()
        self._busy, self._catch, self._stopping = True, catch, False
        self._h.stop = False
        deadline = 0.0 if timeout is None else time.monotonic() + timeout
        progress = None
        if show_progress_bar:
            from .notebook import Progress

            progress = Progress(n_trials, timeout)
        try:
            loop = _Loop(self, func, n_trials, deadline, list(callbacks or ()), gc_after_trial, progress)
            n_jobs = os.cpu_count() or 1 if n_jobs == -1 else n_jobs
            if n_jobs == 1:
                loop.run()
            else:
                loop.run_threads(n_jobs)
        finally:
            self._busy, self._catch, self._stopping = False, (), False
            self._h.stop = False
            if progress is not None:
                progress.close()

    def stop(self):
        """Ends optimize after the trials that run now.  (`end` ends the study for everybody.)"""
        if not self._busy:
            raise RuntimeError("stop() is for objectives and callbacks of a running optimize; end() ends the study")
        self._stopping = True
        self._h.stop = True

    def end(self, text=None):
        """Ends the study for every worker; `resume` lets it go on."""
        self._do("end", text)

    def pause(self):
        """No trial is handed out until `resume`."""
        self._do("pause")

    def resume(self):
        self._do("resume")

    def request_stop(self, number):
        """Asks a running trial to end: should_prune() is True at its next report."""
        self._do("request_stop", number)

    def map(self, func, n_trials=None, timeout=None, n_workers=None, catch=()):
        """optimize with processes: they share the study's file, which must be one."""
        from .parallel import map_processes

        return map_processes(self, func, n_trials, timeout, n_workers, catch)

    async def optimize_async(self, func, n_trials=None, timeout=None, concurrency=1, catch=(), callbacks=None):
        """optimize for a coroutine function: `concurrency` trials at a time on the running event loop."""
        from .parallel import optimize_async

        return await optimize_async(self, func, n_trials, timeout, concurrency, catch, callbacks)

    # ---- queue ----

    def enqueue_trial(self, params, user_attrs=None, skip_if_exists=False):
        """Puts a configuration (or part of one) in front of the queue; the number of its trial."""
        if not isinstance(params, dict):
            raise TypeError("params must be a dict of name -> value")
        if skip_if_exists and self._has(params):
            return None
        attrs = dict(user_attrs or {})
        self._summary()
        layout = self._layout
        if self._open:
            attrs[FIXED] = {k: v if _is_json(v) else label(v) for k, v in params.items()}
            params = {k: v for k, v in params.items() if k in layout.at and _fits(layout, k, v)}
        encoded = {to_core(k): _json_value(layout, k, v) for k, v in params.items()}
        return self._do("enqueue", json.dumps(encoded), json.dumps(attrs) if attrs else None)

    def _has(self, params):
        for trial in self.get_trials(states=(TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED)):
            known = trial.params
            if all(k in known and (known[k] == v or (known[k] != known[k] and v != v)) for k, v in params.items()):
                return True
        return False

    def requeue(self, number):
        """Returns a failed, stopped or running trial to the queue."""
        self._do("requeue", number)

    def repeat(self, number):
        """Enqueues the configuration of a trial once more; the number of the repeat."""
        return self._do("repeat", number)

    def add_trial(self, trial):
        """Adds a trial that was made elsewhere (see create_trial); its number."""
        if trial.state == TrialState.WAITING:
            return self.enqueue_trial(trial.params, user_attrs=trial.user_attrs)
        if not trial.state.is_finished():
            raise ValueError(f"a {trial.state.name} trial cannot be added: only finished and waiting ones")
        for name in trial.params:
            if name not in trial.distributions:
                raise ValueError(f"{name} has a value and no distribution: give both")
        if trial.values is not None and len(trial.values) != len(self._directions):
            raise ValueError(f"the trial has {len(trial.values)} values, the study {len(self._directions)} objective(s)")
        attrs = dict(trial.user_attrs)
        attrs.update({SYSTEM + "system:" + k: v for k, v in trial.system_attrs.items() if _is_json(v)})
        outcomes = None
        if self._outcomes:
            outcomes = [trial.constraints.get(name, math.nan) for name in self._outcomes]
        attrs.update({CONSTRAINT + k: v for k, v in trial.constraints.items() if k not in self._outcomes})
        complete = trial.state == TrialState.COMPLETE
        trace = {name: (trial.distributions[name], value) for name, value in trial.params.items()}
        with self._lock:
            number = len(self)
            if not self._open:
                layout = self._layout
                row = self._h.columns(json.dumps({to_core(k): _json_value(layout, k, v) for k, v in trial.params.items()}))
            reports = [
                (float(step), value)
                for step, value in sorted(trial.intermediate_values.items(), key=lambda kv: str(kv[0]))
                if not isinstance(step, tuple)
            ]
            reports.sort(key=lambda r: r[0])
            while True:
                handle = self._h
                if self._open:
                    handle, row, hidden = self._make_room(trace, complete, number, None, None)
                    attrs.pop(UNASKED, None)
                    if hidden:
                        attrs[UNASKED] = hidden
                try:
                    return handle.add(
                        row,
                        TO_CORE[trial.state],
                        trial.values if trial.state != TrialState.FAIL else None,
                        outcomes,
                        trial.std_errs,
                        _ms(trial.datetime_start),
                        _ms(trial.datetime_complete),
                        reports,
                        json.dumps(attrs) if attrs else None,
                        trial.reason,
                        trial.cost if trial.cost == trial.cost else 0.0,
                    )
                except OutdatedError:
                    self._reopen()

    def add_trials(self, trials):
        """add_trial for each of them."""
        for trial in trials:
            self.add_trial(trial)

    # ---- manners ----

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        return False

    def __getstate__(self):
        return {
            "storage": self._storage,
            "name": self._name,
            "pruner": self._custom_pruner,
            "sampler": self._sampler_object,
        }

    def __setstate__(self, state):
        self.__init__(state["storage"], state["name"], pruner=state["pruner"], sampler=state["sampler"])

    def __repr__(self):
        s = self._summary()
        best = f", best {s['best_value']:g}" if s["best"] >= 0 and len(self._directions) == 1 else ""
        return f"<Study {self._name!r}: {s['n_trials']} trials{best}>"

    def _repr_html_(self):
        from .notebook import study_html

        return study_html(self)


# ---- the loop --------------------------------------------------------------------------------------------------


class _Loop:
    def __init__(self, study, func, n_trials, deadline, callbacks, collect, progress):
        self.study, self.func, self.deadline, self.callbacks = study, func, deadline, callbacks
        self.collect, self.progress = collect, progress
        self.left = -1 if n_trials is None else int(n_trials)
        self.tickets = threading.Lock()
        self.error = None

    def run(self):
        """On this thread."""
        plain = not self.callbacks and not self.collect and self.progress is None and logging._level > logging.INFO
        if plain and not self.study._storage.shared and not self.study._queue_only:
            self.run_core(self.left)
        else:
            while self.one():
                pass

    def run_core(self, wanted):
        study, wait = self.study, 0.001
        done = 0
        while wanted < 0 or done < wanted:
            handle = study._h
            n, why = _core.run(study, handle, Trial, self.func, -1 if wanted < 0 else wanted - done, self.deadline)
            done += n
            if why == 4 and study._h is handle:
                study._reopen()
            if why in (0, 1, 3):
                return done
            if why == 2:
                time.sleep(wait)
                wait = min(0.05, wait * 1.5)
        return done

    def take(self):
        with self.tickets:
            if self.left == 0 or self.error is not None:
                return False
            self.left -= self.left > 0
            return True

    def over(self):
        return self.study._stopping or (self.deadline > 0 and time.monotonic() >= self.deadline)

    def one(self):
        """One trial with everything around it; False: there is none."""
        study = self.study
        if self.over() or not self.take():
            return False
        wait = 0.001
        while True:
            trial = study._ask_once()
            if isinstance(trial, Trial):
                break
            if trial == _core.DONE or self.over():
                return False
            time.sleep(wait)
            wait = min(0.05, wait * 1.5)
        number = trial.number
        try:
            try:
                result, error = self.func(trial), None
            except BaseException as e:
                result, error = None, e
            study._finish(trial, result, error)
        finally:
            if self.collect:
                import gc

                gc.collect()
        if self.callbacks:
            frozen = study._frozen(number)
            for callback in self.callbacks:
                callback(study, frozen)
        if self.progress is not None:
            self.progress.step(study)
        return True

    def run_threads(self, n):
        """On n threads; the first exception ends them all and is raised here."""

        def work():
            try:
                while self.one():
                    pass
            except BaseException as e:
                with self.tickets:
                    if self.error is None:
                        self.error = e
                self.study._h.stop = True

        threads = [threading.Thread(target=work, daemon=True) for _ in range(n)]
        for t in threads:
            t.start()
        try:
            for t in threads:
                while t.is_alive():
                    t.join(0.1)  # so that Ctrl-C is noticed
        except BaseException as e:
            with self.tickets:
                self.error = self.error or e
            for t in threads:
                t.join()
        if self.error is not None:
            raise self.error


class _Keeper:
    """Renews leases of trials in this process, so that nobody else takes them for lost."""

    def __init__(self, study):
        self.trials = weakref.WeakSet()
        self.study = weakref.ref(study)
        self.every = max(0.5, study._lease / 4)
        threading.Thread(target=self.run, daemon=True, name="hpo-keeper").start()

    def run(self):
        while True:
            time.sleep(self.every)
            study = self.study()
            if study is None or study._keeper is not self:
                return
            for trial in list(self.trials):
                with study._lock:
                    if not trial._live:
                        self.trials.discard(trial)
                        continue
                    try:
                        trial._renew()
                    except HpoError:
                        self.trials.discard(trial)  # lost, or the file is gone: the tell will say so
            del study


# ---- small helpers ---------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def _host():
    import socket

    return socket.gethostname()


def _worker():
    return f"{_host()}:{os.getpid()}".encode()


def _one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def _ms(moment):
    return 0 if moment is None else int(moment.timestamp() * 1000)


def _is_json(value):
    return value is None or isinstance(value, (str, int, float, bool))


def _suggest(trial, name, distribution):
    """suggest_* for a distribution, by the quick way."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


def _single(distribution):
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else distribution.low


def _decode(distribution, v):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(v)]
    return int(v) if isinstance(distribution, IntDistribution) else v


def _encode(param, value):
    """The column of a value."""
    if param["type"] == "const":
        return 0.0
    if param["type"] == "categorical":
        return float(param["values"].index(label(value))) if label(value) in param["values"] else 0.0
    return float(value)


def _fixed_value(distribution, value):
    """(value,) in the distribution's own type, or None when it is not in it."""
    if isinstance(distribution, CategoricalDistribution):
        i = index_of(distribution.choices, value)
        if i < 0 and isinstance(value, str):
            texts = labels(distribution.choices)
            i = texts.index(value) if value in texts else -1
        return None if i < 0 else (distribution.choices[i],)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not distribution.contains(value):
        return None
    return (int(value) if isinstance(distribution, IntDistribution) else float(value),)


def _fits(layout, name, value):
    distribution = layout.distribution(name)
    return distribution is not None and distribution.contains(value)


def _json_value(layout, name, value):
    """A value for the library's JSON: labels as their texts."""
    if name in layout.choices:
        i = index_of(layout.choices[name], value)
        if i >= 0:
            return layout.doc["params"][name]["values"][i]
        return label(value)
    return value


def _absorb(layout, trace):
    """({name: parameter} with all of the trace, names that are new), or (None, None) when nothing is missing."""
    doc, new, changed = {name: dict(p) for name, p in layout.doc["params"].items()}, set(), False
    for name, (distribution, value) in trace.items():
        if name not in doc:
            doc[name] = _open_domain(distribution)
            new.add(name)
            changed = True
        else:
            changed |= _widen(doc[name], layout.distribution(name), distribution)
    return (doc, new) if changed else (None, None)


def _open_domain(distribution):
    if distribution.single():
        return {"type": "const", "value": label(_single(distribution))}
    return distribution.domain()


def _widen(param, old, new):
    """Makes a parameter of a document wide enough for `new`; True when that changed it."""
    before = dict(param)
    if param["type"] == "const":
        value = unlabel(param["value"])
        if not (new.single() and new.contains(value)):
            param.clear()
            param.update(_with_value(new, value))
        return param != before
    check_distribution_compatibility(old, new)
    if isinstance(new, CategoricalDistribution):
        param["values"] = param["values"] + [text for text in labels(new.choices) if text not in param["values"]]
    elif old != new:
        low, high = min(old.low, new.low), max(old.high, new.high)
        if [low, high] != param["range"]:
            param["range"] = [low, high]
        if param.get("scale") == "log" and low <= 0:
            del param["scale"]
        if old.step != new.step or (low - new.low) % (new.step or 1) or (low - old.low) % (old.step or 1):
            param.pop("step", None)
    return param != before


def _with_value(distribution, value):
    """The domain of a distribution, wide enough for one more value."""
    if isinstance(distribution, CategoricalDistribution):
        first = label(value)
        return {"type": "categorical", "values": [first] + [t for t in labels(distribution.choices) if t != first]}
    low, high = min(distribution.low, value), max(distribution.high, value)
    return type(distribution)(low, high, log=distribution.log and low > 0).domain()


def _pareto(trials, directions):
    def key(t):
        return [v if d == StudyDirection.MINIMIZE else -v for v, d in zip(t.values, directions)]

    if len(directions) == 1:
        return [min(trials, key=lambda t: (key(t), t.number))] if trials else []
    keys = [key(t) for t in trials]
    return [
        t
        for t, k in zip(trials, keys)
        if not any(o != k and all(a <= b for a, b in zip(o, k)) for o in keys)
    ]


# ---- functions ------------------------------------------------------------------------------------------------


def create_study(
    *,
    storage=None,
    sampler=None,
    pruner=None,
    study_name=None,
    direction=None,
    load_if_exists=False,
    directions=None,
    space=None,
    seed=None,
    constraints=None,
    noisy=False,
    trials=0,
    seconds=0.0,
    cost=0.0,
    target=None,
    stagnation=0,
    until=None,
    metadata=None,
    lag=0,
    lease=0.0,
    max_retries=3,
):
    """Makes a study.

    storage        None (memory), a file name, a URL, or a Storage
    sampler        an object of hpo.samplers, or the library's text ("tpe:initial=10"); default: AutoSampler
    pruner         an object of hpo.pruners, or the library's text
    direction(s)   "minimize" (default) or "maximize"; a list for several objectives
    space          a Space, its text, or a dict: declared.  Without it the space is learned from the objective
    seed           of the sampler; default: the sampler's, else a new one every time
    constraints    names of measured constraints, or {name: maximum}: trial.set_constraint(name, value)
    noisy          the same configuration may be worth a second trial
    trials, seconds, cost, target, stagnation
                   the study's budget, exact over all workers
    until          a stopping rule, e.g. "regret or stagnation:trials=50"
    lag            with k workers and lag=k: the same suggestions whatever the order of results (declared spaces)
    """
    if direction is not None and directions is not None:
        raise ValueError("direction and directions exclude each other: give one")
    ways = [_direction(d) for d in (directions if directions is not None else [direction or "minimize"])]
    if not ways:
        raise ValueError("directions is empty: give at least one")
    names = ["value"] if len(ways) == 1 else [f"value_{i}" for i in range(len(ways))]
    outcomes = constraints if isinstance(constraints, dict) else dict.fromkeys(constraints or (), 0.0)
    store = get_storage(storage)
    spec, custom = pruners.spec_of(pruner)
    if isinstance(sampler, type) and issubclass(sampler, samplers.BaseSampler):
        sampler = sampler()
    if seed is None:
        seed = getattr(sampler, "seed", None)
    if seed is None:
        seed = int.from_bytes(os.urandom(6), "little")
    if study_name is None:
        study_name = "no-name-" + os.urandom(8).hex() if store.shared else "default"
    if space is not None and not isinstance(space, Space):
        space = Space(space)
    handle = _core.Study.create(
        store.core(),
        space.json if space is not None else '{"params":{}}',
        [(n, w == StudyDirection.MAXIMIZE) for n, w in zip(names, ways)],
        [(k, float(v)) for k, v in outcomes.items()],
        name=study_name,
        seed=seed % 2**64,
        sampler=samplers.spec_of(sampler),
        scheduler=spec,
        until=until,
        metadata=json.dumps(metadata) if metadata is not None else None,
        open_space=int(space is None),
        reuse=int(load_if_exists),
        noisy=int(noisy),
        trials=trials,
        seconds=seconds,
        cost=cost,
        target=math.nan if target is None else target,
        stagnation=stagnation,
        lag=lag,
        lease=lease,
        max_retries=max_retries,
    )
    study = Study(store, study_name, handle, custom, sampler if isinstance(sampler, samplers.BaseSampler) else None)
    _start_grid(study, sampler)
    logging.info(f"A new study created in {store.url} with name: {study_name}")
    return study


def _start_grid(study, sampler):
    """A grid of given values is the queue of the study."""
    if getattr(sampler, "search_space", None) is None or study._queue_only:
        return
    for point in sampler.points():
        study.enqueue_trial(point)
    study._do("set_attr", -1, GRID, "true")
    study._queue_only = True


def load_study(*, study_name=None, storage, sampler=None, pruner=None):
    """Opens a stored study; study_name None: the only one."""
    store = get_storage(storage)
    if study_name is None:
        names = store.study_names()
        if len(names) != 1:
            raise NotFoundError(f"{store.url} holds {len(names)} studies: name one of {', '.join(names) or '(none)'}")
        study_name = names[0]
    _, custom = pruners.spec_of(pruner)
    study = Study(store, study_name, None, custom)
    if sampler is not None:
        study.sampler = sampler
    return study


def delete_study(*, study_name, storage):
    """Removes a study and all its trials."""
    get_storage(storage).delete_study(study_name)


def get_all_study_names(storage):
    """Names of the studies in a storage."""
    return get_storage(storage).study_names()


class StudySummary:
    """What get_all_study_summaries returns."""

    def __init__(self, study):
        s = study._summary()
        self.study_name, self.directions = study.study_name, study.directions
        self.direction = study.directions[0] if len(study.directions) == 1 else None
        self.n_trials = s["n_trials"]
        best = study.best_trials if len(study.directions) == 1 else []
        self.best_trial = best[0] if best else None
        self.user_attrs, self.system_attrs = study.user_attrs, study.system_attrs
        import datetime

        self.datetime_start = datetime.datetime.fromtimestamp(s["created_ms"] / 1000) if s["n_trials"] else None

    def __repr__(self):
        return f"StudySummary({self.study_name!r}, {self.n_trials} trials)"


def get_all_study_summaries(storage, include_best_trial=True):
    """A StudySummary for each study in a storage."""
    store = get_storage(storage)
    return [StudySummary(Study(store, name)) for name in store.study_names()]


def copy_study(*, from_study_name, from_storage, to_storage, to_study_name=None):
    """Copies a study with its trials and attributes into another storage."""
    old = load_study(study_name=from_study_name, storage=from_storage)
    s = old._summary()
    new = create_study(
        study_name=to_study_name or from_study_name,
        storage=to_storage,
        sampler=s["sampler"],
        directions=old.directions,
        space=None if old._open else old.space,
        seed=s["seed"],
        constraints=old._outcomes,
        noisy=bool(s["noisy"]),
    )
    for key, value in old.user_attrs.items():
        new.set_user_attr(key, value)
    new.add_trials(t for t in old.trials if t.state != TrialState.RUNNING)
    return new


class MaxTrialsCallback:
    """A callback that stops optimize when the study has n_trials in one of the states."""

    def __init__(self, n_trials, states=(TrialState.COMPLETE,)):
        self.n_trials, self.states = n_trials, states

    def __call__(self, study, trial):
        if self.states is None:
            n = len(study)
        else:
            counts = study._summary()["counts"]
            n = sum(counts[TO_CORE[s]] for s in self.states if s in TO_CORE)
        if n >= self.n_trials:
            study.stop()
