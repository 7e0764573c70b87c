#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh BUILD [FILE...]: clang-tidy (zero findings) over our sources, with the compile commands of BUILD.
set -u
build=${1:?usage: lint.sh BUILD [FILE...]}
shift
cd "$(dirname "$0")/.." || exit 1
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.c' 'cli/*.c')
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" 2> >(grep -v 'warnings\? generated' >&2)
