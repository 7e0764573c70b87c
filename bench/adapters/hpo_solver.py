# SPDX-License-Identifier: Apache-2.0
"""The solver's side of the solver protocol (docs/solver-protocol.md): a loop over standard input and output.

    from hpo_solver import Solver, run

    class Mine(Solver):
        def __init__(self, seed, problem): ...
        def ask(self, number): return [value for every variable]     # None: inactive
        def tell(self, number, params, values, step): ...            # values None: it failed

    run("mine", Mine)

Python 3.8 or newer, nothing else.
"""
import ast
import json
import math
import os
import sys

CAPABILITIES = ("UNIFORM_CONTINUOUS", "LOG_UNIFORM_CONTINUOUS", "UNIFORM_DISCRETE", "LOG_UNIFORM_DISCRETE",
                "CATEGORICAL", "CONDITIONAL", "MULTI_OBJECTIVE", "CONCURRENT")


class Variable:
    """One variable.  kind: "continuous" low..high, "discrete" low..high (both included here) or "categorical"
    0..high with names in choices."""

    def __init__(self, spec):
        given = spec["range"]
        self.name = spec["name"]
        self.kind = given["type"].lower()
        self.log = spec.get("distribution") == "LOG_UNIFORM"
        self.choices = given.get("choices")
        self.labels = self.choices or spec.get("labels")  # what the numbers stand for
        self.opaque = bool(spec.get("opaque"))  # the number is not the parameter's own value
        self.when = Condition(spec["when"]) if spec.get("when") else None
        if self.kind == "categorical":
            self.low, self.high = 0, len(self.choices) - 1
        elif self.kind == "discrete":
            self.low, self.high = int(given["low"]), int(given["high"]) - 1
        else:
            self.low, self.high = given.get("low", -math.inf), given.get("high", math.inf)
            if math.isinf(self.low) or math.isinf(self.high):
                raise ValueError("variable '%s' has no finite range" % self.name)

    def from_unit(self, u):
        """The value at u in [0, 1) of the variable's distribution."""
        low, high = (self.low, self.high) if self.kind == "continuous" else (self.low - 0.5, self.high + 0.5)
        if self.log:
            x = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        else:
            x = low + u * (high - low)
        if self.kind != "continuous":
            x = math.floor(x + 0.5)
        return min(max(x, self.low), self.high)

    def to_unit(self, x):
        low, high = (self.low, self.high) if self.kind == "continuous" else (self.low - 0.5, self.high + 0.5)
        if self.log:
            return math.log(x / low) / math.log(high / low)
        return (x - low) / (high - low)

    def meaning(self, x):
        """What x stands for in a condition: a label, a truth value or the number itself."""
        if self.labels is None:
            return x
        label = self.labels[int(x)]
        return {"false": False, "true": True}.get(label, _number(label))


def _number(label):
    try:
        return float(label)
    except (TypeError, ValueError):
        return label


def _same(a, b):
    return a == b or str(a) == str(b) or _number(a) == _number(b)


class Unknown(Exception):
    """An inactive variable was read."""


class Condition:
    """A condition in the language of docs/expressions.md, as far as Python's grammar shares it.  One that
    uses more counts as true, which is allowed: the host ignores the values of inactive variables."""

    _OPERATORS = {
        ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b, ast.FloorDiv: lambda a, b: a // b, ast.Mod: lambda a, b: a % b,
        ast.Eq: _same, ast.NotEq: lambda a, b: not _same(a, b), ast.Lt: lambda a, b: a < b,
        ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b,
        ast.In: lambda a, b: any(_same(a, e) for e in b),
        ast.NotIn: lambda a, b: not any(_same(a, e) for e in b),
    }

    def __init__(self, text):
        try:
            self.tree = ast.parse(text, mode="eval").body
        except SyntaxError:
            self.tree = None

    def holds(self, problem, values):
        """values: name -> meaning of the variables decided so far."""
        if self.tree is None:
            return True
        try:
            return bool(self._value(self.tree, problem, values))
        except Unknown:
            return False
        except (TypeError, ValueError, ZeroDivisionError):
            return True

    def _logic(self, node, problem, values):
        """Three-valued: `true or unknown` is true, `false and unknown` is false."""
        decides, unknown = isinstance(node.op, ast.Or), False
        for part in node.values:
            try:
                if bool(self._value(part, problem, values)) == decides:
                    return decides
            except Unknown:
                unknown = True
        if unknown:
            raise Unknown
        return not decides

    def _compare(self, node, problem, values):
        left = self._value(node.left, problem, values)
        for op, right in zip(node.ops, node.comparators):
            right = self._value(right, problem, values)
            if type(op) not in self._OPERATORS:
                raise ValueError("unknown operator")
            if not self._OPERATORS[type(op)](left, right):
                return False
            left = right
        return True

    def _name(self, name, problem, values):
        if name in values:
            return values[name]
        if name in ("true", "false"):
            return name == "true"
        variable = problem.by_name.get(name)
        if variable is None and name in problem.labels:
            return name
        if variable is None or variable.opaque:
            raise ValueError("not known here")
        raise Unknown

    def _value(self, node, problem, values):
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._name(node.id, problem, values)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return [self._value(e, problem, values) for e in node.elts]
        if isinstance(node, ast.BoolOp):
            return self._logic(node, problem, values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self._value(node.operand, problem, values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand, problem, values)
        if isinstance(node, ast.BinOp) and type(node.op) in self._OPERATORS:
            return self._OPERATORS[type(node.op)](self._value(node.left, problem, values),
                                                  self._value(node.right, problem, values))
        if isinstance(node, ast.Compare):
            return self._compare(node, problem, values)
        raise ValueError("no part of the common language")


class Problem:
    def __init__(self, spec):
        steps = spec.get("steps", 1)
        self.name = spec["name"]
        self.attrs = spec.get("attrs", {})
        self.n_outcomes = int(self.attrs.get("hpo.outcomes", 0))
        self.variables = [Variable(v) for v in spec["params_domain"]]
        self.n_objectives = len(spec["values_domain"])
        self.steps = steps if isinstance(steps, int) else steps[-1]
        self.by_name = {v.name: v for v in self.variables}
        self.labels = {label for v in self.variables for label in v.labels or ()}

    def choose(self, pick):
        """Walks through the variables in an order in which conditions can be decided: pick(variable) is
        called for the active ones.  Returns the list of all values with None where inactive."""
        params = [None] * len(self.variables)
        values = {}
        left = list(range(len(self.variables)))
        while left:
            waiting = []
            for i in left:
                v = self.variables[i]
                if v.when is not None and not v.when.holds(self, values):
                    waiting.append(i)
                    continue
                params[i] = pick(v)
                if not v.opaque:
                    values[v.name] = v.meaning(params[i])
            if len(waiting) == len(left):
                break
            left = waiting
        return params


class Unavailable(Exception):
    """Something that the solver needs is not installed."""


class Unsupported(Exception):
    """The solver cannot do this problem."""


class Again:
    """What ask returns to go on with an earlier trial, up to a further step."""

    def __init__(self, number, step):
        self.number, self.step = number, step


class Solver:
    """What to implement.  ask may return the values, or (values, step) to stop the evaluation at a step, or
    Again(number, step).  Those who say OUTCOMES find the measured constraints (feasible iff <= 0) in
    self.outcomes in tell."""

    def __init__(self, seed, problem):
        self.seed, self.problem, self.outcomes = seed, problem, None

    def ask(self, number):
        raise NotImplementedError

    def tell(self, number, params, values, step):
        pass


def _send(stream, message):
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def _error(stream, kind, text):
    _send(stream, {"type": "ERROR_REPLY", "kind": kind, "message": " ".join(str(text).split())})


def _plain(value):
    """A JSON number, also from a type of numpy's."""
    if value is None:
        return None
    value = float(value)
    return int(value) if value.is_integer() and abs(value) < 2.0**53 else value


class _Session:
    def __init__(self, solver, problem):
        self.solver, self.problem, self.params = solver, problem, {}

    def ask(self, number):
        answer = self.solver.ask(number)
        if isinstance(answer, Again):
            trial = {"id": answer.number, "params": self.params[answer.number], "next_step": answer.step}
            return {"type": "ASK_REPLY", "trial": trial, "next_trial_id": number}
        params, step = answer if isinstance(answer, tuple) else (answer, self.problem.steps)
        self.params[number] = [_plain(v) for v in params]
        trial = {"id": number, "params": self.params[number], "next_step": step}
        return {"type": "ASK_REPLY", "trial": trial, "next_trial_id": number + 1}

    def tell(self, trial):
        values, number = trial["values"], trial["id"]
        if not values or any(v is None or math.isnan(v) for v in values):
            values = None
        self.solver.outcomes = trial.get("outcomes")
        params, step = self.params[number], trial["current_step"]
        if values is None or step >= self.problem.steps:
            del self.params[number]
        self.solver.tell(number, params, values, step)
        return {"type": "TELL_REPLY"}


def _serve(stream, make):
    sessions = {}
    for line in sys.stdin:
        if not line.strip():
            continue
        m = json.loads(line)
        kind, key = m["type"], m.get("solver_id", 0)
        try:
            if kind == "CREATE_SOLVER_CAST":
                problem = Problem(m["problem"])
                sessions[key] = _Session(make(m["random_seed"], problem), problem)
            elif kind == "DROP_SOLVER_CAST":
                sessions.pop(key, None)
            elif kind == "ASK_CALL":
                _send(stream, sessions[key].ask(m["next_trial_id"]))
            elif kind == "TELL_CALL":
                _send(stream, sessions[key].tell(m["trial"]))
            else:
                _error(stream, "INVALID_INPUT", "unknown message %s" % kind)
        except Unavailable as e:
            _error(stream, "UNAVAILABLE", e)
        except Unsupported as e:
            _error(stream, "UNSUPPORTED", e)


def run(name, make, capabilities=CAPABILITIES, extensions=(), version=""):
    """Serves until the input ends.  make(seed, problem) gives a Solver; extensions: "OUTCOMES", "STRUCTURED".
    Whatever the solver prints goes to standard error, so that it cannot disturb the messages."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    attrs = {"version": version, "hpo.extensions": " ".join(extensions)}
    _send(stream, {"type": "SOLVER_SPEC_CAST",
                   "spec": {"name": name, "attrs": attrs, "capabilities": list(capabilities)}})
    try:
        _serve(stream, make)
    except BrokenPipeError:
        pass


def unavailable(package, reason):
    """Ends the program before it has begun: the host reports "not available"."""
    why = reason or "no module %s" % package
    _error(sys.stdout, "UNAVAILABLE", "%s (python3 is %s)" % (why, sys.executable))
    sys.exit(0)
