# SPDX-License-Identifier: Apache-2.0
"""Stubs and documentation say what is there."""

import re
from pathlib import Path

import hpo
from hpo import _core

HERE = Path(hpo.__file__).parent


def test_stub_of_the_core():
    text = (HERE / "_core.pyi").read_text()
    for name in dir(_core):
        if not name.startswith("__"):
            assert re.search(rf"\b{name}\b", text), name
    for name in dir(_core.Trial):
        if not name.startswith("__"):
            assert re.search(rf"\b{name}\b", text), name


def test_stub_of_samplers():
    text = (HERE / "samplers.pyi").read_text()
    assert set(re.findall(r"^class (\w+Sampler)\b", text, re.M)) == {n for n in dir(hpo.samplers)}


def test_everything_public_is_documented():
    missing = []
    for module in (hpo, hpo.study, hpo.trial, hpo.distributions, hpo.samplers, hpo.pruners, hpo.storages, hpo.exceptions):
        assert module.__doc__
        for name in dir(module):
            one = getattr(module, name)
            if not name.startswith("_") and callable(one) and getattr(one, "__module__", "").startswith("hpo"):
                if not one.__doc__:
                    missing.append(f"{module.__name__}.{name}")
    for name in ("optimize", "ask", "tell", "enqueue_trial", "add_trial", "map", "stop", "best_trials"):
        assert getattr(hpo.Study, name).__doc__, name
    assert not missing
