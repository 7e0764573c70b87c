# SPDX-License-Identifier: Apache-2.0
"""What a study is: name, directions, sampler, attributes."""

from .. import pruners, samplers
from ..exceptions import HpoError, UnsupportedError
from ..later import json
from ..space import Space
from ..trial import SYSTEM
from .handles import Handles

METRIC_NAMES = SYSTEM + "metric_names"


class About(Handles):
    """The part of Study that says what it is."""

    @property
    def study_name(self):
        """Name of the study in its storage."""
        return self._name

    @property
    def storage(self):
        """Where it is kept."""
        return self._storage

    @property
    def direction(self):
        """Direction of the objective; RuntimeError with several."""
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives: use `directions`")
        return self._directions[0]

    @property
    def directions(self):
        return list(self._directions)

    @property
    def seed(self):
        """Seed of the study's sampler."""
        return self._summary()["seed"]

    @property
    def space(self):
        """The declared space, or what was learned of it so far."""
        self._summary()
        return Space._of_json(self._h.space()) if self._layout.columns else None

    @property
    def sampler(self):
        """The sampler object given by the caller, or the text of the stored one."""
        return self._sampler_object if self._sampler_object is not None else self._summary()["sampler"]

    @sampler.setter
    def sampler(self, sampler):
        sampler = samplers.made(sampler)
        if samplers.in_python(sampler) and not self._open:
            raise UnsupportedError(f"{type(sampler).__name__} is written in Python: it needs a study without a declared space")
        self._do("set_text", "sampler", samplers.spec_of(sampler, own=True))
        self._use_sampler(sampler if isinstance(sampler, samplers.BaseSampler) else None)
        self._reopen()

    @property
    def pruner(self):
        return self._custom_pruner if self._custom_pruner is not None else self._summary()["scheduler"]

    @pruner.setter
    def pruner(self, pruner):
        _, custom = pruners.spec_of(pruner)
        if custom is None:
            raise HpoError("the scheduler of a study is chosen when it is created: create_study(pruner=...)")
        self._custom_pruner = custom

    @property
    def status(self):
        """'active', 'paused' or 'stopped (why)'."""
        s = self._summary()
        return ("active", "paused", f"stopped ({s['stop_reason']})")[s["status"]]

    @property
    def metric_names(self):
        """Names given by set_metric_names, or None."""
        return self._attrs().get(METRIC_NAMES)

    def set_metric_names(self, metric_names):
        """Names of the objectives, for tables."""
        names = list(metric_names)
        if len(names) != len(self._directions):
            raise ValueError(f"{len(names)} names were given for {len(self._directions)} objectives")
        self._do("set_attr", -1, METRIC_NAMES, json.dumps(names))

    def _attrs(self):
        return json.loads(self._summary()["attributes"] or "{}")

    @property
    def user_attrs(self):
        """Values attached with set_user_attr."""
        attrs = {k: v for k, v in self._attrs().items() if not k.startswith(SYSTEM)}
        attrs.update(self._objects.get(-1, {}))
        return attrs

    @property
    def system_attrs(self):
        n = len(SYSTEM) + 7
        return {k[n:]: v for k, v in self._attrs().items() if k.startswith(SYSTEM + "system:")}

    def set_user_attr(self, key, value):
        """Attaches a value of JSON type to the study."""
        self._set_attr(-1, key, value)

    def set_system_attr(self, key, value):
        """Deprecated: use set_user_attr."""
        self._set_attr(-1, SYSTEM + "system:" + key, value)

    def _set_attr(self, number, key, value):
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            if self._storage.shared:
                raise TypeError(
                    f"attribute {key!r} is {type(value).__name__}, which a file cannot keep: use str, numbers, "
                    "lists and dicts"
                ) from None
            self._objects.setdefault(number, {})[key] = value
            return
        self._objects.get(number, {}).pop(key, None)
        self._do("set_attr", number, key, "null" if value is None else text)
        if value is None:
            self._objects.setdefault(number, {})[key] = None

    def _kept(self, number):
        return self._objects.get(number, {})
