#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CMA-ES by the package cmaes (github.com/CyberAgentAILab/cmaes), in the unit cube of the variables.

The usual start: mean in the middle, sigma 1/6 of the range, default population.  Integers and ordinals are
rounded, categories are not offered.  A failed evaluation counts as the worst value so far.
"""
import argparse

from hpo_solver import Solver, Unsupported, run, unavailable

try:
    import cmaes
    import numpy
except ImportError as e:
    unavailable("cmaes", e)


class CmaEs(Solver):
    def __init__(self, seed, problem):
        super().__init__(seed, problem)
        n = len(problem.variables)
        if n < 2:
            raise Unsupported("cmaes needs two variables at least")
        self.generation, self.points, self.worst = [], {}, 0.0
        self.es = cmaes.CMA(mean=numpy.full(n, 0.5), sigma=options.sigma, seed=seed % 2**32,
                            bounds=numpy.tile([0.0, 1.0], (n, 1)))

    def ask(self, number):
        u = self.es.ask()
        self.points[number] = u
        return [v.from_unit(min(max(t, 0.0), 1.0)) for v, t in zip(self.problem.variables, u)]

    def tell(self, number, params, values, step):
        if values is not None:
            self.worst = max(self.worst, values[0])
        self.generation.append((self.points.pop(number), values[0] if values is not None else self.worst))
        if len(self.generation) == self.es.population_size:
            self.es.tell(self.generation)
            self.generation = []


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--sigma", type=float, default=1 / 6)
options = parser.parse_args()
run("cmaes", CmaEs, version="cmaes " + getattr(cmaes, "__version__", "?"),
    capabilities=("UNIFORM_CONTINUOUS", "LOG_UNIFORM_CONTINUOUS", "UNIFORM_DISCRETE", "LOG_UNIFORM_DISCRETE"))
