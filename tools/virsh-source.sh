# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # tools/deb-source.sh reads these
#
# Which of Debian's sources of libvirt tools/virsh-build takes. It knows nothing of patches and
# builds. Sourced.

# shellcheck source=tools/deb-source.sh
. "$(dirname "${BASH_SOURCE[0]}")/deb-source.sh"

deb_package=libvirt
deb_title=libvirt
deb_cache=${XDG_CACHE_HOME:-$HOME/.cache}/virthint/libvirt

deb_suites()
{
    case $1 in
    9.0) vh_apt_release deb-src bookworm ;;
    11.3) vh_apt_release deb-src trixie ;;
    esac
}

deb_is_branch()
{
    case $2 in
    "$1"[.-]*) return 0 ;;
    *) return 1 ;;
    esac
}

deb_download_more()
{
    return 0
}
