/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What QEMU answers about reporting: every figure in its place, and answers that make no sense. */
#include "vh-reporting-info.h"

#include <string.h>

#define PASS                                                                             \
    "{\"id\":7,\"status\":\"limit\",\"migration\":true,\"limit\":1001,\"granule\":4096," \
    "\"granule-in-force\":2097152,\"reported\":1003,\"discarded\":1002,\"duration-ns\":1004000}"
#define SKIPPED "{\"disabled\":31,\"inhibited\":32,\"invalid\":33,\"unaligned\":34,\"failed\":35}"
#define COUNTERS                                                                             \
    "{\"requests\":21,\"blocks\":22,\"reported\":23,\"discarded\":24,\"hinted\":25,"         \
    "\"inflated\":26,\"messages\":27,\"malformed\":28,\"skipped\":" SKIPPED ",\"split\":29," \
    "\"split-ns\":30000,\"discard-ns\":36999}"
#define OFFERED "[\"free-page-hint\",\"free-page-reporting\",\"reporting-ctrl\"]"
#define NEGOTIATED "[\"free-page-reporting\"]"
#define FULL                                                                              \
    "{\"return\":{\"offered\":" OFFERED ",\"negotiated\":" NEGOTIATED ",\"driver\":true," \
    "\"enabled\":true,\"active\":false,\"inhibited\":\"postcopy\",\"pass\":" PASS         \
    ",\"counters\":" COUNTERS "},\"id\":\"libvirt-42\"}"

/* FULL with one piece of its text replaced. Free with g_free(). */
static char *full_with(const char *piece, const char *other)
{
    const char *at = strstr(FULL, piece);

    g_assert_nonnull(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - FULL), FULL, other, at + strlen(piece));
}

static void test_full(void)
{
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;

    g_assert_true(vh_reporting_info_parse(FULL, &info, &error));
    g_assert_no_error(error);
    g_assert_cmphex(info.offered, ==,
                    VH_REPORTING_FREE_PAGE_HINT | VH_REPORTING_FREE_PAGE_REPORTING |
                        VH_REPORTING_CTRL);
    g_assert_cmphex(info.negotiated, ==, VH_REPORTING_FREE_PAGE_REPORTING);
    g_assert_true(info.has_driver && info.is_enabled && !info.is_active && info.has_pass);
    g_assert_cmpint(info.inhibitor, ==, VH_REPORTING_POSTCOPY);
    g_assert_cmpuint(info.pass.id, ==, 7);
    g_assert_cmpint(info.pass.status, ==, VH_PASS_LIMIT);
    g_assert_true(info.pass.is_migration);
    g_assert_cmpuint(info.pass.limit_bytes, ==, 1001);
    g_assert_cmpuint(info.pass.granule_bytes, ==, 4096);
    g_assert_cmpuint(info.pass.granule_in_force_bytes, ==, 2097152);
    g_assert_cmpuint(info.pass.reported_bytes, ==, 1003);
    g_assert_cmpuint(info.pass.discarded_bytes, ==, 1002);
    g_assert_cmpint(info.pass.duration_us, ==, 1004);
}

static void test_counters(void)
{
    static const VhReportingCounters wanted = {
        .requests = 21,
        .blocks = 22,
        .reported_bytes = 23,
        .discarded_bytes = 24,
        .hinted_bytes = 25,
        .inflated_bytes = 26,
        .messages = 27,
        .malformed = 28,
        .split_bytes = 29,
        .split_us = 30,
        .skipped_disabled_bytes = 31,
        .skipped_inhibited_bytes = 32,
        .skipped_invalid_bytes = 33,
        .skipped_unaligned_bytes = 34,
        .skipped_failed_bytes = 35,
        .discard_us = 36,
    };
    VhReportingInfo info;

    g_assert_true(vh_reporting_info_parse(FULL, &info, NULL));
    g_assert_cmpmem(&info.counters, sizeof info.counters, &wanted, sizeof wanted);
}

/* What may be missing, and what a newer device may add. */
static void test_optional(void)
{
    static const struct {
        const char *piece, *other;
    } cases[] = {
        {"\"inhibited\":\"postcopy\",", ""},
        {"\"pass\":" PASS ",", ""},
        {"\"free-page-hint\"", "\"of-the-future\""},
        {OFFERED ",\"negotiated\":" NEGOTIATED, "[],\"negotiated\":[]"},
        {"\"driver\":true", "\"driver\":true,\"more\":[{}]"},
        {"\"granule\":4096", "\"granule\":0"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = full_with(cases[i].piece, cases[i].other);
        g_autoptr(GError) error = NULL;
        VhReportingInfo info;

        g_assert_true(vh_reporting_info_parse(text, &info, &error));
        g_assert_no_error(error);
        g_assert_cmpint(info.inhibitor, ==,
                        i == 0 ? VH_REPORTING_INHIBITOR_NONE : VH_REPORTING_POSTCOPY);
        g_assert_true(info.has_pass == (i != 1));
        if (i == 3)
            g_assert_cmphex(info.offered | info.negotiated, ==, 0);
    }
}

/* The guest's own word is not to be trusted, nor to hide the device's figures. */
static void test_told_granule(void)
{
    static const struct {
        const char *told;
        guint64 bytes;
    } cases[] = {
        {"0", 0},     {"4096", 4096},    {"1073741824", 1 << 30}, {"32", 0},
        {"12288", 0}, {"2147483648", 0}, {"2097152", 1 << 21},    {"4611686018427387904", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *other = g_strdup_printf("\"granule-in-force\":%s", cases[i].told);
        g_autofree char *text = full_with("\"granule-in-force\":2097152", other);
        VhReportingInfo info;

        g_assert_true(vh_reporting_info_parse(text, &info, NULL));
        g_assert_cmpuint(info.pass.granule_in_force_bytes, ==, cases[i].bytes);
        g_assert_cmpuint(info.pass.reported_bytes, ==, 1003);
    }
}

static void refuse(const char *text, const char *phrase)
{
    VhReportingInfo info;
    VhReportingInfo untouched;
    g_autoptr(GError) error = NULL;

    memset(&info, 0x5a, sizeof info);
    untouched = info;
    g_assert_false(vh_reporting_info_parse(text, &info, &error));
    g_test_message("%s", error->message);
    g_assert_error(error, VH_ERROR, VH_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, phrase));
    g_assert_cmpmem(&info, sizeof info, &untouched, sizeof untouched);
}

static void test_nonsense(void)
{
    static const struct {
        const char *piece, *other, *phrase;
    } cases[] = {
        {"\"offered\":" OFFERED ",", "", "/offered: it is missing"},
        {OFFERED, "\"free-page-reporting\"", "/offered: it is no list"},
        {OFFERED, "[1]", "/offered/0: it is no word"},
        {NEGOTIATED, "[\"page-chunks\"]", "never offered"},
        {"\"driver\":true", "\"driver\":1", "/driver: neither"},
        {"\"driver\":true,", "", "/driver: it is missing"},
        {"\"enabled\":true", "\"enabled\":\"true\"", "/enabled: neither"},
        {"\"active\":false", "\"active\":null", "/active: neither"},
        {"\"postcopy\"", "\"none\"", "/inhibited: found"},
        {"\"postcopy\"", "\"pre\\ncopy\"", "instead of discard-disabled, postcopy"},
        {"\"pass\":" PASS, "\"pass\":null", "/pass/id: it is missing"},
        {"\"pass\":" PASS, "\"pass\":[]", "/pass/id: it is missing"},
        {"\"id\":7", "\"id\":0", "no pass has the id 0"},
        {"\"id\":7", "\"id\":4294967296", "/pass/id: \"4294967296\" is not"},
        {"\"limit\",", "\"full\",", "/pass/status: found"},
        {"\"granule\":4096", "\"granule\":2048", "no power of two from 4096"},
        {"\"granule\":4096", "\"granule\":12288", "no power of two"},
        {"\"granule\":4096", "\"granule\":2147483648", "no power of two"},
        {"\"granule-in-force\":2097152", "\"granule-in-force\":[]", "granule-in-force"},
        {"\"discarded\":1002", "\"discarded\":-1", "/pass/discarded"},
        {"\"reported\":23", "\"reported\":-1", "/counters/reported"},
        {"\"reported\":23", "\"reported\":1.5", "/counters/reported"},
        {"\"reported\":23", "\"reported\":1e3", "/counters/reported"},
        {"\"reported\":23", "\"reported\":\"23\"", "/counters/reported"},
        {"\"reported\":23", "\"reported\":9223372036854775808", "out of range"},
        {"\"skipped\":" SKIPPED, "\"skipped\":{}", "/counters/skipped/disabled: it is missing"},
        {"\"counters\":" COUNTERS, "\"counters\":7", "/counters/requests: it is missing"},
        {"\"driver\":true", "\"driver\":true,\"driver\":true", "twice"},
        {"\"discard-ns\":36999", "\"discard-ns\":{}", "/counters/discard-ns"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = full_with(cases[i].piece, cases[i].other);
        refuse(text, cases[i].phrase);
    }
}

static void test_no_answers(void)
{
    refuse("", "ends too early");
    refuse("{}", "neither 'return' nor 'error'");
    refuse("[]", "neither 'return' nor 'error'");
    refuse("{\"error\":\"x\"}", "neither 'return' nor 'error'");
    refuse("{\"return\":{}}", "/offered: it is missing");
    refuse("{\"return\":[]}", "/offered: it is missing");
    refuse("{\"return\":{}", "ends too early");
    refuse("{'return':{}}", "double");
}

#define QMP_ERROR(class, text) \
    "{\"id\":1,\"error\":{\"class\":\"" class "\",\"desc\":\"" text "\"}}"

static const struct {
    const char *reply;
    VhErrorCode code;
    const char *phrase;
} errors[] = {
    {QMP_ERROR("CommandNotFound", "The command query-balloon-reporting has not been found"),
     VH_ERROR_UNSUPPORTED, "tools/qemu-build"},
    {QMP_ERROR("DeviceNotActive", "No balloon device has been activated"), VH_ERROR_UNSUPPORTED,
     "no virtio memory balloon"},
    {QMP_ERROR("DeviceNotActive", "In other words"), VH_ERROR_UNSUPPORTED,
     "no virtio memory balloon"},
    {QMP_ERROR("GenericError", "The balloon device has no free page reporting (property "
                               "'free-page-reporting' is off)"),
     VH_ERROR_UNSUPPORTED, "freePageReporting='on'"},
    {QMP_ERROR("GenericError",
               "The balloon device has no reporting passes (property 'reporting-ctrl' is off)"),
     VH_ERROR_UNSUPPORTED, "'reporting-ctrl'"},
    {QMP_ERROR("GenericError", "The guest has no balloon driver running"), VH_ERROR_UNSUPPORTED,
     "no balloon driver runs"},
    {QMP_ERROR("GenericError", "The guest's balloon driver does not know reporting passes"),
     VH_ERROR_UNSUPPORTED, "does not know"},
    {QMP_ERROR("GenericError", "Free page reporting is inhibited: discard-disabled"),
     VH_ERROR_UNSUPPORTED, "pins it"},
    {QMP_ERROR("GenericError", "Free page reporting is inhibited: page-poison"),
     VH_ERROR_UNSUPPORTED, "poisons"},
    {QMP_ERROR("GenericError", "Free page reporting is inhibited: postcopy"), VH_ERROR_BUSY,
     "postcopy"},
    {QMP_ERROR("GenericError", "Free page reporting is inhibited: background-snapshot"),
     VH_ERROR_BUSY, "snapshot"},
    {QMP_ERROR("GenericError", "Free page reporting is busy: migration"), VH_ERROR_BUSY,
     "a migration goes on"},
    {QMP_ERROR("GenericError", "The guest is not running"), VH_ERROR_BUSY, "paused"},
    {QMP_ERROR("GenericError", "Parameter 'granule' expects a power of two from 4096 to "
                               "1073741824, or 0"),
     VH_ERROR_INVALID, "granule"},
    {QMP_ERROR("GenericError", "Parameter 'timeout' expects 1 to 3600000 milliseconds"),
     VH_ERROR_INVALID, "timeout"},
    {QMP_ERROR("GenericError", "No reporting pass is running"), VH_ERROR_GONE, "no reporting pass"},
    {QMP_ERROR("GenericError", "\\u001b[2J something else"), VH_ERROR_FAILED, "something else"},
    {"{\"error\":{}}", VH_ERROR_FAILED, "(none)"},
    {"{\"error\":{\"class\":7,\"desc\":[]}}", VH_ERROR_FAILED, "(none)"},
    {"{\"error\":{\"class\":\"GenericError\",\"desc\":\"The guest is not running\"},\"return\":{}}",
     VH_ERROR_BUSY, "paused"},
};

/* Whatever was asked, an error is an error. */
static void test_errors(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_autoptr(GError) by_query = NULL, by_command = NULL, by_pass = NULL;
        VhReportingInfo info;
        guint32 id = 77;

        g_assert_false(vh_reporting_info_parse(errors[i].reply, &info, &by_query));
        g_assert_false(vh_reporting_info_check(errors[i].reply, &by_command));
        g_assert_false(vh_reporting_info_parse_id(errors[i].reply, &id, &by_pass));
        g_assert_error(by_query, VH_ERROR, (int)errors[i].code);
        g_assert_nonnull(strstr(by_query->message, errors[i].phrase));
        g_assert_null(strchr(by_query->message, '\033'));
        g_assert_cmpstr(by_query->message, ==, by_command->message);
        g_assert_cmpstr(by_query->message, ==, by_pass->message);
        g_assert_cmpuint(id, ==, 77);
    }
}

static void test_ids(void)
{
    static const struct {
        const char *reply;
        guint32 id; /* 0: refused */
    } cases[] = {
        {"{\"return\":{\"id\":1},\"id\":\"libvirt-9\"}", 1},
        {"{\"return\":{\"id\":4294967295}}", G_MAXUINT32},
        {"{\"return\":{\"id\":0}}", 0},
        {"{\"return\":{\"id\":4294967296}}", 0},
        {"{\"return\":{\"id\":\"1\"}}", 0},
        {"{\"return\":{}}", 0},
        {"{\"return\":3}", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint32 id = 0;

        gboolean is_good = vh_reporting_info_parse_id(cases[i].reply, &id, &error);
        g_assert_true(is_good == (cases[i].id != 0));
        g_assert_cmpuint(id, ==, cases[i].id);
        if (!is_good)
            g_assert_error(error, VH_ERROR, VH_ERROR_PROTOCOL);
    }
    g_assert_true(vh_reporting_info_check("{\"return\":{}}", NULL));
}

static void test_words(void)
{
    g_assert_cmpstr(vh_reporting_feature_name(VH_REPORTING_FREE_PAGE_HINT), ==, "free-page-hint");
    g_assert_cmpstr(vh_reporting_feature_name(VH_REPORTING_FEATURE_LAST), ==, "page-chunks");
    g_assert_cmpstr(vh_reporting_inhibitor_name(VH_REPORTING_INHIBITOR_NONE), ==, "none");
    g_assert_cmpstr(vh_reporting_inhibitor_name(VH_REPORTING_POISONED), ==, "page-poison");
    g_assert_cmpstr(vh_pass_status_name(VH_PASS_REQUESTED), ==, "requested");
    g_assert_cmpstr(vh_pass_status_name(VH_PASS_TIMEOUT), ==, "timeout");
    for (VhPassStatus status = VH_PASS_REQUESTED; status <= VH_PASS_TIMEOUT; status++)
        g_assert_true(vh_pass_has_ended(status) == (status > VH_PASS_RUNNING));
}

#define ENDED "{\"id\":4,\"status\":\"limit\",\"reported\":1003,\"discarded\":1002}"

static void test_event_ended(void)
{
    g_autoptr(GError) error = NULL;
    VhReportingPass pass;

    g_assert_true(vh_reporting_info_parse_ended(ENDED, &pass, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(pass.id, ==, 4);
    g_assert_cmpint(pass.status, ==, VH_PASS_LIMIT);
    g_assert_cmpuint(pass.reported_bytes, ==, 1003);
    g_assert_cmpuint(pass.discarded_bytes, ==, 1002);
    g_assert_cmpint(pass.duration_us, ==, 0);
}

/* A guest that is stopped in the middle of a report, as for a migration: the device takes the
 * report back, and has discarded a part of it. */
static void test_stopped_in_a_report(void)
{
    static const char ended[] =
        "{\"id\":4,\"status\":\"cancelled\",\"reported\":0,\"discarded\":83886080}";
    g_autofree char *text = full_with("\"reported\":1003", "\"reported\":0");
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;
    VhReportingPass pass;

    g_assert_true(vh_reporting_info_parse(text, &info, &error));
    g_assert_cmpuint(info.pass.reported_bytes, ==, 0);
    g_assert_cmpuint(info.pass.discarded_bytes, ==, 1002);
    g_assert_true(vh_reporting_info_parse_ended(ended, &pass, &error));
    g_assert_cmpuint(pass.reported_bytes, ==, 0);
    g_assert_cmpuint(pass.discarded_bytes, ==, 83886080);
}

static void test_event_state(void)
{
    static const struct {
        const char *details;
        VhReportingState state;
    } cases[] = {
        {"{\"enabled\":true,\"active\":false}", {TRUE, FALSE, VH_REPORTING_INHIBITOR_NONE}},
        {"{\"enabled\":false,\"active\":true,\"inhibited\":\"page-poison\"}",
         {FALSE, TRUE, VH_REPORTING_POISONED}},
        {"{\"enabled\":true,\"active\":true,\"newer\":[]}",
         {TRUE, TRUE, VH_REPORTING_INHIBITOR_NONE}},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhReportingState state;

        g_assert_true(vh_reporting_info_parse_state(cases[i].details, &state, NULL));
        g_assert_cmpmem(&state, sizeof state, &cases[i].state, sizeof state);
    }
}

/* libvirt hands on what QEMU sends, and a guest may have a say in that. */
static void test_event_nonsense(void)
{
    static const struct {
        const char *details; /* NULL: none */
        const char *of_state, *of_ended;
    } cases[] = {
        {NULL, "ends too early", "ends too early"},
        {"", "ends too early", "ends too early"},
        {"null", "/enabled: it is missing", "/id: it is missing"},
        {"[{}]", "/enabled: it is missing", "/id: it is missing"},
        {"{\"id\":4", "ends too early", "ends too early"},
        {"{\"enabled\":1,\"id\":0}", "/enabled: neither", "no pass has the id 0"},
        {"{\"enabled\":true,\"id\":4294967296}", "/active: it is missing", "/id: "},
        {"{\"enabled\":true,\"active\":true,\"inhibited\":\"none\",\"id\":1,"
         "\"status\":\"running\"}",
         "/inhibited: found", "/status: found"},
        {"{\"enabled\":true,\"active\":true,\"inhibited\":7,\"id\":1,\"status\":\"done\","
         "\"reported\":1,\"discarded\":[]}",
         "/inhibited: found", "/discarded: "},
        {"{\"enabled\":\"true\",\"id\":1,\"status\":\"done\",\"reported\":-1,\"discarded\":0}",
         "/enabled: neither", "/reported: "},
        {"{\"active\":{},\"id\":1,\"status\":\"done\",\"reported\":1e99,\"discarded\":0}",
         "/enabled: it is missing", "/reported: "},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) of_state = NULL, of_ended = NULL;
        VhReportingState state;
        VhReportingPass pass;

        g_assert_false(vh_reporting_info_parse_state(cases[i].details, &state, &of_state));
        g_assert_false(vh_reporting_info_parse_ended(cases[i].details, &pass, &of_ended));
        g_test_message("%s; %s", of_state->message, of_ended->message);
        g_assert_error(of_state, VH_ERROR, VH_ERROR_PROTOCOL);
        g_assert_error(of_ended, VH_ERROR, VH_ERROR_PROTOCOL);
        g_assert_nonnull(strstr(of_state->message, cases[i].of_state));
        g_assert_nonnull(strstr(of_ended->message, cases[i].of_ended));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reporting-info/full", test_full);
    g_test_add_func("/reporting-info/counters", test_counters);
    g_test_add_func("/reporting-info/optional", test_optional);
    g_test_add_func("/reporting-info/told-granule", test_told_granule);
    g_test_add_func("/reporting-info/nonsense", test_nonsense);
    g_test_add_func("/reporting-info/no-answers", test_no_answers);
    g_test_add_func("/reporting-info/errors", test_errors);
    g_test_add_func("/reporting-info/ids", test_ids);
    g_test_add_func("/reporting-info/words", test_words);
    g_test_add_func("/reporting-info/event-ended", test_event_ended);
    g_test_add_func("/reporting-info/stopped-in-a-report", test_stopped_in_a_report);
    g_test_add_func("/reporting-info/event-state", test_event_state);
    g_test_add_func("/reporting-info/event-nonsense", test_event_nonsense);
    return g_test_run();
}
