/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread for one recovery. Must not decide whether one is due.
 */
#include "vh-mender.h"

#include "vh-in-flight.h"
#include "vh-libvirt.h"

#define RECOVER_US (20 * G_USEC_PER_SEC)

typedef struct {
    VhSocket *socket;
    char *uri;
    VhPort *port;
    VhPortFunc mended;
    VhMended *result;
} Mender;

static void mended_free(gpointer data)
{
    VhMended *mended = data;

    g_clear_error(&mended->error);
    g_free(mended);
}

static gpointer mender_main(gpointer data)
{
    Mender *mender = data;
    VhMended *result = mender->result;
    g_autoptr(virConnect) connection =
        vh_socket_open(mender->socket, mender->uri, FALSE, &result->error);
    virDomainPtr domain = NULL;

    if (connection) {
        domain = virDomainLookupByUUID(connection, result->uuid.bytes);
        if (!domain)
            vh_libvirt_set_error(&result->error, NULL);
    }
    if (domain) {
        if (!vh_in_flight_recover(domain, RECOVER_US, &result->restored, &result->error))
            result->restored = FALSE;
        virDomainFree(domain);
    }
    vh_port_add_stray(mender->port, -1);
    vh_port_post(mender->port, mender->mended, result, mended_free);
    vh_port_unref(mender->port);
    vh_socket_unref(mender->socket);
    g_free(mender->uri);
    g_free(mender);
    return NULL;
}

void vh_mender_start(VhSocket *socket, const char *uri, const VhUuid *uuid, VhPort *port,
                     VhPortFunc mended)
{
    Mender *mender = g_new0(Mender, 1);

    mender->socket = socket ? vh_socket_ref(socket) : NULL;
    mender->uri = g_strdup(uri);
    mender->port = vh_port_ref(port);
    mender->mended = mended;
    mender->result = g_new0(VhMended, 1);
    mender->result->uuid = *uuid;
    vh_port_add_stray(port, 1);
    g_thread_unref(g_thread_new("vh-mender", mender_main, mender));
}
