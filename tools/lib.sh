# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What tools/setup, tools/test and tools/demo share: messages, and building a tree. Sourced, never
# run; it must not know what the builds are for.

vh_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# One line of progress.
vh_step()
{
    printf '==> %s\n' "$*"
}

# One line on stderr, and the end.
vh_die()
{
    printf 'tools/%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# A mistake in how the command was called.
vh_usage_error()
{
    printf "tools/%s: %s; see 'tools/%s --help'\n" "${0##*/}" "$*" "${0##*/}" >&2
    exit 2
}

# vh_setup PURPOSE [OPTIONS...]: the packages for it are there when this returns.
vh_setup()
{
    "$vh_top/tools/setup" --quiet --for "$@"
}

# vh_configure DIR MESON-OPTIONS...: configures DIR (below the top) where it is not, with these
# options in any case. A build directory that a broken-off set-up or another Meson left unusable is
# made anew: nothing in it is worth keeping.
vh_configure()
{
    local dir=$1
    shift

    if [ -e "$vh_top/$dir/build.ninja" ] && ! meson configure "$vh_top/$dir" >/dev/null 2>&1; then
        vh_step "$dir/ is of no use to this Meson: making it anew"
        rm -rf "${vh_top:?}/$dir"
    fi
    if [ -e "$vh_top/$dir/build.ninja" ]; then
        meson configure "$vh_top/$dir" "$@"
    else
        vh_step "Configuring $dir/"
        rm -rf "${vh_top:?}/$dir"
        meson setup "$vh_top/$dir" "$vh_top" "$@"
    fi
}

# vh_build DIR MESON-OPTIONS...: configures DIR, and builds all of it.
vh_build()
{
    local dir=$1

    vh_configure "$@"
    vh_step "Building $dir/"
    ninja -C "$vh_top/$dir"
}
