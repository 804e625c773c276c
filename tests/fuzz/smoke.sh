#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A short, repeatable run of one fuzz target. What it finds goes to a directory that is removed: the
# seeds stay as they are. Memory is bounded: no input of a few KiB may take much of it.
#
# Usage: smoke.sh [--dict FILE] TARGET SEEDS...
set -euo pipefail

options=()
if [ "${1-}" = --dict ]; then
    options+=("-dict=$2")
    shift 2
fi
target=${1:?a fuzz target}
export G_DEBUG=fatal-criticals # a call that is used in a wrong way is a finding
shift
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
"$target" -runs="${VH_FUZZ_RUNS:-20000}" -seed=1 -max_len=4096 -timeout=20 \
    -malloc_limit_mb=64 -rss_limit_mb=1024 ${options[@]+"${options[@]}"} \
    -artifact_prefix="$found/" "$found" "$@" 2>&1 | tail -n 40
