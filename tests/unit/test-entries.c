/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the watch makes of a QEMU's own word on a domain, from poll to poll. */
#include "vh-entries.h"

#include "vh-units.h"
#include "vh-view.h"

#include <string.h>

#define NOW_US (1000 * VH_SEC)
#define WALL_US (G_GINT64_CONSTANT(1767225600) * VH_SEC)

typedef struct {
    VhEntries *entries;
    VhPollListed listed;
    gint64 now_us;
    guint n_troubles;
} Bench;

static void on_event(VhWatchEvent event, const char *name, const VhUuid *uuid, const char *text,
                     gpointer data)
{
    Bench *bench = data;

    g_assert_cmpstr(name, ==, "ci-1");
    if (event == VH_WATCH_TROUBLE)
        bench->n_troubles++;
}

static void set_up(Bench *bench, gconstpointer data)
{
    bench->listed = (VhPollListed){.uuid = {{1}}, .name = (char *)"ci-1", .id = 3};
    bench->now_us = NOW_US;
    bench->entries = vh_entries_new(on_event, bench);
}

static void tear_down(Bench *bench, gconstpointer data)
{
    vh_entries_free(bench->entries);
}

/* A poll that found the domain running, its driver alive. */
static VhPollFound found_running(const Bench *bench)
{
    return (VhPollFound){
        .uuid = bench->listed.uuid,
        .stats = {.state = VIR_DOMAIN_RUNNING, .last_update_us = WALL_US},
    };
}

static void merge(Bench *bench, VhPollFound *found)
{
    g_autoptr(GPtrArray) listed = g_ptr_array_new();
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    const VhPollResults results = {.listed = listed, .found = all};

    g_ptr_array_add(listed, &bench->listed);
    g_ptr_array_add(all, found);
    vh_entries_merge(bench->entries, &results, bench->now_us, WALL_US + bench->now_us - NOW_US);
}

/* The first poll: with the XML of a domain of a patched QEMU, or of a stock one. */
static VhPollFound found_new(const Bench *bench, gboolean has_passes)
{
    VhPollFound found = found_running(bench);

    found.has_static = TRUE;
    found.probe = (VhProbe){
        .known_tier = VH_TIER_PULSE,
        .reasons = has_passes ? VH_TIER_REASON_NO_MONITOR : VH_TIER_REASON_STOCK_DEVICE,
        .has_balloon = TRUE,
        .has_passes = has_passes,
        .stats_period_us = VH_SEC,
    };
    return found;
}

static void tell(VhPollFound *found, guint negotiated)
{
    found->told = VH_POLL_TOLD;
    found->reporting = (VhReportingInfo){
        .offered = VH_REPORTING_FREE_PAGE_REPORTING | VH_REPORTING_CTRL,
        .negotiated = negotiated,
        .has_driver = TRUE,
    };
}

#define PASSES ((guint)(VH_REPORTING_FREE_PAGE_REPORTING | VH_REPORTING_CTRL))

static VhProbe probe_of(const Bench *bench)
{
    g_autoptr(VhWatchView) view = vh_entries_view(bench->entries);
    guint n;
    const VhWatchDomain *domains = vh_watch_view_domains(view, &n);

    g_assert_cmpuint(n, ==, 1);
    return domains[0].probe;
}

static void assert_tier(const Bench *bench, VhTier tier, guint reasons)
{
    VhProbe probe = probe_of(bench);

    g_assert_cmpstr(vh_tier_name(probe.tier), ==, vh_tier_name(tier));
    g_assert_cmpuint(probe.reasons, ==, reasons);
}

static VhPollItem item_of(const Bench *bench)
{
    g_autoptr(GArray) plan = vh_entries_plan(bench->entries, bench->now_us);

    g_assert_cmpuint(plan->len, ==, 1);
    return g_array_index(plan, VhPollItem, 0);
}

/* What QEMU told stays, in polls that do not ask it. */
static void test_told_stays(Bench *bench, gconstpointer data)
{
    VhPollFound first = found_new(bench, TRUE), again = found_running(bench);

    tell(&first, PASSES);
    merge(bench, &first);
    assert_tier(bench, VH_TIER_NATIVE, 0);
    merge(bench, &again);
    assert_tier(bench, VH_TIER_NATIVE, 0);
    /* the driver was replaced by a stock one */
    tell(&again, VH_REPORTING_FREE_PAGE_REPORTING);
    merge(bench, &again);
    assert_tier(bench, VH_TIER_SOFT, VH_TIER_REASON_STOCK_DRIVER);
    /* and then unloaded */
    again.reporting.has_driver = FALSE;
    merge(bench, &again);
    assert_tier(bench, VH_TIER_NONE, VH_TIER_REASON_STOCK_DRIVER | VH_TIER_REASON_NO_DRIVER);
}

static void assert_reporting(const Bench *bench, gboolean knows, gboolean is_on)
{
    g_autoptr(VhWatchView) view = vh_entries_view(bench->entries);
    guint n;
    const VhWatchDomain *domains = vh_watch_view_domains(view, &n);

    g_assert_cmpint(domains[0].knows_reporting, ==, knows);
    g_assert_cmpint(domains[0].is_reporting, ==, is_on);
}

/* Off and unknown are two things. */
static void test_reporting(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, TRUE);

    merge(bench, &found);
    assert_reporting(bench, FALSE, FALSE);
    tell(&found, PASSES);
    merge(bench, &found);
    assert_reporting(bench, TRUE, FALSE);
    found.reporting.is_enabled = TRUE;
    merge(bench, &found);
    assert_reporting(bench, TRUE, TRUE);
    vh_entries_forget_told(bench->entries);
    assert_reporting(bench, FALSE, FALSE);
    found.told = VH_POLL_STOCK;
    merge(bench, &found);
    assert_reporting(bench, FALSE, FALSE);
}

/* Not asked yet: what the XML shows; then again every 10 s. A stock QEMU is never due. */
static void test_due(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, TRUE), stock = found_new(bench, FALSE);

    merge(bench, &found);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_NO_MONITOR);
    g_assert_true(item_of(bench).is_due);
    tell(&found, PASSES);
    merge(bench, &found);
    g_assert_false(item_of(bench).is_due);
    bench->now_us += 10 * VH_SEC;
    g_assert_true(item_of(bench).is_due);
    merge(bench, &stock);
    g_assert_false(item_of(bench).is_due);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_STOCK_DEVICE);
}

/* One that knows no such question after all, whatever the XML says. */
static void test_stock_answer(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, TRUE);

    found.told = VH_POLL_STOCK;
    merge(bench, &found);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_STOCK_DEVICE);
    g_assert_cmpuint(bench->n_troubles, ==, 0);
}

/* No answer now: it is still what it was, and that is told once. */
static void test_no_answer(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, TRUE), silent = found_running(bench);

    tell(&found, PASSES);
    merge(bench, &found);
    silent.told = VH_POLL_NO_ANSWER;
    silent.told_error = (char *)"timed out";
    merge(bench, &silent);
    merge(bench, &silent);
    assert_tier(bench, VH_TIER_NATIVE, 0);
    g_assert_cmpuint(bench->n_troubles, ==, 1);
}

/* The policy does not allow it any more, and another run of the domain: what was told is void. */
static void test_forgotten(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, TRUE);

    tell(&found, PASSES);
    merge(bench, &found);
    vh_entries_forget_told(bench->entries);
    g_assert_false(item_of(bench).is_known);
    found.told = VH_POLL_NOT_ASKED;
    merge(bench, &found);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_NO_MONITOR);

    tell(&found, PASSES);
    merge(bench, &found);
    bench->listed.id = 4;
    found.told = VH_POLL_NOT_ASKED;
    merge(bench, &found);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_NO_MONITOR);
}

/* A domain that was listed and not read yet is missing in the view, and that is known. */
static void test_complete(Bench *bench, gconstpointer data)
{
    VhPollFound running = found_running(bench), found = found_new(bench, FALSE);

    g_assert_false(vh_entries_are_complete(bench->entries));
    merge(bench, &running);
    g_assert_false(vh_entries_are_complete(bench->entries));
    merge(bench, &found);
    g_assert_true(vh_entries_are_complete(bench->entries));
}

/* One that hangs from the start is not waited for. */
static void test_complete_without_hung(Bench *bench, gconstpointer data)
{
    VhPollFound found = {.uuid = bench->listed.uuid, .is_hung = TRUE};

    merge(bench, &found);
    g_assert_true(vh_entries_are_complete(bench->entries));
}

/* It is shown all the same, as what libvirt alone knows of it. */
static void test_hung_from_the_start(Bench *bench, gconstpointer data)
{
    VhPollFound found = found_new(bench, FALSE);

    found.stats = (VhStats){0};
    found.is_hung = TRUE;
    found.probe.tier = VH_TIER_PULSE;
    merge(bench, &found);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_STOCK_DEVICE);
    g_assert_true(item_of(bench).is_known);
    VhPollFound running = found_running(bench);
    merge(bench, &running);
    /* whatever has changed meanwhile */
    g_assert_false(item_of(bench).is_known);
}

#define PATIENCE_US (VH_PROBE_GRACE_US + 10 * VH_SEC)

/* A guest that does not run cannot answer: nothing is concluded from that, nor from the time before
 * it ran. */
static void test_silent_while_off(Bench *bench, gconstpointer data)
{
    VhPollFound first = found_new(bench, FALSE), again = found_running(bench);

    first.stats = again.stats = (VhStats){.state = VIR_DOMAIN_PAUSED};
    merge(bench, &first);
    bench->now_us += PATIENCE_US;
    merge(bench, &again);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_STOCK_DEVICE);
    again.stats.state = VIR_DOMAIN_RUNNING;
    merge(bench, &again);
    assert_tier(bench, VH_TIER_PULSE, VH_TIER_REASON_STOCK_DEVICE);
    bench->now_us += PATIENCE_US;
    merge(bench, &again);
    assert_tier(bench, VH_TIER_NONE, VH_TIER_REASON_STOCK_DEVICE | VH_TIER_REASON_NO_DRIVER);
}

#define ADD(name, test) g_test_add(name, Bench, NULL, set_up, test, tear_down)

static char *xml_of(const Bench *bench)
{
    g_autoptr(VhWatchView) view = vh_entries_view(bench->entries);
    guint n;
    const VhWatchDomain *domains = vh_watch_view_domains(view, &n);

    g_assert_cmpuint(n, ==, 1);
    return domains[0].xml ? g_ref_string_acquire(domains[0].xml) : NULL;
}

static void merge_xml(Bench *bench, const char *xml)
{
    VhPollFound found = found_new(bench, FALSE);

    found.xml = xml ? g_ref_string_new(xml) : NULL;
    merge(bench, &found);
    g_clear_pointer(&found.xml, g_ref_string_release);
}

/* The XML is kept where somebody wants it, and the same text stays the same string. */
static void test_xml(Bench *bench, gconstpointer data)
{
    merge_xml(bench, "<domain/>");
    g_assert_null(xml_of(bench));
    g_assert_true(item_of(bench).is_known);
    vh_entries_set_keeps_xml(bench->entries, TRUE);
    g_assert_false(item_of(bench).is_known);
    /* a poll that was under way has none: it has to be read again */
    merge_xml(bench, NULL);
    g_assert_false(item_of(bench).is_known);
    merge_xml(bench, "<domain/>");
    g_assert_true(item_of(bench).is_known);
    char *first = xml_of(bench);
    g_assert_cmpstr(first, ==, "<domain/>");
    merge_xml(bench, "<domain/>");
    char *same = xml_of(bench);
    g_assert_true(same == first);
    merge_xml(bench, "<domain><vcpu/></domain>");
    char *other = xml_of(bench);
    g_assert_cmpstr(other, ==, "<domain><vcpu/></domain>");
    /* another run of it may be another guest altogether */
    bench->listed.id++;
    VhPollFound found = found_running(bench);
    merge(bench, &found);
    g_assert_null(xml_of(bench));
    merge_xml(bench, "<domain/>");
    vh_entries_set_keeps_xml(bench->entries, FALSE);
    g_assert_null(xml_of(bench));
    g_ref_string_release(first);
    g_ref_string_release(same);
    g_ref_string_release(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/entries/told-stays", test_told_stays);
    ADD("/entries/reporting", test_reporting);
    ADD("/entries/due", test_due);
    ADD("/entries/stock-answer", test_stock_answer);
    ADD("/entries/no-answer", test_no_answer);
    ADD("/entries/forgotten", test_forgotten);
    ADD("/entries/complete", test_complete);
    ADD("/entries/complete-without-hung", test_complete_without_hung);
    ADD("/entries/hung-from-the-start", test_hung_from_the_start);
    ADD("/entries/silent-while-off", test_silent_while_off);
    ADD("/entries/xml", test_xml);
    return g_test_run();
}
