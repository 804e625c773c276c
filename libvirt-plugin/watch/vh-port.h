/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way from any thread to the watch's own: closures that run in its main context, and are
 * dropped once the watch is gone. Private to watch/.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct VhPort VhPort;

/* `owner` is what closures are called with. */
VhPort *vh_port_new(GMainContext *context, gpointer owner);
VhPort *vh_port_ref(VhPort *port);
void vh_port_unref(VhPort *port);

/* From now on closures are dropped. In the context's thread. */
void vh_port_close(VhPort *port);

typedef void (*VhPortFunc)(gpointer owner, gpointer payload);

/* Runs func(owner, payload) in the context, then destroy(payload) (may be NULL) in any case. Any
 * thread. */
void vh_port_post(VhPort *port, VhPortFunc func, gpointer payload, GDestroyNotify destroy);

/* Threads that were left behind, stuck in a call, and have not come back yet. Any thread. */
void vh_port_add_stray(VhPort *port, int n);
int vh_port_count_strays(VhPort *port);

/* Those of all ports of the process, also of such as are closed. Any thread. */
int vh_port_count_all_strays(void);

G_END_DECLS
