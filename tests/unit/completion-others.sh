#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The completion of the other two programs: virthintd's script, as bash runs it, and what virsh-hint
# tells virsh's. What --help tells of is offered, and nothing where nothing is known.
#
# Usage: completion-others.sh TOP VIRTHINTD VIRSH-HINT
set -euo pipefail

top=$(realpath "$1")
virthintd=$(realpath "$2")
virsh_hint=$(realpath "$3")
n=0
failed=0

# shellcheck source=tools/completion/virthintd
. "$top/tools/completion/virthintd"

# check WHAT WANTED OFFERED
check()
{
    n=$((n + 1))
    if [ "$3" = "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: offered '$3', not '$2'"
        failed=1
    fi
}

sorted() { LC_ALL=C sort -u | paste -sd ' '; }

# expect WANTED WORD...: what is offered for the last of bash's words.
expect()
{
    local wanted=$1

    shift
    COMP_WORDS=("$virthintd" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _virthintd "$virthintd"
    check "virthintd $*" "$wanted" "$(printf '%s\n' "${COMPREPLY[@]}" | sorted)"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
touch 'policy one.json' policy-two.json

all=$("$virthintd" --help | sed -n -E 's/^ +(-., )?(--[a-z-]+).*/\2/p' | sorted)
if [ "$(wc -w <<<"$all")" -lt 10 ]; then
    echo "Bail out! virthintd --help has few options: $all"
    exit 1
fi
expect "$all" ''
expect '--record --record-files --record-size' --rec
expect '--policy' -n --pol
expect 'mom' --engine mo
expect 'mom' --engine = mo
expect "$("$virthintd" --help | sed -n 's/^Engines: \(.*\)\.$/\1/p' | tr -d , | tr ' ' '\n' | sorted)" -e ''
expect 'none' --bus = n
expect 'policy one.json policy-two.json' --policy pol
expect 'policy-two.json' --record = policy-
expect '' --connect ''
expect '' -c q
expect '' --record-size ''
expect '' frob

# A bus that is not there: nobody asks the system's daemon.
export VIRTHINT_BUS_ADDRESS=unix:path=$work/none VIRSH_DEFAULT_CONNECT_URI=test:///default
commands=$("$virsh_hint" help hint 2>/dev/null | sed -n -E 's/^ +(hint-[a-z]+) .*/\1/p')
if [ -z "$commands" ]; then
    echo 'Bail out! virsh-hint help hint lists no commands'
    exit 1
fi
check 'virsh hint-' "$(sorted <<<"$commands")" \
    "$("$virsh_hint" complete -- hint- 2>/dev/null | sorted)"
for command in $commands; do
    check "virsh $command --" \
        "$("$virsh_hint" help "$command" 2>/dev/null | sed -n '/^  OPTIONS/,$p' |
            sed -n -E 's/^ +(\[--([a-z-]+)\]|--([a-z-]+)) .*/--\2\3/p' | sorted)" \
        "$("$virsh_hint" complete -- "$command" -- 2>/dev/null | sorted)"
done
echo "1..$n"
exit $failed
