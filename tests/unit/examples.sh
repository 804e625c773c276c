#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The library's examples over libvirt's test driver, which has metadata and no QEMU. What takes one
# is tested on real guests. Prints TAP.
#
# Usage: examples.sh BUILT-EXAMPLES HINT.PY VIRTHINT
set -euo pipefail

examples=${1:?the folder of the examples}
hint=${2:?the example in Python}
export VIRTHINT=${3:?the command}
uri=test:///default
number=0

# says NAME EXPECTED-STATUS EXPECTED COMMAND...: an extended regular expression in what it prints.
says()
{
    local name=$1 expected_status=$2 expected=$3 said status=0

    shift 3
    said=$("$@" 2>&1) || status=$?
    number=$((number + 1))
    if [ $status -eq "$expected_status" ] && grep -qE -- "$expected" <<<"$said"; then
        echo "ok $number $name"
    else
        echo "not ok $number $name"
        echo "# status $status: ${said//$'\n'/ }"
    fi
}

says 'probe-all' 0 '^test: pulse: .*autodeflate' "$examples/example-probe-all" "$uri"
says 'probe-all: no such host' 1 'cannot|connect' "$examples/example-probe-all" test:///nowhere
says 'policy sets' 0 '<virthint:policy .*class="perf" weight="200"/>' \
    "$examples/example-policy" "$uri" test class=perf weight=200
says 'policy: a key that is none' 1 "^invalid: .*klass" \
    "$examples/example-policy" "$uri" test klass=perf
says 'policy: no such domain' 1 '^gone: .*nobody' \
    "$examples/example-policy" "$uri" nobody class=perf
says 'reporting: no QEMU' 1 '^unsupported: ' "$examples/example-reporting" "$uri" test
says 'ask-one: no autodeflate' 1 '^unsupported: .*autodeflate' \
    "$examples/example-ask-one" "$uri" test
says 'ask-async: no such domain' 1 '^gone: .*nobody' "$examples/example-ask-async" "$uri" nobody
says 'ask-async: no autodeflate' 1 '^failed: 0 bytes came back by a pulse' \
    "$examples/example-ask-async" "$uri" test
if /usr/bin/python3 -c 'import libvirt' 2>/dev/null; then
    says 'hint.py' 0 'test: class .*, tier pulse' "$hint" "$uri" test
else
    number=$((number + 1))
    echo "ok $number hint.py # SKIP python3-libvirt is missing: tools/setup --for lint"
fi
echo "1..$number"
