# SPDX-License-Identifier: Apache-2.0
"""Modules of Python's own library that are imported when they are first used.

json (with re), threading and weakref together take as long as all of this package.  A study in memory is made without them.
"""

import importlib


class Later:
    """Stands for a module."""

    def __init__(self, name):
        self.__name__ = name

    def __getattr__(self, name):
        value = self.__dict__[name] = getattr(importlib.import_module(self.__name__), name)
        return value


json, re, threading, weakref = map(Later, ("json", "re", "threading", "weakref"))
