# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Debian's source of one package in a cache, several versions of it beside each other: fetched by apt,
# unpacked by dpkg-source. It knows archives and caches, and nothing of patches and builds. Sourced;
# whoever sources it sets
#   deb_package  the source package: "qemu"
#   deb_title    what people call it: "QEMU"
#   deb_cache    the folder of the cache
# and defines
#   deb_suites BRANCH              prints the lines of a sources.list
#   deb_is_branch BRANCH VERSION   whether Debian's VERSION belongs to the branch ("7.2")
#   deb_download_more BRANCH DIR   fetches what else the branch takes into DIR
# shellcheck disable=SC2154 # these

# shellcheck source=tools/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# After so long apt is asked again whether there is a newer source; sooner where it did not answer.
deb_look_again_minutes=1440
deb_try_again_minutes=60

# deb_apt BRANCH TOOL ARGUMENTS...
deb_apt()
{
    local dir=$deb_cache/apt-$1
    shift
    vh_apt "$dir" "$@"
}

# The newest source version of the branch that apt's lists have.
deb_newest()
{
    local version newest=

    while read -r version; do
        deb_is_branch "$1" "$version" || continue
        if [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest"; then
            newest=$version
        fi
    done < <(deb_apt "$1" apt-cache showsrc --only-source "$deb_package" 2>/dev/null |
        sed -n 's/^Version: //p')
    echo "$newest"
}

# The version that lies in the cache; fails where there is none.
deb_cached_version()
{
    cat "$deb_cache/source-$1/version" 2>/dev/null
}

# deb_dsc_name VERSION: its file in the archive, which leaves the epoch out.
deb_dsc_name()
{
    echo "${deb_package}_${1#*:}.dsc"
}

deb_cached_dsc()
{
    echo "$deb_cache/source-$1/$(deb_dsc_name "$(deb_cached_version "$1")")"
}

# deb_write_dsc BRANCH VERSION: what dpkg-source has to know of a source, out of the signed lists, in
# the form of a .dsc. Mirrors were seen that had all of a source but its .dsc and its signatures.
deb_write_dsc()
{
    deb_apt "$1" apt-cache showsrc --only-source "$deb_package" | awk -v version="$2" '
        BEGIN { RS = ""; FS = "\n" }
        index("\n" $0 "\n", "\nVersion: " version "\n") {
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^[^ ]/) {
                    wanted = $i ~ /^(Format|Version|Maintainer|Files|Checksums-Sha256):/
                    if (sub(/^Package:/, "Source:", $i)) wanted = 1
                }
                if (wanted && $i !~ /\.(dsc|asc)$/) print $i
            }
            exit
        }'
}

# deb_download BRANCH LOG: asks apt for the newest source and puts it into the cache; nothing that
# is there is touched before the new one is whole. apt checks the archive's signature and, by it,
# each file.
deb_download()
{
    local branch=$1 log=$2 version part new=$deb_cache/source-$1.new

    deb_suites "$branch" | vh_apt_configure "$deb_cache/apt-$branch"
    deb_apt "$branch" apt-get update --error-on=any >>"$log" 2>&1 || return 1
    version=$(deb_newest "$branch")
    if [ -z "$version" ]; then
        echo "the suites have no source of $deb_package $branch" >>"$log"
        return 1
    fi
    if [ "$version" != "$(deb_cached_version "$branch")" ]; then
        vh_say "Fetching Debian's source of $deb_title $version"
        rm -rf "$new"
        mkdir -p "$new"
        for part in tar diff; do
            (cd "$new" && deb_apt "$branch" apt-get source --download-only --only-source \
                "--$part-only" "$deb_package=$version") >>"$log" 2>&1 || return 1
        done
        deb_write_dsc "$branch" "$version" >"$new/$(deb_dsc_name "$version")" || return 1
        deb_download_more "$branch" "$new" >>"$log" 2>&1 || return 1
        echo "$version" >"$new/version"
        rm -rf "$deb_cache/source-$branch"
        mv "$new" "$deb_cache/source-$branch"
    fi
    touch "$deb_cache/looked-$branch"
}

# deb_fetch BRANCH: a source is in the cache when this returns, the newest where apt can be asked.
deb_fetch()
{
    local branch=$1 log=$deb_cache/fetch-$1.log looked=$deb_cache/looked-$1 version

    version=$(deb_cached_version "$branch") || version=
    if [ -n "$version" ] &&
        [ -n "$(find "$looked" -mmin "-$deb_look_again_minutes" 2>/dev/null)" ]; then
        return 0
    fi
    vh_say "Looking for Debian's newest source of $deb_title $branch"
    : >"$log"
    if deb_download "$branch" "$log"; then return 0; fi
    if [ -z "$version" ]; then
        tail -n 5 "$log" >&2
        vh_die "Debian's source of $deb_title $branch could not be fetched from $vh_apt_mirror;" \
            "all of $log"
    fi
    vh_say "No answer from $vh_apt_mirror: going on with $version out of the cache"
    touch -d "-$((deb_look_again_minutes - deb_try_again_minutes)) minutes" "$looked"
}

# deb_unpack BRANCH DIR: Debian's tree with Debian's patches; dpkg-source checks the sums in the
# .dsc, which are those of the signed lists.
deb_unpack()
{
    dpkg-source --no-copy --require-strong-checksums -x "$(deb_cached_dsc "$1")" "$2"
}

# deb_locked BRANCH COMMAND...: the source is not replaced while somebody unpacks it.
deb_locked()
{
    exec 8>"$deb_cache/lock-source-$1"
    flock 8
    shift
    "$@" || return 1
    exec 8>&-
}
