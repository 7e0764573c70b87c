# SPDX-License-Identifier: Apache-2.0
"""Where the values of a define-by-run trial come from.

The library proposes: each trial has a draw of the study's sampler, and a parameter that its configuration does not hold
gets the value of a first draw (docs/python.md).

A sampler written in Python chooses instead: once, when the trial is handed out, the parameters of the search space that
it infers, and then each other one when the objective asks for it.  The study's sampler in the library goes on
proposing, and what it proposes is what the base class returns, so a class that overrides nothing but a little changes
nothing but a little.  Such a trial is one of those whose values were given by hand: what it uses is told to the study
when it ends, and the parameters that were chosen at once already when it begins.
"""

import math

from ..distributions import CategoricalDistribution, check_distribution_compatibility, index_of, labels
from ..exceptions import InvalidError, OutdatedError, UnsupportedError
from ..space import document
from ..trial import CORE_STATE, _OF_CORE, TrialState
from .results import Results
from .values import decode, encode, fits, own_value, single_value

REDRAW = 40  # the k-th draw of a parameter by RandomSampler in trial n is keyed by (seed, n + k 2^40)


class Sampling(Results):
    """The part of Study that finds values."""

    def _as_now(self, trial):
        """The FrozenTrial of one in hand, with the parameters that it has asked for."""
        frozen = self._frozen(trial.number)
        frozen.__dict__.update(params=trial.params, distributions=trial.distributions)
        return frozen

    # ---- the library ----

    def _proposed(self, trial, name, distribution, given):
        """What the library's sampler gives a trial, where it has asked for `given` beside what its handle knows."""
        handle = trial._h
        layout = self._layout_of(handle)
        x, i = trial._x, layout.at.get(name)
        if i is not None and not layout.is_const(name) and trial._draw >= 0 and x[i] == x[i]:
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
        return decode(distribution, row[list(doc).index(name)])

    def _proposal(self, sampler, number, name, distribution):
        """What BaseSampler.sample_independent returns: the library's value of a parameter of a trial in hand."""
        trial = self._live.get(number)
        if trial is None:
            raise ValueError(f"trial {number} of study '{self._name}' is not in hand here: a sampler chooses values of such a trial")
        if distribution.single():
            return single_value(distribution)
        again = trial.__dict__.setdefault("_drawn", {})
        again[name] = k = again.get(name, -1) + 1
        if sampler.spec == self._sampler_spec and (k == 0 or sampler._name != "random"):
            return self._proposed(trial, name, distribution, trial._odd())
        if sampler._name != "random":
            raise UnsupportedError(
                f"{type(sampler).__name__}: the sampler of study '{self._name}' in the library is '{self._sampler_spec}': derive "
                f"{type(self._own_sampler or sampler).__name__} from the class that is to propose"
            )
        row = trial._h.first_draw(document({name: distribution.domain()}), -1, number + (k << REDRAW))
        return decode(distribution, row[0])

    # ---- a sampler written in Python ----

    def _begin_sampling(self, trial):
        """The parameters that are chosen together."""
        sampler = self._own_sampler
        try:
            now = self._as_now(trial)
            sampler.before_trial(self, now)
            space = sampler.infer_relative_search_space(self, now)
            values = dict(sampler.sample_relative(self, now, space) or {})
            for name in values:
                if name not in space:
                    raise InvalidError(f"{type(sampler).__name__}.sample_relative gave {name}, which its search space does not have")
        except BaseException as error:
            self._end_unused(trial, error)
            raise
        trial.__dict__["_relative"] = space, values
        self._show(trial, values)

    def _show(self, trial, values):
        """Puts into the record of a trial that begins what it will use, as far as that is known, and nothing else."""
        layout, handle = self._layout, self._h
        if trial._h is not handle or trial._draw < 0 or not layout.columns:
            return
        x = [math.nan] * len(layout.columns)
        for name, value in values.items():
            if name in layout.at and fits(layout, name, value):
                x[layout.at[name]] = encode(layout.doc["params"][name], value)
        try:
            handle.set_config(trial.number, trial._token, tuple(x), tuple(x))
        except OutdatedError:
            pass  # grown meanwhile: its end tells all

    def _end_unused(self, trial, error):
        """Of a trial whose sampler failed: it never ran."""
        with self._lock:
            if isinstance(error, Exception):
                trial._tell(CORE_STATE["failed"], None, f"{type(self._own_sampler).__name__}: {' '.join(str(error).split())}"[:500])
            else:
                trial._tell(CORE_STATE["waiting"])
        self._live.pop(trial.number, None)

    def _chosen(self, trial, name, distribution):
        """The sampler's value of a parameter."""
        sampler = self._own_sampler
        space, values = trial.__dict__.get("_relative", ((), {}))
        if name in values:
            check_distribution_compatibility(space[name], distribution)
            value = own_value(distribution, values[name])
            if value is not None:
                return value[0]  # else the range is another one than was inferred
        given = sampler.sample_independent(self, self._as_now(trial), name, distribution)
        value = own_value(distribution, given)
        if value is None:
            raise InvalidError(f"{type(sampler).__name__} gave {name} = {given!r}, outside of {distribution!r}")
        return value[0]

    def _after_sampling(self, trial, state, values):
        """Tells the sampler how a trial ends."""
        if state in (CORE_STATE["complete"], CORE_STATE["stopped"], CORE_STATE["failed"]):
            now = self._as_now(trial)
            state = _OF_CORE[state]
            if state == TrialState.PRUNED and values is None and now.last_step is not None:
                last = now.intermediate_values[now.last_step]
                values = [last] if isinstance(last, float) else last
            elif isinstance(values, (int, float)):
                values = [float(values)]
            self._own_sampler.after_trial(self, now, state, values)
