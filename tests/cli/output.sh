#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats, and output that does not arrive.
. "$(dirname "$0")/harness.sh"

run hpo create -n o --param 'x:0..1' --param 'opt:"a,b",c' --derive 'y=x * 2' --minimize loss --seed 1
status 0 'create'
for i in 0 1 2; do
    run hpo ask
    run hpo tell $i -v 0.$i
done
run hpo enqueue 'opt=a,b' 'x=0.5'
run hpo ask
run hpo tell 3 --state failed --reason 'say "no", twice'
run hpo export
output 'CSV quotes what needs quotes' <<'END'
number,state,values.loss,params.x,params.opt,derived.y,cost,attempt,created,started,ended,seconds,worker,reason
0,complete,0,*
1,complete,0.1,*
2,complete,0.2,*
3,failed,,0.5,"a,b",1,,1,*,"say ""no"", twice"
END
ok 'times are UTC' grep -q "^0,complete,0,.*,$(date -u +%Y-%m-%dT%H)" .out
if command -v script >/dev/null && script -qc true /dev/null >/dev/null 2>&1; then
    TERM=xterm script -qc "stty cols 40; '$HPO' top" /dev/null >tty.out </dev/null
    ok 'bold heads on a terminal' grep -q "$(printf '\033\\[1mtrial')" tty.out
    hpo create --storage w.db --param 'x:0..1' >/dev/null
    hpo enqueue --storage w.db x=0.5 >/dev/null
    TERM=xterm script -qc "stty cols 70; '$HPO' ps --storage w.db" /dev/null >tty.out </dev/null
    ok 'a long column is cut' grep -q '~' tty.out
    ok 'so that the table fits' test "$(tr -d '\r' <tty.out | sed 's/\x1b\[[0-9;]*m//g' | wc -L)" -le 70
    NO_COLOR=1 TERM=xterm script -qc "'$HPO' top" /dev/null >tty.out </dev/null
    ok 'NO_COLOR is heard' bash -c "! grep -q \$'\\033' tty.out"
fi
run hpo export --jsonl
ok 'JSON lines: one a trial' test "$(wc -l <.out)" = 4
output 'JSON lines' <<'END'
{"number":0,"state":"complete","values":{"loss":0},"params":{"x":*,"opt":"*","y":*},*}
{"number":1,*}
{"number":2,*}
{"number":3,"state":"failed","params":{"x":0.5,"opt":"a,b","y":1},*,"reason":"say \"no\", twice"}
END
if command -v python3 >/dev/null; then
    hpo export --json >all.json
    ok 'JSON is JSON' python3 -c 'import json; assert len(json.load(open("all.json"))) == 4'
    hpo show --json >show.json
    ok 'so is the summary' python3 -c 'import json; assert json.load(open("show.json"))["trials"] == 4'
    hpo export --csv >all.csv
    ok 'CSV is CSV' python3 -c '
import csv
rows = list(csv.DictReader(open("all.csv")))
assert rows[3]["params.opt"] == "a,b" and rows[3]["reason"] == "say \"no\", twice"'
fi
run hpo export --table
output 'a table' <<'END'
trial  loss  state * x  opt  time
    0     0  complete*
    1   0.1  complete*
    2   0.2  complete*
    3     -  failed *0.5  a,b*
END
run hpo ask --args
ok 'arguments are quoted' bash -c "set -- $out; [ \$# = 8 ]"
# no colour and no cursor movement unless on a terminal
ok 'no escape sequences' bash -c "! grep -q \$'\\033' .out"

for command in export 'show' 'help' 'best' 'space show' 'export --json' 'samplers' 'completion bash' '--man'; do
    # shellcheck disable=SC2086
    "$HPO" $command >/dev/full 2>.err
    rc=$? out='' err=$(cat .err)
    status 1 "hpo $command on a full disk"
    errors "hpo $command says so" <<'END'
hpo: cannot write standard output: No space left on device
END
done
"$HPO" export >&- 2>.err
rc=$? err=$(cat .err)
status 1 'closed standard output'
errors 'says so' <<'END'
hpo: cannot write standard output: Bad file descriptor
END
run hpo db verify
status 0 'and the storage is not what was written to'
(
    sleep 0.2
    "$HPO" export 2>.err
    echo $? >.rc
) | true
rc=$(cat .rc) err=$(cat .err)
status 1 'broken pipe'
errors 'says so' <<'END'
hpo: cannot write standard output: Broken pipe
END

# doctor, init, db
run hpo doctor
status 0 'doctor'
output 'each line has a verdict' <<'END'
ok    version    hpo *
ok    folder     . is writable
*    space      *
ok    storage    hpo.db opens
ok    studies    1 in hpo.db
ok    sqlite     version *
ok    content    the storage is sound
ok    clock      *
*    files      *
ok    cores      *
ok    gpu        *
ok    terminal   *
END
run hpo doctor --storage /proc/nope/hpo.db
status 1 'doctor finds what is wrong'
run hpo init study.yaml
status 0 'init'
cp study.yaml before
run hpo init study.yaml
status 1 'init does not overwrite'
ok 'the file is as it was' cmp -s study.yaml before
run hpo init
ok 'init writes to standard output as well' cmp -s .out before
run hpo check @study.yaml
status 0 'check accepts what init writes'
output 'and shows the command' <<'END'
command: ./train --lr=0.001 --opt=sgd --mom=*
3 parameters
END
run hpo check --minimize loss -- sh -c 'echo "{{\"loss\": $1}}"' x '{lr:log 1e-4..1}'
status 0 'check runs one trial'
run hpo check --minimize loss -- sh -c 'echo bad >&2; exit 3' x '{lr:log 1e-4..1}'
status 1 'check of a program that fails'
ok 'shows what it wrote' grep -q '^bad$' .out
run hpo db backup copy.db
status 0 'backup'
run hpo db backup copy.db
status 1 'backup does not overwrite'
run hpo best --storage copy.db --value
output 'the copy is whole' <<'END'
0
END
HPO_STORAGE=copy.db run hpo db info --names
output 'HPO_STORAGE is heard' <<'END'
o
END
finish
