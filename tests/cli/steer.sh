#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# stop, pause, resume, retry, enqueue: every change is seen by the next ask.
. "$(dirname "$0")/harness.sh"

run hpo create -n s --param 'lr:log 1e-4..1' --param 'opt:sgd,adam' --minimize loss --seed 3 -b 10trials
run hpo enqueue 'lr=0.1 opt=sgd'
output 'a configuration in one word' <<'END'
trial 0 enqueued
END
run hpo enqueue lr=0.2 opt=adam '{"lr":0.3,"opt":"sgd"}' --json
output 'words, then an object' <<'END'
{"trial":1}
{"trial":2}
END
printf 'params.lr,params.opt,note\n0.4,"adam","a, b"\n0.5,sgd,\n' >queue.csv
run hpo enqueue @queue.csv
output 'a CSV file, other columns are left alone' <<'END'
trial 3 enqueued
trial 4 enqueued
END
printf '{"lr":0.6,"opt":"sgd"}\n{"lr":"x"}\n' >queue.jsonl
run hpo enqueue @queue.jsonl
status 1 'a bad line'
errors 'is named' <<'END'
hpo: queue.jsonl:2: *lr*
END
run hpo enqueue nope=1
errors 'an unknown parameter' <<'END'
hpo: 'nope' names no parameter of the study: see `hpo space show`
END
run hpo ps
output 'every waiting trial has a reason' <<'END'
trial  state    worker  since  lease left  step  last  why
    0  waiting  *enqueued: next in line for a free worker
    1  waiting  *enqueued: next in line for a free worker
    2  waiting  *enqueued: next in line for a free worker
    3  waiting  *enqueued: next in line for a free worker
    4  waiting  *enqueued: next in line for a free worker
    5  waiting  *enqueued: next in line for a free worker
END
run hpo pause
output 'pause' <<'END'
study s is paused; 0 trials still run
END
run hpo ask
status 5 'a paused study hands out nothing'
errors 'and says so' <<'END'
hpo: study 's' is paused: `hpo resume` goes on
END
run hpo resume
run hpo ask --json
output 'enqueued ones come first' <<'END'
{"trial":0,"token":"*","params":{"lr":0.1,"opt":"sgd"},"attempt":1}
END
run hpo ps --jsonl
output 'ps as JSON lines' <<'END'
{"number":0,"state":"running",*"why":""}
{"number":1,"state":"waiting",*"why":"enqueued*"}
{"number":2,"state":"waiting",*"why":"enqueued*"}
{"number":3,"state":"waiting",*"why":"enqueued*"}
{"number":4,"state":"waiting",*"why":"enqueued*"}
{"number":5,"state":"waiting",*"why":"enqueued*"}
END
run hpo tell 0 --state failed --reason broken
run hpo retry --failed
output 'retry' <<'END'
1 trial returned to the queue
END
run hpo ask --json
output 'the same configuration, a second attempt' <<'END'
{"trial":0,"token":"*","params":{"lr":0.1,"opt":"sgd"},"attempt":2}
END
old=$(printf %s "$out" | sed 's/.*"token":"\([0-9a-f]*\)".*/\1/')
run hpo retry 0
run hpo tell 0 --token "$old" --value 1
status 1 'a trial that was taken away: the late result is refused'
run hpo retry
status 2 'retry wants to know which'
run hpo stop --reason 'enough seen'
output 'stop' <<'END'
study s is stopped; 0 trials still run
END
run hpo ask
status 4 'a stopped study is over'
errors 'with its reason' <<'END'
hpo: study 's' is over (user): enough seen
END
run hpo resume -b 20trials
run hpo ask --json
status 0 'resumed'
run hpo show
ok 'with the new budget' grep -q '^budget       20 trials$' .out

# a lease that runs out
run hpo create -n l --param 'x:0..1' --seed 4
run hpo ask -n l --lease 0.05s
sleep 0.2
run hpo ps -n l
output 'a lost trial says so' <<'END'
trial*
    0  running*lost: its lease ran out * ago, the next ask takes it up
END
run hpo ask -n l --json
output 'and is handed out again' <<'END'
{"trial":0,"token":"*","params":{"x":*},"attempt":2}
END

# the same for scripts: one line of JSON each
run hpo create -n 'a "j"' --param 'x:0..1' --minimize loss
json() { # json NAME PATTERN COMMAND...
    local name=$1 pattern=$2
    shift 2
    run hpo "$@" -n 'a "j"' --json
    output "$name as JSON" <<<"$pattern"
}
for n in 0 1 2; do
    run hpo ask -n 'a "j"' --json
done
json 'should-stop' '{"decision":"continue"}' should-stop 1
json 'stop of trials' '{"asked_to_stop":[1,2]}' stop 1 2
json 'should-stop, then' '{"decision":"stop"}' should-stop 1
json 'report' '{"decision":"stop"}' report 1 --step 1 --value 2
json 'tell' '{"trial":1,"state":"stopped"}' tell 1 --state stopped
json 'tell of a failure' '{"trial":2,"state":"failed"}' tell 2 --state failed
json 'retry' '{"requeued":[1]}' retry 1
json 'retry of all' '{"requeued":[2]}' retry --failed
json 'retry of none' '{"requeued":[]}' retry --failed
json 'enqueue' '{"trial":3}' enqueue x=0.25
json 'pause' '{"study":"a \"j\"","status":"paused","running":1}' pause
json 'resume' '{"study":"a \"j\"","status":"active","running":1}' resume
json 'stop' '{"study":"a \"j\"","status":"stopped","running":1}' stop
json 'delete' '{"removed":"a \"j\""}' delete --yes
run hpo db verify --json
output 'verify as JSON' <<'END'
{"storage":"hpo.db","findings":""}
END
run hpo db backup 'a "copy".db' --json
output 'backup as JSON' <<'END'
{"storage":"hpo.db","backup":"a \"copy\".db"}
END
run hpo db migrate --json
output 'migrate as JSON' <<'END'
{"from":*,"to":*}
END
finish
