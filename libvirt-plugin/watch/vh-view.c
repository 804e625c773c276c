/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A view: an array of plain structs and the strings they point to. Must not know where the figures
 * come from.
 */
#include "vh-view.h"

struct VhWatchView {
    int references; /* atomic: views are shown to other threads */
    gint64 time_us;
    guint n, room;
    VhWatchDomain *domains;
    GStringChunk *strings;
};

VhWatchView *vh_view_new(guint n)
{
    VhWatchView *view = g_new0(VhWatchView, 1);

    view->references = 1;
    view->room = n;
    view->domains = g_new0(VhWatchDomain, MAX(n, 1));
    view->strings = g_string_chunk_new(1024);
    return view;
}

void vh_view_add(VhWatchView *view, const VhWatchDomain *domain)
{
    VhWatchDomain *copy;

    g_return_if_fail(view->n < view->room);
    copy = &view->domains[view->n++];
    *copy = *domain;
    copy->name = g_string_chunk_insert(view->strings, domain->name);
    if (domain->override_error)
        copy->override_error = g_string_chunk_insert(view->strings, domain->override_error);
    if (domain->xml)
        copy->xml = g_ref_string_acquire(domain->xml);
}

void vh_view_seal(VhWatchView *view)
{
    view->time_us = g_get_monotonic_time();
}

const VhWatchDomain *vh_watch_view_domains(const VhWatchView *view, guint *ret_n)
{
    *ret_n = view->n;
    return view->domains;
}

gint64 vh_watch_view_time_us(const VhWatchView *view)
{
    return view->time_us;
}

VhWatchView *vh_watch_view_ref(VhWatchView *view)
{
    g_atomic_int_inc(&view->references);
    return view;
}

void vh_watch_view_unref(VhWatchView *view)
{
    if (!view || !g_atomic_int_dec_and_test(&view->references))
        return;
    for (guint i = 0; i < view->n; i++)
        g_clear_pointer(&view->domains[i].xml, g_ref_string_release);
    g_string_chunk_free(view->strings);
    g_free(view->domains);
    g_free(view);
}
