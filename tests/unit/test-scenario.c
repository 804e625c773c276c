/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenario files: what is read, what is refused and where, and that the documentation is complete.
 */
#include "vh-scenario.h"

#include <string.h>

#define HEAD "{\"version\": 1, \"name\": \"a\", \"host\": {\"memory\": \"8GiB\"},\n"
#define GUESTS "\"guests\": [{\"family\": \"idle\", \"name\": \"g\", \"memory\": \"1GiB\"}]"

static VhScenario *parse(const char *text, GError **error)
{
    return vh_scenario_parse("f", text, strlen(text), error);
}

static void test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhScenario) scenario = parse(HEAD GUESTS "}", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(scenario->name, ==, "a");
    g_assert_cmpint(scenario->set, ==, VH_SET_EXAMPLE);
    g_assert_cmpint(scenario->horizon_us, ==, 2 * VH_HOUR);
    g_assert_cmpuint(scenario->host.memory_bytes, ==, 8 * VH_GIB);
    g_assert_cmpuint(scenario->n_guests, ==, 1);
    g_assert_cmpmem(&scenario->guests[0].params, sizeof(VhSimParams),
                    vh_sim_family_params(VH_FAMILY_IDLE), sizeof(VhSimParams));
}

/* A family's defaults hold wherever the key stands, and are changed one by one. */
static void test_params(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhScenario) scenario =
        parse(HEAD "\"prices\": {\"ask_ms\": 2.5},"
                   "\"guests\": [{\"params\": {\"peak\": \"70%\"}, \"name\": \"ci-%03u\", "
                   "\"count\": 12, \"memory\": \"1GiB\", \"family\": \"sawtooth\"}]}",
              &error);

    g_assert_no_error(error);
    const VhScenarioGuests *guests = &scenario->guests[0];
    g_assert_cmpuint(guests->params.peak_bp, ==, 7000);
    g_assert_cmpuint(guests->params.base_bp, ==, vh_sim_family_params(VH_FAMILY_SAWTOOTH)->base_bp);
    g_assert_cmpfloat(scenario->prices.ask_ms, ==, 2.5);
    g_autofree char *name = vh_scenario_guest_name(guests, 11);
    g_assert_cmpstr(name, ==, "ci-011");
}

static void test_refused(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{\"name\": \"a\"}", "f:1: /: no version"},
        {"{\"version\": 2}", "f:1: /version: version 2"},
        {HEAD "\"gests\": []}", "f:2: /gests: unknown key \"gests\"; did you mean \"guests\"?"},
        {HEAD "\"guests\": []}", "f:2: /guests: these are 0 guests; write 1 to"},
        {HEAD GUESTS ", \"seed\": -1}", "f:2: /seed: "},
        {HEAD GUESTS ", \"horizon\": \"5\"}", "f:2: /horizon: "},
        {HEAD GUESTS ",\n\"prices\": {\"ask_ms\": -1}}", "f:3: /prices/ask_ms: -1 is out of range"},
        {HEAD GUESTS ",\n\"prices\": {\"ask_ms\": \"1\"}}", "f:3: /prices/ask_ms: found a string"},
        {HEAD GUESTS ",\n\"policy\": {\"version\": 1,\n\"intervall\": \"5s\"}}",
         "f:4: /policy/intervall: unknown key"},
        {HEAD GUESTS ",\n\"policy\": {}}", "f:3: /policy: no version"},
        {HEAD "\"guests\": [{\"name\": \"g\", \"memory\": \"1GiB\"}]}",
         "f:2: /guests/0: no family"},
        {HEAD "\"guests\": [{\"family\": \"idel\", \"name\": \"g\", \"memory\": \"1GiB\"}]}",
         "f:2: /guests/0/family: \"idel\" is not known"},
        {HEAD "\"guests\": [{\"family\": \"idle\", \"name\": \"g\"}]}",
         "f:2: /guests/0: no memory is given"},
        {HEAD "\"guests\": [{\"family\": \"idle\", \"name\": \"g%s\", \"memory\": \"1GiB\"}]}",
         "f:2: /guests/0/name: this is no name"},
        {HEAD "\"guests\": [{\"family\": \"idle\", \"name\": \"%u%n\", \"memory\": \"1GiB\"}]}",
         "f:2: /guests/0/name: this is no name"},
        {HEAD "\"guests\": [{\"family\": \"idle\", \"name\": \"g\", \"count\": 2, "
              "\"memory\": \"1GiB\"}]}",
         "f:2: /guests/0/name: 2 guests cannot"},
        {HEAD GUESTS ", \"requests\": [{\"at\": \"1min\"}]}", "f:2: /requests/0: no bytes"},
        {HEAD GUESTS ",}", "f:2: "},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VhScenario) scenario = parse(cases[i].text, &error);

        g_assert_null(scenario);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, cases[i].wanted));
    }
}

/* docs/simulator.md has each row, with the type, range and default that the parser uses. */
static void test_documented(void)
{
    g_autofree char *document = NULL;
    g_auto(GStrv) rows = vh_scenario_document();
    guint missing = 0;

    g_assert_true(g_file_get_contents(VH_SOURCE_ROOT "/docs/simulator.md", &document, NULL, NULL));
    for (guint i = 0; rows[i]; i++) {
        if (!strstr(document, rows[i])) {
            g_test_message("docs/simulator.md lacks the row: %s", rows[i]);
            missing++;
        }
    }
    g_assert_cmpuint(missing, ==, 0);
}

/* All that are shipped can be read. */
static void test_shipped(void)
{
    const char *folder = VH_SOURCE_ROOT "/tools/simulate/scenarios";
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint n = 0;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        gsize length;

        g_assert_true(g_file_get_contents(path, &text, &length, NULL));
        g_autoptr(VhScenario) scenario = vh_scenario_parse(path, text, length, &error);
        g_assert_no_error(error);
        g_autofree char *wanted = g_strconcat(scenario->name, ".json", NULL);
        g_assert_cmpstr(name, ==, wanted);
        n++;
    }
    g_assert_cmpuint(n, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario/defaults", test_defaults);
    g_test_add_func("/scenario/params", test_params);
    g_test_add_func("/scenario/refused", test_refused);
    g_test_add_func("/scenario/documented", test_documented);
    g_test_add_func("/scenario/shipped", test_shipped);
    return g_test_run();
}
