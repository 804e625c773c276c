/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections and errors of libvirt in GLib's terms. Owns which libvirt code means what to a
 * caller; must not know what the callers do with a domain.
 */
#include "vh-libvirt.h"

#include "vh-call.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 3

static const struct {
    int libvirt_code;
    VhErrorCode code;
} error_codes[] = {
    {VIR_ERR_NO_DOMAIN, VH_ERROR_GONE},
    {VIR_ERR_NO_DOMAIN_METADATA, VH_ERROR_GONE},
    {VIR_ERR_NO_CONNECT, VH_ERROR_GONE},
    {VIR_ERR_INVALID_CONN, VH_ERROR_GONE},
    {VIR_ERR_RPC, VH_ERROR_GONE},
    {VIR_ERR_OPERATION_DENIED, VH_ERROR_DENIED},
    {VIR_ERR_ACCESS_DENIED, VH_ERROR_DENIED},
    {VIR_ERR_AUTH_FAILED, VH_ERROR_DENIED},
    {VIR_ERR_AUTH_CANCELLED, VH_ERROR_DENIED},
    {VIR_ERR_AUTH_UNAVAILABLE, VH_ERROR_DENIED},
    {VIR_ERR_OPERATION_TIMEOUT, VH_ERROR_TIMEOUT},
    {VIR_ERR_NO_SUPPORT, VH_ERROR_UNSUPPORTED},
    {VIR_ERR_CONFIG_UNSUPPORTED, VH_ERROR_UNSUPPORTED},
    {VIR_ERR_OPERATION_UNSUPPORTED, VH_ERROR_UNSUPPORTED},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, VH_ERROR_UNSUPPORTED},
    {VIR_ERR_OPERATION_INVALID, VH_ERROR_UNSUPPORTED},
    {VIR_ERR_INVALID_ARG, VH_ERROR_INVALID},
    {VIR_ERR_INVALID_DOMAIN, VH_ERROR_INVALID},
    {VIR_ERR_RESOURCE_BUSY, VH_ERROR_BUSY},
};

static VhErrorCode code_of(virErrorPtr failure)
{
    /* int1 of a system error is errno. */
    if (failure->code == VIR_ERR_SYSTEM_ERROR) {
        if (failure->int1 == EACCES || failure->int1 == EPERM)
            return VH_ERROR_DENIED;
        return failure->domain == VIR_FROM_RPC ? VH_ERROR_GONE : VH_ERROR_FAILED;
    }
    /* "client socket is closed" and its like come as internal errors of the RPC layer. */
    if (failure->code == VIR_ERR_INTERNAL_ERROR && failure->domain == VIR_FROM_RPC)
        return VH_ERROR_GONE;
    for (guint i = 0; i < G_N_ELEMENTS(error_codes); i++) {
        if (failure->code == error_codes[i].libvirt_code)
            return error_codes[i].code;
    }
    return VH_ERROR_FAILED;
}

void vh_libvirt_set_error(GError **error, const char *what)
{
    virErrorPtr failure = virGetLastError();

    if (!what)
        what = "";
    if (!failure || failure->code == VIR_ERR_OK) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%slibvirt failed without saying why", what);
        return;
    }
    g_set_error(error, VH_ERROR, (int)code_of(failure), "%s%s%s", what,
                failure->message ? failure->message : "libvirt failed without saying why",
                failure->code == VIR_ERR_ACCESS_DENIED
                    ? "; libvirt's access control (polkit) has to permit it to this user"
                    : "");
}

/* Credentials that the auth file lacks are not to be had: a daemon has nobody to ask. */
static int refuse_to_prompt(virConnectCredentialPtr credentials, unsigned int n, void *data)
{
    return -1;
}

virConnectPtr vh_libvirt_open(const char *uri, gboolean read_only, GError **error)
{
    int types[] = {VIR_CRED_USERNAME, VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE, VIR_CRED_REALM};
    virConnectAuth auth = {types, G_N_ELEMENTS(types), refuse_to_prompt, NULL};
    virConnectPtr connection =
        virConnectOpenAuth(uri, &auth, read_only ? VIR_CONNECT_RO : (unsigned int)0);

    if (!connection) {
        g_autofree char *what = g_strdup_printf("connection %s: ", uri ? uri : "(default)");

        vh_libvirt_set_error(error, what);
        return NULL;
    }
    /* Without an event loop, or over a driver that has no wire, there is no keepalive to be had;
     * deadlines still hold. */
    if (virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) < 0)
        virResetLastError();
    return connection;
}

/* Whether the lookup before failed for no other reason than that there is no such domain. */
static gboolean is_missing(void)
{
    return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
}

virDomainPtr vh_libvirt_find_domain(virConnectPtr connection, const char *text, GError **error)
{
    virDomainPtr domain = NULL;
    gboolean is_none = TRUE; /* as far as was looked */
    guint64 id;
    VhUuid uuid;

    if (vh_uuid_parse(text, &uuid, NULL)) {
        domain = virDomainLookupByUUID(connection, uuid.bytes);
        is_none = !domain && is_missing();
    }
    if (is_none) {
        domain = virDomainLookupByName(connection, text);
        is_none = !domain && is_missing();
    }
    if (is_none && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &id, NULL)) {
        domain = virDomainLookupByID(connection, (int)id);
        is_none = !domain && is_missing();
    }
    if (domain)
        return domain;
    if (is_none)
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s' is known", text);
    else
        vh_libvirt_set_error(error, NULL);
    return NULL;
}

typedef struct {
    char *text;
    virDomainPtr domain;
} FindArgs;

static gboolean find_work(gpointer handle, gpointer data, GError **error)
{
    FindArgs *args = data;

    args->domain = vh_libvirt_find_domain(handle, args->text, error);
    return args->domain != NULL;
}

static void find_clear(gpointer data)
{
    FindArgs *args = data;

    g_free(args->text);
    if (args->domain)
        virDomainFree(args->domain);
}

void vh_libvirt_find_domain_async(virConnectPtr connection, const char *text, gint64 timeout_us,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer data)
{
    const FindArgs args = {.text = g_strdup(text)};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_connection(connection, find_work, &args, sizeof args, find_clear, &options);
}

virDomainPtr vh_libvirt_find_domain_finish(GAsyncResult *result, GError **error)
{
    FindArgs *args = vh_call_finish(result, find_work, error);

    return args ? g_steal_pointer(&args->domain) : NULL;
}

VhUuid vh_libvirt_uuid(virDomainPtr domain)
{
    VhUuid uuid = {{0}};

    G_STATIC_ASSERT(VH_UUID_BYTES == VIR_UUID_BUFLEN);
    if (virDomainGetUUID(domain, uuid.bytes) < 0)
        g_return_val_if_reached(uuid);
    return uuid;
}

static void ignore_error(void *data, virErrorPtr failure)
{
}

static gboolean is_local_uri(const char *uri)
{
    const char *scheme_end = strchr(uri, ':');
    const char *plus = strchr(uri, '+');

    return scheme_end && g_str_has_prefix(scheme_end, ":///") &&
           (!plus || plus > scheme_end || g_str_has_prefix(plus, "+unix:"));
}

gboolean vh_libvirt_is_local(virConnectPtr connection)
{
    g_auto(GStrv) own = g_strsplit(g_get_host_name(), ".", 2);
    g_auto(GStrv) names = NULL;
    char *uri = virConnectGetURI(connection);
    gboolean is_local = uri && is_local_uri(uri);
    char *host;

    free(uri);
    if (!is_local)
        return FALSE;
    host = virConnectGetHostname(connection);
    /* libvirt may add the host's domain. */
    names = g_strsplit(host ? host : "", ".", 2);
    free(host);
    return names[0] && own[0] && g_str_equal(names[0], own[0]);
}

void vh_libvirt_init(void)
{
    struct sigaction action;

    virSetErrorFunc(NULL, ignore_error);
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &action, NULL);
    }
}
