# SPDX-License-Identifier: Apache-2.0
"""Runs with the package in python/ of this clone (make python builds it)."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, os.environ.get("HPO_PYTHON_PACKAGE") or str(Path(__file__).resolve().parents[2] / "python"))

import hpo  # noqa: E402


@pytest.fixture(params=["memory", "file"])
def storage(request, tmp_path):
    """A storage of each kind."""
    return None if request.param == "memory" else str(tmp_path / "s.db")


@pytest.fixture(autouse=True)
def quiet():
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    yield
    hpo.logging.set_verbosity(hpo.logging.WARNING)
