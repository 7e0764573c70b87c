# SPDX-License-Identifier: Apache-2.0
"""HpoStorage: Optuna's studies in a study file of this library.

An Optuna study is a study whose space is learned.  A trial is a row like any other, so `hpo top`, `hpo best`,
`hpo plot` and SQL read it, and studies that `hpo` has made can be opened from Optuna; book.py tells what stands where.
The id of a trial is study * 2^40 + number: unique, since ids of studies are never given again.

Trials are held for ever, as in Optuna: no lease ends.  With a heartbeat, those of dead processes fail and may be
retried.
"""

import copy
import json
import math
import threading
import time
import uuid

import optuna
from optuna.distributions import check_distribution_compatibility, distribution_to_json
from optuna.storages import BaseStorage
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import TrialState

import hpo
from hpo.exceptions import DuplicatedStudyError, HpoError
from hpo.exceptions import UpdateFinishedTrialError as NotUpdatable
from hpo.storages import Storage
from hpo.trial import FIXED

from .book import BITS, HEARTBEAT, NOTE, OF_CORE, SYSTEM_KEY, Book, Held, pack, split_attrs, text_of, user_key
from .sampler import STATES, constraints_of, fitting_distribution

_FINISHED = getattr(optuna.exceptions, "UpdateFinishedTrialError", RuntimeError)


class HpoStorage(BaseStorage, BaseHeartbeat):
    """A study file of this library as a storage of Optuna: optuna.create_study(storage=HpoStorage("study.db")).

    url                    a file, made when absent; any number of processes and threads may use it at once
    constraints            names of the constraints ("c0", "c1" ... for a constraints_func) of studies that are made
                           here: samplers and `hpo best` know them then
    heartbeat_interval     seconds between signs of life of running trials; None: none
    grace_period           seconds without one after which a trial has failed; default: twice the interval
    failed_trial_callback  called with (study, FrozenTrial), e.g. optuna.storages.RetryFailedTrialCallback(3)
    """

    def __init__(
        self, url, *, constraints=(), heartbeat_interval=None, grace_period=None, failed_trial_callback=None
    ):
        for name, value in (("heartbeat_interval", heartbeat_interval), ("grace_period", grace_period)):
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}: must be positive, or None")
        self._constraints = list(constraints)
        self._interval, self._grace, self._callback = heartbeat_interval, grace_period, failed_trial_callback
        self._storage = Storage(url)
        self._start()

    def _start(self):
        self._lock = threading.RLock()
        self._books = {}  # study id -> book

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["_lock"], state["_books"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._start()

    def __repr__(self):
        return f"HpoStorage({self._storage.url!r})"

    # ---- finding ----

    def _open(self, name):
        book = Book(Held(self._storage, name))
        return self._books.setdefault(book.id, book)

    def _names(self):
        return self._storage.study_names()

    def _book(self, study_id):
        book = self._books.get(study_id)
        if book is not None:
            try:
                book.study._summary()
                return book
            except HpoError:  # deleted elsewhere
                del self._books[study_id]
        known = {b.study.study_name for b in self._books.values()}
        for name in self._names():
            if name not in known:
                found = self._open(name)
                if found.id == study_id:
                    return found
        raise KeyError(f"{self._storage.url} has no study with id {study_id}")

    def _trial(self, trial_id):
        """(book, number) of a trial that exists."""
        book = self._book(trial_id >> BITS) if trial_id > 0 else None
        number = trial_id & ((1 << BITS) - 1)
        if book is None or number >= book.study._summary()["n_trials"]:
            raise KeyError(f"{self._storage.url} has no trial with id {trial_id}")
        return book, number

    def _updatable(self, trial_id):
        """(book, number, state) of a trial that has not ended."""
        book, number = self._trial(trial_id)
        state = OF_CORE[book.row(number)[1]]
        if state.is_finished():
            raise _FINISHED(f"trial {number} has ended as {state.name}: it cannot be changed")
        return book, number, state

    def _missed(self, trial_id):
        """Has a trial ended elsewhere that was waiting when this process last listed it?  Whoever wants it from the queue
        was too slow, which is no error."""
        book, number = self._trial(trial_id)
        seen = book.cache[number] if number < len(book.cache) else None
        return seen is not None and seen.state == TrialState.WAITING and OF_CORE[book.row(number)[1]].is_finished()

    # ---- studies ----

    def create_new_study(self, directions, study_name=None):
        name = study_name or "no-name-" + str(uuid.uuid4())
        ways = []
        for d in directions:
            if d == StudyDirection.NOT_SET:
                raise ValueError("a direction is NOT_SET: use MINIMIZE or MAXIMIZE")
            ways.append("maximize" if d == StudyDirection.MAXIMIZE else "minimize")
        with self._lock:
            try:
                made = hpo.create_study(
                    storage=self._storage,
                    study_name=name,
                    directions=ways,
                    sampler="random",
                    pruner="none",
                    constraints=self._constraints,
                    lease=1e12,
                )
            except DuplicatedStudyError as e:
                raise optuna.exceptions.DuplicatedStudyError(str(e)) from e
            del made
            return self._open(name).id

    def delete_study(self, study_id):
        with self._lock:
            book = self._book(study_id)
            self._books.pop(study_id)
            self._storage.delete_study(book.study.study_name)

    def _set_study_attr(self, study_id, key, value):
        text = pack(value)
        with self._lock:
            self._book(study_id).study._do("set_attr", -1, key, text)

    def set_study_user_attr(self, study_id, key, value):
        self._set_study_attr(study_id, user_key(key), value)

    def set_study_system_attr(self, study_id, key, value):
        self._set_study_attr(study_id, SYSTEM_KEY + key, value)

    def get_study_id_from_name(self, study_name):
        with self._lock:
            for book in list(self._books.values()):
                if book.study.study_name == study_name:
                    return self._book(book.id).id
            if study_name not in self._names():
                raise KeyError(f"{self._storage.url} has no study '{study_name}'")
            return self._open(study_name).id

    def get_study_name_from_id(self, study_id):
        with self._lock:
            return self._book(study_id).study.study_name

    def get_study_directions(self, study_id):
        with self._lock:
            return list(self._book(study_id).directions)

    def _study_attrs(self, study_id):
        with self._lock:
            return split_attrs(self._book(study_id).study._attrs())

    def get_study_user_attrs(self, study_id):
        return self._study_attrs(study_id)[0]

    def get_study_system_attrs(self, study_id):
        return self._study_attrs(study_id)[1]

    def get_all_studies(self):
        with self._lock:
            out = []
            for name in self._names():
                book = self._book(self.get_study_id_from_name(name))
                user, system = self._study_attrs(book.id)
                out.append(
                    FrozenStudy(
                        study_name=name,
                        direction=None,
                        directions=list(book.directions),
                        user_attrs=user,
                        system_attrs=system,
                        study_id=book.id,
                    )
                )
            return out

    # ---- trials: writing ----

    def create_new_trial(self, study_id, template_trial=None):
        with self._lock:
            book = self._book(study_id)
            book.fresh()
            if template_trial is not None:
                return book.key(self._from_template(book, template_trial))
            return book.key(self._new(book))

    def _new(self, book):
        ours = book.study._do("ask", book.study, hpo.Trial, False, True)
        if not isinstance(ours, hpo.Trial):
            raise RuntimeError(f"study '{book.study.study_name}' is {book.study.status}: `hpo resume` lets it go on")
        book.held[ours.number] = ours
        book.notes[ours.number] = {}
        return ours.number

    def _from_template(self, book, template):
        note = {
            "params": {
                name: [template.distributions[name].to_internal_repr(value), distribution_to_json(template.distributions[name])]
                for name, value in template.params.items()
            }
        }
        if template.datetime_start is not None:
            note["start"] = text_of(template.datetime_start)
        if template.datetime_complete is not None:
            note["complete"] = text_of(template.datetime_complete)
        complete = template.state == TrialState.COMPLETE
        if template.values is not None and template.state != TrialState.COMPLETE:
            note["values"] = list(template.values)
        attributes = {NOTE: note}
        packed = [(user_key(k), v) for k, v in template.user_attrs.items()]
        packed += [(SYSTEM_KEY + k, v) for k, v in template.system_attrs.items()]
        attributes.update((k, json.loads(pack(v))) for k, v in packed)
        if template.state == TrialState.WAITING:
            fixed = template.system_attrs.get("fixed_params") or template.params
            attributes[FIXED] = {k: v if isinstance(v, (str, int, float, bool)) else str(v) for k, v in fixed.items()}
            return book.study._do("enqueue", "{}", json.dumps(attributes))
        if template.state == TrialState.RUNNING:
            number = self._new(book)
            book.notes[number] = note
            for key, value in attributes.items():
                book.study._do("set_attr", number, key, json.dumps(value))
            for step, value in template.intermediate_values.items():
                self._report(book, number, step, value)
            return number
        if not complete and "values" not in note and template.intermediate_values:
            note["values"] = None
        past = hpo.FrozenTrial(
            -1,
            STATES[template.state],
            values=None if template.state == TrialState.FAIL else template.values,
            datetime_start=template.datetime_start,
            datetime_complete=template.datetime_complete,
            params=dict(template.params),
            distributions={n: fitting_distribution(d, template.params[n]) for n, d in template.distributions.items()},
            user_attrs=attributes,
            intermediate_values=dict(template.intermediate_values),
            constraints=constraints_of(template.system_attrs),
        )
        if len(book.directions) > 1:
            past.intermediate_values = {
                s: [v] + [math.nan] * (len(book.directions) - 1) for s, v in template.intermediate_values.items()
            }
        return book.study.add_trial(past)

    def set_trial_param(self, trial_id, param_name, param_value_internal, distribution):
        with self._lock:
            book, number, state = self._updatable(trial_id)
            if param_name in book.kinds:
                check_distribution_compatibility(book.kinds[param_name], distribution)
            book.kinds.setdefault(param_name, distribution)
            if state == TrialState.RUNNING:
                book.take(number)
            note = book.note(number)
            note.setdefault("params", {})[param_name] = [float(param_value_internal), distribution_to_json(distribution)]
            book.put(number, note)
            book.show(number, note)

    def set_trial_state_values(self, trial_id, state, values=None):
        with self._lock:
            if state == TrialState.RUNNING and self._missed(trial_id):
                return False
            book, number, now = self._updatable(trial_id)
            if now == TrialState.WAITING and state != TrialState.WAITING:
                try:
                    book.held[number] = book.study._do("take", book.study, hpo.Trial, number)
                except NotUpdatable:  # somebody else was quicker
                    if state == TrialState.RUNNING:
                        return False
                    return self.set_trial_state_values(trial_id, state, values)
                book.notes[number] = json.loads(book.row(number)[7] or "{}").get(NOTE, {})
                if state == TrialState.RUNNING:
                    return True
            elif state == TrialState.RUNNING or state == now:
                return state != TrialState.RUNNING
            try:
                book.end(number, state, values)
            except NotUpdatable as e:
                raise _FINISHED(str(e)) from e
            return True

    def _report(self, book, number, step, value):
        values = [float(value)] + [math.nan] * (len(book.directions) - 1)
        book.take(number)._report(float(step), values if len(values) > 1 else values[0], -1, None)

    def set_trial_intermediate_value(self, trial_id, step, intermediate_value):
        with self._lock:
            book, number, state = self._updatable(trial_id)
            if state == TrialState.WAITING:
                raise RuntimeError(f"trial {number} waits: nothing is measured before it runs")
            self._report(book, number, step, intermediate_value)

    def _set_trial_attr(self, trial_id, key, value):
        text = pack(value)
        with self._lock:
            book, number, _ = self._updatable(trial_id)
            book.study._do("set_attr", number, key, text)

    def set_trial_user_attr(self, trial_id, key, value):
        self._set_trial_attr(trial_id, user_key(key), value)

    def set_trial_system_attr(self, trial_id, key, value):
        self._set_trial_attr(trial_id, SYSTEM_KEY + key, value)

    # ---- trials: reading ----

    def get_trial_id_from_study_id_trial_number(self, study_id, trial_number):
        with self._lock:
            book = self._book(study_id)
            if not 0 <= trial_number < book.study._summary()["n_trials"]:
                raise KeyError(f"study '{book.study.study_name}' has no trial {trial_number}")
            return book.key(trial_number)

    def get_trial_number_from_id(self, trial_id):
        with self._lock:
            return self._trial(trial_id)[1]

    def get_trial(self, trial_id):
        with self._lock:
            book, number = self._trial(trial_id)
            return book.trial(number)

    def get_trial_system_attrs(self, trial_id):
        return self.get_trial(trial_id).system_attrs

    def get_all_trials(self, study_id, deepcopy=True, states=None):
        with self._lock:
            trials = self._book(study_id).refresh()
            trials = list(trials) if states is None else [t for t in trials if t.state in states]
        if deepcopy:
            return copy.deepcopy(trials)
        return trials

    def get_n_trials(self, study_id, state=None):
        with self._lock:
            summary = self._book(study_id).study._summary()
        if state is None:
            return summary["n_trials"]
        states = (state,) if isinstance(state, TrialState) else state
        return sum(summary["counts"][i] for i, s in OF_CORE.items() if s in states)

    # ---- heartbeat ----

    def record_heartbeat(self, trial_id):
        with self._lock:
            book, number = self._trial(trial_id)
            if not OF_CORE[book.row(number)[1]].is_finished():
                book.study._do("set_attr", number, HEARTBEAT, str(int(time.time() * 1000)))

    def _get_stale_trial_ids(self, study_id):
        with self._lock:
            book = self._book(study_id)
            book.refresh()
            grace = self._grace if self._grace is not None else 2 * (self._interval or 0)
            limit = (time.time() - grace) * 1000
            out = []
            for row in book.rows(sorted(book.open), len(book.cache)):
                beat = json.loads(row[7] or "{}").get(HEARTBEAT)
                if OF_CORE[row[1]] == TrialState.RUNNING and beat is not None and beat < limit:
                    out.append(book.key(row[0]))
            return out

    def get_heartbeat_interval(self):
        return self._interval

    def get_failed_trial_callback(self):
        return self._callback
