#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# --help of every program and command fits 80 columns. (The man pages are held against it by man.sh;
# what completion offers is read from the same table: tests/unit/test-commands-virsh.c.)
#
# Usage: help.sh TOP VIRTHINT VIRTHINTD
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

virthint=${2:?the program}
virthintd=${3:?the daemon}

# too_wide WHAT: lines on stdin that do not fit.
too_wide()
{
    local line n=0

    while IFS= read -r line; do
        n=$((n + 1))
        if [ ${#line} -ge 80 ]; then lint_violation "$1" "over 79 columns: $line"; fi
    done
    if [ $n -eq 0 ]; then lint_violation "$1" 'says nothing'; fi
}

help=$("$virthint" --help)
too_wide "virthint --help" <<<"$help"
commands=$(sed -n '/^Commands:/,/^$/p' <<<"$help" | sed -n -E 's/^  ([a-z]+).*/\1/p')
lint_require "$commands"
for command in $commands; do
    too_wide "virthint $command --help" < <("$virthint" "$command" --help)
done
too_wide "virthintd --help" < <("$virthintd" --help)
lint_done
