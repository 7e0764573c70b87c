#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Study files, devices, several workers, lag, budgets, outcome constraints, gradients, folds.
. "$(dirname "$0")/harness.sh"

cat >show.sh <<'END'
#!/bin/sh
echo "$@"
echo "{\"val_loss\": ${HPO_PARAM_LR:-1}, \"mem_gb\": 4}"
END
chmod +x show.sh

# ---- study files ----
cat >study.yaml <<'END'
study: {name: cifar, objectives: [{name: val_loss, goal: min}], seed: 1}
command: [./show.sh, "--lr={lr}", "--opt={opt}", {if: "opt == 'sgd'", args: ["--mom", "{mom}"]}, --fixed, 3]
params:
  lr:     {type: float, range: [1e-5, 1], scale: log}
  opt:    {type: cat, values: [sgd, adam]}
  mom:    {type: float, range: [0, 0.99], when: "opt == 'sgd'"}
  layers: {type: int, range: [1, 8]}
  width:  {type: ordinal, values: [64, 128, 256]}
constraints: ["layers * width <= 1024"]
outcome_constraints: [{name: mem_gb, max: 10}]
search: {sampler: {random: {}}}
budget: {time: 4h, trials: 8, cost: 1000}
limits: {trial_time: 30m, memory: 16G, retries: 2}
resources: {workers: 2}
env: {HELLO: there}
END
run hpo run --dry-run 8 study.yaml
status 0 'a study file'
ok 'conditional words' grep -q -- '--opt=sgd --mom 0\.[0-9]* --fixed 3$' "$folder/.out"
ok 'are left out' grep -q -- '--opt=adam --fixed 3$' "$folder/.out"
run hpo run study.yaml -q
status 0 'runs'
ok 'up to its budget' grep -q 'study cifar: 8 complete' "$folder/.out"
ok 'with its environment' grep -q '^HELLO=there$' hpo-trials/cifar/0/env
run hpo show -n cifar --json
ok 'limits are stored' grep -q '"trial_time":1800' "$folder/.out"
run hpo run @study.yaml -q -b 9trials
ok 'the command line wins' grep -q 'study cifar: 9 complete' "$folder/.out"
sed 's/^budget:/budgets:/' study.yaml >wrong.yaml
run hpo run wrong.yaml
status 2 'an unknown key'
errors 'gets a hint' <<'END'
hpo: *wrong.yaml*budgets*did you mean*budget*
END
sed 's/memory: 16G/memorry: 16G/' study.yaml >wrong.yaml
run hpo run wrong.yaml
errors 'also inside a section' <<'END'
hpo: *limits*memorry*did you mean*memory*
END
sed 's/memory: 16G/memory: lots/' study.yaml >wrong.yaml
run hpo run wrong.yaml
errors 'a wrong value is named' <<'END'
hpo: *limits*memory*'lots' is not a size*
END
cat >small.json <<'END'
{"study": {"name": "small"}, "command": ["./show.sh", "{lr:log 1e-3..1}"], "metric": "val_loss=last", "budget": "3trials"}
END
run hpo run small.json -q
ok 'JSON, with a placeholder' grep -q 'study small: 3 complete' "$folder/.out"

# ---- devices ----
cat >gpu.sh <<'END'
#!/bin/sh
echo "$CUDA_VISIBLE_DEVICES|$ROCR_VISIBLE_DEVICES|$HIP_VISIBLE_DEVICES|$ZE_AFFINITY_MASK|$HPO_GPUS" >>gpus
for d in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do
    n=$(ls | grep -c "^use.$d\.")
    [ "$n" -ge "$LIMIT" ] && echo "device $d is overbooked" >>overbooked
    : >"use.$d.$HPO_TRIAL"
done
sleep 0.1
rm -f use.*."$HPO_TRIAL"
echo '{"loss":1}'
END
chmod +x gpu.sh
export LIMIT=1
run hpo run -n gpu1 --minimize loss -b 6trials -j 4 --gpus a,b --gpus-per-trial 1 -q -- ./gpu.sh '{x:0..1}'
status 0 'one device a trial'
ok 'each variable is set' grep -qx 'a|a|0|a|a' gpus
ok 'both devices are used' grep -qx 'b|b|0|b|b' gpus
ok 'never twice at once' test ! -e overbooked
ok 'the device is written down' grep -q '"devices":\["[ab]"\]' hpo-trials/gpu1/0/resources.json
: >gpus
LIMIT=2
run hpo run -n gpu2 --minimize loss -b 6trials -j 4 --gpus a,b --gpus-per-trial 0.5 -q -- ./gpu.sh '{x:0..1}'
ok 'two trials share a device' test "$(cut -d'|' -f1 gpus | sort | uniq -c | awk '$1 > 0' | wc -l)" = 2
ok 'and no more' test ! -e overbooked
: >gpus
CUDA_VISIBLE_DEVICES=5,7 run hpo run -n gpu3 --minimize loss -b 2trials --gpus-per-trial 2 -q -- ./gpu.sh '{x:0..1}'
ok 'devices come from CUDA_VISIBLE_DEVICES' grep -qx '5,7|5,7|0,1|5,7|5,7' gpus
run hpo run -n gpu4 --minimize loss -b 2trials --gpus a --gpus-per-trial 2 -- ./gpu.sh '{x:0..1}'
status 2 'more devices than there are'
ok 'is refused with the remedy' grep -q 'needs 2 device(s), but 1 are known: name them with --gpus' "$folder/.err"

# ---- lag: any number of workers, the same study ----
cat >noise.sh <<'END'
#!/bin/sh
sleep 0.0$((HPO_TRIAL * 7 % 5))
echo "{\"loss\": $HPO_PARAM_X}"
END
chmod +x noise.sh
for j in 1 2 3 4; do
    hpo run -n lag$j --lag 4 -j $j --seed 5 --minimize loss -b 16trials -q -- ./noise.sh '{x:0..1}' '{y:a,b,c}' >/dev/null 2>&1
    hpo export -n lag$j --jsonl | sed 's/.*"number":\([0-9]*\).*"params":\({[^}]*}\).*/\1 \2/' >lag$j
done
ok '16 trials each' test "$(wc -l <lag1)" = 16
for j in 2 3 4; do
    ok "1 and $j workers give the same study" cmp -s lag1 lag$j
done

# ---- what a line can carry ----
cat >rich.sh <<'END'
#!/bin/sh
cat <<'J'
{"loss":0.5,"acc":0.9,"_sem":{"loss":0.1},"_cost":12,"_constraint":{"mem":-0.5},"_grad":{"x":2},"extra":"yes"}
J
END
chmod +x rich.sh
run hpo run -n rich --minimize loss --maximize acc --outcome 'mem<=3' -b 1trials -q -- ./rich.sh '{x:0..1}'
status 0 'two objectives and an outcome'
run hpo show -n rich 0 --json
ok 'values' grep -q '"loss":0.5,"acc":0.9' "$folder/.out"
ok 'standard errors' grep -q '"sems":{"loss":0.1' "$folder/.out"
ok '_constraint is slack: the outcome is max plus it' grep -q '"mem":2.5' "$folder/.out"
ok 'cost' grep -q '"cost":12' "$folder/.out"
printf '#!/bin/sh\nfor k in 0 1 2 3; do echo "{\\"_fold\\":$k,\\"loss\\":$k}"; done\n' >folds.sh
chmod +x folds.sh
run hpo run -n folds --minimize loss -b 1trials -q -- ./folds.sh '{x:0..1}'
ok 'folds are averaged' grep -q 'loss = 1.5' "$folder/.out"

# ---- budgets ----
run hpo run -n target --minimize val_loss -b target=0.9,50trials -q --seed 1 -- ./show.sh '{lr:0.1..1}'
ok 'a target ends it' grep -q 'ended: target' "$folder/.out"
run hpo run -n time --minimize loss -b 0.5s -q -- sh -c 'sleep 0.1; echo "{\"loss\":1}"' '{x:0..1}'
status 2 'braces in a script must be doubled'
run hpo run -n time --minimize loss -b 0.5s -q -- sh -c 'sleep 0.1; echo "{{\"loss\":1}}"' '{x:0..1}'
ok 'time ends it' grep -q 'ended: time' "$folder/.out"
run hpo run -n cost --minimize loss -b cost=20,9trials -q -- sh -c 'echo "{{\"loss\":1,\"_cost\":8}}"' '{x:0..1}'
ok 'cost ends it' grep -q '3 complete' "$folder/.out"
run hpo run -n wrong -b 20 -- ./show.sh '{x:0..1}'
status 2 'a budget without unit'
errors 'is refused with both readings' <<'END'
hpo: budget: '20' has no unit: write 20trials or 20s*
END
run hpo run -n finite --minimize val_loss -q -- ./show.sh '{x:a,b,c}'
ok 'a finite space ends by itself' grep -q 'ended: exhausted' "$folder/.out"
finish
