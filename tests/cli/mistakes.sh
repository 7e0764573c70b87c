#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What people get wrong in their first minutes: each is answered in words, and leaves nothing behind.
. "$(dirname "$0")/harness.sh"

printf '#!/bin/sh\necho "{\\"loss\\":$1}"\n' >train.sh
chmod +x train.sh

# ---- a misspelt program ----
run hpo run -n a --minimize loss -b 2trials -q -- ./tran.sh '{x:0..1}'
status 1 'a program that is not there'
errors 'is named, with the folder' <<'END'
hpo: cannot start './tran.sh': not found (working directory: *)
END
ok 'leaves no storage behind' test ! -e hpo.db
run hpo run -n a --minimize loss -b 2trials -q -- ./train.sh '{x:0..1}'
status 0 'so that the corrected command can have its name'
run hpo run -n b --env PATH="$folder/bin" --minimize loss -b 1trials -q -- train.sh '{x:0..1}'
status 1 'not in the PATH of --env'
mkdir bin && cp train.sh bin/
run hpo run -n c --env PATH="$folder/bin:/bin:/usr/bin" --minimize loss -b 1trials -q -- train.sh '{x:0..1}'
status 0 'in the PATH of --env'

# ---- placeholders ----
run hpo run -n d --dry-run 1 -- ./train.sh '{x:0..1'
status 2 'an open placeholder'
errors 'says what is missing' <<'END'
hpo: '{x:0..1': the placeholder at '{x:0..1' is not closed: end it with }*
END

# ---- a rule that finds nothing ----
run hpo run -n e -m 'v=val loss: {float}' -b 1trials -q -- ./train.sh '{x:0..1}'
status 3 'a rule that never matched'
ok 'is what the message is about' grep -q "no --metric or --metric-file rule found it" "$folder/.err"

# ---- a program that always gives its trial back ----
run timeout -s INT 1 "$HPO" run -n f -b 1trials -- sh -c 'exit 75' '{x:0..1}'
ok 'is not silent' grep -q '^hpo: trial 0 goes back to the queue: preempted (exit status 75)' "$folder/.err"

# ---- several studies ----
run hpo best
errors 'how to say which one' <<'END'
hpo: the storage holds *: name one of * (-n NAME)
END

# ---- spellings of one file ----
mkdir u && cd u || exit 1
run hpo run --storage sqlite:///x.db -n a --minimize loss -b 1trials -q -- ../train.sh '{x:0..1}'
status 0 'three slashes are a file here'
ok 'trial directories stand beside it' test -s hpo-trials/a/0/stdout
run hpo best --storage sqlite:///x.db --value
status 0 'which is found again'
run hpo best --storage x.db --value
status 0 'by its plain name as well'
cd .. || exit 1

# ---- the file that init writes ----
run hpo init st.yaml
status 0 'a study file'
printf '#!/bin/sh\necho "{\\"loss\\":1}"\n' >train
chmod +x train
run hpo check st.yaml --run
status 0 'whose first trial, with defaults, can be tried'
ok 'is tried' grep -q '^command: ./train --lr=0.001 --opt=sgd' "$folder/.out"
run hpo run -q st.yaml -b 2trials
status 0 'and run'

printf 'study: {name: q, objectives: [{name: loss, gaol: min}]}\ncommand: [./train]\n' >q.yaml
run hpo run q.yaml
status 2 'a misspelt key'
errors 'is named with its file' <<'END'
hpo: q.yaml: study.objectives: unknown key 'gaol', did you mean 'goal'?*
END

# ---- steering from elsewhere while a run goes on ----
printf '#!/bin/sh\nfor i in 1 2 3 4 5 6; do echo "{\\"step\\":$i,\\"loss\\":0.$i}"; sleep 0.1; done\n' >slow.sh
chmod +x slow.sh
hpo run -q -n steered --storage s.db --minimize loss -b 4trials -j 2 -- ./slow.sh '{x:0..1}' >steered.out 2>steered.err &
running=$!
for _ in $(seq 100); do
    [ "$(hpo ps --storage s.db 2>"$folder/.err" | wc -l)" -ge 3 ] && break
    sleep 0.05
done
run hpo resume --storage s.db -b 5trials
run hpo pause --storage s.db
sleep 0.3
run hpo resume --storage s.db -b 6trials
wait $running
rc=$?
status 0 'a run whose budget others change goes on'
ok 'up to the new one' grep -q '^study steered: 6 complete' steered.out

finish
