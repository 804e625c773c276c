/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which program libvirt starts as a guest's QEMU. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vh-lab-private.h"

/*
 * libvirt starts an emulator by its path, without arguments of ours, and probes it first: so what
 * comes before QEMU is a script. One for each emulator, as libvirt remembers what it probed.
 */
static char *write_script(const VhLab *lab, const char *emulator, GError **error)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, emulator, -1);
    g_autofree char *file = g_strdup_printf("qemu-nothp-%.12s", sum);
    /* Not among the guests' files: a second host has to find it, too. */
    g_autofree char *path = g_build_filename(lab->dir, file, NULL);
    g_autofree char *quoted = g_shell_quote(emulator);
    g_autofree char *wrapper = g_shell_quote(VH_LAB_NOTHP_PATH);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\nexec %s %s \"$@\"\n", wrapper, quoted);

    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&path);
    if (!g_file_set_contents(path, text, -1, error))
        return NULL;
    if (chmod(path, 0755) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&path);
}

char *vh_lab_emulator(const VhLab *lab, const VhLabGuestSpec *spec, GError **error)
{
    g_autofree char *found =
        spec->emulator ? g_strdup(spec->emulator) : g_find_program_in_path("qemu-system-x86_64");

    if (!found)
        found = g_strdup("/usr/bin/qemu-system-x86_64");
    return spec->no_thp ? write_script(lab, found, error) : g_steal_pointer(&found);
}
