/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands as text, and their way over libvirt. Owns what is sent; what comes back is
 * vh-reporting-info's. Must not know why anybody wants to know.
 */
#include "vh-reporting-monitor.h"

#include "vh-libvirt.h"
#include "vh-monitor-check.h"
#include "vh-ready.h"
#include "vh-units.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>

#define TIMEOUT_MAX_US VH_HOUR

static gboolean send_over_libvirt(const char *command, char **ret_reply, gpointer data,
                                  GError **error)
{
    virDomainPtr domain = data;

    if (virDomainQemuMonitorCommand(domain, command, ret_reply,
                                    VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT) == 0)
        return TRUE;
    vh_libvirt_set_error(error, NULL);
    return FALSE;
}

VhReportingMonitor vh_reporting_monitor_of(virDomainPtr domain, VhMonitorRule rule)
{
    return (VhReportingMonitor){.rule = rule, .send = send_over_libvirt, .data = domain};
}

/* The answer to a command; NULL with an error. Free with free(). The only way to a QEMU. */
static char *exchange(const VhReportingMonitor *monitor, const char *command, GError **error)
{
    char *reply = NULL;

    if (monitor->rule != VH_MONITOR_ALLOW) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_DENIED,
                            "QEMU monitor commands, which taint a domain, were not allowed");
        return NULL;
    }
    if (!monitor->send(command, &reply, monitor->data, error))
        return NULL;
    if (!reply)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_PROTOCOL, "QEMU's answer is empty");
    return reply;
}

gboolean vh_reporting_monitor_query(const VhReportingMonitor *monitor, VhReportingInfo *ret_info,
                                    GError **error)
{
    char *reply = exchange(monitor, "{\"execute\":\"query-balloon-reporting\"}", error);
    gboolean is_good = reply && vh_reporting_info_parse(reply, ret_info, error);

    free(reply);
    return is_good;
}

/* One that returns nothing. */
static gboolean command(const VhReportingMonitor *monitor, const char *text, GError **error)
{
    char *reply = exchange(monitor, text, error);
    gboolean is_good = reply && vh_reporting_info_check(reply, error);

    free(reply);
    return is_good;
}

gboolean vh_reporting_monitor_set(const VhReportingMonitor *monitor, gboolean is_enabled,
                                  GError **error)
{
    return command(
        monitor,
        is_enabled ? "{\"execute\":\"balloon-reporting-set\",\"arguments\":{\"enabled\":true}}"
                   : "{\"execute\":\"balloon-reporting-set\",\"arguments\":{\"enabled\":false}}",
        error);
}

gboolean vh_reporting_monitor_cancel(const VhReportingMonitor *monitor, GError **error)
{
    return command(monitor, "{\"execute\":\"balloon-reporting-cancel\"}", error);
}

static gboolean check_request(const VhReportingPassRequest *request, GError **error)
{
    guint64 granule = request->granule_bytes;

    if (granule != 0 && !vh_reporting_granule_is_valid(granule)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the granule must be a power of two from 4 KiB to 1 GiB, or 0");
        return FALSE;
    }
    if (request->timeout_us < 0 || request->timeout_us > TIMEOUT_MAX_US) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the timeout of a pass must be from 1 ms to 1 hour, or 0");
        return FALSE;
    }
    if (request->limit_bytes > G_MAXINT64) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the limit of a pass must be below 2^63 bytes");
        return FALSE;
    }
    return TRUE;
}

/* What is 0 is left to the device. */
static void add_number(GString *arguments, const char *name, guint64 value)
{
    if (value != 0)
        g_string_append_printf(arguments, "%s\"%s\":%" G_GUINT64_FORMAT,
                               arguments->len > 0 ? "," : "", name, value);
}

gboolean vh_reporting_monitor_start(const VhReportingMonitor *monitor,
                                    const VhReportingPassRequest *request, guint32 *ret_id,
                                    GError **error)
{
    g_autoptr(GString) arguments = g_string_new(NULL);
    char *reply;

    if (!check_request(request, error))
        return FALSE;
    add_number(arguments, "limit", request->limit_bytes);
    add_number(arguments, "granule", request->granule_bytes);
    /* Up: what is shorter than a millisecond would otherwise become the default. */
    add_number(arguments, "timeout", (guint64)((request->timeout_us + VH_MS - 1) / VH_MS));
    g_autofree char *text = g_strdup_printf(
        "{\"execute\":\"balloon-reporting-pass\",\"arguments\":{%s}}", arguments->str);
    reply = exchange(monitor, text, error);
    gboolean is_good = reply && vh_reporting_info_parse_id(reply, ret_id, error);
    free(reply);
    return is_good;
}

gboolean vh_reporting_query(virDomainPtr domain, VhMonitorRule rule, VhReportingInfo *ret_info,
                            GError **error)
{
    VhReportingMonitor monitor = vh_reporting_monitor_of(domain, rule);

    return vh_monitor_check(domain, rule, error) &&
           vh_reporting_monitor_query(&monitor, ret_info, error);
}

gboolean vh_reporting_set(virDomainPtr domain, VhMonitorRule rule, gboolean is_enabled,
                          GError **error)
{
    VhReportingMonitor monitor = vh_reporting_monitor_of(domain, rule);

    return vh_monitor_check(domain, rule, error) && vh_ready_check_job(domain, error) &&
           vh_reporting_monitor_set(&monitor, is_enabled, error);
}

gboolean vh_reporting_pass_start(virDomainPtr domain, VhMonitorRule rule,
                                 const VhReportingPassRequest *request, guint32 *ret_id,
                                 GError **error)
{
    VhReportingMonitor monitor = vh_reporting_monitor_of(domain, rule);

    return vh_monitor_check(domain, rule, error) && vh_ready_check_job(domain, error) &&
           vh_reporting_monitor_start(&monitor, request, ret_id, error);
}

gboolean vh_reporting_pass_cancel(virDomainPtr domain, VhMonitorRule rule, GError **error)
{
    VhReportingMonitor monitor = vh_reporting_monitor_of(domain, rule);

    return vh_monitor_check(domain, rule, error) && vh_reporting_monitor_cancel(&monitor, error);
}

gboolean vh_reporting_tell(virDomainPtr domain, VhReportingInfo *ret_info,
                           VhReportingTold *ret_told, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (vh_reporting_query(domain, VH_MONITOR_ALLOW, ret_info, &failure)) {
        *ret_told = VH_REPORTING_TOLD;
        return TRUE;
    }
    if (failure->code == VH_ERROR_UNSUPPORTED || failure->code == VH_ERROR_DENIED) {
        *ret_told = failure->code == VH_ERROR_DENIED ? VH_REPORTING_NOT_TO_ASK : VH_REPORTING_STOCK;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}
