/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections that come and go: a watch for each socket that is discovered, among those of a
 * session. Decides when one begins and ends, and which of its events are worth a line; must not
 * know what a session does with its watches. Lives on the default main context.
 */
#pragma once

#include "vh-discover.h"
#include "vh-watch.h"

G_BEGIN_DECLS

typedef struct VhFollow VhFollow;

typedef struct {
    VhWatch *(*open)(VhSocket *socket, gpointer data);
    /* There is something to apply. */
    void (*changed)(gpointer data);
    void (*event)(const char *uri, VhWatchEvent event, const char *text, gpointer data);
} VhFollowCallbacks;

/* Takes `discover`. `watches` (of VhWatch *, which it owns) is borrowed. */
VhFollow *vh_follow_new(VhDiscover *discover, GPtrArray *watches,
                        const VhFollowCallbacks *callbacks, gpointer data);
/* The watches stay. NULL-safe, as all of these are. */
void vh_follow_free(VhFollow *follow);

/* Looks for sockets, in the background. */
void vh_follow_look(VhFollow *follow);

/*
 * Adds watches for what was found and frees those of what is gone, each with an event. While no
 * poll is under way, and not from within an event of a watch. Whether there was anything.
 */
gboolean vh_follow_apply(VhFollow *follow);

/* Whether it has looked, and of all that was found it is known who answers. Without anything to
 * follow: TRUE. */
gboolean vh_follow_is_ready(const VhFollow *follow);

/* Whether a watch was discovered. */
gboolean vh_follow_owns(const VhFollow *follow, const VhWatch *watch);

/*
 * To be asked of each event of a watch: whether it is to be told now. The loss of a connection is
 * not, until it is known whether its socket is gone for good: then that is told instead.
 */
gboolean vh_follow_tells(VhFollow *follow, const VhWatch *watch, VhWatchEvent event,
                         const char *text);

G_END_DECLS
