#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes only go down: a file may include its own layer and the layers below, never one beside or above it.
# The command sees the public headers, base and the runner.  Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

declare -A level=([base]=0 [math]=1 [space]=2 [model]=3 [gradient]=3 [transfer]=3 [acq]=4 [sampler]=5 [scheduler]=5
    [storage]=5 [terminator]=5 [analysis]=5 [study]=6 [api]=7 [runner]=8 [bench]=9)
problems=()

# check FILE HEADER: is this include allowed?
check() {
    local file=$1 header=$2 from to
    case $header in
    hpo.h | hpo/*.h) return ;;
    *..*)
        problems+=("$file includes \"$header\": write the layer instead of '..'")
        return
        ;;
    esac
    if [ "${header%/*}" = "$header" ]; then # no folder: must be a neighbour
        [ -f "${file%/*}/$header" ] || problems+=("$file includes \"$header\": write layer/$header")
        return
    fi
    to=${header%%/*}
    [ -f "src/$header" ] || [ -f "${file%/*}/$header" ] || problems+=("$file includes \"$header\", which does not exist")
    case $file in
    include/*) problems+=("$file includes \"$header\": public headers include public headers only") ;;
    cli/*)
        # `hpo bench` also fills a file with a million trials below the API
        case $file:$to in *:base | *:runner | *:cli | cli/bench*:storage | cli/bench*:scheduler | cli/bench*:bench) ;; *) problems+=("$file includes \"$header\": the command sees base and runner only") ;; esac
        ;;
    src/*)
        from=${file#src/}
        from=${from%%/*}
        [ "$from" = "$to" ] && return
        if [ -z "${level[$to]+x}" ] || [ -z "${level[$from]+x}" ]; then
            problems+=("$file includes \"$header\": unknown layer")
        elif [ "${level[$to]}" -ge "${level[$from]}" ]; then
            problems+=("$file includes \"$header\": $to is not below $from")
        fi
        ;;
    esac
}

while IFS=: read -r file header; do
    check "$file" "$header"
done < <(grep -rHoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*"' --include='*.[ch]' --include='*.inc' include src cli |
    sed -E 's/^([^:]*):.*"([^"]*)"$/\1:\2/')

echo 1..1
if [ ${#problems[@]} -eq 0 ]; then
    echo "ok 1 - includes only go down"
else
    printf '# %s\n' "${problems[@]}"
    echo "not ok 1 - includes only go down"
    exit 1
fi
