/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policy directories and the state file, on a real file system. */
#include "vh-files.h"
#include "vh-units.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *dir;
    char *state_path;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture->dir = g_dir_make_tmp("virthint-test-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->state_path = g_build_filename(fixture->dir, "state.json", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(fixture->dir, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(fixture->dir), ==, 0);
    g_free(fixture->dir);
    g_free(fixture->state_path);
}

static void write_file(const Fixture *fixture, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

static void test_empty_directory(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = vh_files_load_policy(fixture->dir, &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->interval_us, ==, 5 * VH_SEC);
}

static void test_order_of_names(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    write_file(fixture, "20-b.json", "{\"version\": 1, \"interval\": \"20s\"}");
    write_file(fixture, "10-a.json",
               "{\"version\": 1, \"interval\": \"10s\","
               " \"max_in_flight\": 9}");
    write_file(fixture, ".30-hidden.json", "nonsense");
    write_file(fixture, "30-c.json.bak", "nonsense");
    write_file(fixture, "README", "nonsense");
    g_autoptr(VhConfig) config = vh_files_load_policy(fixture->dir, &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->interval_us, ==, 20 * VH_SEC);
    g_assert_cmpuint(config->max_in_flight, ==, 9);
}

static void test_several_paths(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    write_file(fixture, "a.json", "{\"version\": 1, \"interval\": \"20s\"}");
    write_file(fixture, "last", "{\"version\": 1, \"interval\": \"30s\"}");
    g_autofree char *last = g_build_filename(fixture->dir, "last", NULL);
    const char *const paths[] = {fixture->dir, last, NULL};
    g_autoptr(VhConfig) config = vh_files_load_policies(paths, &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->interval_us, ==, 30 * VH_SEC);
}

static void test_error_names_the_file(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    write_file(fixture, "a.json", "{\"version\": 1,\n\"quux\": 1}");
    g_autofree char *prefix = g_strdup_printf("%s/a.json:2: /quux: ", fixture->dir);
    g_assert_null(vh_files_load_policy(fixture->dir, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_true(g_str_has_prefix(error->message, prefix));
}

/* Who reads files knows XPath, with the namespaces of all of them. */
static void test_xpath(Fixture *fixture, gconstpointer data)
{
    static const char *const policies[] = {
        "{\"version\": 1, \"match\": [\n{\"xpath\": \"//inv:a\", \"class\": \"batch\"}]}",
        "{\"version\": 1, \"match\": [\n{\"xpath\": \"//inv:a[\", \"class\": \"batch\"}]}",
    };
    g_autofree char *prefix = g_strdup_printf("%s/a.json:2: /match/0/xpath: ", fixture->dir);
    write_file(fixture, "b.json", "{\"version\": 1, \"namespaces\": {\"inv\": \"urn:inv\"}}");
    for (guint i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autoptr(GError) error = NULL;
        write_file(fixture, "a.json", policies[i]);
        g_autoptr(VhConfig) config = vh_files_load_policy(fixture->dir, &error);
        if (i == 0) {
            g_assert_no_error(error);
            g_assert_cmpstr(config->matches[0].xpath, ==, "//inv:a");
            continue;
        }
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, prefix));
    }
}

static void test_missing(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(fixture->dir, "nowhere", NULL);
    g_assert_null(vh_files_load_policy(path, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_assert_nonnull(strstr(error->message, path));
}

/* Neither holds the reader up, nor fills its memory. */
static void test_not_a_regular_file(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *fifo = g_build_filename(fixture->dir, "a.json", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_null(vh_files_load_policy(fixture->dir, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "not a regular file"));
    g_clear_error(&error);
    g_assert_null(vh_files_load_policy("/dev/zero", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

static void test_huge_file(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    write_file(fixture, "a.json", "{");
    g_autofree char *path = g_build_filename(fixture->dir, "a.json", NULL);
    g_assert_cmpint(truncate(path, (off_t)1 << 40), ==, 0);
    g_assert_null(vh_files_load_policy(path, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "too long"));
}

static VhState *state_with_guests(guint n_guests)
{
    VhState *state = vh_state_new();
    for (guint i = 0; i < n_guests; i++) {
        VhUuid uuid = {{(guint8)(i + 1)}};
        vh_state_get(state, &uuid)->overhead_bytes = i + 1;
    }
    return state;
}

static void test_state_round_trip(Fixture *fixture, gconstpointer data)
{
    g_autofree char *warning = NULL;
    for (guint n_guests = 3; n_guests > 0; n_guests--) { /* the second one replaces the first */
        g_autoptr(GError) error = NULL;
        g_autoptr(VhState) state = state_with_guests(n_guests);
        g_assert_true(vh_files_save_state(fixture->state_path, state, &error));
        g_assert_no_error(error);
        g_autoptr(VhState) again = vh_files_load_state(fixture->state_path, &warning);
        g_assert_null(warning);
        g_assert_cmpuint(again->guests->len, ==, n_guests);
    }
    g_autofree char *fresh = g_strconcat(fixture->state_path, ".new", NULL);
    g_assert_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
}

static void test_state_of_a_crash(Fixture *fixture, gconstpointer data)
{
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = state_with_guests(2);
    g_assert_true(vh_files_save_state(fixture->state_path, state, &error));
    write_file(fixture, "state.json.new", "{\"version\": 1, \"gue");
    g_autoptr(VhState) old = vh_files_load_state(fixture->state_path, &warning);
    g_assert_null(warning);
    g_assert_cmpuint(old->guests->len, ==, 2);
    g_assert_true(vh_files_save_state(fixture->state_path, state, &error));
    g_assert_no_error(error);
}

static void test_state_missing(Fixture *fixture, gconstpointer data)
{
    g_autofree char *warning = NULL;
    g_autoptr(VhState) state = vh_files_load_state(fixture->state_path, &warning);
    g_assert_null(warning);
    g_assert_cmpuint(state->guests->len, ==, 0);
}

static void test_state_damaged(Fixture *fixture, gconstpointer data)
{
    g_autofree char *warning = NULL;
    g_autofree char *aside = g_strconcat(fixture->state_path, ".damaged", NULL);
    g_autofree char *kept = NULL;
    write_file(fixture, "state.json", "{\"version\": 1,\n\"guests\": {]}");
    g_autoptr(VhState) state = vh_files_load_state(fixture->state_path, &warning);
    g_assert_cmpuint(state->guests->len, ==, 0);
    g_assert_nonnull(strstr(warning, "line 2: "));
    g_assert_nonnull(strstr(warning, aside));
    g_assert_false(g_file_test(fixture->state_path, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_get_contents(aside, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "{\"version\": 1,\n\"guests\": {]}");
}

static void test_state_unreadable(Fixture *fixture, gconstpointer data)
{
    g_autofree char *warning = NULL;
    g_autoptr(VhState) state = vh_files_load_state(fixture->dir, &warning);
    g_assert_cmpuint(state->guests->len, ==, 0);
    g_assert_nonnull(strstr(warning, "not a regular file"));
    g_assert_true(g_file_test(fixture->dir, G_FILE_TEST_IS_DIR));
}

static void test_state_not_written(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = state_with_guests(1);
    g_autofree char *path = g_build_filename(fixture->dir, "nowhere", "state.json", NULL);
    g_assert_false(vh_files_save_state(path, state, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*run)(Fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/files/empty-directory", test_empty_directory},
        {"/files/order-of-names", test_order_of_names},
        {"/files/several-paths", test_several_paths},
        {"/files/error-names-the-file", test_error_names_the_file},
        {"/files/xpath", test_xpath},
        {"/files/missing", test_missing},
        {"/files/not-a-regular-file", test_not_a_regular_file},
        {"/files/huge-file", test_huge_file},
        {"/files/state-round-trip", test_state_round_trip},
        {"/files/state-of-a-crash", test_state_of_a_crash},
        {"/files/state-missing", test_state_missing},
        {"/files/state-damaged", test_state_damaged},
        {"/files/state-unreadable", test_state_unreadable},
        {"/files/state-not-written", test_state_not_written},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
