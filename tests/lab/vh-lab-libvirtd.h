/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lab's own libvirtds: their files, their start, and whether they answer. Used by the
 * supervisor and by tests that end and start them; it knows nothing of guests.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Writes libvirtd.conf and qemu.conf below dir/config. Once per lab: the host's UUID is in it. */
gboolean vh_lab_libvirtd_configure(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For a libvirtd that is to be taken for another host's. */
typedef struct {
    const char *host_name; /* it has a dot; libvirt migrates to another name only */
    const char *from, *to; /* a folder, and which other one it sees there */
} VhLabLibvirtdHost;

/*
 * Starts it as a child of this process, in a session of its own; its log is dir/libvirtd.log.
 * `host` NULL: on this host, with this process's environment. Otherwise in namespaces of its own
 * (user, mount, UTS), with the XDG directories below `dir`.
 */
gboolean vh_lab_libvirtd_spawn(const char *dir, const VhLabLibvirtdHost *host, pid_t *ret_pid,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Blocks till a connection to `uri` opens: up to 30 s (VH_ERROR_TIMEOUT), but fails at once
 * (VH_ERROR_GONE, with the last line of its log) where process `pid` is gone.
 */
gboolean vh_lab_libvirtd_wait(const char *dir, const char *uri, pid_t pid,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
