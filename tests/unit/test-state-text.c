/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was learned, through text and back, and what is not accepted as such. */
#include "vh-outcome.h"
#include "vh-state-text.h"

#include <string.h>

#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "99999999-2222-3333-4444-555555555555"

static VhGuestState *add_guest(VhState *state, const char *text)
{
    VhUuid uuid;
    g_assert_true(vh_uuid_parse(text, &uuid, NULL));
    return vh_state_get(state, &uuid);
}

static VhState *sample_state(void)
{
    VhState *state = vh_state_new();
    add_guest(state, UUID_B)->overhead_bytes = G_MAXUINT64;
    VhGuestState *guest = add_guest(state, UUID_A);
    guest->overhead_bytes = 210 * VH_MIB;
    guest->residue_bytes = G_MAXINT64;
    guest->residue_wall_us = 1700000000 * VH_SEC;
    guest->awaits_drained_sample = TRUE;
    guest->asked_for_all = TRUE;
    guest->was_drained = TRUE;
    guest->left_bytes = 80 * VH_MIB;
    guest->n_returns = 7;
    guest->gamma_bp = 8800;
    guest->sigma_bp = 1200;
    guest->n_rebounds = 6;
    guest->retouch_bp = 10000;
    guest->rebound_wall_us = 1700000060 * VH_SEC;
    guest->rebound_rss_bytes = 700 * VH_MIB;
    guest->rebound_returned_bytes = 900 * VH_MIB;
    guest->rebound_promised_bytes = 850 * VH_MIB;
    guest->rebound_slope_bytes_per_s = -5000;
    guest->last_ended_wall_us = 1700000001 * VH_SEC;
    guest->last_asked_bytes = VH_GIB;
    guest->last_returned_bytes = 900 * VH_MIB;
    guest->last_status = VH_ASK_BACKED_OFF;
    guest->cooldown_doublings = 3;
    guest->n_recent = 2;
    guest->recent_wall_us[0] = 1699999000 * VH_SEC;
    guest->recent_wall_us[1] = 1700000001 * VH_SEC;
    guest->inflicted_us = 300 * VH_MS;
    guest->inflicted_wall_us = 1700000001 * VH_SEC;
    guest->n_toggles = 1;
    guest->toggles_wall_us[0] = 1699999500 * VH_SEC;
    guest->last_seen_wall_us = 1700000002 * VH_SEC;
    /* of this run only */
    guest->sample_stats_time_us = 5;
    guest->sample_unused_bytes = 6;
    guest->is_stable = TRUE;
    return state;
}

static void test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = sample_state();
    g_autofree char *text = vh_state_format(state);
    g_autoptr(VhState) again = vh_state_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(again->guests->len, ==, 2);
    VhGuestState expected = g_array_index(state->guests, VhGuestState, 0);
    expected.sample_stats_time_us = 0;
    expected.sample_unused_bytes = 0;
    expected.is_stable = FALSE;
    g_assert_cmpmem(&expected, sizeof expected, &g_array_index(again->guests, VhGuestState, 0),
                    sizeof expected);
    /* JSON has no more than 63 bits */
    g_assert_cmpuint(g_array_index(again->guests, VhGuestState, 1).overhead_bytes, ==, G_MAXINT64);
    g_autofree char *text_again = vh_state_format(again);
    g_assert_cmpstr(text, ==, text_again);
}

static void test_empty(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = vh_state_new();
    g_autofree char *text = vh_state_format(state);
    g_autoptr(VhState) again = vh_state_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(again->guests->len, ==, 0);
}

static void test_sixty_asks_fit(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = vh_state_new();
    VhGuestState *guest = add_guest(state, UUID_A);
    guest->n_recent = VH_ASKS_PER_HOUR_MAX;
    for (guint i = 0; i < VH_ASKS_PER_HOUR_MAX; i++) {
        guest->recent_wall_us[i] = (gint64)i + 1;
    }
    g_autofree char *text = vh_state_format(state);
    g_autoptr(VhState) again = vh_state_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpmem(&g_array_index(state->guests, VhGuestState, 0), sizeof(VhGuestState),
                    &g_array_index(again->guests, VhGuestState, 0), sizeof(VhGuestState));
}

#define GUEST(members) GUEST_OF("2", members)
#define GUEST_OF(version, members) \
    "{\"version\": " version ", \"guests\": {\n\"" UUID_A "\": {" members "}}}"

static void test_refused(void)
{
    static const struct {
        const char *text;
        int code;
        const char *prefix;
        const char *phrase;
    } cases[] = {
        {"", VH_ERROR_INVALID, "line 1: ", "ends too early"},
        {"[]", VH_ERROR_INVALID, "line 1: ", "must be an object"},
        {"\n7", VH_ERROR_INVALID, "line 2: ", "must be an object"},
        {"{}", VH_ERROR_INVALID, "line 1: /version", "write 2"},
        {"{\n\"version\": 3, \"guests\": {}}", VH_ERROR_UNSUPPORTED, "line 2: /version",
         "reads 1 to 2"},
        {"{\n\"version\": 0, \"guests\": {}}", VH_ERROR_INVALID, "line 2: /version",
         "reads 1 to 2"},
        {"{\"version\": \"1\", \"guests\": {}}", VH_ERROR_INVALID, "line 1: /version", "write 2"},
        {"{\"version\": 1}", VH_ERROR_INVALID, "line 1: ", "\"guests\""},
        {"{\"version\": 1,\n\"guests\": []}", VH_ERROR_INVALID, "line 2: ", "\"guests\""},
        {"{\"version\": 1, \"guests\": {}, \"x\": 1}", VH_ERROR_INVALID, "line 1: ", "\"guests\""},
        {"{\"version\": 1, \"guests\": {\"web1\": {}}}", VH_ERROR_INVALID, "line 1: ", "UUID"},
        {"{\"version\": 1, \"guests\": {\n\"" UUID_A "\": 1}}", VH_ERROR_INVALID,
         "line 2: /guests/" UUID_A, "not an object"},
        {GUEST("\"colour\": 1"), VH_ERROR_INVALID, "line 2: /guests/" UUID_A, "unknown key"},
        {GUEST("\n\"overhead_bytes\": -1"), VH_ERROR_INVALID,
         "line 3: /guests/" UUID_A "/overhead_bytes", "whole number from 0"},
        {GUEST("\"overhead_bytes\": 1.5"), VH_ERROR_INVALID, "line 2: ", "whole number"},
        {GUEST("\"overhead_bytes\": \"1\""), VH_ERROR_INVALID, "line 2: ", "whole number"},
        {GUEST("\"overhead_bytes\": null"), VH_ERROR_INVALID, "line 2: ", "whole number"},
        {GUEST("\"overhead_bytes\": 9223372036854775808"), VH_ERROR_INVALID, "line 2: ", "2^63-1"},
        {GUEST("\"cooldown_doublings\": 64"), VH_ERROR_INVALID, "line 2: ", "from 0 to 63"},
        {GUEST("\"awaits_drained_sample\": 1"), VH_ERROR_INVALID, "line 2: ", "true or false"},
        {GUEST("\"gamma_bp\": 10001"), VH_ERROR_INVALID, "line 2: ", "from 0 to 10000"},
        {GUEST("\"n_returns\": 2147483648"), VH_ERROR_INVALID, "line 2: ", "from 0 to 2147483647"},
        {GUEST("\"rebound_slope_bytes_per_s\": -9223372036854775808"), VH_ERROR_INVALID,
         "line 2: ", "from -9223372036854775807"},
        {GUEST("\"toggles_wall_us\": [1, 2, 3, 4, 5, 6, 7]"), VH_ERROR_INVALID,
         "line 2: ", "at most 6"},
        {GUEST("\"engine_bytes\": 1"), VH_ERROR_INVALID, "line 2: ", "unknown key"},
        {GUEST_OF("1", "\"gamma_bp\": 1"), VH_ERROR_INVALID, "line 2: ", "unknown key"},
        {GUEST("\"last_status\": \"fine\""), VH_ERROR_INVALID, "line 2: ", "status"},
        {GUEST("\"last_status\": 1"), VH_ERROR_INVALID, "line 2: ", "status"},
        {GUEST("\"recent_wall_us\": 1"), VH_ERROR_INVALID, "line 2: ", "at most 60"},
        {GUEST("\"recent_wall_us\": [2, 1]"), VH_ERROR_INVALID, "line 2: ", "oldest first"},
        {GUEST("\"recent_wall_us\": [[]]"), VH_ERROR_INVALID, "line 2: ", "whole number"},
        {"{\"version\": 1, \"guests\": {\"aaaaaaaa-2222-3333-4444-555555555555\": {},\n"
         "\"AAAAAAAA-2222-3333-4444-555555555555\": {}}}",
         VH_ERROR_INVALID, "line 2: ", "there twice"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("case %u", i);
        g_assert_null(vh_state_parse(cases[i].text, strlen(cases[i].text), &error));
        g_assert_error(error, VH_ERROR, cases[i].code);
        if (!g_str_has_prefix(error->message, cases[i].prefix) ||
            !strstr(error->message, cases[i].phrase)) {
            g_error("\"%s\" is not \"%s...%s\"", error->message, cases[i].prefix, cases[i].phrase);
        }
    }
}

/* What an older version has written is still worth something. */
static void test_version_1(void)
{
    const char *text = GUEST_OF("1", "\"overhead_bytes\": 7, \"recent_wall_us\": [3, 4]");
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = vh_state_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_cmpuint(state->guests->len, ==, 1);
    const VhGuestState *guest = &g_array_index(state->guests, VhGuestState, 0);
    g_assert_cmpuint(guest->overhead_bytes, ==, 7);
    g_assert_cmpuint(guest->n_recent, ==, 2);
    g_assert_cmpuint(guest->n_returns, ==, 0);
    g_autofree char *again = vh_state_format(state);
    g_assert_nonnull(strstr(again, "\"version\" : 2"));
}

static void test_too_many_asks(void)
{
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new("{\"version\": 1, \"guests\": {\"" UUID_A "\": "
                                 "{\"recent_wall_us\": [1");
    for (guint i = 0; i < VH_ASKS_PER_HOUR_MAX; i++) {
        g_string_append(text, ", 1");
    }
    g_string_append(text, "]}}}");
    VhState *state = vh_state_parse(text->str, text->len, &error);
    g_string_free(text, TRUE);
    g_assert_null(state);
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state-text/round-trip", test_round_trip);
    g_test_add_func("/state-text/empty", test_empty);
    g_test_add_func("/state-text/sixty-asks-fit", test_sixty_asks_fit);
    g_test_add_func("/state-text/version-1", test_version_1);
    g_test_add_func("/state-text/refused", test_refused);
    g_test_add_func("/state-text/too-many-asks", test_too_many_asks);
    return g_test_run();
}
