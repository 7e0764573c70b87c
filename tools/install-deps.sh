#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, with apt: `install-deps.sh build` for building, `build python` for the Python package,
# `build test` for the tests too.
# Says nothing and needs no rights when everything is there.
set -eu

packages=()
for set in "${@:-build}"; do
    case $set in
    build) packages+=(build-essential pkg-config meson ninja-build libsqlite3-dev libjson-c-dev libyaml-dev libsvm-dev
        librandom123-dev) ;;
    python) packages+=(python3-dev) ;;
    test) packages+=(libcmocka-dev clang libclang-rt-14-dev llvm clang-format clang-tidy g++ gcovr sqlite3 shellcheck
        codespell scdoc man-db tmux procps strace git python3-dev python3-numpy
        python3-optuna python3-pandas python3-scipy python3-sklearn python3-matplotlib python3-plotly mypy python3-pytest python3-hypothesis python3-venv python3-pip zlib1g-dev) ;;
    *)
        echo "install-deps.sh: unknown set '$set': use build, python or test" >&2
        exit 2
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    # Not a Debian: trust the tools that are there, Meson names what is missing.
    for tool in cc pkg-config meson ninja; do
        command -v "$tool" >/dev/null && continue
        echo "install-deps.sh: '$tool' is missing and this system has no apt: install ${packages[*]} by hand" >&2
        exit 1
    done
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps.sh: missing packages and neither root nor sudo: ask for 'apt-get install ${missing[*]}'" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "installing: ${missing[*]}" >&2
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}
# Package lists may be absent or old (fresh containers): fetch them only when the first try fails.
install || { "${as_root[@]}" apt-get update -q >&2 && install; }
