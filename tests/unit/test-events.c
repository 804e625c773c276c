/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events over libvirt's test driver, which tells of definitions that change and has no QEMU. What a
 * QEMU tells is tested on real guests.
 */
#include "vh-events-look.h"
#include "vh-libvirt.h"
#include "vh-watch.h"

#define WITHOUT "<memballoon model='none'/>"
#define WITH "<memballoon model='virtio' autodeflate='on'/>"
#define WAIT_MS 20000 /* guards against hanging */

typedef struct {
    virConnectPtr connection;
    GMainContext *context; /* the caller's, beside the default one, which is libvirt's */
    VhEvents *events;
    guint n;
    gboolean frees;
    VhEvent last; /* its name is none */
    char *name;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->connection = vh_libvirt_open("test:///default", FALSE, &error);
    g_assert_no_error(error);
    f->context = g_main_context_new();
}

static void tear_down(Fixture *f, gconstpointer data)
{
    vh_events_free(f->events);
    virConnectClose(f->connection);
    g_main_context_unref(f->context);
    g_free(f->name);
}

static virDomainPtr define(Fixture *f, const char *name, const char *balloon)
{
    virDomainPtr old = virDomainLookupByName(f->connection, name);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    g_autofree char *xml = NULL;
    virDomainPtr domain;

    if (old) {
        g_assert_cmpint(virDomainGetUUIDString(old, uuid), ==, 0);
        virDomainFree(old);
    }
    xml = g_strdup_printf("<domain type='test'><name>%s</name>%s%s%s<memory>65536</memory>"
                          "<os><type>hvm</type></os><devices>%s</devices></domain>",
                          name, old ? "<uuid>" : "", uuid, old ? "</uuid>" : "", balloon);
    domain = virDomainDefineXML(f->connection, xml);
    g_assert_nonnull(domain);
    return domain;
}

static void on_event(VhEvents *events, const VhEvent *event, gpointer data)
{
    Fixture *f = data;

    g_assert_true(g_main_context_is_owner(f->context));
    g_test_message("%s: %s", vh_event_kind_name(event->kind), event->name);
    f->last = *event;
    g_free(f->name);
    f->name = g_strdup(event->name);
    f->n++;
    if (f->frees)
        g_clear_pointer(&f->events, vh_events_free);
}

static void start(Fixture *f, const VhEventsOptions *options)
{
    g_autoptr(GError) error = NULL;

    f->events = vh_events_new(f->connection, options, on_event, f, &error);
    g_assert_no_error(error);
}

/* Runs both contexts, until all that libvirt has told is dealt with. */
static void run(Fixture *f)
{
    gint64 until_us = g_get_monotonic_time() + WAIT_MS * 1000;
    gboolean did = TRUE;

    while (did || (f->events && !vh_looks_are_done(vh_events_looks(f->events)))) {
        did = g_main_context_iteration(NULL, FALSE);
        did = g_main_context_iteration(f->context, FALSE) || did;
        if (!did)
            g_usleep(1000);
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
    }
}

static void test_kinds(Fixture *f, gconstpointer data)
{
    static const struct {
        gboolean read_only;
        guint kinds;
        int code; /* -1: fine, and tells of tiers */
    } cases[] = {
        {FALSE, 0, -1},
        {TRUE, 0, -1},
        {FALSE, VH_EVENT_TIER_CHANGED, -1},
        {TRUE, VH_EVENT_TIER_CHANGED, -1},
        {FALSE, VH_EVENT_PASS_ENDED, VH_ERROR_UNSUPPORTED},
        {FALSE, VH_EVENT_KINDS, VH_ERROR_UNSUPPORTED},
        {TRUE, VH_EVENT_PASS_ENDED, VH_ERROR_DENIED},
        {TRUE, VH_EVENT_REPORTING_CHANGED | VH_EVENT_TIER_CHANGED, VH_ERROR_DENIED},
        {FALSE, VH_EVENT_LOST, VH_ERROR_INVALID},
        {FALSE, VH_EVENT_TIER_CHANGED | 1u << 10, VH_ERROR_INVALID},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(virConnect) connection =
            vh_libvirt_open("test:///default", cases[i].read_only, NULL);
        VhEventsOptions options = {.kinds = cases[i].kinds, .context = f->context};
        g_autoptr(GError) error = NULL;
        g_autoptr(VhEvents) events = vh_events_new(connection, &options, on_event, f, &error);

        g_test_message("%u: %s", i, error ? error->message : "fine");
        if (cases[i].code < 0) {
            g_assert_no_error(error);
            g_assert_cmpuint(vh_events_get_kinds(events), ==, VH_EVENT_TIER_CHANGED);
        } else {
            g_assert_null(events);
            g_assert_error(error, VH_ERROR, cases[i].code);
        }
    }
}

/* The first look is told to nobody; what changes then is, and what does not is not. */
static void test_tier(Fixture *f, gconstpointer data)
{
    VhEventsOptions options = {.context = f->context};
    g_autoptr(virDomain) domain = define(f, "tier", WITHOUT);
    VhUuid uuid = vh_libvirt_uuid(domain);

    start(f, &options);
    run(f);
    g_assert_cmpuint(f->n, ==, 0);
    virDomainFree(define(f, "tier", WITH));
    run(f);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_cmpint(f->last.kind, ==, VH_EVENT_TIER_CHANGED);
    g_assert_cmpstr(f->name, ==, "tier");
    g_assert_true(vh_uuid_equal(&f->last.uuid, &uuid));
    g_assert_cmpint(f->last.tier_before, ==, VH_TIER_NONE);
    g_assert_cmpint(f->last.tier, ==, VH_TIER_PULSE);
    g_assert_cmphex(f->last.reasons, ==, VH_TIER_REASON_STOCK_DEVICE);
    g_assert_cmpint(f->last.time_us, >, 0);
    virDomainFree(define(f, "tier", WITH));
    run(f);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_cmpint(virDomainUndefine(domain), ==, 0);
    run(f);
    g_assert_cmpuint(f->n, ==, 1);
}

/* Only the one that was asked for. */
static void test_domain(Fixture *f, gconstpointer data)
{
    g_autoptr(virDomain) wanted = define(f, "wanted", WITHOUT);
    g_autoptr(virDomain) other = define(f, "other", WITHOUT);
    VhEventsOptions options = {.domain = wanted, .context = f->context};

    start(f, &options);
    run(f);
    virDomainFree(define(f, "other", WITH));
    run(f);
    g_assert_cmpuint(f->n, ==, 0);
    virDomainFree(define(f, "wanted", WITH));
    run(f);
    g_assert_cmpstr(f->name, ==, "wanted");
    g_assert_cmpint(virDomainUndefine(wanted), ==, 0);
    g_assert_cmpint(virDomainUndefine(other), ==, 0);
}

/* One that comes later is seen when it comes, and its changes from then on. */
static void test_later(Fixture *f, gconstpointer data)
{
    VhEventsOptions options = {.context = f->context};

    start(f, &options);
    g_autoptr(virDomain) domain = define(f, "later", WITH);
    run(f);
    g_assert_cmpuint(f->n, ==, 0);
    virDomainFree(define(f, "later", WITHOUT));
    run(f);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_cmpint(f->last.tier, ==, VH_TIER_NONE);
    g_assert_cmphex(f->last.reasons, ==, VH_TIER_REASON_NO_BALLOON);
    g_assert_cmpint(virDomainUndefine(domain), ==, 0);
}

/* Freed by the first of two: the second is told to nobody. */
static void test_free_within(Fixture *f, gconstpointer data)
{
    VhEventsOptions options = {.context = f->context};
    g_autoptr(virDomain) one = define(f, "one", WITHOUT);
    g_autoptr(virDomain) two = define(f, "two", WITHOUT);

    f->frees = TRUE;
    start(f, &options);
    run(f);
    virDomainFree(define(f, "one", WITH));
    virDomainFree(define(f, "two", WITH));
    run(f);
    g_assert_cmpuint(f->n, ==, 1);
    g_assert_null(f->events);
    g_assert_cmpint(virDomainUndefine(one), ==, 0);
    g_assert_cmpint(virDomainUndefine(two), ==, 0);
}

static gpointer loop_main(gpointer loop)
{
    g_main_loop_run(loop);
    return NULL;
}

/* libvirt's loop runs in another thread, as in virsh: events come in the caller's all the same. */
static void test_other_thread(Fixture *f, gconstpointer data)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    gint64 until_us = g_get_monotonic_time() + WAIT_MS * 1000;
    g_autoptr(virDomain) domain = define(f, "other-thread", WITHOUT);
    GThread *thread = g_thread_new("loop", loop_main, loop);

    g_main_context_push_thread_default(f->context);
    start(f, NULL);
    for (guint i = 0; f->n < 20; i++) {
        virDomainFree(define(f, "other-thread", i % 2 == 0 ? WITH : WITHOUT));
        for (int j = 0; j < 5; j++) {
            if (!g_main_context_iteration(f->context, FALSE))
                g_usleep(1000);
        }
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
    }
    virDomainFree(define(f, "other-thread", WITH)); /* under way when it is freed */
    g_clear_pointer(&f->events, vh_events_free);
    g_main_context_pop_thread_default(f->context);
    g_assert_cmpint(virDomainUndefine(domain), ==, 0);
    g_main_loop_quit(loop);
    g_thread_join(thread);
}

static void test_words(Fixture *f, gconstpointer data)
{
    static const VhEventKind kinds[] = {VH_EVENT_PASS_ENDED, VH_EVENT_REPORTING_CHANGED,
                                        VH_EVENT_TIER_CHANGED};

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_assert_cmpuint(vh_event_kind_from_name(vh_event_kind_name(kinds[i])), ==, kinds[i]);
    g_assert_cmpstr(vh_event_kind_name(VH_EVENT_LOST), ==, "lost");
    g_assert_cmpuint(vh_event_kind_from_name("lost"), ==, 0);
    g_assert_cmpuint(vh_event_kind_from_name("Pass-ended"), ==, 0);
    g_assert_cmpuint(vh_event_kind_from_name(NULL), ==, 0);
}

static void add(const char *path, void (*test)(Fixture *f, gconstpointer data))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_watch_init();
    add("/events/kinds", test_kinds);
    add("/events/tier", test_tier);
    add("/events/domain", test_domain);
    add("/events/later", test_later);
    add("/events/free-within", test_free_within);
    add("/events/words", test_words);
    add("/events/other-thread", test_other_thread);
    return g_test_run();
}
