#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Functions of more than 80 lines and files of more than 800 have to be split. clang-format puts a
# function's braces into the first column, which is all that this has to know of C.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

files=$(lint_find_c
    lint_find_shell)
lint_require "$files"
found=$(cd "$lint_top" && xargs -d '\n' awk '
    FNR == 1 { start = 0 }
    FNR == 801 { print FILENAME ": more than 800 lines" }
    FILENAME ~ /\.[ch]$/ && /^\{/ { start = FNR }
    FILENAME ~ /\.[ch]$/ && /^\}/ {
        if (start && FNR - start - 1 > 80)
            print FILENAME ":" start ": a function of " FNR - start - 1 " lines, at most 80"
        start = 0
    }' <<<"$files")
if [ -n "$found" ]; then lint_violation_lines <<<"$found"; fi
lint_done
