# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the lint tests share: the files of a tree, and how a violation is reported. A lint takes the
# tree's top as its first argument, so that the self-test can give it a tree with a planted
# violation. Sourced, never run.

lint_top=${1:?the top of the tree}
lint_violations=0

# lint_find FIND-EXPRESSION...: files below the top, relative to it, without what is not ours (the
# repository's own, and build directories).
lint_find()
{
    (cd "$lint_top" && find . \( -name .git -o -name 'build*' -type d \) -prune -o \
        -type f \( "$@" \) -print | sed 's|^\./||' | LC_ALL=C sort)
}

# The userspace C files; guest/ and qemu-patches/ follow the styles of their upstreams.
lint_find_c()
{
    lint_find -name '*.[ch]' ! -path './guest/*' ! -path './qemu-patches/*'
}

# Shell scripts, by suffix or by their first line.
lint_find_shell()
{
    local file

    lint_find ! -name '*.[ch]' ! -name '*.md' | while read -r file; do
        case $file in
        *.sh) echo "$file" ;;
        *) if head -n 1 "$lint_top/$file" | grep -qaE '^#!.*\b(ba|da)?sh\b'; then
            echo "$file"
        fi ;;
        esac
    done
}

# lint_violation FILE[:LINE] TEXT
lint_violation()
{
    printf '%s: %s\n' "$1" "$2"
    lint_violations=$((lint_violations + 1))
}

# Each line on stdin is a violation.
lint_violation_lines()
{
    local line

    while IFS= read -r line; do
        printf '%s\n' "$line"
        lint_violations=$((lint_violations + 1))
    done
}

# The end of each lint: its exit code.
lint_done()
{
    if [ "$lint_violations" -ne 0 ]; then
        printf '%s: %d violations\n' "${0##*/}" "$lint_violations"
        exit 1
    fi
}

# Nothing to look at is a mistake in the lint, or in how it was called: never a success.
lint_require()
{
    if [ -z "$1" ]; then
        echo "${0##*/}: found nothing to check below $lint_top"
        exit 1
    fi
}
