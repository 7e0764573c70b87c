#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hpo bench`: each line is one JSON object of the documented shape, nothing is left behind, errors are one line.
# Figures are not judged here: they belong to the machine.  Usage: bench.sh HPO
set -u
hpo=$(realpath "$1")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0

# result STATUS TEXT
result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

line='^\{"name":"[a-z0-9+/-]+","n":[0-9]+,"(ns_per_op|seconds|ratio|bytes)":[0-9.e+-]+,"min":([0-9.e+-]+|null),"reference":([0-9.e+-]+|null)\}$'

echo 1..12
"$hpo" bench overhead --json --max-n 0 --only random/ >out 2>err &&
    [ ! -s err ] && [ "$(wc -l <out)" -eq 2 ] && [ "$(grep -cE "$line" out)" -eq 2 ]
result $? "overhead: one JSON object a line"
grep -q '"name":"random/f5","n":0,"ns_per_op"' out && grep -q '"reference":500}' out
result $? "overhead: name, number of trials and budget"
"$hpo" bench storage --json --max-n 0 --only ratio >out 2>err &&
    [ ! -s err ] && [ "$(grep -cE "$line" out)" -eq 3 ]
result $? "storage: bare loop, ours, and their ratio"
"$hpo" bench storage --json --max-n 0 --only processes-8 >out 2>err &&
    [ ! -s err ] && [ "$(grep -cE "$line" out)" -eq 1 ]
result $? "storage: eight processes on one file lose nothing"
"$hpo" bench overhead --max-n 0 --only report >out 2>err &&
    grep -q '^benchmark .*budget' out && grep -q '^report/none' out
result $? "a table without --json"
[ -z "$(find . -name 'hpo-bench-*')" ]
result $? "temporary files are removed"
"$hpo" bench speed >out 2>err
[ $? -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "choose run, problems, .*, overhead, storage" err
result $? "an unknown benchmark is refused"
"$hpo" bench forecast --only no-such-problem >out 2>err && [ ! -s err ] && grep -q '^problem .*rank bank' out
result $? "forecast: a table, empty where nothing fits"
"$hpo" bench forecast --problems 'no-*,neither' >out 2>err
[ $? = 1 ] && grep -q 'none of the suite multifidelity fits' err
result $? "forecast: no problem fits"
"$hpo" bench forecast --problems 'curves-exp-i0[1],mf-none' >out 2>err && [ "$(grep -c '^curves-exp-i01 ' out)" -ge 1 ] && ! grep -q '^curves-power' out
result $? "forecast: of the problems that were asked for"
"$hpo" bench forecast --ensemble 101 >out 2>err
[ $? -eq 2 ] && [ "$(wc -l <err)" -eq 1 ]
result $? "forecast: too many curves are refused"
"$hpo" bench overhead --dir no/such/folder >out 2>err
[ $? -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "no/such/folder" err
result $? "a missing folder is refused"
