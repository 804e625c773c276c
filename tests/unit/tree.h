/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tree of made-up files, for the readers of the kernel's: a mock, no real kernel is asked. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

typedef struct {
    char *path;
} Root;

static inline void root_set_up(Root *root, gconstpointer data)
{
    root->path = g_dir_make_tmp("virthint-proc-XXXXXX", NULL);
    g_assert_nonnull(root->path);
}

static inline void remove_tree(const char *path)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name;

    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    g_remove(path);
}

static inline void root_tear_down(Root *root, gconstpointer data)
{
    remove_tree(root->path);
    g_free(root->path);
}

static inline void write_file(const Root *root, const char *name, const char *text, gssize length)
{
    g_autofree char *path = g_build_filename(root->path, name, NULL);
    g_autofree char *directory = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, length, NULL));
}
