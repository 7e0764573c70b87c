#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - what `make demo` shows: tune a real training program for 45 seconds on two workers, then look at
# the study.  Everything goes into one folder (default: demo/ in the current one), safe to delete.
#     examples/digits/demo.sh [BUILD-FOLDER [OUTPUT-FOLDER]]
set -eu
build=$(cd "${1:-build}" && pwd)
out=${2:-demo}
hpo=$build/hpo
train=$build/examples/train
mkdir -p "$out"
cd "$out"
rm -rf hpo.db* hpo-trials

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

say "hpo run -n digits --minimize val_loss -b ${DEMO_BUDGET:-45s} -j 2 -- train --lr '{lr:log 1e-3..1}' ..."
"$hpo" run -n digits --minimize val_loss -b "${DEMO_BUDGET:-45s}" -j 2 --seed 1 -- \
    "$train" --lr '{lr:log 1e-3..1}' --opt '{opt:sgd,adam}' --momentum '{momentum:revlog 0..0.99 if opt == sgd}' \
    --hidden '{hidden:int log 8..256}' --depth '{depth:int 1..3}' --batch '{batch:ordinal 16,32,64,128}' \
    --dropout '{dropout:0..0.5}' --weight-decay '{weight_decay:log 1e-6..1e-1}' \
    --schedule '{schedule:constant,cosine,step}' --epochs '{epochs:fidelity 1..20}'

say "hpo top"
"$hpo" top
say "hpo plot history"
"$hpo" plot history
say "hpo plot slice lr"
"$hpo" plot slice lr
say "hpo best"
"$hpo" best

# The test images were never used for tuning: this is the number to report.
best=$("$hpo" best --json | sed -n 's/.*"number":\([0-9]*\),.*/\1/p')
accuracy=$(sed -n 's/.*"test_acc":\([0-9.]*\).*/\1/p' "hpo-trials/digits/$best/stdout" | tail -n 1)
printf '\nTrial %s: accuracy on the untouched test images %s\n' "$best" "$accuracy"
printf 'The study is in %s; look further with: %s show --storage %s\n' "$PWD/hpo.db" "$hpo" "$PWD/hpo.db"
"$hpo" plot history --svg history.svg > /dev/null
printf 'A picture of it: %s\n' "$PWD/history.svg"
