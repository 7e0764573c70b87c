#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Samplers of Optuna (3.0 or newer; Debian's python3-optuna suffices), through its ask-and-tell interface.

Every sampler has the settings that Optuna gives it, but for the seed, `multivariate` where the name says so,
and `constraints_func` when the problem measures constraints.  Failed evaluations are told as FAIL, those that
ended early as PRUNED with their last value.

With --pruner a trial is evaluated step by step, as a program that reports every epoch: after each the pruner is asked,
and a trial goes on, or is told as PRUNED.
"""
import argparse
import logging
import warnings

from hpo_solver import CAPABILITIES, Again, Solver, run, unavailable

try:
    import optuna
    from optuna.trial import TrialState
except ImportError as e:
    unavailable("optuna", e)

optuna.logging.set_verbosity(logging.ERROR)
warnings.simplefilter("ignore")


def outcomes_of(trial):
    return trial.user_attrs["outcomes"]


def sampler(name, seed, constrained=False):
    s = optuna.samplers
    more = {"constraints_func": outcomes_of} if constrained else {}
    if name == "random":
        return s.RandomSampler(seed=seed)
    if name == "tpe":
        return s.TPESampler(seed=seed, **more)
    if name == "tpe-multivariate":
        return s.TPESampler(seed=seed, multivariate=True, group=True, **more)
    if name == "cmaes":
        import cmaes  # noqa: F401  Optuna itself says so only at the first suggestion
        return s.CmaEsSampler(seed=seed)
    if name == "qmc":
        import scipy  # noqa: F401
        return s.QMCSampler(seed=seed)
    if name == "nsgaii":
        return s.NSGAIISampler(seed=seed, **more)
    import torch  # noqa: F401  the GP of Optuna 3.6 and newer
    return s.GPSampler(seed=seed, **more)


def pruner(name):
    p = optuna.pruners
    return {
        "none": p.NopPruner,
        "median": p.MedianPruner,
        "halving": p.SuccessiveHalvingPruner,
        "hyperband": p.HyperbandPruner,
    }[name]()


class Optuna(Solver):
    def __init__(self, seed, problem):
        super().__init__(seed, problem)
        self.trials = {}
        self.going_on = []  # (number, next step)
        chosen = sampler(options.sampler, seed % 2**32, problem.n_outcomes > 0)
        self.study = optuna.create_study(directions=["minimize"] * problem.n_objectives, sampler=chosen,
                                         pruner=pruner(options.pruner))

    def ask(self, number):
        if self.going_on:
            return Again(*self.going_on.pop(0))
        trial = self.study.ask()
        self.trials[number] = trial

        def pick(v):
            if v.kind == "categorical":
                return trial.suggest_categorical(v.name, list(range(v.high + 1)))
            if v.kind == "discrete":
                return trial.suggest_int(v.name, v.low, v.high, log=v.log)
            return trial.suggest_float(v.name, v.low, v.high, log=v.log)

        chosen = self.problem.choose(pick)
        return chosen if options.pruner == "none" else (chosen, 1)

    def tell(self, number, params, values, step):
        if options.pruner != "none" and values is not None and step < self.problem.steps:
            trial = self.trials[number]
            trial.report(values[0], int(step))
            if not trial.should_prune():
                self.going_on.append((number, step + 1))
                return
        trial = self.trials.pop(number)
        if self.outcomes is not None:
            trial.set_user_attr("outcomes", self.outcomes)
        if values is None:
            self.study.tell(trial, state=TrialState.FAIL)
        elif step < self.problem.steps:
            if options.pruner == "none":
                trial.report(values[0], step)
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, values)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--sampler", default="tpe",
                    choices=["random", "tpe", "tpe-multivariate", "cmaes", "gp", "qmc", "nsgaii"])
parser.add_argument("--pruner", default="none", choices=["none", "median", "halving", "hyperband"])
options = parser.parse_args()
try:
    sampler(options.sampler, 0)
except (ImportError, AttributeError) as e:
    unavailable(options.sampler, "optuna %s: sampler %s: %s" % (optuna.__version__, options.sampler, e))
single = ("MULTI_OBJECTIVE",) if options.sampler in ("cmaes", "gp") or options.pruner != "none" else ()
constrained = () if options.sampler in ("cmaes", "qmc", "gp") else ("OUTCOMES",)
name = "optuna-" + options.sampler + ("" if options.pruner == "none" else "-" + options.pruner)
run(name, Optuna, [c for c in CAPABILITIES if c not in single], constrained,
    "optuna " + optuna.__version__)
