/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One scenario file. What is accepted must hold together; what is refused must say where, on one
 * line. */
#include "vh-scenario.h"

#include "fuzz.h"

#include <string.h>

static void check(const VhScenario *scenario)
{
    guint n = 0;

    g_assert_nonnull(scenario->config);
    g_assert_cmpuint(scenario->host.nodes, >=, 1);
    for (guint i = 0; i < scenario->n_groups; i++) {
        const VhScenarioGuests *guests = &scenario->guests[i];
        g_autofree char *first = vh_scenario_guest_name(guests, 0);
        g_autofree char *last = vh_scenario_guest_name(guests, guests->count - 1);

        g_assert_true(guests->count == 1 || strcmp(first, last) != 0);
        g_assert_nonnull(vh_sim_family_name((VhSimFamily)guests->family));
        n += guests->count;
    }
    g_assert_cmpuint(n, ==, scenario->n_guests);
    g_assert_cmpuint(n, <=, VH_SCENARIO_GUESTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhScenario) scenario = vh_scenario_parse("file", (const char *)data, size, &error);

    if (scenario) {
        check(scenario);
        return 0;
    }
    g_assert_true(g_str_has_prefix(error->message, "file:"));
    g_assert_null(strchr(error->message, '\n'));
    return 0;
}
