/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closures into a main context. Owns the question whether the owner is still there; must not know
 * what is posted.
 */
#include "vh-port.h"

struct VhPort {
    int references; /* atomic */
    int strays;     /* atomic */
    GMainContext *context;
    gpointer owner; /* in the context's thread only; NULL once closed */
};

static int all_strays; /* atomic */

typedef struct {
    VhPort *port;
    VhPortFunc func;
    gpointer payload;
    GDestroyNotify destroy;
} Closure;

VhPort *vh_port_new(GMainContext *context, gpointer owner)
{
    VhPort *port = g_new0(VhPort, 1);

    port->references = 1;
    port->context = g_main_context_ref(context);
    port->owner = owner;
    return port;
}

VhPort *vh_port_ref(VhPort *port)
{
    g_atomic_int_inc(&port->references);
    return port;
}

void vh_port_unref(VhPort *port)
{
    if (!g_atomic_int_dec_and_test(&port->references))
        return;
    g_main_context_unref(port->context);
    g_free(port);
}

void vh_port_close(VhPort *port)
{
    port->owner = NULL;
}

static gboolean run_closure(gpointer data)
{
    Closure *closure = data;

    if (closure->port->owner)
        closure->func(closure->port->owner, closure->payload);
    return G_SOURCE_REMOVE;
}

static void free_closure(gpointer data)
{
    Closure *closure = data;

    if (closure->destroy)
        closure->destroy(closure->payload);
    vh_port_unref(closure->port);
    g_free(closure);
}

void vh_port_post(VhPort *port, VhPortFunc func, gpointer payload, GDestroyNotify destroy)
{
    GSource *source = g_idle_source_new();
    Closure *closure = g_new(Closure, 1);

    *closure = (Closure){vh_port_ref(port), func, payload, destroy};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run_closure, closure, free_closure);
    g_source_attach(source, port->context);
    g_source_unref(source);
}

void vh_port_add_stray(VhPort *port, int n)
{
    g_atomic_int_add(&port->strays, n);
    g_atomic_int_add(&all_strays, n);
}

int vh_port_count_strays(VhPort *port)
{
    return g_atomic_int_get(&port->strays);
}

int vh_port_count_all_strays(void)
{
    return g_atomic_int_get(&all_strays);
}
