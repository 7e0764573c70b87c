#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two fidelities, epochs and rows, and real processes: the path, checkpoints of other rows, kill -9.
. "$(dirname "$0")/harness.sh"

# A checkpoint holds the epoch and the rows that it was trained on.  Going on from other rows is an error, unless
# $anyrows says that this program can.
cat >train.sh <<'END'
#!/bin/sh
x=$1 epochs=$2 rows=$3 log=$4
e=0
[ "$epochs" = "$HPO_STEP_MAX" ] && [ "$HPO_STEP_FULL" = 9 ] && [ "$rows" = "$HPO_PARAM_ROWS" ] || exit 9
report() {
    echo "{\"step\":$e,\"loss\":$(echo "$x $e $rows" | awk '{ printf "%.17g", ($1 - 0.3) ^ 2 + 1 / $2 + 30 / $3 }')}"
}
if [ "${HPO_RESUME-}" = 1 ] && [ -f "$HPO_CKPT_DIR/state" ]; then
    read -r e old <"$HPO_CKPT_DIR/state"
    if [ "$old" = "$rows" ]; then
        report # what the checkpoint holds may not have been heard
    else
        [ -n "${anyrows-}" ] || exit 8
        echo "$HPO_TRIAL $old $rows" >>"$log.moved"
    fi
elif [ -z "${HPO_RESUME-}" ] && [ -n "$(ls "$HPO_CKPT_DIR")" ]; then
    exit 7
fi
while [ $e -lt "$epochs" ]; do
    e=$((e + 1))
    echo "$HPO_TRIAL $e $rows $HPO_ATTEMPT" >>"$log"
    sleep "${EPOCH:-0.003}"
    echo "$e $rows" >"$HPO_CKPT_DIR/new" && mv "$HPO_CKPT_DIR/new" "$HPO_CKPT_DIR/state"
    report
done
END
chmod +x train.sh

# ---- the path ----
run hpo run -n asha --minimize loss --sampler random --scheduler asha -b 18trials -j 2 --seed 3 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' '{rows:fidelity 100..900}' "$folder/asha.log"
status 0 'a run with two fidelities ends well'
ok 'trials stand where both have grown together' test "$(sqlite3 hpo.db "select count(*) from trials where study='asha' and params->>'epochs' || ' ' || (params->>'rows') not in ('1 100', '2 173', '3 300', '5 520', '9 900')")" = 0
ok 'most are paused' test "$(sqlite3 hpo.db "select count(*) >= 12 from trials where study='asha' and state='paused'")" = 1
ok 'none failed' test "$(sqlite3 hpo.db "select count(*) from trials where study='asha' and state='failed'")" = 0
ok 'complete is what had all of both' test "$(sqlite3 hpo.db "select count(*) >= 1 and min(params->>'epochs') = 9 and min(params->>'rows') = 900 from trials where study='asha' and state='complete'")" = 1
ok 'a piece of other rows begins anew' test "$(grep -c '^[0-9]* 1 173 2$' asha.log)" -ge 1
run hpo top -n asha --rungs --table
ok 'the table of rungs says where they are' grep -q '0.333333 .*epochs 2, rows 173$' "$folder/.out"
n=$(sqlite3 hpo.db "select number from trials where study='asha' and state='complete' limit 1")
run hpo explain -n asha "$n"
ok 'so does the log' grep -q 'goes on to 0.333333 (epochs 2, rows 173)' "$folder/.out"
run hpo best -n asha
ok 'the best is one of all epochs and rows' grep -q 'rows *900' "$folder/.out"
run hpo enqueue -n asha 'x=0.5' 'epochs=9' 'rows=100'
status 1 'many epochs on few rows are not enqueued'

# ---- a program whose checkpoints are good for any rows ----
anyrows=1 run hpo run -n moved --minimize loss --sampler random --scheduler hyperband -b 14trials -j 2 --seed 3 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' '{rows:fidelity resumable 100..900}' "$folder/moved.log"
status 0 'a resumable fidelity'
ok 'training goes on from other rows' test "$(wc -l <moved.log.moved)" -ge 3
ok 'no epoch is trained twice' test "$(cut -d' ' -f1,2 moved.log | sort | uniq -d | wc -l)" = 0
run hpo show -n moved
ok 'and the space says so' grep -q '"resumable":true' "$folder/.out"

# ---- schedulers that follow the training along its steps ----
for s in median asha-stopping freeze-thaw pbt:population=3,interval=3; do
    run hpo run -n "along-$s" --minimize loss --sampler random --scheduler "$s" -b 6trials -j 2 --seed 3 -q -- \
        ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' '{rows:fidelity 100..900}' "$folder/along.log"
    ok "$s has all rows from the start" test "$(sqlite3 hpo.db "select count(*) >= 6 and min(params->>'rows') = 900 from trials where study='along-$s'")" = 1
done

# ---- killed with -9 again and again ----
RANDOM=${HPO_TEST_SEED:-5}
EPOCH=0.05 until_done 5 60 200 "$HPO" run -n kill --seed 1 --minimize loss --sampler random --scheduler asha -b 30trials -j 4 --max-retries 20 -q -- \
    ./train.sh '{x:0..1}' '{epochs:fidelity 1..9}' '{rows:fidelity 100..900}' "$folder/kill.log"
status 0 'in the end the study is complete'
ok 'it was killed several times' test $kills -ge 3
ok 'none is left running or waiting, none has failed' test "$(sqlite3 hpo.db "select count(*) from trials where study='kill' and state not in ('paused', 'complete')")" = 0
ok 'no trial was promoted twice from one rung' test "$(sqlite3 hpo.db "select count(*) from (select number, step from decisions where study='kill' and decision='pause' group by 1, 2 having count(*) > 1)")" = 0
finish
