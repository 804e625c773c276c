/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Process identity by boot id, PID namespace, PID and start time. Must not know what is owned.
 */
#include "vh-owner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_TIME_FIELD 22 /* of /proc/PID/stat, from 1; see proc(5) */

/* "" where there is none, which then never equals another's. */
static char *read_boot_id(void)
{
    char *text = NULL;

    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
        return g_strdup("");
    return g_strstrip(text);
}

static guint64 pid_namespace(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? (guint64)status.st_ino : 0;
}

/* FALSE where there is no such process. */
static gboolean start_time(guint64 pid, guint64 *ret_ticks)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GUINT64_FORMAT "/stat", pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    const char *rest;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    /* The second field is the program's name in parentheses, and may hold anything. */
    rest = strrchr(text, ')');
    if (!rest)
        return FALSE;
    fields = g_strsplit(rest + 1, " ", START_TIME_FIELD);
    if (g_strv_length(fields) < START_TIME_FIELD - 1)
        return FALSE;
    /* A zombie will not put anything back. */
    if (fields[1][0] == 'Z' || fields[1][0] == 'X')
        return FALSE;
    *ret_ticks = g_ascii_strtoull(fields[START_TIME_FIELD - 2], NULL, 10);
    return TRUE;
}

void vh_owner_write(char *text, gsize size)
{
    g_autofree char *boot = read_boot_id();
    guint64 ticks = 0;

    (void)start_time((guint64)getpid(), &ticks);
    g_snprintf(text, (gulong)size,
               "%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, boot,
               pid_namespace(), (guint64)getpid(), ticks);
}

VhOwnerState vh_owner_look(const char *text)
{
    g_autofree char *boot = read_boot_id();
    g_auto(GStrv) parts = g_strsplit(text, "/", -1);
    guint64 values[3], ticks;

    if (g_strv_length(parts) != 4 || !boot[0] || !g_str_equal(parts[0], boot))
        return VH_OWNER_ELSEWHERE;
    for (int i = 0; i < 3; i++) {
        if (!g_ascii_string_to_unsigned(parts[i + 1], 10, 0, G_MAXUINT64, &values[i], NULL))
            return VH_OWNER_ELSEWHERE;
    }
    if (values[0] != pid_namespace())
        return VH_OWNER_ELSEWHERE;
    if (!start_time(values[1], &ticks) || ticks != values[2])
        return VH_OWNER_DEAD;
    return VH_OWNER_ALIVE;
}
