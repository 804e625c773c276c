#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The bash completion, as bash runs it: words split at = and :, quoted names, files. Domains are
# those of libvirt's test driver.
#
# Usage: completion.sh TOP VIRTHINT
set -euo pipefail

top=$1
virthint=$(realpath "$2")
n=0
failed=0

# shellcheck source=tools/completion/virthint
. "$top/tools/completion/virthint"

# expect WANTED WORD...: what is offered for the last of bash's words, sorted and joined by blanks.
expect()
{
    local wanted=$1 offered

    shift
    COMP_WORDS=("$virthint" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _virthint "$virthint"
    offered=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd ' ')
    n=$((n + 1))
    if [ "$offered" = "$wanted" ]; then
        echo "ok $n - $*"
    else
        echo "not ok $n - $*: offered '$offered', not '$wanted'"
        failed=1
    fi
}

# What --help tells of is offered, of each of the program's commands.
expect_all()
{
    local command offered option missing

    for command in $("$virthint" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\).*/\1/p'); do
        missing=
        offered=$("$virthint" complete -- "$command" && "$virthint" complete -- "$command" --)
        for option in "$command" $("$virthint" "$command" --help |
            sed -n -E 's/^  (-.,|   ) (--[a-z-]+).*/\2/p'); do
            grep -qx -e "$option" <<<"$offered" || missing+=" $option"
        done
        n=$((n + 1))
        if [ -n "$missing" ]; then
            echo "not ok $n - $command: not offered:$missing"
            failed=1
        else
            echo "ok $n - $command and its options"
        fi
    done
}

expect_all
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
touch 'policy one.json' policy-two.json

expect 'explain' exp
expect '--monitor' info --mon
expect 'off on' reporting web1 o
# bash's own words for: -c test:///default info te
expect 'test' -c test : ///default info te
expect 'test' --connect = test : ///default info te
expect 'test' -c test : ///default info --domain = te
expect 'test' -c test : ///default info --domain =
expect '--all' list --a
expect '///default' -c test : /
expect '///session ///system' --connect = qemu : ///s
expect 'low' request 1GiB --urgency = l
expect 'class= cooldown=' policy web1 --set c
expect 'never' policy web1 --set ask = n
expect 'virthint' replay x.jsonl --engine = virthi
expect 'policy one.json policy-two.json' check pol
expect 'policy-two.json' list --policy = policy-
expect '' frobnicate x
expect '' info web1 --bytes
# nobody is there to be asked
expect '' -c test : ///no/such/file info te

# Names that would do something, were they taken for more than text.
# shellcheck disable=SC2016
names=('x$(touch made)' 'y`touch made`' "z'\$(touch made)'" 'v";touch made;"' 'w!!\ * ~')
{
    echo '<node>'
    for name in "${names[@]}" '--clear' 'two&#10;lines'; do
        printf "<domain type='test'><name>%s</name><memory>1024</memory>" "$name"
        echo '<os><type>hvm</type></os></domain>'
    done
    echo '</node>'
} >hostile.xml

# harmless NAME QUOTE: where a line goes on with what is offered for QUOTE and the first letter of
# NAME, bash makes of it just that NAME.
harmless()
{
    local name=$1 quote=$2 word=''

    COMP_WORDS=("$virthint" -c "test://$PWD/hostile.xml" info "$quote${name:0:1}")
    COMP_CWORD=4
    COMPREPLY=()
    _virthint "$virthint"
    eval "word=$quote${COMPREPLY[0]-}$quote"
    n=$((n + 1))
    if [ "$word" = "$name" ] && [ "${#COMPREPLY[@]}" = 1 ] && [ ! -e made ]; then
        echo "ok $n - $quote$name"
    else
        echo "not ok $n - $quote$name: offered '${COMPREPLY[*]-}', which is '$word'"
        failed=1
    fi
}
for name in "${names[@]}"; do
    harmless "$name" ''
    harmless "$name" "'"
    harmless "$name" '"'
done
# neither what would be an option, nor what no line can hold
all=$("$virthint" complete -- -c "test://$PWD/hostile.xml" info '' | wc -l)
n=$((n + 1))
if [ "$all" = "${#names[@]}" ]; then
    echo "ok $n - what is no word of a line is left out"
else
    echo "not ok $n - what is no word of a line is left out: $all offered"
    failed=1
fi
expect '--clear' -c "test://$PWD/hostile.xml" info --domain --cl
echo "1..$n"
exit $failed
