# SPDX-License-Identifier: Apache-2.0
"""The class Study, put together from its parts."""

from .queue import Queue


class Study(Queue):
    """A search: its space, its trials, its sampler.  Made by create_study and load_study."""

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        return False

    def __getstate__(self):
        return {
            "storage": self._storage,
            "name": self._name,
            "pruner": self._custom_pruner,
            "sampler": self._sampler_object,
        }

    def __setstate__(self, state):
        self.__init__(state["storage"], state["name"], pruner=state["pruner"], sampler=state["sampler"])

    def __repr__(self):
        s = self._summary()
        best = f", best {s['best_value']:g}" if s["best"] >= 0 and len(self._directions) == 1 else ""
        return f"<Study {self._name!r}: {s['n_trials']} trials{best}>"

    def _repr_html_(self):
        from ..notebook import study_html

        return study_html(self)
