# SPDX-License-Identifier: Apache-2.0
"""Learning the space of a define-by-run study from what its trials asked for.

When a trial ends its parameters are compared with the study's space.  What is missing is added, what is too narrow is
widened, and conditions (`when`) are learned anew from all trials (hpo/learn.py).
"""

import math

from .. import learn
from ..distributions import CategoricalDistribution, check_distribution_compatibility, label, labels, unlabel
from ..exceptions import HpoError, InvalidError, OutdatedError
from ..later import json
from ..space import document
from ..trial import CORE_STATE, UNASKED
from .asking import Asking
from .values import encode, single_value

ENDED = tuple(CORE_STATE[word] for word in ("complete", "stopped", "failed"))


class Growth(Asking):
    """The part of Study that lets its space grow."""

    def _settle(self, trial, complete):
        """Before a trial ends: the study's space takes up what it asked for, and its record what it used."""
        trace = trial._trace()
        with self._lock:
            proposal = trial._x if trial._draw >= 0 and self._own_sampler is None else None
            while True:
                handle, x, used = self._make_room(trace, complete, trial.number, proposal, trial._h)
                try:
                    handle.set_config(trial.number, trial._token, x, used)
                    return
                except OutdatedError:
                    self._reopen()

    def _make_room(self, trace, complete, number, proposal, proposed_by):
        """Lets the space grow until it has the trace: (handle, its configuration, the trace's values alone)."""
        asked, suspects, tries = set(trace), set(), 0
        for _ in range(1000):  # every turn the space grows, here or elsewhere
            handle, layout = self._h, self._layout
            doc, new = _absorb(layout, trace)
            if doc is None:
                x = [math.nan] * len(layout.columns)
                if not complete and proposal is not None and proposed_by is handle:
                    x = list(proposal)
                used = [math.nan] * len(x)
                for name, (_, value) in trace.items():
                    x[layout.at[name]] = used[layout.at[name]] = encode(layout.doc["params"][name], value)
                row = handle.settle(number, tuple(x))
                active = {name for i, name in enumerate(layout.at) if row[i] == row[i]}
                if asked <= active and (tries >= 3 or not complete or asked == active):
                    return handle, tuple(x), tuple(used)
                suspects = asked ^ active if complete else asked - active
                doc = {name: dict(p) for name, p in layout.doc["params"].items()}
            else:
                suspects = new
            before = self._evidence(layout)
            if self._h is not handle:
                continue  # somebody else was quicker
            if tries < 3:
                self._relearn(doc, before, trace, complete, suspects)
            else:  # no condition is right for all trials
                _loosen(doc, asked - active)
            try:
                if not _grow(handle, layout, doc, suspects):
                    tries = 3  # nothing better is known
                    continue
                tries += 1
            except OutdatedError:
                pass
            self._reopen()
        raise HpoError(f"trial {number}: the space does not settle: {sorted(suspects)}")

    def _evidence(self, layout):
        """[(values by name, complete)] of the trials that have ended."""
        out = []
        for row in self._rows():
            if row[1] in ENDED:
                hidden = json.loads(row[7]).get(UNASKED, ()) if row[7] and UNASKED in row[7] else ()
                values = {n: v for n, v in zip(layout.at, row[2]) if v == v and n not in hidden}
                out.append((values, row[1] == ENDED[0]))
        return out

    def _relearn(self, doc, before, trace, complete, suspects):
        """Writes new conditions of the suspects into doc."""
        if not suspects:
            return
        params = []
        for name, p in doc.items():
            kind = {"categorical": learn.LABEL, "const": learn.LABEL, "int": learn.WHOLE}.get(p["type"], learn.FLOAT)
            values = [str(p["value"])] if p["type"] == "const" else p.get("values", ())
            params.append(learn.Param(name, kind, values))
        rows = [(values, values.keys(), whole) for values, whole in before]
        values = {name: encode(doc[name], value) for name, (_, value) in trace.items()}
        rows.append((values, values.keys(), complete))
        conditions = {name: p.get("when") for name, p in doc.items()}
        learned = learn.learn(params, conditions, rows, suspects, list(trace))
        for name in suspects:
            doc[name].pop("when", None)
            if learned[name] is not None:
                doc[name]["when"] = learned[name]


def _loosen(doc, names):
    """Parameters without a condition are active in every trial."""
    for name in names:
        doc[name].pop("when", None)


def _grow(handle, layout, doc, suspects):
    """Lets the space grow to doc; False: it is like that already.

    The library refuses conditions by which a trial would lose what it was run with: learned from what was asked for, they
    may contradict the values that stand in the place of what was not.  Then they are given up."""
    for names in (suspects, doc, None):
        if doc == layout.doc["params"]:
            return False
        try:
            handle.grow(document(doc))
            return True
        except InvalidError:
            if names is None:
                raise
            _loosen(doc, names)


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
        return {"type": "const", "value": label(single_value(distribution))}
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
