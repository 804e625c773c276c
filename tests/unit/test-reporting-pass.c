/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pass from its start to its end, over a device that is a script. */
#include "vh-pass.h"
#include "vh-units.h"

#include <string.h>

#define PASS_ID 5

/* A step: what the device tells of its last pass when it is looked at. */
typedef struct {
    guint32 id; /* 0: there was no pass */
    const char *status;
    guint reported, discarded;
} Step;

typedef struct {
    const Step *steps;
    guint n, at;
    const char *refusal;  /* what the start is answered with; NULL: an id */
    gboolean goes_silent; /* after the steps, a query is not answered any more */
    const char *cancel_reply;
    gboolean has_ended_by_cancel; /* the device says so from then on */
    guint n_cancels;
    char *start;
    int *cancelled;
    guint cancel_at; /* the user changes his mind at this look; 0: never */
    guint64 progress_taken, progress_returned;
} Device;

static char *answer(const Step *step)
{
    g_autofree char *pass =
        step->id == 0
            ? g_strdup("")
            : g_strdup_printf("\"pass\":{\"id\":%u,\"status\":\"%s\",\"migration\":false,"
                              "\"limit\":0,\"granule\":0,\"granule-in-force\":0,\"reported\":%u,"
                              "\"discarded\":%u,\"duration-ns\":1},",
                              step->id, step->status, step->reported, step->discarded);

    return g_strdup_printf(
        "{\"return\":{\"offered\":[],\"negotiated\":[],\"driver\":true,\"enabled\":true,"
        "\"active\":true,%s\"counters\":{\"requests\":0,\"blocks\":0,\"reported\":0,"
        "\"discarded\":0,\"hinted\":0,\"inflated\":0,\"messages\":0,\"malformed\":0,\"skipped\":"
        "{\"disabled\":0,\"inhibited\":0,\"invalid\":0,\"unaligned\":0,\"failed\":0},"
        "\"discard-ns\":0,\"split\":0,\"split-ns\":0}}}",
        pass);
}

static char *answer_query(Device *device)
{
    if (device->at + 1 == device->cancel_at)
        g_atomic_int_set(device->cancelled, 1);
    if (device->has_ended_by_cancel) {
        Step last = device->steps[MIN(device->at, device->n - 1)];

        last.status = "cancelled";
        return answer(&last);
    }
    if (device->at == device->n && device->goes_silent)
        return NULL;
    device->at = MIN(device->at + 1, device->n);
    return answer(&device->steps[device->at - 1]);
}

static gboolean play(const char *command, char **ret_reply, gpointer data, GError **error)
{
    Device *device = data;
    char *reply = NULL;

    if (strstr(command, "query-balloon-reporting")) {
        reply = answer_query(device);
    } else if (strstr(command, "balloon-reporting-cancel")) {
        device->n_cancels++;
        device->has_ended_by_cancel = device->cancel_reply == NULL;
        reply = g_strdup(device->cancel_reply ? device->cancel_reply : "{\"return\":{}}");
    } else {
        g_assert_nonnull(strstr(command, "balloon-reporting-pass"));
        g_assert_null(device->start);
        device->start = g_strdup(command);
        reply = device->refusal
                    ? g_strdup_printf("{\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"}}",
                                      device->refusal)
                    : g_strdup_printf("{\"return\":{\"id\":%d}}", PASS_ID);
    }
    if (!reply) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE, "the connection broke");
        return FALSE;
    }
    *ret_reply = strdup(reply);
    g_free(reply);
    return TRUE;
}

static void take_progress(guint64 taken_bytes, guint64 returned_bytes, gpointer data)
{
    Device *device = data;

    g_assert_cmpuint(taken_bytes, >=, device->progress_taken);
    device->progress_taken = taken_bytes;
    device->progress_returned = returned_bytes;
}

/* Runs one that may take `deadline_us`. `error_code` -1: it must not fail. */
static void run(Device *device, gint64 deadline_us, VhAskOutcome *outcome, int error_code)
{
    const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, play, device};
    g_autoptr(GError) error = NULL;
    int cancelled = 0;
    const VhPass pass = {
        .monitor = &monitor,
        .request = {.method = VH_ASK_PASS, .bytes = 8 * VH_MIB, .granule_bytes = 65536},
        .end_us = g_get_monotonic_time() + deadline_us,
        .look_us = VH_MS,
        .cancelled = &cancelled,
        .progress = take_progress,
        .data = device,
    };

    device->cancelled = &cancelled;
    gboolean is_good = vh_pass_run(&pass, outcome, &error);
    g_assert_true(is_good == (error_code < 0));
    if (is_good)
        g_assert_no_error(error);
    else
        g_assert_error(error, VH_ERROR, error_code);
    g_clear_pointer(&device->start, g_free);
}

static const struct {
    const char *name;
    Step steps[4];
    guint n;
    VhAskStatus status;
    int error_code;
    VhAskSource source;
    guint taken, returned;
} ends[] = {
    {"done",
     {{PASS_ID, "requested"}, {PASS_ID, "running", 20, 10}, {PASS_ID, "done", 40, 30}},
     3,
     VH_ASK_DONE,
     -1,
     VH_ASK_SOURCE_COUNTER,
     40,
     30},
    {"at once", {{PASS_ID, "done", 7, 7}}, 1, VH_ASK_DONE, -1, VH_ASK_SOURCE_COUNTER, 7, 7},
    {"limit",
     {{PASS_ID, "running", 1, 1}, {PASS_ID, "limit", 9, 8}},
     2,
     VH_ASK_DONE,
     -1,
     VH_ASK_SOURCE_COUNTER,
     9,
     8},
    {"failed",
     {{PASS_ID, "running", 5, 5}, {PASS_ID, "failed", 6, 6}},
     2,
     VH_ASK_FAILED,
     VH_ERROR_FAILED,
     VH_ASK_SOURCE_COUNTER,
     6,
     6},
    {"the device's deadline",
     {{PASS_ID, "timeout", 3, 2}},
     1,
     VH_ASK_TIMED_OUT,
     VH_ERROR_TIMEOUT,
     VH_ASK_SOURCE_COUNTER,
     3,
     2},
    {"cancelled by somebody",
     {{PASS_ID, "cancelled", 3, 2}},
     1,
     VH_ASK_FAILED,
     VH_ERROR_BUSY,
     VH_ASK_SOURCE_COUNTER,
     3,
     2},
    {"overtaken",
     {{PASS_ID, "running", 3, 2}, {PASS_ID + 1, "requested"}},
     2,
     VH_ASK_OVERTAKEN,
     -1,
     VH_ASK_SOURCE_COUNTER,
     3,
     2},
    {"forgotten",
     {{PASS_ID, "running", 3, 2}, {0}},
     2,
     VH_ASK_FAILED,
     VH_ERROR_GONE,
     VH_ASK_SOURCE_COUNTER,
     3,
     2},
};

static void test_ends(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        Device device = {.steps = ends[i].steps, .n = ends[i].n};
        VhAskOutcome outcome = {0};

        g_test_message("%s", ends[i].name);
        run(&device, VH_MIN, &outcome, ends[i].error_code);
        g_assert_cmpint(outcome.status, ==, ends[i].status);
        g_assert_cmpint(outcome.source, ==, ends[i].source);
        g_assert_cmpuint(outcome.taken_bytes, ==, ends[i].taken);
        g_assert_cmpuint(outcome.returned_bytes, ==, ends[i].returned);
        g_assert_cmpuint(device.progress_taken, ==, ends[i].taken);
        g_assert_cmpuint(device.progress_returned, ==, ends[i].returned);
        g_assert_cmpuint(device.n_cancels, ==, 0);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        VhErrorCode code;
    } cases[] = {
        {"The guest's balloon driver does not know reporting passes", VH_ERROR_UNSUPPORTED},
        {"Free page reporting is busy: migration", VH_ERROR_BUSY},
        {"Something new", VH_ERROR_FAILED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Device device = {.refusal = cases[i].text};
        VhAskOutcome outcome = {0};

        run(&device, VH_MIN, &outcome, (int)cases[i].code);
        g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
        g_assert_cmpint(outcome.source, ==, VH_ASK_SOURCE_NONE);
        g_assert_cmpuint(device.at, ==, 0);
    }
}

static const Step going_on[] = {{PASS_ID, "running", 20, 10}, {PASS_ID, "running", 30, 20}};

/* By the user, and by the deadline: the device is told, and its last figures count. */
static void test_ended_early(void)
{
    Device by_user = {.steps = going_on, .n = 2, .cancel_at = 2};
    Device by_deadline = {.steps = going_on, .n = 2};
    VhAskOutcome outcome = {0};

    run(&by_user, VH_MIN, &outcome, -1);
    g_assert_cmpint(outcome.status, ==, VH_ASK_CANCELLED);
    g_assert_cmpuint(outcome.taken_bytes, ==, 30);
    g_assert_cmpuint(by_user.n_cancels, ==, 1);

    run(&by_deadline, 20 * VH_MS, &outcome, VH_ERROR_TIMEOUT);
    g_assert_cmpint(outcome.status, ==, VH_ASK_TIMED_OUT);
    g_assert_cmpuint(by_deadline.n_cancels, ==, 1);
}

/* It was done when the order to end it came. */
static void test_done_meanwhile(void)
{
    static const Step steps[] = {{PASS_ID, "running", 20, 10}, {PASS_ID, "done", 50, 40}};
    Device device = {
        .steps = steps,
        .n = 2,
        .cancel_at = 1,
        .cancel_reply = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"No reporting pass is "
                        "running\"}}",
    };
    VhAskOutcome outcome = {0};

    run(&device, VH_MIN, &outcome, -1);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_cmpuint(outcome.returned_bytes, ==, 40);
    g_assert_cmpuint(device.n_cancels, ==, 1);
}

static void test_silence(void)
{
    Device device = {.steps = going_on, .n = 2, .goes_silent = TRUE};
    VhAskOutcome outcome = {0};

    run(&device, VH_MIN, &outcome, VH_ERROR_GONE);
    g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
    g_assert_cmpuint(outcome.returned_bytes, ==, 20);
}

/* What the device is asked for: the bytes as its limit, and no longer than the caller waits. */
static gboolean look_at_start(const char *command, char **ret_reply, gpointer data, GError **error)
{
    const char *timeout = strstr(command, "\"timeout\":");

    g_assert_nonnull(strstr(command, "\"limit\":8388608,\"granule\":65536,"));
    g_assert_nonnull(timeout);
    guint64 timeout_ms = g_ascii_strtoull(timeout + strlen("\"timeout\":"), NULL, 10);
    g_assert_cmpuint(timeout_ms, >, 0);
    g_assert_cmpuint(timeout_ms, <=, *(const guint64 *)data);
    *ret_reply = strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"enough\"}}");
    return TRUE;
}

static void test_request(void)
{
    static const gint64 deadlines_us[] = {-VH_SEC, 10 * VH_SEC, 24 * VH_HOUR};
    static const guint64 at_most_ms[] = {1, 10000, 3600000};

    for (guint i = 0; i < G_N_ELEMENTS(deadlines_us); i++) {
        guint64 bound = at_most_ms[i];
        const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, look_at_start, &bound};
        VhAskOutcome outcome = {0};
        int cancelled = 0;
        const VhPass pass = {
            .monitor = &monitor,
            .request = {.bytes = 8 * VH_MIB, .granule_bytes = 65536},
            .end_us = g_get_monotonic_time() + deadlines_us[i],
            .look_us = VH_MS,
            .cancelled = &cancelled,
        };

        g_assert_false(vh_pass_run(&pass, &outcome, NULL));
    }
}

/* A guest with free memory that the host backs, and some that it never did, reported first. Of the
 * batch that the limit cuts off, what was never backed is met again. */
typedef struct {
    guint64 resident_bytes;
    guint64 unbacked_bytes;
    guint64 backed_bytes;
    gboolean grows; /* takes as much as comes back */
    guint32 id;
    guint n_passes;
    guint64 limit_bytes, reported_bytes;
    guint64 told_bytes; /* the last progress */
    guint refuses_from; /* this pass and later ones are refused; 0: none */
} Guest;

#define BATCH_BYTES (128 * VH_MIB)

static guint64 look_at_resident(gpointer data)
{
    return ((Guest *)data)->resident_bytes;
}

static void take_told(guint64 taken_bytes, guint64 returned_bytes, gpointer data)
{
    ((Guest *)data)->told_bytes = returned_bytes;
}

static void report_some(Guest *guest, guint64 limit_bytes)
{
    guint64 room = limit_bytes ? limit_bytes : G_MAXUINT64;
    guint64 unbacked = MIN(room, guest->unbacked_bytes);
    guint64 backed = MIN(room - unbacked, guest->backed_bytes);

    guest->unbacked_bytes -= backed ? unbacked : unbacked / BATCH_BYTES * BATCH_BYTES;
    guest->backed_bytes -= backed;
    if (!guest->grows)
        guest->resident_bytes -= backed;
    guest->limit_bytes = limit_bytes;
    guest->reported_bytes = unbacked + backed;
}

static gboolean play_guest(const char *command, char **ret_reply, gpointer data, GError **error)
{
    Guest *guest = data;
    const char *limit = strstr(command, "\"limit\":");
    g_autofree char *reply = NULL;

    if (strstr(command, "balloon-reporting-pass") && guest->refuses_from &&
        guest->n_passes + 1 >= guest->refuses_from) {
        reply = g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"Free page reporting "
                         "is busy: migration\"}}");
    } else if (strstr(command, "balloon-reporting-pass")) {
        report_some(guest, limit ? g_ascii_strtoull(limit + strlen("\"limit\":"), NULL, 10) : 0);
        guest->n_passes++;
        reply = g_strdup_printf("{\"return\":{\"id\":%u}}", ++guest->id);
    } else {
        gboolean is_full = guest->limit_bytes && guest->reported_bytes == guest->limit_bytes;
        const Step step = {guest->id, is_full ? "limit" : "done", (guint)guest->reported_bytes,
                           (guint)guest->reported_bytes};
        reply = answer(&step);
    }
    *ret_reply = strdup(reply);
    return TRUE;
}

static void run_guest(Guest *guest, guint64 bytes, VhAskOutcome *outcome)
{
    const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, play_guest, guest};
    g_autoptr(GError) error = NULL;
    int cancelled = 0;
    const VhPass pass = {
        .monitor = &monitor,
        .request = {.method = VH_ASK_PASS, .bytes = bytes},
        .end_us = g_get_monotonic_time() + VH_MIN,
        .look_us = VH_MS / 10,
        .cancelled = &cancelled,
        .resident = look_at_resident,
        .progress = take_told,
        .data = guest,
    };

    gboolean is_good = vh_pass_run(&pass, outcome, &error);
    if (guest->refuses_from) {
        g_assert_false(is_good);
        g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
        g_assert_cmpint(outcome->status, ==, VH_ASK_FAILED);
        return;
    }
    g_assert_no_error(error);
    g_assert_true(is_good);
    g_assert_cmpint(outcome->status, ==, VH_ASK_DONE);
}

/* What was never backed counts for the device, but not for the host: it goes on until as much came
 * back as was asked for, and takes no more than that. */
static void test_goes_on_for_what_lacks(void)
{
    Guest guest = {
        .resident_bytes = VH_GIB, .unbacked_bytes = 70 * VH_MIB, .backed_bytes = 500 * VH_MIB};
    VhAskOutcome outcome = {0};

    run_guest(&guest, 32 * VH_MIB, &outcome);
    g_assert_cmpuint(outcome.returned_bytes, <=, 32 * VH_MIB);
    g_assert_cmpuint(outcome.returned_bytes, >=, 31 * VH_MIB);
    /* 32, 64, 96, and the 6 that still lacked */
    g_assert_cmpuint(outcome.taken_bytes, ==, 198 * VH_MIB);
    g_assert_cmpint(outcome.source, ==, VH_ASK_SOURCE_RSS);
    g_assert_cmpuint(outcome.before_bytes, ==, VH_GIB);
    g_assert_cmpuint(outcome.after_bytes, ==, guest.resident_bytes);
    /* before the last pass was measured: never what was dropped and never there */
    g_assert_cmpuint(guest.told_bytes, <=, outcome.returned_bytes);
    g_assert_cmpuint(guest.n_passes, ==, 4);
}

/* However much was never backed: it gets through that, batch by batch. */
static void test_gets_through_what_was_never_backed(void)
{
    Guest guest = {
        .resident_bytes = VH_GIB, .unbacked_bytes = 3000 * VH_MIB, .backed_bytes = 500 * VH_MIB};
    VhAskOutcome outcome = {0};

    run_guest(&guest, 64 * VH_MIB, &outcome);
    g_assert_cmpuint(outcome.returned_bytes, >=, 62 * VH_MIB);
    g_assert_cmpuint(outcome.returned_bytes, <=, 128 * VH_MIB);
    /* 3000 MiB, of each 128 MiB the half at a time */
    g_assert_cmpuint(guest.n_passes, <, 64);
}

/* All that there is: one pass is enough, and has no limit. */
static void test_all_takes_one_pass(void)
{
    Guest guest = {
        .resident_bytes = VH_GIB, .unbacked_bytes = 70 * VH_MIB, .backed_bytes = 50 * VH_MIB};
    VhAskOutcome outcome = {0};

    run_guest(&guest, 0, &outcome);
    g_assert_cmpuint(guest.n_passes, ==, 1);
    g_assert_cmpuint(outcome.taken_bytes, ==, 120 * VH_MIB);
    g_assert_cmpuint(outcome.returned_bytes, ==, 50 * VH_MIB);
}

/* Where nothing is left, and where all was backed, there is nothing to go on for. */
static void test_ends_with_what_there_is(void)
{
    Guest poor = {
        .resident_bytes = VH_GIB, .unbacked_bytes = 40 * VH_MIB, .backed_bytes = 5 * VH_MIB};
    Guest plain = {.resident_bytes = VH_GIB, .backed_bytes = 500 * VH_MIB};
    VhAskOutcome outcome = {0};

    run_guest(&poor, 32 * VH_MIB, &outcome);
    g_assert_cmpuint(poor.n_passes, ==, 2);
    g_assert_cmpuint(outcome.returned_bytes, ==, 5 * VH_MIB);
    run_guest(&plain, 32 * VH_MIB, &outcome);
    g_assert_cmpuint(plain.n_passes, ==, 1);
    g_assert_cmpuint(outcome.returned_bytes, ==, 32 * VH_MIB);
    g_assert_cmpint(outcome.source, ==, VH_ASK_SOURCE_COUNTER);
}

/* A migration begins between two of its passes: it failed, with what came back until then. */
static void test_refused_midway(void)
{
    Guest guest = {.resident_bytes = VH_GIB,
                   .unbacked_bytes = 20 * VH_MIB,
                   .backed_bytes = 500 * VH_MIB,
                   .refuses_from = 2};
    VhAskOutcome outcome = {0};

    run_guest(&guest, 32 * VH_MIB, &outcome);
    g_assert_cmpuint(guest.n_passes, ==, 1);
    g_assert_cmpuint(outcome.returned_bytes, ==, 12 * VH_MIB);
    g_assert_cmpuint(outcome.taken_bytes, ==, 32 * VH_MIB);
}

/* One that takes as fast as it gives: it ends, with all that is free reported. */
static void test_growing_guest_ends(void)
{
    Guest guest = {.resident_bytes = VH_GIB, .backed_bytes = 100 * VH_MIB, .grows = TRUE};
    VhAskOutcome outcome = {0};

    run_guest(&guest, 32 * VH_MIB, &outcome);
    g_assert_cmpuint(outcome.returned_bytes, ==, 0);
    g_assert_cmpuint(outcome.taken_bytes, ==, 100 * VH_MIB);
    g_assert_cmpuint(guest.n_passes, ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reporting-pass/ends", test_ends);
    g_test_add_func("/reporting-pass/refused", test_refused);
    g_test_add_func("/reporting-pass/ended-early", test_ended_early);
    g_test_add_func("/reporting-pass/done-meanwhile", test_done_meanwhile);
    g_test_add_func("/reporting-pass/silence", test_silence);
    g_test_add_func("/reporting-pass/request", test_request);
    g_test_add_func("/reporting-pass/goes-on-for-what-lacks", test_goes_on_for_what_lacks);
    g_test_add_func("/reporting-pass/gets-through-what-was-never-backed",
                    test_gets_through_what_was_never_backed);
    g_test_add_func("/reporting-pass/all-takes-one-pass", test_all_takes_one_pass);
    g_test_add_func("/reporting-pass/ends-with-what-there-is", test_ends_with_what_there_is);
    g_test_add_func("/reporting-pass/refused-midway", test_refused_midway);
    g_test_add_func("/reporting-pass/growing-guest-ends", test_growing_guest_ends);
    return g_test_run();
}
