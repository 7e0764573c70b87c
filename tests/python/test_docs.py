# SPDX-License-Identifier: Apache-2.0
"""The Python in README.md and docs/ runs as it stands there, with what the text takes for granted put beside it."""

import random
import re
import warnings
from pathlib import Path

import pytest

import hpo

ROOT = Path(__file__).resolve().parents[2]
NEEDS = {"docs/optuna.md": ["optuna"], "docs/sklearn.md": ["sklearn", "scipy"], "docs/plots.md": ["matplotlib", "plotly"]}


def blocks(path):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / path).read_text(encoding="utf-8"), re.M | re.S)


def around(path):
    """What a document's programs are given."""
    names = {"hpo": hpo, "random": random}
    if path == "docs/python.md":
        names["train"] = lambda lr, opt, momentum: (lr - 0.01) ** 2 + (opt == "sgd") * (1 - momentum)
        names["evaluate"] = lambda: random.random()
    if path == "docs/optuna.md":
        names["objective"] = lambda trial: trial.suggest_float("x", -1, 1) ** 2
    if path == "docs/plots.md":
        study = hpo.create_study(storage="study.db", study_name="net", sampler="random")
        study.optimize(lambda t: t.suggest_float("lr", 0, 1) + t.suggest_float("momentum", 0, 1), n_trials=20)
    if path == "docs/sklearn.md":
        from sklearn.datasets import make_classification
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.linear_model import SGDClassifier
        from sklearn.svm import SVC

        X, y = make_classification(60, 5, random_state=1)
        names.update(X=X, y=y, X_new=X[:3], SVC=SVC, GradientBoostingClassifier=GradientBoostingClassifier, SGDClassifier=SGDClassifier)
        names.update(model=SVC(), space={"C": "log 1e-2..1e2"})
    return names


@pytest.mark.parametrize("path", ["README.md", "python/README.md", *("docs/" + n for n in ("python.md", "optuna.md", "plots.md", "sklearn.md"))])
def test_documentation_runs(path, tmp_path, monkeypatch):
    for package in NEEDS.get(path, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    hpo.logging.set_verbosity(hpo.logging.CRITICAL)
    found = blocks(path)
    assert found
    names = around(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in found:
            exec(compile(text, path, "exec"), names)
