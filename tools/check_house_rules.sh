#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What our sources must not contain outside its one place (CONTRIBUTING.md says why).  Comments are removed
# before looking.  Prints TAP, one test a rule.
set -u
cd "$(dirname "$0")/.." || exit 1

n=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A copy of the tree without comments and without what stands in quotes.
while IFS= read -r file; do
    mkdir -p "$scratch/${file%/*}"
    "${CC:-cc}" -fpreprocessed -dD -E -P -w -x c "$file" |
        sed -E "/^#include/! { s/'\\\\?\"'/' '/g; s/\"([^\"\\]|\\\\.)*\"/\"\"/g }" >"$scratch/$file"
done < <(find include src cli -name '*.[ch]' -o -name '*.inc' | sort)

result() { # result NAME FINDINGS
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        sed 's/^/# /' <<<"$2"
        echo "not ok $n - $1"
        failed=1
    fi
}

# calls NAME FUNCTIONS ALLOWED FOLDERS...: no call of these functions in the folders, but in files matching ALLOWED
calls() {
    local name=$1 functions=$2 allowed=$3
    shift 3
    result "$name" "$(cd "$scratch" && grep -rnE "(^|[^_[:alnum:].>])($functions)[[:space:]]*\(" "$@" | grep -vE "^($allowed):" | cut -c1-160)"
}

calls "memory comes from base/alloc only" 'malloc|calloc|realloc|free|strdup|strndup|aligned_alloc|posix_memalign|alloca' \
    'src/base/alloc\.c' src
calls "the library does not print" 'printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|psignal' '-' src
calls "the library does not exit" 'exit|quick_exit' '-' src
calls "the library aborts in one place" 'abort|assert' 'src/base/error\.c' src
calls "_exit is for forked children" '_exit|_Exit' 'src/runner/.*' src
calls "the library does not read the environment" 'getenv|secure_getenv|setenv|putenv|setlocale' '-' src
calls "time comes from base/os only" 'time|clock|gettimeofday|clock_gettime|localtime|gmtime|nanosleep|usleep|sleep' \
    'src/base/os_posix\.c' src
calls "no hidden randomness" 'rand|srand|random|srandom|rand_r|drand48|getrandom|getentropy' 'src/base/os_posix\.c' src
calls "functions with the same bits everywhere: math/func.h" \
    'exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|erf|erfc|lgamma|tgamma|cbrt|hypot|fma' \
    '-' src
calls "numbers do not depend on the locale: base/str.h" 'strtod|strtof|strtold|atof' '-' src cli
calls "no unbounded copies" 'sprintf|vsprintf|strcat|gets|strtok|stpcpy' '-' src cli

result "compiler extensions stand in hpo/export.h only" \
    "$(cd "$scratch" && grep -rnE '__attribute__|__builtin_|__typeof|[^_[:alnum:]]typeof[[:space:]]*\(|__int128|__extension__|__asm' \
        include src cli | grep -v '^include/hpo/export\.h:' | cut -c1-160)"
result "POSIX headers stand in base/os_posix.c, base/os.h, the runner and the command" \
    "$(cd "$scratch" && grep -rnE '#[[:space:]]*include[[:space:]]*<(unistd|fcntl|pthread|poll|signal|dirent|termios|spawn|dlfcn|sys/[a-z_]+)\.h>' \
        src | grep -vE '^src/(base/os_posix\.c|base/os\.h|runner/.*):')"
# What is one for the whole process by its nature: allocator hooks, lists of plug-ins, the self-pipe that a
# signal handler writes to.
process_wide='^src/base/alloc\.c:.*static hpo_allocator hooks |:static hpo_ops_list |^src/runner/local\.c:.*static int wake_fds'
result "no mutable variables at file scope" \
    "$(cd "$scratch" && grep -rnE '^(static )?[a-z_][a-z0-9_ ]*[ *]+[a-z_][a-z0-9_]*(\[[^]]*\])*( = .*|;|, .*;)$' --include='*.c' src |
        grep -vE ':(typedef|extern|return|struct [a-z_0-9]+;|enum|union)|:[^=(]*const |:[^=]*\(' |
        grep -vE "$process_wide" | cut -c1-160)"

no_licence=$(while IFS= read -r file; do head -8 "$file" | grep -q "SPDX-License-Identifier: " || echo "$file"; done \
    < <(git ls-files '*.c' '*.h' '*.inc' '*.py' '*.sh' 2>/dev/null))
result "every source file has its licence line" "$no_licence"

unfinished='TO''DO|FIX''ME|XX''X|for n''ow|not impl''emented'
result "nothing unfinished" "$(git grep -nIE "\\b($unfinished)\\b" -- . ':!LICENSE' 2>/dev/null | cut -c1-160)"
result "no machine paths" "$(git grep -nIE '(^|[^.a-z])/(wo''rk|ho''me/[a-z]+)/' -- . 2>/dev/null | cut -c1-160)"
echo "1..$n"
exit $failed
