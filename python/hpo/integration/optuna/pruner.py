# SPDX-License-Identifier: Apache-2.0
"""HpoPruner: the library's schedulers as pruners of Optuna.

A study in memory has one trial for each Optuna trial that has reported, in the order of their numbers.  Every call of
should_prune brings it what was reported since the last one, by all trials of the study, in the order of trials and
steps; the scheduler's answer to the newest report of the trial that asks is the answer.
"""

import json
import math
import threading
import weakref

import optuna

import hpo
from hpo import _core, pruners
from hpo.exceptions import UnsupportedError

from .sampler import STATES


def _scheduler(name):
    for text in _core.registry(1):
        one = json.loads(text)
        if one["name"] == name:
            return one
    raise UnsupportedError(f"there is no scheduler {name!r}: `hpo samplers --schedulers` lists them")


class HpoPruner(optuna.pruners.BasePruner):
    """A scheduler of the library for optuna.create_study(pruner=...).

    scheduler     name ("median", "percentile", "patience", "wilcoxon", "asha" ...) or an object of hpo.pruners
    max_resource  the last step that a trial can report, for schedulers with rungs (asha)
    min_resource  ... and the first
    first_step    the step of a trial's first report, 0 in most programs: the resource is step - first_step + 1
    options       of the scheduler by name: HpoPruner("percentile", keep=25)

    Only schedulers that stop: Optuna cannot go on with a paused trial.  asha is taken in its stopping form.
    """

    def __init__(self, scheduler="median", *, max_resource=None, min_resource=1, first_step=0, **options):
        if isinstance(scheduler, pruners.Scheduler):
            scheduler, options = scheduler.name, {**scheduler.options, **options}
        self.name = scheduler
        about = _scheduler(scheduler)
        can = about["capabilities"]
        if "clones" in can:
            raise UnsupportedError(f"scheduler '{scheduler}' copies trials, Optuna cannot: use 'median' or 'asha'")
        if "pauses" in can:
            if not any(o["name"] == "type" for o in about["options"]):
                raise UnsupportedError(
                    f"scheduler '{scheduler}' pauses trials and goes on with them, Optuna cannot: use 'asha', 'median' or 'percentile'"
                )
            if options.setdefault("type", "stopping") != "stopping":
                raise UnsupportedError(f"scheduler '{scheduler}' with type={options['type']} pauses trials: use type='stopping'")
        self.needs_maximum = "needs-fidelity" in can
        if self.needs_maximum and max_resource is None:
            raise TypeError(f"scheduler '{scheduler}' has rungs up to a last one: give max_resource, the number of steps of a whole trial")
        self.options, self.first_step = options, first_step
        self.resources = None if max_resource is None else (min_resource, max_resource)
        self._start()
        self._study("minimize")  # an unknown option is an error now

    def _start(self):
        self._lock = threading.Lock()
        self._followers = weakref.WeakKeyDictionary()  # storage -> {study id: follower}

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["_lock"], state["_followers"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._start()

    def __repr__(self):
        return f"HpoPruner({pruners._spec(self.name, self.options)!r})"

    def _study(self, direction):
        space = "trial: 0..1"
        if self.resources is not None:
            space += "; resource: fidelity {}..{}".format(*self.resources)
        return hpo.create_study(
            space=space, sampler="random", seed=0, noisy=True, direction=direction, pruner=pruners._spec(self.name, self.options)
        )

    def prune(self, study, trial):
        """True when the scheduler stops the trial at its newest report."""
        with self._lock:
            of_storage = self._followers.setdefault(study._storage, {})
            follower = of_storage.get(study._study_id)
            if follower is None:
                follower = of_storage[study._study_id] = _Follower(self, study)
            return follower.prune(study, trial)


class _Follower:
    """The study in memory that follows one Optuna study."""

    def __init__(self, pruner, study):
        ways = study._storage.get_study_directions(study._study_id)
        if len(ways) > 1:
            raise NotImplementedError("pruning with several objectives: schedulers compare one value")
        self.first_step = pruner.first_step
        self.study = pruner._study("maximize" if ways[0] == optuna.study.StudyDirection.MAXIMIZE else "minimize")
        self.open = {}  # number -> trial of the study, of Optuna trials that have not ended
        self.told = {}  # number -> steps that are known
        self.seen = 0
        self.verdicts = set()  # numbers of trials that were to stop

    def prune(self, study, asking):
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        for number in [*sorted(self.open), *range(self.seen, len(trials))]:
            trial = asking if number == asking.number else trials[number]
            self.follow(number, trial)
        self.seen = len(trials)
        return asking.number in self.verdicts

    def follow(self, number, trial):
        if number not in self.open:
            self.open[number] = None
        ours, told = self.open[number], self.told.setdefault(number, set())
        fresh = sorted(step for step in trial.intermediate_values if step not in told)
        if fresh and ours is None:
            ours = self.open[number] = self.study._do("ask", self.study, hpo.Trial, False, True, number)
        for step in fresh:
            told.add(step)
            value = trial.intermediate_values[step]
            if not math.isnan(value):
                ours.report(value, step - self.first_step + 1)
                if ours._decision != 0:
                    self.verdicts.add(number)
        if trial.state.is_finished():
            del self.open[number], self.told[number]
            self.verdicts.discard(number)
            if ours is not None:
                state = STATES[trial.state]
                self.study.tell(ours, trial.values if state != hpo.TrialState.FAIL else None, state)
