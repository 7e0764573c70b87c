# SPDX-License-Identifier: Apache-2.0
"""Stubs and documentation say what is there."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import hpo

HERE = Path(hpo.__file__).parent
STUBS = sorted(HERE.rglob("*.pyi"))
PUBLIC = ("study", "trial", "distributions", "samplers", "search_space", "pruners", "storages", "exceptions", "plot", "visualization", "logging")


def module_of(path):
    """The module of a stub; skips where the package that it is for is not installed."""
    name = ".".join(path.relative_to(HERE.parent).with_suffix("").parts).removesuffix(".__init__")
    try:
        module = importlib.import_module(name)
        for one in getattr(module, "__all__", ()):  # some import that package when they are first asked for
            getattr(module, one)
        return module
    except ImportError as e:
        if not name.startswith(("hpo.integration.", "hpo.sklearn")):
            raise
        pytest.skip(str(e))


def stubbed(path):
    """{name: node} of what a stub defines; in classes "Class.name"."""
    out = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            out.update({a.asname: node for a in node.names if a.asname})
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            out.update({t.id: node for t in targets})
        else:
            out[node.name] = node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    name = getattr(inner, "name", None)
                    if isinstance(inner, (ast.Assign, ast.AnnAssign)):
                        name = (inner.targets[0] if isinstance(inner, ast.Assign) else inner.target).id
                    if name:
                        out.setdefault(f"{node.name}.{name}", inner)
    return out


def public_names(module):
    names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    for name in names:
        one = getattr(module, name)
        home = getattr(one, "__module__", None)
        if hasattr(module, "__all__") or (home or "").startswith(module.__name__) or isinstance(one, (int, str, float)):
            yield name


@pytest.mark.parametrize("path", STUBS, ids=lambda p: str(p.relative_to(HERE)))
def test_every_public_name_has_a_stub(path):
    module, known = module_of(path), stubbed(path)
    missing = [n for n in public_names(module) if n not in known]
    for name, one in vars(module).items():
        if inspect.isclass(one) and one.__module__.startswith("hpo") and name in known and isinstance(known[name], ast.ClassDef):
            parents = [p.__name__ for p in one.__mro__ if p.__module__.startswith("hpo")]
            for member in vars(one):
                if not member.startswith("_") and not any(f"{p}.{member}" in known for p in parents):
                    missing.append(f"{name}.{member}")
    assert not missing


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_module_has_a_stub(name):
    assert (HERE / f"{name}.pyi").exists() or (HERE / name / "__init__.pyi").exists()


def test_study_has_a_stub_of_every_method():
    known = stubbed(HERE / "study" / "__init__.pyi")
    missing = [n for n in dir(hpo.Study) if not n.startswith("_") and f"Study.{n}" not in known]
    assert not missing


@pytest.mark.parametrize("path", STUBS, ids=lambda p: str(p.relative_to(HERE)))
def test_arguments_of_stubs(path):
    """The same names and the same defaults, for functions and for methods of Study."""
    module = module_of(path)
    for name, node in stubbed(path).items():
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or "." in name and not name.startswith("Study."):
            continue
        one = module
        for part in name.split("."):
            one = inspect.getattr_static(one, part) if inspect.isclass(one) else getattr(one, part)
        if not inspect.isfunction(one):
            continue
        a = node.args
        stub = [x.arg for x in (*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg) if x]
        real = inspect.signature(one)
        assert sorted(stub) == sorted(real.parameters), name
        optional = len(a.defaults) + sum(d is not None for d in a.kw_defaults)
        assert optional == sum(p.default is not p.empty for p in real.parameters.values()), name


# What a checker cannot see: signatures made of the library's tables, another module's own stub, and classes whose base is
# another package's, which is not read.
ALLOWED = r"""hpo\.samplers\.\w+\.__signature__
hpo\.plot\.figure\.field
hpo\.integration\.xgboost\.PruningCallback
hpo\.integration\.optuna\.(\w+\.)?Hpo(Pruner|Sampler|Storage)
"""


def test_stubtest(tmp_path):
    if os.environ.get("HPO_INSTRUMENTED"):
        pytest.skip("the checker is slow under sanitisers and runs nothing of ours")
    pytest.importorskip("mypy.stubtest", reason="mypy is not installed")
    # The types of other packages take longer to read than everything else together, and are not what is tested.
    others = "".join(f"[mypy-{p}.*]\nfollow_imports = skip\nfollow_imports_for_stubs = True\n" for p in ("numpy", "optuna", "sklearn"))
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = True\n" + others)
    bare = [p for p in HERE.rglob("*.py") if not p.with_suffix(".pyi").exists()]  # internals, and what runs on Any
    bare = [".".join(p.relative_to(HERE.parent).with_suffix("").parts).removesuffix(".__init__") for p in bare]
    bare += [f"hpo.{name}" for name, needs in (("sklearn", "sklearn"), ("integration.optuna", "optuna")) if not find_spec(needs)]
    (tmp_path / "allowed").write_text(ALLOWED + "".join(f"{name.replace('.', chr(92) + '.')}\n" for name in bare))
    for path in [*STUBS, HERE / "plot" / "figure.py"]:  # the rest of the package has no types to check
        copy = tmp_path / "stubs" / path.relative_to(HERE.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "mypy.stubtest", "hpo", "--concise", "--ignore-unused-allowlist"]
    command += ["--mypy-config-file", str(tmp_path / "mypy.ini"), "--allowlist", str(tmp_path / "allowed")]
    places = {"MYPYPATH": str(tmp_path / "stubs"), "PYTHONPATH": str(HERE.parent), "MYPY_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **places})
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_public_is_documented():
    missing = []
    for module in (hpo, *(getattr(hpo, name) for name in PUBLIC if name != "logging")):
        assert module.__doc__
        for name in dir(module):
            one = getattr(module, name)
            if not name.startswith("_") and callable(one) and getattr(one, "__module__", "").startswith("hpo"):
                if not one.__doc__:
                    missing.append(f"{module.__name__}.{name}")
    for name in ("optimize", "ask", "tell", "enqueue_trial", "add_trial", "map", "stop", "best_trials", "report", "export_mlflow"):
        assert getattr(hpo.Study, name).__doc__, name
    assert not missing


def test_import_is_lazy():
    code = """
import sys, hpo
assert not [m for m in sys.modules if m.startswith("hpo.")], sys.modules
assert "create_study" in dir(hpo) and "plot" in dir(hpo)
hpo.Float(0, 1)
assert "hpo.study" not in sys.modules
from hpo import *
assert create_study is hpo.create_study and hpo.__version__
assert not {"numpy", "pandas", "matplotlib", "plotly"} & set(sys.modules)
try:
    hpo.nothing
except AttributeError as e:
    assert "nothing" in str(e)
"""
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
