/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of the bus's object that is about requests: its methods and signals. What a request is,
 * is the session's.
 */
#pragma once

#include "vh-dbus-generated.h"
#include "vh-session.h"

G_BEGIN_DECLS

typedef struct VhDbusRequests VhDbusRequests;

/* Answers the methods of the object from now on. Both are borrowed. */
VhDbusRequests *vh_dbus_requests_new(VhDbusDaemon1 *skeleton, VhSession *session);
void vh_dbus_requests_free(VhDbusRequests *requests);

/* RequestStarted, RequestEnded. */
void vh_dbus_requests_started(VhDbusRequests *requests, const VhRequestRecord *request);
void vh_dbus_requests_ended(VhDbusRequests *requests, const VhRequestRecord *request);

G_END_DECLS
