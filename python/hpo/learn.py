# SPDX-License-Identifier: Apache-2.0
"""Learning a search space from what trials ask for.

A define-by-run program decides while it runs which parameters exist.  Which ones it asks for is a function of the
values that it got before, so the trials tell, as a table: for each of them the values, and the set of names.  For
every parameter that some finished trials asked for and others did not, a decision tree over the parameters asked for
earlier tells when.  The tree becomes the parameter's condition in the library, whose model samplers then propose
whole configurations for every branch, as for a declared conditional space.

Trees are grown until every row is told right.  Of the tests that separate best, the simplest counts: labels before
whole numbers before floats, parameters of the same branch before others.  A later trial that contradicts a condition
has it learned again, with that trial in the table.  Where no tree is right, because the program decides by something
else (a random number, the time), the condition holds wherever the parameter was ever asked for.

Values are columns of the library: numbers as they are, labels as indices; a parameter not asked for is absent.
"""

from .later import re

MAX_DEPTH = 8
LABEL, WHOLE, FLOAT = 0, 1, 2  # kinds of parameters, simplest test first


class Param:
    """One parameter as the learner sees it: its kind and, for labels, their texts."""

    __slots__ = ("name", "kind", "labels")

    def __init__(self, name, kind, labels=()):
        self.name, self.kind, self.labels = name, kind, labels


RESERVED = {"and", "or", "not", "in", "if", "else", "true", "false"}


def to_core(name):
    """The name of a parameter in the library: letters, digits, `_ . - /`; any other character as its code
    between middle dots."""
    if name.isidentifier() and "\u00b7" not in name and name not in RESERVED:
        return name
    if not isinstance(name, str) or not name:
        raise ValueError(f"{name!r} is no name for a parameter: use a str with at least one character")
    out = re.sub(r"[^A-Za-z0-9_./\u00b8-\U0010ffff-]", lambda m: f"\u00b7{ord(m[0]):x}\u00b7", name)
    if out in RESERVED or out[0] in "0123456789./-":
        out = f"\u00b7{ord(out[0]):x}\u00b7{out[1:]}"
    return out


def from_core(name):
    return re.sub("\u00b7([0-9a-f]+)\u00b7", lambda m: chr(int(m[1], 16)), name) if "\u00b7" in name else name


def quote_name(name):
    return "`" + to_core(name) + "`"


def quote_label(label):
    return "'" + label.replace("\\", "\\\\").replace("'", "\\'") + "'"


def names_in(condition):
    """Parameters that a condition (of this module) reads."""
    return {from_core(name) for name in re.findall("`([^`]*)`", condition or "")}


# ---- tests ----------------------------------------------------------------------------------------------------
#
# A test is (parameter, operator, operand); it fails where the parameter is absent.


def holds(test, values):
    param, op, operand = test
    value = values.get(param.name)
    if value is None:
        return False
    if op == "in":
        return value in operand
    return value >= operand if op == ">=" else value < operand


def test_text(test):
    param, op, operand = test
    name = quote_name(param.name)
    if op != "in":
        return f"{name} {op} {operand!r}"
    labels = [quote_label(param.labels[int(i)]) for i in sorted(operand)]
    return f"{name} == {labels[0]}" if len(labels) == 1 else f"{name} in [{', '.join(labels)}]"


def _label_tests(param, rows):
    count = {}
    for values, positive in rows:
        value = values.get(param.name)
        if value is not None:
            c = count.setdefault(value, [0, 0])
            c[positive] += 1
    chosen = frozenset(v for v, (no, yes) in count.items() if yes > no)
    if not chosen and count:  # never in the majority: the value with the largest share
        chosen = frozenset([max(sorted(count), key=lambda v: count[v][1] / sum(count[v]))])
    if chosen:
        yield (param, "in", chosen)


def _number_tests(param, rows):
    pairs = sorted((values[param.name], positive) for values, positive in rows if param.name in values)
    for (a, p), (b, q) in zip(pairs, pairs[1:]):
        if a == b or (p == q and not _mixed(pairs, a, b)):
            continue
        cut = int(b) if param.kind == WHOLE else _between(a, b)
        yield (param, ">=", cut)
        yield (param, "<", cut)
    if pairs:  # "was asked for at all": every value passes
        low = pairs[0][0]
        yield (param, ">=", int(low) if param.kind == WHOLE else float(low))


def _mixed(pairs, a, b):
    return len({q for v, q in pairs if v == a}) > 1 or len({q for v, q in pairs if v == b}) > 1


def _between(a, b):
    """A short number in (a, b]."""
    for digits in range(1, 17):
        cut = float(f"{(a + b) / 2:.{digits}g}")
        if a < cut <= b:
            return cut
    return float(b)


# ---- trees ----------------------------------------------------------------------------------------------------


def _impurity(rows):
    n = len(rows)
    if n == 0:
        return 0.0
    share = sum(positive for _, positive in rows) / n
    return n * share * (1 - share)


def _best_test(params, rows):
    best = None
    for rank, param in enumerate(params):
        tests = _label_tests if param.kind == LABEL else _number_tests
        for test in tests(param, rows):
            yes = [row for row in rows if holds(test, row[0])]
            if not yes or len(yes) == len(rows):
                continue
            no = [row for row in rows if not holds(test, row[0])]
            key = (round(_impurity(yes) + _impurity(no), 9), param.kind, rank)
            if best is None or key < best[0]:
                best = (key, test, yes, no)
    return best


def grow_tree(params, rows, depth=0):
    """True, False, or (test, tree where it holds, tree where it does not).

    rows: (values by name, asked for or not).
    """
    positives = sum(positive for _, positive in rows)
    if positives == len(rows):
        return True
    if positives == 0:
        return False
    before = _impurity(rows)
    best = _best_test(params, rows) if depth < MAX_DEPTH else None
    if best is None or best[0][0] >= before:
        return True  # cannot be told apart: asked for at least sometimes
    _, test, yes, no = best
    yes, no = grow_tree(params, yes, depth + 1), grow_tree(params, no, depth + 1)
    return yes if yes is no and isinstance(yes, bool) else (test, yes, no)


def tree_holds(tree, values):
    while not isinstance(tree, bool):
        test, yes, no = tree
        tree = yes if holds(test, values) else no
    return tree


def tree_text(tree):
    """The condition as an expression of docs/expressions.md; None: always."""
    return None if tree is True else _text(tree)


def _text(tree):
    if isinstance(tree, bool):
        return "true" if tree else "false"
    test, yes, no = tree
    name, text = quote_name(test[0].name), test_text(test)
    fails = f"not (active({name}) and {text})"  # also where it is absent
    parts = []
    if yes is True:
        parts.append(text)
    elif yes is not False:
        parts.append(f"{text} and ({_text(yes)})")
    if no is True:
        parts.append(fails)
    elif no is not False:
        parts.append(f"{fails} and ({_text(no)})")
    return " or ".join(f"({p})" if len(parts) > 1 else p for p in parts)


# ---- a space ---------------------------------------------------------------------------------------------------


def learn(params, conditions, rows, suspects, order=()):
    """New conditions of the parameters named in `suspects`.

    params      list of Param in the order of the space
    conditions  dict of name -> text or None, of all parameters
    rows        (values by name, names asked for, complete): of an incomplete row what is missing says nothing
    suspects    names whose condition is to be learned
    order       names in the order in which the newest trial asked for them

    Returns dict of name -> text or None.
    """
    place = {p.name: i for i, p in enumerate(params)}
    asked_at = {name: i for i, name in enumerate(order)}
    out = dict(conditions)
    for name in sorted(suspects, key=place.__getitem__):
        table = [
            (values, name in asked) for values, asked, complete in rows if name in asked or complete
        ]
        out[name] = None  # while its parents are looked for
        parents = [q for q in params if _may_be_parent(q.name, name, place, asked_at, out)]
        parents.reverse()  # the nearest first
        out[name] = tree_text(grow_tree(parents, table))
    return out


def _may_be_parent(q, name, place, asked_at, conditions):
    if q == name:
        return False
    if q in asked_at and name in asked_at:
        before = asked_at[q] < asked_at[name]
    else:
        before = place[q] < place[name]
    return before and not _depends(q, name, conditions)


def _depends(q, name, conditions):
    """Does the condition of q read `name`, directly or not?"""
    todo, seen = [q], set()
    while todo:
        one = todo.pop()
        if one == name:
            return True
        if one not in seen:
            seen.add(one)
            todo.extend(names_in(conditions.get(one)))
    return False
