/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A libvirt daemon's socket in a folder that somebody else writes to: a pod's. Its path is walked
 * again each time, so that no symbolic link can lead out of that folder, and the socket must be the
 * one that was found. Knows nothing of patterns. Private to watch/ and to who discovers.
 */
#pragma once

#include "vh-libvirt.h"

G_BEGIN_DECLS

/* Immutable, counted. */
typedef struct VhSocket {
    char *uri;              /* what it is known as; unique among those that are found */
    char *path;             /* the folder and the way in it: for people */
    char *root;             /* the folder that nothing leads out of */
    char *way;              /* the path in it, relative */
    gboolean is_other_root; /* the folder is some process's "/": links are followed as that one
                               would; else links that would leave it are refused */
    char *uri_before;       /* of the URI: what comes before the socket's path */
    guint64 device, inode;  /* of the socket */
} VhSocket;

/* Copies. `uri_before` ends in "socket=". */
VhSocket *vh_socket_new(const char *uri_before, const char *root, const char *way,
                        gboolean is_other_root, guint64 device, guint64 inode);
VhSocket *vh_socket_ref(VhSocket *socket);
/* NULL-safe. */
void vh_socket_unref(VhSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSocket, vh_socket_unref)

/*
 * Opens what `way` leads to below the folder `root_fd`, with the flags of open(2); -1 and errno.
 * ENOSYS before Linux 5.6.
 */
int vh_socket_walk(int root_fd, const char *way, gboolean is_other_root, int flags);

/*
 * As vh_libvirt_open(). With a socket it is that one which is connected to, whatever its path has
 * become meanwhile (GONE where it is not there any more); NULL: `uri` is. Blocks while connecting.
 */
virConnectPtr vh_socket_open(const VhSocket *socket, const char *uri, gboolean read_only,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
