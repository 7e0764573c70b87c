#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs that misbehave: each is handled, named and costs nothing but its own trial.
. "$(dirname "$0")/harness.sh"

reason() { # reason STUDY TRIAL: why the trial ended as it did
    sed -n 's/.*"reason":"\([^"]*\)".*/\1/p' "hpo-trials/$1/$2/result.json"
}
state() {
    sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' "hpo-trials/$1/$2/result.json"
}
program() { # program NAME <TEXT
    { echo '#!/bin/sh'; cat; } >"$1"
    chmod +x "$1"
}
matches() { # matches TEXT PATTERN
    # shellcheck disable=SC2254
    case $1 in $2) return 0 ;; *) echo "# '$1' is not '$2'" && return 1 ;; esac
}

# ---- output ----
program flood.sh <<'END'
i=0
while [ $i -lt 3000 ]; do
    printf '%01000d\n' $i
    i=$((i + 1))
done
echo '{"loss":0.5}'
END
run hpo run -n flood --minimize loss -b 1trials -q --max-output 100K -- ./flood.sh '{x:0..1}'
status 0 'a flood of output'
ok 'does not hide the result' grep -q 'loss = 0.5' "$folder/.out"
size=$(stat -c %s hpo-trials/flood/0/stdout)
ok 'the log is capped' test "$size" -gt 102000 -a "$size" -lt 103000
ok 'and says so' grep -q 'output beyond 102400 bytes was dropped' hpo-trials/flood/0/stdout
ok 'what was dropped is counted' grep -q '"dropped_output":2[0-9]*' hpo-trials/flood/0/resources.json

program binary.sh <<'END'
head -c 300000 /dev/urandom
printf '\n\000{"loss":9}\000\n{"loss":0.25}\n'
head -c 100000 /dev/urandom >&2
END
run hpo run -n binary --minimize loss -b 1trials -q -- ./binary.sh '{x:0..1}'
status 0 'binary output'
ok 'the line between it is read' grep -q 'loss = 0.25' "$folder/.out"

program closed.sh <<'END'
echo '{"loss":0.75}'
exec >&- 2>&-
sleep 0.2
END
run hpo run -n closed --minimize loss -b 1trials -q -- ./closed.sh '{x:0..1}'
ok 'a program that closes its output is waited for' grep -q 'loss = 0.75' "$folder/.out"
ok 'until it ends' grep -q '"wall":0\.[2-9]' hpo-trials/closed/0/resources.json

program rmdir.sh <<'END'
echo '{"loss":0.75}'
rm -rf "$HPO_DIR"
END
run hpo run -n rmdir --minimize loss -b 2trials -q -- ./rmdir.sh '{x:0..1}'
status 0 'a program that deletes its own directory'
ok 'still counts' grep -q 'loss = 0.75' "$folder/.out"

program nometric.sh <<'END'
echo "training is fine"
echo "but says nothing" >&2
END
run hpo run -n nometric --minimize loss -b 2trials -- ./nometric.sh '{x:0..1}'
status 3 'no metric at all: nothing feasible'
ok 'is explained' grep -q "no metric: 'loss' was never seen" "$folder/.err"
ok 'with the output' grep -q 'but says nothing' "$folder/.err"
ok 'once' test "$(grep -c 'but says nothing' "$folder/.err")" = 1
program nan.sh <<'END'
echo '{"loss": NaN}'
END
run hpo run -n nan --minimize loss -b 1trials -q -- ./nan.sh '{x:0..1}'
ok 'NaN is a failure with a name' matches "$(reason nan 0)" "'loss' is nan"

# ---- exit statuses ----
program status.sh <<'END'
case $HPO_TRIAL.$HPO_ATTEMPT in
0.1) exit 75 ;;
1.1) exit 77 ;;
2.1) echo "no such file: data.csv" >&2; exit 1 ;;
3.1) kill -SEGV $$ ;;
4.1) echo '{"_status":"infeasible","_reason":"too wide"}' ;;
5.1) echo '{"_status":"preempted"}'; kill -TERM $$ ;;
esac
echo '{"loss":1}'
END
run hpo run -n status --minimize loss -b 7trials -q -- ./status.sh '{x:0..1}'
status 0 'all exit statuses'
ok '75 comes back' matches "$(state status 0)" complete
ok 'as a second attempt' grep -q '"attempt":2' hpo-trials/status/0/result.json
ok '77 is infeasible' matches "$(state status 1)" infeasible
ok 'others fail' matches "$(state status 2)" failed
ok 'with the last line of stderr' matches "$(reason status 2)" 'exit status 1: no such file: data.csv'
ok 'a signal is named' matches "$(reason status 3)" 'killed by signal 11 SEGV*'
ok '_status and _reason' matches "$(state status 4) $(reason status 4)" 'infeasible infeasible: too wide'
ok 'preempted comes back' grep -q '"attempt":2' hpo-trials/status/5/result.json
program abort.sh <<'END'
[ "$HPO_TRIAL" = 2 ] && { echo "the data set is missing" >&2; exit 78; }
echo '{"loss":1}'
END
run hpo run -n abort --minimize loss -b 50trials -q -- ./abort.sh '{x:0..1}'
status 1 '78 ends the study'
ok 'and says why' grep -q 'the data set is missing' "$folder/.out"
ok 'at once' test ! -e hpo-trials/abort/3
program flaky.sh <<'END'
[ "$HPO_ATTEMPT" -lt 3 ] && exit 1
echo '{"loss":1}'
END
run hpo run -n flaky --minimize loss -b 2trials -q --retries 2 -- ./flaky.sh '{x:0..1}'
ok 'failed trials are tried again' grep -q '2 complete' "$folder/.out"
run hpo run -n flaky1 --minimize loss -b 2trials -q --retries 1 -- ./flaky.sh '{x:0..1}'
ok 'as often as allowed' grep -q '2 failed' "$folder/.out"

# ---- limits ----
program sleeper.sh <<'END'
sleep 1000 &
echo $! >"$HPO_DIR/child"
wait
END
run hpo run -n slow --minimize loss -b 1trials -q --trial-time 0.3 --grace 0.3 -- ./sleeper.sh '{x:0..1}'
ok 'a timeout is a timeout' matches "$(reason slow 0)" 'timeout: it ran longer than 0.3 s*'
ok 'children of the program are gone' sh -c '! kill -0 "$(cat hpo-trials/slow/0/child)" 2>/dev/null'
ok 'the stop file was made' test -e hpo-trials/slow/0/stop
program stubborn.sh <<'END'
trap '' TERM USR1 INT HUP
(trap '' TERM USR1; while :; do sleep 1; done) &
echo $! >"$HPO_DIR/child"
while :; do sleep 1; done
END
run hpo run -n stubborn --minimize loss -b 1trials -q --trial-time 0.3 --grace 0.3 -- ./stubborn.sh '{x:0..1}'
ok 'who ignores TERM is killed' matches "$(reason stubborn 0)" 'timeout: *'
ok 'with its children' sh -c '! kill -0 "$(cat hpo-trials/stubborn/0/child)" 2>/dev/null'
program daemon.sh <<'END'
setsid sh -c 'echo $$ >"$HPO_DIR/child"; exec sleep 1000' >/dev/null 2>&1 &
while [ ! -s "$HPO_DIR/child" ]; do sleep 0.05; done
echo '{"loss":1}'
END
if command -v setsid >/dev/null && [ -e /proc/self/task ]; then
    run hpo run -n daemon --minimize loss -b 1trials -q -- ./daemon.sh '{x:0..1}'
    sleep 0.2
    ok 'a daemon that left the session is found' sh -c '! kill -0 "$(cat hpo-trials/daemon/0/child)" 2>/dev/null'
fi
program spin.sh <<'END'
while :; do :; done
END
run hpo run -n cpu --minimize loss -b 1trials -q --cpu-time 1 -- ./spin.sh '{x:0..1}'
ok 'processor time' matches "$(reason cpu 0)" 'timeout: it used more than 1 s of processor time*'
program eat.sh <<'END'
exec awk 'BEGIN { s = "0123456789abcdef"; while (1) s = s s }'
END
run hpo run -n memory --minimize loss -b 1trials -q --memory 60M -- ./eat.sh '{x:0..1}'
ok 'memory' matches "$(reason memory 0)" 'out of memory: it used more than 60 MiB*'
program killed.sh <<'END'
kill -KILL $$
END
run hpo run -n killed --minimize loss -b 1trials -q --memory 60M -- ./killed.sh '{x:0..1}'
ok 'another kill is told apart' matches "$(reason killed 0)" 'killed by signal 9 KILL'

# ---- a full disk ----
program big.sh <<'END'
head -c 3000000 /dev/zero
echo
echo '{"loss":0.125}'
END
(
    ulimit -f 1000
    hpo run -n full --minimize loss -b 1trials -q -- ./big.sh '{x:0..1}' >"$folder/.out" 2>"$folder/.err"
    echo $? >"$folder/.rc"
)
ok 'a log that cannot grow does not stop the trial' grep -q 'loss = 0.125' "$folder/.out"
program small.sh <<'END'
echo '{"loss":0.125}'
END
run hpo run -n stuck --minimize loss -b 1trials -q --lease 2 -- ./small.sh '{x:0..1}'
used=$(du -k hpo.db | cut -f1)
(
    ulimit -f $((used + 40))
    run hpo run -n stuck -b 300trials -q
    echo $rc >"$folder/.rc"
)
rc=$(cat "$folder/.rc")
status 1 'a storage that cannot grow ends the run'
ok 'with a message' grep -q 'hpo: the result of trial [0-9]* could not be stored (it is in .*\|hpo: .*error' "$folder/.err"
run hpo run -n stuck -b 300trials -q
ok 'nothing is lost' grep -q '300 complete' "$folder/.out"

# ---- checkpoints ----
program resume.sh <<'END'
if [ "$HPO_ATTEMPT" = 1 ]; then
    [ -z "${HPO_RESUME-}" ] || exit 1
    echo half >"$HPO_CKPT_DIR/model"
    exit 75
fi
[ "$HPO_RESUME" = 1 ] && [ "$(cat "$HPO_CKPT_DIR/model")" = half ] && echo '{"loss":1}'
END
run hpo run -n resume --minimize loss -b 1trials -q -- ./resume.sh '{x:0..1}'
ok 'a checkpoint survives, and HPO_RESUME says so' grep -q '1 complete' "$folder/.out"
finish
