#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An installation into an empty directory has what it should and nothing else of ours, and a program
# of a few lines compiles, links and runs against what was installed.
#
# Usage: install.sh TOP BUILD
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

# Relative to the prefix; * may stand for the multiarch folder or a version.
expected='
bin/virthint
sbin/virthintd
include/virthint/vh-ask.h
include/virthint/vh-error.h
include/virthint/vh-probe.h
include/virthint/vh-virsh.h
include/virthint/vh-watch.h
include/virthint/virthint.h
lib/*/libvirthint-virsh.so
lib/*/libvirthint-virsh.so.*
lib/*/libvirthint.so
lib/*/libvirthint.so.*
lib/*/pkgconfig/libvirthint-virsh.pc
lib/*/pkgconfig/libvirthint.pc
libexec/virthint/virsh-hint
lib/systemd/system/virthintd.service
share/bash-completion/completions/virthint
share/bash-completion/completions/virthintd
share/virthint/bin/virsh
share/virthint/integrations/mom/FreePageHint.py
share/virthint/integrations/mom/org.virthint.Mom.conf
share/virthint/integrations/mom/virthint.policy
share/virthint/integrations/vdsm/before_vm_start.py
share/dbus-1/interfaces/org.virthint.Daemon1.xml
share/dbus-1/system.d/org.virthint.Daemon1.conf
'

# Without rst2man there are none; tests/lint/man.sh knows which there should be.
if grep -q 'docs/man/virthint\.1' "$build/build.ninja"; then
    for page in "$top"/docs/man/*.rst; do
        page=$(basename "${page%.rst}")
        expected+=" share/man/man${page##*.}/$page"
    done
fi

meson install -C "$build" --no-rebuild --quiet --destdir "$dest/root" >"$dest/log" 2>&1 || {
    cat "$dest/log"
    exit 1
}
bin=$(find "$dest/root" -path '*/bin/virthint' -type f)
prefix=${bin%/bin/virthint}
if [ -z "$bin" ]; then
    echo "no bin/virthint is installed"
    exit 1
fi

for pattern in $expected; do
    compgen -G "$prefix/$pattern" >/dev/null || violation "not installed: $pattern"
done
while read -r file; do
    violation "installed, but only of use in the tree: ${file#"$dest/root"}"
done < <(find "$dest/root" \( -name '*lab*' -o -name '*demo*' -o -name 'test-*' -o -name '*.a' \))

# A header that includes another which is not installed shows here.
cat >"$dest/program.c" <<'END'
#include <stdio.h>
#include <vh-ask.h>
#include <vh-units.h>
#include <vh-watch.h>

int main(void)
{
    g_autoptr(GError) error = NULL;
    guint64 bytes;

    if (vh_ask_start && vh_watch_new && !vh_parse_size("1 KB", &bytes, &error))
        puts(vh_error_code_name(error->code));
    return 0;
}
END
pc=$(find "$prefix" -name libvirthint.pc)
if [ -n "$pc" ]; then
    mkdir "$dest/pkgconfig"
    sed "s|^prefix=.*|prefix=$prefix|" "$pc" >"$dest/pkgconfig/libvirthint.pc"
    export PKG_CONFIG_PATH=$dest/pkgconfig
    read -r -a flags < <(pkg-config --cflags --libs libvirthint)
    libdir=$(pkg-config --variable=libdir libvirthint)
    "${CC:-cc}" -Wall -Werror -Wno-address -o "$dest/program" "$dest/program.c" "${flags[@]}" ||
        violation "a program does not compile against what is installed"
    if [ -x "$dest/program" ]; then
        said=$(LD_LIBRARY_PATH=$libdir "$dest/program" 2>&1) || true
        [ "$said" = invalid ] || violation "a program against the library said '$said', not 'invalid'"
    fi
fi

# The programs that are installed start, and know their version.
version=$(sed -n -E "s/.*\bversion: '([^']+)'.*/\1/p" "$top/meson.build" | head -n 1)
for program in "$prefix"/bin/virthint "$prefix"/sbin/virthintd; do
    if [ -x "$program" ] && ! "$program" --version 2>/dev/null | grep -qF -- "$version"; then
        violation "${program#"$prefix/"} --version does not say $version"
    fi
done

if [ $violations -ne 0 ]; then exit 1; fi
