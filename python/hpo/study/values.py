# SPDX-License-Identifier: Apache-2.0
"""Values of parameters: as programs use them, as columns of the library, as its JSON."""

from ..distributions import CategoricalDistribution, IntDistribution, index_of, label, labels


def single_value(distribution):
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else distribution.low


def decode(distribution, v):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(v)]
    return int(v) if isinstance(distribution, IntDistribution) else v


def encode(param, value):
    """The column of a value."""
    if param["type"] == "const":
        return 0.0
    if param["type"] == "categorical":
        return float(param["values"].index(label(value))) if label(value) in param["values"] else 0.0
    return float(value)


def fixed_value(distribution, value):
    """(value,) in the distribution's own type, or None when it is not in it."""
    if isinstance(distribution, CategoricalDistribution):
        i = index_of(distribution.choices, value)
        if i < 0 and isinstance(value, str):
            texts = labels(distribution.choices)
            i = texts.index(value) if value in texts else -1
        return None if i < 0 else (distribution.choices[i],)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not distribution.contains(value):
        return None
    return (int(value) if isinstance(distribution, IntDistribution) else float(value),)


def own_value(distribution, value):
    """(value,) of what a program chose, numbers of other packages included, or None when it is not in the distribution."""
    if not isinstance(distribution, CategoricalDistribution) and not isinstance(value, (bool, str)):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        value = int(number) if isinstance(distribution, IntDistribution) and number.is_integer() else number
    return fixed_value(distribution, value)


def fits(layout, name, value):
    distribution = layout.distribution(name)
    return distribution is not None and distribution.contains(value)


def json_value(layout, name, value):
    """A value for the library's JSON: labels as their texts."""
    if name in layout.choices:
        i = index_of(layout.choices[name], value)
        if i >= 0:
            return layout.doc["params"][name]["values"][i]
        return label(value)
    return value


def is_json(value):
    return value is None or isinstance(value, (str, int, float, bool))
