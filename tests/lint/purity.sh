#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The decision is a pure function: whatever policy/core calls outside of itself must be on this list
# of what computes, compares and allocates. No clock, no random number, no environment, no file, no
# output, no hash order. (An own abort with a message, for a caller's mistake, is all it may print.)
#
# Usage: purity.sh ARCHIVE [ARCHIVE...]: the archive to check, then those it may call.
set -euo pipefail

allowed='
^g_(malloc|realloc|free)$
^g_(malloc|malloc0|realloc|try_malloc|try_realloc)(_n)?$
^g_free_sized$
^g_memdup2?$
^g_aligned_(alloc|free)
^g_slice_
^g_(array|ptr_array|byte_array)_
^g_str(dup|ndup|cmp0|_equal|_has_prefix|_has_suffix|_hash|freev|v_length|lcpy|lcat|jv|jcv|split|v_contains|v_equal)$
^g_strcmp0$
^g_string_
^g_hash_table_(new|new_full|insert|replace|add|lookup|lookup_extended|contains|remove|remove_all|steal|size|unref|destroy)$
^g_string_chunk_(new|free|clear|insert|insert_const|insert_len)$
^g_(ascii|unichar|utf8)_
^g_ascii_table$
^g_pattern_
^g_(qsort_with_data|sort_array)$
^g_(int|int64|double|direct)_(equal|hash)$
^g_(set_error|set_error_literal|error_new|error_new_literal|error_free|propagate_error|prefix_error|propagate_prefixed_error|clear_error|error_matches|error_copy)$
^g_quark_from_static_string$
^g_(strdup_v?printf|v?snprintf)$
^g_(return_if_fail_warning|assertion_message|assertion_message_expr|assert_warning)$
^(mem(cpy|set|cmp|move|chr)|str(len|cmp|ncmp|chr|rchr))$
^(sqrt|pow|exp|exp2|log|log2|log1p|expm1|fabs|floor|ceil|round|trunc|fmin|fmax|lround|llround|ldexp|isnan|isinf)$
^(qsort|bsearch)$
^__(stack_chk_fail|memcpy_chk|memset_chk|memmove_chk)$
^__(u?divti3|u?modti3|muloti4|mulodi4)$
^_GLOBAL_OFFSET_TABLE_$
'

archive=${1:?an archive}
shift

if nm "$archive" | grep -qE ' U __(asan|ubsan|tsan|gcov|sanitizer)_'; then
    echo "the archive calls a sanitizer's run-time, which hides what it calls itself"
    exit 77
fi

symbols()
{
    nm "$@" | sed -n -E 's/^([0-9a-f]+)? +([A-Za-z]) ([^ ]+)$/\2 \3/p'
}

own=$(symbols "$archive" "$@" | sed -n -E 's/^[TtDdBbRrVvWw] //p' | sort -u)
called=$(symbols "$archive" | sed -n -E 's/^U //p' | sort -u | comm -23 - <(cat <<<"$own"))
if [ -z "$own" ]; then
    echo "no symbols in $archive"
    exit 1
fi
impure=$(grep -vE -f <(grep -v '^$' <<<"$allowed") <<<"$called" | grep -v '^$' || true)
if [ -n "$impure" ]; then
    while read -r symbol; do
        echo "calls $symbol, from $(nm -A "$archive" | grep -E " U $symbol\$" |
            sed -E 's|:[^:]* U .*||; s|.*[/:]||' | sort -u | tr '\n' ' ')"
    done <<<"$impure"
    echo "a decision may only compute: see the list in tests/lint/${0##*/}"
    exit 1
fi
