/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the lab's library share and its users must not see. */
#pragma once

#include "vh-lab.h"

G_BEGIN_DECLS

#define VH_LAB_DEFAULT_WORKER "main"
#define VH_LAB_CHANNEL_NAME "org.virthint.lab" /* the agent looks for the port of this name */

typedef struct VhLabChannel VhLabChannel;

struct VhLab {
    char *dir;
    char *uri;
    virConnectPtr connection;
    char *first_dir; /* of a second host: the first one's directory; else NULL */
};

struct VhLabGuest {
    VhLab *lab;
    char *name;
    char uuid[VIR_UUID_STRING_BUFLEN];
    pid_t pid;
    char *socket; /* of the agent's channel, where it is not the one of a domain */
    gint64 launched_us;
    gint64 boot_us;
    VhLabChannel *channel; /* NULL until it is needed */
    VhLabChannel *next;    /* the one of a QEMU that it will move to */
};

/* libvirt's last error as ours: the code that fits, "what: message". */
void vh_lab_set_libvirt_error(GError **error, const char *what);

/* A path below dir/guests: NAME and a suffix such as ".sock". Free with g_free(). */
char *vh_lab_guest_path(const VhLab *lab, const char *name, const char *suffix);

/* QEMU's process, which libvirt keeps in a file of its own; -1: none. */
pid_t vh_lab_guest_read_pid(const VhLab *lab, const char *name);

/* A guest's sparse disk: open here until QEMU has it open. */
typedef struct {
    int fd;            /* -1: none */
    char *path;        /* as QEMU opens it */
    gboolean unlink;   /* the path is a name that has to go */
    const char *cache; /* libvirt's word for it */
} VhLabDisk;

/*
 * Makes a disk of spec.disk_bytes with an empty ext4: a file without a name beside the cached
 * kernels, used with O_DIRECT, so that it takes no host memory and disturbs no measurement of it.
 * Where that file system can do neither, a file in the lab's tmpfs.
 */
gboolean vh_lab_disk_make(const VhLab *lab, const VhLabGuestSpec *spec, VhLabDisk *ret_disk,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_lab_disk_clear(VhLabDisk *disk);

/* Thousands of ticks a second of this host's time stamp counter, measured once (20 ms); 0 where it
 * has none that runs steadily. */
guint64 vh_lab_clock_tsc_khz(void);

/* What every guest's kernel is told, and the spec's own arguments. Free with g_free(). */
char *vh_lab_kernel_args(const VhLabGuestSpec *spec);

/* VH_ERROR_INVALID with what would be right. */
gboolean vh_lab_check_spec(const VhLabGuestSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The domain XML of a spec; the caller has resolved kernel, initramfs and disk. VH_ERROR_INVALID
 * where the spec makes no sense. Free with g_free(). */
char *vh_lab_guest_xml(const VhLab *lab, const VhLabGuestSpec *spec, const char *kernel_dir,
                       const char *initramfs, const VhLabDisk *disk,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The program to start as QEMU: the spec's, or the one in PATH; without huge pages where the spec
 * wants none. Free with g_free(). */
char *vh_lab_emulator(const VhLab *lab, const VhLabGuestSpec *spec,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

guint64 vh_lab_spec_memory(const VhLabGuestSpec *spec);
guint64 vh_lab_spec_max_memory(const VhLabGuestSpec *spec);

/*
 * The connection to a guest's agent: requests by ID, answers kept till somebody takes them.
 * Connecting does not wait for the agent.
 */
VhLabChannel *vh_lab_channel_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_lab_channel_free(VhLabChannel *channel);

/* Sends a request; its ID, from 1. 0 with the reason. */
guint64 vh_lab_channel_send(VhLabChannel *channel, const char *verb, const char *worker,
                            const char *payload, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Takes the next answer to `id`: its verb ("ready", "report", "interim", "refused") and text.
 * `want_interim` FALSE leaves interim answers alone. VH_ERROR_TIMEOUT at `deadline_us` (monotonic),
 * VH_ERROR_GONE where the other side closes.
 */
gboolean vh_lab_channel_take(VhLabChannel *channel, guint64 id, gboolean want_interim,
                             gint64 deadline_us, char **ret_verb, char **ret_text,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Goes on with another channel to the same agent, which it frees: what is still to be read of the
 * old one comes first, and everything that was asked for may be answered on the new one. */
void vh_lab_channel_switch(VhLabChannel *channel, VhLabChannel *next);

/* Forgets all answers to `id`, those to come too. */
void vh_lab_channel_forget(VhLabChannel *channel, guint64 id);

/* Makes the channel of a guest where there is none yet. */
gboolean vh_lab_guest_connect(VhLabGuest *guest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A report from the agent's text, which it copies. VH_ERROR_PROTOCOL where it makes no sense. */
VhLabReport *vh_lab_report_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
