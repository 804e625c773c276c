#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each QEMU series applies to Debian's source without fuzz, and QEMU's own checkpatch.pl finds
# nothing in it. Looks only at series whose source lies in the cache, and fetches nothing.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

tools=$(dirname "$0")/../../tools
export VIRTHINT_QEMU_PATCHES=$lint_top/qemu-patches
series=$(lint_find -path './qemu-patches/*/series')
if ! "$tools/setup" --check --quiet --for qemu >/dev/null 2>&1; then
    echo "packages are missing: tools/setup --for qemu installs them"
    exit 77
fi

checked=0
for file in $series; do
    version=$(basename "$(dirname "$file")")
    if ! "$tools/qemu-build" --version "$version" --print source >/dev/null; then
        continue
    fi
    checked=$((checked + 1))
    "$tools/qemu-build" --version "$version" --offline --check ||
        lint_violation "${file%/series}" "see above"
done
if [ $checked -eq 0 ]; then
    echo "no series, or no source of QEMU in the cache"
    exit 77
fi
lint_done
