# SPDX-License-Identifier: Apache-2.0
"""HpoSampler: the library's samplers in an Optuna study.

The sampler keeps a study of its own in memory, the *mirror*, whose space is learned as the objective asks
(docs/python.md).  An Optuna trial that wants its first value is one trial of the mirror, proposed as a whole, for every
branch; suggest_* hands its values out.  Before each proposal the mirror takes up what has happened in the Optuna study
since the last one: trials that have ended, here or in another process, with their states, values, constraints and, if
they were pruned, their reports; trials that other processes run now are pending points.  Only trials that were still
open then and new ones are looked at, so a suggestion costs what it costs in the library, and a walk over a list.

Optuna trial n gets a draw of the sampler that is at least n: processes that share a study and a seed do not propose
the same points, and a study that is taken up again goes on in the sequence.
"""

import math
import os
import threading
import weakref

import optuna
from optuna.trial import TrialState

import hpo
from hpo import distributions, samplers
from hpo.exceptions import HpoError, InvalidError, UnsupportedError
from hpo.study.values import encode, fits

CONSTRAINTS = "constraints"  # system attributes of Optuna: a list, or from version 5 on one "constraints:NAME" each
STATES = {
    TrialState.COMPLETE: hpo.TrialState.COMPLETE,
    TrialState.PRUNED: hpo.TrialState.PRUNED,
    TrialState.FAIL: hpo.TrialState.FAIL,
}


def our_distribution(one):
    """A distribution of Optuna as one of this package."""
    if isinstance(one, optuna.distributions.CategoricalDistribution):
        return distributions.CategoricalDistribution(one.choices)
    if isinstance(one, optuna.distributions.IntDistribution):
        return distributions.IntDistribution(one.low, one.high, log=one.log, step=one.step)
    if isinstance(one, optuna.distributions.FloatDistribution):
        return distributions.FloatDistribution(one.low, one.high, log=one.log, step=one.step)
    raise InvalidError(f"{one!r} is no distribution of Optuna 3 or later: use Float-, Int- or CategoricalDistribution")


def fitting_distribution(one, value):
    """The same, wide enough for a value that was fixed by hand: Optuna lets those lie outside."""
    ours = our_distribution(one)
    if ours.contains(value) or isinstance(ours, distributions.CategoricalDistribution):
        return ours
    low, high = min(ours.low, value), max(ours.high, value)
    return type(ours)(low, high, log=ours.log and low > 0)


def constraints_of(system_attrs):
    """{name: value} of the measured constraints of an Optuna trial; feasible where value <= 0."""
    out = {}
    for key, value in system_attrs.items():
        if key == CONSTRAINTS and value is not None:
            out.update((f"c{i}", float(v)) for i, v in enumerate(value))
        elif key.startswith(CONSTRAINTS + ":") and value is not None:
            out[key[len(CONSTRAINTS) + 1 :]] = float(value)
    return out


class HpoSampler(optuna.samplers.BaseSampler):
    """A sampler of the library for optuna.create_study(sampler=...).

    sampler           name ("auto", "tpe", "gp", "random", "sobol" ...), text ("tpe:initial=20") or an object of
                      hpo.samplers; `hpo samplers` lists them with their options
    seed              of the sampler; None: a new one
    constraints_func  as in Optuna: called with each finished FrozenTrial, returns numbers that are feasible at <= 0
    noisy             True: the same configuration may be worth a second trial
    n_trials          how many trials are planned, for samplers that divide a budget (auto, lhs); more may come
    options           of the sampler by name: HpoSampler("tpe", initial=20)

    Samplers that cannot do what the study needs (several objectives, constraints) say so at the first suggestion.
    """

    def __init__(self, sampler="auto", *, seed=None, constraints_func=None, noisy=False, n_trials=None, **options):
        if options:
            if not isinstance(sampler, str) or ":" in sampler:
                raise TypeError(f"options {', '.join(options)} go with the name of a sampler, not with {sampler!r}")
            sampler = samplers._spec(sampler, options)
        self.spec = samplers.spec_of(sampler)
        if self.spec.split(":")[0] == "grid":
            raise UnsupportedError("a grid needs a declared space, which Optuna does not have: use optuna.samplers.GridSampler")
        if seed is None:
            seed = getattr(sampler, "seed", None)
        self.seed = int.from_bytes(os.urandom(6), "little") if seed is None else seed
        self._constraints_func = constraints_func
        self._noisy, self._planned = noisy, n_trials
        self._start()
        hpo.create_study(sampler=self.spec, seed=0, trials=n_trials or 0)  # an unknown name or option is an error now

    def _start(self):
        self._lock = threading.Lock()
        self._mirrors = weakref.WeakKeyDictionary()  # storage -> {study id: mirror}

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["_lock"], state["_mirrors"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._start()

    def __repr__(self):
        return f"HpoSampler({self.spec!r}, seed={self.seed})"

    __str__ = __repr__

    def _mirror(self, study):
        with self._lock:
            of_storage = self._mirrors.setdefault(study._storage, {})
            mirror = of_storage.get(study._study_id)
            if mirror is None:
                mirror = of_storage[study._study_id] = _Mirror(self, study)
            return mirror

    # ---- what Optuna calls ----

    def reseed_rng(self):
        """Does nothing: draws are numbered by the trials of the study."""

    def infer_relative_search_space(self, study, trial):
        """Empty: the mirror knows the space, conditions included, and is asked by sample_independent."""
        return {}

    def sample_relative(self, study, trial, search_space):
        """Empty; notes that the trial runs in this process."""
        mirror = self._mirror(study)
        with mirror.lock:
            mirror.mine.add(trial.number)
        return {}

    def sample_independent(self, study, trial, param_name, param_distribution):
        """The value of one parameter, from the configuration that the trial has got as a whole."""
        mirror = self._mirror(study)
        with mirror.lock:
            return mirror.suggest(study, trial.number, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        """Measures the constraints and stores them as Optuna's samplers do."""
        if self._constraints_func is None or state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        measured = None
        try:
            measured = tuple(float(v) for v in self._constraints_func(trial))
            if any(math.isnan(v) for v in measured):
                measured = None
                raise ValueError(f"constraints_func gave NaN for trial {trial.number}: return numbers, feasible at <= 0")
        finally:
            study._storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS, measured)

    def in_step(self, study):
        """The mirror of a study as a hpo.Study, brought in step: for recommend(), explain(), space ..."""
        mirror = self._mirror(study)
        with mirror.lock:
            mirror.follow(study)
            return mirror.study


class _Held:
    """A trial of the mirror for an Optuna trial that has not ended."""

    __slots__ = ("trial", "given", "foreign")

    def __init__(self, trial, foreign):
        self.trial = trial
        self.given = {}  # what suggest has handed out
        self.foreign = foreign  # number of parameters seen, for a trial of another process; else -1


class _Mirror:
    """The study in memory that follows one Optuna study."""

    def __init__(self, sampler, study):
        self.lock = threading.RLock()
        self.sampler = sampler
        self.directions = [
            "maximize" if d == optuna.study.StudyDirection.MAXIMIZE else "minimize"
            for d in study._storage.get_study_directions(study._study_id)
        ]
        self.mine = set()  # numbers of open trials that run in this process
        self.constraints = []
        self.begin()

    def begin(self):
        """An empty study.  Also when a constraint is met for the first time: what there is is read again."""
        s = self.sampler
        self.planned = s._planned
        self.study = hpo.create_study(
            sampler=s.spec,
            pruner="none",
            seed=s.seed,
            directions=self.directions,
            constraints=self.constraints,
            noisy=s._noisy,
            trials=s._planned or 0,
        )
        self.seen = 0  # Optuna's trials below are known
        self.open = {}  # number -> _Held, or None: nothing was asked for yet

    # ---- following ----

    def follow(self, study, asker=-1):
        """Takes up what has happened since the last call."""
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        while not self.follow_list(trials, asker):
            self.begin()

    def follow_list(self, trials, asker):
        """False: a constraint was met that the study does not have."""
        fresh = range(self.seen, len(trials))
        for number in [*sorted(self.open), *fresh]:
            trial = trials[number]
            if trial.state.is_finished():
                measured = constraints_of(trial.system_attrs)
                new = [name for name in measured if name not in self.constraints]
                if new:
                    self.constraints += new
                    return False
                self.finish(number, trial, measured)
            elif number >= self.seen:
                self.open[number] = None
        self.seen = len(trials)
        for number, held in self.open.items():
            if number != asker and number not in self.mine and trials[number].params:
                self.pend(number, held, trials[number])
        return True

    def room(self):
        """More trials than were planned are welcome."""
        if self.planned is not None and len(self.study) >= self.planned:
            self.study._do("set_budget", 0, 0.0, 0.0, math.nan, 0)
            self.planned = None

    def finish(self, number, trial, measured):
        held = self.open.pop(number, None)
        self.mine.discard(number)
        state = STATES[trial.state]
        values = trial.values if state != hpo.TrialState.FAIL else None
        reports = {}
        if state == hpo.TrialState.PRUNED and len(self.directions) == 1:
            reports = {s: v for s, v in sorted(trial.intermediate_values.items()) if v == v}
        if held is None:
            self.room()
            self.study.add_trial(
                hpo.create_trial(
                    state=state,
                    values=values,
                    params=trial.params,
                    distributions={n: fitting_distribution(d, trial.params[n]) for n, d in trial.distributions.items()},
                    intermediate_values=reports,
                    constraints=measured,
                )
            )
            return
        ours = held.trial
        for name, value in trial.params.items():
            if name not in held.given:
                self.use(ours, name, trial.distributions[name], value)
        for step, value in reports.items():
            ours.report(value, step)
        for name, value in measured.items():
            ours.set_constraint(name, value)
        self.study.tell(ours, values, state)

    def use(self, ours, name, distribution, value):
        """A parameter whose value was not handed out here: enqueued, fixed, or the only one."""
        if distribution.single():
            suggest(ours, name, distribution)
            return
        ours._odd()[name] = (fitting_distribution(distribution, value), value)
        ours._plain = False

    def pend(self, number, held, trial):
        """A trial that another process runs: its parameters so far are a pending point."""
        if held is None:
            self.room()
            queued = self.study.enqueue_trial(dict(trial.params))
            held = self.open[number] = _Held(self.study._do("take", self.study, hpo.Trial, queued), 0)
        if held.foreign == len(trial.params):
            return
        held.foreign = len(trial.params)
        ours, handle = held.trial, self.study._h
        if ours._h is not handle:
            return  # the space has grown since: its end tells all
        layout, x = self.study._layout, list(ours._x)
        for name, value in trial.params.items():
            if name in layout.at and fits(layout, name, value):
                x[layout.at[name]] = encode(layout.doc["params"][name], value)
        row = handle.settle(ours.number, tuple(x))
        handle.set_config(ours.number, ours._token, row, row)

    # ---- suggesting ----

    def suggest(self, study, number, name, distribution):
        held = self.open.get(number)
        if held is None:
            self.mine.add(number)
            self.follow(study, number)
            held = self.open[number] = _Held(self.ask(number), -1)
        value = held.given[name] = suggest(held.trial, name, distribution)
        return value

    def ask(self, number):
        self.room()
        got = self.study._do("ask", self.study, hpo.Trial, False, True, number)
        if not isinstance(got, hpo.Trial):
            raise HpoError(
                f"sampler '{self.sampler.spec}' has nothing to propose for trial {number}: the study in step with "
                f"this one is {self.study.status}"
            )
        return got


def suggest(ours, name, distribution):
    """suggest_* of a trial of this package for a distribution of Optuna."""
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return ours.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return ours.suggest_int(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    return ours.suggest_float(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
