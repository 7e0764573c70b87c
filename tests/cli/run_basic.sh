#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hpo run`: placeholders, the environment of the program, ways to report, trial directories, resuming.
. "$(dirname "$0")/harness.sh"

cat >show.sh <<'END'
#!/bin/sh
printf '<%s>' "$@"
echo
echo "{\"loss\": ${HPO_PARAM_X:-1}}"
END
chmod +x show.sh

# ---- commands ----
run hpo run --dry-run 2 --seed 1 -- ./show.sh --x '{x:0.5..0.5000001}' --opt '{opt:const sgd}' '--e={x}' '{{}}'
status 0 'a dry run with one label'
run hpo run --dry-run 2 --seed 1 -- ./show.sh --x '{x:int 1..9}' --opt '{opt:"a b",c}' '--e={x}' '{{lit}}' '{trial}' '{study}'
status 0 'dry run'
output 'prints commands, quoted for a shell' <<'END'
./show.sh --x * --opt * --e=* '{lit}' 0 show
./show.sh --x * --opt * --e=* '{lit}' 1 show
END
ok 'a dry run stores nothing' test ! -e hpo.db
ok 'and makes no folders' test ! -e hpo-trials
run hpo run --dry-run 1 -- ./show.sh '--lr~loguniform(1e-5,1)' '--m~choices(["a","b"])' 'w=uniform[3:4]'
status 0 "Orion's and Guild's spellings"
output 'become words of ours' <<'END'
./show.sh --lr * --m * w=3.*
END
run hpo run --dry-run 1 -- ./show.sh '{x'
status 2 'an open brace is refused'
errors 'with its place and the remedy' <<'END'
hpo: '{x': the brace at '{x' *write {{ for a literal brace*
END
run hpo run --dry-run 1 -- ./show.sh '{x:0..1}' '{y}'
status 2 'an unknown name is refused'
errors 'by name' <<'END'
hpo: '{y}': there is no parameter 'y'*
END
run hpo run --dry-run 1 -- ./show.sh '{seed:0..1}'
status 2 'names of ours cannot be parameters'
run hpo run -- ./show.sh 1
status 2 'a command without parameters is refused'
run hpo run ./show.sh
status 2 'a command without -- is refused'

# ---- inactive parameters ----
run hpo run -n cond --seed 3 --minimize loss -b 12trials -q -- \
    ./show.sh --opt '{opt:sgd,adam}' --mom '{mom:0..0.99 if opt==sgd}' '--m={mom}' 'p{mom}q{opt}' --x '{x:0..1}'
status 0 'a conditional space'
adam=$(cat hpo-trials/cond/*/stdout | grep -c '^<--opt><adam><pqadam><--x><[0-9.e-]*>$')
sgd=$(cat hpo-trials/cond/*/stdout | grep -c '^<--opt><sgd><--mom><[0-9.e-]*><--m=[0-9.e-]*><p[0-9.e-]*qsgd><--x><[0-9.e-]*>$')
ok 'an inactive value goes with its option word' test "$adam" -gt 0
ok 'an active one stays' test $((adam + sgd)) = 12

# ---- the program's environment ----
cat >env.sh <<'END'
#!/bin/sh
env | grep '^HPO_\|^WHAT' | sort >"$HPO_DIR/seen"
test -d "$HPO_CKPT_DIR" || exit 1
test "$(cat "$HPO_PARAMS_FILE")" = "$HPO_PARAMS_JSON" || exit 1
echo '{"step":1,"loss":3}' >>"$HPO_METRICS"
echo '{"step":2,"loss":2,"acc":0.5}' >&"$HPO_METRICS_FD"
echo '{"loss":1.5,"note":"hi"}' >&3
END
chmod +x env.sh
export API_TOKEN=hush
run hpo run -n env --minimize loss --scheduler none -b 1trials -q --env WHAT=that -- ./env.sh '{lr-x:0..1}' '{epochs:fidelity 1..27}'
status 0 'a program that reports to file and descriptor'
ok 'parameters are in the environment' grep -q '^HPO_PARAM_LR_X=0\.' hpo-trials/env/0/seen
ok 'the fidelity as HPO_STEP_MAX' grep -q '^HPO_STEP_MAX=27$' hpo-trials/env/0/seen
ok 'the study' grep -q '^HPO_STUDY=env$' hpo-trials/env/0/seen
ok 'the storage, absolute' grep -q '^HPO_STORAGE=/.*/hpo.db$' hpo-trials/env/0/seen
ok 'what --env sets' grep -q '^WHAT=that$' hpo-trials/env/0/seen
ok 'no HPO_RESUME at first' sh -c '! grep -q HPO_RESUME hpo-trials/env/0/seen'
ok 'secrets are masked' grep -q '^API_TOKEN=\*\*\*$' hpo-trials/env/0/env
run hpo show -n env 0 --json
ok 'reports were stored' grep -q '"step":2' "$folder/.out"
ok 'the last value counts' grep -q '"loss":1.5' "$folder/.out"
ok 'further metrics are kept' grep -q '"note"' "$folder/.out"
for f in params.json cmd env stdout stderr metrics.jsonl result.json resources.json; do
    ok "the trial directory has $f" test -f hpo-trials/env/0/$f
done

# ---- zero-change capture ----
printf '#!/bin/sh\necho "epoch 1 val loss:   0.7"\necho "epoch 2 val loss: 0.25 s"\n' >say.sh
chmod +x say.sh
run hpo run -n pat -m 'loss=epoch {step} val loss: {float}' -b 2trials -q -- ./say.sh '{x:0..1}'
status 0 'a pattern'
ok 'the last match counts' grep -q 'loss = 0.25' "$folder/.out"
run hpo run -n re -m 'loss=re:loss: +([0-9.]+)' -b 2trials -q -- ./say.sh '{x:0..1}'
ok 'a regular expression' grep -q 'loss = 0.25' "$folder/.out"
run hpo run -n last -m last -b 2trials -q -- ./say.sh '{x:0..1}'
ok 'the last number' grep -q 'value = 0.25' "$folder/.out"
run hpo run -n exit -m exit -b 2trials -q -- sh -c 'exit 7' '{x:0..1}'
ok 'the exit status' grep -q 'value = 7' "$folder/.out"
run hpo run -n time -m time -b 2trials -q -- sh -c 'sleep 0.05' '{x:0..1}'
ok 'the time' grep -q 'value = 0\.' "$folder/.out"
printf '#!/bin/sh\necho "{\\"val\\":{\\"loss\\":[3,2,1.25]}}" >"$HPO_DIR/out.json"\n' >file.sh
chmod +x file.sh
run hpo run -n file --metric-file 'out.json:val.loss.-1' -b 1trials -q -- ./file.sh '{x:0..1}'
ok 'a file' grep -q 'value = 1.25' "$folder/.out"
run hpo run -n bad -m 'loss={float}' -b 1trials -- ./say.sh '{x:0..1}'
status 2 'a pattern that takes any number is refused'

# ---- rendered files, shell ----
printf '{"lr": {lr}, "n": {"k": 1}, "lit": "{{lr}}", "new": {w:1..2}}\n' >conf.in
printf '#!/bin/sh\ntest -s "$1" && echo 1\n' >conf.sh
chmod +x conf.sh
run hpo run -n render -m last -b 1trials -q --render conf.in:conf.json -- ./conf.sh '{dir}/conf.json' '{lr:0..1}'
status 0 'a rendered file'
ok 'is filled in' grep -q '^{"lr": 0\.[0-9]*, "n": {"k": 1}, "lit": "{lr}", "new": 1\.[0-9]*}$' hpo-trials/render/0/conf.json
ok 'the original is untouched' grep -q '{lr}, ' conf.in
run hpo run -n shell --shell -m last -b 1trials -q -- "echo {opt:'a;b','c;d'}; echo {x:0..1} | sed s/^/v=/"
status 0 'a shell command'
ok 'values are quoted for the shell' grep -qx '[ac];[bd]' hpo-trials/shell/0/stdout

# ---- going on ----
run hpo run -n env --minimize loss -b 3trials -q -- ./env.sh '{lr-x:0..1}' '{epochs:fidelity 1..27}'
status 0 'the same command with a larger budget goes on'
ok 'up to the budget' grep -q '3 complete' "$folder/.out"
run hpo run -n env -b 4trials -q
ok 'so does the name alone' grep -q '4 complete' "$folder/.out"
run hpo worker env -q
status 0 'a worker finds the study over'
run hpo run -n env -b 9trials -- ./env.sh --other '{lr-x:0..1}' '{epochs:fidelity 1..27}'
status 2 'another command under the same name is refused'
errors 'with both ways out' <<'END'
hpo: study 'env' exists with another command (*): choose another name with -n*
END
run hpo run -n nothing
status 1 'a name without study and command is refused'
run hpo run -n none --minimize loss -b 2trials -q -- no-such-program '{x:0..1}'
status 1 'a program that is not there'
errors 'is named' <<'END'
hpo: cannot start 'no-such-program': not found in PATH*
END

# ---- all failed: the way out, and that it is one ----
echo 'exit 1' >fails.sh
run hpo run -n failed --minimize loss -b 2trials -q -- sh fails.sh '{x:0..1}'
status 3 'nothing but failures'
ok 'the remedy is named' grep -q 'hpo retry --failed' "$folder/.err"
run hpo retry -n failed --failed
echo 'echo "{\"loss\": 1}"' >fails.sh
run hpo run -n failed --minimize loss -b 2trials -q -- sh fails.sh '{x:0..1}'
status 0 'retried by the same command'
ok 'both' grep -q '^study failed: 2 complete$' "$folder/.out"

# ---- machine formats ----
run hpo run -n jl --minimize loss -b 2trials --jsonl -- ./show.sh '{x:0..1}'
output 'events as JSON lines' <<'END'
{"event":"started","trial":0,"attempt":1,*}
{"event":"finished","trial":0,"attempt":1,"state":"complete","values":{"loss":*},*}
{"event":"started","trial":1,"attempt":1,*}
{"event":"finished","trial":1,"attempt":1,"state":"complete","values":{"loss":*},*}
{*}
END
finish
