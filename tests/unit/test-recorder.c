/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings on disk: appended to, rotated, cut off, full, hashed, searched. */
#include "fixture.h"
#include "recording.h"
#include "vh-json-scan.h"
#include "vh-trace-file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    guint n_headers, n_cycles, n_outcomes;
    VhTraceCause causes[8]; /* of the first headers */
    gint64 first_us, last_us;
    char warning[256]; /* "": none */
} Count;

/* Reads all of it; every cycle follows the one before after 5 s, gaps aside. */
static Count count(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhTraceFile) file = vh_trace_file_open(path, &error);
    const VhTraceRecord *record;
    Count all = {0};

    g_assert_no_error(error);
    while ((record = vh_trace_file_next(file, &error)) != NULL) {
        if (record->kind == VH_TRACE_HEADER) {
            if (all.n_headers < G_N_ELEMENTS(all.causes))
                all.causes[all.n_headers] = record->header.cause;
            all.n_headers++;
        }
        all.n_outcomes += record->kind == VH_TRACE_OUTCOME ? 1 : 0;
        if (record->kind != VH_TRACE_CYCLE)
            continue;
        if (all.n_cycles++ == 0)
            all.first_us = record->wall_us;
        all.last_us = record->wall_us;
    }
    g_assert_no_error(error);
    if (vh_trace_file_warning(file))
        g_strlcpy(all.warning, vh_trace_file_warning(file), sizeof(all.warning));
    return all;
}

static guint64 size_of(const char *path)
{
    GStatBuf status;

    g_assert_cmpint(g_stat(path, &status), ==, 0);
    return (guint64)status.st_size;
}

static void test_append(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    GStatBuf status;

    recording_open(recording, NULL);
    recording_run(recording, 50);
    g_assert_cmpuint(vh_recorder_n_cycles(recording_recorder(recording)), ==, 50);
    g_assert_cmpuint(vh_recorder_n_bytes(recording_recorder(recording)), ==,
                     size_of(recording_path(recording)));
    g_assert_cmpint(g_stat(recording_path(recording), &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 0777, ==, 0600);
    recording_close(recording);
    recording_open(recording, NULL);
    recording_run(recording, 4);
    Count all = count(recording_path(recording));
    g_assert_cmpuint(all.n_headers, ==, 2);
    g_assert_cmpint(all.causes[0], ==, VH_TRACE_START);
    g_assert_cmpint(all.causes[1], ==, VH_TRACE_START);
    g_assert_cmpuint(all.n_cycles, ==, 54);
    g_assert_cmpuint(all.n_outcomes, >, 0);
    g_assert_cmpint(all.last_us - all.first_us, ==, 53 * 5 * VH_SEC);
    g_assert_cmpstr(all.warning, ==, "");
}

static void test_policy_change(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);

    recording_open(recording, NULL);
    recording_run(recording, 3);
    recording_set_policy(recording, "{\"version\": 1}");
    recording_run(recording, 3);
    Count all = count(recording_path(recording));
    g_assert_cmpuint(all.n_headers, ==, 2);
    g_assert_cmpint(all.causes[1], ==, VH_TRACE_POLICY);
    g_assert_cmpuint(all.n_cycles, ==, 6);
}

/* What is kept is the newest, without a hole, in files no larger than said. */
static void test_rotate(void)
{
    const VhRecorderOptions options = {.size_bytes = VH_RECORDER_SIZE_MIN_BYTES, .n_files = 3};
    g_autoptr(Recording) recording = recording_new(NULL, 1);

    recording_open(recording, &options);
    g_assert_cmpuint(recording_run(recording, 100), ==, 100);
    for (guint i = 0; i < 4; i++) {
        g_autofree char *path = i == 0 ? g_strdup(recording_path(recording))
                                       : g_strdup_printf("%s.%u", recording_path(recording), i);
        g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, i < 3);
        if (i < 3)
            g_assert_cmpuint(size_of(path), <=, VH_RECORDER_SIZE_MIN_BYTES);
    }
    Count all = count(recording_path(recording));
    g_assert_cmpuint(all.n_headers, ==, 3);
    g_assert_cmpint(all.causes[0], ==, VH_TRACE_FILE);
    g_assert_cmpuint(all.n_cycles, >, 3);
    g_assert_cmpuint(all.n_cycles, <, 100);
    g_assert_cmpint(all.last_us - all.first_us, ==, (all.n_cycles - 1) * 5 * VH_SEC);
    g_assert_cmpint(all.last_us, ==, vh_cycle_snapshot(recording_cycle(recording))->wall_us);
}

static void assert_refused(const char *path, guint64 size_bytes, guint n_files, const char *says)
{
    const VhRecorderOptions options = {.path = path,
                                       .size_bytes = size_bytes,
                                       .n_files = n_files,
                                       .version = "1",
                                       .engine = "virthint"};
    g_autoptr(GError) error = NULL;

    g_assert_null(vh_recorder_new(&options, &error));
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, says));
}

/* Whatever is no recording stays as it is. */
static void test_refused(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    const char *path = recording_path(recording);
    static const char precious[] = "my thesis\nall of it";
    g_autofree char *folder = g_path_get_dirname(path), *text = NULL;
    g_autofree char *inside = g_build_filename(path, "deeper", NULL);

    assert_refused(path, 1, 0, "at least 64KiB");
    assert_refused(path, 0, 100, "at most 99 files");
    assert_refused(folder, 0, 0, "cannot be opened");
    g_assert_true(g_file_set_contents(path, precious, -1, NULL));
    assert_refused(path, 0, 0, "is not a recording");
    assert_refused(inside, 0, 0, "cannot be opened");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, precious);
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    assert_refused(path, 0, 0, "not a regular file");
}

static void append(const char *path, const char *text)
{
    FILE *stream = fopen(path, "a");

    g_assert_nonnull(stream);
    fputs(text, stream);
    fclose(stream);
}

/* A crash leaves half a line: a reader says so, and the next recorder cuts it off. */
static void test_cut_off(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    const char *path = recording_path(recording);

    recording_open(recording, NULL);
    recording_run(recording, 3);
    recording_close(recording);
    guint64 whole = size_of(path);
    append(path, "{\"record\":\"cycle\",\"wall_us\":17");
    Count all = count(path);
    g_assert_cmpuint(all.n_cycles, ==, 3);
    g_assert_nonnull(strstr(all.warning, "recording.jsonl:"));
    g_assert_nonnull(strstr(all.warning, "cut off"));
    recording_open(recording, NULL);
    g_assert_cmpuint(size_of(path), ==, whole);
    recording_run(recording, 1);
    all = count(path);
    g_assert_cmpuint(all.n_cycles, ==, 4);
    g_assert_cmpstr(all.warning, ==, "");

    append(path, "{\"record\":\"cycle\"}\n");
    g_autoptr(VhTraceFile) file = vh_trace_file_open(path, NULL);
    g_autoptr(GError) error = NULL;
    while (vh_trace_file_next(file, &error))
        ;
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "recording.jsonl:"));
    g_assert_nonnull(strstr(error->message, "/wall_us: missing"));
}

typedef struct {
    guint n;
    char *last;
} Notices;

static void take_notice(const char *text, gpointer data)
{
    Notices *notices = data;

    g_test_message("%s", text);
    notices->n++;
    g_free(notices->last);
    notices->last = g_strdup(text);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = bytes;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

/* Nothing can be written any more, and then it can: told of once each, with whole lines all the
 * while, and the gap is marked. */
static void test_full(void)
{
    Notices notices = {0};
    const VhRecorderOptions options = {.notice = take_notice, .data = &notices};
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    const char *path = recording_path(recording);

    signal(SIGXFSZ, SIG_IGN);
    recording_open(recording, &options);
    recording_run(recording, 2);
    guint64 before = size_of(path);
    limit_files(before + 1000);
    g_assert_cmpuint(recording_run(recording, 5), ==, 0);
    g_assert_cmpuint(notices.n, ==, 1);
    g_assert_nonnull(strstr(notices.last, "cannot be written"));
    g_assert_cmpuint(size_of(path), ==, before);
    limit_files(RLIM_INFINITY);
    g_assert_cmpuint(recording_run(recording, 2), ==, 2);
    g_assert_cmpuint(notices.n, ==, 2);
    g_assert_nonnull(strstr(notices.last, "goes on"));
    Count all = count(path);
    g_assert_cmpuint(all.n_cycles, ==, 4);
    g_assert_cmpuint(all.n_headers, ==, 2);
    g_assert_cmpint(all.causes[1], ==, VH_TRACE_GAP);
    g_free(notices.last);
}

/* Somebody moves the file away: a new one is begun. */
static void test_taken_away(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);

    recording_open(recording, NULL);
    recording_run(recording, 2);
    g_assert_cmpint(g_remove(recording_path(recording)), ==, 0);
    g_assert_cmpuint(recording_run(recording, 2), ==, 2);
    Count all = count(recording_path(recording));
    g_assert_cmpuint(all.n_cycles, ==, 2);
    g_assert_cmpint(all.causes[0], ==, VH_TRACE_FILE);
}

/* The guest of the snapshot that has these figures. */
static guint find_alike(const VhSnapshot *snapshot, const VhDomain *domain)
{
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *other = vh_snapshot_domain(snapshot, i);
        if (other->id == domain->id)
            return i;
    }
    g_assert_not_reached();
}

static const VhVerdict *verdict_at(const VhPlan *plan, guint domain)
{
    return &g_array_index(plan->verdicts, VhVerdict, domain);
}

/* No name is in it; and yet each guest has its own verdict, ask and class. */
static void check_hashed(const VhTraceRecord *record, const Recording *recording)
{
    const VhSnapshot *snapshot = vh_cycle_snapshot(recording_cycle(recording));
    const VhPlan *plan = vh_cycle_plan(recording_cycle(recording));

    g_assert_cmpuint(vh_snapshot_n_domains(record->snapshot), ==, RECORDING_GUESTS);
    g_assert_cmpuint(record->plan->actions->len, ==, plan->actions->len);
    for (guint i = 0; i < RECORDING_GUESTS; i++) {
        const VhDomain *domain = vh_snapshot_domain(record->snapshot, i);
        guint original = find_alike(snapshot, domain);
        const VhVerdict *verdict = verdict_at(record->plan, i);
        g_assert_cmpint(verdict->reason, ==, verdict_at(plan, original)->reason);
        g_assert_cmpuint(verdict->class_index, ==, verdict_at(plan, original)->class_index);
        g_assert_cmpuint(domain->rss_bytes, ==, vh_snapshot_domain(snapshot, original)->rss_bytes);
        g_assert_false(vh_uuid_equal(&domain->uuid, &vh_snapshot_domain(snapshot, original)->uuid));
    }
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(record->plan->actions, VhAction, i);
        const VhAction *original = &g_array_index(plan->actions, VhAction, i);
        const VhDomain *domain = vh_snapshot_domain(record->snapshot, action->domain);
        g_assert_cmpuint(find_alike(snapshot, domain), ==, original->domain);
        g_assert_true(vh_uuid_equal(&action->uuid, &domain->uuid));
        g_assert_cmpuint(action->bytes, ==, original->bytes);
    }
}

static void test_hashed(void)
{
    const VhRecorderOptions options = {.hash_names = TRUE,
                                       .size_bytes = VH_RECORDER_SIZE_MIN_BYTES};
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *path = recording_path(recording);
    guint n_asks = 0;

    recording_open(recording, &options);
    for (guint turn = 0; turn < 60; turn++) {
        recording_run(recording, 1);
        g_autoptr(GError) error = NULL;
        g_autoptr(VhTraceMoment) moment =
            vh_trace_find(path, vh_cycle_snapshot(recording_cycle(recording))->wall_us, &error);
        g_assert_no_error(error);
        const VhTraceRecord record = {.snapshot = moment->snapshot, .plan = moment->plan};
        check_hashed(&record, recording);
        n_asks += moment->plan->actions->len;
        g_assert_true(moment->header->is_hashed);
        for (guint i = 0; i < RECORDING_GUESTS; i++)
            g_hash_table_add(names, g_strdup(vh_snapshot_domain(moment->snapshot, i)->name));
    }
    g_assert_cmpuint(n_asks, >, 0);
    g_assert_cmpuint(g_hash_table_size(names), ==, RECORDING_GUESTS);
    for (guint i = 0; i < 9; i++) {
        g_autofree char *file = i ? g_strdup_printf("%s.%u", path, i) : g_strdup(path);
        g_autofree char *text = NULL;
        if (!g_file_get_contents(file, &text, NULL, NULL))
            break;
        g_assert_null(strstr(text, "secret"));
        g_assert_null(strstr(text, g_get_host_name()));
        g_assert_null(strstr(text, "00000001-0000"));
    }
}

static void assert_gone(const char *path, gint64 wall_us, const char *says)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vh_trace_find(path, wall_us, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, says));
}

/* The last cycle at or before any time, in whichever file, with what was known after it. */
static void test_find(void)
{
    const VhRecorderOptions options = {.size_bytes = VH_RECORDER_SIZE_MIN_BYTES};
    g_autoptr(Recording) recording = recording_new(NULL, 4);
    const char *path = recording_path(recording);
    gint64 start_us = 0, wall_us = 0;

    recording_open(recording, &options);
    for (guint turn = 0; turn < 40; turn++) {
        recording_run(recording, 1);
        wall_us = vh_cycle_snapshot(recording_cycle(recording))->wall_us;
        start_us = turn == 0 ? wall_us : start_us;
        g_autoptr(GError) error = NULL;
        g_autoptr(VhTraceMoment) moment = vh_trace_find(path, wall_us + 4 * VH_SEC, &error);
        g_assert_no_error(error);
        g_assert_cmpint(moment->snapshot->wall_us, ==, wall_us);
        g_autofree char *seen = vh_trace_format_cycle(moment->header->config, moment->snapshot,
                                                      moment->plan, moment->state);
        g_autofree char *was = vh_trace_format_cycle(
            recording_config(recording), vh_cycle_snapshot(recording_cycle(recording)),
            vh_cycle_plan(recording_cycle(recording)), vh_cycle_state(recording_cycle(recording)));
        g_assert_cmpstr(seen, ==, was);
        /* what was learned is there, too; samples are not */
        g_autofree char *unknown = vh_trace_format_learned(
            wall_us, vh_cycle_state(recording_cycle(recording)), moment->state);
        g_assert_null(unknown);
    }
    for (gint64 at_us = start_us; at_us <= wall_us; at_us += 5 * VH_SEC) {
        g_autoptr(VhTraceMoment) moment = vh_trace_find(path, at_us, NULL);
        g_assert_cmpint(moment->snapshot->wall_us, ==, at_us);
    }
    assert_gone(path, start_us - 1, "the recording begins at 2026-01-01T00:00:05Z");
    assert_gone(path, wall_us + VH_HOUR, "the last cycle before it is of 2026-01-01T00:03:20Z");
    assert_gone("/nonexistent/file", wall_us, "cannot be opened");
}

static void count_notice(const char *text, gpointer data)
{
    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, "too many guests"));
    ++*(guint *)data;
}

/* What could not be read again is not written, and what comes after it is. */
static void test_too_long(void)
{
    guint n_notices = 0;
    const VhRecorderOptions options = {.notice = count_notice, .data = &n_notices};
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    g_autofree char *name = g_strnfill(VH_JSON_MAX_BYTES, 'x'); /* for so many guests */
    VhDomain guest = fixture_guest(1, name);
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&guest, 1, 0);
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    const VhRecorderCycle cycle = {.config = recording_config(recording),
                                   .before = state,
                                   .after = state,
                                   .snapshot = snapshot,
                                   .plan = plan};

    recording_open(recording, &options);
    g_assert_false(vh_recorder_cycle(recording_recorder(recording), &cycle));
    g_assert_cmpuint(n_notices, ==, 1);
    g_assert_cmpuint(size_of(recording_path(recording)), ==, 0);
    recording_close(recording);
    recording_open(recording, NULL);
    g_assert_cmpuint(recording_run(recording, 3), ==, 3);
    g_assert_cmpuint(count(recording_path(recording)).n_cycles, ==, 3);
}

/* A reader that comes while files are renamed meets one of them twice, as here by a link. */
static void test_read_while_rotating(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    g_autofree char *older = g_strdup_printf("%s.1", recording_path(recording));

    recording_open(recording, NULL);
    recording_run(recording, 10);
    g_assert_cmpint(link(recording_path(recording), older), ==, 0);
    Count all = count(recording_path(recording));
    g_assert_cmpuint(all.n_headers, ==, 1);
    g_assert_cmpuint(all.n_cycles, ==, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recorder/append", test_append);
    g_test_add_func("/recorder/policy-change", test_policy_change);
    g_test_add_func("/recorder/rotate", test_rotate);
    g_test_add_func("/recorder/read-while-rotating", test_read_while_rotating);
    g_test_add_func("/recorder/too-long", test_too_long);
    g_test_add_func("/recorder/refused", test_refused);
    g_test_add_func("/recorder/cut-off", test_cut_off);
    g_test_add_func("/recorder/full", test_full);
    g_test_add_func("/recorder/taken-away", test_taken_away);
    g_test_add_func("/recorder/hashed", test_hashed);
    g_test_add_func("/recorder/find", test_find);
    return g_test_run();
}
