/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy's matches, namespaces and schedules: what is refused and why, what times mean, how
 * files merge, and that whoever knows XPath is asked. */
#include "bad-policy.h"
#include "vh-policy-keys.h"
#include "vh-policy-text.h"
#include "vh-schedule.h"

#include <string.h>

static void check_all_bad(const BadPolicy *cases, guint n)
{
    for (guint i = 0; i < n; i++)
        check_bad(&cases[i], VH_ERROR_INVALID);
}

#define MATCH(entry) HEAD "\"match\": [" entry "]}"

static void test_bad_matches(void)
{
    static const BadPolicy cases[] = {
        {MATCH("\"vfio\""), 2, "/match/0", "an object in braces"},
        {MATCH("{\"xpath\": \"\", \"class\": \"batch\"}"), 2, "/match/0/xpath", "empty"},
        {MATCH("{\"xpath\": [\"//a\"], \"class\": \"batch\"}"), 2, "/match/0/xpath",
         "an XPath expression in quotes"},
        {MATCH("{\"xpath\": \"//a\", \"name\": \"b\", \"class\": \"batch\"}"), 2, "/match/0",
         "both \"name\" and \"xpath\""},
        {MATCH("{\"xpath\": \"//a\"}"), 2, "/match/0", "add \"class\""},
        {MATCH("{\"if\": \"vfio\", \"class\": \"batch\"}"), 2, "/match/0/if", "in brackets"},
        {MATCH("{\"if\": [], \"class\": \"batch\"}"), 2, "/match/0/if", "nobody would match"},
        {MATCH("{\"if\": [\"vfio\",\n\"gpu\"], \"class\": \"batch\"}"), 3, "/match/0/if/1",
         "dedicated_cpu, realtime, hugepages, vfio, locked or shared_memory"},
        {MATCH("{\"if\": [\"vfio\", \"vfio\"], \"class\": \"batch\"}"), 2, "/match/0/if/1",
         "there twice"},
        {MATCH("{\"if\": [4], \"class\": \"batch\"}"), 2, "/match/0/if/0", "a fact in quotes"},
        {"{\"version\": 1,\n\"exempt\": \"vfio\"}", 2, "/exempt", "in brackets"},
        {"{\"version\": 1,\n\"exempt\": [\"pinned\"]}", 2, "/exempt/0", "dedicated_cpu"},
        {MATCH("{\"if\": [\"vfio\"], \"uuid\": \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\", "
               "\"class\": \"batch\"}"),
         2, "/match/0", "both \"uuid\" and \"if\""},
    };
    check_all_bad(cases, G_N_ELEMENTS(cases));
}

static void test_bad_namespaces(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"namespaces\": []}", 2, "/namespaces", "an object in braces"},
        {HEAD "\"namespaces\": {\"\": \"urn:a\"}}", 2, "/namespaces/", "cannot be a prefix"},
        {HEAD "\"namespaces\": {\"1a\": \"urn:a\"}}", 2, "/namespaces/1a", "a letter or _ first"},
        {HEAD "\"namespaces\": {\"a:b\": \"urn:a\"}}", 2, "/namespaces/a:b", "cannot be"},
        {HEAD "\"namespaces\": {\"xmlns\": \"urn:a\"}}", 2, "/namespaces/xmlns", "not xml"},
        {HEAD "\"namespaces\": {\"a\": \"\"}}", 2, "/namespaces/a", "is not a URI"},
        {HEAD "\"namespaces\": {\"a\": \"urn a\"}}", 2, "/namespaces/a", "without blanks"},
        {HEAD "\"namespaces\": {\"a\": 1}}", 2, "/namespaces/a", "a URI in quotes"},
    };
    check_all_bad(cases, G_N_ELEMENTS(cases));
}

#define SCHEDULE(entry) HEAD "\"schedule\": [{" entry "}]}"
#define WHEN(text) SCHEDULE("\"when\": \"" text "\", \"class\": \"perf\", \"set\": {\"rank\": 1}")

static void test_bad_schedules(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"schedule\": {}}", 2, "/schedule", "an array in brackets"},
        {HEAD "\"schedule\": [1]}", 2, "/schedule/0", "an object in braces"},
        {SCHEDULE("\"class\": \"perf\", \"set\": {\"rank\": 1}"), 2, "/schedule/0",
         "without \"when\""},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"set\": {\"rank\": 1}"), 2, "/schedule/0",
         "without \"class\""},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"class\": \"perf\""), 2, "/schedule/0",
         "without \"set\""},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"class\": \"perf\", \"set\": {}"), 2,
         "/schedule/0/set", "nothing is set"},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"class\": \"perf\", \"set\": {\"wieght\": 2}"), 2,
         "/schedule/0/set/wieght", "did you mean \"weight\"?"},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"class\": \"perf\", \"set\": {\"weight\": 0}"), 2,
         "/schedule/0/set/weight", "1 to 1000"},
        {SCHEDULE("\"when\": \"00:00-24:00\", \"class\": \"prf\", \"set\": {\"rank\": 1}"), 2,
         "/schedule/0/class", "did you mean \"perf\"?"},
        {SCHEDULE("\"when\": 8, \"class\": \"perf\", \"set\": {\"rank\": 1}"), 2,
         "/schedule/0/when", "days and hours in quotes"},
        {WHEN(""), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("Mon"), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("Mon "), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN(" 08:00-18:00"), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("mon 08:00-18:00"), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("Monday 08:00-18:00"), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("Mon-Fri 08:00-18:00"), 2, "/schedule/0/when", "Mon..Fri"},
        {WHEN("Mon.Fri 08:00-18:00"), 2, "/schedule/0/when", "Mon..Fri"},
        {WHEN("Mon..Fri..Sun 08:00-18:00"), 2, "/schedule/0/when", "Mon..Fri"},
        {WHEN("Mon,,Fri 08:00-18:00"), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("Mon, Fri 08:00-18:00"), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("8:00-18:00"), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("08:00-18:60"), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("08:00-24:01"), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("08:00-18:00 "), 2, "/schedule/0/when", "Sat and Sun"},
        {WHEN("08:00..18:00"), 2, "/schedule/0/when", "hh:mm-hh:mm"},
        {WHEN("08:00-08:00"), 2, "/schedule/0/when", "at the same time"},
        {WHEN("22:00-00:00"), 2, "/schedule/0/when", "ends at 24:00"},
        {WHEN("24:00-06:00"), 2, "/schedule/0/when", "begins at 00:00"},
    };
    check_all_bad(cases, G_N_ELEMENTS(cases));
}

static void test_times(void)
{
    static const struct {
        const char *text;
        guint days, start_min, end_min;
        const char *again; /* NULL: the same */
    } cases[] = {
        {"00:00-24:00", 0x7f, 0, 1440, NULL},
        {"Mon..Sun 00:00-24:00", 0x7f, 0, 1440, "00:00-24:00"},
        {"Mon..Fri 08:00-18:00", 0x1f, 480, 1080, NULL},
        {"Sat,Sun 22:30-06:15", 0x60, 1350, 375, NULL},
        {"Sat..Sun 22:30-06:15", 0x60, 1350, 375, "Sat,Sun 22:30-06:15"},
        {"Mon,Wed..Fri 23:59-24:00", 0x1d, 1439, 1440, NULL},
        {"Fri..Mon 00:00-00:01", 0x71, 0, 1, "Mon,Fri..Sun 00:00-00:01"},
        {"Fri,Mon,Mon 01:00-02:00", 0x11, 60, 120, "Mon,Fri 01:00-02:00"},
        {"Sun 01:00-02:00", 0x40, 60, 120, NULL},
        {"Mon..Wed,Fri..Sun 01:00-02:00", 0x77, 60, 120, NULL},
        {"Tue..Tue 01:00-02:00", 0x02, 60, 120, "Tue 01:00-02:00"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        VhSchedule schedule = {0};
        g_assert_true(vh_policy_when_parse(cases[i].text, &schedule, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(schedule.days, ==, cases[i].days);
        g_assert_cmpuint(schedule.start_min, ==, cases[i].start_min);
        g_assert_cmpuint(schedule.end_min, ==, cases[i].end_min);
        g_autofree char *text = vh_policy_when_format(&schedule);
        g_assert_cmpstr(text, ==, cases[i].again ? cases[i].again : cases[i].text);
    }
}

/* Every set of days comes back as it was. */
static void test_days_round_trip(void)
{
    for (guint days = 1; days <= 0x7f; days++) {
        VhSchedule schedule = {.days = (guint8)days, .start_min = 1, .end_min = 2};
        VhSchedule again = {0};
        g_autofree char *text = vh_policy_when_format(&schedule);
        g_assert_true(vh_policy_when_parse(text, &again, NULL));
        g_assert_cmpuint(again.days, ==, days);
    }
}

static void test_merge(void)
{
    static const char first[] =
        HEAD "\"namespaces\": {\"a\": \"urn:a\", \"b\": \"urn:b\"},"
             "\"match\": [{\"xpath\": \"//a:x\", \"class\": \"batch\"}],"
             "\"schedule\": [{\"when\": \"00:00-12:00\", \"class\": \"perf\","
             " \"set\": {\"rank\": 1}}]}";
    static const char second[] =
        HEAD "\"namespaces\": {\"b\": \"urn:later\", \"c\": \"urn:c\"},"
             "\"match\": [{\"if\": [\"locked\"], \"class\": \"perf\"},"
             " {\"xpath\": \"//c:x\", \"class\": \"perf\"}],"
             "\"schedule\": [{\"when\": \"06:00-24:00\", \"class\": \"batch\","
             " \"set\": {\"rank\": 2}}]}";
    VhPolicyText files[] = {{"1", first, strlen(first)}, {"2", second, strlen(second)}};
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = vh_policy_parse(files, 2, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(config->n_namespaces, ==, 3);
    g_assert_cmpstr(config->namespaces[1].prefix, ==, "b");
    g_assert_cmpstr(config->namespaces[1].uri, ==, "urn:later");
    g_assert_cmpuint(config->n_matches, ==, 3);
    g_assert_cmpuint(config->matches[0].xpath_index, ==, 0);
    g_assert_cmpuint(config->matches[2].xpath_index, ==, 1);
    g_assert_cmpuint(config->n_schedules, ==, 2);
    g_assert_cmpuint(config->schedules[0].values.rank, ==, 1);
    g_assert_cmpuint(config->schedules[1].class_index, ==, 0);
}

static void test_too_many_xpaths(void)
{
    for (guint n = VH_XPATHS_MAX; n <= VH_XPATHS_MAX + 1; n++) {
        g_autoptr(GString) text = g_string_new(HEAD "\"match\": [");
        for (guint i = 0; i < n; i++) {
            g_string_append_printf(text, "%s{\"xpath\": \"//a\", \"class\": \"batch\"}",
                                   i ? "," : "");
        }
        g_string_append(text, "]}");
        VhPolicyText file = {"p.json", text->str, text->len};
        g_autoptr(GError) error = NULL;
        g_autoptr(VhConfig) config = vh_policy_parse(&file, 1, &error);
        if (n > VH_XPATHS_MAX) {
            g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
            g_assert_true(g_str_has_prefix(error->message, "p.json:2: /match/64/xpath: "));
        } else {
            g_assert_no_error(error);
            g_assert_cmpuint(config->matches[n - 1].xpath_index, ==, n - 1);
        }
    }
}

static gboolean check_xpath(const VhConfig *config, const char *xpath, GError **error)
{
    /* namespaces of all files are known by now */
    g_assert_cmpuint(config->n_namespaces, ==, 1);
    if (!strstr(xpath, "bad"))
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "it is bad; write a good one");
    return FALSE;
}

static void test_checked(void)
{
    static const char first[] = HEAD "\"match\": [{\"xpath\": \"good\", \"class\": \"batch\"},\n"
                                     "{\"name\": \"x\", \"class\": \"batch\"},\n"
                                     "{\"xpath\": \"bad\", \"class\": \"batch\"}]}";
    static const char second[] = HEAD "\"namespaces\": {\"c\": \"urn:c\"}}";
    VhPolicyText files[] = {{"1", first, strlen(first)}, {"2", second, strlen(second)}};
    g_autoptr(GError) error = NULL;

    g_assert_null(vh_policy_parse_checked(files, 2, check_xpath, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_cmpstr(error->message, ==, "1:4: /match/2/xpath: it is bad; write a good one");
}

/* ---- whatever can be configured comes back as it was ---- */

static guint64 random_between(guint64 low, guint64 high)
{
    guint64 word = ((guint64)g_test_rand_int_range(0, G_MAXINT32) << 31) |
                   (guint64)g_test_rand_int_range(0, G_MAXINT32);

    return low + word % (high - low + 1);
}

static guint64 random_quantity(const VhPolicyKey *key)
{
    guint64 value = random_between(key->minimum, key->maximum);

    if (key->zero_is_none && g_test_rand_bit())
        return 0;
    if (key->step > 0)
        value = value / key->step * key->step;
    if (!key->is_power)
        return MAX(value, key->minimum);
    for (guint64 power = key->minimum;; power <<= 1) {
        if (power * 2 > value)
            return power;
    }
}

static int random_word(const VhPolicyKey *key)
{
    guint n = 0;

    while (key->words[n].word)
        n++;
    return key->words[g_test_rand_int_range(0, (gint)n)].value;
}

static void set_random(const VhPolicyKey *key, gpointer base)
{
    gpointer at = (guint8 *)base + key->offset;

    switch (key->kind) {
    case VH_KEY_COUNT:
    case VH_KEY_SHARE:
        *(guint *)at = (guint)random_quantity(key);
        break;
    case VH_KEY_SIZE:
    case VH_KEY_DURATION:
        *(guint64 *)at = random_quantity(key);
        break;
    case VH_KEY_AMOUNT:
        *(VhAmount *)at =
            g_test_rand_bit()
                ? (VhAmount){.bytes = random_quantity(key)}
                : (VhAmount){.is_share = TRUE, .share_bp = (guint)random_between(0, 10000)};
        break;
    case VH_KEY_WORD:
        *(int *)at = random_word(key);
        break;
    default:
        g_assert_not_reached();
    }
}

static const VhPolicySection *section_of(const char *name)
{
    return vh_policy_section_find(&vh_policy_top, name)->section;
}

static VhSchedule random_schedule(const VhConfig *config)
{
    const VhPolicySection *keys = section_of("classes");
    VhSchedule schedule;

    memset(&schedule, 0, sizeof schedule); /* and its padding: it is compared as memory */
    schedule.days = (guint8)random_between(1, 0x7f);
    schedule.start_min = (guint)random_between(0, 1439);
    do
        schedule.end_min = (guint)random_between(1, 1440);
    while (schedule.end_min == schedule.start_min);
    schedule.class_index = (guint)random_between(0, config->n_classes - 1);
    while (schedule.keys == 0) {
        for (guint i = 0; i < keys->n_keys; i++) {
            if (g_test_rand_bit() && !(schedule.keys & keys->keys[i].flag)) {
                schedule.keys |= keys->keys[i].flag;
                set_random(&keys->keys[i], &schedule.values);
            }
        }
    }
    return schedule;
}

static VhConfig *random_config(void)
{
    const VhPolicySection *class_keys = section_of("classes");
    const VhPolicySection *model_keys = section_of("model");
    VhConfig *config = vh_config_new();

    for (guint i = 0; i < model_keys->n_keys; i++)
        set_random(&model_keys->keys[i], &config->model);
    for (guint i = 0; i < config->n_classes; i++) {
        for (guint k = 0; k < class_keys->n_keys; k++)
            set_random(&class_keys->keys[k], &config->classes[i]);
    }
    config->n_schedules = 5;
    config->schedules = g_new(VhSchedule, config->n_schedules);
    for (guint i = 0; i < config->n_schedules; i++)
        config->schedules[i] = random_schedule(config);
    config->override_keys = (guint)random_between(1, 2 * VH_OVERRIDE_REPORTING - 1);
    return config;
}

static void check_class(const VhClass *a, const VhClass *b)
{
    const VhPolicySection *keys = section_of("classes");

    for (guint i = 0; i < keys->n_keys; i++) {
        VhSchedule copy = {.keys = keys->keys[i].flag, .values = *b};
        VhClass merged = *a;
        vh_schedule_apply(&copy, &merged);
        g_assert_cmpmem(&merged, sizeof merged, a, sizeof *a);
    }
}

static void test_generated(void)
{
    guint rounds = g_test_thorough() || g_getenv("VH_TEST_LONG") ? 5000 : 200;

    for (guint round = 0; round < rounds; round++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VhConfig) config = random_config();
        g_autofree char *text = vh_policy_format(config);
        VhPolicyText file = {"p.json", text, strlen(text)};
        g_autoptr(VhConfig) again = vh_policy_parse(&file, 1, &error);

        g_assert_no_error(error);
        g_assert_cmpmem(&config->model, sizeof config->model, &again->model, sizeof again->model);
        for (guint i = 0; i < config->n_classes; i++)
            check_class(&config->classes[i], &again->classes[i]);
        g_assert_cmpmem(config->schedules, config->n_schedules * sizeof(VhSchedule),
                        again->schedules, again->n_schedules * sizeof(VhSchedule));
        g_assert_cmpuint(config->override_keys, ==, again->override_keys);
    }
}

/* Each key of a class has its bit, and no two the same one: or a schedule would set another. */
static void test_flags(void)
{
    const VhPolicySection *keys = section_of("classes");
    guint seen = 0;

    for (guint i = 0; i < keys->n_keys; i++) {
        guint flag = keys->keys[i].flag;
        g_assert_cmpuint(flag, !=, 0);
        g_assert_cmpuint(flag & (flag - 1), ==, 0);
        g_assert_cmpuint(seen & flag, ==, 0);
        seen |= flag;
    }
    g_assert_cmpuint(seen, ==, 2 * VH_CLASS_MAX_PER_MIN - 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-match/bad-matches", test_bad_matches);
    g_test_add_func("/policy-match/bad-namespaces", test_bad_namespaces);
    g_test_add_func("/policy-match/bad-schedules", test_bad_schedules);
    g_test_add_func("/policy-match/times", test_times);
    g_test_add_func("/policy-match/days-round-trip", test_days_round_trip);
    g_test_add_func("/policy-match/merge", test_merge);
    g_test_add_func("/policy-match/too-many-xpaths", test_too_many_xpaths);
    g_test_add_func("/policy-match/checked", test_checked);
    g_test_add_func("/policy-match/generated", test_generated);
    g_test_add_func("/policy-match/flags", test_flags);
    return g_test_run();
}
