/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guests of the tables of states. */
#include "states-fixture.h"

#include "driver-fixture.h"
#include "vh-libvirt.h"

#include <string.h>

#define MEMORY_BYTES (512 * VH_MIB)
/* What a migration has to carry: at SLOWLY_MIB_S it lasts longer than all that is tried meanwhile.
 */
#define KEEP "seed 7\nalloc keep 200MiB\n"
#define VERIFY "verify keep\n"
#define SLOWLY_MIB_S 1
#define LOOK_US (2 * VH_MS)

static const struct {
    const char *name, *domain;
} columns[N_STATES] = {
    [STATE_RUNNING] = {"running", "native"},
    [STATE_PAUSED] = {"paused", "native"},
    [STATE_OFF] = {"off", "off"},
    [STATE_MIGRATING] = {"migrating", "native"},
    [STATE_HUNG] = {"hung", "native"},
    [STATE_READ_ONLY] = {"read-only", "native"},
    [STATE_NONE] = {"none", "none"},
    [STATE_PULSE] = {"pulse", "pulse"},
    [STATE_SOFT] = {"soft", "soft"},
};

const char *states_name(State state)
{
    return columns[state].name;
}

const char *states_domain(State state)
{
    return columns[state].domain;
}

char **states_split_row(const char *row)
{
    g_auto(GStrv) words = g_strsplit(row, " ", -1);
    g_autoptr(GPtrArray) cells = g_ptr_array_new();

    for (guint i = 0; words[i]; i++) {
        if (*words[i])
            g_ptr_array_add(cells, g_strdup(words[i]));
    }
    if (cells->len != N_STATES)
        g_error("\"%s\" has %u columns, not %d", row, cells->len, N_STATES);
    g_ptr_array_add(cells, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&cells), FALSE);
}

/* ---- Guests ---- */

static VhLabGuest *launch(States *states, const VhLabGuestSpec *spec)
{
    g_autoptr(GError) error = NULL;
    VhLabGuest *guest = vh_lab_guest_launch(states->daemon.lab, spec, &error);

    if (!guest)
        g_error("%s: %s", spec->name, error->message);
    return guest;
}

static void launch_all(States *states)
{
    g_autofree char *module = driver_module("6.1");
    VhLabGuestSpec spec = {.memory_bytes = MEMORY_BYTES, .stats_period_s = 1};

    spec.name = "pulse";
    states->pulse = launch(states, &spec);
    spec.name = "none";
    spec.no_balloon = TRUE;
    states->none = launch(states, &spec);
    spec.name = "soft";
    spec.no_balloon = FALSE;
    spec.emulator = device_patched_qemu();
    spec.reporting = TRUE;
    spec.extra_xml = VH_LAB_PASSES_XML;
    states->soft = launch(states, &spec);
    spec.name = "native";
    spec.kernel = "6.1";
    spec.balloon_module = module;
    states->native = launch(states, &spec);
}

static virDomainPtr domain_of(VhLabGuest *guest)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);

    g_assert_no_error(error);
    return domain;
}

static void define(virConnectPtr connection, const char *xml)
{
    g_autoptr(virDomain) domain = virDomainDefineXML(connection, xml);

    if (!domain)
        g_error("%s\n%s", virGetLastErrorMessage(), xml);
}

static char *replace(const char *text, const char *pattern, const char *by)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);

    g_assert_true(g_regex_match(regex, text, 0, NULL));
    return g_regex_replace_literal(regex, text, -1, 0, by, 0, NULL);
}

/* The guest gets a definition that stays, and a twin of that name which never runs. */
static void define_both(States *states)
{
    g_autoptr(virDomain) domain = domain_of(states->native);
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);

    g_assert_nonnull(xml);
    g_autofree char *nameless = replace(xml, "<uuid>[^<]*</uuid>", "");
    g_autofree char *twin = replace(nameless, "<name>native</name>", "<name>off</name>");

    define(virDomainGetConnect(domain), xml);
    define(virDomainGetConnect(domain), twin);
    free(xml);
}

gboolean states_set_up(States *states)
{
    g_autoptr(GError) error = NULL;

    memset(states, 0, sizeof(*states));
    if (driver_is_skipped())
        return FALSE;
    daemon_fixture_set_up(&states->daemon, NULL);
    launch_all(states);
    VhLabGuest *const guests[] = {states->native, states->none, states->pulse, states->soft};
    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        if (!vh_lab_guest_wait_ready(guests[i], VH_LAB_TIMEOUT_MS, &error))
            g_error("%s", error->message);
    }
    define_both(states);
    daemon_fixture_work(states->native, KEEP);
    return TRUE;
}

static void undefine(States *states, const char *name)
{
    g_autoptr(GError) error = NULL;
    virConnectPtr connection = vh_lab_connection(states->daemon.lab, &error);
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, name);

    g_assert_nonnull(domain);
    g_assert_cmpint(virDomainUndefine(domain), ==, 0);
}

void states_tear_down(States *states)
{
    if (!states->native)
        return;
    daemon_fixture_work(states->native, VERIFY);
    undefine(states, "off");
    undefine(states, "native");
    vh_lab_guest_free(states->native);
    vh_lab_guest_free(states->none);
    vh_lab_guest_free(states->pulse);
    vh_lab_guest_free(states->soft);
    if (states->there)
        vh_lab_free(states->there);
    daemon_fixture_tear_down(&states->daemon, NULL);
}

/* ---- States ---- */

static gboolean has_job(virDomainPtr domain)
{
    virDomainJobInfo job;

    g_assert_cmpint(virDomainGetJobInfo(domain, &job), ==, 0);
    return job.type != VIR_DOMAIN_JOB_NONE;
}

static void begin_migration(States *states)
{
    const VhLabMigrationSpec spec = {.is_live = TRUE, .bandwidth_mib_s = SLOWLY_MIB_S};
    g_autoptr(virDomain) domain = domain_of(states->native);
    g_autoptr(GError) error = NULL;

    if (!states->there)
        states->there = vh_lab_peer_open(states->daemon.lab, &error);
    g_assert_no_error(error);
    states->migration = vh_lab_migration_start(states->native, states->there, &spec, &error);
    g_assert_no_error(error);
    while (!has_job(domain))
        g_usleep(LOOK_US);
}

static void end_migration(States *states)
{
    g_autoptr(GError) error = NULL;

    /* Else not all of it was tried in that state. */
    g_assert_false(vh_lab_migration_has_ended(states->migration));
    if (!vh_lab_migration_abort(states->migration, &error))
        g_error("%s", error->message);
    g_assert_false(vh_lab_migration_wait(states->migration, &error));
}

void states_enter(States *states, State state)
{
    g_autoptr(virDomain) domain = domain_of(states->native);
    g_autoptr(GError) error = NULL;

    if (state == STATE_PAUSED)
        g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    else if (state == STATE_MIGRATING)
        begin_migration(states);
    else if (state == STATE_HUNG && !vh_lab_guest_hang(states->native, &error))
        g_error("%s", error->message);
}

void states_leave(States *states, State state)
{
    g_autoptr(virDomain) domain = domain_of(states->native);
    g_autoptr(GError) error = NULL;

    if (state == STATE_PAUSED)
        g_assert_cmpint(virDomainResume(domain), ==, 0);
    else if (state == STATE_MIGRATING)
        end_migration(states);
    else if (state == STATE_HUNG && !vh_lab_guest_unhang(states->native, &error))
        g_error("%s", error->message);
}
