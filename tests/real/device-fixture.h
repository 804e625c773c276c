/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest on the patched QEMU (or beside it on a stock one), its monitor commands through libvirt,
 * and what the host got back from it. For programs that run inside the lab.
 */
#pragma once

#include "vh-lab.h"
#include "vh-units.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct {
    const char *emulator;    /* NULL: the patched one */
    guint64 memory_bytes;    /* 0: 2 GiB */
    gboolean reporting;      /* free page reporting */
    gboolean properties;     /* reporting-ctrl and page-chunks; wants reporting */
    gboolean migration_pass; /* reporting-migration-pass; wants properties */
    gboolean hint;           /* free-page-hint, with an iothread */
    gboolean legacy;         /* has virtio's legacy interface only */
    const char *kernel, *kernel_args, *balloon_module; /* as in VhLabGuestSpec, like what follows */
    guint vcpus;
    guint64 disk_bytes;
    gboolean no_driver;
    gboolean no_thp;
    gboolean memfd;
    gboolean acpi;
    gboolean restarts;
    guint stats_period_s;
} DeviceOptions;

typedef struct {
    char name[32];
    VhLab *lab;
    VhLabGuest *guest;
    virDomainPtr domain;
} Device;

/* The emulators: $VH_QEMU, or NULL where it is not set; $VH_QEMU_STOCK, or Debian's. */
const char *device_patched_qemu(void);
const char *device_stock_qemu(void);

/* Boots a guest; fails the test where that fails. */
void device_start(Device *device, const DeviceOptions *options);
void device_stop(Device *device);

/* Runs a program; asserts that it ends well, that nothing was corrupted, and nobody was killed. */
VhLabReport *device_work_report(Device *device, const char *program);
void device_work(Device *device, const char *program);

/* What a monitor command returns; fails the test on an error. An object, or NULL where the command
 * returns none. Free with json_object_unref(). */
JsonObject *device_command(Device *device, const char *command) G_GNUC_WARN_UNUSED_RESULT;
/* The same for its effect alone. */
void device_execute(Device *device, const char *command);
/* The text of a command's error, or NULL where it succeeds. Free with g_free(). */
char *device_command_error(Device *device, const char *command) G_GNUC_WARN_UNUSED_RESULT;

/* query-balloon-reporting, and one number of its counters: "discarded", "skipped.disabled". */
JsonObject *device_query(Device *device) G_GNUC_WARN_UNUSED_RESULT;
guint64 device_counter(Device *device, const char *name);
/* Whether a list of it ("offered", "negotiated") has a feature. */
gboolean device_has_feature(Device *device, const char *list, const char *feature);
/* balloon-reporting-set. */
void device_set(Device *device, gboolean enabled);

/* Sets the balloon through libvirt, and blocks till it is there. Microseconds that it took. */
gint64 device_set_balloon(Device *device, guint64 bytes);
/* The same without waiting; where it is. */
void device_ask_balloon(Device *device, guint64 bytes);
guint64 device_balloon_bytes(Device *device);

/* Whether libvirt says that a monitor command was sent to the domain. */
gboolean device_is_tainted(virDomainPtr domain);

/* Free on the host, with the kernel's per-CPU lists. */
guint64 device_host_free(void);

/* Blocks till QEMU's memory is at most `bytes`, for up to VH_LAB_TIMEOUT_MS; where it ended. */
guint64 device_await_rss_below(Device *device, guint64 bytes);
/* Blocks till it has come to rest. */
guint64 device_settle(Device *device);
/* Blocks till `read` gives at least `least` for a name, for up to VH_LAB_TIMEOUT_MS; what it then
 * is. */
typedef guint64 (*DeviceRead)(Device *device, const char *name);
guint64 device_await(Device *device, DeviceRead read, const char *name, guint64 least);
/* Blocks till a counter is at least `bytes`, for up to VH_LAB_TIMEOUT_MS; what it then is. */
guint64 device_await_counter(Device *device, const char *name, guint64 least);

G_END_DECLS
