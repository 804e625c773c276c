# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What tools/qemu-build and tools/virsh-build share: a series of patches over Debian's source, and
# builds of it that are kept in the cache under a name made of all that went into them. It does not
# know what is built. Sourced, behind tools/lib.sh and what tools/deb-source.sh wants to have; whoever
# sources it sets
#   version                     the branch that is built: "7.2"
#   kind                        the branch and the variant of it: "7.2-stock"
#   series_dir                  the folder of the patches; empty: there are none for this variant
#   action                      what is done: build, check, fetch
#   purpose                     of tools/setup: whose packages the build takes
#   quiet, offline              true or false
#   setup_options               an array
# and gets from series_prepare
#   work, log, source_version
# shellcheck disable=SC2154 # these

vh_say()
{
    $quiet || vh_step "$@"
}

# The patches' files, in the order of the series.
series_files()
{
    local name

    if [ -z "$series_dir" ]; then return 0; fi
    [ -r "$series_dir/series" ] || vh_die "no series: $series_dir/series is not there"
    while read -r name; do
        [ -r "$series_dir/$name" ] || vh_die "$series_dir/series names $name, which is not there"
        echo "$series_dir/$name"
    done < <(sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$series_dir/series")
}

# The text of all of them.
series_text()
{
    local patches

    patches=$(series_files) || exit 1
    if [ -n "$patches" ]; then xargs -d '\n' cat <<<"$patches"; fi
}

# series_unpack DIR: the tree as it is built. The patches have to fit as they are: a hunk that fits
# only "with fuzz" may have landed in the wrong place.
series_unpack()
{
    local patch patches

    deb_locked "$version" deb_unpack "$version" "$1" || return 1
    patches=$(series_files) || exit 1
    while read -r patch; do
        [ -n "$patch" ] || continue
        echo "Applying ${patch##*/}"
        if ! patch -d "$1" -p1 --fuzz=0 --forward --batch --no-backup-if-mismatch <"$patch"; then
            echo "$patch does not apply to $source_version"
            return 1
        fi
    done <<<"$patches"
}

# Ninja's lines on stdin (NINJA_STATUS='%p '), its percentages on the terminal, or every fifth of the
# way without one.
show_progress()
{
    local percent last=0

    while read -r percent _; do
        case $percent in
        [0-9]*%) percent=${percent%\%} ;;
        *) continue ;;
        esac
        if $quiet; then
            continue
        elif [ -t 1 ]; then
            printf '\r==> Compiling: %3d %% ' "$percent"
        elif [ "$percent" -ge $((last + 20)) ] && [ "$percent" -lt 100 ]; then
            last=$((percent - percent % 20))
            vh_step "Compiling: $last %"
        fi
    done
    if ! $quiet && [ -t 1 ]; then printf '\n'; fi
}

# Puts the folder $work/result into the cache as $1. Only the newest few of a kind are kept; somebody
# may be running the one before.
series_keep()
{
    local dir

    rm -rf "$1"
    mv "$work/result" "$1"
    while read -r dir; do
        rm -rf "$dir"
    done < <(find "$deb_cache" -mindepth 1 -maxdepth 1 -type d -name "$kind-????????????????" \
        -printf '%T@ %p\n' | sort -rn | sed -n '5,$s/^[^ ]* //p')
}

series_fail_with_log()
{
    tail -n 25 "$log" >&2
    vh_die "$*; all of it is in $log"
}

# The source's version in the cache, or the end, with a hint: what would bring it there.
series_require_source()
{
    source_version=$(deb_cached_version "$version") || vh_die "$*"
}

series_remove_work()
{
    rm -rf "$work"
}

# Waits for its turn, gets the source, and gives each action a log and an empty folder.
series_prepare()
{
    vh_setup build --for "$purpose" ${setup_options[@]+"${setup_options[@]}"}
    mkdir -p "$deb_cache"
    log=$deb_cache/log-$action-$kind
    work=$deb_cache/work-$action-$kind

    exec 9>"$deb_cache/lock-$action-$kind"
    if ! flock -n 9; then
        vh_say "Waiting for another tools/${0##*/} of $deb_title $version"
        flock 9
    fi
    $offline || deb_locked "$version" deb_fetch "$version"
    series_require_source \
        "no source of $deb_title $version in the cache; without --offline it is fetched"
    trap series_remove_work EXIT
    series_remove_work
    mkdir "$work"
}
