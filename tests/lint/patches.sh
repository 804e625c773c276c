#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each series applies to Debian's source without fuzz, and the project that it is for finds nothing
# in it with its own script: QEMU with checkpatch.pl, libvirt with check-spacing.pl. Looks only at
# series whose source lies in the cache, and fetches nothing.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

tools=$(dirname "$0")/../../tools
top=$(realpath "$lint_top")
export VIRTHINT_QEMU_PATCHES=$top/qemu-patches
export VIRTHINT_VIRSH_PATCHES=$top/libvirt-plugin/virsh/patches

# check_series TOOL PURPOSE FOLDER: each of the series in the folder, with the tool that builds it and
# the packages of tools/setup that it takes.
checked=0
check_series()
{
    local file version series

    series=$(lint_find -path "./$3/*/series")
    if ! "$tools/setup" --check --quiet --for "$2" >/dev/null 2>&1; then
        echo "$3: packages are missing: tools/setup --for $2 installs them"
        return 0
    fi
    for file in $series; do
        version=$(basename "$(dirname "$file")")
        if ! "$tools/$1" --version "$version" --print source >/dev/null; then
            continue
        fi
        checked=$((checked + 1))
        "$tools/$1" --version "$version" --offline --check ||
            lint_violation "${file%/series}" "see above"
    done
}

check_series qemu-build qemu qemu-patches
check_series virsh-build virsh libvirt-plugin/virsh/patches
if [ $checked -eq 0 ]; then
    echo "no series, or no source for one in the cache"
    exit 77
fi
lint_done
