#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What must not be in the tree: marks of unfinished work, numbers of a tracker that readers cannot
# see, and paths of one developer's machine. Patterns are written so that they do not find
# themselves. Of a patch only what it adds counts: the rest is the words of others.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"


files=$(lint_find ! -path './LICENSES/*' ! -name '*.png')
lint_require "$files"
found=$(
    cd "$lint_top"
    grep_for()
    {
        xargs -d '\n' grep -nIE -e "$2" -- /dev/null <<<"$files" |
            grep -vE '^[^:]*\.patch:[0-9]+:[^+]' | sed "s|\$|   <- $1|" || true
    }
    grep_for 'a mark of unfinished work' '\b(T[O]DO|FI[X]ME|X[X]X|HA[C]K)\b'
    grep_for 'the number of an issue; say it in words' '\b[Ii]ssue [#]?[0-9]+'
    grep_for 'a path of one machine' '(^|[^A-Za-z0-9_.])/(wor[k]|hom[e])/[a-z]'
)
if [ -n "$found" ]; then lint_violation_lines <<<"$found"; fi
lint_done
