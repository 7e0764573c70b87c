#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Independent uniform draws by numpy: the baseline, and the shortest example of an adapter."""
from hpo_solver import Solver, run, unavailable

try:
    import numpy
except ImportError as e:
    unavailable("numpy", e)


class Random(Solver):
    def __init__(self, seed, problem):
        super().__init__(seed, problem)
        self.rng = numpy.random.default_rng(seed)

    def ask(self, number):
        return self.problem.choose(lambda v: v.from_unit(self.rng.random()))


run("numpy-random", Random, extensions=["OUTCOMES"], version="numpy " + numpy.__version__)
