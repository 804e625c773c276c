#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a user needs from polkit for which command, where libvirt asks it (access_drivers). A system
# bus, polkitd and a libvirtd of their own run in private namespaces, with a guest; an ordinary user
# gets permissions one by one: with those of virthint(1) a command works, and without any of
# them it is refused, says so, and changes nothing. Prints TAP.
#
# Usage: polkit.sh LAB VIRTHINT VIRSH-HINT
set -euo pipefail

user=nobody
polkitd=/usr/lib/polkit-1/polkitd
here=/run/virthint-polkit
guest=web

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}

# Everything that is written goes to these, and with the namespace.
make_private()
{
    local dir

    mount --make-rprivate /
    for dir in /run /var/lib /var/cache /var/log; do mount -t tmpfs none "$dir"; done
    cp -a /etc /run/etc
    mount --bind /run/etc /etc
    cp -a /usr/share/polkit-1 /run/polkit-1
    mount --bind /run/polkit-1 /usr/share/polkit-1
    mkdir -p /run/dbus /etc/polkit-1/rules.d /etc/libvirt $here/{guests,run,tmp} \
        /var/lib/polkit-1 /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
    chmod 755 $here
    # Where the lab looks for a guest's process, and where libvirt has it as root.
    mkdir -p $here/run/libvirt/qemu
    ln -s /run/libvirt/qemu $here/run/libvirt/qemu/run
    : >$here/granted
    echo 'leak:libvirt.so' >$here/leaks
    # Comes with Debian's configuration of libvirt, which is not needed otherwise.
    getent passwd libvirt-qemu >/dev/null ||
        echo "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin" >>/etc/passwd
    getent group libvirt-qemu >/dev/null || echo "libvirt-qemu:x:64055:" >>/etc/group
    getent group kvm >/dev/null || echo "kvm:x:64056:" >>/etc/group
}

# Actions that libvirt asks for; none is allowed to anybody but by the rule.
actions()
{
    local object permission

    while read -r object permission; do
        echo "org.libvirt.api.$object.$permission"
    done <<'END'
connect getattr
connect read
connect write
connect search-domains
domain getattr
domain read
domain read-secure
domain write
domain save
domain start
domain stop
domain delete
END
}

write_polkit()
{
    local action

    rm -f /usr/share/polkit-1/actions/org.libvirt.*
    {
        echo '<?xml version="1.0" encoding="UTF-8"?><policyconfig>'
        while read -r action; do
            echo "<action id=\"$action\"><description>$action</description><message>$action</message>"
            echo "<defaults><allow_any>no</allow_any><allow_inactive>no</allow_inactive>"
            echo "<allow_active>no</allow_active></defaults></action>"
        done < <(actions)
        echo '</policyconfig>'
    } >/usr/share/polkit-1/actions/org.libvirt.api.policy
    cat >/etc/polkit-1/rules.d/10-test.rules <<END
polkit.addRule(function(action, subject) {
    if (subject.user != "$user" || action.id.indexOf("org.libvirt.api.") != 0)
        return polkit.Result.NOT_HANDLED;
    var granted = polkit.spawn(["/bin/cat", "$here/granted"]).split("\n");
    return granted.indexOf(action.id) >= 0 ? polkit.Result.YES : polkit.Result.NO;
});
END
    chmod -R a+rX /etc/polkit-1
}

write_libvirt()
{
    cat >/etc/libvirt/libvirtd.conf <<'END'
access_drivers = [ "polkit" ]
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0777"
unix_sock_ro_perms = "0777"
log_outputs = "3:stderr"
END
    cat >/etc/libvirt/qemu.conf <<'END'
user = "root"
group = "root"
stdio_handler = "file"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
END
}

# await WHAT COMMAND...
await()
{
    local what=$1 i

    shift
    for ((i = 0; i < 600; i++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    echo "Bail out! $what does not come up"
    sed 's/^/# /' $here/*.log
    exit 1
}

has_polkitd()
{
    dbus-send --system --print-reply --dest=org.freedesktop.DBus / \
        org.freedesktop.DBus.NameHasOwner string:org.freedesktop.PolicyKit1 | grep -q true
}

start_all()
{
    local options=()

    dbus-daemon --system --nofork --nopidfile >$here/bus.log 2>&1 &
    await "the bus" test -S /run/dbus/system_bus_socket
    $polkitd --no-debug >$here/polkitd.log 2>&1 &
    await polkitd has_polkitd
    libvirtd >$here/libvirtd.log 2>&1 &
    await libvirtd virsh -c qemu:///system version
    if [ -n "${VH_QEMU-}" ]; then options=(--emulator "$VH_QEMU" --reporting); fi
    export VH_LAB_DIR=$here VH_LAB_URI=qemu:///system
    "$lab" guest start $guest --memory 512MiB "${options[@]}" >$here/guest.log 2>&1 || {
        echo "Bail out! no guest"
        sed 's/^/# /' $here/*.log
        exit 1
    }
}

# as_user COMMAND...: its output in $here/out, its status returned.
# libvirt's client (9.0) loses what it noted of a registration for QEMU's events that is refused, of
# which a sanitized build would tell.
as_user()
{
    timeout 120 setpriv --reuid=$user --regid="$(id -g $user)" --clear-groups \
        env HOME=/nonexistent XDG_RUNTIME_DIR= \
        LSAN_OPTIONS=suppressions=$here/leaks:print_suppressions=0 "$@" >$here/out 2>&1
}

# grant SHORT-NAME...
grant()
{
    local name

    for name in "$@"; do echo "org.libvirt.api.$name"; done >$here/granted
}

number=0

# result NAME COMMAND...: passes where the command succeeds.
result()
{
    local name=$1 word=

    shift
    number=$((number + 1))
    "$@" || word='not '
    echo "${word}ok $number $name"
    if [ -n "$word" ]; then
        sed 's/^/# /' $here/out
        failed=1
    fi
}

# The commands, and what each needs: PERMISSIONS of virthint(1). What a word of the answer has to
# be stands in front: a command that sees nothing is none that works.
table()
{
    local look='connect.getattr connect.search-domains domain.getattr domain.read'

    echo "web | list | $look"
    echo "web | info $guest | $look"
    echo "Key | policy $guest | connect.getattr domain.getattr domain.read"
    echo "batch | policy $guest --set class=batch --live | connect.getattr domain.getattr domain.read domain.write"
    echo "batch | policy $guest --set class=batch | connect.getattr domain.getattr domain.read domain.write domain.save"
    echo "Key | policy $guest --clear --live | connect.getattr domain.getattr domain.read domain.write"
    echo "taken | ask $guest --bytes 32MiB --wait | $look domain.write"
    if [ -n "${VH_QEMU-}" ]; then
        echo "off | reporting $guest off | $look domain.write"
        echo "on | reporting $guest on | $look domain.write"
    fi
}

# tells WORD COMMAND...: as the user; succeeds and says it.
tells()
{
    local word=$1

    shift
    as_user "$virthint" --connect qemu:///system "$@" && grep -q -- "$word" $here/out
}

is_refused()
{
    ! as_user "$virthint" --connect qemu:///system "$@" && grep -q 'denied.*access control' $here/out
}

# The same of virsh's.
virsh_tells()
{
    local word=$1

    shift
    as_user env LD_LIBRARY_PATH=$here $here/virsh-hint -c qemu:///system "$@" &&
        grep -q -- "$word" $here/out
}

virsh_is_refused()
{
    ! as_user env LD_LIBRARY_PATH=$here $here/virsh-hint -c qemu:///system "$@" &&
        grep -q 'denied.*access control' $here/out
}

sees_nothing()
{
    ! tells "$@"
}

# What the guest and its definition would show if anything had been done.
traces()
{
    virsh -c qemu:///system dumpxml $guest | sed -n '/<metadata>/,/<\/metadata>/p'
    virsh -c qemu:///system dommemstat $guest | grep actual
    virsh -c qemu:///system dominfo $guest | grep -i 'messages\|monitor' || true
}

test_commands()
{
    local word command needs drop rest

    while IFS='|' read -r word command needs; do
        read -r word <<<"$word"
        # shellcheck disable=SC2086 # lists of words
        grant $needs
        # shellcheck disable=SC2086
        result "works: $command" tells "$word" $command
        for drop in $needs; do
            rest=$(tr ' ' '\n' <<<"$needs" | grep -vx "$drop")
            # shellcheck disable=SC2086
            grant $rest
            # shellcheck disable=SC2086
            result "needs $drop: $command" sees_nothing "$word" $command
        done
    done < <(table)
}

# Who may look at everything and write nothing.
test_looking()
{
    local before

    grant connect.getattr connect.read connect.search-domains domain.getattr domain.read
    before=$(traces)
    result "may look: list" tells $guest list
    result "may look: info" tells $guest info $guest
    result "may look: policy" tells Key policy $guest
    result "may not: policy --set" is_refused policy $guest --set class=perf
    result "may not: policy --clear" is_refused policy $guest --clear
    result "may not: ask" is_refused ask $guest --wait
    result "may not: reporting" is_refused reporting $guest
    result "may not: reporting on" is_refused reporting $guest on
    result "may look: hint-list" virsh_tells $guest hint-list
    result "may look: hint-policy" virsh_tells Key hint-policy $guest
    result "may not: hint-policy --set" virsh_is_refused hint-policy $guest --set class=perf
    result "may not: hint-ask" virsh_is_refused hint-ask $guest
    result "may not: hint-reporting on" virsh_is_refused hint-reporting $guest on
    result "nothing has changed" test "$(traces)" = "$before"
    grant
    result "nobody without any permission" is_refused list
}

inside()
{
    lab=$1
    virthint=$here/virthint
    failed=0
    make_private
    # Where the user can reach it, wherever it was built.
    cp "$2" $virthint
    cp "$3" $here/virsh-hint
    cp "$(dirname "$3")"/libvirthint-virsh.so.? $here
    chmod 755 $virthint $here/virsh-hint $here/libvirthint-virsh.so.?
    write_polkit
    write_libvirt
    start_all
    "$lab" guest work $guest 'alloc a 200MiB; free a 100%' >$here/out
    test_looking
    test_commands
    echo "1..$number"
    return $failed
}

if [ "${1-}" = --inside ]; then
    shift
    inside "$@"
    exit
fi
[ "$(id -u)" -eq 0 ] || skip "needs root: other users' processes are to be judged"
for program in $polkitd /usr/sbin/libvirtd; do
    [ -x "$program" ] || skip "$program is not there; tools/setup --for guests installs it"
done
namespaces=(unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc)
"${namespaces[@]}" true 2>/dev/null || skip "no namespaces: this root may not make them"
exec "${namespaces[@]}" "$0" --inside "$@"
