/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's ask, with a wake-up of the main loop at its end. */
#include "vh-direct-ask.h"

#include "vh-ask.h"
#include "vh-document.h"

struct VhDirectAsk {
    VhAsk *ask;
    GMainContext *context;
};

static void on_ended(VhAsk *ask, gpointer data)
{
    g_main_context_wakeup(data);
}

VhDirectAsk *vh_direct_ask_start(virDomainPtr domain, guint64 bytes, guint64 granule_bytes,
                                 gint64 deadline_us, GError **error)
{
    const VhAskRequest request = {
        .method = granule_bytes != 0 ? VH_ASK_PASS : VH_ASK_PULSE,
        .monitor = granule_bytes != 0 ? VH_MONITOR_ALLOW : VH_MONITOR_REFUSE,
        .bytes = bytes,
        .granule_bytes = granule_bytes,
        .deadline_us = deadline_us,
    };
    VhAsk *started = vh_ask_start(domain, &request, error);

    if (started == NULL)
        return NULL;
    VhDirectAsk *ask = g_new0(VhDirectAsk, 1);
    ask->ask = started;
    ask->context = g_main_context_ref_thread_default();
    vh_ask_set_notify(started, on_ended, ask->context);
    return ask;
}

void vh_direct_ask_cancel(VhDirectAsk *ask)
{
    vh_ask_cancel(ask->ask);
}

GVariant *vh_direct_ask_outcome(VhDirectAsk *ask)
{
    VhAskOutcome outcome;
    const char *message = NULL;

    if (!vh_ask_wait(ask->ask, 0))
        return NULL;
    vh_ask_get_outcome(ask->ask, &outcome, &message);
    return g_variant_ref_sink(vh_document_outcome(&outcome, message));
}

void vh_direct_ask_progress(VhDirectAsk *ask, VhBackendProgress *ret_progress)
{
    VhAskProgress progress;

    vh_ask_get_progress(ask->ask, &progress);
    *ret_progress = (VhBackendProgress){
        .asked_bytes = progress.asked_bytes,
        .taken_bytes = progress.taken_bytes,
        .returned_bytes = progress.returned_bytes,
    };
}

void vh_direct_ask_free(VhDirectAsk *ask)
{
    if (ask == NULL)
        return;
    vh_ask_set_notify(ask->ask, NULL, NULL); /* the context may go */
    vh_ask_free(ask->ask);
    g_main_context_unref(ask->context);
    g_free(ask);
}
