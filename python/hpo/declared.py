# SPDX-License-Identifier: Apache-2.0
"""Functions of keyword arguments as objectives: minimize, maximize, and the decorator objective."""

import functools

from .space import Space
from .study import create_study


def objective(space=None, /, **params):
    """Decorator: a function of the parameters becomes an objective with a declared space.

    @hpo.objective(lr="log 1e-5..1", layers="int 1..8")
    def loss(lr, layers):
        ...

    study = hpo.create_study(space=loss.space); study.optimize(loss, n_trials=100)
    loss(lr=0.1, layers=2)   # still the function
    """
    declared = space if isinstance(space, Space) and not params else Space(space, **params)

    def decorate(func):
        @functools.wraps(func)
        def call(trial=None, /, **kwargs):
            if trial is None:
                return func(**kwargs)
            return func(**trial.params)

        call.space = declared
        return call

    return decorate


def _search(func, space, direction, n_trials, timeout, n_jobs, options):
    if space is None:
        space = getattr(func, "space", None)
        if space is None:
            raise TypeError("give a space: hpo.minimize(f, {'x': '0..1'}), or decorate f with hpo.objective")
        call = func
    else:
        call = objective(space)(func)
    study = create_study(space=call.space, direction=direction, **options)
    study.optimize(call, n_trials=n_trials, timeout=timeout, n_jobs=n_jobs)
    return study


def minimize(func, space=None, /, *, n_trials=None, timeout=None, n_jobs=1, **options):
    """Minimises func(**parameters) over a space; returns the Study.

    hpo.minimize(lambda x, y: (x - 1) ** 2 + y * y, {"x": "-5..5", "y": "-5..5"}, n_trials=100).best_params
    """
    return _search(func, space, "minimize", n_trials, timeout, n_jobs, options)


def maximize(func, space=None, /, *, n_trials=None, timeout=None, n_jobs=1, **options):
    """Maximises func(**parameters) over a space; returns the Study."""
    return _search(func, space, "maximize", n_trials, timeout, n_jobs, options)
