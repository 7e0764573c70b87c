#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hpo run` is killed with -9 again and again at random moments: nothing is lost, nothing counts twice.
. "$(dirname "$0")/harness.sh"

cat >work.sh <<'END'
#!/bin/sh
echo "$HPO_TRIAL $HPO_ATTEMPT" >>"$1"
echo '{"step":1,"loss":2}'
sleep 0.03
echo '{"step":2,"loss":1}'
echo "$HPO_TRIAL $HPO_ATTEMPT" >>"$1.done"
END
chmod +x work.sh
RANDOM=${HPO_TEST_SEED:-7}
: >runs
: >runs.done
until_done 25 40 220 "$HPO" run -n kill --seed 1 --minimize loss -b 300trials -j 3 -q -- ./work.sh runs '{x:0..1}'
echo "# $kills kills in $rounds rounds, $(wc -l <runs) evaluations begun, $(wc -l <runs.done) ended"
status 0 'in the end the study is complete'
ok 'at least 20 kills' test $kills -ge 20
hpo export -n kill --jsonl >trials
ok 'as many trials as the budget says' test "$(wc -l <trials)" = 300
ok 'each complete' test "$(grep -c '"state":"complete"' trials)" = 300
ok 'each with a number of its own' test "$(grep -o '"number":[0-9]*' trials | sort | uniq -d | wc -l)" = 0
ok 'no attempt was made twice' test "$(sort runs | uniq -d | wc -l)" = 0
ok 'every trial was evaluated' test "$(cut -d' ' -f1 runs.done | sort -u | wc -l)" = 300
grep -o '"number":[0-9]*\|"attempt":[0-9]*' trials | sed 's/.*://' | paste -d' ' - - | sort >told
if head -1 trials | grep -q '"attempt":.*"number":'; then awk '{ print $2, $1 }' told | sort >told2 && mv told2 told; fi
ok 'the attempt that counts is one that ended' test "$(sort -u runs.done | comm -23 told - | wc -l)" = 0
run hpo db verify
status 0 'the file is sound'
ok 'no program is left' sh -c '! pgrep -f "^/bin/sh ./work.sh runs" >/dev/null'
finish
