#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tools/guest-install on the root of a Debian guest that is made here: by DKMS and without, with the
# stock driver in the initramfs, without headers; and a boot that shows which driver the guest loads.
# Prints TAP. Takes minutes and a gigabyte, the network and root.
#
# Usage: install.sh TOP
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
number=0

skip_all()
{
    echo "1..0 # SKIP $*"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip_all "making a guest's root takes root"
command -v debootstrap >/dev/null || skip_all "no debootstrap; tools/setup --for driver installs it"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/virthint-install-XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

# expect NAME STATUS TEXT COMMAND...: the command ends so, and prints TEXT (an expression of grep's).
expect()
{
    local name=$1 expected=$2 text=$3 status=0
    shift 3

    number=$((number + 1))
    "$@" >"$work/log" 2>&1 </dev/null || status=$?
    if [ $status -eq "$expected" ] && { [ -z "$text" ] || grep -qE -- "$text" "$work/log"; }; then
        echo "ok $number $name"
    else
        echo "# exit code $status; it should be $expected, with '$text' in:"
        tail -n 30 "$work/log" | sed 's/^/# /'
        echo "not ok $number $name"
    fi
}

guest_install()
{
    "$top/tools/guest-install" --root "$root" "$@"
}

# What the initramfs has of the driver.
list_initramfs()
{
    chroot "$root" lsinitramfs "/boot/initrd.img-$release" | grep -E '/virtio_balloon\.ko'
}

# The first process of the guest: what udev would do for a balloon, then what came of it.
write_init()
{
    cat >"$root/check" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for alias in /sys/bus/virtio/devices/*/modalias; do
    modprobe -q "$(cat "$alias")"
done
echo "loaded version '$(cat /sys/module/virtio_balloon/version)'" \
    "for $(echo /sys/bus/virtio/drivers/virtio_balloon/virtio*)"
echo o >/proc/sysrq-trigger
sleep 60
END
    chmod +x "$root/check"
}

# Boots the root from a copy on a disk, with a stock QEMU.
boot()
{
    local disk=$work/disk

    write_init
    rm -f "$disk"
    truncate -s 3G "$disk"
    mke2fs -q -t ext4 -d "$root" "$disk" || return 1
    timeout 300 qemu-system-x86_64 -machine pc,accel=tcg -cpu max -m 512 -nographic -no-reboot -nodefaults \
        -serial stdio -device virtio-balloon-pci -drive "file=$disk,format=raw,if=virtio,cache=unsafe" \
        -kernel "$root/boot/vmlinuz-$release" -initrd "$root/boot/initrd.img-$release" \
        -append 'console=ttyS0 root=/dev/vda rw init=/check panic=-1'
}

if ! debootstrap --variant=minbase \
    --include=kmod,dkms,initramfs-tools,linux-image-cloud-amd64,linux-headers-cloud-amd64 \
    bookworm "$root" >"$work/log" 2>&1; then
    skip_all "debootstrap failed: $(tail -n 1 "$work/log")"
fi
release=$(basename "$root"/lib/modules/*-cloud-amd64)

expect 'the stock driver is told apart' 1 'kernel/.*the stock driver' guest_install --check
expect 'installing by DKMS' 0 "Building the driver for $release" guest_install
expect 'it would be loaded' 0 'updates/dkms/.*virthint' guest_install --check
expect 'installing it again' 0 'Done' guest_install
expect 'the initramfs is left alone' 1 '' list_initramfs
expect 'a guest loads it' 0 "loaded version '[0-9.]+' for .*/virtio[0-9]" boot
expect 'removing it' 0 'Removing .* from DKMS' guest_install --remove
expect 'the stock driver is back' 1 'kernel/.*the stock driver' guest_install --check

echo virtio_balloon >>"$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u >/dev/null 2>&1
expect 'the stock driver is in the initramfs' 0 'kernel/drivers/' list_initramfs
expect 'installing without DKMS' 0 'initramfs .* anew' guest_install --no-dkms
expect 'it has taken the place in the initramfs' 0 '/updates/virtio_balloon' list_initramfs
expect 'a guest loads it from there' 0 "loaded version '[0-9.]+' for .*/virtio[0-9]" boot
expect 'removing it from there' 0 'initramfs .* anew' guest_install --remove
expect 'the stock driver is in the initramfs again' 0 'kernel/drivers/' list_initramfs

rm "$root/lib/modules/$release/build"
expect 'no headers' 1 "apt install linux-headers-$release" guest_install --kernel "$release"
expect 'no kernel' 1 'no kernel 1.2.3' guest_install --kernel 1.2.3
echo "1..$number"
