# SPDX-License-Identifier: Apache-2.0
"""How a study reaches the library.

A study has two handles of the library: `_h` asks and tells, `_look` reads.  A study with a declared space keeps them.
In a define-by-run study the space grows: trials use what the handle that made them knows, whatever they ask for
beyond that is learned when they end (growth.py), and the study goes on with new handles.  docs/python.md tells how.
"""

import functools
import math
import os
from _thread import RLock

from .. import _core
from ..exceptions import OutdatedError
from ..later import json, weakref
from ..samplers import in_python
from ..space import Layout
from .direction import StudyDirection
from .grid import GRID

BLIND = ("random", "sobol", "halton", "rsequence", "lhs", "grid")  # samplers that read no results


class Handles:
    """The part of Study that opens handles and replaces them."""

    def __init__(self, storage, name, handle=None, pruner=None, sampler=None):
        self._storage = storage
        self._name = name
        self._lock = RLock()  # guards growing, and trials against their keeper
        self._custom_pruner = pruner
        self._use_sampler(sampler)
        self._layouts = {}
        self._objects = {}  # attributes that are no JSON, by trial number
        # Trials in hand by number; on a file weakly: whoever drops one lets its lease run out.
        self._live = weakref.WeakValueDictionary() if storage.shared else {}
        self._keeper = None
        self._busy = False
        self._catch = ()
        self._stopping = False
        self._reopen(handle)

    def _use_sampler(self, sampler):
        """sampler: an object of hpo.samplers, or None."""
        self._sampler_object = sampler
        self._own_sampler = sampler if in_python(sampler) else None
        self._constraints_func = getattr(sampler, "constraints_func", None)

    def _adopt(self, handle):
        """Goes on with another handle."""
        summary = handle.summary()
        self._generation = self._storage._generation
        self._open = bool(summary["open_space"])
        self._directions = [StudyDirection(2 if up else 1) for _, up in summary["objectives"]]
        self._outcomes = dict(summary["outcomes"])
        attrs = summary["attributes"]
        self._queue_only = bool(attrs and json.loads(attrs).get(GRID))
        self._sampler_spec = summary["sampler"]
        self._lease = summary["lease"]
        self._set_up(handle)
        handle.stop = self._stopping
        self._layouts[id(handle)] = (handle, Layout(handle))
        self._h = handle  # other threads ask with it from now on
        self._look_handle = None
        self._read_all = False

    def _set_up(self, handle):
        """Says how a new handle asks and tells."""
        shared, own = self._storage.shared, self._own_sampler is not None
        blocks = shared or self._sampler_spec.split(":")[0] not in BLIND
        careful = own or self._constraints_func is not None
        handle.settings(_worker() if shared else None, 0.0 if shared else math.inf, blocks, self._open, careful, own)

    def _reopen(self, handle=None):
        """Goes on with a handle of the space as it is now; it may grow again while that is opened."""
        while True:
            try:
                return self._adopt(handle or _core.Study.open(self._storage.core(), self._name))
            except OutdatedError:
                handle = None

    def _fresh(self):
        """After a fork handles on a file are the parent's."""
        self._storage.core()
        if self._generation != self._storage._generation:
            if self._storage.shared:
                for handle, _ in self._layouts.values():
                    handle.forget()
                for trial in list(self._live.values()):
                    trial._forget()
                if self._look_handle is not None:
                    self._look_handle.forget()
                self._layouts.clear()
                self._lock = RLock()
                self._live = weakref.WeakValueDictionary()
                self._keeper = None
                self._reopen()
            self._generation = self._storage._generation

    def _layout_of(self, handle):
        return self._layouts[id(handle)][1]

    @property
    def _layout(self):
        return self._layouts[id(self._h)][1]

    @property
    def _look(self):
        self._fresh()
        while self._look_handle is None:
            try:
                look = _core.Study.open(self._storage.core(), self._name)
            except OutdatedError:
                continue
            if self._open and look.space() != self._h.space():
                with self._lock:
                    self._reopen()  # somebody else has let the space grow
            else:
                self._look_handle = look
        return self._look_handle

    def _summary(self):
        """The counters as of now; notices when another process has let the space grow."""
        while True:
            try:
                return self._look.summary()
            except OutdatedError:
                with self._lock:
                    self._reopen()

    def _do(self, method, *args):
        """A call that changes the study, on the newest handle."""
        self._fresh()
        while True:
            try:
                return getattr(self._h, method)(*args)
            except OutdatedError:
                with self._lock:
                    self._reopen()


@functools.lru_cache(maxsize=None)
def _host():
    import socket

    return socket.gethostname()


def _worker():
    return f"{_host()}:{os.getpid()}".encode()
