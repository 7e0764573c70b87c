#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 64 shells ask and tell on one file at the same time: no error, no trial lost or doubled.
. "$(dirname "$0")/harness.sh"
shells=64
each=5
run hpo create -n p --sampler random --param 'x:0..1' -b $((shells * each))trials --seed 1
cat >loop.sh <<'END'
for i in 1 2 3 4 5; do
    set -- $("$HPO" ask --args)
    [ $# = 4 ] || echo "ask gave: $*" >&2
    "$HPO" tell "$1" --token "$2" --value "$4"
    echo "$1"
done
END
export HPO
i=0
while [ $i -lt $shells ]; do
    sh loop.sh >numbers.$i 2>errors.$i &
    i=$((i + 1))
done
wait
cat errors.* >.err
cat numbers.* | sort -n >numbers
out=$(cat numbers) err=$(cat .err) rc=0
ok 'no error was printed' test ! -s .err
seq 0 $((shells * each - 1)) >wanted
ok 'every number once, none missing' cmp -s wanted numbers
run hpo show
ok 'all are complete' grep -q "^trials       $((shells * each)) ($((shells * each)) complete)\$" .out
run hpo ask
status 4 'the budget is exact'
run hpo db verify
status 0 'the file is sound'

# A worker that waits for the last of its own trials looks for trials of the dead: its own is not one.
cat >slow.sh <<'END'
[ "$HPO_TRIAL" = 0 ] && sleep 4 || sleep 2.5
echo "{\"y\": $1}"
END
run hpo run -n own --minimize y -b 2trials -j 2 -- sh slow.sh '{x:0..1}'
status 0 'a slow last trial'
ok 'is nobody else'"'"'s' sh -c '! grep -q "died\|lost" .err'
run hpo show -n own
ok 'and counts once' grep -q '^trials       2 (2 complete)' .out
finish
