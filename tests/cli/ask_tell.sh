#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The loop of a shell script: create, ask, report, tell, and the looking commands.
. "$(dirname "$0")/harness.sh"

run hpo create -n demo --param 'x:0..1' --param 'lr:log 1e-5..1' --param 'opt:sgd,adam' \
    --param 'mom:0..0.99 if opt == sgd' --minimize loss -b 5trials --seed 1 --sampler random
status 0 'create'
output 'create says what it made' <<'END'
study demo in hpo.db: 4 parameters, minimize loss; budget 5 trials, sampler random, seed 1
END
run hpo create -n demo --param 'x:0..1'
status 1 'a name is taken only once'
errors 'and the study is named' <<'END'
hpo: study 'demo' already exists *
END

run hpo ask --json
status 0 'ask'
output 'one line of JSON' <<'END'
{"trial":0,"token":"*","params":{"x":*,"lr":*,"opt":"*"*},"attempt":1}
END
token=$(printf %s "$out" | sed 's/.*"token":"\([0-9a-f]*\)".*/\1/')
ok 'the token has 16 hexadecimal digits' test ${#token} = 16
run hpo report 0 --token "$token" --step 1 --value 0.9
output 'report answers continue' <<'END'
continue
END
run hpo report 0 -t "$token" --step 2 --value 0.8 --json
output 'report as JSON' <<'END'
{"decision":"continue"}
END
run hpo should-stop 0 -t "$token"
status 1 'it should go on'
run hpo stop 0
status 0 'asking one trial to stop'
run hpo should-stop 0 -t "$token"
status 0 'now it should stop'
run hpo report 0 -t "$token" --step 3 --value 0.7
output 'and so says report' <<'END'
stop
END
run hpo tell 0 -t "$token" --state stopped
status 0 'tell stopped'

run hpo ask --env
output 'lines for eval' <<'END'
export HPO_TRIAL=1
export HPO_TOKEN=*
export HPO_ATTEMPT=1
export HPO_SEED=*
export HPO_PARAM_X=*
export HPO_PARAM_LR=*
export HPO_PARAM_OPT=*
*
END
eval "$out"
run hpo tell --value 0.25 --cost 3
status 0 'tell takes trial and token from the environment'
run hpo tell --value 0.25 --cost 3
status 0 'the same result twice is fine'
run hpo tell --value 0.3
status 1 'another result is refused'
errors 'and says why' <<'END'
hpo: trial 1 was already told *
END
unset HPO_TRIAL HPO_TOKEN
run hpo tell 1 --token 0123456789abcdef --value 0.3
status 1 'a foreign token is refused'

run hpo ask --args
output 'arguments' <<'END'
2 * --x * --lr * --opt *
END
run hpo tell 2 --state failed --reason 'out of memory'
status 0 'without a token: whoever holds it'
run hpo ask
echo '{"value":0.125,"cost":2,"reason":null}' >result.json
"$HPO" tell 3 --json-result <result.json
ok 'a result from standard input' test $? = 0
run hpo ask -k 5 --json
status 0 'as many as there are'
ok 'the budget leaves one' test "$(printf '%s\n' "$out" | wc -l)" = 1
run hpo ask
status 5 'nothing now, one is running'
errors 'and says so' <<'END'
hpo: nothing to hand out now: 1 trial still running; ask again, or use --wait
END
run hpo tell 4 -v 1
run hpo ask
status 4 'the study is over'
errors 'and why' <<'END'
hpo: study 'demo' is over (trials)*
END

run hpo best --value
output 'the best value' <<'END'
0.125
END
run hpo best
output 'the best trial' <<'END'
trial 3  loss 0.125
  x    *
  lr   *
  opt  *
*
END
run hpo best --json
output 'the best trial as JSON' <<'END'
{"number":3,"state":"complete","values":{"loss":0.125},"params":{*},"cost":2,"attempt":1,"created":"*Z",*}
END
run hpo top -k 2 --csv
output 'the two best as CSV' <<'END'
number,state,values.loss,params.x,params.lr,params.opt,params.mom,cost,attempt,created,started,ended,seconds,worker,reason
3,complete,0.125,*
1,complete,0.25,*
END
run hpo show 2
output 'a failed trial in full' <<'END'
trial        2
state        failed
parameters
  x *
  lr *
  opt *
  mom *
reason       out of memory
worker       *
attempt      1
created      *
started      *
ended        *
took         *
origin       suggestion 2, computed from events up to *
events       asked *, told *
END
ok 'with its reason' grep -q '^reason       out of memory$' .out
run hpo show 0 --json
output 'reports of a trial' <<'END'
{"number":0,"state":"stopped","values":{"loss":0.7},*"report_list":[{"step":1,"values":[0.9],"time":"*Z"},{"step":2,"values":[0.8],"time":"*Z"},{"step":3,"values":[0.7],"time":"*Z"}]}
END
run hpo show
output 'a study' <<'END'
study        demo
status       stopped (trials*)
objective    minimize loss
trials       5 (3 complete, 1 stopped, 1 failed)
best         0.125 in trial 3, 1 finished since
budget       5 trials
used         *
cost         5
sampler      random
scheduler    none
seed         1
lease        10m00s, at most 3 retries
created      *
last event   *
space        {*}
END
run hpo ps
output 'nobody at work' <<'END'
no trial is running or waiting in study demo
END
run hpo watch
status 0 'watch ends with the study'
output 'and shows it' <<'END'
demo stopped (trials)  3 complete, 1 stopped, 1 failed  best 0.125 (trial 3)  5/5 trials  *
END
run hpo plot history --ascii --width 40 --height 5
status 0 'plot'
output 'a picture in ASCII' <<'END'
loss by trial; line: best so far
*|*
*|*
*|*
*|*
*|*
*+----*
*0*4
*trial
END
run hpo plot slice lr --svg lr.svg
ok 'a picture in SVG' grep -q '^</svg>' lr.svg

# several objectives, maximised ones, outcomes
run hpo create -n two --param 'a:0..1' --minimize cost --maximize speed --outcome 'mem<=10' --seed 5
for v in 1,1 2,2 3,1; do
    run hpo ask -n two --args
    run hpo tell -n two "${out%% *}" --values $v --outcome mem=5
done
run hpo ask -n two
run hpo tell -n two 3 --values 0,9 --outcome mem=11
run hpo best -n two --csv
output 'the Pareto front holds what is feasible and not dominated' <<'END'
number,state,values.cost,values.speed,params.a,outcomes.mem,cost,attempt,created,started,ended,seconds,worker,reason
0,complete,1,1,*
1,complete,2,2,*
END
run hpo ask
status 1 'two studies: one must be named'
errors 'and the names are told' <<'END'
hpo: the storage holds 2 studies: name one of *
END
# inside a program that hpo runs: trial, token, study and storage come from its environment
export HPO
cat >program.sh <<'END'
"$HPO" report --step 1 --value 0.5
"$HPO" should-stop
echo "status $?"
echo '{"loss": 0.25}'
END
run hpo run -n inside --minimize loss -b 1trials -- sh program.sh '{x:0..1}'
status 0 'a program that uses the command'
run hpo logs -n inside 0 --stdout
output 'gets its answers' <<'END'
continue
status 1
{"loss": 0.25}
END
run hpo logs -n inside 0 --tail 1
output 'the end of a log' <<'END'
==> stdout <==
{"loss": 0.25}
END
run hpo best -n inside
output 'best knows the command' <<'END'
trial 0  loss 0.25
  x  *
sh program.sh *
END

run hpo create -n none --param 'a:0..1'
run hpo best -n none
status 3 'no feasible result has a status of its own'
run hpo delete -n none
status 2 'delete wants to be sure'
run hpo delete -n none --yes
status 0 'delete'
run hpo show -n none
status 1 'gone'
finish
