#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The layers: which folder may include which folder's headers, and which libraries. Headers are
# included by their bare name, so a name must exist once.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

# FOLDER: our folders that it may include, besides itself. A folder that is not listed may include
# everything (tools and tests), so each folder of the layered parts must be.
layers='
libvirt-plugin/base:
libvirt-plugin/domain: libvirt-plugin/base
libvirt-plugin/watch: libvirt-plugin/base libvirt-plugin/domain
libvirt-plugin/commands: libvirt-plugin/base libvirt-plugin/domain
libvirt-plugin/backend: libvirt-plugin/base libvirt-plugin/domain libvirt-plugin/commands
libvirt-plugin/virsh: libvirt-plugin/base libvirt-plugin/domain libvirt-plugin/commands libvirt-plugin/backend
libvirt-plugin/examples:
policy/core: libvirt-plugin/base
policy/codec: libvirt-plugin/base policy/core
policy/engine: libvirt-plugin/base policy/core
policy/io: libvirt-plugin/base libvirt-plugin/domain libvirt-plugin/watch policy/core policy/codec policy/engine
policy/daemon: libvirt-plugin/base libvirt-plugin/domain libvirt-plugin/watch libvirt-plugin/backend policy/core policy/codec policy/engine policy/io
'

# FOLDER: what it may not include of systems and libraries, as an extended regular expression. The
# decision knows no clock, file or library; only what talks to libvirt knows its API.
barred='
libvirt-plugin/base: ^(libvirt|json-glib|libxml|libsmartcols)/
libvirt-plugin/domain: ^(json-glib|libsmartcols)/
libvirt-plugin/watch: ^(json-glib|libsmartcols)/
libvirt-plugin/commands: ^libvirt/
policy/core: ^(libvirt|json-glib|libxml|libsmartcols|gio|sys)/|^(stdio|time|unistd|fcntl|errno|signal|pthread)\.h$
policy/codec: ^(libvirt|libxml|libsmartcols|sys)/|^(stdio|time|unistd|fcntl)\.h$
policy/engine: ^(libvirt|json-glib|libxml|libsmartcols|gio|sys)/|^(stdio|time|unistd|fcntl)\.h$
policy/daemon: ^(libvirt|libxml|libsmartcols)/
'

# value TABLE FOLDER: what the table says of it; fails where it says nothing.
value()
{
    local line

    line=$(grep -E "^$2:" <<<"$1") || return 1
    echo "${line#*:}"
}

files=$(lint_find_c)
lint_require "$files"

declare -A folder_of
while read -r file; do
    case $file in
    *.h)
        name=${file##*/}
        if [ -n "${folder_of[$name]-}" ]; then
            lint_violation "$file" "a header of this name is in ${folder_of[$name]}/ too"
        fi
        folder_of[$name]=${file%/*}
        ;;
    esac
done <<<"$files"

check_own()
{
    local file=$1 line=$2 header=$3 folder=${1%/*} target=${folder_of[${3##*/}]-} allowed

    if [ -z "$target" ] || [ "$target" = "$folder" ]; then return; fi
    if ! allowed=$(value "$layers" "$folder"); then return; fi
    case "$allowed " in
    *" $target "*) ;;
    *)
        lint_violation "$file:$line" \
            "includes $header of $target/; $folder/ may include only:${allowed:- nothing of ours}"
        ;;
    esac
}

check_library()
{
    local file=$1 line=$2 header=$3 folder=${1%/*} pattern

    if ! pattern=$(value "$barred" "$folder"); then return; fi
    if grep -qE "${pattern# }" <<<"$header"; then
        lint_violation "$file:$line" "includes <$header>, which is not for $folder/"
    fi
}

while read -r file; do
    folder=${file%/*}
    case $folder in
    libvirt-plugin/integrations/*) ;;
    libvirt-plugin | libvirt-plugin/* | policy | policy/*)
        value "$layers" "$folder" >/dev/null ||
            lint_violation "$file" "$folder/ has no line in the table of layers in ${0##*/}"
        ;;
    esac
    while IFS=: read -r line text; do
        header=$(sed -E 's/^[^<"]*[<"]([^>"]*)[>"].*/\1/' <<<"$text")
        case $text in
        *'"'*) check_own "$file" "$line" "$header" ;;
        *) check_library "$file" "$line" "$header" ;;
        esac
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$lint_top/$file" || true)
done <<<"$files"
lint_done
