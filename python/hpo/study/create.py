# SPDX-License-Identifier: Apache-2.0
"""Making studies, opening them, and what a storage holds."""

import json
import math
import os

from .. import _core, logging, pruners, samplers
from ..exceptions import NotFoundError
from ..space import Space
from ..storages import get_storage
from ..trial import TrialState
from .direction import StudyDirection, direction_of
from .grid import start_grid
from .study import Study


def create_study(
    *,
    storage=None,
    sampler=None,
    pruner=None,
    study_name=None,
    direction=None,
    load_if_exists=False,
    directions=None,
    space=None,
    seed=None,
    constraints=None,
    noisy=False,
    trials=0,
    seconds=0.0,
    cost=0.0,
    target=None,
    stagnation=0,
    until=None,
    metadata=None,
    lag=0,
    lease=0.0,
    max_retries=3,
):
    """Makes a study.

    storage        None (memory), a file name, a URL, or a Storage
    sampler        an object of hpo.samplers, or the library's text ("tpe:initial=10"); default: AutoSampler
    pruner         an object of hpo.pruners, or the library's text; default: "auto", which stops nothing in an objective that
                   never asks should_prune() and whose space declares no fidelity; "none" with several objectives or a lag
    direction(s)   "minimize" (default) or "maximize"; a list for several objectives
    space          a Space, its text, or a dict: declared.  Without it the space is learned from the objective
    seed           of the sampler; default: the sampler's, else a new one every time
    constraints    names of measured constraints, or {name: maximum}: trial.set_constraint(name, value)
    noisy          the same configuration may be worth a second trial
    trials, seconds, cost, target, stagnation
                   the study's budget, exact over all workers
    until          a stopping rule, e.g. "regret or stagnation:trials=50"
    lag            with k workers and lag=k: the same suggestions whatever the order of results (declared spaces)
    """
    if direction is not None and directions is not None:
        raise ValueError("direction and directions exclude each other: give one")
    ways = [direction_of(d) for d in (directions if directions is not None else [direction or "minimize"])]
    if not ways:
        raise ValueError("directions is empty: give at least one")
    names = ["value"] if len(ways) == 1 else [f"value_{i}" for i in range(len(ways))]
    outcomes = constraints if isinstance(constraints, dict) else dict.fromkeys(constraints or (), 0.0)
    store = get_storage(storage)
    spec, custom = pruners.spec_of(pruner)
    if custom is not None:
        spec = "none"
    elif spec is None and len(ways) == 1 and not lag:
        spec = "auto"
    if isinstance(sampler, type) and issubclass(sampler, samplers.BaseSampler):
        sampler = sampler()
    if seed is None:
        seed = getattr(sampler, "seed", None)
    if seed is None:
        seed = int.from_bytes(os.urandom(6), "little")
    if study_name is None:
        study_name = "no-name-" + os.urandom(8).hex() if store.shared else "default"
    if space is not None and not isinstance(space, Space):
        space = Space(space)
    handle = _core.Study.create(
        store.core(),
        space.json if space is not None else '{"params":{}}',
        [(n, w == StudyDirection.MAXIMIZE) for n, w in zip(names, ways)],
        [(k, float(v)) for k, v in outcomes.items()],
        name=study_name,
        seed=seed % 2**64,
        sampler=samplers.spec_of(sampler),
        scheduler=spec,
        until=until,
        metadata=json.dumps(metadata) if metadata is not None else None,
        open_space=int(space is None),
        reuse=int(load_if_exists),
        noisy=int(noisy),
        trials=trials,
        seconds=seconds,
        cost=cost,
        target=math.nan if target is None else target,
        stagnation=stagnation,
        lag=lag,
        lease=lease,
        max_retries=max_retries,
    )
    study = Study(store, study_name, handle, custom, sampler if isinstance(sampler, samplers.BaseSampler) else None)
    start_grid(study, sampler)
    logging.info(f"A new study created in {store.url} with name: {study_name}")
    return study


def load_study(*, study_name=None, storage, sampler=None, pruner=None):
    """Opens a stored study; study_name None: the only one."""
    store = get_storage(storage)
    if study_name is None:
        names = store.study_names()
        if len(names) != 1:
            raise NotFoundError(f"{store.url} holds {len(names)} studies: name one of {', '.join(names) or '(none)'}")
        study_name = names[0]
    _, custom = pruners.spec_of(pruner)
    study = Study(store, study_name, None, custom)
    if sampler is not None:
        study.sampler = sampler
    return study


def delete_study(*, study_name, storage):
    """Removes a study and all its trials."""
    get_storage(storage).delete_study(study_name)


def get_all_study_names(storage):
    """Names of the studies in a storage."""
    return get_storage(storage).study_names()


class StudySummary:
    """What get_all_study_summaries returns."""

    def __init__(self, study):
        s = study._summary()
        self.study_name, self.directions = study.study_name, study.directions
        self.direction = study.directions[0] if len(study.directions) == 1 else None
        self.n_trials = s["n_trials"]
        best = study.best_trials if len(study.directions) == 1 else []
        self.best_trial = best[0] if best else None
        self.user_attrs, self.system_attrs = study.user_attrs, study.system_attrs
        import datetime

        self.datetime_start = datetime.datetime.fromtimestamp(s["created_ms"] / 1000) if s["n_trials"] else None

    def __repr__(self):
        return f"StudySummary({self.study_name!r}, {self.n_trials} trials)"


def get_all_study_summaries(storage, include_best_trial=True):
    """A StudySummary for each study in a storage."""
    store = get_storage(storage)
    return [StudySummary(Study(store, name)) for name in store.study_names()]


def copy_study(*, from_study_name, from_storage, to_storage, to_study_name=None):
    """Copies a study with its trials and attributes into another storage."""
    old = load_study(study_name=from_study_name, storage=from_storage)
    s = old._summary()
    new = create_study(
        study_name=to_study_name or from_study_name,
        storage=to_storage,
        sampler=s["sampler"],
        pruner=s["scheduler"],
        directions=old.directions,
        space=None if old._open else old.space,
        seed=s["seed"],
        constraints=old._outcomes,
        noisy=bool(s["noisy"]),
    )
    for key, value in old.user_attrs.items():
        new.set_user_attr(key, value)
    new.add_trials(t for t in old.trials if t.state != TrialState.RUNNING)
    return new
