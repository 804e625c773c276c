/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watch on real guests: what it sees, whom it sets aside, what it survives. Figures are fresh
 * when last_update of two views differs.
 */
#include <string.h>

#include "vh-in-flight.h"
#include "vh-lab.h"
#include "vh-libvirt.h"
#include "vh-units.h"
#include "vh-watch.h"

#define MAX_GUESTS 4
#define BOUND_US (60 * VH_SEC)
#define INTERVAL_US (1 * VH_SEC)

static const char *const names[MAX_GUESTS] = {"one", "two", "three", "four"};

typedef struct {
    VhLab *lab;
    guint n;
    VhLabGuest *guests[MAX_GUESTS];
    VhWatch *watch;
    guint polls;
    guint events[VH_WATCH_TROUBLE + 1];
    char *last_text[VH_WATCH_TROUBLE + 1];
} Fixture;

static void on_polled(VhWatch *watch, gpointer data)
{
    Fixture *f = data;

    f->polls++;
}

static void on_event(VhWatch *watch, VhWatchEvent event, const char *name, const VhUuid *uuid,
                     const char *text, gpointer data)
{
    Fixture *f = data;

    g_test_message("event %d %s: %s", (int)event, name ? name : "-", text ? text : "");
    f->events[event]++;
    g_free(f->last_text[event]);
    f->last_text[event] = g_strdup(text);
}

static void start_watch(Fixture *f, const VhWatchOptions *options)
{
    VhWatchCallbacks callbacks = {on_polled, on_event};

    f->watch = vh_watch_new(options, &callbacks, f);
}

static void set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->n = GPOINTER_TO_UINT(data);
    f->lab = vh_lab_open(&error);
    g_assert_no_error(error);
    for (guint i = 0; i < f->n; i++) {
        VhLabGuestSpec spec = {.name = names[i], .memory_bytes = 192 * VH_MIB};

        f->guests[i] = vh_lab_guest_launch(f->lab, &spec, &error);
        g_assert_no_error(error);
    }
    for (guint i = 0; i < f->n; i++)
        g_assert_true(vh_lab_guest_wait_ready(f->guests[i], VH_LAB_TIMEOUT_MS, &error));
}

static void tear_down(Fixture *f, gconstpointer data)
{
    vh_watch_free(f->watch);
    for (guint i = 0; i < G_N_ELEMENTS(f->last_text); i++)
        g_free(f->last_text[i]);
    for (guint i = 0; i < f->n; i++)
        vh_lab_guest_free(f->guests[i]);
    vh_lab_free(f->lab);
}

/* One poll, delivered; NULL while there is no connection. */
static VhWatchView *poll_once(Fixture *f)
{
    guint before = f->polls;

    vh_watch_poll(f->watch);
    while (f->polls == before)
        g_main_context_iteration(NULL, TRUE);
    return vh_watch_get_view(f->watch);
}

static gboolean on_time(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

static void run_for(gint64 us)
{
    gboolean is_over = FALSE;

    g_timeout_add((guint)(us / VH_MS), on_time, &is_over);
    while (!is_over)
        g_main_context_iteration(NULL, TRUE);
}

static const VhWatchDomain *find(const VhWatchView *view, const char *name)
{
    guint n;
    const VhWatchDomain *domains = vh_watch_view_domains(view, &n);

    for (guint i = 0; i < n; i++) {
        if (strcmp(domains[i].name, name) == 0)
            return &domains[i];
    }
    return NULL;
}

/* Polls each interval until `is_so` holds of the named domain; a bound against hanging only. */
static VhWatchDomain poll_until(Fixture *f, const char *name,
                                gboolean (*is_so)(const VhWatchDomain *domain))
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;
    VhWatchDomain domain = {0};

    for (;;) {
        g_autoptr(VhWatchView) view = poll_once(f);
        const VhWatchDomain *found = view ? find(view, name) : NULL;

        if (found)
            domain = *found;
        if (found && is_so(found))
            return domain;
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        run_for(INTERVAL_US / 4);
    }
}

static gboolean has_figures(const VhWatchDomain *domain)
{
    return domain->stats.last_update_us > 0 && (domain->stats.figures & VH_HAS_UNUSED);
}

static gboolean is_hung(const VhWatchDomain *domain)
{
    return domain->is_hung;
}

static gboolean answers(const VhWatchDomain *domain)
{
    return !domain->is_hung;
}

static gboolean has_no_record(const VhWatchDomain *domain)
{
    return !domain->has_in_flight;
}

static gboolean has_class(const VhWatchDomain *domain)
{
    return domain->override.keys == VH_OVERRIDE_CLASS &&
           strcmp(domain->override.class_name, "perf") == 0;
}

static gboolean has_bad_override(const VhWatchDomain *domain)
{
    return domain->override_error && domain->override.keys == 0;
}

static void sees_guests(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab), .stats_period_us = 1 * VH_SEC};
    g_autoptr(GError) error = NULL;
    VhWatchDomain domain;
    virDomainPtr handle;

    start_watch(f, &options);
    domain = poll_until(f, "one", has_figures);
    g_assert_cmpint(domain.probe.tier, ==, VH_TIER_PULSE);
    g_assert_cmpint(domain.probe.stats_period_us, ==, 1 * VH_SEC);
    g_assert_cmpuint(domain.stats.current_bytes, ==, 192 * VH_MIB);
    g_assert_cmpuint(domain.stats.unused_bytes, <, 192 * VH_MIB);
    g_assert_cmpuint(domain.stats.rss_bytes, >, 0);
    g_assert_cmpuint(f->events[VH_WATCH_CONNECTED], ==, 1);
    g_assert_cmpuint(f->events[VH_WATCH_PERIOD_SET], ==, 1);

    handle = vh_watch_lookup(f->watch, &domain.uuid, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(virDomainGetName(handle), ==, "one");
    virDomainFree(handle);
}

static void only_reads(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {
        .uri = vh_lab_uri(f->lab), .read_only = TRUE, .stats_period_us = 1 * VH_SEC};
    g_autoptr(VhWatchView) view = NULL;
    g_autoptr(GError) error = NULL;
    const VhWatchDomain *domain;

    start_watch(f, &options);
    view = poll_once(f);
    g_assert_nonnull(view);
    domain = find(view, "one");
    g_assert_nonnull(domain);
    g_assert_cmpint(domain->probe.stats_period_us, ==, 0);
    g_assert_cmpuint(f->events[VH_WATCH_PERIOD_SET], ==, 0);
    g_assert_null(vh_watch_lookup(f->watch, &domain->uuid, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
}

/* The very poll in which one hangs serves the others, and so do the next ones. */
static void serves_others_while_one_hangs(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab), .stats_period_us = 1 * VH_SEC};
    gint64 updates[MAX_GUESTS];
    g_autoptr(GError) error = NULL;
    virDomainPtr handle;

    start_watch(f, &options);
    for (guint i = 0; i < f->n; i++)
        updates[i] = poll_until(f, names[i], has_figures).stats.last_update_us;
    g_assert_true(vh_lab_guest_hang(f->guests[2], &error));
    run_for(2 * INTERVAL_US + INTERVAL_US / 2);
    for (int round = 0; round < 4; round++) {
        g_autoptr(VhWatchView) view = poll_once(f);

        for (guint i = 0; i < f->n; i++) {
            const VhWatchDomain *domain = find(view, names[i]);

            g_assert_cmpint(domain->is_hung, ==, i == 2);
            if (i == 2)
                continue;
            g_assert_cmpint(domain->stats.last_update_us, >, updates[i]);
            updates[i] = domain->stats.last_update_us;
        }
        run_for(2 * INTERVAL_US + INTERVAL_US / 2);
    }
    g_assert_cmpuint(f->events[VH_WATCH_HUNG], ==, 1);
    {
        g_autoptr(VhWatchView) view = vh_watch_get_view(f->watch);

        handle = vh_watch_lookup(f->watch, &find(view, names[2])->uuid, &error);
        g_assert_no_error(error);
        virDomainFree(handle);
    }
    g_assert_true(vh_lab_guest_unhang(f->guests[2], &error));
    (void)poll_until(f, names[2], answers);
    g_assert_cmpuint(f->events[VH_WATCH_RETURNED], ==, 1);
}

/* Two of four, at different times. */
static void sets_several_aside(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab), .stats_period_us = 1 * VH_SEC};
    g_autoptr(GError) error = NULL;

    start_watch(f, &options);
    (void)poll_until(f, names[0], has_figures);
    g_assert_true(vh_lab_guest_hang(f->guests[0], &error));
    g_assert_true(vh_lab_guest_hang(f->guests[3], &error));
    (void)poll_until(f, names[0], is_hung);
    (void)poll_until(f, names[3], is_hung);
    (void)poll_until(f, names[1], answers);
    g_assert_true(vh_lab_guest_unhang(f->guests[3], &error));
    (void)poll_until(f, names[3], answers);
    g_assert_true(vh_lab_guest_unhang(f->guests[0], &error));
    (void)poll_until(f, names[0], answers);
    g_assert_cmpuint(f->events[VH_WATCH_HUNG], ==, 2);
    g_assert_cmpuint(f->events[VH_WATCH_RETURNED], ==, 2);
}

static void survives_libvirtd(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab), .stats_period_us = 1 * VH_SEC};
    g_autoptr(GError) error = NULL;
    gint64 back_us;

    start_watch(f, &options);
    (void)poll_until(f, "one", has_figures);
    g_assert_true(vh_lab_libvirtd_kill9(f->lab, &error));
    while (f->events[VH_WATCH_LOST] == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(poll_once(f));
    g_assert_false(vh_watch_is_connected(f->watch));
    g_assert_nonnull(vh_watch_error(f->watch));
    run_for(2 * VH_SEC);
    g_assert_true(vh_lab_libvirtd_start(f->lab, &error));
    back_us = g_get_monotonic_time();
    (void)poll_until(f, "one", has_figures);
    g_test_message("figures again %.2f s after libvirtd was back",
                   (double)(g_get_monotonic_time() - back_us) / VH_SEC);
    g_assert_cmpuint(f->events[VH_WATCH_CONNECTED], ==, 2);
    g_assert_null(vh_watch_error(f->watch));
}

static void tells_why_it_cannot_connect(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = "qemu:///session?socket=/nonexistent/libvirt-sock",
                              .poll_deadline_us = 500 * VH_MS};

    start_watch(f, &options);
    g_assert_null(poll_once(f));
    g_assert_nonnull(vh_watch_error(f->watch));
    g_assert_false(vh_watch_is_connected(f->watch));
}

/* What an asker leaves that was killed: a moved balloon, and a record whose owner is dead. */
static void leave_record(Fixture *f, guint64 old_kib, guint64 target_kib)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(f->guests[0], &error);
    VhInFlightRecord record = {.old_kib = old_kib,
                               .target_kib = target_kib,
                               .expires_us = g_get_real_time() + BOUND_US * 10};
    char *slash;

    g_assert_no_error(error);
    vh_in_flight_own(&record);
    /* Our process, but started at another time: a number that was used again. */
    slash = strrchr(record.owner, '/');
    g_assert_nonnull(slash);
    g_strlcpy(slash, "/1", sizeof record.owner - (gsize)(slash - record.owner));
    g_assert_true(vh_in_flight_set(domain, &record, &error));
    g_assert_cmpint(virDomainSetMemoryFlags(domain, target_kib, VIR_DOMAIN_AFFECT_LIVE), ==, 0);
    virDomainFree(domain);
}

static guint64 rest_kib(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(f->guests[0], &error);
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(domain, items, G_N_ELEMENTS(items), 0);
    guint64 kib = 0;

    for (int i = 0; i < n; i++) {
        if (items[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON)
            kib = items[i].val;
    }
    virDomainFree(domain);
    return kib;
}

static void mends_what_was_interrupted(Fixture *f, gconstpointer data)
{
    const guint64 old_kib = 192 * 1024, target_kib = 150 * 1024 + VH_TARGET_MARK_KIB;
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab)};

    leave_record(f, old_kib, target_kib);
    start_watch(f, &options);
    (void)poll_until(f, "one", has_no_record);
    g_assert_cmpuint(f->events[VH_WATCH_RECOVERED], ==, 1);
    g_assert_cmpuint(rest_kib(f), ==, old_kib);

    /* While it watches, too; and a target that is not ours stays. */
    leave_record(f, old_kib, 160 * 1024);
    while (f->events[VH_WATCH_RECOVERED] == 1)
        (void)poll_until(f, "one", answers);
    (void)poll_until(f, "one", has_no_record);
    g_assert_cmpuint(rest_kib(f), ==, 160 * 1024);
}

static void set_policy(Fixture *f, const char *xml)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(f->guests[0], &error);

    g_assert_no_error(error);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, "virthint",
                                         VH_OVERRIDE_URI, VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    virDomainFree(domain);
}

static void reads_overrides_as_they_change(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab)};

    set_policy(f, "<policy class='perf'/>");
    start_watch(f, &options);
    (void)poll_until(f, "one", has_class);
    g_assert_cmpuint(f->events[VH_WATCH_BAD_OVERRIDE], ==, 0);
    set_policy(f, "<policy class='perf' weight='none'/>");
    (void)poll_until(f, "one", has_bad_override);
    run_for(INTERVAL_US);
    (void)poll_until(f, "one", has_bad_override);
    g_assert_cmpuint(f->events[VH_WATCH_BAD_OVERRIDE], ==, 1);
    g_assert_nonnull(strstr(f->last_text[VH_WATCH_BAD_OVERRIDE], "weight"));
    set_policy(f, "<policy class='perf'/>");
    (void)poll_until(f, "one", has_class);
}

/* A guest that ends and one that begins while it watches. */
static void follows_guests(Fixture *f, gconstpointer data)
{
    VhWatchOptions options = {.uri = vh_lab_uri(f->lab)};
    VhLabGuestSpec spec = {.name = "two", .memory_bytes = 192 * VH_MIB, .no_balloon = TRUE};
    g_autoptr(GError) error = NULL;
    VhWatchDomain domain;

    start_watch(f, &options);
    (void)poll_until(f, "one", answers);
    f->guests[1] = vh_lab_guest_start(f->lab, &spec, &error);
    g_assert_no_error(error);
    f->n = 2;
    domain = poll_until(f, "two", answers);
    g_assert_cmpint(domain.probe.tier, ==, VH_TIER_NONE);
    g_assert_cmpuint(domain.probe.reasons, ==, VH_TIER_REASON_NO_BALLOON);
    g_assert_true(vh_lab_guest_kill(f->guests[1], &error));
    for (gint64 until_us = g_get_monotonic_time() + BOUND_US;;) {
        g_autoptr(VhWatchView) view = poll_once(f);

        if (view && !find(view, "two"))
            break;
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        run_for(INTERVAL_US / 10);
    }
}

static const struct {
    const char *path;
    guint n_guests;
    void (*test)(Fixture *, gconstpointer);
} cases[] = {
    {"sees-guests", 1, sees_guests},
    {"only-reads", 1, only_reads},
    {"serves-others-while-one-hangs", 4, serves_others_while_one_hangs},
    {"sets-several-aside", 4, sets_several_aside},
    {"survives-libvirtd", 1, survives_libvirtd},
    {"tells-why-it-cannot-connect", 0, tells_why_it_cannot_connect},
    {"mends-what-was-interrupted", 1, mends_what_was_interrupted},
    {"reads-overrides-as-they-change", 1, reads_overrides_as_they_change},
    {"follows-guests", 1, follows_guests},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_watch_init();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/watch/%s", cases[i].path);

        g_test_add(path, Fixture, GUINT_TO_POINTER(cases[i].n_guests), set_up, cases[i].test,
                   tear_down);
    }
    return g_test_run();
}
