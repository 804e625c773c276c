# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# apt under a configuration of its own, for the tools that take Debian's sources, headers or kernels
# into a cache: neither /etc/apt nor the system's lists are read or changed, and nothing is ever
# installed. It does not know what is fetched. Sourced.

vh_apt_mirror=http://deb.debian.org
vh_apt_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# vh_apt_line TYPE SUITE [ARCHIVE]: a line of a sources.list; TYPE is deb or deb-src.
vh_apt_line()
{
    echo "$1 [signed-by=$vh_apt_keyring] $vh_apt_mirror/${3:-debian} $2 main"
}

# vh_apt_release TYPE CODENAME: the lines of a whole release. Suites, not point versions, so that
# security fixes come in.
vh_apt_release()
{
    vh_apt_line "$1" "$2"
    vh_apt_line "$1" "$2-updates"
    vh_apt_line "$1" "$2-security" debian-security
}

# vh_apt_configure DIR: makes DIR a place for vh_apt, with the sources.list on stdin. Only the
# network settings (a proxy, say) are the system's: the hooks in /etc/apt are for its own lists.
vh_apt_configure()
{
    local dir=$1

    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" \
        "$dir"/etc/{apt.conf,sources.list,preferences,trusted.gpg}.d
    cat >"$dir/etc/sources.list"
    : >"$dir/status"
    {
        apt-config dump | grep -E '^Acquire::(https?|Check-Valid-Until|Check-Date|ForceIPv)' || true
        printf '%s "%s";\n' \
            Dir::Etc "$dir/etc" Dir::State "$dir/state" Dir::State::status "$dir/status" \
            Dir::Cache "$dir/cache" \
            Acquire::Languages none Acquire::Retries 2 Acquire::http::Timeout 20 \
            APT::Sandbox::User "$(id -un)" quiet 1
    } >"$dir/apt.conf"
}

# vh_apt DIR TOOL ARGUMENTS...: apt-get, apt-cache and the like; it downloads into the current folder.
vh_apt()
{
    local conf=$1/apt.conf
    shift
    LC_ALL=C APT_CONFIG=$conf "$@"
}
