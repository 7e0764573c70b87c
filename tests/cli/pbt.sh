#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Population-based training of a real program: clones go on from copied checkpoints, also under kill -9; the schedule
# that was found is printed, and trained once more.
. "$(dirname "$0")/harness.sh"

# Stochastic gradient descent on a noisy quadratic, in expectation: m <- (1 - lr)^2 m + lr^2.  Its checkpoint is the
# epoch and m; the best lr falls like 1 / epoch.  It writes down what it trains.
cat >train.sh <<'END'
#!/bin/sh
lr=$1 epochs=$2 log=$3
e=0 m=100
[ "${HPO_RESUME-}" = 1 ] && read -r e m <"$HPO_CKPT_DIR/state"
[ "$epochs" = "$HPO_STEP_MAX" ] || exit 9
[ "$e" -lt "$epochs" ] || echo "{\"step\":$e,\"loss\":$m}" # killed before it could say so
while [ "$e" -lt "$epochs" ]; do
    e=$((e + 1))
    sleep "${EPOCH:-0}"
    m=$(echo "$m $lr" | awk '{ printf "%.17g", (1 - $2) ^ 2 * $1 + $2 ^ 2 }')
    echo "$e $m" >"$HPO_CKPT_DIR/state.new" && mv "$HPO_CKPT_DIR/state.new" "$HPO_CKPT_DIR/state"
    echo "$HPO_TRIAL $e $lr" >>"$log"
    echo "{\"step\":$e,\"loss\":$m}"
done
END
chmod +x train.sh

how=(--minimize loss --sampler random --scheduler 'pbt,population=5,interval=2' -b 30trials -j 3 --max-retries 20 -q --
    ./train.sh '{lr:log 1e-2..1}' '{epochs:fidelity 1..12}')

# ---- fewer workers than members ----
for seed in 4 5 6 7 8 9; do # who is cloned depends on who comes first: the best one may have no parents
    rm -rf hpo.db* hpo-trials pop.log
    run hpo run -n pop --seed $seed "${how[@]}" "$folder/pop.log"
    [ "$(hpo schedule -n pop --json | grep -o '"from"' | wc -l)" -lt 2 ] || break
done
status 0 'a population with fewer workers than members'
ok 'every epoch of every trial is trained once' test "$(cut -d' ' -f1,2 pop.log | sort | uniq -d | wc -l)" = 0
ok 'all have been used' test "$(sqlite3 hpo.db "select count(*) = 30 from trials where study='pop'")" = 1
ok 'members are replaced by clones, with a reason' sh -c "sqlite3 hpo.db \"select reason from decisions where study='pop' and decision='clone'\" | grep -q '^clones trial [0-9]* (rank 1 of 5 at [0-9]*) in place of trial [0-9]* (rank 5)$'"
run hpo top -n pop --rungs --table
ok 'the table of rungs' grep -q '^ *0 *2 *[1-5] ' "$folder/.out"

# ---- the schedule ----
run hpo schedule -n pop
status 0 'the winning schedule'
ok 'begins at 0' grep -q '^ *[0-9]* *0 *[0-9]' "$folder/.out"
ok 'ends at 12' sh -c "tail -1 '$folder/.out' | grep -q '^ *[0-9]* *[0-9]* *12 '"
run hpo schedule -n pop --json
ok 'pieces follow each other' python3 - "$folder/.out" <<'END'
import json, sys
o = json.load(open(sys.argv[1]))
p = o["pieces"]
assert len(p) >= 2 and p[0]["from"] == 0 and p[-1]["to"] == 12 and p[-1]["trial"] == o["trial"]
assert all(a["to"] == b["from"] and a["to"] < b["to"] for a, b in zip(p, p[1:]))
assert p[0]["reason"] is None and all("clones trial %d " % a["trial"] in b["reason"] for a, b in zip(p, p[1:]))
m = 100.0
for q in p:
    for e in range(int(q["from"]), int(q["to"])):
        a = q["params"]["lr"]
        m = (1 - a) ** 2 * m + a ** 2
open(sys.argv[1] + ".value", "w").write("%.12g %d" % (m, len(p)))
END
read -r value pieces <"$folder/.out.value"
best=$(sqlite3 hpo.db "select best_number from studies where name='pop'")
ok 'training with it by hand gives the value of the best trial' awk -v a="$value" -v b="$(hpo show -n pop "$best" --json | python3 -c 'import json,sys; print(repr(json.load(sys.stdin)["values"]["loss"]))')" 'BEGIN { exit !(a - b < 1e-9 * b && b - a < 1e-9 * b) }'
run hpo schedule -n pop 999
ok 'an unknown trial is refused' grep -q 999 "$folder/.err"

# ---- replay ----
run hpo run --replay pop -q
status 0 'a replay'
ok 'says its value' grep -q "replayed in study pop-replay-$best: $pieces pieces, loss = " "$folder/.out"
ok 'which is that of the best trial' awk -v a="$value" -v b="$(sed 's/.*loss = \([^ ]*\) .*/\1/' "$folder/.out")" 'BEGIN { exit !(a - b < 1e-9 * b && b - a < 1e-9 * b) }'
hpo schedule -n pop --json >wanted
run hpo schedule -n "pop-replay-$best" --json
ok 'its own schedule is the same' python3 - "$folder/.out" wanted <<'END'
import json, sys
a, b = ([(p["from"], p["to"], p["params"]) for p in json.load(open(f))["pieces"]] for f in sys.argv[1:])
assert a == b, (a, b)
END
run hpo run --replay "pop:$best" -q --json
ok 'again: there is nothing left to do' grep -q '"state":"complete"' "$folder/.out"
run hpo run --replay pop -n other -q
ok 'under another name' grep -q 'replayed in study other: ' "$folder/.out"
run hpo run --replay nothing -q
ok 'an unknown study is refused' grep -q "nothing" "$folder/.err"

# ---- a clone that is cloned before it has trained anything ----
hpo create -n early --minimize loss --sampler random --scheduler pbt,population=3,interval=2 --param 'lr:log 1e-2..1' \
    --param 'epochs:fidelity 1..12' >/dev/null
for i in 0 1 2; do hpo ask -n early >/dev/null; done
hpo report -n early 1 --step 2 --value 1 >/dev/null
hpo tell -n early 1 --state paused
for i in 0 2; do hpo tell -n early $i --state failed; done
for i in 3 4; do hpo ask -n early >/dev/null; done
ok 'the second clone is one of the first' grep -q 'clones trial 3 ' <<<"$(hpo explain -n early 4)"
run hpo schedule -n early 4 --json
ok 'a piece without training is left out' grep -q '"trial":1,"from":0,"to":2,.*"trial":4,"from":2,"to":4,' "$folder/.out"
ok 'and nothing else is there' test "$(grep -o '"from"' "$folder/.out" | wc -l)" = 2

# ---- killed with -9 again and again ----
RANDOM=${HPO_TEST_SEED:-5}
EPOCH=0.03 until_done 6 80 250 "$HPO" run -n kill --seed 4 "${how[@]}" "$folder/kill.log"
status 0 'in the end the study is complete'
ok 'it was killed several times' test $kills -ge 3
ok 'every trial is there once' test "$(sqlite3 hpo.db "select count(*) = 30 and count(distinct number) = 30 from trials where study='kill'")" = 1
run hpo schedule -n kill --json
ok 'the schedule is whole' python3 - "$folder/.out" <<'END'
import json, sys
p = json.load(open(sys.argv[1]))["pieces"]
assert p[0]["from"] == 0 and p[-1]["to"] == 12 and all(a["to"] == b["from"] for a, b in zip(p, p[1:])) and all(a["from"] < a["to"] for a in p)
END
run hpo run --replay kill -q
status 0 'and can be trained again'
finish
