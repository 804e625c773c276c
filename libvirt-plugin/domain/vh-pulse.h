/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pulse: inflate the balloon over free memory only, then deflate it. Private to the library. */
#pragma once

#include "vh-ask.h"

G_BEGIN_DECLS

typedef struct {
    virDomainPtr domain; /* borrowed; its connection blocks as long as QEMU does */
    VhAskRequest request;
    gint64 back_us;       /* monotonic: puts back from here on at the latest */
    gint64 end_us;        /* monotonic: the caller's deadline */
    const int *cancelled; /* atomic; other than 0: put back now */
    void (*progress)(guint64 taken_bytes, guint64 returned_bytes, gpointer data);
    gpointer data;
} VhPulse;

/*
 * Runs one to its end, on the calling thread. Fills in all of *outcome but method, asked_bytes and
 * the times. FALSE with an error where the status is FAILED or TIMED_OUT. Puts the balloon back
 * whatever happens, as long as the guest lives and nobody else took it over; may therefore go on
 * beyond end_us.
 */
gboolean vh_pulse_run(const VhPulse *pulse, VhAskOutcome *outcome, GError **error);

G_END_DECLS
