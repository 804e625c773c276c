#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The guest's driver compiles without a warning of the compiler's or of sparse's, the kernel's own
# checkpatch.pl finds nothing in it, and it has the project's version everywhere. Looks only at
# kernels whose headers lie in the cache, and fetches nothing.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

tools=$(dirname "$0")/../../tools
export VIRTHINT_GUEST=$lint_top/guest

# version FILE EXPRESSION: what sed finds in a file of the tree; the last one counts.
version()
{
    sed -n -E "s/$2/\1/p" "$lint_top/$1" | tail -n 1
}

expected=$(version meson.build "^  version: '([^']*)',\$")
lint_require "$expected"
found=$(version guest/dkms.conf '^PACKAGE_VERSION="([^"]*)"$')
if [ "$found" != "$expected" ]; then
    lint_violation guest/dkms.conf "PACKAGE_VERSION is $found, the project's version is $expected"
fi
found=$(version guest/main.c '^MODULE_VERSION\("([^"]*)"\);$')
if [ "$found" != "$expected" ]; then
    lint_violation guest/main.c "MODULE_VERSION is $found, the project's version is $expected"
fi
if [ "$lint_violations" -ne 0 ]; then lint_done; fi

if ! "$tools/setup" --check --quiet --for driver >/dev/null 2>&1; then
    echo "packages are missing: tools/setup --for driver installs them"
    exit 77
fi
checked=0
for kernel in 6.1 6.12; do
    if ! "$tools/guest-build" --kernel $kernel --print headers >/dev/null ||
        ! "$tools/guest-build" --print checkpatch >/dev/null; then
        continue
    fi
    checked=$((checked + 1))
    "$tools/guest-build" --kernel $kernel --offline --check ||
        lint_violation guest "with Linux $kernel: see above"
done
if [ $checked -eq 0 ]; then
    echo "no headers of a kernel, or no checkpatch.pl, in the cache"
    exit 77
fi
lint_done
