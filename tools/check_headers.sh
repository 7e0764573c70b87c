#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every public header stands alone, as C11, C17 and C++17, without a single pedantic warning.  Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

n=0
failed=0
check() { # check COMPILER STANDARD LANGUAGE HEADER
    command -v "$1" >/dev/null || return
    n=$((n + 1))
    # The second line: ISO C wants at least one declaration.
    if output=$(printf '#include "%s"\nextern int header_alone;\n' "$4" |
        "$1" -std="$2" -x "$3" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror -fsyntax-only \
            -Iinclude - 2>&1); then
        echo "ok $n - $4, $1 $2"
    else
        sed 's/^/# /' <<<"$output"
        echo "not ok $n - $4, $1 $2"
        failed=1
    fi
}

for header in $(cd include && find . -name '*.h' | sed 's|^\./||' | sort); do
    for compiler in gcc clang; do
        check $compiler c11 c "$header"
        check $compiler c17 c "$header"
    done
    check g++ c++17 c++ "$header"
    check clang++ c++17 c++ "$header"
done
echo "1..$n"
exit $failed
