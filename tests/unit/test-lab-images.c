/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which kernel of the lab's cache a choice means. The kernels here are empty directories. */
#include <glib.h>
#include <glib/gstdio.h>

#include "vh-error.h"
#include "vh-lab-images.h"

typedef struct {
    const char *choice;
    const char *name; /* NULL: refused */
} Case;

static void check(const char *cache, const Case *c)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *found = vh_lab_images_kernel(c->choice, &error);
    g_autofree char *expected = c->name ? g_strdup_printf("%s/kernel-%s", cache, c->name) : NULL;

    g_assert_cmpstr(found, ==, expected);
    if (!expected)
        g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

static void make_cache(const char *cache, const char *const *names)
{
    for (guint i = 0; names[i]; i++) {
        g_autofree char *path = g_strdup_printf("%s/kernel-%s", cache, names[i]);

        g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
    }
}

static void remove_cache(const char *cache)
{
    const char *argv[] = {"rm", "-rf", "--", cache, NULL};
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_lab_run_tool(NULL, argv, NULL, &error));
    g_assert_no_error(error);
}

static void test_choice(void)
{
    static const char *const names[] = {"6.1.0-9-cloud-amd64_6.1.9-1",
                                        "6.1.0-56-cloud-amd64_6.1.192-2",
                                        "6.1.0-57-cloud-amd64_6.1.193-1",
                                        "6.1-debug_6.1.192-2",
                                        "6.12.9+deb12-cloud-amd64_6.12.9-1~deb12u1",
                                        "6.12.117+deb12-cloud-amd64_6.12.117-1~deb12u1",
                                        NULL};
    static const Case without_default[] = {{"6.1", names[2]},
                                           {"6.12", names[5]},
                                           {"6.12.9+deb12-cloud-amd64", names[4]},
                                           {"6.1-debug", names[3]},
                                           {"6.1.0-9-cloud-amd64", names[0]},
                                           {"6.13", NULL},
                                           {"6.1.", NULL},
                                           {NULL, NULL}};
    static const Case with_default[] = {{NULL, names[1]}, {"6.1", names[1]}, {"6.12", names[5]}};
    g_autofree char *cache = g_dir_make_tmp("vh-images-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(cache, "default", NULL);

    g_setenv("VH_LAB_IMAGES", cache, TRUE);
    make_cache(cache, names);
    for (guint i = 0; i < G_N_ELEMENTS(without_default); i++)
        check(cache, &without_default[i]);
    g_assert_true(g_file_set_contents(file, names[1], -1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(with_default); i++)
        check(cache, &with_default[i]);
    remove_cache(cache);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lab-images/choice", test_choice);
    return g_test_run();
}
