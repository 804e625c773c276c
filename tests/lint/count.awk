# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From meson's testlog.json (one object a line) to three figures: passed, failed, skipped. Each TAP
# subtest counts; a program that prints no TAP counts as one, and one that failed without saying so
# by a subtest (it crashed, hung, or broke off its plan) counts as one failure more.

function between(text, from, to,    rest, end)
{
    rest = substr(text, index(text, from) + length(from))
    end = index(rest, to)
    return substr(rest, 1, end - 1)
}

# Quotes inside of strings are escaped, so the bare ones are JSON's own.
index($0, "\"result\": \"") {
    result = between($0, "\"result\": \"", "\"")
    n = 0
    if (index($0, "\"stdout\": \"") && index($0, "\"stdout\": \"") < index($0, "\"result\": \""))
        n = split(between($0, "\"stdout\": \"", "\", \"result\": \""), lines, /\\n/)
    ok = bad = skip = is_tap = 0
    for (i = 1; i <= n; i++) {
        if (lines[i] ~ /^1\.\.[0-9]+/)
            is_tap = 1
        else if (lines[i] ~ /^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/)
            skip++
        else if (lines[i] ~ /^ok [0-9]+/)
            ok++
        else if (lines[i] ~ /^not ok [0-9]+/)
            bad++
    }
    if (!is_tap)
        ok = bad = skip = 0
    if (result == "OK" || result == "EXPECTEDFAIL") {
        if (!ok && !skip)
            ok = 1
    } else if (result == "SKIP") {
        if (!ok && !skip)
            skip = 1
    } else if (!bad) {
        bad = 1
    }
    passed += ok
    failed += bad
    skipped += skip
}

END { print passed + 0, failed + 0, skipped + 0 }
