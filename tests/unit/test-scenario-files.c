/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scenarios that are shipped: each can be read, and the two sets are what they are said to be.
 */
#include "vh-scenario.h"

#include <string.h>

#define DIRECTORY VH_SOURCE_ROOT "/tools/simulate/scenarios"

static GPtrArray *shipped(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) directory = g_dir_open(DIRECTORY, 0, &error);
    GPtrArray *scenarios = g_ptr_array_new_with_free_func((GDestroyNotify)vh_scenario_free);
    const char *file;

    g_assert_no_error(error);
    while ((file = g_dir_read_name(directory))) {
        g_autofree char *path = g_build_filename(DIRECTORY, file, NULL);
        g_autofree char *text = NULL;
        gsize length;
        g_file_get_contents(path, &text, &length, &error);
        g_assert_no_error(error);
        VhScenario *scenario = vh_scenario_parse(file, text, length, &error);
        g_assert_no_error(error);
        g_autofree char *named = g_strconcat(scenario->name, ".json", NULL);
        g_assert_cmpstr(named, ==, file);
        g_ptr_array_add(scenarios, scenario);
    }
    return scenarios;
}

/* Every family is in both sets, each of them has scenarios enough, and no two share a seed. */
static void test_sets(void)
{
    g_autoptr(GPtrArray) scenarios = shipped();
    guint count[VH_SET_HELD_OUT + 1] = {0};
    gboolean has[VH_SET_HELD_OUT + 1][VH_FAMILIES] = {{FALSE}};

    for (guint i = 0; i < scenarios->len; i++) {
        const VhScenario *scenario = scenarios->pdata[i];
        count[scenario->set]++;
        for (guint group = 0; group < scenario->n_groups; group++)
            has[scenario->set][scenario->guests[group].family] = TRUE;
        for (guint j = 0; j < i; j++)
            g_assert_cmpuint(scenario->seed, !=, ((const VhScenario *)scenarios->pdata[j])->seed);
    }
    g_assert_cmpuint(count[VH_SET_TUNING], >=, 6);
    g_assert_cmpuint(count[VH_SET_HELD_OUT], >=, 6);
    for (guint family = 0; family < VH_FAMILIES; family++) {
        g_test_message("%s", vh_sim_family_name((VhSimFamily)family));
        g_assert_true(has[VH_SET_TUNING][family]);
        g_assert_true(has[VH_SET_HELD_OUT][family]);
    }
}

/* Every price counts: none is forgotten in a file. */
static void test_prices(void)
{
    g_autoptr(GPtrArray) scenarios = shipped();

    for (guint i = 0; i < scenarios->len; i++) {
        const VhPrices *prices = &((const VhScenario *)scenarios->pdata[i])->prices;
        const double *price = (const double *)prices;
        for (gsize k = 0; k < sizeof *prices / sizeof *price; k++)
            g_assert_cmpfloat(price[k], >, 0);
        g_assert_cmpfloat(prices->lost_ms_per_s, >, prices->stall_ms_per_s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario-files/sets", test_sets);
    g_test_add_func("/scenario-files/prices", test_prices);
    return g_test_run();
}
