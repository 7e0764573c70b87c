# SPDX-License-Identifier: Apache-2.0
"""Study.map over processes, Study.optimize_async on an event loop."""

import os
import time

from .exceptions import TrialPruned, UnsupportedError
from .study.optimizing import errors, how_long, how_many
from .trial import Trial, TrialState

# ---- processes --------------------------------------------------------------------------------------------------


def _work(study, func, tickets, deadline, catch, failed):
    """In a worker: trials as long as there are tickets."""
    from .study.optimizing import Loop

    study._catch = catch
    if study._own_sampler is not None:
        study._own_sampler.reseed_rng()
    loop = Loop(study, func, None, deadline, [], False, None)
    try:
        while not failed.is_set():
            if tickets is not None:
                with tickets.get_lock():
                    if tickets.value == 0:
                        return
                    tickets.value -= 1
            if not loop.one():
                return
    except BaseException:
        failed.set()
        raise


def map_processes(study, func, n_trials, timeout, n_workers, catch):
    """Evaluates func(trial) in n_workers processes (default: one a processor) that share the study's file."""
    import multiprocessing

    if not study.storage.shared:
        raise UnsupportedError("map needs a study in a file, which processes can share: create_study(storage='study.db')")
    catch, n_trials, timeout = errors(catch), how_many("n_trials", n_trials), how_long(timeout)
    n_workers = None if n_workers is None else how_many("n_workers", n_workers, least=1)
    context = multiprocessing.get_context()
    tickets = context.Value("q", n_trials) if n_trials is not None else None
    failed = context.Event()
    deadline = 0.0 if timeout is None else time.monotonic() + timeout
    workers = [
        context.Process(target=_work, args=(study, func, tickets, deadline, catch, failed), daemon=True)
        for _ in range(n_workers or os.cpu_count() or 1)
    ]
    for w in workers:
        w.start()
    try:
        for w in workers:
            w.join()
    except BaseException:
        failed.set()
        for w in workers:
            w.join(5)
            if w.is_alive():
                w.terminate()
                w.join()
        raise
    bad = [w.exitcode for w in workers if w.exitcode != 0]
    if bad:
        raise RuntimeError(f"{len(bad)} of {len(workers)} workers failed (exit status {bad[0]}): see their messages above")
    return study


# ---- event loop ---------------------------------------------------------------------------------------------------


async def optimize_async(study, func, n_trials, timeout, concurrency, catch, callbacks):
    """`concurrency` coroutines func(trial) at a time; asks and tells run in a thread, so the loop stays free."""
    import asyncio

    catch, n_trials, timeout = errors(catch), how_many("n_trials", n_trials), how_long(timeout)
    concurrency = how_many("concurrency", concurrency, least=1)
    left = -1 if n_trials is None else n_trials
    deadline = None if timeout is None else time.monotonic() + timeout
    if study._busy:
        raise RuntimeError("optimize is running in this study already")
    study._busy, study._catch, study._stopping = True, catch, False

    async def one():
        while True:
            trial = await asyncio.to_thread(study._ask_once)
            if isinstance(trial, Trial):
                break
            from . import _core

            if trial == _core.DONE or study._stopping:
                return False
            await asyncio.sleep(0.01)
        try:
            result, error = await func(trial), None
        except asyncio.CancelledError:
            study.tell(trial, state=TrialState.WAITING)
            raise
        except BaseException as e:
            result, error = None, e
        await asyncio.to_thread(study._finish, trial, result, error)
        for callback in callbacks or ():
            callback(study, study._frozen(trial.number))
        return True

    async def worker():
        nonlocal left
        while left != 0 and not study._stopping and (deadline is None or time.monotonic() < deadline):
            left -= left > 0
            if not await one():
                return

    try:
        tasks = [asyncio.ensure_future(worker()) for _ in range(concurrency)]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for t in tasks:
                t.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
    finally:
        study._busy, study._catch, study._stopping = False, (), False
    return study


__all__ = ["map_processes", "optimize_async", "TrialPruned"]
