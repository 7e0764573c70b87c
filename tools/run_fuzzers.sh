#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_fuzzers.sh BUILD SECONDS: every libFuzzer target for that long, from its corpus; stops at the first crash.
set -eu
build=${1:?usage: run_fuzzers.sh BUILD SECONDS}
seconds=${2:-60}
cd "$(dirname "$0")/.."
for fuzzer in "$build"/tests/fuzz/*_fuzzer; do
    name=$(basename "$fuzzer" _fuzzer)
    mkdir -p "$build/corpus/$name"
    echo "== $name for $seconds s"
    "$fuzzer" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$build/corpus/$name-" "$build/corpus/$name" "tests/fuzz/corpus/$name" 2>&1 |
        grep -E 'ERROR|SUMMARY|stat::number_of_executed|Test unit' || true
    ! compgen -G "$build/corpus/$name-*" >/dev/null || {
        echo "run_fuzzers.sh: $name found an input: see $build/corpus/$name-*" >&2
        exit 1
    }
done
