#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests, as `make test` and CI run them: gcc with address and undefined-behaviour sanitisers, clang as released,
# gcc with the thread sanitiser, then the checks of source, text, exports and installation.  The last line is
# "N passed, N failed[, N skipped]"; the exit status is 1 if anything failed.
#
#   HPO_TEST_STAGES="asan clang tsan python install text tidy"   runs only these stages
set -u
cd "$(dirname "$0")/.." || exit 1
stages=" ${HPO_TEST_STAGES:-asan clang tsan python install text tidy} "
results=build-results
rm -rf "$results"
mkdir -p "$results"
passed=0 failed=0 skipped=0
started=$SECONDS

wanted() { [[ $stages == *" $1 "* ]]; }

stage() {
    printf '== %s (%d s)\n' "$1" $((SECONDS - started))
}

# add FILE: counts a result file, shows its failures
add() {
    local report p f s
    report=$(tools/sum_tap.py "$1")
    read -r p f s <<<"$(tail -n 1 <<<"$report")"
    head -n -1 <<<"$report"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '   %d passed, %d failed, %d skipped\n' "$p" "$f" "$s"
}

# one NAME STATUS: a single result
one() {
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $1"
    fi
}

# build DIR COMPILER OPTIONS...: configures once, then builds
build() {
    local dir=$1 compiler=$2 log=$results/${1#build-}.build.log
    shift 2
    if ! { [ -f "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "$@"; } >"$log" 2>&1 ||
        ! ninja -C "$dir" >>"$log" 2>&1; then
        grep -E 'error|FAILED|undefined reference' "$log" | head -30
        one "build of $dir: see $log" 1
        return 1
    fi
    ! grep -E 'warning:' "$log" # a warning is a failure
    one "$dir builds without a warning" $?
}

# run DIR OPTIONS...: its tests
run() {
    local dir=$1
    shift
    meson test -C "$dir" --no-rebuild -q "$@" >"$results/${dir#build-}.test.log" 2>&1
    cp "$dir/meson-logs/testlog.json" "$results/${dir#build-}.json"
    add "$results/${dir#build-}.json"
}

check() { # check NAME SCRIPT ARGUMENTS...
    local name=$1
    shift
    "$@" >"$results/$name.tap" 2>&1
    add "$results/$name.tap"
}

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

if wanted asan; then
    stage "gcc, -O1, address and undefined-behaviour sanitisers: all tests"
    build build-asan gcc --buildtype=debug -Doptimization=1 -Ddefault_library=both -Db_sanitize=address,undefined && run build-asan
fi
if wanted clang; then
    stage "clang, release: all tests"
    build build-clang clang --buildtype=release -Ddefault_library=both && run build-clang
fi
if [ -f "$results/asan.json" ] && [ -f "$results/clang.json" ]; then
    stage "the same numbers from gcc and clang"
    tools/sum_tap.py --hashes "$results/asan.json" | sort >"$results/hashes.gcc"
    tools/sum_tap.py --hashes "$results/clang.json" | sort >"$results/hashes.clang"
    diff "$results/hashes.gcc" "$results/hashes.clang"
    one "hashes of both compilers agree ($(wc -l <"$results/hashes.gcc"))" $?
fi
if wanted tsan; then
    stage "gcc, thread sanitiser: api, study, storage, runner"
    build build-tsan gcc --buildtype=debugoptimized -Ddefault_library=static -Db_sanitize=thread &&
        run build-tsan --suite api --suite study --suite storage --suite runner
fi
if wanted python; then
    stage "the Python package, pip install"
    # The command that this run has built, or one that the script builds: never one that lies about.
    unset HPO_COMMAND
    if wanted clang && [ -x build-clang/hpo ]; then export HPO_COMMAND=$PWD/build-clang/hpo; fi
    check python tools/run_python_tests.sh
    unset HPO_COMMAND
fi
if wanted install && [ -f build-clang/build.ninja ]; then
    stage "install, pkg-config, examples/embed"
    check install tools/check_install.sh build-clang
fi
if wanted text; then
    stage "scripts, spelling, format, man page"
    check text tools/check_text.sh build-clang
fi
if wanted tidy && [ -f build-clang/compile_commands.json ]; then
    stage "clang-tidy"
    tools/lint.sh build-clang >"$results/tidy.log" 2>&1
    ! grep -E '(warning|error):' "$results/tidy.log"
    one "clang-tidy finds nothing" $?
fi

printf '== done in %d s\n' $((SECONDS - started))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
