#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hpo space, hpo samplers.
. "$(dirname "$0")/harness.sh"

run hpo space show -p 'x:0..1' -p 'n:int 1..4' -p 'opt:sgd,adam' -p 'mom:0..0.9 if opt == sgd'
output 'a table of parameters' <<'END'
parameter  kind         scale   range     when
x          float        linear  0..1
n          int          linear  1..4
opt        categorical  linear  sgd,adam
mom        float        linear  0..0.9    opt == sgd
infinitely many configurations, 4 dimensions
END
run hpo space show --json -p 'x:0..1' -p 'n:int 1..4'
output 'as JSON' <<'END'
{"params":{"x":{"type":"float","range":[0,1]},"n":{"type":"int","range":[1,4]}}}
END
printf '%s\n' "$out" >a.json
run hpo space show a.json --json
ok 'and back' test "$out" = "$(cat a.json)"
printf 'params:\n  x: {type: float, range: [0, 2]}\n  n: {type: int, range: [1, 4]}\n' >b.yaml
run hpo space diff a.json b.yaml
status 1 'a difference'
output 'is named' <<'END'
*x*
END
run hpo space diff a.json a.json
status 0 'no difference'
run hpo space sample -p 'n:int 1..4' -p 'm:int 1..4' --constraint 'n + m <= 3' -k 200 --jsonl
status 0 'sample'
ok '200 of them' test "$(wc -l <.out)" = 200
ok 'none violates the constraint' bash -c '! grep -v -e "{\"n\":1,\"m\":1}" -e "{\"n\":1,\"m\":2}" -e "{\"n\":2,\"m\":1}" .out'
cp .out first
run hpo space sample -p 'n:int 1..4' -p 'm:int 1..4' --constraint 'n + m <= 3' -k 200 --jsonl
ok 'the same seed, the same samples' cmp -s first .out
run hpo space lint -p 'lr:1e-5..1'
status 0 'lint'
output 'gives advice' <<'END'
*lr*log*
END
run hpo space lint -p 'x:0..1'
output 'or none' <<'END'
nothing to say: the space looks fine
END
run hpo space show -p 'x:int 1..4' -p 'b:true,false'
ok 'a finite space is counted' grep -q '^8 configurations' .out
run hpo samplers --names
output 'samplers' <<'END'
auto
random
grid
sobol
halton
rsequence
lhs
tpe
local
gp
forest
cqr
bore
dngo
turbo
baxus
sphere
additive
bohb
mobster
priorband
hyper-tune
freeze-thaw
dyhpo
lcnet
dpl
END
run hpo samplers --schedulers --names
output 'schedulers' <<'END'
none
auto
asha
asha-stopping
asha-cost
asha-forecast
hyperband-async
pasha
halving
hyperband
dehb
hyper-tune
i-epoch
median
percentile
threshold
patience
plateau
extrapolation
wilcoxon
hoeffding
friedman
freeze-thaw
dyhpo
dpl
fabolas
mf-mes
cf-kg
boca
pbt
pb2
END
run hpo samplers lhs
status 0 'one sampler'
ok 'with its options' grep -q '^option' .out
run hpo samplers foo
status 1 'an unknown one'
# every example of hpo-space(5) is valid
page=$tests/../../docs/man/hpo-space.5
sed -n 's/^\.IP "\(.*\)"$/\1/p' "$page" >examples
ok 'the manual has examples' test "$(wc -l <examples)" -ge 20
while IFS= read -r example; do
    set -- -p "$example"
    case $example in
    mom:*) set -- -p 'opt:sgd,adam' "$@" ;;
    warm:*) set -- -p 'epochs:int 10..50' "$@" ;;
    esac
    run hpo space show "$@"
    status 0 "example: $example"
done <examples
finish
