# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Debian's source of QEMU, and the build tools that Debian 12 is too old for, for tools/qemu-build:
# fetched by apt into a cache. It knows archives and caches, and nothing of patches and builds. Sourced.

# shellcheck source=tools/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

qemu_cache=${XDG_CACHE_HOME:-$HOME/.cache}/virthint/qemu

# After so long apt is asked again whether there is a newer source; sooner where it did not answer.
qemu_look_again_minutes=1440
qemu_try_again_minutes=60

# What apt may look at for a version.
qemu_apt_sources()
{
    case $1 in
    7.2) vh_apt_release deb-src bookworm ;;
    10.0)
        vh_apt_release deb-src trixie
        vh_apt_line deb bookworm-backports
        ;;
    esac
}

# qemu_apt BRANCH TOOL ARGUMENTS...
qemu_apt()
{
    local dir=$qemu_cache/apt-$1
    shift
    vh_apt "$dir" "$@"
}

# The newest source version of the branch that apt's lists have.
qemu_newest()
{
    local version newest=

    while read -r version; do
        case $version in
        "1:$1"[.+]*) ;;
        *) continue ;;
        esac
        if [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest"; then
            newest=$version
        fi
    done < <(qemu_apt "$1" apt-cache showsrc qemu 2>/dev/null | sed -n 's/^Version: //p')
    echo "$newest"
}

# The version that lies in the cache; fails where there is none.
qemu_cached_version()
{
    cat "$qemu_cache/source-$1/version" 2>/dev/null
}

qemu_cached_dsc()
{
    echo "$qemu_cache/source-$1/qemu_$(qemu_cached_version "$1" | sed 's/^[0-9]*://').dsc"
}

# qemu_download BRANCH LOG: asks apt for the newest source and puts it into the cache; nothing that
# is there is touched before the new one is whole. apt checks the archive's signature and, by it,
# each file.
qemu_download()
{
    local branch=$1 log=$2 version new=$qemu_cache/source-$1.new

    qemu_apt_sources "$branch" | vh_apt_configure "$qemu_cache/apt-$branch"
    qemu_apt "$branch" apt-get update --error-on=any >>"$log" 2>&1 || return 1
    version=$(qemu_newest "$branch")
    if [ -z "$version" ]; then
        echo "the suites have no source of qemu 1:$branch*" >>"$log"
        return 1
    fi
    if [ "$version" != "$(qemu_cached_version "$branch")" ]; then
        vh_say "Fetching Debian's source of QEMU $version"
        rm -rf "$new"
        mkdir -p "$new"
        (cd "$new" && qemu_apt "$branch" apt-get source --download-only "qemu=$version") \
            >>"$log" 2>&1 || return 1
        qemu_download_tools "$branch" "$new" >>"$log" 2>&1 || return 1
        echo "$version" >"$new/version"
        rm -rf "$qemu_cache/source-$branch"
        mv "$new" "$qemu_cache/source-$branch"
    fi
    touch "$qemu_cache/looked-$branch"
}

# QEMU 10.0 wants a newer Meson than Debian 12's. The packages are unpacked beside the source, never
# installed.
qemu_download_tools()
{
    local file

    [ "$1" = 10.0 ] || return 0
    (cd "$2" && qemu_apt "$1" apt-get download meson python3-pycotap) || return 1
    for file in "$2"/*.deb; do
        dpkg -x "$file" "$2/tools" || return 1
    done
}

# The folder for PYTHONPATH where the branch's build tools lie; empty where the system's will do.
qemu_tools_path()
{
    local dir=$qemu_cache/source-$1/tools/usr/lib/python3/dist-packages

    if [ -d "$dir" ]; then echo "$dir"; fi
}

# qemu_fetch BRANCH: a source is in the cache when this returns, the newest where apt can be asked.
qemu_fetch()
{
    local branch=$1 log=$qemu_cache/fetch-$1.log looked=$qemu_cache/looked-$1 version

    version=$(qemu_cached_version "$branch") || version=
    if [ -n "$version" ] &&
        [ -n "$(find "$looked" -mmin "-$qemu_look_again_minutes" 2>/dev/null)" ]; then
        return 0
    fi
    vh_say "Looking for Debian's newest source of QEMU $branch"
    : >"$log"
    if qemu_download "$branch" "$log"; then return 0; fi
    if [ -z "$version" ]; then
        tail -n 5 "$log" >&2
        vh_die "Debian's source of QEMU $branch could not be fetched from $vh_apt_mirror; all of $log"
    fi
    vh_say "No answer from $vh_apt_mirror: going on with $version out of the cache"
    touch -d "-$((qemu_look_again_minutes - qemu_try_again_minutes)) minutes" "$looked"
}

# qemu_unpack BRANCH DIR: Debian's tree with Debian's patches; dpkg-source checks the sums in the
# .dsc, which apt has checked against the signed lists.
qemu_unpack()
{
    dpkg-source --no-copy --require-strong-checksums -x "$(qemu_cached_dsc "$1")" "$2"
}
