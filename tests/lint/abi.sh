#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The device's interface is written down once for the guest (guest/vh_balloon_abi.h) and once in
# each QEMU series (what it adds to include/standard-headers/linux/virtio_balloon.h). Every constant
# and every field must be in both, with the same value, offset and size. The compiler says what they
# are, so that how they are written does not matter.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a series adds to QEMU's header.
header_of_series()
{
    local name

    while read -r name; do
        awk '
            /^diff --git / || /^--- / { next }
            /^\+\+\+ / { ours = $2 == "b/include/standard-headers/linux/virtio_balloon.h"; next }
            ours && /^-- $/ { ours = 0 }
            ours && /^\+/ { print substr($0, 2) }' "$(dirname "$1")/$name"
    done < <(sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$1")
}

# Names that a header without comments defines, a line each: "value NAME" or "field STRUCT NAME".
names()
{
    awk '
        /^[ \t]*#[ \t]*define[ \t]+VIRTIO_[A-Z0-9_]+[ \t]+[^ \t]/ {
            sub(/^[ \t]*#[ \t]*define[ \t]+/, "")
            print "value", $1
        }
        /^struct [a-z_]+ \{/ { struct = $2; next }
        /^\}/ { struct = "" }
        struct != "" && match($0, /[a-z_0-9]+(\[[^]]*\])?;/) {
            field = substr($0, RSTART, RLENGTH)
            sub(/[[;].*/, "", field)
            print "field", struct, field
        }' "$1"
}

# facts HEADER: what the compiler makes of each name, sorted.
facts()
{
    local bits

    grep -vE '^[[:space:]]*#[[:space:]]*include' "$1" |
        "${CC:-cc}" -x c -fpreprocessed -dD -E -P - >"$work/bare.h"
    {
        printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n'
        for bits in 16 32 64; do
            printf 'typedef uint%s_t __le%s, __virtio%s;\n' "$bits" "$bits" "$bits"
        done
        cat "$work/bare.h"
        printf 'int main(void)\n{\n'
        names "$work/bare.h" | awk '
            $1 == "value" { printf "printf(\"%s %%llu\\n\", (unsigned long long)(%s));\n", $2, $2 }
            $1 == "field" {
                of = "struct " $2
                printf "printf(\"%s.%s at %%zu, %%zu bytes\\n\", offsetof(%s, %s),", $2, $3, of, $3
                printf " sizeof(((%s *)0)->%s));\n", of, $3
                printf "printf(\"%s %%zu bytes\\n\", sizeof(%s));\n", of, of
            }'
        printf 'return 0;\n}\n'
    } >"$work/facts.c"
    "${CC:-cc}" -std=gnu11 -o "$work/facts" "$work/facts.c"
    "$work/facts" | LC_ALL=C sort -u
}

guest=guest/vh_balloon_abi.h
facts "$lint_top/$guest" >"$work/guest"
lint_require "$(cat "$work/guest")"

series=$(lint_find -path './qemu-patches/*/series')
if [ -z "$series" ]; then
    echo "no series in qemu-patches/ to compare $guest with"
    exit 77
fi
while read -r file; do
    header_of_series "$lint_top/$file" >"$work/added.h"
    facts "$work/added.h" >"$work/qemu"
    lint_violation_lines < <(diff "$work/guest" "$work/qemu" |
        sed -n -E "s|^< |$guest: not so in ${file%/series}: |p; s|^> |${file%/series}: not so in $guest: |p")
done <<<"$series"
lint_done
