/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moving a guest from one of the lab's libvirtds to the other. The client drives it, on a thread of
 * its own, because libvirt tells of the end by returning; the handle on the guest follows.
 */
#include <libvirt/virterror.h>
#include <unistd.h>

#include "vh-lab-private.h"

#define POLL_US 2000
#define MS_US 1000
#define UNLIMITED_MIB_S 100000

struct VhLabMigration {
    VhLabGuest *guest;
    VhLab *there;
    virConnectPtr here_connection, there_connection; /* its own: they block as long as it lasts */
    virDomainPtr domain;
    VhLabMigrationSpec spec;
    char *stream;  /* the socket that the guest goes through */
    char *channel; /* of the guest's agent, there */
    GThread *thread;
    int has_ended; /* atomic */
    GError *error; /* the thread's, until it has ended */
};

static void migration_free(VhLabMigration *migration)
{
    if (migration->domain)
        virDomainFree(migration->domain);
    if (migration->here_connection)
        virConnectClose(migration->here_connection);
    if (migration->there_connection)
        virConnectClose(migration->there_connection);
    unlink(migration->stream);
    g_clear_error(&migration->error);
    g_free(migration->stream);
    g_free(migration->channel);
    g_free(migration);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhLabMigration, migration_free)

static gpointer migrate(gpointer data)
{
    VhLabMigration *migration = data;
    g_autofree char *uri = g_strconcat("unix://", migration->stream, NULL);
    virTypedParameterPtr parameters = NULL;
    int n = 0, room = 0;
    virDomainPtr moved = NULL;

    if (virTypedParamsAddString(&parameters, &n, &room, VIR_MIGRATE_PARAM_URI, uri) == 0 &&
        (migration->spec.bandwidth_mib_s == 0 ||
         virTypedParamsAddULLong(&parameters, &n, &room, VIR_MIGRATE_PARAM_BANDWIDTH,
                                 migration->spec.bandwidth_mib_s) == 0))
        moved = virDomainMigrate3(migration->domain, migration->there_connection, parameters,
                                  (unsigned)n, migration->spec.is_live ? VIR_MIGRATE_LIVE : 0);
    if (moved)
        virDomainFree(moved);
    else
        vh_lab_set_libvirt_error(&migration->error, "migration");
    virTypedParamsFree(parameters, n);
    g_atomic_int_set(&migration->has_ended, 1);
    return NULL;
}

/* The other side of the agent's channel is there before the guest moves, so that the guest never
 * sees its host go away. */
static void await_channel(VhLabMigration *migration)
{
    gint64 until_us = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * MS_US;

    while (!vh_lab_guest_announce(migration->guest, migration->channel, NULL) &&
           !vh_lab_migration_has_ended(migration) && g_get_monotonic_time() < until_us)
        g_usleep(POLL_US);
}

VhLabMigration *vh_lab_migration_start(VhLabGuest *guest, VhLab *there,
                                       const VhLabMigrationSpec *spec, GError **error)
{
    static guint serial;
    g_autoptr(VhLabMigration) migration = g_new0(VhLabMigration, 1);
    g_autofree char *suffix = g_strdup_printf("-%u.stream", serial++);

    migration->guest = guest;
    migration->there = there;
    migration->spec = *spec;
    migration->channel = vh_lab_guest_path(there, guest->name, ".sock");
    /* Not among the guests' files, of which each host sees its own. */
    g_autofree char *file = g_strconcat(guest->name, suffix, NULL);
    migration->stream = g_build_filename(guest->lab->dir, file, NULL);
    migration->here_connection = virConnectOpen(guest->lab->uri);
    migration->there_connection = virConnectOpen(there->uri);
    if (migration->here_connection)
        migration->domain = virDomainLookupByUUIDString(migration->here_connection, guest->uuid);
    if (!migration->domain || !migration->there_connection) {
        vh_lab_set_libvirt_error(error, "migration");
        return NULL;
    }
    if (!vh_lab_guest_connect(guest, error))
        return NULL;
    unlink(migration->channel);
    migration->thread = g_thread_new("migration", migrate, migration);
    await_channel(migration);
    return g_steal_pointer(&migration);
}

gboolean vh_lab_migration_has_ended(const VhLabMigration *migration)
{
    return g_atomic_int_get(&migration->has_ended) != 0;
}

/* Before QEMU has begun, libvirt knows of no migration that could be told anything. */
static gboolean tell(VhLabMigration *migration, int (*call)(virDomainPtr domain), const char *what,
                     GError **error)
{
    gint64 until_us = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * MS_US;

    while (!vh_lab_migration_has_ended(migration)) {
        if (call(migration->domain) == 0)
            return TRUE;
        if (g_get_monotonic_time() > until_us) {
            vh_lab_set_libvirt_error(error, what);
            return FALSE;
        }
        g_usleep(POLL_US);
    }
    return TRUE;
}

static int lift_limit(virDomainPtr domain)
{
    return virDomainMigrateSetMaxSpeed(domain, UNLIMITED_MIB_S, 0);
}

gboolean vh_lab_migration_hurry(VhLabMigration *migration, GError **error)
{
    return tell(migration, lift_limit, "bandwidth of a migration", error);
}

gboolean vh_lab_migration_abort(VhLabMigration *migration, GError **error)
{
    return tell(migration, virDomainAbortJob, "end of a migration", error);
}

gboolean vh_lab_migration_wait(VhLabMigration *migration, GError **error)
{
    g_autoptr(VhLabMigration) owned = migration;
    VhLabGuest *guest = migration->guest;

    g_thread_join(migration->thread);
    if (migration->error || !guest->next) {
        vh_lab_guest_stayed(guest);
        if (migration->error)
            g_propagate_error(error, g_steal_pointer(&migration->error));
        else
            g_set_error(error, VH_ERROR, VH_ERROR_GONE, "'%s' has no channel any more: %s",
                        guest->name, migration->channel);
        return FALSE;
    }
    guest->lab = migration->there;
    vh_lab_guest_moved(guest, vh_lab_guest_read_pid(guest->lab, guest->name), NULL);
    return TRUE;
}

gboolean vh_lab_guest_migrate(VhLabGuest *guest, VhLab *there, const VhLabMigrationSpec *spec,
                              GError **error)
{
    VhLabMigration *migration = vh_lab_migration_start(guest, there, spec, error);

    return migration && vh_lab_migration_wait(migration, error);
}
