/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests as a short list, oldest first. */
#include "vh-requests.h"

#include "vh-units.h"

struct VhRequests {
    GArray *records; /* VhRequestRecord */
    guint64 last_id;
};

static const char *const status_names[VH_REQUEST_STATUSES] = {
    [VH_REQUEST_OPEN] = "open",           [VH_REQUEST_DONE] = "done",
    [VH_REQUEST_EXPIRED] = "expired",     [VH_REQUEST_CANCELLED] = "cancelled",
    [VH_REQUEST_EXHAUSTED] = "exhausted",
};

const char *vh_request_status_name(VhRequestStatus status)
{
    g_return_val_if_fail((guint)status < VH_REQUEST_STATUSES, "unknown");
    return status_names[status];
}

VhRequests *vh_requests_new(void)
{
    VhRequests *requests = g_new0(VhRequests, 1);

    requests->records = g_array_new(FALSE, TRUE, sizeof(VhRequestRecord));
    return requests;
}

void vh_requests_free(VhRequests *requests)
{
    if (!requests)
        return;
    g_array_unref(requests->records);
    g_free(requests);
}

guint vh_requests_count(const VhRequests *requests)
{
    return requests->records->len;
}

static VhRequestRecord *record_at(const VhRequests *requests, guint index)
{
    return &g_array_index(requests->records, VhRequestRecord, index);
}

const VhRequestRecord *vh_requests_get(const VhRequests *requests, guint index)
{
    g_return_val_if_fail(index < requests->records->len, NULL);
    return record_at(requests, index);
}

static VhRequestRecord *find(const VhRequests *requests, guint64 id)
{
    for (guint i = 0; i < requests->records->len; i++) {
        if (record_at(requests, i)->request.id == id)
            return record_at(requests, i);
    }
    return NULL;
}

const VhRequestRecord *vh_requests_find(const VhRequests *requests, guint64 id)
{
    return find(requests, id);
}

guint64 vh_requests_add(VhRequests *requests, guint64 bytes, VhLevel urgency, gint64 deadline_us,
                        gint64 now_us)
{
    VhRequestRecord record = {
        .request = {.id = requests->last_id + 1,
                    .bytes = bytes,
                    .urgency = urgency,
                    .deadline_us = deadline_us},
        .started_us = now_us,
        .idle_since_us = now_us,
    };

    if (requests->records->len >= VH_REQUESTS_MAX)
        return 0;
    g_array_append_val(requests->records, record);
    return ++requests->last_id;
}

void vh_requests_ask_started(VhRequests *requests, guint64 id)
{
    VhRequestRecord *record = find(requests, id);

    if (!record)
        return;
    record->n_asks++;
    record->n_in_flight++;
    record->idle_since_us = 0;
}

void vh_requests_ask_ended(VhRequests *requests, const VhEnded *ask, gint64 now_us)
{
    VhRequestRecord *record = find(requests, ask->request_id);

    if (!record)
        return;
    if (record->n_in_flight > 0 && --record->n_in_flight == 0)
        record->idle_since_us = now_us;
    if (ask->outcome.source != VH_ASK_SOURCE_NONE)
        record->request.returned_bytes =
            vh_add(record->request.returned_bytes, ask->outcome.returned_bytes);
    if (record->status == VH_REQUEST_OPEN &&
        record->request.returned_bytes >= record->request.bytes)
        record->status = VH_REQUEST_DONE;
}

gboolean vh_requests_cancel(VhRequests *requests, guint64 id)
{
    VhRequestRecord *record = find(requests, id);

    if (!record || record->status != VH_REQUEST_OPEN)
        return FALSE;
    record->status = VH_REQUEST_CANCELLED;
    return TRUE;
}

void vh_requests_cancel_all(VhRequests *requests)
{
    for (guint i = 0; i < requests->records->len; i++)
        vh_requests_cancel(requests, record_at(requests, i)->request.id);
}

static VhRequestStatus status_at(const VhRequestRecord *record, gint64 now_us)
{
    gint64 deadline_us = record->request.deadline_us;

    if (record->status != VH_REQUEST_OPEN)
        return record->status;
    if (deadline_us != 0)
        return now_us >= deadline_us ? VH_REQUEST_EXPIRED : VH_REQUEST_OPEN;
    if (record->idle_since_us != 0 && now_us - record->idle_since_us >= VH_REQUEST_PATIENCE_US)
        return VH_REQUEST_EXHAUSTED;
    return VH_REQUEST_OPEN;
}

void vh_requests_check(VhRequests *requests, gint64 now_us)
{
    for (guint i = 0; i < requests->records->len; i++)
        record_at(requests, i)->status = status_at(record_at(requests, i), now_us);
}

gboolean vh_requests_take_ended(VhRequests *requests, VhRequestRecord *ret_record)
{
    for (guint i = 0; i < requests->records->len; i++) {
        const VhRequestRecord *record = record_at(requests, i);
        gboolean is_final = record->status == VH_REQUEST_DONE ||
                            (record->status != VH_REQUEST_OPEN && record->n_in_flight == 0);
        if (!is_final)
            continue;
        *ret_record = *record;
        g_array_remove_index(requests->records, i);
        return TRUE;
    }
    return FALSE;
}

void vh_requests_report(const VhRequests *requests, VhSnapshot *snapshot)
{
    for (guint i = 0; i < requests->records->len; i++) {
        const VhRequestRecord *record = record_at(requests, i);
        if (record->status == VH_REQUEST_OPEN)
            g_array_append_val(snapshot->requests, record->request);
    }
}
