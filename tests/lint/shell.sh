#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# All shell code, read by shellcheck.
set -euo pipefail

# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

files=$(lint_find_shell)
lint_require "$files"
if ! (cd "$lint_top" && xargs -d '\n' shellcheck -x --format=gcc <<<"$files"); then
    lint_violation "shellcheck" "has found something"
fi
lint_done
