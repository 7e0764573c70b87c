# SPDX-License-Identifier: Apache-2.0
"""Samplers as classes, one for each in the library: its options are the keywords.

AutoSampler, RandomSampler, GridSampler, SobolSampler, HaltonSampler, ..., TPESampler, GPSampler, ForestSampler ...
`help(hpo.samplers.TPESampler)` shows the options.  The names and keywords of Optuna that mean the same are taken too.

A sampler of your own is a class derived from BaseSampler, or from any of the others, with methods of Optuna's names.
"""

import itertools
import sys
from types import MappingProxyType

from . import _core
from .exceptions import InvalidError, UnsupportedError
from .later import json

_table = None


def _registry():
    """{name: description} of the library's samplers."""
    global _table
    if _table is None:
        _table = {d["name"]: d for d in map(json.loads, _core.registry(0))}
    return _table


class BaseSampler:
    """Base class of all samplers, and of those that you write.  `spec` is the library's text, e.g. "tpe:initial=10".

    A sampler of your own overrides some of the methods below; the parameters and trials that they get are FrozenTrials and
    distributions of this package.  What it does not choose is proposed by the library, with the sampler that the class is
    derived from; that is random search for BaseSampler itself.  docs/python.md has an example.
    """

    _name = "random"
    _aliases = {}  # keyword of Optuna -> ours, or None: accepted and not needed
    seed = None  # of the study, where it has none
    constraints_func = None
    options = MappingProxyType({})  # a class of one's own need not call __init__

    def __init__(self, *, seed=None, constraints_func=None, **options):
        self.seed = seed
        self.constraints_func = constraints_func
        self.options = {}
        known = {o["name"]: o for o in _registry()[self._name]["options"]}
        for key, value in options.items():
            ours = self._aliases.get(key, key)
            if ours is None:
                continue
            if ours not in known:
                near = ", ".join(known) or "none"
                raise TypeError(f"{type(self).__name__}: unknown option {key!r}; it has: {near}")
            self.options[ours] = value

    @property
    def spec(self):
        return _spec(self._name, self.options)

    # ---- what a sampler of one's own overrides ----

    def before_trial(self, study, trial):
        """Called when a trial was handed out, before anything else."""

    def infer_relative_search_space(self, study, trial):
        """{name: distribution} of the parameters whose values sample_relative chooses together.  Here: none."""
        return {}

    def sample_relative(self, study, trial, search_space):
        """{name: value} for parameters of the search space, all of them or some, once a trial."""
        return {name: self.sample_independent(study, trial, name, one) for name, one in search_space.items()}

    def sample_independent(self, study, trial, param_name, param_distribution):
        """The value of a parameter that sample_relative did not choose, when the objective asks for it.

        Here: what the library proposes in this trial.  RandomSampler may be asked again and draws anew each time.
        """
        return study._proposal(self, trial.number, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        """Called when a trial ends, before its result is recorded.  state: COMPLETE, PRUNED or FAIL."""

    def reseed_rng(self):
        """Called in each process of Study.map.  Here it does nothing: draws are numbered, see docs/determinism.md."""

    def __repr__(self):
        inside = ", ".join(f"{k}={v!r}" for k, v in self.options.items())
        return f"{type(self).__name__}({inside})"


def _spec(name, options):
    if not options:
        return name
    return name + ":" + ",".join(f"{k}={_option_text(v)}" for k, v in options.items())


def _option_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value) if isinstance(value, float) else str(value)
    if "," in text or "=" in text:
        raise InvalidError(f"option value {text!r}: must not contain ',' or '='")
    return text


_CLASSES = {
    "AutoSampler": "auto",
    "RandomSampler": "random",
    "SobolSampler": "sobol",
    "HaltonSampler": "halton",
    "RSequenceSampler": "rsequence",
    "LHSSampler": "lhs",
    "TPESampler": "tpe",
    "LocalSampler": "local",
    "GPSampler": "gp",
    "ForestSampler": "forest",
    "CQRSampler": "cqr",
    "BORESampler": "bore",
    "DNGOSampler": "dngo",
    "TurboSampler": "turbo",
    "BaxusSampler": "baxus",
    "SphereSampler": "sphere",
    "AdditiveSampler": "additive",
    "BOHBSampler": "bohb",
    "MOBSTERSampler": "mobster",
    "PriorBandSampler": "priorband",
    "HyperTuneSampler": "hyper-tune",
    "FreezeThawSampler": "freeze-thaw",
    "DyHPOSampler": "dyhpo",
    "LCNetSampler": "lcnet",
    "DPLSampler": "dpl",
}
_ALIASES = {
    "tpe": {
        "n_startup_trials": "initial",
        "n_ei_candidates": "candidates",
        "constant_liar": "liar",
        "multivariate": None,
        "group": None,
        "consider_prior": None,
        "prior_weight": None,
        "consider_magic_clip": None,
        "consider_endpoints": None,
        "warn_independent_sampling": None,
        "gamma": None,
        "weights": None,
        "categorical_distance_func": None,
    },
    "gp": {
        "n_startup_trials": "initial",
        "independent_sampler": None,
        "deterministic_objective": None,
        "warn_independent_sampling": None,
    },
}
_MISSING = {
    "CmaEsSampler": "AutoSampler, GPSampler or LocalSampler",
    "NSGAIISampler": "AutoSampler",
    "NSGAIIISampler": "AutoSampler",
    "MOTPESampler": "AutoSampler",
    "BruteForceSampler": "GridSampler with a search_space, or a declared space with sampler='grid'",
    "PartialFixedSampler": "Study.enqueue_trial with the fixed values",
    "BoTorchSampler": "GPSampler",
}


def _make(class_name, name):
    d = _registry()[name]
    lines = [d["help"], "", f"Reference: {d['reference']}", ""]
    for o in d["options"]:
        lines.append(f"{o['name']} ({o['type']}, default {o['default']}): {o['help']}.")
    from inspect import Parameter, Signature

    keywords = [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)]
    keywords += [Parameter(o["name"], Parameter.KEYWORD_ONLY, default=o["default"]) for o in d["options"]]
    keywords.append(Parameter("seed", Parameter.KEYWORD_ONLY, default=None))
    body = {"__doc__": "\n".join(lines), "__module__": __name__, "_name": name, "_aliases": _ALIASES.get(name, {})}
    cls = type(class_name, (BaseSampler,), body)
    cls.__signature__ = Signature(keywords[1:])
    return cls


class QMCSampler(BaseSampler):
    """Optuna's name for SobolSampler and HaltonSampler: qmc_type "sobol" or "halton"."""

    def __init__(self, *, qmc_type="sobol", scramble=True, seed=None, **_):
        if qmc_type not in ("sobol", "halton"):
            raise InvalidError(f"qmc_type is {qmc_type!r}: use 'sobol' or 'halton'")
        self._name = qmc_type
        super().__init__(seed=seed)
        if not scramble:
            self.options["scramble"] = "none"


class GridSampler(BaseSampler):
    """Every combination of the values of `search_space` ({name: [values]}) once; then the study ends.

    Without a search_space: the library's grid, for declared spaces (options: points, shuffle, force).
    """

    _name = "grid"

    def __init__(self, search_space=None, seed=None, **options):
        super().__init__(seed=seed, **options)
        self.search_space = None if search_space is None else {k: list(v) for k, v in search_space.items()}

    @property
    def spec(self):
        return "random" if self.search_space is not None else super().spec

    def points(self):
        names = list(self.search_space)
        for values in itertools.product(*self.search_space.values()):
            yield dict(zip(names, values))


def __getattr__(name):
    if name in ("IntersectionSearchSpace", "intersection_search_space"):
        from . import search_space

        return getattr(search_space, name)
    if name in _CLASSES:
        cls = globals()[name] = _make(name, _CLASSES[name])
        return cls
    if name in _MISSING:
        raise UnsupportedError(f"{name} does not exist here: use {_MISSING[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__():
    return sorted([*_CLASSES, "BaseSampler", "GridSampler", "QMCSampler"])


_HOOKS = ("before_trial", "infer_relative_search_space", "sample_relative", "sample_independent", "after_trial")


def in_python(sampler):
    """Is it a sampler object with methods of its own?"""
    return isinstance(sampler, BaseSampler) and any(getattr(type(sampler), m) is not getattr(BaseSampler, m) for m in _HOOKS)


def made(sampler):
    """An object where a class was given."""
    return sampler() if isinstance(sampler, type) and issubclass(sampler, BaseSampler) else sampler


def spec_of(sampler, own=False):
    """The library's text for a sampler object, a class, a text, or None.  own: one written in Python may be given."""
    sampler = made(sampler)
    if sampler is None or isinstance(sampler, str):
        return sampler
    if isinstance(sampler, BaseSampler):
        if not own and in_python(sampler):
            raise UnsupportedError(f"{type(sampler).__name__} is written in Python: it works in hpo.create_study, not here")
        return sampler.spec
    raise UnsupportedError(
        f"{sampler!r} is no sampler of this package: use hpo.samplers, or a text such as 'tpe:initial=10'"
    )
