#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Interrupting `hpo run`: once, twice, three times, SIGTERM, kill -9, and what a stopped trial sees.
. "$(dirname "$0")/harness.sh"

cat >long.sh <<'END'
#!/bin/sh
echo "$HPO_TRIAL $HPO_ATTEMPT" >>runs
: >"started.$HPO_TRIAL.$HPO_ATTEMPT"
trap 'echo "$HPO_TRIAL stopped" >>runs; exit 9' TERM
trap '' INT
n=0
while [ ! -e go ]; do
    sleep 0.05
    n=$((n + 1))
    [ $n -gt 400 ] && exit 1
done
echo '{"loss":1}'
END
chmod +x long.sh

start() { # start ARGUMENT...: hpo run in the background with signals at their defaults
    rm -f go started.*
    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' -- "$HPO" run "$@" >"$folder/.out" 2>"$folder/.err" </dev/null &
    pid=$!
}
await() { # await CONDITION...: at most 10 seconds
    for _ in $(seq 200); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}
counts() { # counts STUDY: how many are in which state
    hpo show -n "$1" 2>/dev/null | head -20
}
sum() { # sum STUDY STATE
    hpo export -n "$1" --jsonl | grep -c "\"state\":\"$2\""
}

# ---- once ----
start -n once --minimize loss -b 50trials -j 2 -- ./long.sh '{x:0..1}'
ok 'two programs run' await test -e started.1.1
kill -INT $pid
await grep -q 'no new trials' "$folder/.err"
: >go
wait $pid
rc=$?
status 130 'Ctrl-C once ends with 130'
ok 'after the running trials ended' test "$(sum once complete)" = 2
ok 'and no more were started' test "$(sum once waiting)$(sum once running)" = 00

# ---- twice ----
start -n twice --minimize loss -b 50trials -j 2 --grace 5 -- ./long.sh '{x:0..1}'
await test -e started.1.1
kill -INT $pid
await grep -q 'no new trials' "$folder/.err"
kill -INT $pid
wait $pid
rc=$?
status 130 'twice'
ok 'the programs saw TERM' test "$(grep -c stopped runs)" = 2
ok 'and are back in the queue' test "$(sum twice waiting)" = 2
: >runs
start -n twice -b 2trials
await test -e started.0.2
: >go
wait $pid
rc=$?
status 0 'going on takes them up again'
ok 'as the same trials' test "$(sort runs | head -1)" = '0 2'
ok 'once each' test "$(sum twice complete)" = 2

# ---- three times ----
cat >deaf.sh <<'END'
#!/bin/sh
trap '' TERM USR1 INT
: >"started.$HPO_TRIAL.$HPO_ATTEMPT"
while [ ! -e go ]; do sleep 0.05; done
echo '{"loss":1}'
END
chmod +x deaf.sh
start -n thrice --minimize loss -b 50trials -- ./deaf.sh '{x:0..1}'
await test -e started.0.1
kill -INT $pid
await grep -q 'no new trials' "$folder/.err"
kill -INT $pid
await grep -q 'stopping' "$folder/.err"
kill -INT $pid
wait $pid
rc=$?
status 130 'three times'
ok 'also programs that ignore TERM are gone at once' test "$(sum thrice waiting)" = 1

# ---- SIGTERM to us ----
start -n term --minimize loss -b 50trials -- ./long.sh '{x:0..1}'
await test -e started.0.1
kill -TERM $pid
wait $pid
rc=$?
status 143 'SIGTERM'
ok 'gives the trial back' test "$(sum term waiting)" = 1

# ---- kill -9 ----
start -n nine --minimize loss -b 2trials -j 2 -- ./deaf.sh '{x:0..1}'
await test -e started.1.1
kill -KILL $pid
wait $pid 2>/dev/null
ok 'the programs die with us' await sh -c '! pgrep -f "^/bin/sh ./deaf.sh" >/dev/null'
ok 'their trials are still held' test "$(sum nine running)" = 2
start -n nine -b 2trials
ok 'the next run takes them back at once' await test -e started.0.2
: >go
wait $pid
rc=$?
status 0 'and ends the study'
ok 'each counted once' test "$(sum nine complete)" = 2

# ---- stopping one trial ----
cat >polite.sh <<'END'
#!/bin/sh
trap 'echo "{\"step\":9,\"loss\":0.5}"; exit 0' USR1
: >"started.$HPO_TRIAL.$HPO_ATTEMPT"
[ "$HPO_TRIAL" = 0 ] || { echo '{"loss":2}'; exit 0; }
echo '{"step":1,"loss":3}'
while [ ! -e "$HPO_DIR/stop" ]; do sleep 0.05; done
sleep 0.3
echo '{"loss":4}'
END
chmod +x polite.sh
start -n stop --minimize loss -b 2trials --lease 3 -- ./polite.sh '{x:0..1}'
await test -e started.0.1
hpo stop -n stop 0 >/dev/null
wait $pid
rc=$?
status 0 'a stop request reaches a silent program'
ok 'the trial is stopped' test "$(sum stop stopped)" = 1
ok 'and keeps its last report' grep -q '"loss":0.5' <(hpo export -n stop --jsonl)

# ---- a lost lease ----
start -n lost --minimize loss -b 1trials --lease 3 -- ./long.sh '{x:0..1}'
await test -e started.0.1
hpo retry -n lost 0 >/dev/null 2>&1
ok 'whose trial was taken away ends its program' await test -e started.0.2
: >go
wait $pid
ok 'and goes on' test "$(sum lost complete)" = 1

# ---- two at once ----
cat >count.sh <<'END'
#!/bin/sh
echo "$HPO_TRIAL" >>"$1"
echo '{"loss":1}'
END
chmod +x count.sh
: >both
hpo run -n both --minimize loss -b 40trials -j 2 --seed 1 -q -- ./count.sh both '{x:0..1}' >/dev/null 2>"$folder/.a" &
a=$!
hpo run -n both --minimize loss -b 40trials -j 2 --seed 1 -q -- ./count.sh both '{x:0..1}' >/dev/null 2>"$folder/.b" &
wait $a
rc=$?
status 0 'two runs of one study'
wait $!
rc=$?
status 0 'both end well'
ok 'no trial was run twice' test "$(sort both | uniq -d | wc -l)" = 0
ok 'none is missing' test "$(wc -l <both)" = 40
finish
