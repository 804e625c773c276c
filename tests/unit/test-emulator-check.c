/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is no patched QEMU is told, and what others can change is not run. */
#include "vh-emulator-check.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder;

/* A program that leaves a mark when it is run. */
static char *make_program(int mode)
{
    g_autofree char *mark = g_build_filename(folder, "mark", NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\ntouch '%s'\necho reporting-ctrl\n", mark);
    char *path = g_build_filename(folder, "qemu", NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
    return path;
}

static void assert_refused(const char *path, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;
    VhEmulatorCheck check;

    g_assert_false(vh_emulator_check(path, &check, &why, &error));
    g_test_message("%s", error->message);
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, says));
    g_assert_null(why);
}

static void test_refused(void)
{
    g_autofree char *plain = make_program(0644);
    struct stat info;

    assert_refused("/no/such/program", "No such file");
    assert_refused(plain, "no program");
    assert_refused(folder, "no program");
    /* it can be checked only where it is safe to run, as it is in an ordinary system */
    if (g_stat("/bin/true", &info) != 0 || info.st_uid != 0)
        g_test_skip("/bin/true is not root's here");
    else
        assert_refused("/bin/true", "no patched QEMU");
}

/* In a folder where everybody may write. */
static void test_unchecked(void)
{
    g_autofree char *path = make_program(0755);
    g_autofree char *mark = g_build_filename(folder, "mark", NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;
    VhEmulatorCheck check;

    g_assert_cmpint(g_chmod(folder, 0777), ==, 0);
    g_assert_true(vh_emulator_check(path, &check, &why, &error));
    g_assert_no_error(error);
    g_assert_cmpint(check, ==, VH_EMULATOR_UNCHECKED);
    g_assert_nonnull(strstr(why, "not run"));
    g_assert_false(g_file_test(mark, G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("virthint-test-XXXXXX", &error);
    g_assert_no_error(error);
    g_test_add_func("/emulator-check/refused", test_refused);
    g_test_add_func("/emulator-check/unchecked", test_unchecked);
    status = g_test_run();
    g_autofree char *path = g_build_filename(folder, "qemu", NULL);
    g_remove(path);
    g_rmdir(folder);
    g_free(folder);
    return status;
}
