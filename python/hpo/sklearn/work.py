# SPDX-License-Identifier: Apache-2.0
"""Where fits run: here and one at a time, on threads, or in processes.

`submit` gives something with result() and cancel().  With one job nothing runs before its result is asked for, so what
is cancelled has cost nothing.  Processes are those of joblib's loky; each reads the task from a file once, large
arrays of it memory-mapped.
"""

import functools
import os
import shutil
import tempfile

from joblib import dump, effective_n_jobs, load
from joblib.externals import cloudpickle
from joblib.parallel import get_active_backend

IDLE = 60  # seconds
_ARRAYS = ("X", "y", "splits")


class _Later:
    """A call that is made when its result is asked for."""

    def __init__(self, call):
        self.call = call

    def result(self):
        return self.call()

    def cancel(self):
        return True


class _Part:
    """One of the results of a call that gives a list."""

    def __init__(self, future, at):
        self.future, self.at = future, at

    def result(self):
        return self.future.result()[self.at]

    def cancel(self):
        return self.future.cancel()


class Work:
    """Runs Task.run for a search.  n_jobs as everywhere in scikit-learn, backends of threads included."""

    def __init__(self, task, n_jobs):
        self.task, self.pool, self.folder = task, None, None
        self.n_jobs = effective_n_jobs(n_jobs)
        if self.n_jobs == 1:
            return
        if getattr(get_active_backend()[0], "supports_sharedmem", False):
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(self.n_jobs)
            return
        self.pool = _processes(self.n_jobs)
        self.folder = tempfile.mkdtemp(prefix="hpo-search-")
        dump([getattr(task, name) for name in _ARRAYS], os.path.join(self.folder, "data"))
        rest = {name: value for name, value in vars(task).items() if name not in _ARRAYS}
        with open(os.path.join(self.folder, "task"), "wb") as f:
            cloudpickle.dump((type(task), rest), f)

    def submit(self, *args):
        """Task.run(*args), later or elsewhere."""
        if self.pool is None:
            return _Later(functools.partial(self.task.run, *args))
        if self.folder is None:
            return self.pool.submit(self.task.run, *args)
        return self.pool.submit(_run, self.folder, *args)

    def submit_together(self, calls):
        """One call of a worker for several of Task.run: for fits that take no longer than the way to a worker."""
        if self.pool is None:
            return [self.submit(*args) for args in calls]
        if self.folder is None:
            future = self.pool.submit(_all, self.task, calls)
        else:
            future = self.pool.submit(_run_all, self.folder, calls)
        return [_Part(future, i) for i in range(len(calls))]

    def close(self, kill=False):
        """kill: do not wait for what runs."""
        if self.folder is not None:
            if kill:
                _pools.pop((os.getpid(), self.n_jobs), None)
                self.pool.shutdown(wait=True, kill_workers=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.pool is not None:
            self.pool.shutdown(wait=not kill, cancel_futures=True)


_pools: dict = {}  # (process, n_jobs) -> workers that wait for the next search; idle ones end


def _processes(n_jobs):
    """Own workers: those that joblib.Parallel keeps know its ways only."""
    from joblib.externals.loky import ProcessPoolExecutor

    key = os.getpid(), n_jobs
    pool = _pools.get(key)
    flags = getattr(pool, "_flags", None)
    if pool is None or getattr(flags, "shutdown", False) or getattr(flags, "broken", None) is not None:
        pool = _pools[key] = ProcessPoolExecutor(max_workers=n_jobs, timeout=IDLE, env=_threads(n_jobs))
    return pool


def _threads(n_jobs):
    """Each worker's share of the processors, for libraries that have threads of their own."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    share = str(max(1, (os.cpu_count() or 1) // n_jobs))
    return {name: os.environ.get(name, share) for name in names}


@functools.lru_cache(maxsize=1)
def _task(folder):
    with open(os.path.join(folder, "task"), "rb") as f:
        kind, rest = cloudpickle.load(f)
    task = kind.__new__(kind)
    vars(task).update(rest)
    for name, value in zip(_ARRAYS, load(os.path.join(folder, "data"), mmap_mode="r")):
        setattr(task, name, value)
    return task


def _run(folder, *args):
    """In a worker process."""
    return _task(folder).run(*args)


def _all(task, calls):
    return [task.run(*args) for args in calls]


def _run_all(folder, calls):
    """In a worker process."""
    return _all(_task(folder), calls)
