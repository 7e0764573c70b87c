#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh - random search and Gaussian processes on an SVM, logistic regression and a neural network with 26
# hyperparameters: ten seeds, tests, plots, and a check of what each study says of its own result.
#     examples/survey/run.sh [--quick] [HPO [OUTPUT-FOLDER]]
# HPO: the command (default: build/hpo, else hpo).  About 20 minutes on two cores; --quick: some seconds.
# Interrupted, it goes on where it was.  README.md tells what came out.
set -eu
quick=
if [ "${1:-}" = --quick ]; then
    quick=1
    shift
fi
hpo=${1:-build/hpo}
[ -n "${1:-}" ] || [ -x "$hpo" ] || hpo=hpo
out=${2:-survey}

problems=logistic-digits,digits-mlp-many
methods=random,gp:acquisition=lcb,tpe,auto
seeds=10 budget=60 repeats=10
if [ -n "$quick" ]; then
    problems=logistic-digits
    methods=random,gp:acquisition=lcb
    seeds=2 budget=12 repeats=3
else # what needs libsvm, and what needs tables (HPO_BENCH_DATA), where they are
    for name in svm-digits svm-breast_cancer logistic-breast_cancer; do
        if "$hpo" bench problems --problems "$name" >/dev/null 2>&1; then problems=$problems,$name; fi
    done
fi

say() { printf '\n$ %s\n' "$*"; }

# Every method on every problem with every seed; the same seed gives all methods the same folds, initial weights and noise.
say "hpo bench run --problems $problems --methods $methods --seeds $seeds --budget $budget"
"$hpo" bench run --problems "$problems" --methods "$methods" --seeds "$seeds" --budget "$budget" --out "$out" >/dev/null

# The comparison: medians, ranks, tests against random search; every number and plot on one page.
say "hpo bench report $out --against random --html $out/report.html --svg-dir $out/plots"
"$hpo" bench report "$out" --against random --html "$out/report.html" --svg-dir "$out/plots" --csv | tee "$out/report.txt"

# Uncertainty: each recommended configuration once more with fresh seeds, against what was expected of it.
say "hpo bench recheck $out --repeats $repeats --svg-dir $out/plots"
"$hpo" bench recheck "$out" --repeats "$repeats" --svg-dir "$out/plots" | tee "$out/recheck.txt"

printf '\nThe page: %s\nPlots: %s\n' "$out/report.html" "$out/plots"
