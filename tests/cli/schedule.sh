#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Schedulers and real processes: pause, resume on another worker, checkpoints, kill -9 during promotion.
. "$(dirname "$0")/harness.sh"

# A program with a checkpoint of one number.  It writes down every epoch that it trains.
cat >train.sh <<'END'
#!/bin/sh
x=$1 epochs=$2 log=$3
e=0
[ "${HPO_RESUME-}" = 1 ] && [ -f "$HPO_CKPT_DIR/epoch" ] && e=$(cat "$HPO_CKPT_DIR/epoch")
[ "$epochs" = "$HPO_STEP_MAX" ] || exit 9
report() {
    echo "{\"step\":$e,\"loss\":$(echo "$x $e" | awk '{ printf "%.17g", ($1 - 0.3) ^ 2 + 1 / $2 }')}"
}
[ $e = 0 ] || report # what the checkpoint holds may not have been heard
while [ $e -lt "$epochs" ]; do
    e=$((e + 1))
    echo "$HPO_TRIAL $e $HPO_ATTEMPT $PPID" >>"$log"
    sleep "${EPOCH:-0.005}"
    echo "$HPO_TRIAL:$x" >"$HPO_CKPT_DIR/who"
    echo $e >"$HPO_CKPT_DIR/epoch.new" && mv "$HPO_CKPT_DIR/epoch.new" "$HPO_CKPT_DIR/epoch"
    report
done
END
chmod +x train.sh

# ---- ASHA: the best go on, nothing is trained twice ----
run hpo run -n asha --minimize loss --sampler random --scheduler asha,eta=3 -b 18trials -j 4 --seed 3 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/asha.log"
status 0 'a run with pauses ends well'
ok 'every epoch of every trial is trained once' test "$(cut -d' ' -f1,2 asha.log | sort | uniq -d | wc -l)" = 0
ok 'most trials are paused' test "$(sqlite3 hpo.db "select count(*) >= 12 from trials where study='asha' and state='paused'")" = 1
ok 'some have run to the end' test "$(sqlite3 hpo.db "select count(*) >= 1 from trials where study='asha' and state='complete'")" = 1
ok 'and no others than those at full resource' test "$(sqlite3 hpo.db "select count(*) from trials where study='asha' and state='complete' and params->>'epochs' <> 9")" = 0
ok 'the reason names rank and rung' sh -c "sqlite3 hpo.db \"select reason from decisions where study='asha' and decision='resume'\" | grep -q '^rank [0-9]* of [0-9]* at rung [13]: goes on to [39]$'"
ok 'costs are those of all pieces' test "$(sqlite3 hpo.db "select count(*) from trials where study='asha' and cost <= 0")" = 0
run hpo best -n asha
status 0 'there is a best'
run hpo show -n asha 0 --json
ok 'what the scheduler did, and why, is in the trial' grep -q '"decisions":\[{"what":"new","step":1,.*"what":"pause","step":1,"reason":"rank [0-9]* of [0-9]* at rung 1"' "$folder/.out"
run hpo top -n asha --rungs --table
ok 'the table of rungs' grep -q '^ *0 *1 *18 ' "$folder/.out"
run hpo run -n joint --minimize loss --sampler random --scheduler 'threshold:upper=1e9 or halving:eta=3,n=3' -b 3trials -j 1 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/joint.log"
run hpo top -n joint --rungs --table
ok 'also of one rule of several, when all is over' grep -q '^ *0 *1 *3 *1 ' "$folder/.out"
run hpo plot curves -n asha --ascii
ok 'curves are drawn' grep -q 'loss by step' "$folder/.out"

# ---- stopping ----
run hpo run -n stop --minimize loss --sampler random --scheduler asha-stopping -b 12trials -j 2 --seed 3 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/stop.log"
status 0 'ASHA by stopping'
ok 'stops some and never resumes' test "$(sqlite3 hpo.db "select count(*) filter (where state = 'stopped') > 0 and max(attempt) = 1 from trials where study='stop'")" = 1
n=$(sqlite3 hpo.db "select min(number) from trials where study='stop' and state='stopped'")
run hpo explain -n stop "$n"
ok 'explain says why a trial was stopped' grep -q 'stopped at [0-9]*: rank [0-9]* of [0-9]* at rung [139]' "$folder/.out"

# ---- chosen, and joined ----
run hpo run -n auto --minimize loss --sampler random -b 9trials -j 2 --seed 3 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/auto.log"
status 0 'a run whose scheduler nobody named: a fidelity is declared'
ok 'is auto' test "$(sqlite3 hpo.db "select scheduler from studies where name='auto'")" = auto
hpo create -n whole-trials --param 'x:0..1' --minimize loss >/dev/null
ok 'without a fidelity none' test "$(sqlite3 hpo.db "select scheduler from studies where name='whole-trials'")" = none
ok 'pauses' test "$(sqlite3 hpo.db "select count(*) > 3 from trials where study='auto' and state='paused'")" = 1
run hpo explain -n auto
ok 'explain tells the choice and why' grep -q '^scheduler *auto: hyperband-async, for the space declares a fidelity$' "$folder/.out"
run hpo explain -n auto 0
ok 'the log has it too' grep -q 'began, up to 1: hyperband-async: the space declares a fidelity' "$folder/.out"
cat >worse.sh <<'END'
#!/bin/sh
for step in 1 2 3 4 5 6 7 8; do echo "{\"step\":$step,\"loss\":$step}"; done
sleep 10
END
chmod +x worse.sh
run hpo run -n joined --minimize loss --sampler random -b 2trials --seed 3 -q \
    --scheduler '(patience,patience=2 or threshold,upper=100) and threshold,upper=3' -- ./worse.sh --x '{x:0..1}'
status 3 'a run under joined rules that stop every trial'
reason=$(sqlite3 hpo.db "select reason from decisions where study='joined' and decision='stop' limit 1")
ok 'both reasons are given' test "$reason" = 'no improvement by more than 0 for 3 reports up to 4; 4 is above 3 at 4'
run hpo create -n refused --param 'x:0..1' --minimize loss --scheduler 'median and'
status 1 'half a rule is refused'

# ---- a quota for checkpoints ----
cat >big.sh <<'END'
#!/bin/sh
head -c 10000 /dev/zero >"$HPO_CKPT_DIR/model"
echo "{\"loss\":$1}"
END
chmod +x big.sh
run hpo run -n quota --minimize loss --sampler random -b 12trials -j 2 --seed 3 --checkpoint-quota 50K -q -- ./big.sh '{x:0..1}'
status 0 'a run with a quota'
ok 'keeps five checkpoints or fewer' test "$(find hpo-trials/quota -name model | wc -l)" -le 5
best=$(sqlite3 hpo.db "select best_number from studies where name='quota'")
ok 'and among them that of the best' test -f "hpo-trials/quota/$best/ckpt/model"

# ---- a program that reports nothing on its way ----
cat >whole.sh <<'END'
#!/bin/sh
echo "{\"loss\":$(echo "$1 $2" | awk '{ printf "%.17g", ($1 - 0.3) ^ 2 + 1 / $2 }')}"
END
chmod +x whole.sh
run hpo run -n whole --minimize loss --sampler random --scheduler hyperband -b 20trials -j 2 --seed 3 -q -- \
    ./whole.sh '{x:0..1}' '{rows:fidelity 1..9}'
status 0 'programs that only say their final value are promoted too'
ok 'by what they said at each resource' test "$(sqlite3 hpo.db "select count(*) > 2 from decisions where study='whole' and decision='resume'")" = 1

# ---- ask, report, tell by hand ----
hpo create -n hand --param 'x:0..1' --param 'epochs:fidelity 1..9' --minimize loss --scheduler asha --sampler random >/dev/null
t0=$(hpo ask -n hand --json)
ok 'ask gives the lowest rung' grep -q '"epochs":1' <<<"$t0"
ok 'report says pause at the rung' test "$(hpo report -n hand 0 --step 1 --value 0.5)" = pause
run hpo should-stop -n hand 0
status 0 'should-stop says so as well'
run hpo tell -n hand 0 --state paused
status 0 'told'
for i in 1 2; do
    hpo ask -n hand >/dev/null
    hpo report -n hand $i --step 1 --value 0.$((5 + i)) >/dev/null
    hpo tell -n hand $i --state paused
done
ok 'then the best of three goes on' grep -q '"trial":0,.*"epochs":3' <<<"$(hpo ask -n hand --json)"

# ---- killed with -9 again and again ----
RANDOM=${HPO_TEST_SEED:-5}
EPOCH=0.05 until_done 8 60 200 "$HPO" run -n kill --seed 1 --minimize loss --sampler random --scheduler asha -b 40trials -j 4 --max-retries 20 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/kill.log"
status 0 'in the end the study is complete'
ok 'it was killed several times' test $kills -ge 3
ok 'every trial is there once' test "$(sqlite3 hpo.db "select count(*) = 40 and count(distinct number) = 40 from trials where study='kill'")" = 1
ok 'none is left running or waiting' test "$(sqlite3 hpo.db "select count(*) from trials where study='kill' and state not in ('paused', 'complete')")" = 0
ok 'no trial was promoted twice from one rung' test "$(sqlite3 hpo.db "select count(*) from (select number, step from decisions where study='kill' and decision='pause' group by 1, 2 having count(*) > 1)")" = 0
ok 'epochs trained again are only those of a killed attempt' test "$(cut -d' ' -f1,2 kill.log | sort | uniq -c | awk '$1 > 9' | wc -l)" = 0
run hpo db verify
status 0 'the file is sound'

# ---- four workers, each a process of its own: a trial goes on with another one ----
# Mostly the worker that has just let a trial go takes it up again: the other case may need a few tries.
for n in 1 2 3 4 5 6; do
    rm -f four.log
    for w in 1 2 3 4; do
        "$HPO" run -n four$n --seed $n --minimize loss --sampler random --scheduler asha -b 30trials -j 1 -q -- \
            ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' "$folder/four.log" >out.$w 2>&1 &
    done
    wait
    [ "$(cut -d' ' -f4 four.log | sort -u | wc -l)" = 4 ] || continue
    [ "$(cut -d' ' -f1,4 four.log | sort -u | cut -d' ' -f1 | uniq -d | wc -l)" -ge 1 ] && break
done
ok 'all epochs once' test "$(cut -d' ' -f1,2 four.log | sort | uniq -d | wc -l)" = 0
ok 'by four workers' test "$(cut -d' ' -f4 four.log | sort -u | wc -l)" = 4
ok 'a paused trial goes on with another worker' test "$(cut -d' ' -f1,4 four.log | sort -u | cut -d' ' -f1 | uniq -d | wc -l)" -ge 1
ok 'all trials' test "$(sqlite3 hpo.db "select count(*) from trials where study='four$n'")" = 30
finish
