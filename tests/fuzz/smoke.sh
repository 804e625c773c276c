#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A short, repeatable run of one fuzz target. What it finds goes to a directory that is removed: the
# seeds stay as they are.
#
# Usage: smoke.sh TARGET SEEDS...
set -euo pipefail

target=${1:?a fuzz target}
shift
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
"$target" -runs="${VH_FUZZ_RUNS:-20000}" -seed=1 -max_len=4096 -timeout=20 \
    -artifact_prefix="$found/" "$found" "$@" 2>&1 | tail -n 40
