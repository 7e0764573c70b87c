#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asynchronous successive halving over independent uniform draws; Li et al., "A System for Massively Parallel
Hyperparameter Tuning", MLSys 2020, algorithm 2.  An example of a solver that stops trials and takes them up
again.

Rungs are at 1, eta, eta^2, ... steps and at the last one.  Without a fidelity it is random search.
"""
import argparse
import random

from hpo_solver import CAPABILITIES, Again, Solver, run


class Asha(Solver):
    def __init__(self, seed, problem):
        super().__init__(seed, problem)
        self.rng = random.Random(seed)
        self.rungs = [1]
        while self.rungs[-1] * options.eta < problem.steps:
            self.rungs.append(self.rungs[-1] * options.eta)
        if self.rungs[-1] < problem.steps:
            self.rungs.append(problem.steps)
        self.results = [{} for _ in self.rungs]  # number -> value, for each rung
        self.promoted = [set() for _ in self.rungs]

    def ask(self, number):
        for k in reversed(range(len(self.rungs) - 1)):
            ranked = sorted(self.results[k], key=lambda n: (self.results[k][n], n))
            for n in ranked[: len(ranked) // options.eta]:
                if n not in self.promoted[k]:
                    self.promoted[k].add(n)
                    return Again(n, self.rungs[k + 1])
        return self.problem.choose(lambda v: v.from_unit(self.rng.random())), self.rungs[0]

    def tell(self, number, params, values, step):
        if values is not None and step in self.rungs:
            self.results[self.rungs.index(step)][number] = values[0]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--eta", type=int, default=3)
options = parser.parse_args()
run("asha", Asha, [c for c in CAPABILITIES if c != "MULTI_OBJECTIVE"])
