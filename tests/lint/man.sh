#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The man pages say what the programs do: each command has its page, each option is there with the
# same letter and the same word for its value, none is made up; the page of the library has each
# call under its header, that of the policy each attribute of a domain's metadata (its keys:
# tests/unit/test-policy-text.c), that of virsh each command and option. All are built without a
# word of rst2man and of groff, where they are there.
#
# shellcheck disable=SC2016 # back-quotes are those of reStructuredText
#
# Usage: man.sh TOP VIRTHINT VIRTHINTD VIRSH-HINT
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

virthint=${2:?the program}
virthintd=${3:?the daemon}
virsh_hint=${4:?the program for virsh}
man=$lint_top/docs/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# same PAGE A B: two lists, one item a line: of the program, and of the page.
same()
{
    local item

    while read -r item; do
        if [ -n "$item" ]; then lint_violation "docs/man/$1" "$item"; fi
    done < <(diff <(sort -u <<<"$2") <(sort -u <<<"$3") |
        sed -n -E 's/^< (.+)/lacks "\1"/p; s/^> (.+)/has "\1", which does not exist/p')
}

# section PAGE TITLE: its lines.
section()
{
    if [ -e "$man/$1" ]; then
        awk -v title="$2" '
            /^=+$/ && last ~ /^[A-Z]/ { inside = last == title; last = ""; next }
            inside && last != "" { print last }
            { last = $0 }
            inside && $0 == "" { print "" }
            END { if (inside && last != "") print last }' "$man/$1"
    fi
}

# The options of a help text, and the terms of a page: "-b, --bytes=SIZE", one a line.
help_options() { sed -n -E 's/^ +((-., )?--[a-z][^ ]*) .*/\1/p'; }
page_terms() { sed -n -E 's/^``(.*)``$/\1/p'; }

# own_options: of a command's --help, those that are its own; the others are virthint(1)'s.
own_options() { sed -n '/^Options:/,/^$/p' | help_options; }

# What stands between stars in a synopsis is a word to be replaced.
plain() { sed -E 's/[*|]//g; s/\\//g; s/^ +| +$//g'; }

check_text()
{
    local page=$1 name section line

    name=${page%.rst}
    section=${name##*.}
    line=$(grep -nE '.{101}' "$man/$page" | head -n 1 | cut -d: -f1) || true
    if [ -n "$line" ]; then lint_violation "docs/man/$page:$line" 'over 100 columns'; fi
    if ! grep -qxF -- "${name%.*}" "$man/$page"; then
        lint_violation "docs/man/$page" "no title ${name%.*}"
    fi
    if ! grep -qxF ":Manual section: $section" "$man/$page"; then
        lint_violation "docs/man/$page" "is not of section $section"
    fi
    if ! grep -qF "'$name'" "$man/meson.build"; then
        lint_violation "docs/man/$page" 'docs/man/meson.build does not build it'
    fi
    while read -r line; do
        lint_violation "docs/man/$page" "$line leads to another page"
    done < <(grep -oE '`[a-z-]+\([1-8]\)\s<[^>]*>' "$man/$page" |
        grep -vE '^`([a-z-]+)\(([1-8])\) <\1\.\2\.rst>$' || true)
}

# Warnings of rst2man are errors; so are those of groff, but for lines that are hard to fill.
check_build()
{
    local page=$1 said

    if ! said=$("$rst2man" --strict --syntax-highlight=none "$man/$page" "$work/page" 2>&1); then
        lint_violation "docs/man/$page" "rst2man: $(head -n 1 <<<"$said")"
    elif command -v groff >/dev/null; then
        said=$(groff -t -man -Tutf8 -ww "$work/page" 2>&1 >/dev/null |
            grep -vE 'cannot (adjust|break) line|above first line' | head -n 1) || true
        if [ -n "$said" ]; then lint_violation "docs/man/$page" "groff: $said"; fi
    fi
}

check_pages()
{
    local page rst2man='' candidate

    for candidate in /usr/bin/rst2man rst2man rst2man.py; do
        if [ -z "$rst2man" ]; then rst2man=$(command -v "$candidate" || true); fi
    done
    for page in $pages; do
        check_text "$page"
        if [ -n "$rst2man" ]; then check_build "$page"; fi
    done
    if [ -z "$rst2man" ]; then echo 'no rst2man: the pages were not built'; fi
}

# What each command is for: "list: list guests".
purposes()
{
    sed -n '/^Commands:/,/^$/p' <<<"$help" |
        sed -n -E 's/^  ([a-z]+)( \[?[A-Z]+\]?(\.\.\.)?)* +(.*)/\1: \4/p'
}

# The common options, and the list of commands with what each is for.
check_overview()
{
    local command what

    while IFS=: read -r command what; do
        if [ -e "$man/virthint-$command.1.rst" ] &&
            ! grep -qxF -- "${what# }" "$man/virthint-$command.1.rst"; then
            lint_violation "docs/man/virthint-$command.1.rst" "does not say: ${what# }"
        fi
    done <<<"$(purposes)"
    same virthint.1.rst "$(sed -n '/^Options:/,/^$/p' <<<"$help" | help_options)" \
        "$(section virthint.1.rst OPTIONS | page_terms)"
    same virthint.1.rst "$(purposes)" "$(section virthint.1.rst COMMANDS | sed -n -E \
            '/^`virthint-([a-z]+)\(1\).*/ { s//\1: /; N; s/\n +//; p }')"
}

check_command()
{
    local page=virthint-$1.1.rst text

    if [ ! -e "$man/$page" ]; then
        lint_violation "docs/man/$page" "virthint $1 has no page"
        return
    fi
    text=$("$virthint" "$1" --help)
    same "$page" "$(own_options <<<"$text")" "$(section "$page" OPTIONS | page_terms)"
    same "$page" "$(sed -n -E 's/^Usage: //p' <<<"$text")" \
        "$(section "$page" SYNOPSIS | plain | sed '/^$/d')"
}

# What a page says of options in passing: of whichever command, but of one.
check_passing()
{
    local page=$1 option

    while read -r option; do
        if ! grep -qxF -e "$option" <<<"$known"; then
            lint_violation "docs/man/$page" "names $option, which no command has"
        fi
    done < <(grep -oE '``--[a-z][a-z-]+' "$man/$page" | sed 's/^``//' | sort -u)
}

check_commands()
{
    local command page all

    for command in $commands; do check_command "$command"; done
    all=$help$'\n'$("$virthintd" --help)
    for command in $commands; do all+=$'\n'$("$virthint" "$command" --help); done
    known=$({
        help_options <<<"$all"
        sed -n '/^Arguments:/,/^$/p' <<<"$all" | sed -n -E 's/^  ([A-Z]+) .*/--\L\1/p'
    } | sed -E 's/^-., //; s/=.*//' | sort -u)
    for page in $pages; do check_passing "$page"; done
    for page in $pages; do
        command=${page#virthint-}
        command=${command%.1.rst}
        if [[ $page == virthint-*.1.rst ]] && ! grep -qxF "$command" <<<"$commands"; then
            lint_violation "docs/man/$page" "there is no command $command"
        fi
    done
}

# words: without what stands for a value (virsh calls any of them <string>), and what all have.
words()
{
    grep -oE -e '--[a-z][a-z-]+|<[a-z]+>|hint-[a-z]+' | grep -vxE -e '<string>|--json|--raw' |
        tr '\n' ' '
}

check_virsh()
{
    local command ours=''

    for command in $("$virsh_hint" help hint 2>/dev/null | sed -n -E 's/^ +(hint-[a-z]+) .*/\1/p'); do
        ours+=$("$virsh_hint" help "$command" 2>/dev/null | grep -A 1 '^  SYNOPSIS' | tail -n 1 | words)$'\n'
    done
    lint_require "${ours//$'\n'/}"
    same virsh-hint.1.rst "$ours" "$(section virsh-hint.1.rst SYNOPSIS | tr '\n' ' ' |
        sed -E 's/\| /\n/g' | sed -E 's/ \*([a-z]+)\*/ <\1>/g; s/\[\*([a-z]+)\*\]/<\1>/g' |
        while read -r command || [ -n "$command" ]; do
            words <<<"$command"
            echo
        done)"
}

# header_calls FILE: what is VH_PUBLIC there.
header_calls()
{
    "${CC:-cc}" -w -fpreprocessed -dD -E -P -x c "$1" | sed '/^#/d' | tr '\n' ' ' |
        { grep -oE 'VH_PUBLIC [^;]*;' || true; } | sed -E 's/[^(]*[ *]([a-z0-9_]+) *\(.*/\1/'
}

check_library()
{
    local file header calls=''

    while read -r file; do
        header=$(basename "${file%.in}")
        calls+=$(header_calls "$lint_top/$file" | sed "s/^vh_/$header: &/")$'\n'
    done < <(lint_find -path './libvirt-plugin/*/vh-*.h' -o -path './libvirt-plugin/*/vh-*.h.in')
    lint_require "${calls//$'\n'/}"
    same libvirthint.3.rst "$(sed -n '/: vh_/p' <<<"$calls")" \
        "$(section libvirthint.3.rst CALLS | awk '
            /^``vh-.*``$/ { gsub("`", ""); header = $0 }
            { while (match($0, /``vh_[a-z0-9_]+\(\)``/)) {
                print header ": " substr($0, RSTART + 2, RLENGTH - 6)
                $0 = substr($0, RSTART + RLENGTH) } }')"
}

check_metadata()
{
    same virthint-policy.5.rst \
        "$("$virthint" complete -- policy none --set '' | sed -E 's/=.*//')" \
        "$(section virthint-policy.5.rst METADATA | page_terms)"
}

pages=$(cd "$man" && printf '%s\n' *.rst)
lint_require "${pages#\*.rst}"
help=$("$virthint" --help)
commands=$(sed -n '/^Commands:/,/^$/p' <<<"$help" | sed -n -E 's/^  ([a-z]+).*/\1/p')
lint_require "$commands"
check_pages
check_overview
check_commands
same virthintd.8.rst "$("$virthintd" --help | help_options)" \
    "$(section virthintd.8.rst OPTIONS | page_terms)"
check_virsh
check_library
check_metadata
lint_done
