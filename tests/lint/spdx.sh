#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each file that can carry a comment says its licence in its first lines, and the licence is one
# whose text lies in LICENSES/.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

# Documents, data and what has no comments (JSON, man pages are covered by the whole) need none.
files=$(lint_find ! -name '*.md' ! -name '*.json' ! -name '*.jsonl' ! -name '*.txt' \
    ! -name '*.png' ! -name '*.svg' ! -name '.editorconfig' ! -name '.gitignore' ! -name '.clang-format' \
    ! -path './tests/*/corpus/*' ! -path './qemu-patches/*.patch' \
    ! -path './libvirt-plugin/virsh/patches/*.patch' ! -name 'series')
lint_require "$files"
while read -r file; do
    licence=$(head -n 5 "$lint_top/$file" |
        sed -n -E 's/.*SPDX-License-Identifier: ([^ ]+( WITH [^ ]+)?).*/\1/p' | head -n 1)
    if [ -z "$licence" ]; then
        lint_violation "$file" "no SPDX-License-Identifier in its first five lines"
    elif [ ! -e "$lint_top/LICENSES/${licence%% *}.txt" ]; then
        lint_violation "$file" "licence $licence has no text in LICENSES/"
    fi
done <<<"$files"
lint_done
