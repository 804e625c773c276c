/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies from text: what each key does, how files merge, and that nothing wrong gets through
 * without its line and a sentence that helps.
 */
#include "bad-policy.h"
#include "vh-policy-keys.h"
#include "vh-policy-text.h"

#include <string.h>

static VhConfig *parse_two(const char *first, const char *second, GError **error)
{
    VhPolicyText files[] = {{"10.json", first, strlen(first)}, {"20.json", second, strlen(second)}};
    return vh_policy_parse(files, 2, error);
}

/* What is not even JSON, or not as strict as it must be. */
static void test_bad_json(void)
{
    static const BadPolicy cases[] = {
        {"", 1, "", "ends too early"},
        {HEAD "\"enforce\": true,\n}", 3, "", "comma before }"},
        {HEAD "\"enforce\": true,\n\"enforce\": false}", 3, "", "\"enforce\" is there twice"},
        {HEAD "\"classes\": {\"batch\": {},\n\"batch\": {}}}", 3, "", "\"batch\" is there twice"},
        {HEAD "\"max_in_flight\": 99999999999999999999}", 2, "", "2^63-1"},
        {HEAD "\"max_in_flight\": 1e999}", 2, "", "out of range"},
        {HEAD "\"max_in_flight\": 02}", 2, "", "leading zeroes"},
        {HEAD "'enforce': true}", 2, "", "single quotes"},
        {HEAD "\"enforce\": True}", 2, "", "expected a value"},
        {HEAD "// all of it\n\"enforce\": true}", 2, "", "no comments"},
        {HEAD "\"enforce\": true}\n{}", 3, "", "nothing behind"},
        {HEAD "\"pool\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 2, "", "at most 32 levels"},
        {HEAD "\"\xff\": 1}", 2, "", "UTF-8"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

static void test_bad_keys(void)
{
    static const BadPolicy cases[] = {
        {"[]", 1, "/", "an object in braces"},
        {"\n\"x\"", 2, "/", "an object in braces"},
        {"{}", 1, "/", "begin the file with \"version\": 1"},
        {"{\"version\": \"1\"}", 1, "/version", "write 1, without quotes"},
        {"{\"version\": 0}", 1, "/version", "write 1"},
        {"{\"intervall\": 1,\n\"version\": 1}", 1, "/intervall", "did you mean \"interval\"?"},
        {HEAD "\"quux\": 1}", 2, "/quux", "known here are version, enforce"},
        {HEAD "\"Enforce\": true}", 2, "/Enforce", "did you mean \"enforce\"?"},
        {HEAD "\"pool\": {\n\"levels\": {\n\"lo\": {}}}}", 4, "/pool/levels/lo",
         "did you mean \"low\"?"},
        {HEAD "\"pool\": {\"levels\": {\"idle\": {}}}}", 2, "/pool/levels/idle",
         "proactive, low, high or critical"},
        {HEAD "\"classes\": {\"batch\": {\n\"wieght\": 1}}}", 3, "/classes/batch/wieght",
         "did you mean \"weight\"?"},
        {HEAD "\"model\": {\"gama\": \"1%\"}}", 2, "/model/gama", "did you mean \"gamma\"?"},
        {HEAD "\"defaults\": {\"rank\": 1}}", 2, "/defaults/rank", "known here are class"},
        {HEAD "\"a/b\\n~\": 1}", 2, "/a~1b\\n~0", "unknown key \"a/b\\n~\""},
        {HEAD "\"match\": [{\"name\": \"a\", \"class\": \"batch\",\n\"uid\": 1}]}", 3,
         "/match/0/uid", "did you mean \"uuid\"?"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

static void test_bad_values(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"enforce\": \"true\"}", 2, "/enforce", "without quotes"},
        {HEAD "\"enforce\": 1}", 2, "/enforce", "found a whole number; write true or false"},
        {HEAD "\"enforce\": null}", 2, "/enforce", "found null"},
        {HEAD "\"interval\": 5}", 2, "/interval", "as in \"30s\""},
        {HEAD "\"interval\": \"5\"}", 2, "/interval", "no unit"},
        {HEAD "\"interval\": \"5MiB\"}", 2, "/interval", "ms, s, min, h or d"},
        {HEAD "\"interval\": \"500ms\"}", 2, "/interval", "write 1s to 10min"},
        {HEAD "\"interval\": \"1h\"}", 2, "/interval", "write 1s to 10min"},
        {HEAD "\"interval\": [\"5s\"]}", 2, "/interval", "found an array"},
        {HEAD "\"max_in_flight\": 0}", 2, "/max_in_flight", "write 1 to 64"},
        {HEAD "\"max_in_flight\": -1}", 2, "/max_in_flight", "-1 is out of range"},
        {HEAD "\"max_in_flight\": 2.0}", 2, "/max_in_flight", "write a whole number"},
        {HEAD "\"max_in_flight\": 9223372036854775807}", 2, "/max_in_flight", "write 1 to 64"},
        {HEAD "\"monitor\": \"maybe\"}", 2, "/monitor", "write refuse or allow"},
        {HEAD "\"monitor\": false}", 2, "/monitor", "found a boolean"},
        {HEAD "\"classes\": {\"perf\": {\"granule\": \"48KiB\"}}}", 2, "/classes/perf/granule",
         "a power of two"},
        {HEAD "\"classes\": {\"perf\": {\"granule\": \"2KiB\"}}}", 2, "/classes/perf/granule",
         "write 0B, or 4KiB to 1GiB"},
        {HEAD "\"classes\": {\"perf\": {\"granule\": \"2GiB\"}}}", 2, "/classes/perf/granule",
         "out of range"},
        {HEAD "\"pulse_reserve\": \"1MiB\"}", 2, "/pulse_reserve", "0B, or 64MiB"},
        {HEAD "\"pool\": []}", 2, "/pool", "an object in braces"},
        {HEAD "\"pool\": {\"source\": \"hsot\"}}", 2, "/pool/source",
         "write host, budget, cgroup or numa"},
        {HEAD "\"pool\": {\"reserve\": \"-1GiB\"}}", 2, "/pool/reserve", "negative"},
        {HEAD "\"pool\": {\"reserve\": \"2GB\"}}", 2, "/pool/reserve", "GiB"},
        {HEAD "\"pool\": {\"reserve\": \"2000TiB\"}}", 2, "/pool/reserve", "to 1024TiB"},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\"enter\": 15}}}}", 2, "/pool/levels/low/enter",
         "\"25%\" or \"512MiB\""},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\"enter\": \"101%\"}}}}", 2,
         "/pool/levels/low/enter", "more than 100%"},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\"enter\": \"5s\"}}}}", 2,
         "/pool/levels/low/enter", "neither a percentage nor a size"},
        {HEAD "\"defaults\": {\"stats_period\": \"1.5s\"}}", 2, "/defaults/stats_period",
         "in steps of 1s"},
        {HEAD "\"classes\": {\"batch\": 1}}", 2, "/classes/batch", "an object in braces"},
        {HEAD "\"classes\": {\"Batch\": {}}}", 2, "/classes/Batch", "a-z, 0-9 and -"},
        {HEAD "\"classes\": {\"\": {}}}", 2, "/classes/", "a-z, 0-9 and -"},
        {HEAD "\"classes\": {\"x\": {\"unlock\": \"idle\"}}}", 2, "/classes/x/unlock",
         "proactive, low, high or critical"},
        {HEAD "\"classes\": {\"x\": {\"weight\": 0}}}", 2, "/classes/x/weight", "write 1 to 1000"},
        {HEAD "\"classes\": {\"x\": {\"asks_per_hour\": 61}}}", 2, "/classes/x/asks_per_hour",
         "write 0 to 60"},
        {HEAD "\"classes\": {\"x\": {\"cooldown\": \"8d\"}}}", 2, "/classes/x/cooldown", "to 7d"},
        {HEAD "\"classes\": {\"x\": {\"max_per_ask\": \"1KiB\"}}}", 2, "/classes/x/max_per_ask",
         "0B, or 1MiB"},
        {HEAD "\"model\": {\"gamma\": \"0%\"}}", 2, "/model/gamma", "write 1% to 100%"},
        {HEAD "\"model\": {\"sigma\": \"0.001%\"}}", 2, "/model/sigma", "finer than 0.01%"},
        {HEAD "\"model\": {\"sigma\": 0.1}}", 2, "/model/sigma", "found a number with a fraction"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

static void test_bad_lists(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"match\": {}}", 2, "/match", "an array in brackets"},
        {HEAD "\"match\": [\n\"ci-*\"]}", 3, "/match/0", "an object in braces"},
        {HEAD "\"match\": [\n{\"class\": \"batch\"}]}", 3, "/match/0", "one of \"name\", "},
        {HEAD "\"match\": [{\"name\": \"a\"}]}", 2, "/match/0", "add \"class\""},
        {HEAD "\"match\": [{\"name\": \"\", \"class\": \"batch\"}]}", 2, "/match/0/name",
         "\"*\" for every guest"},
        {HEAD "\"match\": [{\"name\": 7, \"class\": \"batch\"}]}", 2, "/match/0/name",
         "name or pattern in quotes"},
        {HEAD "\"match\": [{\"uuid\": \"1234\", \"class\": \"batch\"}]}", 2, "/match/0/uuid",
         "32 hexadecimal digits"},
        {HEAD "\"match\": [{\"name\": \"a\", \"uuid\": \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\", "
              "\"class\": \"batch\"}]}",
         2, "/match/0", "both \"name\" and \"uuid\""},
        {HEAD "\"match\": [{\"name\": \"a\", \"class\": \"batch\"},\n{\"name\": \"b\", \"class\": "
              "\"bacth\"}]}",
         3, "/match/1/class", "did you mean \"batch\"?"},
        {HEAD "\"match\": [{\"name\": \"b\",\n\"class\": \"gold\"}]}", 3, "/match/0/class",
         "batch, standard, perf or exempt"},
        {HEAD "\"defaults\": {\"class\": \"gold\"}}", 2, "/defaults/class", "no class \"gold\""},
        {HEAD "\"defaults\": {\"class\": 1}}", 2, "/defaults/class", "name of a class"},
        {HEAD "\"overrides\": {\"allow\": \"class\"}}", 2, "/overrides/allow", "in brackets"},
        {HEAD "\"overrides\": {\"allow\": [\"class\",\n\"colour\"]}}", 3, "/overrides/allow/1",
         "write class, weight, ask"},
        {HEAD "\"overrides\": {\"allow\": [\"until\"]}}", 2, "/overrides/allow/0",
         "not an attribute that can be allowed"},
        {HEAD "\"overrides\": {\"allow\": [\"ask\", \"ask\"]}}", 2, "/overrides/allow/1",
         "there twice"},
        {HEAD "\"overrides\": {\"allow\": [1]}}", 2, "/overrides/allow/0", "found a whole number"},
        {HEAD "\"overrides\": {\"forbid_class\": [\"gold\"]}}", 2, "/overrides/forbid_class/0",
         "no class \"gold\""},
        {HEAD "\"overrides\": {\"forbid_class\": [\"perf\", \"perf\"]}}", 2,
         "/overrides/forbid_class/1", "there twice"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

static void test_bad_order(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"pool\": {\"source\": \"budget\"}}", 2, "/pool", "/pool/budget: "},
        {HEAD "\"pool\": {\n\"budget\": \"4GiB\"}}", 3, "/pool/budget", "\"source\": \"budget\""},
        {HEAD "\"pool\": {\"source\": \"budget\", \"budget\": \"4GiB\",\n\"reserve\": \"1GiB\"}}",
         3, "/pool/reserve", "smaller budget"},
        {HEAD "\"pool\": {\"levels\": {\n\"low\": {\"enter\": \"15%\",\n\"exit\": \"15%\"}}}}", 4,
         "/pool/levels/low/exit", "not above the enter bound"},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\n\"enter\": \"26%\", \"exit\": \"27%\"}}}}", 3,
         "/pool/levels/low/enter", "not below that of proactive"},
        {HEAD "\"pool\": {\"levels\": {\"high\": {\n\"exit\": \"20%\"}}}}", 3,
         "/pool/levels/high/exit", "not below that of low"},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\n\"enter\": \"1GiB\"}}}}", 3,
         "/pool/levels/low/enter", "mixed"},
        {HEAD "\"pool\": {\"levels\": {\"proactive\": {\n\"exit\": \"100%\"}}}}", 3,
         "/pool/levels/proactive/exit", "never be left"},
        {HEAD "\"defaults\": {\n\"stats_period\": \"1min\"}}", 2, "/defaults",
         "/defaults/max_stats_age: "},
        {HEAD "\"defaults\": {\n\"max_stats_age\": \"2s\"}}", 3, "/defaults/max_stats_age",
         "better three times"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

/* What one source of the pool needs, or what means nothing for it. */
static void test_bad_pool(void)
{
    static const BadPolicy cases[] = {
        {HEAD "\"pool\": {\"source\": \"cgroup\"}}", 2, "/pool", "/pool/cgroup: "},
        {HEAD "\"pool\": {\"cgroup\": \"/a.slice\"}}", 2, "/pool/cgroup", "source is host"},
        {HEAD "\"pool\": {\"source\": \"numa\", \"node\": 1,\n\"cgroup\": \"/a\"}}", 3,
         "/pool/cgroup", "source is numa"},
        {HEAD "\"pool\": {\"source\": \"numa\",\n\"budget\": \"1GiB\"}}", 3, "/pool/budget",
         "source is numa"},
        {HEAD "\"pool\": {\"node\": 1}}", 2, "/pool/node", "\"source\": \"numa\""},
        {HEAD "\"pool\": {\"node\": 64}}", 2, "/pool/node", "0 to 63"},
        {HEAD "\"pool\": {\"source\": \"cgroup\", \"cgroup\": \"/a\",\n\"reserve\": \"1GiB\"}}", 3,
         "/pool/reserve", "higher bounds"},
        {HEAD "\"pool\": {\"cgroup\": \"machine.slice\"}}", 2, "/pool/cgroup", "from the root"},
        {HEAD "\"pool\": {\"cgroup\": \"/\"}}", 2, "/pool/cgroup", "from the root"},
        {HEAD "\"pool\": {\"cgroup\": \"/a//b\"}}", 2, "/pool/cgroup", "single slashes"},
        {HEAD "\"pool\": {\"cgroup\": \"/a/\"}}", 2, "/pool/cgroup", "single slashes"},
        {HEAD "\"pool\": {\"cgroup\": \"/a/../b\"}}", 2, "/pool/cgroup", "from the root"},
        {HEAD "\"pool\": {\"cgroup\": \"/./b\"}}", 2, "/pool/cgroup", "from the root"},
        {HEAD "\"pool\": {\"cgroup\": \"/a\\nb\"}}", 2, "/pool/cgroup", "a\\nb"},
        {HEAD "\"pool\": {\"cgroup\": 7}}", 2, "/pool/cgroup", "\"/machine.slice\""},
        {HEAD "\"pool\": {\"psi\": {\"some_avg10\": \"10\"}}}", 2, "/pool/psi/some_avg10", "%"},
        {HEAD "\"pool\": {\"psi\": {\"some_avg10\": 101}}}", 2, "/pool/psi/some_avg10",
         "more than 100%"},
        {HEAD "\"pool\": {\"psi\": {\"full_avg10\": -1}}}", 2, "/pool/psi/full_avg10", "negative"},
        {HEAD "\"pool\": {\"psi\": {\"full_avg10\": 1.5}}}", 2, "/pool/psi/full_avg10",
         "a number with a fraction"},
        {HEAD "\"pool\": {\"psi\": {\"avg10\": \"10%\"}}}", 2, "/pool/psi/avg10",
         "some_avg10 or full_avg10"},
        {HEAD "\"pool\": {\"swap_out\": \"1MiB\"}}", 2, "/pool/swap_out", "/s"},
        {HEAD "\"pool\": {\"swap_out\": \"1B/s\"}}", 2, "/pool/swap_out", "0B/s, or 4KiB/s to"},
        {HEAD "\"pool\": {\"swap_out\": 1}}", 2, "/pool/swap_out", "\"1MiB/s\""},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_bad(&cases[i], VH_ERROR_INVALID);
    }
}

static void test_other_version(void)
{
    static const BadPolicy later = {"{\n\"version\": 2, \"quux\": 1}", 2, "/version", "version 2"};
    check_bad(&later, VH_ERROR_UNSUPPORTED);
}

static void test_long_pointer_is_cut(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *flood = g_strnfill(100000, 'k');
    g_autofree char *text = g_strdup_printf(HEAD "\"%s\": 1}", flood);
    g_assert_null(parse_one(text, &error));
    g_assert_cmpuint(strlen(error->message), <, 500);
    g_assert_true(g_str_has_prefix(error->message, "p.json:2: /kkk"));
}

static void test_builtin(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = vh_policy_parse(NULL, 0, &error);
    g_assert_no_error(error);
    g_assert_true(config->enforce);
    g_assert_cmpuint(config->n_classes, ==, 4);
    g_assert_cmpstr(config->classes[config->default_class].name, ==, "standard");
    g_assert_cmpint(config->pool.source, ==, VH_POOL_HOST);
    g_assert_cmpuint(config->pool.levels[VH_LEVEL_CRITICAL].enter.share_bp, ==, 400);
    g_assert_cmpuint(config->pulse_reserve_bytes, ==, 0);
    g_assert_cmpuint(config->max_in_flight, ==, 8);
    g_assert_false(config->allows_monitor);
    g_assert_true(config->classes[3].ask_never);
    g_assert_true(config->override_forbidden[3]);
    g_assert_cmpuint(config->n_matches, ==, 0);
}

static const char full_text[] = HEAD
    "\"enforce\": false, \"interval\": \"90s\", \"max_in_flight\": 7,"
    "\"max_in_flight_per_node\": 3,"
    "\"monitor\": \"allow\", \"pulse_reserve\": \"1.5GiB\","
    "\"pool\": {\"source\": \"budget\", \"budget\": \"10GiB\", \"dwell\": \"1500ms\","
    "  \"psi\": {\"some_avg10\": 20, \"full_avg10\": \"2.5%\"}, \"swap_out\": \"1.5MiB/s\","
    "  \"levels\": {\"proactive\": {\"enter\": \"4GiB\", \"exit\": \"5GiB\"},"
    "    \"low\": {\"enter\": \"3GiB\", \"exit\": \"3.5GiB\"},"
    "    \"high\": {\"enter\": \"2GiB\", \"exit\": \"2.5GiB\"},"
    "    \"critical\": {\"enter\": \"1GiB\", \"exit\": \"1.5GiB\"}}},"
    "\"defaults\": {\"class\": \"gold\", \"stats_period\": \"2s\", \"max_stats_age\": \"7s\","
    "  \"min_yield\": \"3MiB\", \"forget\": \"90d\"},"
    "\"classes\": {\"gold\": {\"rank\": 9, \"unlock\": \"high\", \"weight\": 77,"
    "  \"cooldown\": \"3h\", \"max_per_ask\": \"5MiB\", \"asks_per_hour\": 3,"
    "  \"keep_free\": \"12.5%\", \"ask\": \"never\", \"granule\": \"64KiB\","
    "  \"reporting\": \"always\", \"max_per_min\": \"6GiB\"}, \"plain\": {}},"
    "\"match\": [{\"name\": \"ci-?*\", \"class\": \"gold\"},"
    "  {\"uuid\": \"6BA7B810-9dad-11d1-80b4-00c04fd430c8\", \"class\": \"plain\"},"
    "  {\"xpath\": \"//x:site[@n='7']\", \"class\": \"gold\"},"
    "  {\"if\": [\"vfio\", \"realtime\"], \"class\": \"gold\"}],"
    "\"namespaces\": {\"x\": \"urn:example:inventory\", \"y\": \"http://example.org/y#1\"},"
    "\"schedule\": [{\"when\": \"Mon..Fri 08:00-18:30\", \"class\": \"gold\","
    "  \"set\": {\"unlock\": \"critical\", \"rank\": 3, \"weight\": 5, \"cooldown\": \"4h\","
    "    \"max_per_ask\": \"0B\", \"asks_per_hour\": 9, \"keep_free\": \"3GiB\", \"ask\": \"auto\","
    "    \"granule\": \"8KiB\", \"reporting\": \"leave\", \"max_per_min\": \"1GiB\"}}],"
    "\"overrides\": {\"allow\": [\"weight\", \"ask\", \"reporting\"],"
    "  \"forbid_class\": [\"gold\"]},"
    "\"model\": {\"overhead\": \"123KiB\", \"gamma\": \"90.05%\", \"sigma\": \"0%\","
    "  \"residue_halflife\": \"1min\", \"stable\": \"1.5%\", \"cost_fixed\": \"0.25ms\","
    "  \"cost_per_gib\": \"1ms\", \"proactive_per_min\": \"3%\", \"cooldown_max\": \"2d\","
    "  \"poor\": \"33.33%\", \"retouch\": \"7%\", \"cost_refault\": \"3s\","
    "  \"lambda\": \"0%\", \"fair_halflife\": \"2h\","
    "  \"horizon\": \"0s\", \"learn\": \"20%\", \"explore\": \"3h\", \"rebound\": \"90s\"}}";

static void check_full_classes(const VhConfig *config)
{
    const VhClass *gold = &config->classes[4];
    const VhClass *plain = &config->classes[5];
    g_assert_cmpuint(config->n_classes, ==, 6);
    g_assert_cmpstr(gold->name, ==, "gold");
    g_assert_cmpuint(gold->rank, ==, 9);
    g_assert_cmpint(gold->unlock, ==, VH_LEVEL_HIGH);
    g_assert_cmpuint(gold->weight, ==, 77);
    g_assert_cmpint(gold->cooldown_us, ==, 3 * VH_HOUR);
    g_assert_cmpuint(gold->max_per_ask_bytes, ==, 5 * VH_MIB);
    g_assert_cmpuint(gold->asks_per_hour, ==, 3);
    g_assert_true(gold->keep_free.is_share);
    g_assert_cmpuint(gold->keep_free.share_bp, ==, 1250);
    g_assert_true(gold->ask_never);
    g_assert_cmpuint(gold->granule_bytes, ==, 64 * VH_KIB);
    /* a new class starts as the built-in standard one */
    g_assert_cmpuint(plain->weight, ==, 4);
    g_assert_cmpuint(plain->max_per_ask_bytes, ==, 2 * VH_GIB);
    g_assert_cmpuint(config->default_class, ==, 4);
    g_assert_cmpint(gold->reporting, ==, VH_REPORTING_ALWAYS);
    g_assert_cmpuint(gold->max_per_min_bytes, ==, 6 * VH_GIB);
    g_assert_cmpint(plain->reporting, ==, VH_REPORTING_AUTO);
    g_assert_cmpuint(config->n_matches, ==, 4);
    g_assert_cmpint(config->matches[2].kind, ==, VH_MATCH_XPATH);
    g_assert_cmpstr(config->matches[2].xpath, ==, "//x:site[@n='7']");
    g_assert_cmpint(config->matches[3].kind, ==, VH_MATCH_FACTS);
    g_assert_cmpuint(config->matches[3].facts, ==, VH_FACT_VFIO | VH_FACT_REALTIME);
    g_assert_cmpint(config->matches[0].kind, ==, VH_MATCH_NAME);
    g_assert_cmpstr(config->matches[0].name_glob, ==, "ci-?*");
    g_assert_cmpuint(config->matches[0].class_index, ==, 4);
    g_assert_cmpint(config->matches[1].kind, ==, VH_MATCH_UUID);
    g_assert_cmpuint(config->matches[1].uuid.bytes[0], ==, 0x6b);
    g_assert_cmpuint(config->matches[1].class_index, ==, 5);
    g_assert_cmpuint(config->override_keys, ==,
                     VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK | VH_OVERRIDE_REPORTING);
    g_assert_cmpuint(config->override_forbidden[3], ==, 0);
    g_assert_cmpuint(config->override_forbidden[4], ==, 1);
}

static void check_full_schedule(const VhConfig *config)
{
    const VhSchedule *schedule = &config->schedules[0];
    const VhClass *values = &schedule->values;
    g_assert_cmpuint(config->n_schedules, ==, 1);
    g_assert_cmpuint(schedule->class_index, ==, 4);
    g_assert_cmpuint(schedule->days, ==, 0x1f);
    g_assert_cmpuint(schedule->start_min, ==, 8 * 60);
    g_assert_cmpuint(schedule->end_min, ==, 18 * 60 + 30);
    g_assert_cmpuint(schedule->keys, ==, 2 * VH_CLASS_MAX_PER_MIN - 1);
    g_assert_cmpint(values->unlock, ==, VH_LEVEL_CRITICAL);
    g_assert_cmpuint(values->rank, ==, 3);
    g_assert_cmpuint(values->weight, ==, 5);
    g_assert_cmpint(values->cooldown_us, ==, 4 * VH_HOUR);
    g_assert_cmpuint(values->max_per_ask_bytes, ==, 0);
    g_assert_cmpuint(values->asks_per_hour, ==, 9);
    g_assert_cmpuint(values->keep_free.bytes, ==, 3 * VH_GIB);
    g_assert_false(values->ask_never);
    g_assert_cmpuint(values->granule_bytes, ==, 8 * VH_KIB);
    g_assert_cmpint(values->reporting, ==, VH_REPORTING_LEAVE);
    g_assert_cmpuint(values->max_per_min_bytes, ==, VH_GIB);
}

static void test_every_key(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = parse_one(full_text, &error);
    g_assert_no_error(error);
    g_assert_false(config->enforce);
    g_assert_cmpint(config->interval_us, ==, 90 * VH_SEC);
    g_assert_cmpuint(config->max_in_flight, ==, 7);
    g_assert_true(config->allows_monitor);
    g_assert_cmpuint(config->pulse_reserve_bytes, ==, 1536 * VH_MIB);
    g_assert_cmpint(config->pool.source, ==, VH_POOL_BUDGET);
    g_assert_cmpuint(config->pool.budget_bytes, ==, 10 * VH_GIB);
    g_assert_cmpint(config->pool.dwell_us, ==, 1500 * VH_MS);
    g_assert_false(config->pool.levels[VH_LEVEL_LOW].exit.is_share);
    g_assert_cmpuint(config->pool.levels[VH_LEVEL_LOW].exit.bytes, ==, 3584 * VH_MIB);
    g_assert_cmpint(config->stats_period_us, ==, 2 * VH_SEC);
    g_assert_cmpint(config->max_stats_age_us, ==, 7 * VH_SEC);
    g_assert_cmpuint(config->min_yield_bytes, ==, 3 * VH_MIB);
    g_assert_cmpint(config->forget_us, ==, 90 * 24 * VH_HOUR);
    g_assert_cmpuint(config->max_in_flight_per_node, ==, 3);
    g_assert_cmpuint(config->pool.psi_some_bp, ==, 2000);
    g_assert_cmpuint(config->pool.psi_full_bp, ==, 250);
    g_assert_cmpuint(config->pool.swap_out_bytes_per_s, ==, 1536 * VH_KIB);
    g_assert_cmpuint(config->n_namespaces, ==, 2);
    g_assert_cmpstr(config->namespaces[0].prefix, ==, "x");
    g_assert_cmpstr(config->namespaces[0].uri, ==, "urn:example:inventory");
    check_full_classes(config);
    check_full_schedule(config);
    const VhModel *model = &config->model;
    g_assert_cmpuint(model->overhead_bytes, ==, 123 * VH_KIB);
    g_assert_cmpuint(model->gamma_bp, ==, 9005);
    g_assert_cmpuint(model->sigma_bp, ==, 0);
    g_assert_cmpint(model->residue_halflife_us, ==, VH_MIN);
    g_assert_cmpuint(model->stable_bp, ==, 150);
    g_assert_cmpint(model->cost_fixed_us, ==, 250);
    g_assert_cmpint(model->cost_per_gib_us, ==, VH_MS);
    g_assert_cmpuint(model->proactive_bp_per_min, ==, 300);
    g_assert_cmpint(model->cooldown_max_us, ==, 48 * VH_HOUR);
    g_assert_cmpuint(model->poor_bp, ==, 3333);
    g_assert_cmpuint(model->retouch_bp, ==, 700);
    g_assert_cmpint(model->cost_refault_per_gib_us, ==, 3 * VH_SEC);
    g_assert_cmpuint(model->lambda_bp, ==, 0);
    g_assert_cmpint(model->fair_halflife_us, ==, 2 * VH_HOUR);
    g_assert_cmpint(model->horizon_us, ==, 0);
    g_assert_cmpuint(model->learn_bp, ==, 2000);
    g_assert_cmpint(model->explore_us, ==, 3 * VH_HOUR);
    g_assert_cmpint(model->rebound_us, ==, 90 * VH_SEC);
}

static void check_same_lists(const VhConfig *a, const VhConfig *b)
{
    g_assert_cmpuint(a->n_namespaces, ==, b->n_namespaces);
    for (guint i = 0; i < a->n_namespaces; i++) {
        g_assert_cmpstr(a->namespaces[i].prefix, ==, b->namespaces[i].prefix);
        g_assert_cmpstr(a->namespaces[i].uri, ==, b->namespaces[i].uri);
    }
    g_assert_cmpmem(a->schedules, a->n_schedules * sizeof *a->schedules, b->schedules,
                    b->n_schedules * sizeof *b->schedules);
    g_assert_cmpuint(a->n_matches, ==, b->n_matches);
    for (guint i = 0; i < a->n_matches; i++) {
        g_assert_cmpint(a->matches[i].kind, ==, b->matches[i].kind);
        g_assert_cmpstr(a->matches[i].name_glob, ==, b->matches[i].name_glob);
        g_assert_cmpstr(a->matches[i].xpath, ==, b->matches[i].xpath);
        g_assert_cmpuint(a->matches[i].xpath_index, ==, b->matches[i].xpath_index);
        g_assert_cmpuint(a->matches[i].facts, ==, b->matches[i].facts);
        g_assert_cmpuint(a->matches[i].class_index, ==, b->matches[i].class_index);
    }
}

static void check_round_trip(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = parse_one(text, &error);
    g_assert_no_error(error);
    g_autofree char *once = vh_policy_format(config);
    g_autoptr(VhConfig) again = parse_one(once, &error);
    g_assert_no_error(error);
    g_autofree char *twice = vh_policy_format(again);
    g_assert_cmpstr(once, ==, twice);
    g_assert_cmpstr(config->pool.cgroup, ==, again->pool.cgroup);
    VhPoolConfig pool = again->pool;
    pool.cgroup = config->pool.cgroup;
    g_assert_cmpmem(&config->pool, sizeof config->pool, &pool, sizeof pool);
    check_same_lists(config, again);
    g_assert_cmpuint(config->exempt_facts, ==, again->exempt_facts);
    g_assert_cmpmem(&config->model, sizeof config->model, &again->model, sizeof again->model);
    g_assert_cmpuint(config->n_classes, ==, again->n_classes);
    g_assert_cmpuint(config->override_keys, ==, again->override_keys);
    for (guint i = 0; i < config->n_classes; i++) {
        g_assert_cmpstr(config->classes[i].name, ==, again->classes[i].name);
        g_assert_cmpint(config->classes[i].cooldown_us, ==, again->classes[i].cooldown_us);
        g_assert_cmpint(config->classes[i].ask_never, ==, again->classes[i].ask_never);
        g_assert_cmpint(config->classes[i].reporting, ==, again->classes[i].reporting);
        g_assert_cmpuint(config->classes[i].max_per_min_bytes, ==,
                         again->classes[i].max_per_min_bytes);
        g_assert_cmpuint(config->classes[i].granule_bytes, ==, again->classes[i].granule_bytes);
        g_assert_cmpuint(config->override_forbidden[i], ==, again->override_forbidden[i]);
    }
}

static void test_round_trip(void)
{
    check_round_trip("{\"version\": 1}");
    check_round_trip(full_text);
    check_round_trip(HEAD "\"exempt\": []}");
    check_round_trip(HEAD "\"exempt\": [\"vfio\", \"realtime\"]}");
    check_round_trip(HEAD "\"pool\": {\"source\": \"cgroup\", \"cgroup\": \"/machine.slice/a b\","
                          "\"swap_out\": \"0B/s\"}}");
    check_round_trip(HEAD "\"pool\": {\"source\": \"numa\", \"node\": 63, \"reserve\": \"1GiB\","
                          "\"psi\": {\"some_avg10\": 0, \"full_avg10\": \"0.01%\"}}}");
}

static void test_merge(void)
{
    g_autoptr(VhConfig) builtin = vh_config_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = parse_two(
        HEAD "\"interval\": \"9s\", \"max_in_flight\": 3, \"classes\": {\"gold\": {\"rank\": 5,"
             "\"weight\": 50}, \"batch\": {\"weight\": 2}},"
             "\"match\": [{\"name\": \"a\", \"class\": \"gold\"}],"
             "\"overrides\": {\"allow\": [\"class\"], \"forbid_class\": [\"batch\"]}}",
        HEAD "\"interval\": \"4s\", \"classes\": {\"gold\": {\"weight\": 60}, \"late\": {}},"
             "\"match\": [{\"name\": \"b\", \"class\": \"late\"}],"
             "\"overrides\": {\"allow\": [\"ask\"], \"forbid_class\": [\"gold\"]}}",
        &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->interval_us, ==, 4 * VH_SEC);
    g_assert_cmpuint(config->max_in_flight, ==, 3);
    const VhClass *gold = &config->classes[vh_config_find_class(config, "gold")];
    g_assert_cmpuint(gold->rank, ==, 5);
    g_assert_cmpuint(gold->weight, ==, 60);
    g_assert_cmpuint(config->classes[0].weight, ==, 2);
    g_assert_cmpint(config->classes[0].cooldown_us, ==, builtin->classes[0].cooldown_us);
    g_assert_cmpuint(config->n_matches, ==, 2);
    g_assert_cmpstr(config->matches[0].name_glob, ==, "a");
    g_assert_cmpstr(config->matches[1].name_glob, ==, "b");
    /* lists of words are replaced, not joined: a later file can take a permission back */
    g_assert_cmpuint(config->override_keys, ==, VH_OVERRIDE_ASK);
    g_assert_cmpuint(config->override_forbidden[0], ==, 0);
    g_assert_cmpuint(config->override_forbidden[vh_config_find_class(config, "gold")], ==, 1);
}

static void test_merge_uses_later_class(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = parse_two(HEAD "\"defaults\": {\"class\": \"late\"}}",
                                           HEAD "\"classes\": {\"late\": {\"rank\": 8}}}", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(config->classes[config->default_class].rank, ==, 8);
}

/* What shows only over all files names the one that said it last. */
static void test_merge_errors(void)
{
    static const struct {
        const char *first;
        const char *second;
        const char *place;
    } cases[] = {
        {HEAD "\"defaults\": {\"class\": \"gold\"}}", HEAD "\"defaults\": {\"class\": \"perf\"}}",
         "10.json:2: /defaults/class: there is no class \"gold\""},
        {HEAD "\"pool\": {\"source\": \"budget\", \"budget\": \"4GiB\"}}",
         HEAD "\n\"pool\": {\"source\": \"host\"}}", "10.json:2: /pool/budget: "},
        {HEAD "\"pool\": {\"levels\": {\"low\": {\"exit\": \"20%\"}}}}",
         HEAD "\n\n\"pool\": {\"levels\": {\"low\": {\"enter\": \"21%\"}}}}",
         "10.json:2: /pool/levels/low/exit: "},
        {"{\"version\": 1}", "{\"version\": 1,\n\"quux\": 2}", "20.json:2: /quux: "},
        {"{\"version\": 1", "{\"version\": 1}", "10.json:1: the text ends too early"},
        {"{\"version\": 1}", "{}", "20.json:1: /: no version"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("case %u", i);
        g_assert_null(parse_two(cases[i].first, cases[i].second, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!g_str_has_prefix(error->message, cases[i].place)) {
            g_error("\"%s\" is not \"%s...\"", error->message, cases[i].place);
        }
    }
}

static char *read_source(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(VH_SOURCE_ROOT, name, NULL);
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void test_examples(void)
{
    static const char *const names[] = {"host",  "budget",    "overcommit", "cloud",
                                        "dense", "openstack", "kubevirt"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *name = g_strdup_printf("policy/examples/%s.json", names[i]);
        g_autofree char *text = read_source(name);
        g_autoptr(VhConfig) config = parse_one(text, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(config->n_matches, >, 0);
    }
}

#define PAGE "docs/man/virthint-policy.5.rst"

/* With one blank for any white space, since lines are broken where they are full. */
static char *flatten(const char *text)
{
    g_autoptr(GRegex) space = g_regex_new("\\s+", 0, 0, NULL);
    return g_regex_replace_literal(space, text, -1, 0, " ", 0, NULL);
}

/* The man page has the entry of each key, with the type, range and default that the parser uses. */
static void test_documentation_is_complete(void)
{
    g_autofree char *source = read_source(PAGE), *document = flatten(source);
    g_auto(GStrv) rows = vh_policy_document();
    g_assert_cmpuint(g_strv_length(rows), >, 50);
    for (guint i = 0; rows[i]; i++) {
        g_autofree char *row = flatten(rows[i]);
        if (!strstr(document, row)) {
            g_test_message(PAGE " lacks the entry: %s", row);
            g_test_fail();
        }
    }
}

/* And no key that the parser does not know: each is a line of its own, the first of its entry. */
static void test_documentation_invents_nothing(void)
{
    g_autofree char *source = read_source(PAGE);
    g_auto(GStrv) rows = vh_policy_document(), lines = g_strsplit(source, "\n", -1);
    gboolean is_key = FALSE;
    guint n_keys = 0;

    for (guint i = 0; lines[i]; i++) {
        if (g_str_equal(lines[i], "KEYS"))
            is_key = TRUE;
        else if (lines[i + 1] && g_str_has_prefix(lines[i + 1], "====="))
            is_key = FALSE;
        if (!is_key || !g_str_has_prefix(lines[i], "``") || !g_str_has_suffix(lines[i], "``"))
            continue;
        guint known = 0;
        while (rows[known] &&
               !(g_str_has_prefix(rows[known], lines[i]) && rows[known][strlen(lines[i])] == ' '))
            known++;
        if (!rows[known])
            g_error(PAGE " has %s, which no policy may have", lines[i]);
        n_keys++;
    }
    g_assert_cmpuint(n_keys, >, 50);
}

/* The JSON of a document in Markdown is right, and there is some. */
static void assert_examples(const char *name)
{
    g_autofree char *document = read_source(name);
    guint n_examples = 0;
    for (const char *at = document; (at = strstr(at, "\n```json\n"));) {
        g_autoptr(GError) error = NULL;
        at += strlen("\n```json\n");
        const char *end = strstr(at, "\n```\n");
        g_assert_nonnull(end);
        VhPolicyText text = {name, at, (gsize)(end - at)};
        g_autoptr(VhConfig) config = vh_policy_parse(&text, 1, &error);
        g_assert_no_error(error);
        g_assert_nonnull(config);
        n_examples++;
    }
    g_assert_cmpuint(n_examples, >, 0);
}

/* The same of a man page: blocks that are set in, and begin and end with a brace. */
static void assert_page_examples(const char *name)
{
    g_autofree char *document = read_source(name);
    guint n_examples = 0;
    for (const char *at = document; (at = strstr(at, "\n\n    {"));) {
        g_autoptr(GError) error = NULL;
        const char *end = strstr(++at, "}\n\n");
        g_assert_nonnull(end);
        VhPolicyText text = {name, at, (gsize)(end + 1 - at)};
        g_autoptr(VhConfig) config = vh_policy_parse(&text, 1, &error);
        g_assert_no_error(error);
        g_assert_nonnull(config);
        n_examples++;
    }
    g_assert_cmpuint(n_examples, >, 0);
}

/* And the other way round: the examples that are shown are right. */
static void test_documented_examples(void)
{
    assert_examples("docs/policy.md");
    assert_page_examples(PAGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-text/bad-json", test_bad_json);
    g_test_add_func("/policy-text/bad-keys", test_bad_keys);
    g_test_add_func("/policy-text/bad-values", test_bad_values);
    g_test_add_func("/policy-text/bad-lists", test_bad_lists);
    g_test_add_func("/policy-text/bad-order", test_bad_order);
    g_test_add_func("/policy-text/bad-pool", test_bad_pool);
    g_test_add_func("/policy-text/other-version", test_other_version);
    g_test_add_func("/policy-text/long-pointer-is-cut", test_long_pointer_is_cut);
    g_test_add_func("/policy-text/builtin", test_builtin);
    g_test_add_func("/policy-text/every-key", test_every_key);
    g_test_add_func("/policy-text/round-trip", test_round_trip);
    g_test_add_func("/policy-text/merge", test_merge);
    g_test_add_func("/policy-text/merge-uses-later-class", test_merge_uses_later_class);
    g_test_add_func("/policy-text/merge-errors", test_merge_errors);
    g_test_add_func("/policy-text/examples", test_examples);
    g_test_add_func("/policy-text/documentation-is-complete", test_documentation_is_complete);
    g_test_add_func("/policy-text/documentation-invents-nothing",
                    test_documentation_invents_nothing);
    g_test_add_func("/policy-text/documented-examples", test_documented_examples);
    return g_test_run();
}
