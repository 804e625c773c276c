#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The dispatcher in front of a virsh that only says how it was called, and virsh-hint itself over
# libvirt's test driver: what is handed on untouched, and over which connection the rest runs.
#
# Usage: virsh-hint.sh DISPATCHER VIRSH-HINT
set -euo pipefail

dispatcher=$(realpath "$1")
VIRSH_HINT=$(realpath "$2")
export VIRSH_HINT
n=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/ours" "$work/real" "$work/wrapper"
ln -s "$dispatcher" "$work/ours/virsh"
cat >"$work/real/virsh" <<'REAL'
#!/bin/bash
printf '[%s]' "$@"
read -r -t 1 line || line=
printf ' %s\n' "$line"
exit 7
REAL
cat >"$work/wrapper/virsh" <<WRAPPER
#!/bin/bash
exec $work/ours/virsh "\$@"
WRAPPER
chmod +x "$work"/*/virsh

# expect STATUS TEXT WORD...: `virsh WORD...` ends so, and what it prints begins with TEXT.
expect()
{
    local status=$1 text=$2 output got=0

    shift 2
    output=$(PATH=$path timeout 20 virsh "$@" <<<'input' 2>&1) || got=$?
    n=$((n + 1))
    if [ $got = "$status" ] && [[ $output == "$text"* ]]; then
        echo "ok $n - $*"
    else
        echo "not ok $n - $*: ended with $got, and said '${output:0:300}'"
        failed=1
    fi
}

path=$work/ours:$work/real:$PATH
expect 7 '[list] input' list
expect 7 '[dominfo][a  b; "c] input' dominfo 'a  b; "c'
expect 7 '[dominfo][hint-list] input' dominfo hint-list
expect 7 '[-c][test:///default][desc x hint] input' -c test:///default 'desc x hint'
expect 7 '[--frobnicate][hint-list] input' --frobnicate hint-list
expect 7 '[complete][--][dominfo][hint] input' complete -- dominfo hint
expect 0 'name                       test' -c test:///default hint-info test
expect 1 "error: command 'hint-info' requires <domain> option" -c test:///default hint-info
# what looks like a question for help, but is a name, is looked for where -c says
expect 1 "error: no domain '--help' is known" -c test:///default hint-info -- --help
expect 1 "error: no domain '--help' is known" -c test:///default hint-info --domain --help
expect 0 '  NAME' -c nowhere:/// hint-info --help
expect 0 '  NAME' -c nowhere:/// hint-info test --help
# a virsh of somebody's own that runs the dispatcher
path=$work/wrapper:$work/ours:$PATH
expect 1 "error: $work/wrapper/virsh runs $work/ours/virsh again" list
echo "1..$n"
exit $failed
