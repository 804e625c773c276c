#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The library as others get it, from an installation into an empty directory: it exports the
# prototypes that are VH_PUBLIC in installed headers and nothing else, each header stands for itself
# in C and in C++, virthint.h has all of them, and a program finds everything by pkg-config alone.
#
# Usage: library.sh TOP BUILD
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
build=$(realpath "${2:?a build directory}")
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
violations=0

violation()
{
    echo "$*"
    violations=$((violations + 1))
}

meson install -C "$build" --no-rebuild --quiet --destdir "$dest/root" >"$dest/log" 2>&1 || {
    cat "$dest/log"
    exit 1
}
pc=$(find "$dest/root" -name libvirthint.pc)
if [ -z "$pc" ]; then
    echo 'no libvirthint.pc is installed'
    exit 1
fi
prefix=${pc%/lib*/pkgconfig/libvirthint.pc}
# A prefix of its own, as if it had been installed there.
mkdir "$dest/pkgconfig"
sed "s|^prefix=.*|prefix=$prefix|" "$pc" >"$dest/pkgconfig/libvirthint.pc"
export PKG_CONFIG_PATH=$dest/pkgconfig
headers=$prefix/include/virthint
libdir=$(pkg-config --variable=libdir libvirthint)

# prototypes FILE...: the names of what is VH_PUBLIC there.
prototypes()
{
    local file

    for file in "$@"; do
        "${CC:-cc}" -w -fpreprocessed -dD -E -P -x c "$file" | sed '/^#/d' | tr '\n' ' ' |
            { grep -oE 'VH_PUBLIC [^;]*;' || true; } |
            sed -E 's/[^(]*[ *]([a-z0-9_]+) *\(.*/\1/'
    done | LC_ALL=C sort -u
}

check_exports()
{
    local name

    prototypes "$headers"/*.h >"$dest/public"
    nm -D --defined-only "$libdir/libvirthint.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
        LC_ALL=C sort -u >"$dest/exported"
    while read -r name; do
        violation "$name is VH_PUBLIC and not exported: add it to libvirt-plugin/libvirthint.map"
    done < <(comm -23 "$dest/public" "$dest/exported")
    while read -r name; do
        violation "$name is exported, and VH_PUBLIC in no installed header"
    done < <(comm -13 "$dest/public" "$dest/exported")
    sed -n -E 's/^ *(vh_[a-z0-9_]+);$/\1/p' "$top/libvirt-plugin/libvirthint.map" |
        LC_ALL=C sort >"$dest/mapped"
    while read -r name; do
        violation "libvirt-plugin/libvirthint.map names $name, which is not there, or twice"
    done < <(comm -13 "$dest/exported" "$dest/mapped")
    if [ ! -s "$dest/public" ]; then violation 'no prototype is VH_PUBLIC'; fi
}

# What says VH_PUBLIC has to be installed.
check_private()
{
    local file

    while read -r file; do
        if [ ! -e "$headers/${file##*/}" ]; then
            violation "${file#"$top/"}: says VH_PUBLIC, and is not installed"
        fi
    done < <(grep -rlE '^VH_PUBLIC ' "$top/libvirt-plugin" --include='*.h')
}

# compiles HEADER COMPILER FLAG...: by itself.
compiles()
{
    local header=$1

    shift
    printf '#include <%s>\n' "$header" >"$dest/alone.c"
    "$@" -Wall -Werror -fsyntax-only "$dest/alone.c" "${cflags[@]}" >"$dest/log" 2>&1 || {
        violation "<$header> does not compile by itself: $*"
        sed -n 1,5p "$dest/log"
    }
}

check_headers()
{
    local file name

    for file in "$headers"/*.h; do
        name=${file##*/}
        compiles "virthint/$name" "${CC:-cc}" -x c -std=gnu11
        if [ -n "$cxx" ]; then compiles "virthint/$name" "$cxx" -x c++ -std=c++17; fi
        case $name in
        virthint.h | vh-virsh.h) continue ;; # the second is of another library
        esac
        if ! grep -qF "\"$name\"" "$headers/virthint.h"; then
            violation "virthint.h does not include $name"
        fi
    done
}

# A program that knows the name of the package only; what it was compiled against is what runs.
check_program()
{
    local said wanted

    cat >"$dest/program.c" <<'END'
#include <stdio.h>
#include <virthint/virthint.h>

#if !VH_CHECK_VERSION(0, 1, 0) || VH_CHECK_VERSION(VH_VERSION_MAJOR, VH_VERSION_MINOR + 1, 0)
#error "a version that is none"
#endif

int main(void)
{
    return printf("%s %s\n", VH_VERSION_STRING, vh_version()) < 0;
}
END
    "${CC:-cc}" -Wall -Werror -o "$dest/program" "$dest/program.c" "${cflags[@]}" "${libs[@]}" || {
        violation 'a program does not build by what pkg-config says'
        return
    }
    said=$(LD_LIBRARY_PATH=$libdir "$dest/program") || true
    wanted=$(pkg-config --modversion libvirthint)
    [ "$said" = "$wanted $wanted" ] || violation "a program says '$said', and pkg-config $wanted"
    readelf -d "$dest/program" | grep "NEEDED.*libvirthint.so.${wanted%%.*}\]" >/dev/null ||
        violation "the soname is not libvirthint.so.${wanted%%.*}"
}

read -r -a cflags < <(pkg-config --cflags libvirthint)
read -r -a libs < <(pkg-config --libs libvirthint)
cxx=$(command -v "${CXX:-g++}" || true)
check_exports
check_private
check_headers
check_program
if [ $violations -ne 0 ]; then exit 1; fi
if [ -z "$cxx" ]; then
    echo 'the headers were not tried in C++: g++ is missing (tools/setup --for lint)'
    exit 77
fi
echo "$(wc -l <"$dest/public") functions"
