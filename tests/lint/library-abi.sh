#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The binary interface of the library is the one that libvirt-plugin/abi/libvirthint.abi keeps:
# functions and their types, down to the layout of structs that a program sees. A change is no
# mistake by itself, but is to be meant: --renew writes the file anew, for the commit that makes it.
#
# Usage: library-abi.sh TOP BUILD [--renew]
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
build=$(realpath "${2:?a build directory}")
kept=libvirt-plugin/abi/libvirthint.abi
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT

if ! command -v abidw >/dev/null; then
    echo 'abidw is missing: tools/setup --for lint'
    exit 77
fi
meson install -C "$build" --no-rebuild --quiet --destdir "$dest/root" >"$dest/log" 2>&1 || {
    cat "$dest/log"
    exit 1
}
library=$(find "$dest/root" -name 'libvirthint.so.*.*')
headers=$(find "$dest/root" -path '*/include/virthint' -type d)
if [ -z "$library" ] || [ -z "$headers" ]; then
    echo 'no library, or no headers, are installed'
    exit 1
fi
if ! readelf -S "$library" | grep -F .debug_info >/dev/null; then
    echo 'the library has no debug information, which tells its types: build it with -Ddebug=true'
    exit 77
fi

# What depends on where, and by what, it was built is left out.
abidw --exported-interfaces-only --headers-dir "$headers" --drop-private-types --no-show-locs \
    --no-corpus-path --no-comp-dir-path --no-parameter-names --no-elf-needed \
    --type-id-style hash "$library" |
    sed -E "s|(<abi-instr .*)path='[^']*/(libvirt-plugin/[^']*)'|\1path='\2'|" >"$dest/abi"

if [ "${3-}" = --renew ]; then
    # abidiff knows the file by its first line.
    sed '1a <!-- SPDX-License-Identifier: LGPL-2.1-or-later -->' "$dest/abi" >"$top/$kept"
    exit 0
fi
status=0
abidiff --harmless "$top/$kept" "$dest/abi" >"$dest/diff" 2>&1 || status=$?
if [ $status -ne 0 ]; then
    cat "$dest/diff"
    if [ $((status & 8)) -ne 0 ]; then
        echo 'Programs that were built before would break.'
    fi
    echo "The interface is not the one of $kept. Where that is meant:"
    echo "    tests/lint/library-abi.sh . BUILD --renew"
    exit 1
fi
