#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Errors are one line that names the thing, the value and the remedy; help, man page and completions come
# from the same table.
. "$(dirname "$0")/harness.sh"

bad() { # bad STATUS PATTERN ARGUMENTS...
    want=$1
    printf '%s\n' "$2" >.pattern
    shift 2
    run hpo "$@"
    status "$want" "status of: hpo $*"
    errors "text of: hpo $*" <.pattern
    ok "nothing on standard output: hpo $*" test -z "$out"
}

bad 2 "hpo: unknown command 'tel': did you mean 'tell'? See \`hpo --help\`" tel
bad 2 "hpo: unknown command 'frobnicate': see \`hpo --help\`" frobnicate
bad 2 'hpo: unknown option --storage: a command comes first, see `hpo --help`' --storage x
bad 2 'hpo: unknown option --jsn: did you mean --json? (see `hpo ask --help`)' ask --jsn
bad 2 'hpo: unknown option --frobnicate (see `hpo ask --help`)' ask --frobnicate
bad 2 'hpo: unknown option -Z (see `hpo ask --help`)' ask -Z
bad 2 'hpo: option --count needs a value: --count N (see `hpo ask --help`)' ask --count
bad 2 "hpo: option --json takes no value, but got '1' (see \`hpo ask --help\`)" ask --json=1
bad 2 "hpo: option --count is given twice ('1' and '2'): give it once (see \`hpo ask --help\`)" ask -k1 --count=2
bad 2 "hpo: --count: 'x' is not a whole number (see \`hpo ask --help\`)" ask -k x
bad 2 'hpo: --count: 0 is too small: at least 1 (see `hpo ask --help`)' ask -k 0
bad 2 "hpo: --lease: 'soon' is not a duration: *" ask --lease soon
bad 2 "hpo: 'x' is one word too many: usage: hpo ask *" ask x
bad 2 "hpo: 'x' is one word too many: --out names the folder for results *" bench run x
bad 2 "hpo: --json and --csv exclude each other: give one (see \`hpo export --help\`)" export --json --csv
bad 2 "hpo: no parameters: add --param *" create
bad 2 "hpo: --outcome 'mem' is not NAME<=NUMBER: write e.g. 'mem<=10' *" create --outcome mem
bad 2 "hpo: budget*'10'*" create -b 10
bad 1 "hpo: --param 'x' is not NAME:DOMAIN: write e.g. 'lr:log 1e-5..1'" create --param x
bad 1 "hpo: x: *" create --param 'x:0..'
bad 1 "hpo: *'foo'*random*" create --param 'x:0..1' --sampler foo
bad 1 "hpo: cannot open 'nofile': No such file or directory*" create --space nofile
rm -f hpo.db
bad 1 "hpo: no storage 'hpo.db': name one with --storage or HPO_STORAGE, or begin with \`hpo run\` or \`hpo create\`" best
bad 1 "hpo: storage 'foo:bar': unknown scheme*" best --storage foo:bar
bad 2 'hpo: nothing to tell: give --value V, --state failed or --json-result (see `hpo tell --help`)' tell 0
bad 2 "hpo: 'x' is not a trial number: a whole number from 0 on (see \`hpo tell --help\`)" tell x -v 1
bad 2 "hpo: token 'abc' is not 16 hexadecimal digits: take it from \`hpo ask\` (see \`hpo tell --help\`)" tell 0 -v 1 -t abc
bad 2 'hpo: which trial? *' tell -v 1
bad 2 "hpo: 'foo' is not info, backup, verify or migrate (see \`hpo db --help\`)" db foo

echo 'this is no database, only a text that is long enough to be one, and some more of it' >broken.db
bad 1 "hpo: *broken.db*" show --storage broken.db
run hpo create -n a --param 'x:0..1' --storage a.db
bad 1 "hpo: study 'nope': *" show --storage a.db -n nope
bad 1 "hpo: study 'a' has no trial 99" show --storage a.db 99
bad 1 "hpo: study 'a' has no trial 99" tell --storage a.db 99 -v 1
printf 'x\ny' >'odd
name'
bad 1 "hpo: *odd*name*" create --space 'odd
name'

run hpo --help
status 0 'help'
commands=$(sed -n 's/^  \([a-z-]*\)  *.*/\1/p' .out)
ok 'help lists the commands' test "$(printf '%s\n' $commands | wc -l)" -ge 28
run hpo --man
status 0 'man page'
cp .out man
run hpo completion bash
cp .out completion.bash
ok 'the bash completion is valid' bash -n completion.bash
missing=
for command in $commands; do
    grep -q "^\\.SS hpo $(printf %s "$command" | sed 's/-/\\\\-/')" man || missing="$missing man:$command"
    grep -q "^    $command)" completion.bash || missing="$missing completion:$command"
    run hpo "$command" --help
    [ "$rc" = 0 ] && printf '%s' "$out" | head -1 | grep -q "^usage: hpo $command" || missing="$missing help:$command"
    for option in $(sed -n 's/^  *\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' .out); do
        [ "$option" = help ] || grep -q -- "\\\\-\\\\-$(printf %s "$option" | sed 's/-/\\\\-/g')" man || missing="$missing $command:--$option"
    done
done
ok "man page, completion and help know every command and option:$missing" test -z "$missing"
for shell in zsh fish; do
    run hpo completion $shell
    status 0 "completion for $shell"
done
run hpo completion tcsh
status 2 'no completion for other shells'
run hpo version
output 'version' <<'END'
hpo *.*.*
END
run hpo
status 2 'without a command'

# the completion at work
. ./completion.bash
COMP_WORDS=(hpo ta) COMP_CWORD=1 COMPREPLY=()
_hpo
ok 'completes nothing unknown' test "${COMPREPLY[*]-}" = ''
COMP_WORDS=(hpo sh) COMP_CWORD=1 COMPREPLY=()
_hpo
ok 'completes a command' test "${COMPREPLY[*]-}" = 'should-stop show' -o "${COMPREPLY[*]-}" = 'show should-stop'
COMP_WORDS=(hpo space l) COMP_CWORD=2 COMPREPLY=()
_hpo
ok 'completes a word' test "${COMPREPLY[*]-}" = lint
COMP_WORDS=(hpo best --va) COMP_CWORD=2 COMPREPLY=()
_hpo
ok 'completes an option' test "${COMPREPLY[*]-}" = --value
finish
