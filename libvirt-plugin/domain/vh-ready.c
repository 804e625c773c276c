/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt says of a connection and of a domain's jobs, before anything is begun. Must not know
 * what that is.
 */
#include "vh-ready.h"

#include "vh-libvirt.h"

#define OCCUPIED_MS 200 /* what answers is quicker, by far */

gboolean vh_ready_check_writable(virDomainPtr domain, GError **error)
{
    int is_written;

    /* libvirt has no question for this. It refuses a write over a read-only connection before it
     * looks at anything else; over another one this one, of nothing to nowhere, is refused before
     * anything is sent. */
    is_written = virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, NULL, NULL, NULL, 0);
    if (is_written < 0 && virGetLastErrorCode() == VIR_ERR_OPERATION_DENIED) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_DENIED,
                            "the connection is read-only; this needs a read-write one");
        return FALSE;
    }
    virResetLastError();
    return TRUE;
}

gboolean vh_ready_is_occupied(virDomainPtr domain)
{
    virDomainControlInfo info;

    if (virDomainGetControlInfo(domain, &info, 0) < 0)
        return FALSE;
    return info.state == VIR_DOMAIN_CONTROL_ERROR ||
           (info.state == VIR_DOMAIN_CONTROL_OCCUPIED && info.stateTime >= OCCUPIED_MS);
}

static const char *operation_text(int operation)
{
    switch (operation) {
    case VIR_DOMAIN_JOB_OPERATION_START:
        return "its start";
    case VIR_DOMAIN_JOB_OPERATION_SAVE:
        return "a save";
    case VIR_DOMAIN_JOB_OPERATION_RESTORE:
        return "a restore";
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
        return "a migration";
    case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT:
    case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT:
    case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE:
        return "a snapshot";
    case VIR_DOMAIN_JOB_OPERATION_DUMP:
        return "a dump";
    case VIR_DOMAIN_JOB_OPERATION_BACKUP:
        return "a backup";
    default:
        return "a job";
    }
}

static void set_busy(const char *what, GError **error)
{
    g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                "%s of the domain is under way; try again once 'virsh domjobinfo' shows none",
                what);
}

/* No job can be told of, for one of three reasons. */
static gboolean judge_silence(virDomainPtr domain, GError **error)
{
    int code = virGetLastErrorCode();

    if (code == VIR_ERR_NO_SUPPORT)
        return TRUE;
    if (code != VIR_ERR_OPERATION_INVALID && code != VIR_ERR_OPERATION_UNSUPPORTED) {
        vh_libvirt_set_error(error, "asking for jobs: ");
        return FALSE;
    }
    /* The destination of a migration does not tell how far it is; what is not running has no job.
     */
    if (virDomainIsActive(domain) == 1) {
        set_busy("a migration", error);
        return FALSE;
    }
    return TRUE;
}

gboolean vh_ready_check_job(virDomainPtr domain, GError **error)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN, n = 0;

    if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0)
        return judge_silence(domain, error);
    if (type != VIR_DOMAIN_JOB_NONE) {
        (void)virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
        set_busy(operation_text(operation), error);
    }
    virTypedParamsFree(params, n);
    return type == VIR_DOMAIN_JOB_NONE;
}
