/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a guest of tier native: what a pass did, reporting that is switched, a driver that goes
 * and comes back; and that listening taints nobody.
 */
#include "driver-fixture.h"
#include "vh-events-look.h"
#include "vh-libvirt.h"
#include "vh-reporting.h"
#include "vh-watch.h"

#define KERNEL "6.1"
#define BOUND_US (VH_LAB_TIMEOUT_MS * VH_MS)
#define MAX_EVENTS 64

typedef struct {
    Device guest;
    VhEvents *events;
    VhEvent seen[MAX_EVENTS];
    guint n;
    gboolean is_set_up;
} Fixture;

static void on_event(VhEvents *events, const VhEvent *event, gpointer data)
{
    Fixture *f = data;

    g_assert_cmpuint(f->n, <, MAX_EVENTS);
    g_test_message("%s %s: pass %u %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                   ", enabled %d active %d, tier %s -> %s (%x)",
                   vh_event_kind_name(event->kind), event->name, event->pass.id,
                   vh_pass_status_name(event->pass.status), event->pass.reported_bytes,
                   event->pass.discarded_bytes, event->is_enabled, event->is_active,
                   vh_tier_name(event->tier_before), vh_tier_name(event->tier), event->reasons);
    f->seen[f->n] = *event;
    f->seen[f->n++].name = NULL;
}

static void set_up(Fixture *f, gconstpointer data)
{
    if (driver_is_skipped())
        return;
    driver_start_whole(&f->guest, KERNEL, (DeviceOptions){0});
    f->is_set_up = TRUE;
}

static void tear_down(Fixture *f, gconstpointer data)
{
    if (!f->is_set_up)
        return;
    vh_events_free(f->events);
    device_stop(&f->guest);
}

static void iterate(void)
{
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(2 * VH_MS);
}

/* Until all that was told so far is dealt with. */
static void settle(Fixture *f)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    while (g_main_context_iteration(NULL, FALSE) ||
           !vh_looks_are_done(vh_events_looks(f->events))) {
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        g_usleep(2 * VH_MS);
    }
}

static void listen_on(Fixture *f, virConnectPtr connection, const VhEventsOptions *options)
{
    g_autoptr(GError) error = NULL;

    f->events = vh_events_new(connection, options, on_event, f, &error);
    g_assert_no_error(error);
    settle(f);
}

static void listen_to(Fixture *f, VhMonitorRule monitor)
{
    VhEventsOptions options = {.domain = f->guest.domain, .monitor = monitor};

    listen_on(f, virDomainGetConnect(f->guest.domain), &options);
}

typedef gboolean (*Check)(const VhEvent *event, gconstpointer data);

/* The next event for which it holds, from *from on, which is then behind it. */
static const VhEvent *await(Fixture *f, guint *from, Check check, gconstpointer data)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    for (;;) {
        while (*from < f->n) {
            const VhEvent *event = &f->seen[(*from)++];

            if (check(event, data))
                return event;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        iterate();
    }
}

static gboolean is_kind(const VhEvent *event, gconstpointer data)
{
    return event->kind == (VhEventKind)GPOINTER_TO_UINT(data);
}

static gboolean is_to_tier(const VhEvent *event, gconstpointer data)
{
    return event->kind == VH_EVENT_TIER_CHANGED && event->tier == (VhTier)GPOINTER_TO_UINT(data);
}

static gboolean is_reporting(const VhEvent *event, gconstpointer data)
{
    return event->kind == VH_EVENT_REPORTING_CHANGED &&
           event->is_active == (gboolean)GPOINTER_TO_UINT(data);
}

/* The driver goes, which QEMU tells, and nothing that listens has sent it anything. */
static void test_taints_nobody(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint from = 0;

    if (!f->is_set_up)
        return;
    listen_to(f, VH_MONITOR_REFUSE);
    g_assert_cmpuint(vh_events_get_kinds(f->events), ==, VH_EVENT_KINDS);
    g_assert_true(vh_lab_guest_unload_module(f->guest.guest, "virtio_balloon", &error));
    g_assert_false(await(f, &from, is_reporting, GUINT_TO_POINTER(FALSE))->is_active);
    g_assert_true(vh_lab_guest_load_module(f->guest.guest, "virtio_balloon", &error));
    await(f, &from, is_reporting, GUINT_TO_POINTER(TRUE));
    settle(f);
    g_assert_false(device_is_tainted(f->guest.domain));
    /* The XML shows no driver. */
    for (guint i = 0; i < f->n; i++)
        g_assert_cmpint(f->seen[i].kind, ==, VH_EVENT_REPORTING_CHANGED);
}

/* One pass with the figures that QEMU sends, and one with all of them. */
static void test_pass(Fixture *f, gconstpointer data)
{
    VhMonitorRule monitor = (VhMonitorRule)GPOINTER_TO_UINT(data);
    gboolean is_allowed = monitor == VH_MONITOR_ALLOW;
    const VhReportingPassRequest request = {.limit_bytes = 64 * VH_MIB, .granule_bytes = 65536};
    gint64 before_us = g_get_real_time();
    g_autoptr(GError) error = NULL;
    guint from = 0;
    guint32 id;

    if (!f->is_set_up)
        return;
    device_set(&f->guest, FALSE);
    device_work(&f->guest, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    listen_to(f, monitor);
    g_assert_true(
        vh_reporting_pass_start(f->guest.domain, VH_MONITOR_ALLOW, &request, &id, &error));
    const VhEvent *event = await(f, &from, is_kind, GUINT_TO_POINTER(VH_EVENT_PASS_ENDED));
    g_assert_cmpuint(event->pass.id, ==, id);
    g_assert_cmpint(event->pass.status, ==, VH_PASS_LIMIT);
    g_assert_cmpuint(event->pass.reported_bytes, >=, 64 * VH_MIB);
    g_assert_cmpuint(event->pass.discarded_bytes, >=, 64 * VH_MIB);
    g_assert_cmpint(event->has_details, ==, is_allowed);
    g_assert_cmpuint(event->pass.limit_bytes, ==, is_allowed ? 64 * VH_MIB : 0);
    g_assert_cmpuint(event->pass.granule_bytes, ==, is_allowed ? 65536 : 0);
    g_assert_true(is_allowed == (event->pass.duration_us > 0));
    g_assert_cmpint(event->time_us, >=, before_us);
    g_assert_cmpint(event->time_us, <=, g_get_real_time());
    device_work(&f->guest, "verify keep\n");
}

static void test_switched(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint from = 0;

    if (!f->is_set_up)
        return;
    listen_to(f, VH_MONITOR_REFUSE);
    g_assert_true(vh_reporting_set(f->guest.domain, VH_MONITOR_ALLOW, FALSE, &error));
    const VhEvent *event = await(f, &from, is_reporting, GUINT_TO_POINTER(FALSE));
    g_assert_false(event->is_enabled);
    g_assert_cmpint(event->inhibitor, ==, VH_REPORTING_INHIBITOR_NONE);
    g_assert_true(vh_reporting_set(f->guest.domain, VH_MONITOR_ALLOW, TRUE, &error));
    g_assert_true(await(f, &from, is_reporting, GUINT_TO_POINTER(TRUE))->is_enabled);
}

/* A driver that goes, and comes back: of no tier meanwhile. */
static void test_driver(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint from = 0;

    if (!f->is_set_up)
        return;
    listen_to(f, VH_MONITOR_ALLOW);
    g_assert_cmpuint(f->n, ==, 0);
    g_assert_true(vh_lab_guest_unload_module(f->guest.guest, "virtio_balloon", &error));
    const VhEvent *gone = await(f, &from, is_to_tier, GUINT_TO_POINTER(VH_TIER_NONE));
    g_assert_cmpint(gone->tier_before, ==, VH_TIER_NATIVE);
    g_assert_cmphex(gone->reasons & VH_TIER_REASON_NO_DRIVER, !=, 0);
    g_assert_true(vh_lab_guest_load_module(f->guest.guest, "virtio_balloon", &error));
    const VhEvent *back = await(f, &from, is_to_tier, GUINT_TO_POINTER(VH_TIER_NATIVE));
    g_assert_cmphex(back->reasons, ==, 0);
    g_assert_true(device_is_tainted(f->guest.domain));
}

/* The driver goes while its QEMU hangs: told when that goes on, once, and nothing was in the way of
 * the main loop meanwhile. */
static void test_hung(Fixture *f, gconstpointer data)
{
    gint64 until_us;
    g_autoptr(GError) error = NULL;
    guint from = 0;

    if (!f->is_set_up)
        return;
    listen_to(f, VH_MONITOR_ALLOW);
    g_assert_true(vh_lab_guest_hang(f->guest.guest, &error));
    vh_looks_see_tier(vh_events_looks(f->events), f->guest.domain);
    until_us = g_get_monotonic_time() + 3 * VH_SEC;
    while (g_get_monotonic_time() < until_us)
        iterate();
    g_assert_false(vh_looks_are_done(vh_events_looks(f->events)));
    g_assert_cmpuint(f->n, ==, 0);
    g_assert_true(vh_lab_guest_unhang(f->guest.guest, &error));
    settle(f);
    g_assert_true(vh_lab_guest_unload_module(f->guest.guest, "virtio_balloon", &error));
    await(f, &from, is_to_tier, GUINT_TO_POINTER(VH_TIER_NONE));
}

/* Without the right to write: tiers by the XML, and no more. */
static void test_read_only(Fixture *f, gconstpointer data)
{
    VhEventsOptions options = {.monitor = VH_MONITOR_ALLOW};
    g_autoptr(GError) error = NULL;
    g_autoptr(virConnect) connection = NULL;

    if (!f->is_set_up)
        return;
    connection = vh_libvirt_open(vh_lab_uri(f->guest.lab), TRUE, &error);
    g_assert_no_error(error);
    listen_on(f, connection, &options);
    g_assert_cmpuint(vh_events_get_kinds(f->events), ==, VH_EVENT_TIER_CHANGED);
    g_assert_false(device_is_tainted(f->guest.domain));
    g_clear_pointer(&f->events, vh_events_free);
    options.kinds = VH_EVENT_PASS_ENDED;
    g_assert_null(vh_events_new(connection, &options, on_event, f, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
}

static void test_lost(Fixture *f, gconstpointer data)
{
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(GError) error = NULL;
    guint from = 0;

    if (!f->is_set_up)
        return;
    connection = vh_libvirt_open(vh_lab_uri(f->guest.lab), FALSE, &error);
    g_assert_no_error(error);
    listen_on(f, connection, NULL);
    g_assert_true(vh_lab_libvirtd_kill9(f->guest.lab, &error));
    await(f, &from, is_kind, GUINT_TO_POINTER(VH_EVENT_LOST));
    g_assert_cmpuint(from, ==, f->n);
    g_assert_true(vh_lab_libvirtd_start(f->guest.lab, &error));
    g_clear_pointer(&f->events, vh_events_free);
}

static void add(const char *path, guint data, void (*test)(Fixture *f, gconstpointer data))
{
    g_test_add(path, Fixture, GUINT_TO_POINTER(data), set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_watch_init();
    add("/library-events/taints-nobody", 0, test_taints_nobody);
    add("/library-events/pass", VH_MONITOR_REFUSE, test_pass);
    add("/library-events/pass-in-full", VH_MONITOR_ALLOW, test_pass);
    add("/library-events/switched", 0, test_switched);
    add("/library-events/driver", 0, test_driver);
    add("/library-events/hung", 0, test_hung);
    add("/library-events/read-only", 0, test_read_only);
    add("/library-events/lost", 0, test_lost);
    return g_test_run();
}
