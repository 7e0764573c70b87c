# SPDX-License-Identifier: Apache-2.0
"""PEP 517 backend without requirements of its own: Meson builds the extension from the C sources beside this folder,
and this file packs it.  `pip install ./python` needs a C compiler, meson, ninja and the -dev packages of the library
(make install-deps), and no network.

One wheel serves CPython 3.10 and later: the extension uses the stable ABI.  json-c, libyaml and SQLite are linked in
where their static libraries are installed.
"""

import base64
import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def _run(*command, cwd=None):
    try:
        subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr)
    except FileNotFoundError:
        sys.exit(f"building hpo needs '{command[0]}': run tools/install-deps.sh build in the repository")


def _version():
    if not (ROOT / "meson.build").exists():
        sys.exit("the C sources are not beside the folder python/: build from a clone of the repository")
    return subprocess.run([ROOT / "tools/version.sh"], check=True, capture_output=True, text=True).stdout.strip()


def _extension(build):
    """Compiles hpo/_core.abi3.so in the folder `build`."""
    if not (Path(build) / "build.ninja").exists():
        _run(
            "meson", "setup", str(build), str(ROOT), "--buildtype=release", "-Dtests=false", "-Ddefault_library=static",
            "-Dprefer_static=true", f"-Dpython={sys.executable}",
        )  # fmt: skip
    _run("ninja", "-C", str(build), "python/_core.abi3.so")
    return Path(build) / "python" / "_core.abi3.so"


def _metadata(version):
    return "\n".join(
        [
            "Metadata-Version: 2.1",
            "Name: hpo",
            f"Version: {version}",
            "Summary: Hyperparameter optimisation on libhpo: ask, report, tell; samplers, schedulers, one SQLite file",
            "License: Apache-2.0",
            "Requires-Python: >=3.10",
            "Provides-Extra: dataframe",
            'Requires-Dist: pandas; extra == "dataframe"',
            "Provides-Extra: plot",
            'Requires-Dist: matplotlib; extra == "plot"',
            "Provides-Extra: plotly",
            'Requires-Dist: plotly; extra == "plotly"',
            "Description-Content-Type: text/markdown",
            "",
            (HERE / "README.md").read_text(encoding="utf-8"),
        ]
    )


def _tag():
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp310-abi3-{platform}"


def _write_wheel(folder, files, version):
    """files: path in the wheel -> bytes."""
    info = f"hpo-{version}.dist-info"
    files[f"{info}/METADATA"] = _metadata(version).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: hpo build_backend\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode()
    )
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(data)}")
    record.append(f"{info}/RECORD,,")
    files[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    name = f"hpo-{version}-{_tag()}.whl"
    with zipfile.ZipFile(Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))  # the same bytes every time
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.endswith(".so") else 0o644) << 16
            z.writestr(entry, data)
    return name


def _sources():
    return {
        f"hpo/{p.relative_to(HERE / 'hpo').as_posix()}": p.read_bytes()
        for p in sorted((HERE / "hpo").rglob("*"))
        if p.suffix in (".py", ".pyi") or p.name == "py.typed"
    }


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    version = _version().replace("-", "+", 1).replace("-", ".")
    files = _sources()
    with tempfile.TemporaryDirectory() as fresh:
        # HPO_PYTHON_BUILD: a build folder to go on with, for those who build often.
        files["hpo/_core.abi3.so"] = _extension(os.environ.get("HPO_PYTHON_BUILD") or fresh).read_bytes()
    return _write_wheel(wheel_directory, files, version)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The package stays in the clone: `make python` renews the extension."""
    version = _version().replace("-", "+", 1).replace("-", ".")
    in_place()
    return _write_wheel(wheel_directory, {"hpo.pth": f"{HERE}\n".encode()}, version)


def build_sdist(sdist_directory, config_settings=None):
    sys.exit("no source distribution: the C sources lie outside python/; build a wheel (pip wheel ./python)")


def in_place():
    """python/hpo/_core.abi3.so, as `make python` does it."""
    built = _extension(ROOT / "build-python")
    target = HERE / "hpo" / "_core.abi3.so"
    fresh = target.with_suffix(".new")
    fresh.write_bytes(built.read_bytes())
    os.replace(fresh, target)  # whoever has the old one open keeps it


if __name__ == "__main__":
    in_place()
