/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks apt first with the system's lists, which need no download of their own; where those are
 * missing or stale, with lists of our own, made from the system's sources.
 */
#include "vh-lab-apt.h"

#include <string.h>

#include "vh-error.h"

#define META_PACKAGE "linux-image-cloud-amd64"

typedef struct {
    const char *dir;
    gboolean own_state;
} Apt;

/* apt's options for a state of our own; the system's may be stale, or another user's to update. */
static GPtrArray *command(const Apt *apt, const char *tool)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(argv, g_strdup(tool));
    g_ptr_array_add(argv, g_strdup("-q"));
    g_ptr_array_add(argv, g_strdup("-oAPT::Sandbox::User="));
    if (apt->own_state) {
        g_ptr_array_add(argv, g_strdup_printf("-oDir::State=%s/apt", apt->dir));
        g_ptr_array_add(argv, g_strdup_printf("-oDir::State::lists=%s/apt/lists", apt->dir));
        g_ptr_array_add(argv, g_strdup_printf("-oDir::Cache=%s/apt", apt->dir));
        g_ptr_array_add(argv, g_strdup("-oDir::State::status=/var/lib/dpkg/status"));
    }
    return argv;
}

/* Up to two arguments, NULL where there are fewer. */
static gboolean run(const Apt *apt, const char *tool, const char *verb, const char *first,
                    const char *second, char **ret_output, GError **error)
{
    g_autoptr(GPtrArray) argv = command(apt, tool);

    g_ptr_array_add(argv, g_strdup(verb));
    if (first)
        g_ptr_array_add(argv, g_strdup(first));
    if (second)
        g_ptr_array_add(argv, g_strdup(second));
    g_ptr_array_add(argv, NULL);
    return vh_lab_run_tool(apt->dir, (const char *const *)argv->pdata, ret_output, error);
}

/* "Version: 6.1.192-2" and "Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)" */
static char *field(const char *stanza, const char *pattern)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    return g_regex_match(regex, stanza, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* The kernel's package out of what apt shows of the packages that stand for one. Of a branch its
 * newest version; otherwise the first that is shown, apt's own choice. */
static char *choose_package(const char *show, const char *branch)
{
    g_autofree char *prefix = branch ? g_strconcat(branch, ".", NULL) : NULL;
    g_auto(GStrv) stanzas = g_strsplit(show, "\n\n", -1);
    g_autofree char *best_version = NULL;
    char *best = NULL;

    for (guint i = 0; stanzas[i]; i++) {
        g_autofree char *version = field(stanzas[i], "^Version: ([^ ]+)$");
        g_autofree char *package =
            field(stanzas[i], "^Depends:.*?(linux-image-[0-9][^ ,(]*-cloud-amd64)");

        if (!version || !package)
            continue;
        if (!prefix)
            return g_steal_pointer(&package);
        if (!g_str_has_prefix(version, prefix) || (best && strverscmp(version, best_version) < 0))
            continue;
        g_free(best);
        g_free(best_version);
        best = g_steal_pointer(&package);
        best_version = g_steal_pointer(&version);
    }
    return best;
}

static gboolean download(const Apt *apt, const char *branch, GError **error)
{
    /* Security updates bring newer branches under a name that has the branch in it. */
    g_autofree char *newer = branch ? g_strdup_printf("linux-image-%s-cloud-amd64", branch) : NULL;
    g_autofree char *show = NULL, *package = NULL;

    if (!run(apt, "apt-cache", "show", META_PACKAGE, newer, &show, error))
        return FALSE;
    package = choose_package(show, branch);
    if (!package) {
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "apt's " META_PACKAGE " names no kernel package%s%s", branch ? " of " : "",
                    branch ? branch : "");
        return FALSE;
    }
    return run(apt, "apt-get", "download", package, NULL, NULL, error);
}

gboolean vh_lab_apt_download_kernel(const char *dir, const char *branch, VhLabProgress progress,
                                    gpointer data, GError **error)
{
    g_autofree char *lists = g_build_filename(dir, "apt/lists/partial", NULL);
    g_autofree char *archives = g_build_filename(dir, "apt/archives/partial", NULL);
    g_autoptr(GError) update = NULL;
    Apt apt = {.dir = dir};

    if (download(&apt, branch, NULL))
        return TRUE;
    if (progress)
        progress("downloading apt's package lists", data);
    g_mkdir_with_parents(lists, 0700);
    g_mkdir_with_parents(archives, 0700);
    apt.own_state = TRUE;
    /* One source that fails, of several, does not matter if the package is found. */
    if (!run(&apt, "apt-get", "update", NULL, NULL, NULL, &update))
        g_debug("%s", update->message);
    if (!download(&apt, branch, error)) {
        g_prefix_error(error,
                       "no kernel for guests (it comes from Debian's package " META_PACKAGE "): ");
        return FALSE;
    }
    return TRUE;
}
