#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hpo bench run, problems, report: comparisons from the command line.
. "$(dirname "$0")/harness.sh"
unset HPO_BENCH_DATA HPO_BENCH_ADAPTERS

run hpo bench problems --suite bbob
status 0 'the problems of a suite'
ok 'with what they are' grep -qE '^bbob-f01-i01-d02 +2 +2 +- +1 +0 +no +[0-9]+ ' <<<"$out"
run hpo bench problems --problems 'bbob-f0[12]-i01-d02' --json
output 'as JSON, chosen by a pattern' <<'END'
{"name":"bbob-f01-i01-d02","family":"bbob","suites":["bbob"*"parameters":2,*"noisy":false,*"best":79.48,*"space":{*}
{"name":"bbob-f02-i01-d02",*}
END
run hpo bench problems --suite nope
status 2 'an unknown suite'
errors 'is named with the others' <<'END'
hpo: --suite nope: there is no such suite: choose quick, bbob, *
END

run hpo bench run --problems 'bbob-f0[12]-i01-d02' --methods random,sobol:scramble=shift --seeds 3 --budget 20 --out a
status 0 'a comparison'
ok 'a row for each problem' [ "$(grep -cE '^bbob-f0[12]-i01-d02 +20 +3 +[0-9.e-]+\*? +[0-9.e-]+\*?$' <<<"$out")" = 2 ]
ok 'a row for each method' [ "$(grep -cE '^(random|sobol:scramble=shift) .* 6 +0 +0 ' <<<"$out")" = 2 ]
errors 'says what it did' <<'END'
hpo: 12 runs in * (0 already there, 0 failed), 240 evaluations: a/results.sqlite
END
first=$out
run hpo bench run --problems 'bbob-f0[12]-i01-d02' --methods random,sobol:scramble=shift --seeds 3 --budget 20 --out a
errors 'the same again runs nothing' <<'END'
hpo: 0 runs in * (12 already there, 0 failed), 0 evaluations: a/results.sqlite
END
ok 'and shows the same' [ "$out" = "$first" ]
run hpo bench run --problems bbob-f01-i01-d02 --methods random --seeds 4 --budget 20 --out a --json --csv
errors 'one seed more is one run more' <<'END'
hpo: 1 run in * (3 already there, 0 failed), 20 evaluations: a/results.sqlite
END
ok 'JSON has every method' [ "$(grep -c '"median_regret":' <<<"$out")" = 4 ]
ok 'CSV has one line an evaluation' [ "$(wc -l <a/evaluations.csv)" = 261 ]
run hpo bench report a
ok 'report shows what is stored' grep -q '^bbob-f02-i01-d02 ' <<<"$out"

run hpo bench run --problems bbob-f01-i01-d02 --methods nonsense,random,@none --seeds 2 --budget 5 --out b
status 0 'methods that fail are no failure of the comparison'
ok 'they are in the table' grep -qE '^nonsense +2.5 .* 2 +2 +0 ' <<<"$out"
ok 'external ones too' grep -qE '^@none +2.5 .* 2 +2 +0 ' <<<"$out"
errors 'each error is shown once' <<'END'
hpo: *
hpo: *
hpo: 6 runs in * (0 already there, 4 failed), 10 evaluations: b/results.sqlite
END
ok 'with the name of the method' grep -q '^hpo: nonsense on bbob-f01-i01-d02, seed [01]: .*nonsense' <<<"$err"

# Interrupted: what has ended stays, nothing half, and the same command goes on.
long=(bench run --problems bbob-f01-i01-d02 --methods random --seeds 400 --budget 3000 --out c -j 1)
"$HPO" "${long[@]}" >out 2>err &
pid=$!
for _ in $(seq 200); do
    [ "$(hpo bench report c --json 2>/dev/null | grep -c runs)" = 1 ] && break
    sleep 0.05
done
kill -INT $pid
wait $pid
rc=$? err=$(cat err) out=
status 130 'an interrupt ends it'
errors 'and says how to go on' <<'END'
hpo: interrupted after * of 400 runs: the same command goes on from there
END
run hpo bench report c --json
ok 'whole runs only' grep -qE '"runs":[0-9]+,"failed":0' <<<"$out"
there=$(sed -E 's/.*"runs":([0-9]+).*/\1/' <<<"$out")
run hpo bench run --problems bbob-f01-i01-d02 --methods random --seeds "$((there + 1))" --budget 3000 --out c
errors 'it goes on' <<END
hpo: 1 run in * ($there already there, 0 failed), 3000 evaluations: c/results.sqlite
END

# Accidents and several workers.
run hpo bench run --problems bbob-f01-i01-d02 --methods random --seeds 2 --budget 10,20 --workers 1,4 \
    --failure-rate 0.1 --preemption-rate 0.1 --straggler-rate 0.1 --out d
errors 'budgets and workers are crossed' <<'END'
hpo: 8 runs in * 120 evaluations: d/results.sqlite
END

run hpo bench run --methods random
status 2 'nothing to run on'
run hpo bench run --suite quick
status 2 'nothing to compare'
run hpo bench run --problems bbob-f01-i01-d2 --methods random --out e
status 1 'a name that is near'
ok 'is suggested' grep -q 'bbob-f01-i01-d0' <<<"$err"
run hpo bench run --problems 'x*' --methods random --out e
errors 'a pattern that fits nothing' <<'END'
hpo: --problems x*: no problem fits: see `hpo bench problems`
END
run hpo bench run --problems bbob-f01-i01-d02 --methods random --budget 0 --out e
status 2 'a budget of nothing'
run hpo bench report nowhere
status 1 'no results'
errors 'are named' <<'END'
hpo: nowhere/results.sqlite: there is no such file: *
END
finish
