/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-sim-files.h. */
#include "vh-sim-files.h"

#include <string.h>

#define SUFFIX ".json"

static void free_file(gpointer data)
{
    VhSimFile *file = data;

    g_free(file->path);
    vh_scenario_free(file->scenario);
    g_free(file);
}

GPtrArray *vh_sim_files_new(void)
{
    return g_ptr_array_new_with_free_func(free_file);
}

/* In the source tree the shipped ones are those of the tree, so that a build can be tried without
 * being installed. */
static const char *shipped_folder(void)
{
    const char *named = g_getenv("VIRTHINT_SCENARIOS");

    if (named)
        return named;
    return g_file_test(VH_SCENARIOS_INSTALLED, G_FILE_TEST_IS_DIR) ? VH_SCENARIOS_INSTALLED
                                                                   : VH_SCENARIOS_SOURCE;
}

static gboolean read_text(const char *path, char **ret_text, gsize *ret_length, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (g_file_get_contents(path, ret_text, ret_length, &cause))
        return TRUE;
    g_set_error(error, VH_ERROR,
                g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? VH_ERROR_GONE
                                                                         : VH_ERROR_FAILED,
                "%s", cause->message);
    return FALSE;
}

static gboolean add_file(GPtrArray *files, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;

    if (!read_text(path, &text, &length, error))
        return FALSE;
    VhScenario *scenario = vh_scenario_parse(path, text, length, error);
    if (!scenario)
        return FALSE;
    VhSimFile file = {.path = g_strdup(path), .scenario = scenario};
    g_ptr_array_add(files, g_memdup2(&file, sizeof(file)));
    return TRUE;
}

gboolean vh_sim_files_add(GPtrArray *files, const char *name, GError **error)
{
    g_autofree char *base = g_strconcat(name, SUFFIX, NULL);
    g_autofree char *shipped = g_build_filename(shipped_folder(), base, NULL);
    gboolean is_name = vh_class_name_is_valid(name) && g_file_test(shipped, G_FILE_TEST_EXISTS) &&
                       !g_file_test(name, G_FILE_TEST_IS_REGULAR);

    if (!is_name && vh_class_name_is_valid(name) && !g_file_test(name, G_FILE_TEST_EXISTS)) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "there is neither a file nor an installed scenario %s; 'virthint simulate "
                    "--list' shows those that are installed",
                    name);
        return FALSE;
    }
    return add_file(files, is_name ? shipped : name, error);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Paths of the "*.json" files of a directory, sorted by name. */
static GPtrArray *list_folder(const char *folder, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &cause);
    const char *name;

    if (!dir) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "%s", cause->message);
        return NULL;
    }
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, SUFFIX) && *name != '.')
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(paths, compare_names);
    return paths;
}

gboolean vh_sim_files_add_shipped(GPtrArray *files, guint sets, GError **error)
{
    g_autoptr(GPtrArray) paths = list_folder(shipped_folder(), error);

    for (guint i = 0; paths && i < paths->len; i++) {
        if (!add_file(files, g_ptr_array_index(paths, i), error))
            return FALSE;
        const VhSimFile *last = g_ptr_array_index(files, files->len - 1);
        if (!(sets & 1u << last->scenario->set))
            g_ptr_array_set_size(files, (gint)files->len - 1);
    }
    return paths != NULL;
}

static void clear_text(gpointer data)
{
    VhPolicyText *text = data;

    g_free((char *)text->name);
    g_free((char *)text->text);
}

GArray *vh_sim_files_policy(const char *path, GError **error)
{
    g_autoptr(GArray) texts = g_array_new(FALSE, TRUE, sizeof(VhPolicyText));
    g_autoptr(GPtrArray) paths = NULL;

    g_array_set_clear_func(texts, clear_text);
    if (!path)
        return g_steal_pointer(&texts);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        paths = list_folder(path, error);
    } else {
        paths = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(paths, g_strdup(path));
    }
    for (guint i = 0; paths && i < paths->len; i++) {
        VhPolicyText text = {.name = g_strdup(g_ptr_array_index(paths, i))};
        char *read = NULL;
        gboolean is_read = read_text(text.name, &read, &text.length, error);

        text.text = read;
        g_array_append_val(texts, text);
        if (!is_read)
            return NULL;
    }
    return paths ? g_steal_pointer(&texts) : NULL;
}
