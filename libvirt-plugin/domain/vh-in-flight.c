/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of an ask in flight: reading, writing, judging and recovering it. Owns its text form;
 * must not know how an ask works.
 */
#include "vh-in-flight.h"

#include "vh-balloon.h"
#include "vh-libvirt.h"
#include "vh-owner.h"
#include "vh-ready.h"
#include "vh-units.h"
#include "vh-xml.h"

#define ELEMENT "inflight"
#define PREFIX "virthint"
#define METHOD "pulse"

/* Beyond this a KiB figure is no balloon: it would not fit 64 bits as bytes. */
#define MAX_KIB (G_MAXUINT64 / VH_KIB)

/* Whether `host` is another one than where the domain runs; unknown names are no other ones. */
static gboolean is_elsewhere(virDomainPtr domain, const char *host)
{
    char *here = host ? virConnectGetHostname(virDomainGetConnect(domain)) : NULL;
    gboolean is_other = here && !g_str_equal(host, here);

    free(here);
    return is_other;
}

static gboolean parse_record(virDomainPtr domain, const char *xml, VhInFlightRecord *ret_record,
                             GError **error)
{
    g_autoptr(xmlDoc) doc = vh_xml_parse(xml, "the in-flight record", error);
    g_autofree char *owner = NULL, *host = NULL;
    guint64 expires_s = 0;
    VhInFlightRecord record = {0};
    xmlNode *root;

    if (!doc)
        return FALSE;
    root = xmlDocGetRootElement(doc);
    owner = vh_xml_attribute(root, "owner");
    if (!vh_xml_is(root, ELEMENT) || !vh_xml_attribute_is(root, "method", METHOD) ||
        !vh_xml_attribute_uint(root, "old", MAX_KIB, &record.old_kib) ||
        !vh_xml_attribute_uint(root, "target", MAX_KIB, &record.target_kib) ||
        !vh_xml_attribute_uint(root, "expires", G_MAXINT64 / G_USEC_PER_SEC, &expires_s) ||
        !owner || strlen(owner) >= sizeof record.owner) {
        g_set_error(
            error, VH_ERROR, VH_ERROR_PROTOCOL,
            "the in-flight record in the metadata cannot be read; once the balloon is where "
            "it should be, remove it: virsh metadata DOMAIN --live --remove --uri %s",
            VH_IN_FLIGHT_URI);
        return FALSE;
    }
    record.expires_us = (gint64)expires_s * G_USEC_PER_SEC;
    g_strlcpy(record.owner, owner, sizeof record.owner);
    host = vh_xml_attribute(root, "host");
    record.has_moved = is_elsewhere(domain, host);
    *ret_record = record;
    return TRUE;
}

gboolean vh_in_flight_get(virDomainPtr domain, VhInFlightRecord *ret_record, gboolean *ret_found,
                          GError **error)
{
    char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VH_IN_FLIGHT_URI,
                                     VIR_DOMAIN_AFFECT_LIVE);
    gboolean parsed;

    if (!xml) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA) {
            *ret_found = FALSE;
            return TRUE;
        }
        vh_libvirt_set_error(error, "in-flight record: ");
        return FALSE;
    }
    parsed = parse_record(domain, xml, ret_record, error);
    free(xml);
    if (parsed)
        *ret_found = TRUE;
    return parsed;
}

gboolean vh_in_flight_set(virDomainPtr domain, const VhInFlightRecord *record, GError **error)
{
    /* Rounded up: an expiry that comes early would invite others too soon. */
    gint64 expires_s =
        record->expires_us / G_USEC_PER_SEC + (record->expires_us % G_USEC_PER_SEC > 0 ? 1 : 0);
    char *host = virConnectGetHostname(virDomainGetConnect(domain));
    g_autofree char *place = host ? g_markup_printf_escaped(" host='%s'", host) : g_strdup("");
    g_autofree char *rest = g_markup_printf_escaped(
        "<" ELEMENT " method='" METHOD "' old='%" G_GUINT64_FORMAT "' target='%" G_GUINT64_FORMAT
        "' owner='%s' expires='%" G_GINT64_FORMAT "'",
        record->old_kib, record->target_kib, record->owner, expires_s);
    g_autofree char *xml = g_strconcat(rest, place, "/>", NULL);

    free(host);
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, PREFIX, VH_IN_FLIGHT_URI,
                             VIR_DOMAIN_AFFECT_LIVE) < 0) {
        vh_libvirt_set_error(error, "writing the in-flight record: ");
        return FALSE;
    }
    return TRUE;
}

gboolean vh_in_flight_clear(virDomainPtr domain, GError **error)
{
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, NULL, PREFIX, VH_IN_FLIGHT_URI,
                             VIR_DOMAIN_AFFECT_LIVE) < 0) {
        vh_libvirt_set_error(error, "clearing the in-flight record: ");
        return FALSE;
    }
    return TRUE;
}

void vh_in_flight_own(VhInFlightRecord *record)
{
    vh_owner_write(record->owner, sizeof record->owner);
}

gboolean vh_in_flight_is_live(const VhInFlightRecord *record, gint64 now_wall_us)
{
    if (record->has_moved || now_wall_us >= record->expires_us)
        return FALSE;
    return vh_owner_look(record->owner) != VH_OWNER_DEAD;
}

VhBalloonOwner vh_in_flight_judge(const VhInFlightRecord *record, guint64 current_kib)
{
    if (current_kib == record->old_kib)
        return VH_BALLOON_OLD;
    if (current_kib < MIN(record->target_kib, record->old_kib))
        return VH_BALLOON_FOREIGN;
    if (current_kib % 1024 == VH_TARGET_MARK_KIB)
        return VH_BALLOON_OURS;
    /* Stuck on the way down, somewhere in a batch of pages; people and tools set whole MiB. */
    if (current_kib < record->old_kib && current_kib % 1024 != 0)
        return VH_BALLOON_OURS;
    return VH_BALLOON_FOREIGN;
}

/* Sets the old target and waits for the balloon to get there; where it does not in time it goes on
 * by itself, so that the record has done its duty all the same. */
static gboolean put_back(virDomainPtr domain, const VhInFlightRecord *record, gint64 until_us,
                         GError **error)
{
    g_autoptr(GError) failure = NULL;
    guint64 kib;

    if (!vh_balloon_set(domain, record->old_kib, error))
        return FALSE;
    if (!vh_balloon_wait(domain, record->old_kib, VH_BALLOON_REST_US, until_us, &kib, &failure) &&
        failure->code != VH_ERROR_TIMEOUT) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    return TRUE;
}

gboolean vh_in_flight_recover(virDomainPtr domain, gint64 timeout_us, gboolean *ret_restored,
                              GError **error)
{
    gint64 until_us = g_get_monotonic_time() + timeout_us;
    VhInFlightRecord record;
    gboolean found, restored = FALSE;
    guint64 kib;

    if (!vh_in_flight_get(domain, &record, &found, error))
        return FALSE;
    if (found && vh_in_flight_is_live(&record, g_get_real_time())) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "an ask of %s is in flight", record.owner);
        return FALSE;
    }
    if (found) {
        /* Setting a target would wait for the job to end, and fail; the record stays till then. */
        if (!vh_ready_check_job(domain, error))
            return FALSE;
        if (!vh_balloon_wait(domain, record.old_kib, VH_BALLOON_REST_US, until_us, &kib, error))
            return FALSE;
        /* One that has not moved may yet do so, on a guest that was slow to begin. */
        if (vh_in_flight_judge(&record, kib) != VH_BALLOON_FOREIGN) {
            if (!put_back(domain, &record, until_us, error))
                return FALSE;
            restored = kib != record.old_kib;
        }
        if (!vh_in_flight_clear(domain, error))
            return FALSE;
    }
    *ret_restored = restored;
    return TRUE;
}
