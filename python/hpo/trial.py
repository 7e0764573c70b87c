# SPDX-License-Identifier: Apache-2.0
"""Trials: one in hand (Trial), one as recorded (FrozenTrial), one with given values (FixedTrial)."""

import enum
import math
import warnings

from . import _core
from .distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    index_of,
)
from .exceptions import NotFoundError
from .later import json


class TrialState(enum.IntEnum):
    """Where a trial stands."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4
    PAUSED = 5

    def is_finished(self):
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

    def __repr__(self):
        return f"TrialState.{self.name}"


# states of the library -> TrialState
_OF_CORE = [
    {
        "waiting": TrialState.WAITING,
        "running": TrialState.RUNNING,
        "paused": TrialState.PAUSED,
        "complete": TrialState.COMPLETE,
        "stopped": TrialState.PRUNED,
        "failed": TrialState.FAIL,
        "infeasible": TrialState.FAIL,
    }[word]
    for word in _core.states
]
CORE_STATE = {word: i for i, word in enumerate(_core.states)}
TO_CORE = {
    TrialState.COMPLETE: CORE_STATE["complete"],
    TrialState.PRUNED: CORE_STATE["stopped"],
    TrialState.FAIL: CORE_STATE["failed"],
    TrialState.PAUSED: CORE_STATE["paused"],
    TrialState.WAITING: CORE_STATE["waiting"],
}

CONSTRAINT = "hpo:constraint:"  # attributes of trials that are not the user's
FIXED = "hpo:fixed"
UNASKED = "hpo:unasked"
SYSTEM = "hpo:"


class _Suggest:
    """suggest_* of all kinds of trials, on top of _suggest_dist(name, distribution)."""

    def suggest_float(self, name, low, high, *, step=None, log=False):
        return self._suggest_dist(name, FloatDistribution(low, high, log=log, step=step))

    def suggest_int(self, name, low, high, step=1, log=False):
        return self._suggest_dist(name, IntDistribution(low, high, log=log, step=step))

    def suggest_categorical(self, name, choices):
        return self._suggest_dist(name, CategoricalDistribution(choices))

    def suggest_uniform(self, name, low, high):
        """Deprecated: suggest_float(name, low, high)."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name, low, high):
        """Deprecated: suggest_float(name, low, high, log=True)."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name, low, high, q):
        """Deprecated: suggest_float(name, low, high, step=q)."""
        return self.suggest_float(name, low, high, step=q)


class Trial(_core.Trial):
    """A trial in hand: give it to the objective, then tell its result.

    Made by Study.ask and Study.optimize.  `trial["lr"]` reads a parameter of a declared space.
    """

    suggest_uniform = _Suggest.suggest_uniform
    suggest_loguniform = _Suggest.suggest_loguniform
    suggest_discrete_uniform = _Suggest.suggest_discrete_uniform

    # -- parameters that the study does not know in this form --

    def _suggest(self, name, kind, a, b, step, log):
        """Called by suggest_* of the core for whatever is not as proposed."""
        try:
            if kind == "categorical":
                distribution = CategoricalDistribution(a)
            else:
                distribution = (FloatDistribution if kind == "float" else IntDistribution)(a, b, log=log, step=step)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
        return self._suggest_dist(name, distribution)

    def _odd(self):
        """{name: (distribution, value)} of what was not as proposed, in the order of asking."""
        if "_given" not in self.__dict__:
            self.__dict__["_given"] = {}
        return self.__dict__["_given"]

    def _suggest_dist(self, name, distribution):
        given = self._odd()
        if name in given:
            old, value = given[name]
            check_distribution_compatibility(old, distribution)
            if distribution.contains(value):
                return value
            warnings.warn(f"{name} was {value!r} in this trial and keeps its value: ask for a parameter once")
            return value
        if not self._live:
            params = self.study._frozen(self.number).params
            if name in params:
                return params[name]
            raise RuntimeError(f"trial {self.number} has ended: {name} was not suggested in it")
        value = self.study._first_sight(self, name, distribution, given)
        given[name] = (distribution, value)
        return value

    def _trace(self):
        """{name: (distribution, value)} of all that was asked for."""
        layout, out = self.study._layout_of(self._h), {}
        x = self._x
        if x is not None:
            for name in self._asked:
                i = layout.at[name]
                out[name] = (layout.distribution(name), layout.value(i, x))
        out.update(self.__dict__.get("_given", {}))
        return out

    # -- reports --

    def report(self, value, step, fold=None, metrics=None):
        """Records an intermediate value (a sequence with several objectives) at `step`, an increasing resource.

        A later report of the same step replaces nothing: Optuna ignores it, here it is ignored too.
        """
        step = float(step)
        if step != step or step < 0:
            raise ValueError(f"step is {step}: must be 0 or more")
        steps = self.__dict__.setdefault("_steps", {})
        key = (step, fold)
        if key in steps:
            warnings.warn(f"step {step:g} of trial {self.number} was reported before: the first value stands")
            return
        steps[key] = None
        try:
            steps[key] = float(value)
        except (TypeError, ValueError):
            try:
                steps[key] = tuple(float(v) for v in value)
            except (TypeError, ValueError):
                del steps[key]
                raise TypeError(f"the reported value is {value!r}: a number is needed") from None
        self._report(step, steps[key], -1 if fold is None else fold, json.dumps(metrics) if metrics else None)

    def should_prune(self):
        """True when the pruner, or somebody outside (Study.request_stop), wants the trial to end."""
        pruner = self.study._custom_pruner
        if pruner is not None and self.__dict__.get("_steps"):
            now = self.study._as_now(self)
            return bool(now._row[19] or pruner.prune(self.study, now))  # 19: somebody outside wants it to end
        return self._decision != 0

    # -- attributes --

    def set_user_attr(self, key, value):
        """Attaches a value of JSON type to the trial (of any type, while the study lives in memory)."""
        self.study._set_attr(self.number, key, value)

    def set_system_attr(self, key, value):
        """Deprecated: use set_user_attr."""
        self.study._set_attr(self.number, SYSTEM + "system:" + key, value)

    def set_constraint(self, key, value):
        """Records a measured constraint: the trial is feasible iff value <= 0 (or <= its declared maximum)."""
        value = float(value)
        self.__dict__.setdefault("_constraints", {})[key] = value
        if key not in self.study._outcomes:
            self.study._set_attr(self.number, CONSTRAINT + key, value)

    @property
    def params(self):
        """{name: value} so far."""
        if not self._live:
            return self.study._frozen(self.number).params
        if self.study._open:
            return {name: value for name, (_, value) in self._trace().items()}
        layout = self.study._layout_of(self._h)
        return layout.params(self._x)

    @property
    def distributions(self):
        """{name: distribution} so far."""
        if not self._live:
            return self.study._frozen(self.number).distributions
        return {name: dist for name, (dist, _) in self._trace().items()}

    @property
    def user_attrs(self):
        return self.study._frozen(self.number).user_attrs

    @property
    def system_attrs(self):
        return self.study._frozen(self.number).system_attrs

    @property
    def datetime_start(self):
        return self.study._frozen(self.number).datetime_start

    @property
    def relative_params(self):
        """What the sampler proposed, known parameters only; what one written in Python chose at once."""
        if "_relative" in self.__dict__:
            return dict(self.__dict__["_relative"][1])
        return self.study._layout_of(self._h).params(self._x) if self._live else {}

    @property
    def _trial_id(self):
        return self.number

    def __getitem__(self, name):
        params = self.params
        if name not in params:
            raise NotFoundError(f"trial {self.number} has no parameter {name!r}: it has {', '.join(params) or 'none'}")
        return params[name]

    def __repr__(self):
        return f"<Trial {self.number} {self.params}>"

    # -- as a context: tells what happened --

    def tell(self, values=None, state=None):
        """Ends the trial: study.tell(trial, values, state)."""
        return self.study.tell(self, values, state)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self._live and kind is not None:
            pruned = issubclass(kind, _pruned())
            self.study.tell(self, state=TrialState.PRUNED if pruned else TrialState.FAIL)
            return pruned
        return False


def _pruned():
    from .exceptions import TrialPruned

    return TrialPruned


def _now():
    from datetime import datetime  # imported late: a study needs none

    return datetime.now()


def _time(ms):
    if ms <= 0:
        return None
    from datetime import datetime

    return datetime.fromtimestamp(ms / 1000)


class FrozenTrial(_Suggest):
    """A trial as recorded.  Made by Study.trials and create_trial; changing it changes nothing in the study."""

    def __init__(
        self,
        number,
        state,
        value=None,
        datetime_start=None,
        datetime_complete=None,
        params=None,
        distributions=None,
        user_attrs=None,
        system_attrs=None,
        intermediate_values=None,
        trial_id=None,
        *,
        values=None,
        constraints=None,
    ):
        if value is not None and values is not None:
            raise ValueError("value and values exclude each other: give one")
        self.number = number
        self.state = state
        self.values = [value] if value is not None else list(values) if values is not None else None
        self.datetime_start, self.datetime_complete = datetime_start, datetime_complete
        self.params = params or {}
        self.distributions = distributions or {}
        self.user_attrs = user_attrs or {}
        self.system_attrs = system_attrs or {}
        self.intermediate_values = intermediate_values or {}
        self.constraints = constraints or {}
        self._trial_id = number if trial_id is None else trial_id
        self.cost = math.nan
        self.reason = self.worker = self.std_errs = None

    # -- what is computed when it is looked at (rows of a study) --

    @classmethod
    def _of_row(cls, row, study, layout):
        self = cls.__new__(cls)
        d = self.__dict__
        d["_row"], d["_study"], d["_layout"] = row, study, layout
        d["number"] = d["_trial_id"] = row[0]
        d["state"] = _OF_CORE[row[1]]
        v = row[3]
        d["values"] = None if v is None or v[0] != v[0] else list(v)
        d["cost"], d["reason"], d["worker"] = row[14], row[8], row[9]
        d["std_errs"] = row[13]
        return self

    @classmethod
    def _later(cls, number, study):
        """Of a trial that has ended: it is read when somebody looks at it."""
        self = cls.__new__(cls)
        d = self.__dict__
        d["_study"], d["number"], d["_trial_id"] = study, number, number
        return self

    def __getattr__(self, name):
        if "_row" not in self.__dict__ and "_study" in self.__dict__:
            self.__dict__.update(self._study._frozen(self.number).__dict__)
            if name in self.__dict__:
                return self.__dict__[name]
        make = _LAZY.get(name)
        if make is None or "_row" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = self.__dict__[name] = make(self)
        return value

    def _make_attrs(self):
        text = self._row[7]
        attrs = json.loads(text) if text else {}
        attrs.update(self._study._kept(self.number))
        return attrs

    def _make_params(self):
        attrs = self._attrs
        return self._layout.params(self._row[2], attrs.get(UNASKED, ())) if self._visible(attrs) else self._fixed(attrs)

    def _visible(self, attrs):
        waiting = self.state in (TrialState.WAITING, TrialState.RUNNING)
        return not (waiting and FIXED in attrs)

    def _fixed(self, attrs):
        return dict(attrs[FIXED])

    def _make_distributions(self):
        layout = self._layout
        return {name: d for name in self.params if name in layout.at and (d := layout.distribution(name)) is not None}

    def _make_intermediate(self):
        n = self._row[10]
        if n == 0:
            return {}
        out = {}
        for step, values, fold, _ in self._study._look.reports(self.number, n):
            key = int(step) if step == int(step) else step
            out.setdefault(key if fold < 0 else (key, fold), values[0] if len(values) == 1 else list(values))
        return out

    def _make_constraints(self):
        names = list(self._study._outcomes)
        measured = self._row[12]
        out = {name: v for name, v in zip(names, measured or ()) if v == v}
        n = len(CONSTRAINT)
        out.update({k[n:]: v for k, v in self._attrs.items() if k.startswith(CONSTRAINT)})
        return out

    # -- the rest --

    @property
    def value(self):
        """The objective's value; RuntimeError with several objectives."""
        if self.values is None:
            return None
        if len(self.values) > 1:
            raise RuntimeError("this trial has several objectives: use `values`")
        return self.values[0]

    @value.setter
    def value(self, v):
        self.values = None if v is None else [v]

    @property
    def duration(self):
        """datetime_complete - datetime_start, or None."""
        if self.datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self.datetime_start

    @property
    def last_step(self):
        """The highest step reported, or None."""
        return max(self.intermediate_values, default=None)

    @property
    def feasible(self):
        """True when every measured constraint holds."""
        limits = self._study._outcomes if "_study" in self.__dict__ else {}
        return all(v <= limits.get(k, 0) for k, v in self.constraints.items())

    def _suggest_dist(self, name, distribution):
        if name not in self.params:
            raise ValueError(f"trial {self.number} has no parameter {name!r}: it has {', '.join(self.params) or 'none'}")
        value = self.params[name]
        if not distribution.contains(value):
            warnings.warn(f"{name} is {value!r} in trial {self.number}, outside of {distribution!r}")
        self.__dict__["distributions"] = {**self.distributions, name: distribution}
        return value

    def report(self, value, step):
        """Does nothing: the trial has ended."""

    def should_prune(self):
        return False

    def set_user_attr(self, key, value):
        """Changes this object only."""
        self.user_attrs[key] = value

    def set_system_attr(self, key, value):
        self.system_attrs[key] = value

    def set_constraint(self, key, value):
        self.constraints[key] = float(value)

    def _key(self):
        return tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other):
        return isinstance(other, FrozenTrial) and self._key() == other._key()

    def __lt__(self, other):
        return self.number < other.number

    def __hash__(self):
        return hash((self.number, self.state))

    def __repr__(self):
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in _FIELDS)
        return f"FrozenTrial({inside})"

    def _repr_html_(self):
        from .notebook import trial_html

        return trial_html(self)

    def __getstate__(self):
        state = {name: getattr(self, name) for name in _FIELDS}
        state.update(_trial_id=self._trial_id, cost=self.cost, reason=self.reason, worker=self.worker, std_errs=self.std_errs)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __copy__(self):
        new = FrozenTrial.__new__(FrozenTrial)
        new.__setstate__(self.__getstate__())
        return new


_FIELDS = (
    "number",
    "state",
    "values",
    "datetime_start",
    "datetime_complete",
    "params",
    "distributions",
    "user_attrs",
    "system_attrs",
    "intermediate_values",
    "constraints",
)

_LAZY = {
    "_attrs": FrozenTrial._make_attrs,
    "params": FrozenTrial._make_params,
    "distributions": FrozenTrial._make_distributions,
    "user_attrs": lambda t: {k: v for k, v in t._attrs.items() if not k.startswith(SYSTEM)},
    "system_attrs": lambda t: {
        k[len(SYSTEM) + 7 :]: v for k, v in t._attrs.items() if k.startswith(SYSTEM + "system:")
    },
    "intermediate_values": FrozenTrial._make_intermediate,
    "constraints": FrozenTrial._make_constraints,
    "datetime_start": lambda t: _time(t._row[5]),
    "datetime_complete": lambda t: _time(t._row[6]),
}


class FixedTrial(_Suggest):
    """A trial with given values, to call an objective with: objective(FixedTrial({"x": 1.0}))."""

    def __init__(self, params, number=0):
        self._values = dict(params)
        self.number = number
        self.params, self.distributions = {}, {}
        self.user_attrs, self.system_attrs, self.constraints = {}, {}, {}
        self.datetime_start = _now()

    def _suggest_dist(self, name, distribution):
        if name not in self._values:
            raise ValueError(f"no value was given for {name!r}: FixedTrial has {', '.join(self._values) or 'none'}")
        value = self._values[name]
        if not distribution.contains(value):
            warnings.warn(f"{name} is {value!r}, outside of {distribution!r}")
        if isinstance(distribution, CategoricalDistribution) and (i := index_of(distribution.choices, value)) >= 0:
            value = distribution.choices[i]
        self.params[name] = value
        self.distributions[name] = distribution
        return value

    def report(self, value, step):
        """Does nothing."""

    def should_prune(self):
        return False

    def set_user_attr(self, key, value):
        self.user_attrs[key] = value

    def set_system_attr(self, key, value):
        self.system_attrs[key] = value

    def set_constraint(self, key, value):
        self.constraints[key] = float(value)


BaseTrial = Trial


def create_trial(
    *,
    state=TrialState.COMPLETE,
    value=None,
    values=None,
    params=None,
    distributions=None,
    user_attrs=None,
    system_attrs=None,
    intermediate_values=None,
    constraints=None,
):
    """A FrozenTrial to be added to a study with Study.add_trial."""
    params, distributions = dict(params or {}), dict(distributions or {})
    if set(params) != set(distributions):
        odd = sorted(set(params) ^ set(distributions))
        raise ValueError(f"params and distributions differ in {', '.join(odd)}: give both for each parameter")
    for name, value_ in params.items():
        if not distributions[name].contains(value_):
            raise ValueError(f"{name} is {value_!r}, outside of {distributions[name]!r}")
    if state == TrialState.COMPLETE and value is None and values is None:
        raise ValueError("a complete trial has a value: give value or values")
    now = _now()
    return FrozenTrial(
        number=-1,
        state=state,
        value=value,
        values=values,
        datetime_start=None if state == TrialState.WAITING else now,
        datetime_complete=now if state.is_finished() else None,
        params=params,
        distributions=distributions,
        user_attrs=dict(user_attrs or {}),
        system_attrs=dict(system_attrs or {}),
        intermediate_values=dict(intermediate_values or {}),
        constraints=dict(constraints or {}),
    )
