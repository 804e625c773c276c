/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest lab, for test programs, the demo and benchmarks that run inside `virthint-lab run`:
 * boots real guests on the lab's private libvirtd, drives work inside them, measures them from the
 * outside, and breaks them on purpose. It knows nothing of asks, policies or the daemon.
 *
 * Not thread-safe: one thread uses a VhLab and its guests at a time. Every call may block for the
 * time of a libvirt call; those that wait for a guest say so and take a timeout.
 */
#pragma once

#include <libvirt/libvirt.h>
#include <sys/types.h>

#include "vh-error.h"

G_BEGIN_DECLS

typedef struct VhLab VhLab;
typedef struct VhLabGuest VhLabGuest;
typedef struct VhLabWork VhLabWork;

/* Generous bound for anything a test waits for: it guards against hanging, it measures nothing. */
#define VH_LAB_TIMEOUT_MS 120000

/* ---- The lab ---- */

/*
 * Connects to the lab this process runs in (VH_LAB_DIR, VH_LAB_URI). VH_ERROR_UNSUPPORTED outside
 * of one, with the command that makes one. From then on this process ignores SIGPIPE, which a
 * libvirt client would die of when its libvirtd is killed, and libvirt prints no errors by itself.
 */
VhLab *vh_lab_open(GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_lab_free(VhLab *lab); /* the guests' handles must be gone before */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhLab, vh_lab_free)

const char *vh_lab_dir(const VhLab *lab);
const char *vh_lab_uri(const VhLab *lab);

/* The lab's own connection, opened again where it was lost; borrowed. NULL with the reason. */
virConnectPtr vh_lab_connection(VhLab *lab, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The process of the lab's libvirtd, or -1 where none runs. */
pid_t vh_lab_libvirtd_pid(const VhLab *lab);

/* SIGKILL, and blocks till it is gone. Its guests live on. Nothing starts it again but _start. */
gboolean vh_lab_libvirtd_kill9(VhLab *lab, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Starts it and blocks till it answers. */
gboolean vh_lab_libvirtd_start(VhLab *lab, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * A second host inside of the lab, for migrations: another libvirtd with a host name and UUID, a
 * directory, guests and a URI of its own, that shares the first one's processes, files and network.
 * All that takes a VhLab takes it, too. Started where it does not run yet; vh_lab_free() lets go of
 * the handle, and the libvirtd goes with the lab, or by _kill9.
 */
VhLab *vh_lab_peer_open(const VhLab *lab, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Starts a program as a child of this process that ends with it (SIGTERM), its stdout and stderr
 * appended to `log` (a name in the lab's directory; NULL: this process's own). `environment` has
 * "NAME=value" strings to add, NULL-terminated, or is NULL. End it with vh_lab_stop().
 */
gboolean vh_lab_spawn(const VhLab *lab, const char *const *argv, const char *const *environment,
                      const char *log, pid_t *ret_pid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends `sig` to a child (0: none) and blocks till it has ended; the wait status. VH_ERROR_TIMEOUT
 * when it has not within timeout_ms. */
gboolean vh_lab_stop(pid_t pid, int sig, guint timeout_ms, int *ret_wait_status,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- Host numbers ---- */

typedef struct {
    guint64 total_bytes;
    guint64 free_bytes;
    guint64 per_cpu_bytes; /* free too, but on the kernel's per-CPU lists: MemFree leaves it out */
    guint64 available_bytes;
    guint64 cached_bytes;
} VhLabHostMemory;

/* From /proc/meminfo, and /proc/zoneinfo for the per-CPU lists. */
gboolean vh_lab_host_memory(VhLabHostMemory *ret_memory, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- Guests ---- */

/* What a guest is like; zero means the sensible default that is said here. */
typedef struct {
    const char *name;           /* required; letters, digits, '-', '_' and '.' */
    guint64 memory_bytes;       /* 512 MiB: what it has at the start */
    guint64 max_memory_bytes;   /* memory_bytes: what it sees without a balloon */
    guint vcpus;                /* 1 */
    const char *kernel_args;    /* none: appended to the lab's own */
    const char *emulator;       /* the qemu-system-x86_64 in PATH */
    const char *kernel;         /* default: see vh_lab_images_kernel() */
    const char *balloon_module; /* the kernel's own: a .ko file to load in its place */
    gboolean no_autodeflate;    /* autodeflate (deflate-on-oom) is on */
    gboolean reporting;         /* free page reporting is off */
    gboolean no_balloon;        /* there is a balloon device */
    gboolean no_driver;         /* the guest loads its balloon driver */
    gboolean memfd;             /* a shared memfd; anonymous memory otherwise */
    gboolean acpi;              /* no ACPI, which takes the guest long to boot */
    gboolean restarts;          /* a reset ends the guest */
    gboolean no_thp;            /* QEMU's memory may be huge pages, as the host decides */
    const char *metadata_xml;   /* none: put inside <metadata>, as it is */
    const char *extra_xml;      /* none: put inside <domain>, as it is (such as qemu:override) */
    guint stats_period_s;       /* not set, as most hosts have it */
    guint64 disk_bytes;         /* no disk; sparse, with an empty ext4 on it */
} VhLabGuestSpec;

/*
 * For VhLabGuestSpec.extra_xml, with `reporting` and a patched emulator: passes on request. libvirt
 * does not know the property: it goes through its override of the device's options.
 */
#define VH_LAB_PASSES_XML                                             \
    "<qemu:override><qemu:device alias='balloon0'><qemu:frontend>"    \
    "<qemu:property name='reporting-ctrl' type='bool' value='true'/>" \
    "</qemu:frontend></qemu:device></qemu:override>"

/*
 * Defines and starts a transient domain, and returns once QEMU runs; several guests boot at once
 * when they are launched one after another and then waited for. Free with vh_lab_guest_free().
 */
VhLabGuest *vh_lab_guest_launch(VhLab *lab, const VhLabGuestSpec *spec,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Blocks till the guest's agent answers; up to timeout_ms. VH_ERROR_GONE, with the last line of the
 * guest's console, where it ended instead. */
gboolean vh_lab_guest_wait_ready(VhLabGuest *guest, guint timeout_ms,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Both: launch, and wait for up to VH_LAB_TIMEOUT_MS. */
VhLabGuest *vh_lab_guest_start(VhLab *lab, const VhLabGuestSpec *spec,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A handle on a guest that runs already. A guest's agent serves one handle at a time: while another
 * process holds one, requests wait. */
VhLabGuest *vh_lab_guest_find(VhLab *lab, const char *name,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the guest (destroyed, or killed where libvirtd is not there) and frees the handle. */
void vh_lab_guest_free(VhLabGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhLabGuest, vh_lab_guest_free)

/*
 * A handle on a QEMU that the caller has started without libvirt, such as the other side of a
 * migration: its process, and the socket on which it serves the agent's channel. To be freed with
 * vh_lab_guest_leave(), before the caller ends the process; no domain, no log.
 */
VhLabGuest *vh_lab_guest_adopt(VhLab *lab, const char *name, pid_t pid, const char *socket);

/*
 * The handle follows its guest to another QEMU. _announce, before a migration begins, connects to
 * the channel there, so that the guest never sees its host go away; _moved, once the guest runs
 * there, goes on with it, reports that are waited for included. Requests must not be made in
 * between. _stayed is for a migration that came to nothing.
 */
gboolean vh_lab_guest_announce(VhLabGuest *guest, const char *socket,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_lab_guest_moved(VhLabGuest *guest, pid_t pid, const char *socket);
void vh_lab_guest_stayed(VhLabGuest *guest);

typedef struct VhLabMigration VhLabMigration;

typedef struct {
    gboolean is_live;      /* the guest runs on meanwhile; otherwise it is stopped for it */
    guint bandwidth_mib_s; /* 0: as fast as it goes */
} VhLabMigrationSpec;

/*
 * Moves a guest without a disk to the other libvirtd (vh_lab_peer_open()), or back, as a thread of
 * this process; blocks till the other side awaits it. No requests to the guest from here on, but
 * reports that are waited for come. A QEMU before 9.0 loses memory of guests that are moved live
 * under TCG (docs/lab.md).
 */
VhLabMigration *vh_lab_migration_start(VhLabGuest *guest, VhLab *there,
                                       const VhLabMigrationSpec *spec,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether it is over; does not block. */
gboolean vh_lab_migration_has_ended(const VhLabMigration *migration);

/* Lifts the limit of its bandwidth; gives it up, so that the guest stays. Both block till libvirt
 * has taken that, and succeed also where it is over. */
gboolean vh_lab_migration_hurry(VhLabMigration *migration,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_lab_migration_abort(VhLabMigration *migration,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Blocks till it is over, and frees it. Where it succeeded the handle is one of the guest that runs
 * there now; otherwise, with libvirt's reason, of the one that stayed.
 */
gboolean vh_lab_migration_wait(VhLabMigration *migration, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Both. */
gboolean vh_lab_guest_migrate(VhLabGuest *guest, VhLab *there, const VhLabMigrationSpec *spec,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Frees the handle only: the guest runs on. */
void vh_lab_guest_leave(VhLabGuest *guest);

const char *vh_lab_guest_name(const VhLabGuest *guest);
const char *vh_lab_guest_uuid(const VhLabGuest *guest);
pid_t vh_lab_guest_pid(const VhLabGuest *guest);

/* What the guest's console and QEMU printed, so far. Free with g_free(). */
char *vh_lab_guest_log(const VhLabGuest *guest);

/* A fresh handle from the lab's connection. Free with virDomainFree(). */
virDomainPtr vh_lab_guest_domain(VhLabGuest *guest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* From launch to the agent's first answer; 0 before that. */
gint64 vh_lab_guest_boot_us(const VhLabGuest *guest);

/* ---- Work in a guest ---- */

typedef enum {
    VH_LAB_WORK_OK,     /* the program came to its end */
    VH_LAB_WORK_ERROR,  /* it stopped at an operation that failed: message */
    VH_LAB_WORK_KILLED, /* the guest's kernel killed the worker (out of memory): message */
} VhLabWorkStatus;

typedef struct {
    char *name;
    guint64 bytes; /* that hold the pattern */
} VhLabRegion;

typedef struct {
    guint64 start; /* guest-physical, bytes */
    guint64 bytes;
} VhLabRange;

/* Counters are those of the program; memory and oom_kills those of the guest. */
typedef struct {
    VhLabWorkStatus status;
    char *message; /* NULL where the status is OK */
    gint64 elapsed_us;
    guint64 mem_total_bytes, mem_free_bytes, mem_available_bytes, mem_cached_bytes;
    guint64 mem_anon_bytes, mem_anon_huge_bytes;
    guint64 oom_kills; /* since boot */
    guint64 touched_pages, verified_pages, corrupt_pages, corrupt_bytes;
    guint64 churned_bytes, cached_bytes, alloc_failures;
    gint64 stall_max_us; /* the longest that 32 pages took to be touched or verified */
    GArray *regions;     /* of VhLabRegion: the worker's, after the program */
    GArray *ranges;      /* of VhLabRange: what locate found */
    char *text;          /* all of it, as the guest sent it */
} VhLabReport;

void vh_lab_report_free(VhLabReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhLabReport, vh_lab_report_free)

/* Ended well, checked at least one page, and found each as it should be. */
gboolean vh_lab_report_is_intact(const VhLabReport *report);

/*
 * Runs a program (docs/lab.md) in the guest and blocks till it ends. A program that fails, or is
 * killed, is a success of this call: look at the report. VH_ERROR_INVALID where the program is
 * wrong (found before anything is sent), VH_ERROR_TIMEOUT where the guest has not answered within
 * timeout_ms (it goes on with it), VH_ERROR_BUSY where the worker is at another program.
 */
gboolean vh_lab_guest_work(VhLabGuest *guest, const char *program, guint timeout_ms,
                           VhLabReport **ret_report, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same without waiting, in a worker of its own name (NULL: "main"): workers have regions of
 * their own and run side by side. Free the work with vh_lab_work_free(), before the guest.
 */
VhLabWork *vh_lab_guest_work_start(VhLabGuest *guest, const char *worker, const char *program,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Blocks for the final report; as vh_lab_guest_work(). To be called until it gives one, once. */
gboolean vh_lab_work_wait(VhLabWork *work, guint timeout_ms, VhLabReport **ret_report,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Blocks for the next report that a `report` operation sends, or for the final one, which is then
 * also there for vh_lab_work_wait(). */
gboolean vh_lab_work_wait_interim(VhLabWork *work, guint timeout_ms, VhLabReport **ret_report,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the `stress` operation that a worker (NULL: "main") is at, as if its time were over; what it
 * has to report is waited for as ever. VH_ERROR_FAILED where the worker is at nothing. */
gboolean vh_lab_guest_stop_stress(VhLabGuest *guest, const char *worker,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

void vh_lab_work_free(VhLabWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhLabWork, vh_lab_work_free)

/* The guest's own memory numbers (the mem_ members and oom_kills), also while it works. */
gboolean vh_lab_guest_status(VhLabGuest *guest, guint timeout_ms, VhLabReport **ret_report,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- Files in a guest ---- */

/*
 * What a file of the guest's has to say now, such as a counter in /sys: text, up to 1 MiB. Of
 * /dev/kmsg it is all of the kernel's log. Free with g_free(). VH_ERROR_FAILED where the guest's
 * kernel refuses, with what it says.
 */
char *vh_lab_guest_read_file(VhLabGuest *guest, const char *path,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes `text` to a file that is there, in one call, and blocks till the guest's kernel has taken
 * it; the agent does nothing else meanwhile, but its workers do. As _read_file(). */
gboolean vh_lab_guest_write_file(VhLabGuest *guest, const char *path, const char *text,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What in a line of /dev/kmsg, or of the console, the guest's kernel should not have to say: a
 * warning, an oops, a stall, memory that it could not get, ...; its text. NULL where it is none. */
const char *vh_lab_log_complaint(const char *line);

/* Unloads a kernel module, and loads again one that the image carries, such as "virtio_balloon".
 * As _write_file(). */
gboolean vh_lab_guest_load_module(VhLabGuest *guest, const char *name,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_lab_guest_unload_module(VhLabGuest *guest, const char *name,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- Measured from the outside ---- */

typedef struct {
    guint64 resident_bytes;  /* Rss of smaps_rollup: with QEMU's own files */
    guint64 anonymous_bytes; /* Anonymous of smaps_rollup: guest memory, unless it is a memfd */
    guint64 shmem_bytes;     /* Pss_Shmem: guest memory that is a memfd */
    guint64 vm_rss_bytes;    /* VmRSS of status: what libvirt's rss shows */
} VhLabGuestMemory;

gboolean vh_lab_guest_memory(const VhLabGuest *guest, VhLabGuestMemory *ret_memory,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Anonymous and shmem bytes of QEMU: the guest's memory on the host. 0 where QEMU is gone. */
guint64 vh_lab_guest_rss_bytes(const VhLabGuest *guest);

/* CPU time QEMU has used since its start, all threads, user and system. 0 where it is gone. */
gint64 vh_lab_guest_cpu_us(const VhLabGuest *guest);

/*
 * Blocks till libvirt has balloon statistics that the guest made after this call (last-update
 * has whole seconds, so up to two periods and a second). Sets a period of 1 s where none is set.
 */
gboolean vh_lab_guest_wait_fresh_stats(VhLabGuest *guest, guint timeout_ms,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Blocks till the guest's memory on the host has moved by less than slack_bytes within
 * quiet_ms; ret_bytes (may be NULL) is what it then was.
 */
gboolean vh_lab_guest_settle(VhLabGuest *guest, guint64 slack_bytes, guint quiet_ms,
                             guint timeout_ms, guint64 *ret_bytes,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- Faults ---- */

/* SIGSTOP and SIGCONT to QEMU: its monitor stops answering. */
gboolean vh_lab_guest_hang(VhLabGuest *guest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_lab_guest_unhang(VhLabGuest *guest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SIGKILL to QEMU; blocks till the process is gone. */
gboolean vh_lab_guest_kill(VhLabGuest *guest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The planted fault, by which integrity checks are checked: throws away, on the host, the memory
 * under `bytes` (0: all) of a region of the worker "main" while the guest uses it, as a host would
 * that discards a page it was never told of. Only for guests with spec.memfd (VH_ERROR_UNSUPPORTED
 * otherwise). *ret_bytes is what was thrown away.
 */
gboolean vh_lab_guest_discard_used(VhLabGuest *guest, const char *region, guint64 bytes,
                                   guint64 *ret_bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
