# SPDX-License-Identifier: Apache-2.0
"""Search spaces: the declared form, and what a study has learned of a define-by-run program."""

from . import _core
from . import exceptions as _exceptions  # noqa: F401 - tells the core what to raise
from .distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution, unlabel
from .later import json
from .learn import from_core, to_core


class Space:
    """A declared search space.

    Space("lr: log 1e-5..1; opt: sgd,adam; mom: 0..0.99 if opt == sgd")
    Space(lr="log 1e-5..1", opt=["sgd", "adam"], mom="0..0.99 if opt == sgd")
    Space({"lr": hpo.Float(1e-5, 1, log=True), "layers": hpo.Int(1, 8)}, constraints=["layers * lr <= 1"])

    A parameter is a text in the grammar of docs/space.md, a distribution, a list or tuple of choices, or a
    scipy.stats distribution with bounded support.
    """

    def __init__(self, params=None, /, constraints=(), derived=None, **more):
        if isinstance(params, str):
            self.json = _core.parse_space(params)
            doc = json.loads(self.json)
        elif isinstance(params, Space):
            doc = json.loads(params.json)
        else:
            doc = {"params": {}}
            for name, one in dict(params or {}).items():
                doc["params"][name] = domain_of(name, one)
        for name, one in more.items():
            doc["params"][name] = domain_of(name, one)
        if constraints:
            doc["constraints"] = doc.get("constraints", []) + [str(c) for c in constraints]
        if derived:
            doc.setdefault("derived", {}).update(derived)
        self.json = _core.check_space(json.dumps(doc))

    @classmethod
    def load(cls, path):
        """Reads a JSON document of docs/space.md from a file."""
        with open(path, encoding="utf-8") as f:
            return cls._of_json(f.read())

    @classmethod
    def _of_json(cls, text):
        self = cls.__new__(cls)
        self.json = _core.check_space(text)
        return self

    @property
    def params(self):
        """Dict of name -> parameter as in a JSON document."""
        return json.loads(self.json)["params"]

    def lint(self):
        """Advice on the space: a list of sentences."""
        return [line for line in _core.lint_space(self.json).split("\n") if line]

    def sample(self, n=1, seed=0):
        """n configurations drawn from the prior: a list of dicts."""
        return [json.loads(text) for text in _core.sample_space(self.json, seed, n)]

    def __eq__(self, other):
        return isinstance(other, Space) and self.json == other.json

    def __hash__(self):
        return hash(self.json)

    def __repr__(self):
        return f"Space({', '.join(self.params)})"

    def _repr_html_(self):
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(describe(p))}</td></tr>" for name, p in self.params.items()
        )
        return f"<table><tr><th>parameter</th><th>domain</th></tr>{rows}</table>"


def describe(param):
    """One line on a parameter of a JSON document."""
    if isinstance(param, str):
        return param
    parts = [str(param.get("type", ""))]
    if "range" in param:
        parts.append(f"{param['range'][0]} .. {param['range'][1]}")
    if "values" in param:
        parts.append(", ".join(map(str, param["values"])))
    parts += [f"{k} {param[k]}" for k in ("scale", "step", "value", "n", "default") if k in param]
    if "when" in param:
        parts.append("if " + param["when"])
    return " ".join(parts)


def domain_of(name, one):
    """A parameter of a JSON document from whatever describes it."""
    if isinstance(one, (str, dict)):
        return one
    if isinstance(one, BaseDistribution):
        return one.domain()
    if isinstance(one, (list, tuple)):
        return CategoricalDistribution(one).domain()
    if isinstance(one, range):
        return IntDistribution(one.start, one[-1], step=one.step).domain()
    if hasattr(one, "dist") and hasattr(one, "support"):
        return _scipy_domain(name, one)
    raise TypeError(f"{name}: {one!r} is no domain: use a text, a distribution or a list of choices")


def _scipy_domain(name, frozen):
    kind = frozen.dist.name
    low, high = (float(v) for v in frozen.support())
    if kind in ("uniform", "loguniform", "reciprocal"):
        return FloatDistribution(low, high, log=kind != "uniform").domain()
    if kind == "randint":
        return IntDistribution(int(low), int(high)).domain()
    if kind == "norm":
        mean, sd = float(frozen.mean()), float(frozen.std())
        return {"type": "float", "range": [mean - 4 * sd, mean + 4 * sd], "prior": {"normal": [mean, sd]}}
    raise ValueError(
        f"{name}: scipy.stats.{kind} is not supported: use uniform, loguniform, randint or norm, or a text of docs/space.md"
    )


def document(params):
    """The JSON document of {name: parameter} as the library takes it."""
    return json.dumps({"params": {to_core(name): p for name, p in params.items()}})


# ---- what a handle's space says -----------------------------------------------------------------------------


class Layout:
    """The space of one handle: how columns become values of Python."""

    def __init__(self, handle):
        self.columns = handle.layout()  # (name, kind, column, n_columns, low, high, step, scale, "fidelity" or "resumable")
        self._text, self._doc = handle.space(), None
        for i, c in enumerate(self.columns):
            name = from_core(c[0])
            if name != c[0]:
                handle.rename(i, name)
                self.columns[i] = (name, *c[1:])
        self.at = {c[0]: i for i, c in enumerate(self.columns)}
        self.width = sum(c[3] for c in self.columns)
        self.choices = {}
        self._distributions = {}
        self.simple = all(c[1] in ("float", "int", "categorical") for c in self.columns)
        for name, kind, *_ in self.columns:
            if kind in ("categorical", "ordinal"):
                self.choices[name] = tuple(
                    unlabel(v) if isinstance(v, str) else v for v in self.doc["params"][name]["values"]
                )
                if kind == "categorical":
                    handle.set_choices(name, self.choices[name])
            elif kind == "const":
                value = self._const(name)
                handle.set_choices(name, (value,))
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    handle.set_const(name, value)

    @property
    def doc(self):
        """The JSON document, with the program's names."""
        if self._doc is None:
            doc = json.loads(self._text)
            doc["params"] = {from_core(name): p for name, p in doc["params"].items()}
            self._doc = doc
        return self._doc

    def condition(self, name):
        return self.doc["params"][name].get("when")

    def is_const(self, name):
        return self.columns[self.at[name]][1] == "const"

    def distribution(self, name):
        """The range of a parameter as a distribution; None for kinds that have none."""
        if name not in self._distributions:
            self._distributions[name] = self._make(name)
        return self._distributions[name]

    def _make(self, name):
        _, kind, _, _, low, high, step, scale, _ = self.columns[self.at[name]]
        if kind in self.choices or kind in ("categorical", "ordinal"):
            return CategoricalDistribution(self.choices[name])
        if kind == "bool":
            return CategoricalDistribution((False, True))
        if kind == "const":
            value = self._const(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return CategoricalDistribution((value,))
            return (IntDistribution if isinstance(value, int) else FloatDistribution)(value, value)
        if kind == "float" and scale in ("linear", "log") and low == low and high == high:
            return FloatDistribution(low, high, log=scale == "log", step=step or None)
        if kind == "int" and scale in ("linear", "log") and low == low and high == high:
            return IntDistribution(int(low), int(high), log=scale == "log", step=int(step) or 1)
        return None

    def _const(self, name):
        value = self.doc["params"][name]["value"]
        return unlabel(value) if isinstance(value, str) else value

    def value(self, i, x):
        """Parameter i of a row; the caller has seen that it is active."""
        name, kind, column, n, *_ = self.columns[i]
        v = x[column]
        if kind == "float":
            return v
        if kind == "int":
            return int(v)
        if kind in ("categorical", "ordinal"):
            return self.choices[name][int(v)]
        if kind == "bool":
            return v != 0
        if kind == "const":
            return self._const(name)
        many = x[column : column + n]
        items = self.doc["params"][name].get("values")
        if kind == "permutation":
            return [items[int(j)] if items else int(j) for j in many]
        if kind == "subset":
            return [items[j] if items else j for j in range(n) if many[j]]
        return list(many)

    def params(self, x, hidden=()):
        """{name: value} of the active parameters of a row."""
        out = {}
        for i, c in enumerate(self.columns):
            if c[2] >= len(x):
                break  # a row of an older handle
            v = x[c[2]]
            if v == v and c[0] not in hidden:
                out[c[0]] = self.value(i, x)
        return out
