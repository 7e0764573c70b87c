#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_exports.sh LIBRARY: the shared library exports exactly the functions that the public headers mark
# HPO_API.  Prints TAP.
set -u
library=$(realpath "${1:?usage: check_exports.sh libhpo.so}")
cd "$(dirname "$0")/.." || exit 1

declared=$(for header in include/hpo.h include/hpo/*.h; do
    [ "$header" = include/hpo/export.h ] || "${CC:-cc}" -fpreprocessed -dD -E -P -w -x c "$header"
done | grep -v '^#' | tr '\n' ' ' | grep -oE 'HPO_API [^;({]*\(' | grep -oE '[a-zA-Z0-9_]+ *\($' | tr -d ' (' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ { sub(/@.*/, "", $3); print $3 }' |
    grep -vE '^(_init|_fini|__asan_.*|__odr_asan.*|__gcov_.*|__llvm_.*|__bss_start|_edata|_end)$' | sort -u)

report() { # report NUMBER NAME LINES
    [ -z "$3" ] || sed 's/^/# /' <<<"$3"
    if [ -z "$3" ]; then echo "ok $1 - $2"; else
        echo "not ok $1 - $2"
        failed=1
    fi
}
failed=0
echo 1..3
[ "$(wc -l <<<"$declared")" -ge 10 ] && none="" || none="only these were found in the headers: $declared"
report 1 "the headers declare functions" "$none"
report 2 "every declared function is exported" "$(comm -23 <(echo "$declared") <(echo "$exported"))"
report 3 "nothing else is exported" "$(comm -13 <(echo "$declared") <(echo "$exported"))"
exit $failed
