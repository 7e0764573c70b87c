# SPDX-License-Identifier: Apache-2.0
"""Evaluating an objective again and again: optimize, on one thread or several."""

import os
import time
from _thread import allocate_lock
from operator import index

from .. import _core, logging
from ..later import threading
from ..trial import TO_CORE, Trial, TrialState
from .telling import Telling


class Optimizing(Telling):
    """The part of Study that runs objectives."""

    def optimize(
        self,
        func,
        n_trials=None,
        timeout=None,
        n_jobs=1,
        catch=(),
        callbacks=None,
        gc_after_trial=False,
        show_progress_bar=False,
    ):
        """Evaluates func(trial) again and again.

        n_trials, timeout: how many trials, how many seconds; the study's own budget counts too.
        n_jobs: threads (-1: as many as processors); `map` uses processes.
        catch: exceptions that fail a trial and not the loop.
        callbacks: called with (study, FrozenTrial) after each trial.
        """
        if not callable(func):
            raise TypeError(f"the objective is {func!r}: a function of a trial is needed")
        catch = errors(catch)
        n_trials, timeout, n_jobs = how_many("n_trials", n_trials), how_long(timeout), how_many("n_jobs", n_jobs, least=1, all_=-1)
        if self._busy:
            raise RuntimeError("optimize is running in this study already: use n_jobs, or one study a thread")
        self._fresh()
        self._busy, self._catch, self._stopping = True, catch, False
        self._h.stop = False
        deadline = 0.0 if timeout is None else time.monotonic() + timeout
        progress = None
        if show_progress_bar:
            from ..notebook import Progress

            progress = Progress(n_trials, timeout)
        try:
            loop = Loop(self, func, n_trials, deadline, list(callbacks or ()), gc_after_trial, progress)
            n_jobs = os.cpu_count() or 1 if n_jobs == -1 else n_jobs
            if n_jobs == 1:
                loop.run()
            else:
                loop.run_threads(n_jobs)
        finally:
            self._busy, self._catch, self._stopping = False, (), False
            self._h.stop = False
            if progress is not None:
                progress.close()

    def stop(self):
        """Ends optimize after the trials that run now.  (`end` ends the study for everybody.)"""
        if not self._busy:
            raise RuntimeError("stop() is for objectives and callbacks of a running optimize; end() ends the study")
        self._stopping = True
        self._h.stop = True

    def end(self, text=None):
        """Ends the study for every worker; `resume` lets it go on."""
        self._do("end", text)

    def pause(self):
        """No trial is handed out until `resume`."""
        self._do("pause")

    def resume(self):
        self._do("resume")

    def request_stop(self, number):
        """Asks a running trial to end: should_prune() is True at its next report."""
        self._do("request_stop", number)

    def map(self, func, n_trials=None, timeout=None, n_workers=None, catch=()):
        """optimize with processes: they share the study's file, which must be one."""
        from ..parallel import map_processes

        return map_processes(self, func, n_trials, timeout, n_workers, catch)

    async def optimize_async(self, func, n_trials=None, timeout=None, concurrency=1, catch=(), callbacks=None):
        """optimize for a coroutine function: `concurrency` trials at a time on the running event loop."""
        from ..parallel import optimize_async

        return await optimize_async(self, func, n_trials, timeout, concurrency, catch, callbacks)


def how_many(name, value, least=0, all_=None):
    """A whole number of at least `least`, or None, or all_."""
    if value is None and all_ is None:
        return None
    try:
        n = index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}: a whole number is needed") from None
    if n < least and n != all_:
        raise ValueError(f"{name} is {n}: must be {least} or more" + (", or None for no end" if all_ is None else f", or {all_}"))
    return n


def how_long(value):
    """Seconds, or None."""
    if value is not None and (isinstance(value, (str, bool)) or not hasattr(value, "__float__") or not value >= 0):
        raise (ValueError if isinstance(value, (int, float)) else TypeError)(f"timeout is {value!r}: seconds are needed, or None")
    return value


def errors(catch):
    """A tuple of exception classes."""
    catch = (catch,) if isinstance(catch, (type, str)) or not hasattr(catch, "__iter__") else tuple(catch)
    for one in catch:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(f"catch has {one!r}: classes of exceptions are needed")
    return catch


class Loop:
    def __init__(self, study, func, n_trials, deadline, callbacks, collect, progress):
        self.study, self.func, self.deadline, self.callbacks = study, func, deadline, callbacks
        self.collect, self.progress = collect, progress
        self.left = -1 if n_trials is None else int(n_trials)
        self.tickets = allocate_lock()
        self.error = None

    def run(self):
        """On this thread."""
        plain = not self.callbacks and not self.collect and self.progress is None and logging._level > logging.INFO
        study = self.study
        if plain and not study._storage.shared and not study._queue_only and study._own_sampler is None:
            self.run_core(self.left)
        else:
            while self.one():
                pass

    def run_core(self, wanted):
        study, wait = self.study, 0.001
        done = 0
        while wanted < 0 or done < wanted:
            handle = study._h
            n, why = _core.run(study, handle, Trial, self.func, -1 if wanted < 0 else wanted - done, self.deadline)
            done += n
            if why == 4 and study._h is handle:
                study._reopen()
            if why in (0, 1, 3):
                return done
            if why == 2:
                time.sleep(wait)
                wait = min(0.05, wait * 1.5)
        return done

    def take(self):
        with self.tickets:
            if self.left == 0 or self.error is not None:
                return False
            self.left -= self.left > 0
            return True

    def over(self):
        return self.study._stopping or (self.deadline > 0 and time.monotonic() >= self.deadline)

    def one(self):
        """One trial with everything around it; False: there is none."""
        study = self.study
        if self.over() or not self.take():
            return False
        wait = 0.001
        while True:
            trial = study._ask_once()
            if isinstance(trial, Trial):
                break
            if trial == _core.DONE or self.over():
                return False
            time.sleep(wait)
            wait = min(0.05, wait * 1.5)
        number = trial.number
        try:
            try:
                result, error = self.func(trial), None
            except BaseException as e:
                result, error = None, e
            study._finish(trial, result, error)
        finally:
            if self.collect:
                import gc

                gc.collect()
        if self.callbacks:
            frozen = study._frozen(number)
            for callback in self.callbacks:
                callback(study, frozen)
        if self.progress is not None:
            self.progress.step(study)
        return True

    def run_threads(self, n):
        """On n threads; the first exception ends them all and is raised here."""

        def work():
            try:
                while self.one():
                    pass
            except BaseException as e:
                with self.tickets:
                    if self.error is None:
                        self.error = e
                self.study._h.stop = True

        threads = [threading.Thread(target=work, daemon=True) for _ in range(n)]
        for t in threads:
            t.start()
        try:
            for t in threads:
                while t.is_alive():
                    t.join(0.1)  # so that Ctrl-C is noticed
        except BaseException as e:
            with self.tickets:
                self.error = self.error or e
            for t in threads:
                t.join()
        if self.error is not None:
            raise self.error


class MaxTrialsCallback:
    """A callback that stops optimize when the study has n_trials in one of the states."""

    def __init__(self, n_trials, states=(TrialState.COMPLETE,)):
        self.n_trials, self.states = n_trials, states

    def __call__(self, study, trial):
        if self.states is None:
            n = len(study)
        else:
            counts = study._summary()["counts"]
            n = sum(counts[TO_CORE[s]] for s in self.states if s in TO_CORE)
        if n >= self.n_trials:
            study.stop()
