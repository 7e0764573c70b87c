# SPDX-License-Identifier: Apache-2.0
"""Ranges of parameters: what a trial asks for, and what a FrozenTrial says it got.

The class names are Optuna's.  `domain()` of each is its parameter in the library's JSON documents (docs/space.md);
categorical choices of any type become labels there and come back as what they were.
"""

import math

from .later import json


class BaseDistribution:
    """Base class: a range of values."""

    __slots__ = ()

    def _key(self):
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other):
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self):
        return hash((type(self).__name__, self._key()))

    def __repr__(self):
        inside = ", ".join(f"{n}={v!r}" for n, v in zip(self.__slots__, self._key()))
        return f"{type(self).__name__}({inside})"

    def _asdict(self):
        return dict(zip(self.__slots__, self._key()))

    def single(self):
        """True when there is one value only."""
        raise NotImplementedError


def _number(value, what):
    try:
        number = None if isinstance(value, (str, bytes)) else float(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{what} is {value!r}: a number is needed")
    if not math.isfinite(number):
        raise ValueError(f"{what} is {number}: a finite number is needed")
    return number


class FloatDistribution(BaseDistribution):
    """Floats between low and high, both included; on a grid of `step`, or uniform in the logarithm."""

    __slots__ = ("low", "high", "log", "step")

    def __init__(self, low, high, log=False, step=None):
        low, high = _number(low, "low"), _number(high, "high")
        if log and step is not None:
            raise ValueError("log and step exclude each other: leave one out")
        if low > high:
            raise ValueError(f"low {low} is above high {high}: swap them")
        if log and low <= 0:
            raise ValueError(f"low is {low}: a logarithmic range begins above 0")
        if step is not None:
            step = _number(step, "step")
            if step <= 0:
                raise ValueError(f"step is {step}: must be positive")
            high = _reachable(low, high, step)
        self.low, self.high, self.log, self.step = low, high, bool(log), step

    def single(self):
        return self.low == self.high

    def contains(self, value):
        if not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        k = (value - self.low) / self.step
        return abs(k - round(k)) < 1e-8

    def domain(self):
        if self.single():
            return {"type": "const", "value": self.low}
        d = {"type": "float", "range": [self.low, self.high]}
        if self.log:
            d["scale"] = "log"
        if self.step is not None:
            d["step"] = self.step
        return d


def _reachable(low, high, step):
    """The last value of low, low + step ... that is not above high, in decimals."""
    from decimal import Decimal

    a, b, s = Decimal(repr(low)), Decimal(repr(high)), Decimal(repr(step))
    return float(a + (b - a) // s * s) if (b - a) % s else high


class IntDistribution(BaseDistribution):
    """Whole numbers from low to high, both included."""

    __slots__ = ("low", "high", "log", "step")

    def __init__(self, low, high, log=False, step=1):
        step = 1 if step is None else step
        for name, value in (("low", low), ("high", high), ("step", step)):
            if int(_number(value, name)) != value:
                raise ValueError(f"{name} is {value}: a whole number is needed")
        low, high, step = int(low), int(high), int(step)
        if log and step != 1:
            raise ValueError(f"step is {step}: a logarithmic range has step 1")
        if low > high:
            raise ValueError(f"low {low} is above high {high}: swap them")
        if log and low < 1:
            raise ValueError(f"low is {low}: a logarithmic range of whole numbers begins at 1 or above")
        if step < 1:
            raise ValueError(f"step is {step}: must be 1 or more")
        if max(abs(low), abs(high)) > 2**53:
            raise ValueError("whole numbers are limited to +-2^53")
        self.low, self.high, self.log, self.step = low, low + (high - low) // step * step, bool(log), step

    def single(self):
        return self.low == self.high

    def contains(self, value):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def domain(self):
        if self.single():
            return {"type": "const", "value": self.low}
        d = {"type": "int", "range": [self.low, self.high]}
        if self.log:
            d["scale"] = "log"
        if self.step != 1:
            d["step"] = self.step
        return d


class CategoricalDistribution(BaseDistribution):
    """One of several values without order."""

    __slots__ = ("choices",)

    def __init__(self, choices):
        self.choices = tuple(choices)
        if not self.choices:
            raise ValueError("choices is empty: give at least one")

    def __eq__(self, other):
        return isinstance(other, CategoricalDistribution) and same_choices(self.choices, other.choices)

    __hash__ = BaseDistribution.__hash__

    def single(self):
        return len(self.choices) == 1

    def contains(self, value):
        return index_of(self.choices, value) >= 0

    def domain(self):
        return {"type": "categorical", "values": labels(self.choices)}


def same_choice(a, b):
    """Equal and of one type (1, 1.0 and True are three choices); NaN is NaN."""
    return a is b or (type(a) is type(b) and (a == b or (a != a and b != b)))


def same_choices(a, b):
    """The same choices in the same order."""
    return len(a) == len(b) and all(map(same_choice, a, b))


def index_of(choices, value):
    """Place of a value among the choices, or -1."""
    for i, choice in enumerate(choices):
        if same_choice(choice, value):
            return i
    for i, choice in enumerate(choices):  # what a storage made of it: 1.0 for 1
        if type(choice) is not bool and type(value) is not bool and choice == value:
            return i
    return -1


def label(choice):
    """The text of a choice: itself for a str, else its repr; a str that looks like a repr gets quotes."""
    if isinstance(choice, str):
        return repr(choice) if _reads_as_other(choice) else choice
    return repr(choice)


def _reads_as_other(text):
    return text in ("nan", "inf", "-inf") or not isinstance(unlabel(text), str) or unlabel(text) != text


def unlabel(text):
    """The choice that a text stands for."""
    if text in ("nan", "inf", "-inf"):
        return float(text)
    if text[:1] not in "'\"([{+-0123456789.TFNb":
        return text  # the common case, without a parser
    from ast import literal_eval

    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text


def labels(choices):
    """Labels for the library; two choices with one text (objects without a repr of their own) are numbered."""
    out = []
    for choice in choices:
        text = label(choice)
        if not text:
            text = "''"
        text = text if len(text) <= 200 else text[:200]
        n, unique = 2, text
        while unique in out:
            unique = f"{text} #{n}"
            n += 1
        out.append(unique)
    return out


# ---- names of older versions ------------------------------------------------------------------------------


class UniformDistribution(FloatDistribution):
    """FloatDistribution(low, high)."""

    __slots__ = ()

    def __new__(cls, low, high):
        return FloatDistribution(low, high)


class LogUniformDistribution(FloatDistribution):
    """FloatDistribution(low, high, log=True)."""

    __slots__ = ()

    def __new__(cls, low, high):
        return FloatDistribution(low, high, log=True)


class DiscreteUniformDistribution(FloatDistribution):
    """FloatDistribution(low, high, step=q)."""

    __slots__ = ()

    def __new__(cls, low, high, q):
        return FloatDistribution(low, high, step=q)


class IntUniformDistribution(IntDistribution):
    """IntDistribution(low, high, step=step)."""

    __slots__ = ()

    def __new__(cls, low, high, step=1):
        return IntDistribution(low, high, step=step)


class IntLogUniformDistribution(IntDistribution):
    """IntDistribution(low, high, log=True)."""

    __slots__ = ()

    def __new__(cls, low, high, step=1):
        return IntDistribution(low, high, log=True)


CategoricalChoiceType = object


def distribution_to_json(distribution):
    """Optuna's JSON text of a distribution."""
    return json.dumps({"name": type(distribution).__name__, "attributes": distribution._asdict()})


def json_to_distribution(text):
    """The distribution of Optuna's JSON text, older names included."""
    doc = json.loads(text)
    if "name" not in doc:
        raise ValueError(f"{text!r} is not a distribution")
    attributes = doc["attributes"]
    for cls in (FloatDistribution, IntDistribution, CategoricalDistribution):
        if doc["name"] == cls.__name__:
            return cls(**attributes)
    old = {
        "UniformDistribution": UniformDistribution,
        "LogUniformDistribution": LogUniformDistribution,
        "DiscreteUniformDistribution": DiscreteUniformDistribution,
        "IntUniformDistribution": IntUniformDistribution,
        "IntLogUniformDistribution": IntLogUniformDistribution,
    }
    if doc["name"] not in old:
        raise ValueError(f"unknown distribution {doc['name']!r}")
    attributes.pop("log", None)
    return old[doc["name"]](**attributes)


def check_distribution_compatibility(old, new):
    """ValueError when a parameter would become another type."""
    if type(old) is not type(new):
        raise ValueError("Cannot set different distribution kind to the same parameter name.")
