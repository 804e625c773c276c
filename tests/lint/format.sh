#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# clang-format decides how userspace C looks; `clang-format -i FILE` makes it so.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

files=$(lint_find_c)
lint_require "$files"
if ! (cd "$lint_top" && xargs -d '\n' clang-format --style=file --dry-run -Werror <<<"$files"); then
    lint_violation "the format" "differs; 'clang-format -i FILE' puts it right"
fi
lint_done
