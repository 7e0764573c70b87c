# SPDX-License-Identifier: Apache-2.0
# tests/cli/harness.sh - for tests of the command as a user meets it.  TAP on standard output.
#
#   . "$(dirname "$0")/harness.sh"   # the script's first argument is the path of hpo
#   run hpo best --value          # fills $out, $err, $rc
#   status 0 'name of the check'
#   output 'name' <<'END'         # every line of $out against a pattern: * is anything, all else is itself
#   errors 'name' <<'END'         # the same for $err
#   ok 'name' COMMAND             # COMMAND succeeds
#   until_done 5 100 300 COMMAND  # killed with -9 up to 5 times; see below
#   finish
#
# Every test runs in an empty folder of its own, without the user's settings.
set -u
HPO=$(realpath "${1:?usage: $0 HPO}")
tests=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/hpo-cli.XXXXXX")
trap 'cd /; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset HPO_STORAGE HPO_STUDY HPO_TRIAL HPO_TOKEN NO_COLOR COLUMNS LANG LC_CTYPE
export LC_ALL=C TZ=UTC
checks=0
failures=0

hpo() {
    "$HPO" "$@"
}

run() {
    "$@" >"$folder/.out" 2>"$folder/.err" </dev/null
    rc=$?
    out=$(cat "$folder/.out")
    err=$(cat "$folder/.err")
}

# Runs the command in the background and kills it with -9 after MIN to MIN + SPREAD thousandths of a second, until
# that was done MOST times or it was through before; then it may end.  Fills $kills and $rounds, and what `run` does.
# The command is a program: of a function only the shell that runs it would be killed.
until_done() { # until_done MOST MIN SPREAD COMMAND...
    most=$1 min=$2 spread=$3
    shift 3
    kills=0
    for rounds in $(seq 200); do
        "$@" >"$folder/.out" 2>"$folder/.err" </dev/null &
        pid=$!
        if [ $kills -lt "$most" ]; then
            sleep "0.$(printf %03d $((min + RANDOM % spread)))"
            kill -KILL $pid 2>/dev/null && kills=$((kills + 1))
        fi
        wait $pid 2>/dev/null
        rc=$?
        [ $rc = 137 ] || break
    done
    out=$(cat "$folder/.out")
    err=$(cat "$folder/.err")
}

result() { # result GOOD NAME
    checks=$((checks + 1))
    if [ "$1" = 1 ]; then
        echo "ok $checks - ${2//$'\n'/ }"
    else
        failures=$((failures + 1))
        echo "not ok $checks - ${2//$'\n'/ }"
        printf 'status %s\noutput:\n%s\nerrors:\n%s\n' "${rc-}" "${out-}" "${err-}" | sed 's/^/# /'
    fi
}

status() { # status WANTED NAME
    if [ "$rc" = "$1" ]; then result 1 "$2"; else result 0 "$2 (status $rc, wanted $1)"; fi
}

ok() { # ok NAME COMMAND...
    name=$1
    shift
    if "$@"; then result 1 "$name"; else result 0 "$name"; fi
}

# Compares two files line by line; prints the first difference.
compare() { # compare WANTED GOT
    exec 3<"$1" 4<"$2"
    while :; do
        IFS= read -r wanted <&3
        a=$?
        IFS= read -r got <&4
        b=$?
        [ $a = 0 ] || [ $b = 0 ] || break
        pattern=$(printf '%s' "$wanted" | sed 's/[][?\\]/\\&/g')
        # shellcheck disable=SC2254 # the pattern is meant as one
        case $got in
        $pattern) [ $a = $b ] && continue ;;
        esac
        echo "# wanted: $wanted"
        echo "# got:    $got"
        exec 3<&- 4<&-
        return 1
    done
    exec 3<&- 4<&-
}

output() { # output NAME <WANTED
    cat >"$folder/.wanted"
    printf '%s\n' "$out" >"$folder/.got"
    if compare "$folder/.wanted" "$folder/.got"; then result 1 "$1"; else result 0 "$1"; fi
}

errors() { # errors NAME <WANTED
    cat >"$folder/.wanted"
    printf '%s\n' "$err" >"$folder/.got"
    if compare "$folder/.wanted" "$folder/.got"; then result 1 "$1"; else result 0 "$1"; fi
}

skip_all() { # skip_all REASON
    echo "1..0 # SKIP $1"
    exit 0
}

finish() {
    echo "1..$checks"
    [ "$failures" = 0 ]
    exit
}
