#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The lints themselves: each passes on a clean little tree and fails, saying where, on one with a
# planted violation. A lint that cannot fail would hold nothing. Prints TAP.
#
# Usage: self-test.sh TOP
#
# shellcheck disable=SC2016 # the planted texts are not for this shell to expand
set -euo pipefail

top=$(realpath "${1:?the top of the tree}")
lint=$top/tests/lint
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# result NAME CONDITION-STATUS
result()
{
    number=$((number + 1))
    if [ "$2" -eq 0 ]; then echo "ok $number $1"; else echo "not ok $number $1"; fi
}

# Makes a clean tree at $work/tree, with something of everything that the lints look at.
make_tree()
{
    rm -rf "$work/tree"
    mkdir -p "$work/tree"/{LICENSES,docs,tools,libvirt-plugin/{base,domain},policy/{core,codec}} \
        "$work/tree"/{guest,qemu-patches/1.0}
    cd "$work/tree"
    touch LICENSES/LGPL-2.1-or-later.txt
    cp "$top/.clang-format" .
    local spdx='/* SPDX-License-Identifier: LGPL-2.1-or-later */'
    printf '%s\n#pragma once\n' "$spdx" >libvirt-plugin/base/vh-low.h
    printf '%s\n#pragma once\n#include "vh-low.h"\n#include <libvirt/libvirt.h>\n' "$spdx" \
        >libvirt-plugin/domain/vh-domain.h
    printf '%s\n#pragma once\n#include "vh-low.h"\n' "$spdx" >policy/core/vh-core.h
    printf '%s\n#include "vh-core.h"\n#include "vh-low.h"\n\n#include <glib.h>\n' "$spdx" \
        >policy/core/vh-core.c
    printf '%s\n#pragma once\n#include "vh-core.h"\n' "$spdx" >policy/codec/vh-text.h
    printf '#!/bin/sh\n# SPDX-License-Identifier: LGPL-2.1-or-later\necho "$1"\n' >tools/show
    printf '# SPDX-License-Identifier: LGPL-2.1-or-later\nimport sys\nsys.exit(0)\n' >tools/show.py
    printf '%s\n#define VIRTIO_B 22\nstruct virtio_b {\n\t__le16 low;\t/* of; all */\n};\n' "$spdx" \
        >guest/vh_balloon_abi.h
    printf '+++ b/%s\n@@ @@\n+#define VIRTIO_B (20 + 2)\n+struct virtio_b {\n+\tuint16_t low;\n+};\n' \
        include/standard-headers/linux/virtio_balloon.h >qemu-patches/1.0/0001-b.patch
    echo 0001-b.patch >qemu-patches/1.0/series
    printf '# Title\n\nSee [the core](../policy/core/vh-core.h).\n' >docs/core.md
}

# passes LINT
passes()
{
    local status=0

    make_tree
    "$lint/$1" "$work/tree" >"$work/log" 2>&1 || status=1
    if [ $status -ne 0 ]; then sed 's/^/# /' "$work/log"; fi
    result "${1%.sh}: a clean tree passes" $status
}

# fails LINT WHAT FILE TEXT EXPECTED: with TEXT appended to FILE it fails and says EXPECTED.
fails()
{
    local status=0

    make_tree
    mkdir -p "$(dirname "$3")"
    printf '%b' "$4" >>"$3"
    if "$lint/$1" "$work/tree" >"$work/log" 2>&1; then
        status=1
        echo "# it passed"
    elif ! grep -qE -- "$5" "$work/log"; then
        status=1
        sed 's/^/# /' "$work/log"
    fi
    result "${1%.sh}: $2" $status
}

passes includes.sh
fails includes.sh 'core may not include codec' policy/core/vh-core.c '#include "vh-text.h"\n' \
    '^policy/core/vh-core.c:[0-9]+: includes vh-text.h of policy/codec/'
fails includes.sh 'libvirt-plugin may not include policy' libvirt-plugin/domain/vh-domain.h \
    '#include "vh-core.h"\n' '^libvirt-plugin/domain/vh-domain.h:[0-9]+: .*of policy/core/'
fails includes.sh 'core may not include libvirt' policy/core/vh-core.c \
    '#include <libvirt/libvirt.h>\n' '^policy/core/vh-core.c:[0-9]+: includes <libvirt/libvirt.h>'
fails includes.sh 'core may not include a clock' policy/core/vh-core.c '#  include <time.h>\n' \
    '<time.h>'
fails includes.sh 'a header name exists once' policy/core/vh-low.h '' 'vh-low.h: a header of this'
fails includes.sh 'a folder without a layer' policy/new/vh-new.h '' 'no line in the table of layers'

passes format.sh
fails format.sh 'an unformatted file' policy/core/vh-core.c 'int  x  ;\n' 'vh-core.c:[0-9]+:'

passes spdx.sh
fails spdx.sh 'a file without a licence' policy/core/vh-new.c 'int x;\n' 'vh-new.c: no SPDX'
# The licence is spelt in two pieces lest it be read as this file's own.
fails spdx.sh 'an unknown licence' policy/core/vh-new.c "/* SPDX-""License-Identifier: None */\n" \
    'vh-new.c: licence None has no text'

passes words.sh
fails words.sh 'a mark of unfinished work' docs/core.md 'TO''DO: more\n' 'docs/core.md:[0-9]+:.*unfini'
fails words.sh 'the number of an issue' policy/core/vh-core.c '/* see issue ''7 */\n' \
    'vh-core.c:[0-9]+:.*issue'
fails words.sh 'a path of one machine' tools/show 'cat /hom''e/me/notes\n' 'tools/show:[0-9]+:.*path'

passes size.sh
fails size.sh 'a long function' policy/core/vh-core.c \
    "void f(void)\n{\n$(printf '    g();\\n%.0s' {1..81})}\n" 'vh-core.c:[0-9]+: a function of 81 lines'
fails size.sh 'a long file' policy/core/vh-core.c "$(printf '\\n%.0s' {1..800})" \
    'vh-core.c: more than 800'

passes python.sh
fails python.sh 'what does not parse' tools/show.py 'if:\n' 'tools/show.py:4: it does not parse'
fails python.sh 'what 3.6 does not know' libvirt-plugin/integrations/new.py \
    'if (n := 1):\n    pass\n' '^libvirt-plugin/integrations/new.py:1: it does not parse'
fails python.sh 'an import that is not used' tools/show.py 'import os\n' 'os is imported and not'
fails python.sh 'a name of nobody' tools/show.py 'show(1)\n' 'tools/show.py:4: show is bound nowhere'
passes shell.sh
fails shell.sh 'an unquoted variable' tools/show 'rm $1\n' 'tools/show:4:.*SC2086'

passes links.sh
fails links.sh 'a dead link' docs/core.md '[x](none.md)\n' 'docs/core.md: links to none.md'
fails links.sh 'a link out of the tree' docs/core.md '[x](../../log)\n' 'outside of the tree'

passes abi.sh
fails abi.sh 'a bit of another value' qemu-patches/1.0/0001-b.patch \
    '+#undef VIRTIO_B\n+#define VIRTIO_B 23\n' 'not so in qemu-patches/1.0: VIRTIO_B 22'
fails abi.sh 'a constant that only the guest has' guest/vh_balloon_abi.h '#define VIRTIO_C 1\n' \
    'guest/vh_balloon_abi.h: not so in qemu-patches/1.0: VIRTIO_C 1'
fails abi.sh 'a struct that only QEMU has' qemu-patches/1.0/0001-b.patch \
    '+struct virtio_c {\n+\tuint16_t low;\n+};\n' 'guest/vh_balloon_abi.h: virtio_c.low at 0'

# plant_patch FOLDER TEXT: the tree's only series, for a version that the lint knows.
plant_patch()
{
    make_tree
    rm -r qemu-patches/1.0
    mkdir -p "$1"
    echo 0001-a.patch >"$1/series"
    printf '%b' "From: A <a@localhost>\nSubject: [PATCH] a: b\n\nSigned-off-by: A <a@localhost>\n---\n$2" \
        >"$1/0001-a.patch"
}

# patches WHAT EXPECTED-STATUS PATCH EXPECTED: in the series of $series.
patches()
{
    local status=0

    plant_patch "$series" "$3"
    "$lint/patches.sh" "$work/tree" >"$work/log" 2>&1 || status=$?
    if [ $status -eq 77 ]; then
        number=$((number + 1))
        echo "ok $number patches: $1 # SKIP no source for $series in the cache"
    elif [ $status -eq "$2" ] && grep -qE -- "$4" "$work/log"; then
        result "patches: $1" 0
    else
        sed 's/^/# /' "$work/log"
        result "patches: $1" 1
    fi
}

series=qemu-patches/7.2
new_file='diff --git a/new.c b/new.c\nnew file mode 100644\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int x'
patches 'a patch that applies passes' 0 "$new_file;\n" '1 patches for QEMU 7.2'
patches 'another style fails' 1 "$new_file; \n" '0001-a.patch:[0-9]+: ERROR: trailing whitespace'
# With fuzz the wrong line of context would be let pass.
patch_file='--- a/hw/virtio/Kconfig\n+++ b/hw/virtio/Kconfig\n@@ -1,4 +1,5 @@'
patches 'a patch that needs fuzz fails' 1 \
    "$patch_file\n config OTHER\n     bool\n+# more\n \n config VIRTIO_RNG\n" 'Hunk #1 FAILED at 1'

series=libvirt-plugin/virsh/patches/9.0
patches 'a patch of virsh that applies passes' 0 "$new_file;\n" '1 patches for libvirt 9.0'
patches 'blanks at the end of a line fail' 1 "$new_file; \n" '^[0-9]+:\+int x; $'
patches 'another style than of libvirt fails' 1 "$new_file ;\n" 'Whitespace'
patch_file='--- a/tools/vsh.h\n+++ b/tools/vsh.h\n@@ -1,3 +1,4 @@'
patches 'a patch of virsh that needs fuzz fails' 1 \
    "$patch_file\n /* other\n  * vsh.h: common data to be used by clients to exercise the libvirt API\n+ * more\n  *\n" \
    'Hunk #1 FAILED at 1'

# driver WHAT EXPECTED-STATUS FILE TEXT EXPECTED: the real driver, with TEXT appended to FILE.
driver()
{
    local status=0

    make_tree
    cp "$top"/guest/* guest/
    cp "$top/meson.build" .
    printf '%b' "$4" >>"$3"
    "$lint/driver.sh" "$work/tree" >"$work/log" 2>&1 || status=$?
    if [ $status -eq 77 ]; then
        number=$((number + 1))
        echo "ok $number driver: $1 # SKIP no headers of a kernel in the cache"
    elif [ $status -eq "$2" ] && grep -qE -- "$5" "$work/log"; then
        result "driver: $1" 0
    else
        sed 's/^/# /' "$work/log"
        result "driver: $1" 1
    fi
}

driver 'the driver passes' 0 docs/core.md '' 'checkpatch.pl is content'
driver 'a finding of the compiler, of sparse and of checkpatch.pl fails' 1 guest/stats.c \
    'int vh_planted(void);\nint vh_planted(void)\n{\n\t__le32 x=5;\n\treturn *(int *)&x;\n}\n' \
    'stats.c:[0-9]+:[0-9]+: warning: incorrect type in initializer'
driver 'another version in the description for DKMS fails' 1 guest/dkms.conf \
    'PACKAGE_VERSION="0"\n' 'dkms.conf: PACKAGE_VERSION'

# archive_of NAME C-TEXT
archive_of()
{
    printf '%b' "$2" >"$work/$1.c"
    "${CC:-cc}" -O1 -c -o "$work/$1.o" "$work/$1.c"
    rm -f "$work/$1.a"
    ar rc "$work/$1.a" "$work/$1.o"
}

# purity WHAT EXPECTED-STATUS C-TEXT EXPECTED
purity()
{
    local status=0

    archive_of pure "$3"
    "$lint/purity.sh" "$work/pure.a" >"$work/log" 2>&1 || status=$?
    if [ ! -s "$work/log" ]; then echo >"$work/log"; fi
    if [ $status -eq "$2" ] && grep -qE -- "$4" "$work/log"; then status=0; else status=1; fi
    if [ $status -ne 0 ]; then sed 's/^/# /' "$work/log"; fi
    result "purity: $1" $status
}

purity 'computing passes' 0 \
    '#include <math.h>\ndouble f(double x) { return exp(x); }\n' '^$'
purity 'a clock fails' 1 '#include <time.h>\nlong f(void) { return time(0); }\n' 'calls time, from'
purity 'output fails' 1 \
    '#include <stdio.h>\nvoid f(int i) { printf("%%d", i); }\n' 'calls (__)?printf'
purity 'the environment fails' 1 \
    '#include <stdlib.h>\nchar *f(void) { return getenv("X"); }\n' 'calls getenv'
purity 'hash order fails' 1 \
    'void g_hash_table_foreach(void);\nvoid f(void) { g_hash_table_foreach(); }\n' 'hash_table'

# counts WHAT LOG EXPECTED
counts()
{
    local got

    got=$(printf '%b' "$2" | awk -f "$lint/count.awk")
    if [ "$got" = "$3" ]; then result "count: $1" 0; else
        echo "# got $got, not $3"
        result "count: $1" 1
    fi
}

counts 'TAP subtests' \
    '{"name": "a", "stdout": "ok 1 x\\\\nnot ok 2 y\\\\nok 3 z # SKIP no kvm\\\\n1..3\\\\n", "result": "FAIL"}\n' \
    '1 1 1'
counts 'a program without TAP' '{"name": "a", "stdout": "ok 1 x", "result": "OK"}\n' '1 0 0'
counts 'a crash after passed subtests' \
    '{"name": "a", "stdout": "1..2\\\\nok 1 x\\\\n", "result": "ERROR"}\n' '1 1 0'
counts 'a time-out without output' '{"name": "a", "result": "TIMEOUT"}\n' '0 1 0'
counts 'a quoted result is no result' \
    '{"name": "a", "stdout": "\\\\"result\\\\": \\\\"FAIL\\\\"", "result": "SKIP"}\n' '0 0 1'

# An installation that lacks nearly everything, and has what is not for users.
make_tree
printf '#!/bin/sh\n' >virthint
cat >meson.build <<'END'
project('little', version: '0.0.1')
install_data('virthint', install_dir: 'bin', install_mode: 'rwxr-xr-x')
install_data('virthint', install_dir: 'bin', rename: 'virthint-demo')
END
status=0
meson setup "$work/build" . >/dev/null
"$lint/install.sh" . "$work/build" >"$work/log" 2>&1 || status=$?
for expected in 'not installed: sbin/virthintd' 'only of use in the tree: .*virthint-demo' \
    'bin/virthint --version does not say 0.0.1'; do
    if [ $status -eq 1 ] && grep -qE -- "$expected" "$work/log"; then
        result "install: $expected" 0
    else
        sed 's/^/# /' "$work/log"
        result "install: $expected" 1
    fi
done

# A library of two functions, and one of its own. library WHAT LINT EXPECTED-STATUS EXPECTED
# SED-EXPRESSION FILE: with the file changed by it, before it is built.
make_library()
{
    make_tree
    cat >meson.build <<'END'
project('little', 'c', version: '0.1.0', default_options: ['buildtype=debug'])
map = meson.current_source_dir() / 'libvirt-plugin/libvirthint.map'
library = shared_library('virthint', 'a.c', version: '0.1.0', install: true,
  gnu_symbol_visibility: 'hidden', link_args: '-Wl,--version-script=' + map)
install_headers('libvirt-plugin/base/vh-a.h', 'virthint.h', subdir: 'virthint')
import('pkgconfig').generate(library, name: 'libvirthint', filebase: 'libvirthint',
  description: 'little', subdirs: ['.', 'virthint'])
END
    cat >libvirt-plugin/base/vh-a.h <<'END'
#pragma once
#define VH_PUBLIC __attribute__((visibility("default")))
#define VH_VERSION_MAJOR 0
#define VH_VERSION_MINOR 1
#define VH_VERSION_STRING "0.1.0"
#define VH_CHECK_VERSION(major, minor, micro) ((minor) < 2)
typedef struct {
    int number;
} VhA;
VH_PUBLIC int vh_a(VhA *a);
VH_PUBLIC const char *vh_version(void);
END
    echo '#include "vh-a.h"' >virthint.h
    printf '#include "libvirt-plugin/base/vh-a.h"\nint vh_a(VhA *a) { return a->number; }\n%s\n' \
        'const char *vh_version(void) { return "0.1.0"; }' >a.c
    echo 'VH_PUBLIC int vh_b(void); int vh_b(void) { return 0; }' >>a.c
    printf 'LIBVIRTHINT_0.1.0 {\nglobal:\n    vh_a;\n    vh_version;\nlocal:\n    *;\n};\n' \
        >libvirt-plugin/libvirthint.map
    mkdir -p libvirt-plugin/abi
}

build_library()
{
    rm -rf "$work/build"
    meson setup "$work/build" . >/dev/null
    ninja -C "$work/build" >/dev/null
}

library()
{
    local status=0

    make_library
    if [ "$2" = library-abi.sh ] && command -v abidw >/dev/null; then
        build_library
        "$lint/$2" . "$work/build" --renew
    fi
    sed -i -E "$5" "$6"
    build_library
    "$lint/$2" . "$work/build" >"$work/log" 2>&1 || status=$?
    if [ $status -eq 77 ]; then
        number=$((number + 1))
        echo "ok $number ${2%.sh}: $1 # SKIP $(head -n 1 "$work/log")"
    elif [ $status -eq "$3" ] && { [ -z "$4" ] || grep -qE -- "$4" "$work/log"; }; then
        result "${2%.sh}: $1" 0
    else
        sed 's/^/# /' "$work/log"
        result "${2%.sh}: $1" 1
    fi
}

library 'a library passes' library.sh 0 '2 functions' '' a.c
library 'a function that is not exported fails' library.sh 1 \
    'vh_a is VH_PUBLIC and not exported' 's/ vh_a;//' libvirt-plugin/libvirthint.map
library 'a name that is nowhere fails' library.sh 1 'names vh_gone, which is not there' \
    's/ vh_a;/ vh_a;\n    vh_gone;/' libvirt-plugin/libvirthint.map
library 'what no header has is not exported' library.sh 1 'vh_b is exported, and VH_PUBLIC in no' \
    's/ vh_a;/ vh_a;\n    vh_b;/' libvirt-plugin/libvirthint.map
library 'what is public is installed' library.sh 1 'vh-low.h: says VH_PUBLIC, and is not' \
    '$a VH_PUBLIC int vh_low(void);' libvirt-plugin/base/vh-low.h
library 'a header for C alone fails' library.sh 1 'vh-a.h> does not compile by itself: .*g\+\+' \
    's/int vh_a\(VhA \*a/int vh_a(VhA *class/' libvirt-plugin/base/vh-a.h
library 'a header is in virthint.h' library.sh 1 'virthint.h does not include vh-a.h' \
    's/.*/#include <vh-a.h>/' virthint.h
library 'the same interface passes' library-abi.sh 0 '' 's/a->number/a->number + 1/' a.c
library 'another struct fails' library-abi.sh 1 'data member insertion' 's/int number;/&\n int more;/' \
    libvirt-plugin/base/vh-a.h
library 'a function that is gone fails' library-abi.sh 1 'built before would break' \
    's/vh_a\(/vh_aa(/' a.c

# Programs of a few words, and their man pages.
make_man()
{
    make_tree
    mkdir docs/man
    printf '#pragma once\nVH_PUBLIC int vh_a(void);\n' >libvirt-plugin/base/vh-a.h
    cat >virthint <<'END'
#!/bin/sh
case "$*" in
complete*) printf 'class=\nuntil=\n' ;;
list*) printf '%s\n' 'Usage: virthint list [OPTION...] [NAME]' '' 'Lists.' '' 'Arguments:' \
    '  NAME                      whom' '' 'Options:' '  -a, --all=KIND            all' '' \
    'Common options:' '  -q, --quiet               say less' ;;
*) printf '%s\n' 'Usage: virthint COMMAND' '' 'Commands:' '  list [NAME]             list them' '' \
    'Options:' '  -q, --quiet               say less' '      --bus=ADDRESS         where' '' ;;
esac
END
    printf '#!/bin/sh\nprintf "%%s\\n" "  -h, --help    Help" "  --sockets=PATTERN  Follow"\n' \
        >virthintd
    cat >virsh-hint <<'END'
#!/bin/sh
case "$*" in
'help hint') echo '    hint-list                      list them' ;;
*) printf '%s\n' '  SYNOPSIS' '    hint-list [<name>] [--all <string>] [--json]' ;;
esac
END
    chmod +x virthint virthintd virsh-hint
    page virthint 1 'list them' <<'END'
COMMANDS
========

`virthint-list(1) <virthint-list.1.rst>`__
    list them

OPTIONS
=======

``-q, --quiet``
    say less

``--bus=ADDRESS``
    where
END
    page virthint-list 1 'list them' <<'END'
SYNOPSIS
========

**virthint list** [*OPTION*...] [*NAME*]

OPTIONS
=======

``-a, --all=KIND``
    all of them, but for ``--name``
END
    page virthintd 8 'serve' <<'END'
OPTIONS
=======

``-h, --help``
    help

``--sockets=PATTERN``
    follow
END
    page virsh-hint 1 'the same' <<'END'
SYNOPSIS
========

| **virsh** **hint-list** [*name*] [*--all KIND*]
END
    printf 'CALLS\n=====\n\n``vh-a.h``\n    a: ``vh_a()``\n' | page libvirthint 3 'call them'
    printf 'METADATA\n========\n\n``class``\n    a class\n\n``until``\n    a time\n' |
        page virthint-policy 5 'treat them'
}

# page NAME SECTION WHAT: with its text from stdin.
page()
{
    local line

    line=$(tr -c '' '=' <<<"$1$3")
    {
        printf '%s\n' "$line" "$1" "$line" '' "${line//=/-}" "$3" "${line//=/-}" '' \
            ":Manual section: $2" ''
        cat
    } >"docs/man/$1.$2.rst"
    echo "  '$1.$2'," >>docs/man/meson.build
}

# man WHAT EXPECTED-STATUS EXPECTED SED-EXPRESSION FILE: with the file changed by it.
man()
{
    local status=0

    make_man
    cp "$5" "$work/before"
    sed -i -E "$4" "$5"
    "$lint/man.sh" "$work/tree" ./virthint ./virthintd ./virsh-hint >"$work/log" 2>&1 || status=$?
    if [ -n "$4" ] && cmp -s "$5" "$work/before"; then echo "$5 was not changed" >"$work/log"; fi
    if [ $status -eq "$2" ] && { [ -z "$3" ] || grep -qE -- "$3" "$work/log"; }; then
        result "man: $1" 0
    else
        sed 's/^/# /' "$work/log"
        result "man: $1" 1
    fi
}

man 'pages that say what is there pass' 0 '' '' virthint
man 'an option that is new' 1 'virthint-list.1.rst: lacks "-b, --big"' \
    "s/'  -a, --all=KIND  /'  -b, --big   big' &/" virthint
man 'another letter' 1 'virthint-list.1.rst: has "-A, --all=KIND", which does not' 's/-a, --/-A, --/' \
    docs/man/virthint-list.1.rst
man 'another word for a value' 1 'lacks "--bus=ADDRESS"' 's/=ADDRESS/=URI/' docs/man/virthint.1.rst
man 'an option that is made up' 1 'names --none, which no' 's/--name/--none/' \
    docs/man/virthint-list.1.rst
man 'other operands' 1 'virthint-list.1.rst: lacks "virthint list \[OPTION...\] \[NAME\]"' \
    's/ \[\*NAME\*\]//' docs/man/virthint-list.1.rst
man 'a command that is for something else' 1 'virthint.1.rst: has "list: list us"' \
    's/^    list them/    list us/' docs/man/virthint.1.rst
man 'a title that says something else' 1 'virthint-list.1.rst: does not say: list them' \
    '0,/list them/s//list us/' docs/man/virthint-list.1.rst
man 'a command without a page' 1 'virthint-show.1.rst: virthint show has no page' \
    "s/'  list \\[NAME\\] .*/'  show    show' &/" virthint
man 'a page without a command' 1 'virthint-list.1.rst: there is no command list' \
    "s/'  list \\[NAME\\] +/'  show   /" virthint
man 'an option of the daemon' 1 'virthintd.8.rst: lacks "--state=FILE"' \
    's/"  -h/"  --state=FILE  State" &/' virthintd
man 'an option in virsh' 1 'virsh-hint.1.rst: lacks "hint-list <name> --all --big "' \
    's/\[--json\]/[--big] &/' virsh-hint
man 'a call that is new' 1 'libvirthint.3.rst: lacks "vh-a.h: vh_b"' '$a VH_PUBLIC void vh_b(int b);' \
    libvirt-plugin/base/vh-a.h
man 'a call that is gone' 1 'has "vh-a.h: vh_a", which does not' 's/int vh_a/int vh_aa/' \
    libvirt-plugin/base/vh-a.h
man 'a key of metadata that is gone' 1 'virthint-policy.5.rst: has "until", which' 's/until=.n//' \
    virthint
man 'a page that is not built' 1 'docs/man/meson.build does not build it' '/list/d' docs/man/meson.build
man 'a page of another section' 1 'virthintd.8.rst: is not of section 8' 's/section: 8/section: 1/' \
    docs/man/virthintd.8.rst
man 'a link to another page' 1 'leads to another page' 's/<virthint-list.1/<virthint.1/' \
    docs/man/virthint.1.rst
man 'a long line' 1 'virthint.1.rst:[0-9]+: over 100 columns' \
    "s/say less/$(printf 'less %.0s' {1..25})/" docs/man/virthint.1.rst
if command -v rst2man >/dev/null || command -v rst2man.py >/dev/null; then
    man 'a slip in the text' 1 'virthint-list.1.rst: rst2man: ' 's/all of them/all *of them/' \
        docs/man/virthint-list.1.rst
else
    number=$((number + 1))
    echo "ok $number man: a slip in the text # SKIP no rst2man"
fi
fails links.sh 'a dead link in a man page' docs/page.1.rst 'x\n\n`x(1) <none.1.rst>`__\n' \
    'page.1.rst: links to none.1.rst'

# setup_refuses WHAT OS-RELEASE EXPECTED
setup_refuses()
{
    local status=0

    printf '%b' "$2" >"$work/os-release"
    VIRTHINT_OS_RELEASE=$work/os-release "$top/tools/setup" -y >"$work/log" 2>&1 </dev/null ||
        status=$?
    if [ $status -eq 1 ] && [ "$(wc -l <"$work/log")" -eq 1 ] && grep -qE -- "$3" "$work/log"; then
        result "setup: $1" 0
    else
        sed 's/^/# /' "$work/log"
        result "setup: $1" 1
    fi
}

setup_refuses 'another system' 'ID=fedora\nPRETTY_NAME="Fedora 40"\n' 'Debian 12 .*this is Fedora 40'
setup_refuses 'another release' 'ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian 11"\n' 'Debian 11'

echo "1..$number"
