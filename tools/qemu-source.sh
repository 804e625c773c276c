# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # tools/deb-source.sh reads these
#
# Which of Debian's sources of QEMU tools/qemu-build takes, and the build tools that Debian 12 is too
# old for. It knows nothing of patches and builds. Sourced.

# shellcheck source=tools/deb-source.sh
. "$(dirname "${BASH_SOURCE[0]}")/deb-source.sh"

deb_package=qemu
deb_title=QEMU
deb_cache=${XDG_CACHE_HOME:-$HOME/.cache}/virthint/qemu

deb_suites()
{
    case $1 in
    7.2) vh_apt_release deb-src bookworm ;;
    10.0)
        vh_apt_release deb-src trixie
        vh_apt_line deb bookworm-backports
        ;;
    esac
}

deb_is_branch()
{
    case $2 in
    "1:$1"[.+]*) return 0 ;;
    *) return 1 ;;
    esac
}

# QEMU 10.0 wants a newer Meson than Debian 12's. The packages are unpacked beside the source, never
# installed.
deb_download_more()
{
    local file

    [ "$1" = 10.0 ] || return 0
    (cd "$2" && deb_apt "$1" apt-get download meson python3-pycotap) || return 1
    for file in "$2"/*.deb; do
        dpkg -x "$file" "$2/tools" || return 1
    done
}

# The folder for PYTHONPATH where the branch's build tools lie; empty where the system's will do.
qemu_tools_path()
{
    local dir=$deb_cache/source-$1/tools/usr/lib/python3/dist-packages

    if [ -d "$dir" ]; then echo "$dir"; fi
}
