/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of an ask, as metadata that anybody may have written. What is accepted is within its
 * range, is judged, and is the same again when it has been written and read. Here are mocks of the
 * calls of libvirt that this takes.
 */
#include "vh-in-flight.h"

#include "guard.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

static const char *stored;
static char *written;

char *virDomainGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
    return strdup(stored);
}

int virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                         const char *uri, unsigned int flags)
{
    g_free(written);
    written = g_strdup(metadata);
    return 0;
}

virConnectPtr virDomainGetConnect(virDomainPtr domain)
{
    return NULL;
}

char *virConnectGetHostname(virConnectPtr connection)
{
    return strdup("here");
}

static gboolean is_spaced(const char *text)
{
    return strpbrk(text, "\n\r\t") != NULL;
}

static void check_record(const VhInFlightRecord *record)
{
    g_assert_cmpuint(record->old_kib, >=, 1);
    g_assert_cmpuint(record->target_kib, >=, 1);
    g_assert_cmpuint(record->old_kib, <=, G_MAXUINT64 / 1024);
    g_assert_cmpuint(record->target_kib, <=, G_MAXUINT64 / 1024);
    g_assert_cmpint(record->expires_us, >, 0);
    g_assert_cmpuint(strnlen(record->owner, sizeof record->owner), <, sizeof record->owner);
    g_assert_false(vh_in_flight_is_live(record, record->expires_us));
    g_assert_cmpint(vh_in_flight_judge(record, record->old_kib), ==, VH_BALLOON_OLD);
    (void)vh_in_flight_is_live(record, 0);
    for (int i = 0; i < 64; i++)
        (void)vh_in_flight_judge(record, G_GUINT64_CONSTANT(1) << i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    VhInFlightRecord record, again;
    gboolean is_found = FALSE;

    stored = xml;
    fuzz_guard_up(size);
    gboolean is_read = vh_in_flight_get(NULL, &record, &is_found, &error);
    fuzz_guard_down();
    if (!is_read) {
        g_assert_true(g_error_matches(error, VH_ERROR, VH_ERROR_PROTOCOL));
        fuzz_guard_check_error(error);
        return 0;
    }
    g_assert_true(is_found);
    g_assert_false(fuzz_guard_has_doctype(xml));
    check_record(&record);
    g_assert_true(vh_in_flight_set(NULL, &record, &error));
    stored = written;
    g_assert_true(vh_in_flight_get(NULL, &again, &is_found, &error));
    g_assert_cmpuint(record.old_kib, ==, again.old_kib);
    g_assert_cmpuint(record.target_kib, ==, again.target_kib);
    g_assert_cmpint(record.expires_us, ==, again.expires_us);
    g_assert_false(again.has_moved);
    if (!is_spaced(record.owner))
        g_assert_cmpstr(record.owner, ==, again.owner);
    return 0;
}
