#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# examples/survey in its quick form, and hpo bench recheck.
. "$(dirname "$0")/harness.sh"
unset HPO_BENCH_DATA HPO_BENCH_ADAPTERS
survey=$tests/../../examples/survey/run.sh

run "$survey" --quick "$HPO" out
status 0 'the survey, in short'
ok 'compares' grep -qE '^logistic-digits +12 +2 ' <<<"$out"
ok 'tests against random search' grep -q 'p against random' <<<"$out"
ok 'checks what was claimed' [ "$(grep -cE '^logistic-digits +(random|gp:acquisition=lcb) +12 +2 .* [0-9]+ % +[0-9]+ %$' <<<"$out")" = 2 ]
ok 'a page' [ "$(tail -n 1 out/report.html)" = '</main></body></html>' ]
for name in budget-logistic-digits mean-rank uncertainty-logistic-digits; do
    ok "picture $name" grep -q '</svg>' "out/plots/$name.svg"
done
if command -v xmllint >/dev/null; then
    ok 'which are XML' xmllint --noout out/plots/*.svg
elif command -v python3 >/dev/null; then
    ok 'which are XML' python3 -c 'import sys, xml.dom.minidom as d; [d.parse(f) for f in sys.argv[1:]]' out/plots/*.svg
fi
run "$survey" --quick "$HPO" out
errors 'again, nothing is run' <<'END'
hpo: 0 runs in * (4 already there, 0 failed), 0 evaluations: out/results.sqlite
END

run hpo bench recheck out --repeats 2 --json
status 0 'recheck as JSON'
ok 'a line for each run' [ "$(wc -l <<<"$out")" = 4 ]
output 'with every number' <<'END'
{"problem":"logistic-digits","method":"gp:acquisition=lcb","seed":0,"budget":12,"n":12,"repeats":2,"best_told":*,"best_again":*,"expected":*,"low":*,"high":*,"noise_sd":*,"again":*,"again_sem":*,"again_sd":*,"covered":*,"inside":*}
{"problem":"logistic-digits","method":"gp:acquisition=lcb","seed":1,*}
{"problem":"logistic-digits","method":"random","seed":0,*}
{"problem":"logistic-digits","method":"random","seed":1,*}
END
first=$out
run hpo bench recheck out --repeats 2 --json -j 1
ok 'the same numbers each time, on any number of threads' [ "$out" = "$first" ]

hpo bench run --problems branin,zdt1-d30 --methods random --seeds 1 --budget 5 --out exact >/dev/null 2>&1
run hpo bench recheck exact
ok 'exact values are what they are' grep -qE '^branin +random +5 +1 +([0-9.]+) +\1 +\1 +\1 +0 .* 100 % +100 %$' <<<"$out"
ok 'several objectives are left out' [ "$(grep -c zdt1 <<<"$out")" = 0 ]
run hpo bench recheck nowhere
status 1 'no results'
run hpo bench recheck exact --repeats 1
status 2 'too few repeats'
finish
