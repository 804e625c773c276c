/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files, kernel modules and workers of a guest's, through its agent. */
#include <string.h>

#include "vh-lab-private.h"

/* The text of the agent's answer to one request; where it refuses, an error with the reason. */
static char *ask(VhLabGuest *guest, const char *verb, const char *payload, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * 1000;
    g_autofree char *answer = NULL, *text = NULL;
    guint64 id;

    if (!vh_lab_guest_connect(guest, error))
        return NULL;
    id = vh_lab_channel_send(guest->channel, verb, "-", payload, error);
    if (!id)
        return NULL;
    if (!vh_lab_channel_take(guest->channel, id, FALSE, deadline, &answer, &text, error)) {
        vh_lab_channel_forget(guest->channel, id);
        g_prefix_error(error, "guest '%s': ", guest->name);
        return NULL;
    }
    if (!g_str_equal(answer, "refused"))
        return g_steal_pointer(&text);
    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "guest '%s': %s", guest->name, text);
    return NULL;
}

char *vh_lab_guest_read_file(VhLabGuest *guest, const char *path, GError **error)
{
    return ask(guest, "read", path, error);
}

gboolean vh_lab_guest_write_file(VhLabGuest *guest, const char *path, const char *text,
                                 GError **error)
{
    g_autofree char *payload = g_strconcat(path, "\n", text, NULL);
    g_autofree char *answer = ask(guest, "write", payload, error);

    return answer != NULL;
}

gboolean vh_lab_guest_load_module(VhLabGuest *guest, const char *name, GError **error)
{
    g_autofree char *answer = ask(guest, "load", name, error);

    return answer != NULL;
}

gboolean vh_lab_guest_unload_module(VhLabGuest *guest, const char *name, GError **error)
{
    g_autofree char *answer = ask(guest, "unload", name, error);

    return answer != NULL;
}

gboolean vh_lab_guest_stop_stress(VhLabGuest *guest, const char *worker, GError **error)
{
    g_autofree char *answer = ask(guest, "stop", worker ? worker : VH_LAB_DEFAULT_WORKER, error);

    return answer != NULL;
}
