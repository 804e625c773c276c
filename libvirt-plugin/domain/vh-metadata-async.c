/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of vh-metadata.h on threads of their own. Must not know what is written. */
#include "vh-call.h"
#include "vh-metadata.h"

typedef struct {
    VhMetadataWhere where;
    VhOverride override;
    char **set, **unset; /* NULL: none */
} Args;

static gboolean get_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    return vh_metadata_get_override(handle, args->where, &args->override, error);
}

void vh_metadata_get_override_async(virDomainPtr domain, VhMetadataWhere where, gint64 timeout_us,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
    const Args args = {.where = where};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, get_work, &args, sizeof args, NULL, &options);
}

/* `ret_override` may be NULL. */
static gboolean finish(GAsyncResult *result, VhCallWork work, VhOverride *ret_override,
                       GError **error)
{
    const Args *args = vh_call_finish(result, work, error);

    if (args && ret_override)
        *ret_override = args->override;
    return args != NULL;
}

gboolean vh_metadata_get_override_finish(GAsyncResult *result, VhOverride *ret_override,
                                         GError **error)
{
    return finish(result, get_work, ret_override, error);
}

static gboolean set_work(gpointer handle, gpointer data, GError **error)
{
    const Args *args = data;

    return vh_metadata_set_override(handle, &args->override, args->where, error);
}

void vh_metadata_set_override_async(virDomainPtr domain, const VhOverride *override,
                                    VhMetadataWhere where, gint64 timeout_us,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
    const Args args = {.where = where, .override = *override};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, set_work, &args, sizeof args, NULL, &options);
}

gboolean vh_metadata_set_override_finish(GAsyncResult *result, GError **error)
{
    return finish(result, set_work, NULL, error);
}

static gboolean clear_work(gpointer handle, gpointer data, GError **error)
{
    const Args *args = data;

    return vh_metadata_clear_override(handle, args->where, error);
}

void vh_metadata_clear_override_async(virDomainPtr domain, VhMetadataWhere where, gint64 timeout_us,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer data)
{
    const Args args = {.where = where};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, clear_work, &args, sizeof args, NULL, &options);
}

gboolean vh_metadata_clear_override_finish(GAsyncResult *result, GError **error)
{
    return finish(result, clear_work, NULL, error);
}

static gboolean change_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;
    const VhMetadataChange change = {(const char *const *)args->set,
                                     (const char *const *)args->unset};

    return vh_metadata_change_override(handle, &change, args->where, &args->override, error);
}

static void change_free(gpointer data)
{
    Args *args = data;

    g_strfreev(args->set);
    g_strfreev(args->unset);
}

void vh_metadata_change_override_async(virDomainPtr domain, const VhMetadataChange *change,
                                       VhMetadataWhere where, gint64 timeout_us,
                                       GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer data)
{
    const Args args = {.where = where,
                       .set = g_strdupv((char **)change->set),
                       .unset = g_strdupv((char **)change->unset)};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, change_work, &args, sizeof args, change_free, &options);
}

gboolean vh_metadata_change_override_finish(GAsyncResult *result, VhOverride *ret_override,
                                            GError **error)
{
    return finish(result, change_work, ret_override, error);
}
