/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events for a caller, out of libvirt's. Owns the registrations and the way from libvirt's thread
 * into the caller's; must not know what anybody does with an event.
 */
#include "vh-events.h"

#include "vh-events-look.h"
#include "vh-libvirt.h"
#include "vh-units.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>

/* libvirt has one close callback for a connection, which is its owner's: we look instead, which
 * takes no round trip. */
#define ALIVE_MS 1000

/* After each of these a domain may be of another tier. */
static const int event_ids[] = {
    VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
};

/* What a patched QEMU tells. */
enum {
    MONITOR_PASS,
    MONITOR_STATE,
    N_MONITOR,
};
static const char *const monitor_names[N_MONITOR] = {
    [MONITOR_PASS] = VH_REPORTING_EVENT_PASS,
    [MONITOR_STATE] = VH_REPORTING_EVENT_STATE,
};

struct VhEvents {
    int references; /* atomic: libvirt's registrations and what is posted hold one each */
    /* Referenced by the caller's handle alone: libvirt frees registrations under its own lock. */
    virConnectPtr connection;
    GMainContext *context; /* referenced */
    VhMonitorRule monitor;
    guint kinds;
    VhEventFunc func;
    gpointer data;

    gboolean is_closed; /* in the context only, like what follows */
    VhLooks *looks;
    GSource *alive;
    int callbacks[G_N_ELEMENTS(event_ids)]; /* -1: not registered */
    int monitor_callbacks[N_MONITOR];       /* the same */
};

static void unref_events(void *data)
{
    VhEvents *events = data;

    if (!g_atomic_int_dec_and_test(&events->references))
        return;
    g_main_context_unref(events->context);
    g_free(events);
}

static VhEvents *ref_events(VhEvents *events)
{
    g_atomic_int_inc(&events->references);
    return events;
}

/* Takes the event over. */
static void tell(VhEvent *event, virDomainPtr domain, gpointer data)
{
    VhEvents *events = data;

    if (!events->is_closed && (events->kinds & (guint)event->kind)) {
        event->uuid = vh_libvirt_uuid(domain);
        event->name = virDomainGetName(domain);
        events->func(events, event, events->data);
    }
    g_free(event);
}

/* ---- From libvirt's thread into the caller's ---- */

typedef struct {
    VhEvents *events;    /* referenced */
    virDomainPtr domain; /* referenced */
    VhEvent *event;      /* NULL: only its tier is to be looked at */
} Post;

static void post_free(gpointer data)
{
    Post *post = data;

    virDomainFree(post->domain);
    unref_events(post->events);
    g_free(post->event);
    g_free(post);
}

static gboolean on_post(gpointer data)
{
    Post *post = data;
    VhEvents *events = post->events;
    VhEvent *event = g_steal_pointer(&post->event);
    gboolean may_change_tier = !event || (event->kind == VH_EVENT_REPORTING_CHANGED &&
                                          events->monitor == VH_MONITOR_ALLOW);

    if (events->is_closed) {
        g_free(event);
        return G_SOURCE_REMOVE;
    }
    if (may_change_tier && (events->kinds & VH_EVENT_TIER_CHANGED))
        vh_looks_see_tier(events->looks, post->domain);
    if (event && event->kind == VH_EVENT_PASS_ENDED && events->monitor == VH_MONITOR_ALLOW)
        vh_looks_complete(events->looks, post->domain, event);
    else if (event)
        tell(event, post->domain, events);
    return G_SOURCE_REMOVE;
}

/* Takes the event over. */
static void post(VhEvents *events, virDomainPtr domain, VhEvent *event)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Post *message = g_new(Post, 1);

    virDomainRef(domain);
    *message = (Post){ref_events(events), domain, event};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_post, message, post_free);
    g_source_attach(source, events->context);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *data)
{
    post(data, domain, NULL);
    return 0;
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias, void *data)
{
    post(data, domain, NULL);
}

/* QEMU's own time, where it can be one. */
static gint64 time_of(long long seconds, unsigned int micros)
{
    if (seconds <= 0 || seconds > G_MAXINT64 / VH_SEC - 1 || micros >= VH_SEC)
        return g_get_real_time();
    return seconds * VH_SEC + micros;
}

/* What makes no sense is no event: there is nobody whom to blame but a QEMU that is not ours. */
static void on_monitor_event(virConnectPtr connection, virDomainPtr domain, const char *name,
                             long long seconds, unsigned int micros, const char *details,
                             void *data)
{
    g_autofree VhEvent *event = g_new0(VhEvent, 1);
    VhReportingState state;

    event->time_us = time_of(seconds, micros);
    if (g_strcmp0(name, monitor_names[MONITOR_PASS]) == 0) {
        event->kind = VH_EVENT_PASS_ENDED;
        if (!vh_reporting_info_parse_ended(details, &event->pass, NULL))
            return;
    } else {
        event->kind = VH_EVENT_REPORTING_CHANGED;
        if (!vh_reporting_info_parse_state(details, &state, NULL))
            return;
        event->is_enabled = state.is_enabled;
        event->is_active = state.is_active;
        event->inhibitor = state.inhibitor;
    }
    post(data, domain, g_steal_pointer(&event));
}

/* ---- The connection ---- */

static void stop(VhEvents *events)
{
    events->is_closed = TRUE;
    g_clear_pointer(&events->looks, vh_looks_free);
    if (events->alive)
        g_source_destroy(events->alive);
    g_clear_pointer(&events->alive, g_source_unref);
}

static gboolean on_alive(gpointer data)
{
    VhEvents *events = data;
    VhEvent event = {.kind = VH_EVENT_LOST, .time_us = g_get_real_time()};

    /* -1: its driver cannot tell, and has nothing to lose */
    if (virConnectIsAlive(events->connection) != 0)
        return G_SOURCE_CONTINUE;
    stop(events);
    events->func(events, &event, events->data);
    return G_SOURCE_REMOVE;
}

static gboolean register_tier(VhEvents *events, virDomainPtr domain, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++) {
        virConnectDomainEventGenericCallback callback =
            event_ids[i] == VIR_DOMAIN_EVENT_ID_LIFECYCLE ? VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)
                                                          : VIR_DOMAIN_EVENT_CALLBACK(on_device);

        events->callbacks[i] = virConnectDomainEventRegisterAny(
            events->connection, domain, event_ids[i], callback, ref_events(events), unref_events);
        if (events->callbacks[i] >= 0)
            continue;
        unref_events(events);
        /* Not all drivers have devices that come and go. */
        if (event_ids[i] == VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
            vh_libvirt_set_error(error, "listening for tiers that change: ");
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean register_monitor(VhEvents *events, virDomainPtr domain, int which, GError **error)
{
    events->monitor_callbacks[which] = virConnectDomainQemuMonitorEventRegister(
        events->connection, domain, monitor_names[which], on_monitor_event, ref_events(events),
        unref_events, 0);
    if (events->monitor_callbacks[which] >= 0)
        return TRUE;
    unref_events(events);
    vh_libvirt_set_error(error, "listening to QEMU: ");
    return FALSE;
}

/* Registers what `wanted` takes; what cannot be told is left out where `is_strict` is not set. */
static gboolean register_kinds(VhEvents *events, virDomainPtr domain, guint wanted,
                               gboolean is_strict, GError **error)
{
    g_autoptr(GError) failure = NULL;
    gboolean follows_driver =
        (wanted & VH_EVENT_TIER_CHANGED) && events->monitor == VH_MONITOR_ALLOW;

    if ((wanted & VH_EVENT_TIER_CHANGED) && register_tier(events, domain, &failure))
        events->kinds |= VH_EVENT_TIER_CHANGED;
    if ((wanted & VH_EVENT_PASS_ENDED) &&
        register_monitor(events, domain, MONITOR_PASS, failure ? NULL : &failure))
        events->kinds |= VH_EVENT_PASS_ENDED;
    if (wanted & VH_EVENT_REPORTING_CHANGED) {
        if (register_monitor(events, domain, MONITOR_STATE, failure ? NULL : &failure))
            events->kinds |= VH_EVENT_REPORTING_CHANGED;
    } else if (follows_driver)
        (void)register_monitor(events, domain, MONITOR_STATE, NULL);
    if (failure && (is_strict || events->kinds == 0)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    return TRUE;
}

/* Those that are there; the others are seen when they come. */
static gboolean see_domains(VhEvents *events, virDomainPtr only, GError **error)
{
    virDomainPtr *domains = NULL;
    int n;

    if (only) {
        post(events, only, NULL);
        return TRUE;
    }
    n = virConnectListAllDomains(events->connection, &domains, 0);
    if (n < 0) {
        vh_libvirt_set_error(error, "listing domains: ");
        return FALSE;
    }
    for (int i = 0; i < n; i++) {
        post(events, domains[i], NULL);
        virDomainFree(domains[i]);
    }
    free(domains);
    return TRUE;
}

static VhEvents *create(virConnectPtr connection, const VhEventsOptions *options, VhEventFunc func,
                        gpointer data)
{
    VhEvents *events = g_new0(VhEvents, 1);

    events->references = 1;
    events->connection = connection;
    virConnectRef(connection);
    events->context = options->context ? g_main_context_ref(options->context)
                                       : g_main_context_ref_thread_default();
    events->monitor = options->monitor;
    events->func = func;
    events->data = data;
    events->looks = vh_looks_new(events->context, options->monitor, tell, events);
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++)
        events->callbacks[i] = -1;
    for (guint i = 0; i < N_MONITOR; i++)
        events->monitor_callbacks[i] = -1;
    return events;
}

VhEvents *vh_events_new(virConnectPtr connection, const VhEventsOptions *options, VhEventFunc func,
                        gpointer data, GError **error)
{
    static const VhEventsOptions defaults = {0};
    const VhEventsOptions *chosen = options ? options : &defaults;
    guint wanted = chosen->kinds ? chosen->kinds : VH_EVENT_KINDS;
    g_autoptr(VhEvents) events = NULL;

    if (wanted & ~(guint)VH_EVENT_KINDS) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "a kind of event that cannot be chosen; it would be one or more of "
                            "pass-ended, reporting-changed and tier-changed");
        return NULL;
    }
    events = create(connection, chosen, func, data);
    if (!register_kinds(events, chosen->domain, wanted, chosen->kinds != 0, error))
        return NULL;
    if ((events->kinds & VH_EVENT_TIER_CHANGED) && !see_domains(events, chosen->domain, error))
        return NULL;
    events->alive = g_timeout_source_new(ALIVE_MS);
    g_source_set_callback(events->alive, on_alive, events, NULL);
    g_source_attach(events->alive, events->context);
    return g_steal_pointer(&events);
}

guint vh_events_get_kinds(const VhEvents *events)
{
    return events->kinds;
}

VhLooks *vh_events_looks(const VhEvents *events)
{
    return events->looks;
}

void vh_events_free(VhEvents *events)
{
    if (!events)
        return;
    stop(events);
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++) {
        if (events->callbacks[i] >= 0)
            (void)virConnectDomainEventDeregisterAny(events->connection, events->callbacks[i]);
    }
    for (guint i = 0; i < N_MONITOR; i++) {
        if (events->monitor_callbacks[i] >= 0)
            (void)virConnectDomainQemuMonitorEventDeregister(events->connection,
                                                             events->monitor_callbacks[i]);
    }
    virConnectClose(events->connection);
    unref_events(events);
}

/* ---- Words ---- */

static const struct {
    VhEventKind kind;
    const char *name;
} kind_names[] = {
    {VH_EVENT_PASS_ENDED, "pass-ended"},
    {VH_EVENT_REPORTING_CHANGED, "reporting-changed"},
    {VH_EVENT_TIER_CHANGED, "tier-changed"},
    {VH_EVENT_LOST, "lost"},
};

const char *vh_event_kind_name(VhEventKind kind)
{
    for (guint i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if (kind_names[i].kind == kind)
            return kind_names[i].name;
    }
    g_return_val_if_reached("unknown");
}

guint vh_event_kind_from_name(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if ((kind_names[i].kind & VH_EVENT_KINDS) && g_strcmp0(kind_names[i].name, name) == 0)
            return (guint)kind_names[i].kind;
    }
    return 0;
}
