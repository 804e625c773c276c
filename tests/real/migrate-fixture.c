/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests on two hosts. */
#include "migrate-fixture.h"

#include <string.h>

#define SLOWLY_MIB_S 2
#define LOOK_US (2 * VH_MS)

static const char *live_qemu(void)
{
    const char *path = g_getenv("VH_QEMU_10");

    return path && *path ? path : NULL;
}

static const char *emulator_of(const MovingKind *kind)
{
    switch (kind->emulator) {
    case MOVING_STOCK:
        return device_stock_qemu();
    case MOVING_PATCHED:
        return device_patched_qemu();
    case MOVING_LIVE:
        break;
    }
    return live_qemu();
}

static gboolean is_skipped(const MovingKind *kind, gboolean has_module)
{
    if (has_module && driver_is_skipped())
        return TRUE;
    if (emulator_of(kind))
        return FALSE;
    if (kind->emulator == MOVING_LIVE)
        g_test_skip("no QEMU that can move a guest of TCG's while it runs: tools/qemu-build "
                    "--version 10.0 makes one, and VH_QEMU_10 names it");
    else
        g_test_skip("no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
    return TRUE;
}

gboolean moving_start(Moving *moving, const MovingKind *kind, gboolean has_module,
                      DeviceOptions options)
{
    g_autoptr(GError) error = NULL;

    memset(moving, 0, sizeof(*moving));
    if (is_skipped(kind, has_module))
        return FALSE;
    options.emulator = emulator_of(kind);
    options.memfd = kind->memfd;
    options.no_thp = kind->no_thp;
    options.reporting = options.properties = kind->emulator != MOVING_STOCK;
    options.stats_period_s = 1;
    if (!options.memory_bytes)
        options.memory_bytes = VH_GIB;
    moving->is_live = kind->emulator == MOVING_LIVE;
    /* libvirt 9.0 has an option for guests without it that QEMU 9.0 has dropped. */
    options.acpi = moving->is_live;
    if (has_module)
        driver_start(&moving->device, "6.1", options);
    else
        device_start(&moving->device, &options);
    moving->there = vh_lab_peer_open(moving->device.lab, &error);
    g_assert_no_error(error);
    return TRUE;
}

void moving_stop(Moving *moving)
{
    if (!moving->there)
        return;
    device_stop(&moving->device);
    vh_lab_free(moving->there);
    moving->there = NULL;
}

static VhLabMigration *begin(Moving *moving, VhLab *to, gboolean is_live, guint mib_s)
{
    const VhLabMigrationSpec spec = {.is_live = is_live, .bandwidth_mib_s = mib_s};
    g_autoptr(GError) error = NULL;
    VhLabMigration *migration = vh_lab_migration_start(moving->device.guest, to, &spec, &error);

    g_assert_no_error(error);
    return migration;
}

static void end(Moving *moving, VhLabMigration *migration)
{
    g_autoptr(GError) error = NULL;

    if (!vh_lab_migration_wait(migration, &error)) {
        g_autofree char *log = vh_lab_guest_log(moving->device.guest);

        g_error("%s: %s\n%s", moving->device.name, error->message, log);
    }
    virDomainFree(moving->device.domain);
    moving->device.domain = vh_lab_guest_domain(moving->device.guest, &error);
    g_assert_no_error(error);
}

static gboolean is_under_way(Moving *moving)
{
    g_autoptr(JsonObject) info =
        device_command(&moving->device, "{\"execute\": \"query-migrate\"}");

    return g_str_equal(json_object_get_string_member_with_default(info, "status", ""), "active");
}

VhLabMigration *moving_begin(Moving *moving, gboolean is_live)
{
    VhLabMigration *migration = begin(moving, moving->there, is_live, SLOWLY_MIB_S);

    while (!is_under_way(moving)) {
        g_assert_false(vh_lab_migration_has_ended(migration));
        g_usleep(LOOK_US);
    }
    return migration;
}

void moving_arrive(Moving *moving, VhLabMigration *migration)
{
    g_autoptr(GError) error = NULL;

    if (!vh_lab_migration_hurry(migration, &error))
        g_error("%s", error->message);
    end(moving, migration);
}

void moving_stay(Moving *moving, VhLabMigration *migration)
{
    g_autoptr(GError) error = NULL;

    if (!vh_lab_migration_abort(migration, &error))
        g_error("%s", error->message);
    g_assert_false(vh_lab_migration_wait(migration, &error));
    g_test_message("given up: %s", error->message);
}

void moving_go(Moving *moving, VhLab *to)
{
    end(moving, begin(moving, to, moving->is_live, 0));
}

virDomainPtr moving_domain(Moving *moving, VhLab *host)
{
    virConnectPtr connection = virConnectOpen(vh_lab_uri(host));
    virDomainPtr domain;

    g_assert_nonnull(connection);
    domain = virDomainLookupByUUIDString(connection, vh_lab_guest_uuid(moving->device.guest));
    /* The domain holds it from here on. */
    virConnectClose(connection);
    return domain;
}

void moving_leave(virDomainPtr domain)
{
    virDomainFree(domain);
}
