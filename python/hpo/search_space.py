# SPDX-License-Identifier: Apache-2.0
"""What the trials of a define-by-run study have in common, for samplers that are written in Python.

Study.space is what the study has learned, conditions included; here is the part of it that needs none.
"""

from .trial import TrialState


class IntersectionSearchSpace:
    """The parameters that all complete trials of a study have, kept up to date: each trial is looked at once."""

    def __init__(self, include_pruned=False):
        self._states = (TrialState.COMPLETE, TrialState.PRUNED) if include_pruned else (TrialState.COMPLETE,)
        self._names, self._seen = None, set()
        self._study = None

    def calculate(self, study, ordered_dict=False):
        """{name: distribution}, by name; ranges as the study knows them now."""
        if self._study is None:
            self._study = study.study_name
        elif self._study != study.study_name:
            raise ValueError("an IntersectionSearchSpace belongs to one study: make another one")
        return self._of(study.get_trials(deepcopy=False))

    def _of(self, trials):
        newest = None
        for trial in trials:
            if trial.state not in self._states:
                continue
            newest = trial
            if trial.number not in self._seen:
                self._seen.add(trial.number)
                names = set(trial.distributions)
                self._names = names if self._names is None else self._names & names
        if newest is None or not self._names:
            return {}
        return {name: newest.distributions[name] for name in sorted(self._names)}


def intersection_search_space(trials, include_pruned=False, ordered_dict=False):
    """{name: distribution} of the parameters that all complete trials have; trials: a list, or a Study."""
    if hasattr(trials, "get_trials"):
        trials = trials.get_trials(deepcopy=False)
    return IntersectionSearchSpace(include_pruned)._of(trials)
