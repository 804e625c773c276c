#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The device in the QEMU series, tested without libvirt: the programs that the series brings, and
# moves between a stock QEMU and a patched one. Runs what tools/qemu-build has left in its cache, and
# builds nothing. Prints TAP.
#
# Usage: device.sh TOP qtest VERSION
#        device.sh TOP fuzz VERSION patched|sanitize MESSAGES
#        device.sh TOP stream VERSION LAB
#        device.sh TOP messages VERSION LAB TEST
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
kind=${2:?qtest, fuzz, stream or messages}
version=${3:?the version of QEMU}

skip()
{
    echo "1..0 # SKIP $*"
    exit 0
}

# from_cache WHAT [OPTION]: sets $path, or skips the test and says what would help.
from_cache()
{
    local message

    if ! path=$("$top/tools/qemu-build" --version "$version" --print "$@" 2>"$work/why"); then
        message=$(cat "$work/why")
        skip "${message#*: }"
    fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run_qtest()
{
    from_cache qemu
    export QTEST_QEMU_BINARY=$path
    from_cache qtest
    cd "$work"
    "$path" --tap -k
}

# The fuzzer says how to go on from a failure; whatever else it prints is for the log.
run_fuzz()
{
    local variant=${1:?patched or sanitize} messages=${2:?how many messages} options=()
    local seed=${VH_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM))} status=0

    if [ "$variant" != patched ]; then options+=("--$variant"); fi
    from_cache qemu ${options[@]+"${options[@]}"}
    export QTEST_QEMU_BINARY=$path
    from_cache fuzz ${options[@]+"${options[@]}"}
    cd "$work"
    echo "1..1"
    "$path" --messages "$messages" --seed "$seed" >"$work/log" 2>&1 || status=$?
    sed 's/^/# /' "$work/log"
    if [ $status -ne 0 ]; then echo -n 'not '; fi
    echo "ok 1 $messages messages from seed $seed"
    return $status
}

# Kernel and initramfs of a guest of the lab, one a line; nothing where there can be no lab.
lab_images()
{
    # shellcheck disable=SC2016 # the lab's shell expands it
    "$1" run -- sh -c 'virthint-lab guest start stream --memory 128MiB >&2 &&
        virsh -c "$VH_LAB_URI" dumpxml stream' |
        sed -n -E 's,.*<(kernel|initrd)>(.*)</.*,\2,p'
}

# The stock QEMU of the same version: Debian 12's own, or one built without the series.
run_stream()
{
    local lab=${1:?the guest lab} patched stock=${VH_QEMU_STOCK:-/usr/bin/qemu-system-x86_64} images

    from_cache qemu
    patched=$path
    if [ "$version" != 7.2 ]; then
        from_cache qemu --stock
        stock=$path
    fi
    [ -x "$stock" ] || skip "no stock QEMU: $stock is not there"
    mapfile -t images < <(lab_images "$lab" 2>"$work/lab" || sed 's/^/# /' "$work/lab" >&2)
    python3 "$top/tests/device/stream.py" "$patched" "$stock" ${images[@]+"${images[@]}"}
}

# What the driver would send, in a lab for its directory and its supervision only.
run_messages()
{
    local lab=${1:?the guest lab} test=${2:?the test program}

    from_cache qemu
    VH_QEMU=$path "$lab" run -- "$test" --tap
}

shift 3
case $kind in
qtest | fuzz | stream | messages) "run_$kind" "$@" ;;
*)
    echo "device.sh: there is no test '$kind'" >&2
    exit 2
    ;;
esac
