/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a QEMU which properties its balloon has, where it is safe to run it. */
#include "vh-emulator-check.h"

#include "vh-text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_S 10

/* Root's, or the caller's own, as is each folder above it, and nobody else may write there. */
static gboolean is_safe(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat info;

    if (stat(path, &info) != 0 || (info.st_uid != 0 && info.st_uid != geteuid()) ||
        (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return FALSE;
    return g_str_equal(folder, path) || is_safe(folder);
}

static gboolean check_file(const char *path, GError **error)
{
    g_autofree char *quoted = vh_text_quote(path);
    struct stat info;

    if (stat(path, &info) != 0)
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "emulator %s: %s", quoted, strerror(errno));
    else if (!S_ISREG(info.st_mode) || access(path, X_OK) != 0)
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "emulator %s is no program that can be run",
                    quoted);
    else
        return TRUE;
    return FALSE;
}

typedef struct {
    char *text; /* NULL: there was none */
    gboolean is_done;
} Help;

static void on_help(GObject *process, GAsyncResult *result, gpointer data)
{
    Help *help = data;

    if (!g_subprocess_communicate_utf8_finish(G_SUBPROCESS(process), result, &help->text, NULL,
                                              NULL))
        g_subprocess_force_exit(G_SUBPROCESS(process));
    help->is_done = TRUE;
}

static gboolean on_limit(gpointer data)
{
    g_cancellable_cancel(data);
    return G_SOURCE_REMOVE;
}

/* What it prints of its balloon's properties; NULL: nothing, or not in time. */
static char *help_of(const char *path)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GCancellable) limit = g_cancellable_new();
    g_autoptr(GSource) timer = g_timeout_source_new_seconds(LIMIT_S);
    g_autoptr(GSubprocess) process = NULL;
    Help help = {NULL};

    g_main_context_push_thread_default(context);
    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                               NULL, path, "-device", "virtio-balloon-pci,help", NULL);
    g_source_set_callback(timer, on_limit, limit, NULL);
    g_source_attach(timer, context);
    if (process)
        g_subprocess_communicate_utf8_async(process, NULL, limit, on_help, &help);
    while (process && !help.is_done)
        g_main_context_iteration(context, TRUE);
    g_source_destroy(timer);
    g_main_context_pop_thread_default(context);
    return help.text;
}

gboolean vh_emulator_check(const char *path, VhEmulatorCheck *ret_check, char **ret_why,
                           GError **error)
{
    g_autofree char *real = NULL;
    g_autofree char *help = NULL;
    char *resolved;

    if (!check_file(path, error))
        return FALSE;
    resolved = realpath(path, NULL);
    real = g_strdup(resolved);
    free(resolved);
    if (!real || !is_safe(real)) {
        *ret_check = VH_EMULATOR_UNCHECKED;
        *ret_why = g_strdup(
            "others than root and you can change it, so that it was not run to see whether "
            "it is a patched one");
        return TRUE;
    }
    help = help_of(real);
    if (!help || !strstr(help, "reporting-ctrl")) {
        g_autofree char *quoted = vh_text_quote(path);

        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "emulator %s is no patched QEMU: its balloon has no property reporting-ctrl; "
                    "tools/qemu-build makes one",
                    quoted);
        return FALSE;
    }
    *ret_check = VH_EMULATOR_PATCHED;
    *ret_why = NULL;
    return TRUE;
}
