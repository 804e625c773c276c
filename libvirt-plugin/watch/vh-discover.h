/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the sockets of libvirt daemons by patterns over paths, again and again: one for each pod of
 * a node, say. What it walks is written by others, so it looks in a thread of its own, follows no
 * link out of the place where it looks, and stops at a number. Must not connect to anything.
 */
#pragma once

#include "vh-socket.h"
#include "vh-watch.h"

G_BEGIN_DECLS

/* More connections are not followed: each costs threads and descriptors. */
#define VH_DISCOVER_SOCKETS_MAX 512
/* One look reads no more names of files than this. */
#define VH_DISCOVER_NAMES_MAX 200000

typedef struct VhDiscover VhDiscover;

/* What one look found. */
typedef struct {
    GPtrArray *sockets; /* VhSocket; in the order of the patterns, then of the paths. The same
                           socket under two paths is there once. */
    guint n_left_out;   /* sockets beyond VH_DISCOVER_SOCKETS_MAX */
    gboolean is_cut;    /* there were more names than VH_DISCOVER_NAMES_MAX */
} VhDiscovered;

/*
 * Patterns, NULL-terminated, at least one. Each is an absolute path with *, ? and [] in its names,
 * for connections to qemu:///session, or a URI that ends in "socket=" and such a path:
 * "qemu+unix:///system?socket=/run/pods/(any)/libvirt-sock". Below the first name with a wildcard
 * no link leads out of what it stands for; in /proc/(any)/root/ links are followed as that process
 * would. VH_ERROR_INVALID: a pattern makes no sense; VH_ERROR_UNSUPPORTED: the kernel, or a
 * sandbox, does not let them be walked safely.
 */
VhDiscover *vh_discover_new(const char *const *patterns, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does not wait for a look that is under way. NULL-safe. */
void vh_discover_free(VhDiscover *discover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDiscover, vh_discover_free)

/* Looks now. Blocks as long as the file system does. The result is the caller's. */
VhDiscovered *vh_discover_look(const VhDiscover *discover);
void vh_discovered_free(VhDiscovered *discovered);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDiscovered, vh_discovered_free)

/* Takes nothing: the result is valid for the call. */
typedef void (*VhDiscoverFunc)(const VhDiscovered *discovered, gpointer data);

/*
 * Looks in a thread, and calls func(result, data) from the default main context. While a look is
 * under way, asking again changes nothing; whether one was started.
 */
gboolean vh_discover_start(VhDiscover *discover, VhDiscoverFunc func, gpointer data);

/* As vh_watch_new(), for the daemon behind a socket that was found: options->uri is its name only.
 * NULL: by the URI. */
VhWatch *vh_watch_new_at(VhSocket *socket, const VhWatchOptions *options,
                         const VhWatchCallbacks *callbacks, gpointer data);

G_END_DECLS
