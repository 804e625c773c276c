#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # back-quotes of the documents
#
# Documents: every relative link leads to a file of the tree.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

files=$(lint_find -name '*.md' -o -name '*.rst')
lint_require "$files"
while read -r file; do
    folder=$(dirname "$lint_top/$file")
    while read -r target; do
        case $target in
        '' | http://* | https://* | mailto:* | '#'*) continue ;;
        esac
        path=$folder/${target%%#*}
        if [ ! -e "$path" ]; then
            lint_violation "$file" "links to $target, which does not exist"
        elif [[ $(realpath "$path") != "$(realpath "$lint_top")"/* ]]; then
            lint_violation "$file" "links to $target, outside of the tree"
        fi
    done < <(case $file in
        *.md) grep -oE '\]\([^) ]+\)' "$lint_top/$file" | sed -E 's/^\]\((.*)\)$/\1/' ;;
        *) tr '\n' ' ' <"$lint_top/$file" | grep -oE '[^`]`[^`<]+ <[^>`]+>`_' |
            sed -E 's/.*<(.*)>`_$/\1/' ;;
        esac)
done <<<"$files"
lint_done
