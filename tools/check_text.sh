#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_text.sh [BUILD]: shell scripts, spelling, formatting, and the man pages of a build.  Prints TAP.
set -u
build=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.." || exit 1

n=0
failed=0
result() { # result NAME FINDINGS
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else
        head -20 <<<"$2" | sed 's/^/# /'
        echo "not ok $n - $1"
        failed=1
    fi
}

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
result "shellcheck" "$(shellcheck -x -S warning "${scripts[@]}" 2>&1)"
mapfile -t prose < <(git ls-files '*.md' '*.c' '*.h' '*.sh' '*.py' '*.build' Makefile | grep -v 'tests/fuzz/corpus')
result "codespell" "$(codespell -I .codespell-words "${prose[@]}" 2>&1)"
mapfile -t sources < <(git ls-files '*.c') # headers are laid out by hand
result "clang-format 14" "$(clang-format --dry-run "${sources[@]}" 2>&1 | grep 'warning: code should' | cut -d: -f1 | sort | uniq -c)"
if [ -n "$build" ] && [ -f "$build/hpo.1" ]; then
    result "the man page is clean roff" "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$build/hpo.1" 2>&1 >/dev/null |
        grep -v 'cannot adjust line')" # long words near the margin
fi
for page in docs/*.scd; do
    [ -f "$page" ] || continue
    result "$page is clean scdoc" "$(scdoc <"$page" 2>&1 >/dev/null)"
done
echo "1..$n"
exit $failed
