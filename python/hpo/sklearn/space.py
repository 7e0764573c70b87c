# SPDX-License-Identifier: Apache-2.0
"""What a search over an estimator's parameters is made of: from the user's description to a Space, and back.

The description is a Space, its text, a dict of parameter -> domain, or a list of such dicts, of which each candidate
uses one.  A domain is a list of choices (of any type, estimators included), a frozen distribution of scipy.stats, a
distribution of this package, or a text or document of docs/space.md.

Conditions write themselves: where `clf` is searched over [SVC(), RandomForestClassifier()], `clf__C` exists for those
choices that have a parameter C.  Models then see the branches of a pipeline, not one flat table.

    list of choices            categories, or in order if they are three or more rising or falling numbers
    uniform, loguniform, randint, norm of scipy.stats      the library's own domains
    other continuous ones      x = ppf(u), u searched between 0 and 1, without 0.001 at unbounded ends
    other discrete ones        the values from ppf(0.001) to ppf(0.999), weighted by their probability
"""

import difflib
import json
import math
import numbers

from .. import _core
from ..distributions import BaseDistribution, CategoricalDistribution, label, same_choice
from ..learn import from_core, quote_label, quote_name, to_core
from ..space import Space, domain_of

BRANCH = "alternative"  # which dict of a list
QUANTILE = "/quantile"  # what stands behind the name of a parameter that is searched by u
TAIL = 0.001  # what is left out of an unbounded support, on each side
END = 1e-6  # and of a bounded one: an end may be no legal value
MAX_WEIGHTED = 200  # values of a discrete distribution that are searched as weighted ordinals


class SearchSpace:
    """`space` (a Space for the study), and decode/encode between its columns and parameters of the estimator."""

    def __init__(self, described, estimator, resource=None):
        """resource: (name, low, high) of the fidelity, or None."""
        self._choices = {}  # name in the space -> choices, by index
        self._frozen = {}  # name in the space -> distribution whose quantile it is
        self._target = {}  # name in the space -> parameter of the estimator, where they differ
        self._branch_of = None  # for a list of dicts: the names of each
        if isinstance(described, (Space, str)):
            doc = dict(Space(described).params)
            constraints = _rest(described)
        else:
            doc, constraints = self._documents(described), {}
        fidelities = [from_core(n) for n, p in doc.items() if _is_fidelity(p)]
        if len(fidelities) > 1:
            raise ValueError(f"fidelities {', '.join(fidelities)}: SearchCV knows one resource: leave one of them")
        self.fidelity = next(iter(fidelities), None)
        if resource is not None:
            name, low, high = resource
            if self.fidelity is not None or name in doc:
                raise ValueError(f"{name} is the resource: leave it and other fidelities out of the space")
            self.fidelity = name
            doc[name] = {"type": "fidelity", "range": [low, high]}
        if not doc:
            doc = {"nothing": {"type": "const", "value": "0"}}
        space = Space.__new__(Space)
        space.json = _core.check_space(json.dumps({"params": doc, **constraints}))
        self.space = self._with_conditions(space)
        self._check_names(estimator)

    # ---- description to document ----

    def _documents(self, described):
        dicts = [described] if isinstance(described, dict) else list(described)
        for one in dicts:
            if not isinstance(one, dict):
                raise TypeError(f"the space holds {one!r}: use a dict of parameter -> domain, a list of them, or a Space")
        doc, users = {}, {}
        if len(dicts) == 1:
            for name, domain in dicts[0].items():
                own, p = self._domain(name, name, domain)
                doc[to_core(own)] = p
            return doc
        for i, one in enumerate(dicts):
            for name, domain in one.items():
                users.setdefault(name, []).append((i, domain))
        branches = [str(i) for i in range(len(dicts))]
        self._branch_of = [set() for _ in dicts]
        doc[BRANCH] = {"type": "categorical", "values": branches}
        for name, uses in users.items():
            for group in _same_domains(uses):
                own = name if len(group) == len(uses) else f"{name}/{group[0][0]}"
                own, p = self._domain(own, name, group[0][1])
                if len(group) < len(dicts):
                    test = f"{BRANCH} in [{', '.join(quote_label(branches[i]) for i, _ in group)}]"
                    p = _only_if(own, p, test)
                doc[to_core(own)] = p
                if own != name:
                    self._target[own] = name
                for i, _ in group:
                    self._branch_of[i].add(own)
        return doc

    def _domain(self, own, name, one):
        """(name in the space, document) of one parameter; remembers what its columns mean."""
        if isinstance(one, CategoricalDistribution):
            one = list(one.choices)
        if isinstance(one, (str, dict, BaseDistribution)):
            return own, domain_of(name, one)
        if hasattr(one, "dist") and hasattr(one, "support"):
            return self._scipy(own, name, one)
        if isinstance(one, (list, tuple, range)) or (hasattr(one, "tolist") and getattr(one, "ndim", 1) == 1):
            return own, self._list(own, list(one.tolist() if hasattr(one, "tolist") else one))
        if hasattr(one, "rvs"):
            raise TypeError(f"{name}: {one!r} can be drawn from only: a frozen distribution of scipy.stats is needed, or a list")
        raise TypeError(f"{name}: {one!r} is no domain: use a list of choices, a distribution or a text (docs/space.md)")

    def _list(self, own, choices):
        if not choices:
            raise ValueError(f"{own}: the list of choices is empty: give at least one")
        if len(choices) >= 3 and all(map(_is_number, choices)):
            up = [a < b for a, b in zip(choices, choices[1:])]
            if all(up) or (not any(up) and len(set(choices)) == len(choices)):
                choices = choices if up[0] else choices[::-1]
                self._choices[own] = choices
                return {"type": "ordinal", "values": [_plain(v) for v in choices]}
        self._choices[own] = choices
        texts = _texts(choices)
        if len(choices) == 1:
            return {"type": "const", "value": texts[0]}
        return {"type": "categorical", "values": texts}

    def _scipy(self, own, name, frozen):
        kind, (low, high) = frozen.dist.name, frozen.support()
        if kind in ("uniform", "loguniform", "reciprocal", "randint", "norm"):
            return own, domain_of(name, frozen)
        ends = [END if math.isfinite(low) else TAIL, 1 - (END if math.isfinite(high) else TAIL)]
        if hasattr(frozen.dist, "pmf"):
            first = int(low) if math.isfinite(low) else int(frozen.ppf(TAIL))
            last = int(high) if math.isfinite(high) else int(frozen.ppf(1 - TAIL))
            values = [v for v in range(first, min(last, first + MAX_WEIGHTED) + 1) if frozen.pmf(v) > 0]
            if 1 < len(values) <= MAX_WEIGHTED:
                self._choices[own] = values
                return own, {"type": "ordinal", "values": values, "weights": [float(frozen.pmf(v)) for v in values]}
        self._target[own + QUANTILE] = name
        self._frozen[own + QUANTILE] = frozen
        return own + QUANTILE, {"type": "float", "range": ends}

    # ---- conditions ----

    def _with_conditions(self, space):
        """Adds: `a__b` exists for the choices of `a` that have a parameter b."""
        doc = json.loads(space.json)
        params, changed = doc["params"], False
        targets = {}  # target -> names in the space
        for core in params:
            targets.setdefault(self.target(from_core(core)), []).append(from_core(core))
        for core in sorted(params, key=lambda core: self.target(from_core(core)).count("__")):  # parents first
            own, p = from_core(core), params[core]
            parent, rest = self._parent(self.target(own), targets)
            if parent is None or own == self.fidelity:
                continue
            tests = []
            for up in targets[parent]:
                if up in self._choices and self._may_meet(own, up):
                    tests.append(self._acceptance(up, rest, params[to_core(up)]))
            if tests and None not in tests:
                tests = [t for t in tests if t]
                if not tests:
                    raise ValueError(f"{self.target(own)}: no choice of {parent} has a parameter {rest!r}")
                test = tests[0] if len(tests) == 1 else " or ".join(f"({t})" for t in tests)
                p["when"] = f"({p['when']}) and ({test})" if "when" in p else test
                changed = True
        if changed:
            space = Space.__new__(Space)
            space.json = _core.check_space(json.dumps(doc))
        return space

    def _parent(self, name, targets):
        """The longest searched prefix of a nested name, and what is behind it."""
        parts = name.split("__")
        for n in range(len(parts) - 1, 0, -1):
            up = "__".join(parts[:n])
            if up in targets:
                return up, "__".join(parts[n:])
        return None, None

    def _may_meet(self, a, b):
        """Do two names of the space occur in one candidate?"""
        return self._branch_of is None or any(a in names and b in names for names in self._branch_of)

    def _acceptance(self, up, rest, parent):
        """The condition under which a choice of `up` has the parameter; None: always, "": never."""
        choices = self._choices[up]
        good = [i for i, c in enumerate(choices) if _has_parameter(c, rest)]
        if len(good) == len(choices) and "when" not in parent:
            return None
        if not good:
            return ""
        if len(good) == len(choices) or parent["type"] == "const":
            return f"active({quote_name(up)})"
        values = [parent["values"][i] for i in good]
        if len(values) == 1:
            return f"{quote_name(up)} == {quote_label(values[0])}"
        return f"{quote_name(up)} in [{', '.join(map(quote_label, values))}]"

    def _check_names(self, estimator):
        known = estimator.get_params(deep=True)
        searched = {self.target(name) for name in self.names()}
        amount = {self.fidelity} - {None, "epochs", "n_samples"}
        for name in searched | amount:
            up, _ = self._parent(name, searched)
            if up is None and name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; do you mean {near[0]!r}?" if near else f": it has {', '.join(sorted(known)[:20])}"
                raise ValueError(f"{type(estimator).__name__} has no parameter {name!r}{hint}")
            if name == self.fidelity and up is not None:
                rest = name[len(up) + 2 :]
                for choice in (c for own in self._choices if self.target(own) == up for c in self._choices[own]):
                    if not _has_parameter(choice, rest):
                        raise ValueError(f"the resource {name!r}: {up} may be {choice!r}, which has no {rest}: every choice needs it")

    # ---- columns to parameters ----

    def target(self, own):
        """The parameter of the estimator that a name of the space stands for."""
        return self._target.get(own, own)

    def names(self):
        """Names in the space that stand for parameters of the estimator."""
        hidden = {BRANCH} if self._branch_of is not None else {"nothing"} if list(self.space.params) == ["nothing"] else set()
        return [n for n in map(from_core, self.space.params) if n not in hidden and n != self.fidelity]

    def decode(self, layout, x):
        """({parameter of the estimator: value}, resource or None) of a row."""
        out, wanted, resource = {}, set(self.names()), None
        for i, (name, _, column, *_) in enumerate(layout.columns):
            if x[column] != x[column]:
                continue
            if name == self.fidelity:
                resource = layout.value(i, x)
            elif name in wanted:
                out[self.target(name)] = self._value(name, layout, i, x)
        return out, resource

    def _value(self, name, layout, i, x):
        if name in self._choices:
            return self._choices[name][int(x[layout.columns[i][2]])]
        value = layout.value(i, x)
        if name in self._frozen:
            value = self._frozen[name].ppf(value)
            return int(value) if hasattr(self._frozen[name].dist, "pmf") else float(value)
        return value

    def encode(self, given):
        """{name in the space: value or label} of parameters of the estimator, for the study's queue."""
        groups = [set(self.names())] if self._branch_of is None else self._branch_of
        for i, names in enumerate(groups):
            own = {self.target(n): n for n in self.names() if n in names}
            if set(given) <= set(own):
                out = {own[name]: self._column(own[name], value) for name, value in given.items()}
                return {**out, BRANCH: str(i)} if self._branch_of is not None else out
        odd = sorted(set(given) - {self.target(n) for n in self.names()})
        raise ValueError(f"{', '.join(odd) or 'these parameters together'}: not in the space")

    def _column(self, name, value):
        if name in self._choices:
            for i, choice in enumerate(self._choices[name]):
                if same_choice(choice, value) or _alike(choice, value):
                    p = self.space.params[to_core(name)]
                    return p["values"][i] if "values" in p else p["value"]
            raise ValueError(f"{name}: {value!r} is not among its choices")
        if name in self._frozen:
            low, high = self.space.params[to_core(name)]["range"]
            return min(max(float(self._frozen[name].cdf(value)), low), high)
        return _plain(value) if _is_number(value) else value


# ---- small helpers ----------------------------------------------------------------------------------------------


def _rest(described):
    """Constraints and derived values of a Space or its text."""
    doc = json.loads(Space(described).json)
    return {k: v for k, v in doc.items() if k != "params"}


def _is_fidelity(param):
    return isinstance(param, dict) and (param.get("type") == "fidelity" or bool(param.get("fidelity")))


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and type(value).__name__ != "bool_" and math.isfinite(value)


def _plain(value):
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _texts(choices):
    """A short distinct label for each choice: its class for an object, its name for a function."""
    out = []
    for c in choices:
        if c is None or isinstance(c, (str, bool, numbers.Number)):
            text = label(c)
        elif hasattr(c, "get_params"):
            text = type(c).__name__ if not isinstance(c, type) else c.__name__
        else:
            text = getattr(c, "__name__", None) or " ".join(repr(c).split())[:60]
        out.append(text or "''")
    for i, text in enumerate(out):
        n = 1
        while out[i] in out[:i]:
            n += 1
            out[i] = f"{text} #{n}"
    return out


def _has_parameter(choice, rest):
    if isinstance(choice, type) or not hasattr(choice, "get_params"):
        return False
    return rest in choice.get_params(deep=True)


def _same_domains(uses):
    """Groups of (branch, domain) that have the same domain."""
    groups = []
    for use in uses:
        for group in groups:
            if _alike(group[0][1], use[1]):
                group.append(use)
                break
        else:
            groups.append([use])
    return groups


def _alike(a, b):
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if hasattr(a, "dist") and hasattr(a, "kwds"):
        return a.dist.name == b.dist.name and a.args == b.args and a.kwds == b.kwds
    if hasattr(a, "get_params"):
        return repr(a) == repr(b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same_choice(x, y) or _alike(x, y) for x, y in zip(a, b))
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _only_if(name, param, test):
    """A domain with one more condition."""
    if isinstance(param, str):
        space = Space.__new__(Space)
        if " if " in param:
            raise ValueError(f"{name}: {param!r} has a condition: in a list of dicts the dict is the condition; use one dict instead")
        space.json = _core.check_space(json.dumps({"params": {to_core(name): param}}))
        param = next(iter(space.params.values()))
    param = dict(param)
    param["when"] = f"({param['when']}) and ({test})" if "when" in param else test
    return param
