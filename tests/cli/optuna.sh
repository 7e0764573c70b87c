#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# import, export --optuna, export --optuna-journal: a study goes to Optuna's files and comes back the same.
# What Optuna itself makes of the files is tested in tests/python/test_optuna_files.py.
. "$(dirname "$0")/harness.sh"

run hpo create -n s --param 'lr:log 1e-4..1' --param 'opt:sgd,adam' --param 'mom:0..0.9 if opt == sgd' \
    --param 'n:int 1..8' --maximize acc --outcome 'mem<=2' --seed 3
hpo enqueue lr=0.1 opt=sgd mom=0.25 n=3 >/dev/null
for i in 0 1 2 3 4 5 6 7; do
    # shellcheck disable=SC2046 # words on purpose
    set -- $(hpo ask --args)
    hpo report "$1" --token "$2" --step 1 --value "0.$i" >/dev/null
    case $i in
    3) hpo tell "$1" --token "$2" --state failed >/dev/null ;;
    *) hpo tell "$1" --token "$2" --value "$i.5" --outcome mem="$i" >/dev/null ;;
    esac
done
hpo enqueue lr=0.5 opt=adam n=7 >/dev/null
hpo ask >/dev/null
hpo enqueue lr=0.25 opt=adam n=7 >/dev/null

columns() { # of a study: what must come back
    hpo export -n "$1" --csv | cut -d, -f1-7
}
columns s >wanted

run hpo export -n s --optuna o.db
output 'to a database' <<'END'
study s: 10 trials written to o.db
END
run hpo export -n s --optuna-journal o.log
output 'to a journal' <<'END'
study s: 10 trials written to o.log
END
run sqlite3 o.db "select state, count(*) from trials group by 1; select count(distinct distribution_json) from trial_params; select direction from study_directions"
output 'the tables of Optuna' <<'END'
COMPLETE|7
FAIL|1
RUNNING|1
WAITING|1
4
MAXIMIZE
END
run hpo import o.db -n database
output 'from a database' <<'END'
study database in hpo.db: 10 trials from o.db: 1 waiting, 1 running, 7 complete, 1 failed
END
run hpo import optuna:o.log -n journal --json
status 0 'from a journal'
for n in database journal; do
    columns $n >got
    ok "$n: the same trials" compare wanted got
    run hpo space show -n $n
    ok "$n: the condition was learned" grep -qE "mom.*opt" "$folder/.out"
    run hpo best -n $n --value
    output "$n: the best feasible one" <<'END'
2.5
END
    hpo export -n $n --optuna back.db --as $n >/dev/null
    run sqlite3 back.db "attach 'o.db' as o; select count(*) from (select t.number, p.param_name, p.param_value, p.distribution_json from trials t join trial_params p using(trial_id) join studies s using(study_id) where s.study_name = '$n' except select t.number, p.param_name, p.param_value, p.distribution_json from o.trials t join o.trial_params p using(trial_id))"
    output "$n: once more, and nothing has changed" <<'END'
0
END
done
run hpo db verify
status 0 'the storage is sound'

run hpo import o.db -n database
errors 'a name that is taken' <<'END'
hpo: study 'database' *exist*
END
run hpo import o.db --from x
errors 'a study that is not there' <<'END'
hpo: 'o.db' has no study 'x'; it has: s
END
run hpo export -n s --optuna o.db
errors 'a study that is there' <<'END'
hpo: 'o.db' has a study 's': name another with --as
END
run hpo export -n s --optuna-journal o.log
errors 'a journal that is there' <<'END'
hpo: cannot make the journal 'o.log': name a file that does not exist yet
END
head -c 900 o.log >torn.log
run hpo import torn.log -n torn
status 0 'a journal that is being written'
sed '2s/"study_id": 0/"study_id": "x"/' o.log >bad.log
run hpo import bad.log -n bad
ok 'a damaged journal is a message or a study' test "$rc" -le 1
echo hello >text
run hpo import text
errors 'another file' <<'END'
hpo: 'text' is neither a database (SQLite) nor a journal of Optuna
END
run hpo import hpo.db
errors 'a file of ours' <<'END'
hpo: 'hpo.db' is a SQLite file, but not one of Optuna's
END
finish
