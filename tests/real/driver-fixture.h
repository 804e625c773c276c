/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests with our own balloon driver on our QEMU: how they are started, what the driver says of
 * itself in debugfs, passes, and the kernel's log. For programs that run inside the lab.
 */
#pragma once

#include "device-fixture.h"

G_BEGIN_DECLS

/* Of what is to come back, what has to be seen: the guest goes on using a little of it. */
#define DRIVER_MOST(bytes) ((bytes) / 10 * 9)

/* What a test of pieces of memory works with: a region to keep, with which it looks for damage, and
 * one that is allocated and given back. */
#define DRIVER_KEEP "seed 7\nalloc keep 60MiB\n"
#define DRIVER_ALLOC "alloc big 600MiB\n"
#define DRIVER_FREE "free big\n"
#define DRIVER_FREED_BYTES (600 * VH_MIB)
/* Of it, what is free in large blocks then: a part came from small ones, and goes back to them. */
#define DRIVER_FOUND_BYTES (500 * VH_MIB)

/* The largest block of a report: what Linux keeps in one piece on x86. */
#define DRIVER_BLOCK_BYTES (4 * VH_MIB)

/* Where there is no patched QEMU, or no built driver: marks the test as skipped, with the reason.
 */
gboolean driver_is_skipped(void);

/* The module for a kernel ("6.1"), in $VH_GUEST_MODULES; fails the test where it is not there. */
char *driver_module(const char *kernel);

/* The smallest granule that the driver can do: Linux before 6.2 takes the page itself for "as you
 * like". */
guint64 driver_min_granule(const char *kernel);

/* Boots a guest with our driver; `options` of what it is like but for kernel and module. Memory is
 * 1 GiB where they do not say. */
void driver_start(Device *device, const char *kernel, DeviceOptions options);
/* The same with the device of $VH_QEMU, and all that it can offer. */
void driver_start_whole(Device *device, const char *kernel, DeviceOptions options);

/* ---- What the guest shows ---- */

/* A file of the guest's; fails the test where it cannot be read, or written. */
char *driver_read(Device *device, const char *path);
void driver_write(Device *device, const char *path, const char *text);

/* The balloon's name on the guest's virtio bus, such as "virtio1"; NULL where it has none. */
char *driver_device_name(Device *device);
/* Whether the guest's driver has accepted a feature bit. */
gboolean driver_has_bit(Device *device, guint bit);
/* A line of the driver's counters in debugfs. */
guint64 driver_counter(Device *device, const char *key);
/* Blocks till it is at least that; what it then is. */
guint64 driver_await_counter(Device *device, const char *key, guint64 least);
/* Lets walks over the free lists take as long as they do: under TCG the smallest granule would
 * otherwise be too expensive. */
void driver_allow_long_walks(Device *device);

/* Lines of the kernel's log that have all of `word`. */
guint driver_log_lines(Device *device, const char *word);
/* Fails the test where the guest's kernel has had to complain (vh_lab_log_complaint()). */
void driver_assert_quiet(Device *device);

/* That, and that the region kept is as it was, and the driver has said one line since it came. */
void driver_assert_intact(Device *device);

/* ---- Passes ---- */

typedef struct {
    guint64 id;
    char status[16];
    guint64 granule; /* in force; 0: the driver has not said */
    guint64 reported_bytes, discarded_bytes;
    guint64 duration_us;
} DriverPass;

/* Asks for one, and returns its id. 0 for what is the default. */
guint64 driver_ask_pass(Device *device, guint64 limit_bytes, guint64 granule_bytes);
/* The last pass, as it is now. */
DriverPass driver_last_pass(Device *device);
/* Blocks till it has ended, which has to be the pass with this id. */
DriverPass driver_await_pass(Device *device, guint64 id);
/* Asks, waits for the end, and asserts its status. */
DriverPass driver_pass(Device *device, guint64 limit_bytes, guint64 granule_bytes,
                       const char *status);
void driver_cancel(Device *device);

/* Off, and then that many bytes free in pieces of 8 KiB beside a region "scattered", so that a pass
 * at the smallest granule takes its time. */
#define DRIVER_SCATTERED_BYTES (350 * VH_MIB)
void driver_scatter(Device *device);
/* Asks for such a pass, and blocks till the driver is at it, and far from its end. Its id. */
guint64 driver_begin_long_pass(Device *device, guint timeout_ms);

/* Switches continuous reporting, and blocks till the driver says so too. */
void driver_set(Device *device, gboolean enabled);

/* ---- Tests ---- */

typedef struct {
    const char *name;
    GTestDataFunc test; /* its data is the kernel */
    gboolean on_both;   /* kernels */
} DriverTest;

/* Adds them as /PROGRAM/KERNEL/NAME, and runs them. */
int driver_run_tests(const char *program, const DriverTest *tests, gsize n);

G_END_DECLS
