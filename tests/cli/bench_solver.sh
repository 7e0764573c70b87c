#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Solvers in other programs: our own samplers through the protocol give what they give in process; adapters run
# when their package is there; what goes wrong is reported.  Usage: bench_solver.sh HPO
. "$(dirname "$0")/harness.sh"
adapters=$(realpath "$tests/../../bench/adapters")
unset HPO_BENCH_ADAPTERS HPO_BENCH_DATA

# ---- a conversation by hand, as kurobako holds it
variable='{"name":"learning rate","range":{"type":"CONTINUOUS","low":1e-5,"high":1},"distribution":"LOG_UNIFORM","constraint":null}'
choice='{"name":"opt","range":{"type":"CATEGORICAL","choices":["sgd","a, b"]},"distribution":"UNIFORM"}'
lua='{"name":"m","range":{"type":"CONTINUOUS","low":0,"high":1},"distribution":"UNIFORM","constraint":"opt == 1"}'
create() { # create VARIABLES
    echo '{"type":"CREATE_SOLVER_CAST","solver_id":3,"random_seed":18446744073709551615,"problem":{"name":"x","attrs":{},"params_domain":['"$1"'],"values_domain":[{"name":"v"}],"steps":[3,9]}}'
}
{
    create "$variable,$choice"
    cat <<'END'
{"type":"ASK_CALL","solver_id":3,"next_trial_id":0}
{"type":"ASK_CALL","solver_id":3,"next_trial_id":5}
{"type":"TELL_CALL","solver_id":3,"trial":{"id":5,"values":[1.5],"current_step":3}}
{"type":"TELL_CALL","solver_id":3,"trial":{"id":0,"values":[],"current_step":9}}

{"type":"TELL_CALL","solver_id":3,"trial":{"id":0,"values":[1],"current_step":9}}
{"type":"ASK_CALL","solver_id":1,"next_trial_id":0}
rubbish
{"type":"DROP_SOLVER_CAST","solver_id":3}
{"type":"ASK_CALL","solver_id":3,"next_trial_id":6}
END
    create "$choice,$lua"
    create '{"name":"wide","range":{"type":"CONTINUOUS"},"distribution":"UNIFORM"}'
} >messages.jsonl
hpo bench solver --sampler random <messages.jsonl >told 2>complaints
rc=$? out=$(cat told) err=$(cat complaints)
status 0 'a solver ends with its input'
output 'a conversation in kurobako'"'"'s messages' <<'END'
{"type":"SOLVER_SPEC_CAST","spec":{"name":"random","attrs":{*},"capabilities":["UNIFORM_CONTINUOUS","LOG_UNIFORM_CONTINUOUS",*"CONCURRENT"]}}
{"type":"ASK_REPLY","trial":{"id":0,"params":[*,*],"next_step":9},"next_trial_id":1}
{"type":"ASK_REPLY","trial":{"id":5,"params":[*,*],"next_step":9},"next_trial_id":6}
{"type":"TELL_REPLY"}
{"type":"TELL_REPLY"}
{"type":"ERROR_REPLY","kind":"OTHER","message":"trial 0 was never asked for, or told before"}
{"type":"ERROR_REPLY","kind":"OTHER","message":"there is no solver 1"}
{"type":"ERROR_REPLY","kind":"INVALID_INPUT","message":"message*"}
{"type":"ERROR_REPLY","kind":"OTHER","message":"there is no solver 3"}
{"type":"ERROR_REPLY","kind":"UNSUPPORTED","message":"variable 1 has a condition in Lua*"}
{"type":"ERROR_REPLY","kind":"UNSUPPORTED","message":"variable 0 has no finite range"}
END
run hpo bench solver --sampler rondom
status 2 'an unknown sampler is refused'

# ---- the same trials as in process
columns() { # columns FILE: all but method and decision time, sorted; those of methods that begin with "@" or not
    awk -F, -v solver="$2" 'NR > 1 && (substr($3, 1, 1) == "@") == solver { $3 = $14 = ""; print }' "$1" | sort
}
same=1
for sampler in random sobol; do
    run hpo bench run --problems branin,lr-bowl-noisy,jenatton,network,g09,tsp-n08,knapsack-n14,mixture-d04,mf-branin,branin-currin-disk \
        --methods "$sampler,@$HPO bench solver --sampler $sampler" --seeds 2 --budget 15 --workers 1,3 --out "own-$sampler" --csv
    [ "$rc" = 0 ] || same=0
    columns "own-$sampler/evaluations.csv" 0 >inside
    columns "own-$sampler/evaluations.csv" 1 >outside
    [ "$(wc -l <inside)" -ge 600 ] && cmp -s inside outside || same=0
done
result $same 'our samplers through the protocol: the same trials as in process'

# ---- what goes wrong is reported
cat >dying <<'END'
#!/bin/sh
echo '{"type":"SOLVER_SPEC_CAST","spec":{"name":"d","capabilities":["UNIFORM_CONTINUOUS"]}}'
read -r create
read -r ask
echo 'out of ideas' >&2
exit 9
END
cat >slow <<'END'
#!/bin/sh
exec sleep 100
END
chmod +x dying slow
run hpo bench run --problems branin --methods random,@./dying,@./slow,@nobody --seeds 1 --budget 5 --answer-timeout 1 \
    --adapters "$adapters" --out bad --json
status 0 'a failing solver does not end the comparison'
ok 'a solver that dies is reported' grep -q 'solver: .*dying.* ended with status 9: out of ideas' .err
ok 'a solver that is too slow is reported' grep -q 'solver: .*slow.* did not answer within 1 s' .err
ok 'a solver that is unknown is reported' grep -q '@nobody.* is not in .*solvers.json; the nearest is @' .err
output 'failures are counted' <<'END'
{"problem":"branin","method":"@./dying",*"failed":1,*
{"problem":"branin","method":"@./slow",*"failed":1,*
{"problem":"branin","method":"@nobody",*"failed":1,*
{"problem":"branin","method":"random",*"failed":0,*
END

# ---- adapters in Python
python_with() { # python_with MODULE: puts a python3 that has it first in PATH
    for python in python3 /usr/bin/python3; do
        if "$python" -c "import $1" >/dev/null 2>&1; then
            mkdir -p "bin-$1"
            ln -sf "$("$python" -c 'import sys; print(sys.executable)')" "bin-$1/python3"
            PATH=$folder/bin-$1:$PATH
            return
        fi
    done
    return 1
}
adapter() { # adapter MODULE METHOD
    if (python_with "$1"); then
        python_with "$1"
        run hpo bench run --problems branin,network,mf-branin,g06 --methods "random,$2" --seeds 1 --budget 15 \
            --adapters "$adapters" --out "with-$1" --json
        status 0 "$2 runs"
        failed=$(grep -c '"failed":[1-9]' <<<"$out")
        if [ "$failed" = 0 ] && [ -z "$(grep -v 'runs in' <<<"$err")" ]; then
            result 1 "$2 solves every problem"
        else
            result 0 "$2 solves every problem"
        fi
        run hpo bench run --problems tsp-n08 --methods "$2" --seeds 1 --budget 5 --adapters "$adapters" --out "not-$1" --json
        ok "$2 on a permutation is not applicable" grep -q 'not applicable: .*STRUCTURED' .err
    else
        result 1 "$2 # SKIP python3 has no module $1"
    fi
}
adapter numpy @numpy-random
adapter optuna @optuna-tpe

if command -v python3 >/dev/null; then
    run hpo bench run --problems mf-branin --methods @asha --seeds 1 --budget 5 --workers 3 --adapters "$adapters" --out asha --csv
    resumed=$(awk -F, 'NR > 1 { n[$9]++; if (n[$9] > 1 && $11 <= last[$9]) bad = 1; last[$9] = $11; if (n[$9] == 3) k++ }
        END { print bad ? 0 : k + 0 }' asha/evaluations.csv)
    if [ "$rc" = 0 ] && [ "$resumed" -ge 1 ]; then
        result 1 'a solver stops trials and takes them up again'
    else
        result 0 'a solver stops trials and takes them up again'
    fi
else
    result 1 'a solver that stops trials # SKIP there is no python3'
fi

mkdir nothing
cat >nothing/python3 <<'END'
#!/bin/sh
exec "$PYTHON" -S -c "import sys; sys.modules['numpy'] = None; sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rsplit('/', 1)[0]); exec(open(sys.argv[0]).read())" "$@"
END
chmod +x nothing/python3
PYTHON=$(command -v python3) && export PYTHON
if [ -n "$PYTHON" ]; then
    PATH=$folder/nothing:$PATH run hpo bench run --problems branin --methods @numpy-random --seeds 1 --budget 5 --adapters "$adapters" \
        --out none
    ok 'a missing package is reported as not available' grep -q ': not available: .*numpy' .err
else
    result 1 'a missing package # SKIP there is no python3'
fi
finish
