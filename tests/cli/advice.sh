#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --until, best under noise, confirm, explain.
. "$(dirname "$0")/harness.sh"

# A bowl; with a third argument the trial's seed moves the value by up to 0.1 either way.
cat >bowl <<'END'
#!/bin/sh
awk -v a="$1" -v b="$2" -v s="${3:-}" 'BEGIN {
    noise = s == "" ? 0 : (substr(s, length(s) - 2) / 1000 - 0.5) / 5
    printf "{\"loss\":%.9f}\n", (a - 0.3) ^ 2 + (b - 0.6) ^ 2 + noise
}'
END
chmod +x bowl

# ---- stopping rules
run hpo run -q -n rule --seed 1 --until '(stagnation:trials=4 and trials >= 9) or trials >= 40' -b 60trials --minimize loss -- ./bowl '{x:0..1}' '{y:0..1}'
status 0 'a study with a rule'
ok 'ends by it' grep -Eq '^ended: until \([0-9]+ finished trials without improvement \(limit 4\); trials is [0-9]+, >= 9\)$' <<<"$out"
run hpo show -n rule --json
output 'which is stored' <<'END'
*"stop_reason":"until","stop_text":"*"until":"(stagnation:trials=4 and trials >= 9) or trials >= 40"*
END
n=$(hpo export -n rule --json | grep -c '"number"')
run hpo run -q -n rule
ok 'run again, it is over at once' [ "$(hpo export -n rule --json | grep -c '"number"')" = "$n" ]
run hpo explain -n rule
ok 'explain tells each part' grep -q '^  yes trials >= 9: trials is' <<<"$out"
run hpo resume -n rule --until 'trials >= 43'
status 0 'another rule lets it go on'
run hpo run -q -n rule
output 'up to that' <<'END'
study rule: 43 complete
ended: until (trials is 43, >= 43)
best: *
*
*
*
END
run hpo run -q -n bad --until 'regrett' --minimize loss -- ./bowl '{x:0..1}' '{y:0..1}'
status 1 'a rule that there is not'
errors 'names the nearest' <<'END'
hpo: until: unknown terminator 'regrett': did you mean 'regret'?*
END
run hpo samplers --terminators --names
output 'what rules there are' <<'END'
regret
emmr
pbgi
stagnation
target
END
run hpo samplers --terminators regret
ok 'and their options' grep -q '^delta ' <<<"$out"

# The rule of a study file.
cat >study.yaml <<'END'
study: {name: file, seed: 2, objectives: [loss]}
command: [./bowl, "{x}", "{y}"]
params: {x: {type: float, range: [0, 1]}, y: {type: float, range: [0, 1]}}
until: trials >= 3
END
run hpo run -q study.yaml
ok 'a rule in a study file' grep -q '^ended: until (trials is 3, >= 3)$' <<<"$out"

# Killed and continued, it ends where it would have.
hpo run -q -n killed --seed 4 --storage k.db --until 'stagnation:trials=12' -b 200trials --minimize loss -- ./bowl '{x:0..1}' '{y:0..1}' >/dev/null 2>&1 &
pid=$!
sleep 0.1
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
hpo run -q -n killed --storage k.db >/dev/null 2>&1
run hpo show -n killed --storage k.db --json
ok 'a killed study ends by its rule' grep -q '"stop_reason":"until"' <<<"$out"

# ---- the configuration to use
run hpo best -n rule --json
output 'exact values: the best one' <<'END'
{"number":*"recommendation":{"method":"observed","noisy":false,*"warning":null*
END
run hpo run -q -n noisy --seed 3 --noisy -b 30trials --minimize loss -- ./bowl '{x:0..1}' '{y:0..1}' '{seed}'
run hpo best -n noisy --table
ok 'noisy values: what is expected' grep -Eq '^expect loss [-0-9.e]+ \(90 % interval .* to .*\) of trial [0-9]+; it is the best of 30 with probability' <<<"$out"
run hpo best -n noisy --json
output 'the old keys are still there' <<'END'
{"number":*"state":"complete","values":{"loss":*},"params":{"x":*,"y":*},*"recommendation":{"method":"gp","noisy":true,"mean":*,"low":*,"high":*,"p_best":*,"observed":*,"best_value":*,"corrected":*,"optimism":*,"noise_sd":*
END
best=$(hpo best -n noisy --json | sed 's/^{"number":\([0-9]*\).*/\1/')
run hpo best -n noisy --params
ok 'parameters of the recommended trial' [ "$out" = "$(hpo show -n noisy "$best" --json | sed 's/.*"params":\({[^}]*}\).*/\1/')" ]

# ---- confirm
run hpo confirm -n noisy -k 3 -r 4 -q -j 2
status 0 'confirm'
ok 'ranks three' [ "$(grep -cE '^ +[0-9]+ +[0-9]+ +[-0-9.e]+' <<<"$out")" = 3 ]
run hpo show -n noisy
ok 'twelve runs more, and the study is over as before' grep -q '^trials       42 (42 complete)$' <<<"$out"
ok 'for the old reason' grep -q '^status       stopped (trials' <<<"$out"
run hpo confirm -n noisy -k 3 -r 0 --json
output 'what the repeats say, without more of them' <<'END'
{"study":"noisy","best":*,"candidates":[{"trial":*,"repeats":*,"failed":0,"open":0,"mean":*,"sd":*,"low":*,"high":*,"p_best":*
END
ok 'nothing was run' [ "$(hpo show -n noisy --json | sed 's/.*"trials":\([0-9]*\),.*/\1/')" = 42 ]
run hpo show -n noisy 41
ok 'a repeat says of what' grep -Eq '^repeats +[0-9]+$' <<<"$out"
run hpo confirm -n nothing
status 1 'an unknown study'

# Without a command the repeats wait for whoever asks.
run hpo create -n hand --storage h.db --param 'x:0..1' --noisy --seed 1 -b 3trials
for value in 1 2 3; do
    # shellcheck disable=SC2046 # words
    set -- $(hpo ask -n hand --storage h.db --args)
    hpo tell -n hand --storage h.db "$1" --token "$2" --value $value >/dev/null
done
run hpo ask -n hand --storage h.db
status 4 'its trials are spent'
run hpo confirm -n hand --storage h.db -k 2 -r 2
errors 'repeats in the queue' <<'END'
hpo: 4 repeats wait in the queue: evaluate them with `hpo ask --queue`*
END
run hpo ask -n hand --storage h.db
status 4 'a study that is over stays so'
# They turn out bad: the third one is expected to be better now, and has no repeat to show.
for value in 8 9 8 9; do
    # shellcheck disable=SC2046 # words
    set -- $(hpo ask --queue -n hand --storage h.db --args)
    hpo tell -n hand --storage h.db "$1" --token "$2" --value $value >/dev/null
done
run hpo ask --queue -n hand --storage h.db
status 4 'the queue is empty'
run hpo confirm -n hand --storage h.db -k 2 -r 0 --json
output 'and they are counted' <<'END'
*"repeats":2,"failed":0,"open":0,"mean":*"repeats":2,"failed":0,"open":0,"mean":*
END

# ---- explain
run hpo run -q -n model --seed 3 --sampler forest -b 20trials -j 3 --minimize loss -- ./bowl '{x:0..1}' '{y:0..1}'
for trial in 0 7 13 19; do
    run hpo explain -n model trial $trial --json
    ok "trial $trial is computed again" grep -q '"recomputed":true' <<<"$out"
done
run hpo explain -n model 19
ok 'what was predicted and what came' grep -Eq '^came +[-0-9.e]+, [-0-9.e]+ standard deviations (above|below)' <<<"$out"
run hpo explain -n noisy 41
output 'a repeat was not suggested' <<'END'
trial        41 (complete)
origin       repeat of trial *
note         the configuration of its parent, measured once more
parameters   *
END
run hpo explain -n noisy trial
status 2 'no number'
run hpo explain -n noisy 999
errors 'no such trial' <<'END'
hpo: study 'noisy' has no trial 999
END

finish
