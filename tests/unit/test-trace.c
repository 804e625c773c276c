/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of a trace: what is written comes back, what is wrong is refused, all is documented. */
#include "vh-policy-text.h"
#include "vh-trace-keys.h"
#include "vh-trace.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define ROUNDS 300
#define WALL_US G_GINT64_CONSTANT(1767225600000000)

static guint64 random_bits(void)
{
    guint64 bits = ((guint64)g_test_rand_int() << 32) | (guint32)g_test_rand_int();

    return bits >> g_test_rand_int_range(0, 64);
}

static gboolean chance(int percent)
{
    return g_test_rand_int_range(0, 100) < percent;
}

/* Two matches by XPath, one of them after another kind. */
static VhConfig *make_config(void)
{
    static const char text[] = "{\"version\": 1, \"match\": ["
                               "{\"xpath\": \"//a\", \"class\": \"batch\"},"
                               "{\"name\": \"db*\", \"class\": \"perf\"},"
                               "{\"xpath\": \"//b\", \"class\": \"perf\"}]}";
    const VhPolicyText policy = {"test", text, strlen(text)};
    g_autoptr(GError) error = NULL;
    VhConfig *config = vh_policy_parse(&policy, 1, &error);

    g_assert_no_error(error);
    return config;
}

static void fill_section(const VhTraceSection *section, gpointer base);

static void fill_times(const VhTraceField *field, gpointer base)
{
    guint n = (guint)g_test_rand_int_range(0, (int)field->maximum + 1);
    gint64 *times = (gint64 *)vh_trace_at(base, field->offset);

    *(guint *)vh_trace_at(base, field->count_offset) = n;
    for (guint i = 0; i < n; i++)
        times[i] = WALL_US + i;
}

static void fill_list(const VhTraceSection *section, GArray *list)
{
    g_array_set_size(list, (guint)g_test_rand_int_range(0, 3));
    for (guint i = 0; i < list->len; i++)
        fill_section(section, list->data + i * section->size);
}

static double random_double(void)
{
    static const double odd[] = {0, -0.0, 1, 1.0 / 3, 1e300, 5e-324};

    return chance(40)   ? odd[g_test_rand_int_range(0, G_N_ELEMENTS(odd))]
           : chance(10) ? (double)INFINITY
                        : g_test_rand_double_range(-1e9, 1e9);
}

static void fill_number(const VhTraceField *field, gpointer target)
{
    switch (field->type) {
    case VH_TRACE_BOOL:
        *(gboolean *)target = chance(50);
        break;
    case VH_TRACE_UINT:
    case VH_TRACE_INT:
        *(guint *)target = (guint)random_bits();
        break;
    case VH_TRACE_SIGNED:
        *(gint64 *)target = (gint64)(random_bits() >> 3) * (chance(50) ? 1 : -1);
        break;
    case VH_TRACE_DOUBLE:
        *(double *)target = random_double();
        break;
    case VH_TRACE_WORD:
        *(int *)target = g_test_rand_int_range((int)field->otherwise, (int)field->words->n);
        break;
    case VH_TRACE_WORDS:
        *(guint *)target = (guint)g_test_rand_int_range(0, 1 << field->words->n);
        break;
    case VH_TRACE_CLASS:
        *(guint *)target = (guint)g_test_rand_int_range(0, 4);
        break;
    case VH_TRACE_XPATHS:
        *(guint64 *)target = (guint64)g_test_rand_int_range(0, 4);
        break;
    default: {
        /* a UUID is bytes, which lie anywhere */
        guint64 bits = random_bits();
        memcpy(target, &bits, sizeof bits);
        break;
    }
    }
}

static void fill_section(const VhTraceSection *section, gpointer base)
{
    static const char *const texts[] = {"", "web", "qemu:///system", "Straße \"7\"\n\\", "\x01"};

    for (guint i = 0; i < section->n_fields; i++) {
        const VhTraceField *field = &section->fields[i];
        gpointer target = (gpointer)vh_trace_at(base, field->offset);
        gboolean is_sure = field->is_required || field->type == VH_TRACE_TEXT;
        if (field->otherwise != 0)
            *(int *)target = (int)field->otherwise;
        if (!is_sure && chance(30) && field->type != VH_TRACE_STRUCT)
            continue;
        if (field->figure && section == &vh_trace_domain)
            ((VhDomain *)base)->figures |= field->figure;
        if (field->type == VH_TRACE_TIMES)
            fill_times(field, base);
        else if (field->type == VH_TRACE_STRUCT)
            fill_section(field->section, target);
        else if (field->type == VH_TRACE_LIST)
            fill_list(field->section, *(GArray **)target);
        else if (field->type == VH_TRACE_TEXT)
            *(const char **)target = texts[g_test_rand_int_range(0, G_N_ELEMENTS(texts))];
        else if (field->type == VH_TRACE_CLASS_TEXT)
            g_strlcpy(target, "gold-2", VH_CLASS_NAME_MAX);
        else
            fill_number(field, target);
    }
}

static void assert_same(const VhTraceSection *section, gconstpointer a, gconstpointer b)
{
    for (guint i = 0; i < section->n_fields; i++) {
        const VhTraceField *field = &section->fields[i];
        gconstpointer left = vh_trace_at(a, field->offset), right = vh_trace_at(b, field->offset);
        if (field->type == VH_TRACE_STRUCT) {
            assert_same(field->section, left, right);
        } else if (field->type == VH_TRACE_TEXT) {
            g_assert_cmpstr(*(const char *const *)left, ==, *(const char *const *)right);
        } else if (field->type == VH_TRACE_LIST) {
            const GArray *one = *(GArray *const *)left, *two = *(GArray *const *)right;
            g_assert_cmpuint(one->len, ==, two->len);
            for (guint j = 0; j < one->len; j++)
                assert_same(field->section, one->data + j * field->section->size,
                            two->data + j * field->section->size);
        } else {
            gsize size = vh_trace_field_size(field);
            if (memcmp(left, right, size) != 0)
                g_error("%s.%s does not come back as it was", section->name, field->key);
        }
    }
    if (section == &vh_trace_domain)
        g_assert_cmpuint(((const VhDomain *)a)->figures, ==, ((const VhDomain *)b)->figures);
    if (section == &vh_trace_guest) {
        const VhGuestState *one = a, *two = b;
        g_assert_cmpuint(one->n_recent, ==, two->n_recent);
        g_assert_cmpuint(one->n_toggles, ==, two->n_toggles);
    }
}

static const VhTraceRecord *parse(VhTraceParser *parser, const char *line)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(g_str_has_suffix(line, "\n"));
    const VhTraceRecord *record = vh_trace_parse(parser, line, strlen(line) - 1, &error);
    if (!record)
        g_error("%s: %s", error->message, line);
    return record;
}

static void fill_state(VhState *state)
{
    fill_section(&vh_trace_state, state);
    for (guint i = 0; i < 3; i++) {
        VhGuestState guest = {.uuid = {{0}}};
        fill_section(&vh_trace_guest, &guest);
        *vh_state_get(state, &guest.uuid) = guest;
    }
}

static void assert_same_states(const VhState *a, const VhState *b)
{
    assert_same(&vh_trace_state, a, b);
    g_assert_cmpuint(a->guests->len, ==, b->guests->len);
    for (guint i = 0; i < a->guests->len; i++)
        assert_same(&vh_trace_guest, &g_array_index(a->guests, VhGuestState, i),
                    &g_array_index(b->guests, VhGuestState, i));
}

static char *format_header(const VhConfig *config, const VhState *state)
{
    const VhTraceHeader header = {.wall_us = WALL_US,
                                  .cause = VH_TRACE_GAP,
                                  .version = "1.2.3",
                                  .engine = "virthint",
                                  .host = "here",
                                  .config = config,
                                  .state = state};

    return vh_trace_format_header(&header);
}

static void test_header(void)
{
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();

    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(VhState) state = vh_state_new();
        config->model.without = round % 3;
        fill_state(state);
        g_autofree char *line = format_header(config, state);
        const VhTraceRecord *record = parse(parser, line);
        g_assert_cmpint(record->kind, ==, VH_TRACE_HEADER);
        g_assert_cmpint(record->wall_us, ==, WALL_US);
        g_assert_cmpint(record->header.cause, ==, VH_TRACE_GAP);
        g_assert_cmpstr(record->header.version, ==, "1.2.3");
        g_assert_cmpstr(record->header.engine, ==, "virthint");
        g_assert_cmpstr(record->header.host, ==, "here");
        g_assert_false(record->header.is_hashed);
        g_assert_cmpuint(record->header.config->model.without, ==, round % 3);
        assert_same_states(state, record->state);
        g_autofree char *policy = vh_policy_format(config);
        g_autofree char *again = vh_policy_format(record->header.config);
        g_assert_cmpstr(policy, ==, again);
    }
}

static void fill_cycle(VhSnapshot *snapshot, VhPlan *plan)
{
    guint n = (guint)g_test_rand_int_range(0, 6);

    fill_section(&vh_trace_snapshot, snapshot);
    fill_section(&vh_trace_plan, plan);
    for (guint i = 0; i < n; i++) {
        VhDomain domain = {.id = -1};
        VhVerdict verdict = {.domain = i};
        fill_section(&vh_trace_domain, &domain);
        fill_section(&vh_trace_verdict, &verdict);
        g_array_append_val(snapshot->domains, domain);
        g_array_append_val(plan->verdicts, verdict);
    }
    g_array_set_size(plan->actions, MIN(plan->actions->len, n));
    g_array_set_size(plan->toggles, MIN(plan->toggles->len, n));
    for (guint i = 0; i < plan->actions->len; i++)
        g_array_index(plan->actions, VhAction, i).domain = n - 1 - i;
    for (guint i = 0; i < plan->toggles->len; i++)
        g_array_index(plan->toggles, VhToggle, i).domain = i;
}

static void assert_same_cycles(const VhSnapshot *snapshot, const VhPlan *plan,
                               const VhTraceRecord *record)
{
    g_assert_cmpint(record->kind, ==, VH_TRACE_CYCLE);
    assert_same(&vh_trace_snapshot, snapshot, record->snapshot);
    assert_same(&vh_trace_plan, plan, record->plan);
    g_assert_cmpuint(snapshot->domains->len, ==, record->snapshot->domains->len);
    g_assert_cmpuint(plan->verdicts->len, ==, record->plan->verdicts->len);
    for (guint i = 0; i < snapshot->domains->len; i++) {
        const VhVerdict *verdict = &g_array_index(record->plan->verdicts, VhVerdict, i);
        assert_same(&vh_trace_domain, vh_snapshot_domain(snapshot, i),
                    vh_snapshot_domain(record->snapshot, i));
        assert_same(&vh_trace_verdict, &g_array_index(plan->verdicts, VhVerdict, i), verdict);
        g_assert_cmpuint(verdict->domain, ==, i);
    }
}

/* Whatever is in a cycle is there again. */
static void test_cycle(void)
{
    guint rounds = g_getenv("VH_TEST_LONG") ? 40 * ROUNDS : ROUNDS;
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) before = vh_state_new();
    g_autofree char *header = format_header(config, before);

    parse(parser, header);
    for (guint round = 0; round < rounds; round++) {
        g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
        g_autoptr(VhPlan) plan = vh_plan_new();
        g_autoptr(VhState) state = vh_state_new();
        VhTraceKind kind;
        gint64 wall_us;
        fill_cycle(snapshot, plan);
        fill_section(&vh_trace_state, state);
        g_autofree char *line = vh_trace_format_cycle(config, snapshot, plan, state);
        g_assert_true(vh_trace_peek(line, strlen(line), &kind, &wall_us));
        g_assert_cmpint(kind, ==, VH_TRACE_CYCLE);
        g_assert_cmpint(wall_us, ==, snapshot->wall_us);
        const VhTraceRecord *record = parse(parser, line);
        assert_same_cycles(snapshot, plan, record);
        assert_same_states(state, record->state);
        g_autofree char *again =
            vh_trace_format_cycle(config, record->snapshot, record->plan, record->state);
        g_assert_cmpstr(line, ==, again);
    }
}

/* Only who knows something new is told of; a reader ends up with all but the samples. */
static void test_learned(void)
{
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) before = vh_state_new(), after = vh_state_new();

    fill_state(before);
    vh_state_copy(after, before);
    VhGuestState *guest = &g_array_index(after->guests, VhGuestState, 1);
    guest->sample_rss_bytes++;
    guest->last_seen_wall_us++;
    g_assert_null(vh_trace_format_learned(WALL_US, after, before));
    guest->retouch_bp++;
    g_autofree char *header = format_header(config, before);
    g_autofree char *line = vh_trace_format_learned(WALL_US + 1, after, before);
    parse(parser, header);
    const VhTraceRecord *record = parse(parser, line);
    g_assert_cmpint(record->kind, ==, VH_TRACE_LEARNED);
    const VhGuestState *read = vh_state_find(record->state, &guest->uuid);
    g_assert_cmpuint(read->retouch_bp, ==, guest->retouch_bp);
    g_assert_cmpuint(read->residue_bytes, ==, guest->residue_bytes);
    assert_same(&vh_trace_guest, &g_array_index(before->guests, VhGuestState, 0),
                &g_array_index(record->state->guests, VhGuestState, 0));
    g_assert_null(strstr(line, "sample_"));
}

static void test_events(void)
{
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) state = vh_state_new();
    g_autofree char *header = format_header(config, state);
    const VhDomain domain = {.name = "web", .uri = "test:///default"};

    parse(parser, header);
    for (guint round = 0; round < ROUNDS; round++) {
        VhEnded ended = {.id = 0};
        VhToggle toggle = {.domain = 0};
        fill_section(&vh_trace_ended, &ended);
        fill_section(&vh_trace_toggle, &toggle);
        toggle.domain = round;
        g_autofree char *outcome =
            vh_trace_format_outcome(WALL_US, &ended, chance(50) ? "web" : NULL, "it broke");
        const VhTraceRecord *record = parse(parser, outcome);
        g_assert_cmpint(record->kind, ==, VH_TRACE_OUTCOME);
        g_assert_cmpstr(record->message, ==, "it broke");
        assert_same(&vh_trace_ended, &ended, record->ended);
        g_autofree char *toggled = vh_trace_format_toggle(WALL_US, &toggle, &domain);
        record = parse(parser, toggled);
        g_assert_cmpint(record->kind, ==, VH_TRACE_TOGGLE);
        g_assert_cmpstr(record->name, ==, "web");
        g_assert_cmpstr(record->uri, ==, "test:///default");
        assert_same(&vh_trace_toggle, &toggle, record->toggle);
    }
}

/* What another policy has in another order still holds; what nobody recorded does not. */
static void test_other_policy(void)
{
    static const char text[] = "{\"version\": 1, \"match\": ["
                               "{\"xpath\": \"//c\", \"class\": \"batch\"},"
                               "{\"xpath\": \"//b\", \"class\": \"batch\"},"
                               "{\"xpath\": \"//b\", \"class\": \"perf\"}]}";
    const VhPolicyText policy = {"test", text, strlen(text)};
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhConfig) other = vh_policy_parse(&policy, 1, NULL);
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
    const VhUuid uuid = {{1}};

    vh_snapshot_add_domain(snapshot, &uuid, "test", "web")->xpath_hits = 2;
    g_autofree char *header = format_header(config, state);
    g_autofree char *line = vh_trace_format_cycle(config, snapshot, plan, state);
    parse(parser, header);
    g_assert_cmpuint(vh_snapshot_domain(parse(parser, line)->snapshot, 0)->xpath_hits, ==, 2);
    vh_trace_parser_set_target(parser, other);
    g_assert_cmpuint(vh_snapshot_domain(parse(parser, line)->snapshot, 0)->xpath_hits, ==, 6);
}

/* What was recorded before there was such a key was decided without it. */
static void test_older_policy(void)
{
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) state = vh_state_new();
    g_autofree char *header = format_header(config, state);
    g_autoptr(GString) older = g_string_new(header);
    const char *key = strstr(header, "\"exempt\":[");

    g_assert_nonnull(key);
    g_assert_cmpuint(parse(parser, header)->header.config->exempt_facts, ==, config->exempt_facts);
    gssize length = strchr(key, ']') - key + 2; /* and its comma */
    g_string_erase(older, key - header, length);
    g_assert_cmpuint(parse(parser, older->str)->header.config->exempt_facts, ==, 0);
}

#define CYCLE "{\"record\":\"cycle\",\"wall_us\":1,\"now_us\":1"

static void test_refused(void)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "ends too early"},
        {"[]", "not an object"},
        {"{\"record\":\"cycle\"}", "/wall_us: missing"},
        {"{\"record\":\"cyle\",\"wall_us\":1}", "/record: \"cyle\" is not known; write header"},
        {CYCLE "} x", "nothing behind"},
        {CYCLE ",\"mem\":1}", "/mem: unknown key"},
        {CYCLE ",\"verdict\":{}}", "/verdict: unknown key"},
        {CYCLE ",\"mem_total_bytes\":-1}", "/mem_total_bytes: not a whole number from 0"},
        {CYCLE ",\"mem_total_bytes\":\"5\"}", "only numbers from 2^63 on"},
        {CYCLE ",\"mem_total_bytes\":null}", "/mem_total_bytes: not a whole number"},
        {CYCLE ",\"utc_offset_us\":9223372036854775807}", "/utc_offset_us: not a whole number"},
        {CYCLE ",\"has_group\":1}", "/has_group: not true or false"},
        {CYCLE ",\"nodes\":{}}", "/nodes: not an array"},
        {CYCLE ",\"nodes\":[{}]}", "/nodes/0/id: missing"},
        {CYCLE ",\"pressure\":[]}", "/pressure: not an object"},
        {CYCLE ",\"requests\":[{\"id\":1,\"urgency\":\"mild\"}]}", "/requests/0/urgency: \"mild\""},
        {CYCLE ",\"domains\":[{\"uuid\":\"x\",\"name\":\"\",\"uri\":\"\"}]}",
         "/domains/0/uuid: not a UUID"},
        {CYCLE ",\"plan\":{\"asks\":[{\"domain\":0,"
               "\"uuid\":\"00000000-0000-0000-0000-000000000000\"}]}}",
         "/plan/asks/0: not the index"},
        {CYCLE ",\"state\":{\"level\":7}}", "/state/level: this is not known; write idle"},
        {"{\"record\":\"learned\",\"wall_us\":1}", "/guests: missing"},
        {"{\"record\":\"header\",\"wall_us\":1,\"format\":0}", "/format: not a whole number"},
        {"{\"record\":\"header\",\"wall_us\":1,\"format\":1}", "/cause: missing"},
        {"{\"record\":\"header\",\"wall_us\":1,\"format\":1,\"cause\":\"start\",\"version\":\"1\","
         "\"engine\":\"e\",\"is_hashed\":false,\"policy\":{\"version\":1,\"intervall\":\"5s\"}}",
         "/policy: policy:1: /intervall: unknown key"},
    };
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) state = vh_state_new();
    g_autofree char *header = format_header(config, state);
    g_autoptr(GError) first = NULL;

    g_assert_null(vh_trace_parse(parser, CYCLE "}", strlen(CYCLE "}"), &first));
    g_assert_error(first, VH_ERROR, VH_ERROR_INVALID);
    parse(parser, header);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(vh_trace_parse(parser, cases[i].line, strlen(cases[i].line), &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!strstr(error->message, cases[i].says))
            g_error("%s: '%s', not '%s'", cases[i].line, error->message, cases[i].says);
    }
    parse(parser, header); /* it is none the worse for it */

    static const char future[] = "{\"record\":\"header\",\"wall_us\":1,\"format\":2}";
    g_autoptr(GError) error = NULL;
    g_assert_null(vh_trace_parse(parser, future, strlen(future), &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED);
}

/* A text that any string could begin with is only peeked at within its length. */
static void test_peek(void)
{
    static const char line[] = "{\"record\":\"header\",\"wall_us\":123,\"x\":1}";
    VhTraceKind kind;
    gint64 wall_us;

    for (gsize length = 0; length < strlen(line); length++) {
        g_autofree char *part = g_memdup2(line, MAX(length, 1));
        gboolean is_seen = vh_trace_peek(part, length, &kind, &wall_us);
        g_assert_cmpint(is_seen, ==, strstr(line, "3,") + 2 - line <= (gssize)length);
    }
    g_assert_cmpint(wall_us, ==, 123);
    g_assert_false(vh_trace_peek("{\"wall_us\":1}", 13, &kind, &wall_us));
}

/* What a struct has beside the fields of its table: written by other means, or on purpose not. */
static const struct {
    const VhTraceSection *section;
    gsize offset, size;
} known[] = {
    {&vh_trace_snapshot, G_STRUCT_OFFSET(VhSnapshot, domains), sizeof(gpointer)},
    {&vh_trace_snapshot, G_STRUCT_OFFSET(VhSnapshot, strings), sizeof(gpointer)},
    {&vh_trace_plan, G_STRUCT_OFFSET(VhPlan, verdicts), sizeof(gpointer)},
    {&vh_trace_state, G_STRUCT_OFFSET(VhState, guests), sizeof(gpointer)},
    {&vh_trace_domain, G_STRUCT_OFFSET(VhDomain, figures), sizeof(guint)},
    {&vh_trace_verdict, G_STRUCT_OFFSET(VhVerdict, domain), sizeof(guint)},
};

/* Marks each byte with the alignment of what is there. */
static void mark(guint8 *used, gsize offset, gsize size)
{
    memset(used + offset, size % 8 == 0 ? 8 : 4, size);
}

/* Bytes of the struct that neither the table nor the alignment of what follows explains. */
static void check_covered(const VhTraceSection *section)
{
    g_autofree guint8 *used = g_malloc0(section->size + 1);
    gsize gap = 0;

    for (guint i = 0; i < section->n_fields; i++) {
        const VhTraceField *field = &section->fields[i];
        mark(used, field->offset, vh_trace_field_size(field));
        if (field->type == VH_TRACE_TIMES)
            mark(used, field->count_offset, sizeof(guint));
    }
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (known[i].section == section)
            mark(used, known[i].offset, known[i].size);
    }
    for (gsize at = 0; at <= section->size; at++) {
        if (at < section->size && used[at] == 0) {
            gap++;
            continue;
        }
        /* padding: four bytes before eight that must be aligned, or at the end */
        if (gap != 0 && !(gap == 4 && at % 8 == 0 && (used[at] == 8 || at == section->size)))
            g_error("%s: no key for the %" G_GSIZE_FORMAT " bytes before byte %" G_GSIZE_FORMAT,
                    section->name, gap, at);
        gap = 0;
    }
}

/* A field that somebody adds must not be lost. */
static void test_covered(void)
{
    for (guint i = 0; vh_trace_sections[i]; i++)
        check_covered(vh_trace_sections[i]);
}

/* "section key" for each row of the document's tables. */
static GHashTable *read_document(void)
{
    GHashTable *keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *text = NULL, *section = g_strdup("");
    g_autoptr(GError) error = NULL;

    g_file_get_contents(VH_SOURCE_ROOT "/docs/trace.md", &text, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], "`", 3);
        if (g_str_has_prefix(lines[i], "#")) {
            g_free(section);
            section = g_strdup(parts[1] ? parts[1] : "");
        } else if (g_str_has_prefix(lines[i], "| `")) {
            g_hash_table_add(keys, g_strdup_printf("%s %s", section, parts[1]));
        }
    }
    return keys;
}

static void assert_documented(GHashTable *keys, const char *section, const char *key)
{
    g_autofree char *name = g_strdup_printf("%s %s", section, key);

    if (!g_hash_table_contains(keys, name))
        g_error("docs/trace.md: section '%s' lacks the key '%s'", section, key);
}

static void check_record(GHashTable *keys, const char *line)
{
    g_autoptr(JsonNode) root = json_from_string(line, NULL);
    JsonObject *object = json_node_get_object(root);
    JsonObjectIter iter;
    const char *key;

    json_object_iter_init(&iter, object);
    while (json_object_iter_next(&iter, &key, NULL))
        assert_documented(keys, json_object_get_string_member(object, "record"), key);
}

/* Every key of the tables, and every key of the records around them. */
static void test_documented(void)
{
    g_autoptr(GHashTable) keys = read_document();
    g_autoptr(VhConfig) config = make_config();
    g_autoptr(VhState) state = vh_state_new(), none = vh_state_new();
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    const VhDomain domain = {.name = "web", .uri = "test:///default"};
    VhEnded ended = {.uri = "test:///default"};
    VhToggle toggle = {.domain = 0};

    for (guint i = 0; vh_trace_sections[i]; i++) {
        const VhTraceSection *section = vh_trace_sections[i];
        for (guint j = 0; j < section->n_fields; j++)
            assert_documented(keys, section->name, section->fields[j].key);
    }
    assert_documented(keys, "domain", "verdict");
    config->model.without = VH_TERM_SWAP;
    fill_state(state);
    fill_cycle(snapshot, plan);
    g_autofree char *header = format_header(config, state);
    g_autofree char *cycle = vh_trace_format_cycle(config, snapshot, plan, state);
    g_autofree char *learned = vh_trace_format_learned(WALL_US, state, none);
    g_autofree char *outcome = vh_trace_format_outcome(WALL_US, &ended, "web", "it broke");
    g_autofree char *toggled = vh_trace_format_toggle(WALL_US, &toggle, &domain);
    check_record(keys, header);
    check_record(keys, cycle);
    check_record(keys, learned);
    check_record(keys, outcome);
    check_record(keys, toggled);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trace/header", test_header);
    g_test_add_func("/trace/cycle", test_cycle);
    g_test_add_func("/trace/learned", test_learned);
    g_test_add_func("/trace/events", test_events);
    g_test_add_func("/trace/other-policy", test_other_policy);
    g_test_add_func("/trace/older-policy", test_older_policy);
    g_test_add_func("/trace/refused", test_refused);
    g_test_add_func("/trace/peek", test_peek);
    g_test_add_func("/trace/covered", test_covered);
    g_test_add_func("/trace/documented", test_documented);
    return g_test_run();
}
