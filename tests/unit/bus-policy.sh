#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The bus policy, on a bus as closed as the system's: everyone may read what virthintd knows, only
# root may change what it does, and own its name; and what is opened to MOM is requests alone.
#
# Usage: bus-policy.sh TOP VIRTHINT VIRTHINTD
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
virthint=${2:?the command}
virthintd=${3:?the daemon}
failures=0

if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: needs root, to be root and nobody in turn"
    exit 77
fi
for tool in dbus-daemon setpriv; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: needs $tool"
        exit 77
    fi
done

dir=$(mktemp -d)
pids=()
clean_up()
{
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    rm -rf "$dir"
}
trap clean_up EXIT

# the build directory may be closed to nobody
chmod 755 "$dir"
install -m 755 "$virthint" "$virthintd" "$dir"
install -m 644 "$top/policy/daemon/org.virthint.Daemon1.conf" "$dir/policy.conf"
# there is no user vdsm here
sed 's/user="vdsm"/user="daemon"/' "$top/libvirt-plugin/integrations/mom/org.virthint.Mom.conf" \
    >"$dir/mom.conf"
cat >"$dir/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>$dir/policy.conf</include>
  <include>$dir/mom.conf</include>
</busconfig>
END

dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile 2>"$dir/bus.log" &
pids+=($!)
for _ in $(seq 300); do
    [ -S "$dir/bus" ] && break
    sleep 0.1
done

# as USER COMMAND...: the user by number.
as()
{
    setpriv --reuid "$1" --clear-groups "${@:2}"
}

# expect USER STATUS TEXT ARGUMENT...: what virthint says and how it ends.
expect()
{
    local user=$1 status=$2 text=$3 said code=0

    shift 3
    said=$(as "$user" "$dir/virthint" --bus "unix:path=$dir/bus" "$@" 2>&1) || code=$?
    if [ "$code" -ne "$status" ] || ! grep -qF -- "$text" <<<"$said"; then
        echo "user $user: virthint $*: status $code, not $status with '$text': $said"
        failures=$((failures + 1))
    fi
}

code=0
said=$(as 65534 timeout 30 "$dir/virthintd" --bus "unix:path=$dir/bus" \
    --connect test:///default 2>&1) || code=$?
if [ "$code" -ne 1 ] || ! grep -qF 'not allowed to own' <<<"$said"; then
    echo "nobody may own the name: status $code: $said"
    failures=$((failures + 1))
fi

"$dir/virthintd" --bus "unix:path=$dir/bus" --connect test:///default 2>"$dir/daemon.log" &
pids+=($!)
for _ in $(seq 300); do
    kill -0 "${pids[1]}" 2>/dev/null || break # it has ended: what follows says so
    as 0 "$dir/virthint" --bus "unix:path=$dir/bus" list 2>&1 | grep -qF 'the daemon' && break
    sleep 0.1
done

for user in 0 65534; do
    expect $user 0 'the daemon' list
    expect $user 0 'the daemon' plan --explain
    expect $user 0 'no request is open' request
    expect $user 0 'the daemon' top --once
done
expect 0 0 'in force' reload
expect 65534 1 'only root' reload
expect 65534 1 'only root' ask test
expect 65534 1 'only root' request 1MiB
expect 65534 1 'only root' request --cancel 1
expect 0 0 'request 1 is open' request 1MiB
expect 65534 0 'open' request --json
expect 0 0 'request 1 is cancelled' request --cancel 1
expect 0 1 'pulse_reserve' ask test
mom=$(id -u daemon)
expect "$mom" 0 'request 2 is open' request 1MiB
expect "$mom" 0 'test' list
expect "$mom" 1 'only root' request --cancel 2
expect "$mom" 1 'only root' ask test
expect "$mom" 1 'only root' reload

if [ $failures -ne 0 ]; then exit 1; fi
echo "the bus policy holds"
