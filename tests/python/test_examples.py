# SPDX-License-Identifier: Apache-2.0
"""The programs in examples/python run, and say what is best."""

import importlib.util
import runpy
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).resolve().parents[2] / "examples" / "python").glob("*.py"))
NEEDS = {"optuna": "optuna", "sklearn": "sklearn", "torch": "torch", "xgboost": "xgboost"}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_example(program, capsys):
    needed = NEEDS.get(program.stem.split("_")[0])
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    runpy.run_path(str(program), run_name="__main__")
    out = capsys.readouterr().out
    assert "best" in out or "outer" in out
