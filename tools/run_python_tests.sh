#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_python_tests.sh: builds the Python package in place and the command beside it, runs tests/python with the system's
# Python, installs the package into a fresh environment.  run_python_tests.sh asan: over a library with address and
# undefined-behaviour sanitisers, in a build folder of its own.  Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-/usr/bin/python3}
mode=${1:-plain}
export PYTHONDONTWRITEBYTECODE=1
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

bail() {
    sed 's/^/# /' "$1"
    echo "not ok 1 - $2"
    echo "1..1"
    exit 1
}

# The results of pytest as TAP, from its junit file; $1: number to go on from.
as_tap() {
    "$python" - "$log/junit.xml" <<'EOF'
import sys
import xml.etree.ElementTree as tree

for i, case in enumerate(tree.parse(sys.argv[1]).iter("testcase"), 1):
    name = f"{case.get('classname')}.{case.get('name')}"
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    skipped = case.find("skipped")
    for line in (bad.text or bad.get("message") or "").splitlines() if bad is not None else ():
        print("#", line)
    print("not ok" if bad is not None else "ok", i, "-", name, f"# SKIP {skipped.get('message')}" if skipped is not None else "")
EOF
}

if [ "$mode" = asan ]; then
    [ -f build-python-asan/build.ninja ] || meson setup build-python-asan --buildtype=debug -Dtests=false \
        -Ddefault_library=static -Db_sanitize=address,undefined -Db_lundef=false -Dpython="$python" >"$log/build" 2>&1
    ninja -C build-python-asan python/_core.abi3.so >"$log/build" 2>&1 || bail "$log/build" "instrumented build"
    mkdir -p build-python-asan/package
    rm -rf build-python-asan/package/*
    cp -r python/hpo build-python-asan/package/hpo
    cp build-python-asan/python/_core.abi3.so build-python-asan/package/hpo/_core.abi3.so
    export HPO_PYTHON_PACKAGE=$PWD/build-python-asan/package
    # The interpreter itself keeps memory until the end: leaks of the library are found by the tests in C.
    export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
    export PYTHONMALLOC=malloc HPO_INSTRUMENTED=1
    preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
    LD_PRELOAD=$preload "$python" -m pytest -q -p no:cacheprovider --junit-xml="$log/junit.xml" tests/python >"$log/out" 2>&1
else
    "$python" python/build_backend.py >"$log/build" 2>&1 || bail "$log/build" "build of the package"
    # The command of these very sources, for the tests that hand files to it and back; HPO_COMMAND: it is built already.
    if [ -z "${HPO_COMMAND:-}" ]; then
        [ -f build-python-command/build.ninja ] || meson setup build-python-command --buildtype=release -Dtests=false >>"$log/build" 2>&1
        ninja -C build-python-command hpo >>"$log/build" 2>&1 || bail "$log/build" "build of the command"
        export HPO_COMMAND=$PWD/build-python-command/hpo
    fi
    ! grep -E 'warning:' "$log/build" >"$log/warnings" || bail "$log/warnings" "the package builds without a warning"
    "$python" -m pytest -q -p no:cacheprovider --junit-xml="$log/junit.xml" tests/python >"$log/out" 2>&1
fi
[ -s "$log/junit.xml" ] || bail "$log/out" "pytest ran"
as_tap >"$log/tap"
cat "$log/tap"
n=$(grep -cE '^(not )?ok ' "$log/tap")
failed=$(grep -c '^not ok ' "$log/tap")

if [ "$mode" = plain ]; then
    # A wheel from this clone, by the plain command, into an empty environment.
    n=$((n + 1))
    if "$python" -m venv "$log/venv" >"$log/pip" 2>&1 &&
        HPO_PYTHON_BUILD=$PWD/build-python "$log/venv/bin/pip" install --no-index --disable-pip-version-check ./python >>"$log/pip" 2>&1 &&
        (cd / && "$log/venv/bin/python" -c '
import hpo
assert "venv" in hpo.__file__
print(hpo.minimize(lambda x: x * x, {"x": "-1..1"}, n_trials=5).best_value)') >>"$log/pip" 2>&1; then
        echo "ok $n - pip install ./python"
    else
        sed 's/^/# /' "$log/pip"
        echo "not ok $n - pip install ./python"
        failed=$((failed + 1))
    fi
fi
echo "1..$n"
[ "$failed" -eq 0 ]
