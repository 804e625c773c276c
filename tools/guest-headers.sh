# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What tools/guest-build builds the guest's driver against, and judges it by: the headers of exactly
# the kernels that the guest lab boots, and the kernel's own checkpatch.pl; fetched by apt into a
# cache, never installed. It knows archives and caches, and nothing of builds. Sourced.

# shellcheck source=tools/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

guest_images=${VH_LAB_IMAGES:-${XDG_CACHE_HOME:-$HOME/.cache}/virthint}
guest_cache=${XDG_CACHE_HOME:-$HOME/.cache}/virthint/guest
guest_apt_dir=$guest_cache/apt

# The package whose checkpatch.pl judges the driver.
guest_judge=linux-source-6.1

# guest_kernel KERNEL: the name ("RELEASE_VERSION") of the kernel that the lab takes for this choice:
# as vh_lab_images_kernel() does it, the default one where it fits, or else the last. Fails where
# there is none.
guest_kernel()
{
    local kernel=$1 default='' name best=

    if [ -r "$guest_images/default" ]; then read -r default <"$guest_images/default" || true; fi
    while read -r name; do
        case $name in
        "$kernel"[._]*) best=$name ;;
        *) continue ;;
        esac
        if [ "$name" = "$default" ]; then break; fi
    done < <(find "$guest_images" -mindepth 1 -maxdepth 1 -type d -name 'kernel-*' \
        -printf '%f\n' 2>/dev/null | sed 's/^kernel-//' | sort -V)
    [ -n "$best" ] && echo "$best"
}

# guest_headers NAME: the folder to build against for a kernel of Debian's; it may not be there yet.
guest_headers()
{
    echo "$guest_cache/headers-$1/usr/src/linux-headers-${1%%_*}"
}

# guest_headers_common HEADERS: the folder of what is the same for all flavours of that kernel; in a
# whole tree that is the tree.
guest_headers_common()
{
    local common

    common=$(sed -n 's|^include \(.*\)/Makefile$|\1|p' "$1/Makefile")
    echo "${common:-$1}"
}

guest_apt()
{
    vh_apt "$guest_apt_dir" "$@"
}

# guest_apt_update LOG: the lists of all suites that the lab's kernels come from.
guest_apt_update()
{
    {
        vh_apt_release deb bookworm
        vh_apt_line deb bookworm-backports
    } | vh_apt_configure "$guest_apt_dir"
    guest_apt apt-get update --error-on=any >>"$1" 2>&1
}

# guest_headers_packages RELEASE VERSION: the packages that make up the headers, for apt-get; fails
# where apt's lists do not have this version.
guest_headers_packages()
{
    local shown

    shown=$(guest_apt apt-cache show "linux-headers-$1=$2" 2>/dev/null) || return 1
    echo "linux-headers-$1=$2"
    sed -n 's/^Depends: //p' <<<"$shown" | tr ',' '\n' |
        sed -n -E -e 's/^ *(linux-headers-[^ ]+-common) \(= ([^)]+)\).*/\1=\2/p' \
            -e 's/^ *(linux-kbuild-[^ ]+).*/\1/p'
}

# guest_unpack_headers FROM TO RELEASE: unpacks the packages in FROM for use in TO, where FROM is
# moved afterwards. Debian's headers name their second half by its place in /usr/src. Without its
# vmlinux a module gets no BTF, which nothing here reads, and pahole is not needed.
guest_unpack_headers()
{
    local deb

    for deb in "$1"/*.deb; do
        dpkg -x "$deb" "$1" || return 1
    done
    rm -f "$1"/*.deb "$1/usr/src/linux-headers-$3/vmlinux"
    sed -i "s|/usr/src/|$2/usr/src/|g" "$1/usr/src/linux-headers-$3/Makefile"
}

# guest_fetch_headers NAME LOG: puts the headers of a kernel of Debian's into the cache. Fails with 2
# where apt has none of exactly this version: Debian keeps those of a superseded kernel for some time
# only.
guest_fetch_headers()
{
    local name=$1 log=$2 release=${1%%_*} version=${1#*_} dir new packages

    dir=$guest_cache/headers-$name
    new=$dir.new
    if [ -e "$dir" ]; then return 0; fi
    : >"$log"
    guest_apt_update "$log" || return 1
    if ! packages=$(guest_headers_packages "$release" "$version"); then
        echo "the suites have no linux-headers-$release of version $version" >>"$log"
        return 2
    fi
    vh_say "Fetching the headers of Linux $version ($release)"
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && xargs -d '\n' -a <(printf '%s\n' "$packages") env LC_ALL=C \
        APT_CONFIG="$guest_apt_dir/apt.conf" apt-get download) >>"$log" 2>&1 || return 1
    guest_unpack_headers "$new" "$dir" "$release" >>"$log" 2>&1 || return 1
    mv "$new" "$dir"
}

# The folder of checkpatch.pl and of the lists that it reads.
guest_judge_dir()
{
    echo "$guest_cache/$guest_judge"
}

# guest_fetch_judge LOG: a few files out of a package of 130 MB, which is not kept.
guest_fetch_judge()
{
    local dir new log=$1

    dir=$(guest_judge_dir)
    new=$dir.new
    if [ -e "$dir" ]; then return 0; fi
    vh_say "Fetching the kernel's checkpatch.pl (a download of 130 MB, once)"
    : >"$log"
    guest_apt_update "$log" || return 1
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && guest_apt apt-get download "$guest_judge") >>"$log" 2>&1 || return 1
    dpkg --fsys-tarfile "$new"/*.deb 2>>"$log" |
        tar -xO --wildcards '*.tar.xz' 2>>"$log" |
        tar -xJ -C "$new" --strip-components=2 --wildcards '*/scripts/checkpatch.pl' \
            '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' 2>>"$log" || return 1
    rm -f "$new"/*.deb
    mv "$new" "$dir"
}
