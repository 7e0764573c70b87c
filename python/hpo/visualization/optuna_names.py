# SPDX-License-Identifier: Apache-2.0
"""Optuna's names and arguments for the pictures of hpo.plot; each returns a Figure that is not drawn yet."""

from ..exceptions import UnsupportedError
from ..plot import parameters, progress, trials

VALUE = "Objective Value"


def _name(target, target_name):
    """Optuna's default name says less than the study's."""
    return None if target is None and target_name == VALUE else target_name


def plot_optimization_history(study, *, target=None, target_name=VALUE, error_bar=False):
    """hpo.plot.history"""
    return progress.history(study, target=target, target_name=_name(target, target_name), error_bar=error_bar)


def plot_edf(study, *, target=None, target_name=VALUE):
    """hpo.plot.edf"""
    return progress.edf(study, target=target, target_name=_name(target, target_name))


def plot_hypervolume_history(study, reference_point):
    """hpo.plot.hypervolume_history"""
    return progress.hypervolume_history(study, reference_point)


def plot_parallel_coordinate(study, params=None, *, target=None, target_name=VALUE):
    """hpo.plot.parallel"""
    return parameters.parallel(study, params, target=target, target_name=_name(target, target_name))


def plot_slice(study, params=None, *, target=None, target_name=VALUE):
    """hpo.plot.slice"""
    return parameters.slice(study, params, target=target, target_name=_name(target, target_name))


def plot_contour(study, params=None, *, target=None, target_name=VALUE):
    """hpo.plot.contour"""
    return parameters.contour(study, params, target=target, target_name=_name(target, target_name))


def plot_rank(study, params=None, *, target=None, target_name=VALUE):
    """hpo.plot.rank"""
    return parameters.rank(study, params, target=target, target_name=_name(target, target_name))


def plot_pareto_front(
    study, *, target_names=None, include_dominated_trials=True, axis_order=None, constraints_func=None, targets=None
):
    """hpo.plot.pareto"""
    if constraints_func is not None or targets is not None:
        raise UnsupportedError("plot_pareto_front: constraints_func and targets are not supported; use trial.set_constraint")
    n = len(study.directions)
    if target_names is not None and len(target_names) != n:
        raise ValueError(f"target_names has {len(target_names)} names: the study has {n} objectives")
    figure = trials.pareto(study, objectives=axis_order, dominated=include_dominated_trials)
    if target_names is not None:
        known = trials.View(study).names
        for panel in figure.panels:
            for axis in (panel.x, panel.y):
                axis.title = target_names[known.index(axis.title)]
    return figure


def plot_intermediate_values(study):
    """hpo.plot.curves"""
    return trials.curves(study)


def plot_timeline(study, n_recent_trials=None):
    """hpo.plot.timeline, a row a trial"""
    return trials.timeline(study, by="trial", recent=n_recent_trials)


def plot_param_importances(study, *args, **kwargs):
    """Not there."""
    raise UnsupportedError("plot_param_importances: importance is not there yet; plot_slice and plot_rank show what matters")


def plot_terminator_improvement(study, *args, **kwargs):
    """Not there."""
    raise UnsupportedError("plot_terminator_improvement is not there: study.explain() says what the stopping rule sees")


PLOTS = {name: one for name, one in vars().copy().items() if name.startswith("plot_")}
