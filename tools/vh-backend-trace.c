/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a recording in this process, whoever writes it: where that is, the daemon tells. The
 * explanation is made of what was recorded, with the policy that was in force then.
 */
#include "vh-backend-trace.h"

#include "vh-backend-daemon.h"
#include "vh-report.h"
#include "vh-trace-file.h"

/* Where the daemon records; NULL with an error where it does not, or none runs. */
static char *find_recording(const VhBackendRequest *request, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *path = vh_backend_daemon_record_file(request, &cause);

    if (cause != NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return NULL;
    }
    if (path != NULL && *path != '\0')
        return g_steal_pointer(&path);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "%s; name a recording with --trace",
                path == NULL ? "no virthintd runs on this bus"
                             : "virthintd records nothing: start it with --record");
    return NULL;
}

GVariant *vh_backend_trace_explain(const VhBackendRequest *request, const char *domain,
                                   gint64 at_us, const char *trace, GError **error)
{
    g_autofree char *path = trace != NULL ? g_strdup(trace) : find_recording(request, error);
    g_autoptr(GError) cause = NULL;

    if (path == NULL)
        return NULL;
    g_autoptr(VhTraceMoment) moment = vh_trace_find(path, at_us, error);
    if (moment == NULL)
        return NULL;
    const VhReportInput input = {.config = moment->header->config,
                                 .state = moment->state,
                                 .snapshot = moment->snapshot,
                                 .plan = moment->plan};
    int index = vh_snapshot_find(moment->snapshot, domain, &cause);
    if (index >= 0)
        return g_variant_ref_sink(vh_report_explain(&input, (guint)index));
    if (moment->header->is_hashed)
        g_set_error(error, VH_ERROR, (int)cause->code,
                    "%s: the recording has hashed names, so that only these are found",
                    cause->message);
    else
        g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}
