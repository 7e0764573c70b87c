#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_core.sh LIBRARY: contract 1 as the linker sees it.  The library never prints, never ends the process, never
# reads the environment, never runs a shell: it does not even refer to the functions that would.  (abort stands in
# debug builds behind an internal invariant; _exit ends a forked child that could not start its program.)  Prints TAP.
set -u
library=$(realpath "${1:?usage: check_core.sh libhpo.so}")
undefined=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u)

check() { # check NUMBER NAME PATTERN
    local found
    found=$(grep -xE "$3" <<<"$undefined")
    if [ -z "$found" ]; then echo "ok $1 - contract_1_$2"; else
        sed 's/^/# refers to /' <<<"$found"
        echo "not ok $1 - contract_1_$2"
        failed=1
    fi
}
failed=0
echo 1..6
[ "$(wc -l <<<"$undefined")" -ge 20 ] || { echo "Bail out! nm found no symbols in $library"; exit 1; }
check 1 never_prints '(__)?v?f?printf(_chk)?|puts|putchar|fputs|fputc|putc|fwrite|perror|stdout|stderr|syslog'
check 2 never_ends_the_process 'exit|quick_exit|atexit|on_exit|__assert_fail'
check 3 never_reads_the_environment '(secure_)?getenv|__secure_getenv|environ|__environ|setenv|putenv|unsetenv'
check 4 never_runs_a_shell 'system|popen'
check 5 never_loads_code 'dlopen|dlsym'
check 6 has_no_hidden_randomness 's?rand|s?random|rand_r|[dlm]rand48|s?rand48|arc4random.*|setlocale'
exit $failed
