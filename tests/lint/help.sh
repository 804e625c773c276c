#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# --help fits 80 columns, and it, the man page and docs/virthint.md name the same commands and
# options. (What completion offers is read from the same table: tests/unit/test-commands-virsh.c.)
#
# Usage: help.sh TOP VIRTHINT [VIRTHINTD]
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

virthint=${2:?the program}
virthintd=${3-}

# too_wide WHAT: lines on stdin that do not fit.
too_wide()
{
    local line

    while IFS= read -r line; do
        if [ ${#line} -ge 80 ]; then lint_violation "$1" "over 79 columns: $line"; fi
    done
}

# The long options that a help text lists, one a line.
listed_options()
{
    sed -n -E 's/^  (-.,|   ) --([a-z-]+).*/\2/p' | LC_ALL=C sort -u
}

# long_options FILE: those that a document names: "--connect" in any of their spellings.
long_options()
{
    sed -E 's/\\-/-/g' "$1" | grep -oE -e '--[a-z][a-z-]+' | sed 's/^--//' | LC_ALL=C sort -u
}

# document_options FILE: the same without operands, which may be named as options, too.
document_options()
{
    long_options "$1" | grep -vxF -e "$(grep -vxF -e "$options" <<<"$operands")" || true
}

# same WHAT A B: two lists, one item a line.
same()
{
    local item

    while read -r item; do
        if [ -n "$item" ]; then lint_violation "$1" "$item"; fi
    done < <(diff <(echo "$2") <(echo "$3") |
        sed -n -E 's/^< /only in --help: /p; s/^> /not in --help: /p')
}

help=$("$virthint" --help)
commands=$(sed -n '/^Commands:/,/^$/p' <<<"$help" | sed -n -E 's/^  ([a-z]+).*/\1/p')
lint_require "$commands"
too_wide "virthint --help" <<<"$help"

options=$(listed_options <<<"$help")
operands=
for command in $commands; do
    text=$("$virthint" "$command" --help)
    too_wide "virthint $command --help" <<<"$text"
    options=$(printf '%s\n%s\n' "$options" "$(listed_options <<<"$text")" | LC_ALL=C sort -u)
    operands+=$(sed -n '/^Arguments:/,/^$/p' <<<"$text" | sed -n -E 's/^  ([A-Z]+) .*/\1/p' |
        tr '[:upper:]' '[:lower:]')$'\n'
done
lint_require "$options"
commands=$(LC_ALL=C sort <<<"$commands")

md=$lint_top/docs/virthint.md
man=$lint_top/docs/man/virthint.1
same "docs/virthint.md: commands" "$commands" \
    "$(sed -n -E 's/^### `([a-z]+).*/\1/p' "$md" | LC_ALL=C sort)"
same "docs/man/virthint.1: commands" "$commands" \
    "$(sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$man" |
        sed -n -E 's/^\.BI? ([a-z]{3,})( ".*)?$/\1/p' | LC_ALL=C sort)"
same "docs/virthint.md: options" "$options" "$(document_options "$md")"
same "docs/man/virthint.1: options" "$options" "$(document_options "$man")"

if [ -n "$virthintd" ]; then
    text=$("$virthintd" --help)
    too_wide "virthintd --help" <<<"$text"
    same "docs/man/virthintd.8: options" \
        "$(grep -oE -e '--[a-z][a-z-]+' <<<"$text" | sed 's/^--//' | LC_ALL=C sort -u)" \
        "$(long_options "$lint_top/docs/man/virthintd.8")"
fi

lint_done
