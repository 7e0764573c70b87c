# SPDX-License-Identifier: Apache-2.0
"""HpoPruner: the library's schedulers as pruners of Optuna.

A study in memory has one trial for each Optuna trial that has reported, in the order of their numbers.  Every call of
should_prune brings it what was reported since the last one, by all trials of the study, in the order of trials and
steps; the scheduler's answer to the newest report of the trial that asks is the answer.
"""

import json
import math
import re
import threading
import weakref

import optuna

import hpo
from hpo import _core, pruners
from hpo.exceptions import UnsupportedError

from .sampler import STATES


def _check(spec, has_maximum):
    """Refuses schedulers that do more than stop trials.  `spec` may join several by `and`, `or` and parentheses."""
    words = set(re.findall(r"(?:^|[\s(])([a-z][a-z0-9-]*)", spec))
    for about in map(json.loads, _core.registry(1)):
        name, can = about["name"], about["capabilities"]
        if name not in words:
            continue
        if "pauses" in can or "clones" in can:
            does = "copies trials" if "clones" in can else "pauses trials and goes on with them"
            raise UnsupportedError(f"scheduler '{name}' {does}, Optuna cannot: use 'asha-stopping', 'median' or 'percentile'")
        if "needs-fidelity" in can and not has_maximum:
            raise TypeError(f"scheduler '{name}' needs max_resource, the number of steps of a whole trial")


class HpoPruner(optuna.pruners.BasePruner):
    """A scheduler of the library for optuna.create_study(pruner=...).

    scheduler     name ("median", "percentile", "asha-stopping", "wilcoxon" ...), text ("patience and (median)") or an
                  object of hpo.pruners
    max_resource  the number of steps of a whole trial, where it is known: rungs are laid out up to there
    min_resource  ... and where they may begin
    first_step    the step of a trial's first report, 0 in most programs: the resource is step - first_step + 1
    options       of the scheduler by name: HpoPruner("percentile", keep=25)

    Only schedulers that stop: Optuna cannot go on with a paused trial.
    """

    def __init__(self, scheduler="median", *, max_resource=None, min_resource=1, first_step=0, **options):
        spec, custom = pruners.spec_of(scheduler)
        if custom is not None:
            raise UnsupportedError(f"{scheduler!r} is written in Python: give it to Optuna as it is")
        if options and not (isinstance(scheduler, str) and scheduler.replace("-", "").isalnum()):
            raise TypeError(f"options {', '.join(options)} go with the name of a scheduler, not with {scheduler!r}")
        self.spec = pruners._spec(spec, options) if options else spec
        self.first_step = first_step
        self.resources = None if max_resource is None else (min_resource, max_resource)
        _check(self.spec, max_resource is not None)
        self._start()
        self._study("minimize")  # an unknown scheduler or option is an error now

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
        return f"HpoPruner({self.spec!r})"

    def _study(self, direction):
        space = "trial: 0..1"
        if self.resources is not None:
            space += "; resource: fidelity {}..{}".format(*self.resources)
        return hpo.create_study(
            space=space, sampler="random", seed=0, noisy=True, direction=direction, pruner=self.spec
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
