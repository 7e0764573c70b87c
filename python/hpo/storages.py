# SPDX-License-Identifier: Apache-2.0
"""Where studies are kept: this process's memory, or one SQLite file for any number of processes."""

import os

from . import _core
from .exceptions import NotFoundError, UnsupportedError
from .later import json

_generation = 0  # grows in the child of every fork


def _after_fork():
    global _generation
    _generation += 1


os.register_at_fork(after_in_child=_after_fork)


class Storage:
    """A storage by URL: None or "mem:" (this process), a path, "sqlite:PATH" or "sqlite:///PATH".

    Safe across fork: a child opens the file again.  What is in memory is copied to the child with everything else.
    """

    def __init__(self, url=None):
        try:
            self.url = "mem:" if url is None else os.fspath(url)
        except TypeError:
            raise TypeError(f"storage is {url!r}: give a file name, a URL or None") from None
        self._open()

    def _open(self):
        self._core = _core.Storage(self.url)
        self._generation = _generation

    @property
    def shared(self):
        """True when other processes can use it too."""
        return not self.url.startswith("mem:")

    def core(self):
        if self._generation != _generation:
            if self.shared:
                self._core.forget()  # the connection is the parent's
                self._open()
            self._generation = _generation
        return self._core

    def info(self):
        """Dict: path, schema, studies with their numbers of trials."""
        return json.loads(self.core().info())

    def study_names(self):
        return [s["name"] for s in self.info()["studies"]]

    def delete_study(self, name):
        self.core().delete_study(name)

    def backup(self, path):
        """A consistent copy while others write."""
        self.core().backup(os.fspath(path))

    def __repr__(self):
        return f"Storage({self.url!r})"

    def __getstate__(self):
        if not self.shared:
            raise TypeError("a study in memory cannot be sent to another process: give it a file as storage")
        return {"url": self.url}

    def __setstate__(self, state):
        self.url = state["url"]
        self._open()


class InMemoryStorage(Storage):
    """Storage() in this process's memory."""

    def __init__(self):
        super().__init__(None)


class RDBStorage(Storage):
    """Storage(url); the other arguments of Optuna's class are accepted and not needed."""

    def __init__(self, url, engine_kwargs=None, skip_compatibility_check=False, **_):
        super().__init__(url)


class JournalStorage(Storage):
    """Not kept: a SQLite file takes any number of processes of one machine."""

    def __init__(self, *_, **__):
        raise UnsupportedError("JournalStorage: pass a file name instead, storage='study.db'")


def get_storage(storage, new=True):
    """A Storage from None, a URL, a path or a Storage; new=False: of a file that exists."""
    if isinstance(storage, Storage):
        return storage
    if not new and isinstance(storage, (str, os.PathLike)):
        path = os.fspath(storage)
        for scheme in ("sqlite:///", "sqlite:"):
            if path.startswith(scheme):
                path = path[len(scheme) :]
                break
        if ":" not in path.split("/")[0] and not os.path.exists(path):
            raise NotFoundError(f"there is no file {path!r}: create_study makes one")
    return Storage(storage)
