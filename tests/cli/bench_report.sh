#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hpo bench report: tables, CSV, JSON, pictures and a page from stored runs.
. "$(dirname "$0")/harness.sh"
unset HPO_BENCH_DATA HPO_BENCH_ADAPTERS

problems=branin,bbob-f01-i01-d02,g06,zdt1-d30
run hpo bench run --problems "$problems" --methods random,sobol,broken --seeds 6 --budget 15 --workers 2 --out a
status 0 'a small comparison'
run hpo bench report a
status 0 'its report'
ok 'a row for each problem' [ "$(grep -cE '^(branin|bbob-f01-i01-d02|g06|zdt1-d30) +15 +6 ' <<<"$out")" = 4 ]
ok 'the smallest median is marked' [ "$(grep -cE '^(branin|bbob|zdt1).*[0-9]\*' <<<"$out")" = 3 ]
ok 'the best rank is tested against' grep -qE '^(random|sobol) +[0-9.]+ \[[0-9., ]+\] .* 0 +0 +- +- +24 +0 +0 ' <<<"$out"
ok 'a method that failed is last' grep -qE '^broken .* 24 +24 +0 ' <<<"$out"
ok 'and its error is shown once' [ "$(grep -c "unknown sampler 'broken'" <<<"$out")" = 1 ]
ok 'with how often' grep -qE '^broken +24 +' <<<"$out"

run hpo bench report a --against random --level 0.1
ok 'another method to test against' grep -qE '^random .* - +- +24 ' <<<"$out"
ok 'is named' grep -q 'p against random, Holm: over 24 (problem, seed) pairs' <<<"$out"
run hpo bench report a --against nobody
status 1 'a method that was not run'
errors 'is named' <<'END'
hpo: no run of a method 'nobody' to test against: *
END
run hpo bench report a --level 2
status 2 'a level that is none'
run hpo bench report a --suite hpo
status 1 'a suite without runs'
errors 'says what to do' <<'END'
hpo: no run of the suite 'hpo' is stored: *
END

# seeds that only one method has
run hpo bench run --problems branin --methods random --seeds 8 --budget 15 --workers 2 --out a
ok 'pairs that not every method has run are left out' grep -q 'leave out 2 (problem, seed) pairs' <<<"$out"
ok 'and counted' grep -qE '^sobol .* 24 +0 +2 ' <<<"$out"

run hpo bench report a --json
ok 'JSON is one line' [ "$(wc -l <<<"$out")" = 1 ]
ok 'with every part' grep -qE '^\{"command":"hpo bench run .*"friedman":\{.*"methods":\[\{"method":.*"problems":\[.*"failures":\[\{"problem":' <<<"$out"
if command -v python3 >/dev/null; then
    check='import json,sys; d=json.load(sys.stdin); m=d["methods"]; assert [x["failed"] for x in m]==[0,0,24]
assert len(d["problems"])==4 and len(d["failures"])==24 and m[0]["rank"][1]<=m[0]["rank"][0]<=m[0]["rank"][2]
assert abs(sum(x["rank"][0] for x in m)-6)<1e-12'
    ok 'JSON says the same' python3 -c "$check" <<<"$out"
fi

run hpo bench report a --csv --svg-dir pictures --html page.html --title 'A <b> & c' --commit abc123 --machine 'two cores' \
    --date 2026-01-31
status 0 'files'
ok 'one line a method and problem' [ "$(wc -l <a/summary.csv)" = 13 ]
ok 'every line has every field' [ "$(awk -F, '{print NF}' a/summary.csv | sort -u)" = 30 ]
ok 'curves' grep -qE '^branin,random,time,[0-9.e+-]+,' a/curves.csv
ok 'evaluations' [ -s a/evaluations.csv ]
for name in critical-difference mean-rank runtime-distribution performance-profile budget-branin time-zdt1-d30; do
    ok "picture $name" grep -q '</svg>' "pictures/$name.svg"
done
ok 'nothing feasible: no picture' [ ! -e pictures/budget-g06.svg ]
ok 'the page is whole' [ "$(tail -n 1 page.html)" = '</main></body></html>' ]
ok 'texts are escaped' grep -q '<h1>A &lt;b&gt; &amp; c</h1>' page.html
ok 'it states its origin' grep -q '<dd>hpo bench run .*<dd>abc123</dd>.*<dd>two cores</dd>.*<dd>2026-01-31</dd>' page.html
ok 'nothing is fetched' [ "$(sed 's/xmlns="[^"]*"//g' page.html | grep -cE 'https?:|src=|@import|<link')" = 0 ]
ok 'every failure is listed' [ "$(grep -c "unknown sampler" page.html)" = 24 ]
if command -v xmllint >/dev/null; then
    ok 'pictures are XML' xmllint --noout pictures/*.svg
elif command -v python3 >/dev/null; then
    ok 'pictures are XML' python3 -c 'import sys, xml.dom.minidom as d; [d.parse(f) for f in sys.argv[1:]]' pictures/*.svg
fi
cp page.html first.html
run hpo bench report a --html page.html --title 'A <b> & c' --commit abc123 --machine 'two cores' --date 2026-01-31
ok 'the same results give the same bytes' cmp -s first.html page.html
run hpo bench report a --html no/such/folder/page.html
status 1 'a page that cannot be written'
run hpo bench report a b
status 2 'two folders'
finish
