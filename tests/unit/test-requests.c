/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests: what counts for them, and when they are over. */
#include "vh-requests.h"

#include "vh-units.h"

static VhEnded ended_ask(guint64 request_id, VhAskSource source, guint64 returned_bytes)
{
    return (VhEnded){.uri = "test",
                     .request_id = request_id,
                     .outcome = {.source = source, .returned_bytes = returned_bytes}};
}

static void end_ask(VhRequests *requests, guint64 id, guint64 returned_bytes, gint64 now_us)
{
    const VhEnded ask = ended_ask(id, VH_ASK_SOURCE_RSS, returned_bytes);
    vh_requests_ask_ended(requests, &ask, now_us);
}

static guint n_reported(const VhRequests *requests)
{
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();

    vh_requests_report(requests, snapshot);
    return snapshot->requests->len;
}

static void assert_next_end(VhRequests *requests, guint64 id, VhRequestStatus status,
                            guint64 returned_bytes)
{
    VhRequestRecord record;

    g_assert_true(vh_requests_take_ended(requests, &record));
    g_assert_cmpuint(record.request.id, ==, id);
    g_assert_cmpint(record.status, ==, status);
    g_assert_cmpuint(record.request.returned_bytes, ==, returned_bytes);
}

static void test_done(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    VhRequestRecord record;
    guint64 id = vh_requests_add(requests, 100, VH_LEVEL_LOW, 0, 1);

    g_assert_cmpuint(id, !=, 0);
    vh_requests_ask_started(requests, id);
    end_ask(requests, id, 60, 2);
    g_assert_false(vh_requests_take_ended(requests, &record));
    g_assert_cmpuint(n_reported(requests), ==, 1);
    vh_requests_ask_started(requests, id);
    vh_requests_ask_started(requests, id);
    end_ask(requests, id, 40, 3);
    /* one is still under way, but what is wanted is there */
    g_assert_cmpuint(n_reported(requests), ==, 0);
    assert_next_end(requests, id, VH_REQUEST_DONE, 100);
    end_ask(requests, id, 40, 4);
    g_assert_cmpuint(vh_requests_count(requests), ==, 0);
}

/* What is not of the request, or was not measured, does not count for it. */
static void test_counts_its_own(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    guint64 first = vh_requests_add(requests, 100, VH_LEVEL_LOW, 0, 1);
    guint64 second = vh_requests_add(requests, 100, VH_LEVEL_HIGH, 0, 1);
    const VhEnded unmeasured = ended_ask(first, VH_ASK_SOURCE_NONE, 500);

    vh_requests_ask_started(requests, 0);
    end_ask(requests, 0, 500, 2);
    end_ask(requests, 77, 500, 2);
    end_ask(requests, second, 30, 2);
    vh_requests_ask_started(requests, first);
    vh_requests_ask_ended(requests, &unmeasured, 2);
    g_assert_cmpuint(vh_requests_find(requests, first)->request.returned_bytes, ==, 0);
    g_assert_cmpuint(vh_requests_find(requests, second)->request.returned_bytes, ==, 30);
    g_assert_cmpuint(n_reported(requests), ==, 2);
}

/* One that is over without being done is told of when nothing of it is under way any more. */
static void test_deadline(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    VhRequestRecord record;
    guint64 id = vh_requests_add(requests, 100, VH_LEVEL_LOW, 10 * VH_SEC, VH_SEC);

    vh_requests_ask_started(requests, id);
    vh_requests_check(requests, 10 * VH_SEC - 1);
    g_assert_cmpuint(n_reported(requests), ==, 1);
    vh_requests_check(requests, 10 * VH_SEC);
    g_assert_cmpuint(n_reported(requests), ==, 0);
    g_assert_false(vh_requests_take_ended(requests, &record));
    end_ask(requests, id, 120, 11 * VH_SEC);
    assert_next_end(requests, id, VH_REQUEST_EXPIRED, 120);
}

static void test_patience(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    guint64 id = vh_requests_add(requests, 100, VH_LEVEL_LOW, 0, VH_SEC);
    guint64 with_deadline =
        vh_requests_add(requests, 100, VH_LEVEL_LOW, 10 * VH_REQUEST_PATIENCE_US, VH_SEC);
    gint64 later_us = VH_SEC + VH_REQUEST_PATIENCE_US;

    vh_requests_ask_started(requests, id);
    vh_requests_check(requests, later_us); /* somebody is being asked */
    g_assert_cmpuint(n_reported(requests), ==, 2);
    end_ask(requests, id, 5, later_us);
    vh_requests_check(requests, later_us + VH_REQUEST_PATIENCE_US - 1);
    g_assert_cmpuint(n_reported(requests), ==, 2);
    vh_requests_check(requests, later_us + VH_REQUEST_PATIENCE_US);
    assert_next_end(requests, id, VH_REQUEST_EXHAUSTED, 5);
    g_assert_nonnull(vh_requests_find(requests, with_deadline));
    g_assert_cmpuint(n_reported(requests), ==, 1);
}

static void test_cancel(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    guint64 first = vh_requests_add(requests, 100, VH_LEVEL_LOW, 0, 1);
    guint64 second = vh_requests_add(requests, 100, VH_LEVEL_LOW, 0, 1);

    g_assert_false(vh_requests_cancel(requests, 99));
    g_assert_true(vh_requests_cancel(requests, first));
    g_assert_false(vh_requests_cancel(requests, first));
    assert_next_end(requests, first, VH_REQUEST_CANCELLED, 0);
    vh_requests_cancel_all(requests);
    assert_next_end(requests, second, VH_REQUEST_CANCELLED, 0);
}

/* Ids are never used twice, and there is a bound. */
static void test_bound(void)
{
    g_autoptr(VhRequests) requests = vh_requests_new();
    VhRequestRecord record;
    guint64 last = 0;

    for (guint i = 0; i < VH_REQUESTS_MAX; i++) {
        guint64 id = vh_requests_add(requests, 1, VH_LEVEL_LOW, 0, 1);
        g_assert_cmpuint(id, >, last);
        last = id;
    }
    g_assert_cmpuint(vh_requests_add(requests, 1, VH_LEVEL_LOW, 0, 1), ==, 0);
    g_assert_true(vh_requests_cancel(requests, last));
    g_assert_true(vh_requests_take_ended(requests, &record));
    g_assert_cmpuint(vh_requests_add(requests, 1, VH_LEVEL_LOW, 0, 1), ==, last + 1);
}

static void test_names(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (int i = 0; i < VH_REQUEST_STATUSES; i++)
        g_assert_true(g_hash_table_add(seen, (gpointer)vh_request_status_name((VhRequestStatus)i)));
    for (int i = 0; i < VH_LEVELS; i++)
        g_assert_cmpint(vh_level_from_name(vh_level_name((VhLevel)i)), ==, i);
    g_assert_cmpint(vh_level_from_name("soon"), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/requests/done", test_done);
    g_test_add_func("/requests/counts-its-own", test_counts_its_own);
    g_test_add_func("/requests/deadline", test_deadline);
    g_test_add_func("/requests/patience", test_patience);
    g_test_add_func("/requests/cancel", test_cancel);
    g_test_add_func("/requests/bound", test_bound);
    g_test_add_func("/requests/names", test_names);
    return g_test_run();
}
