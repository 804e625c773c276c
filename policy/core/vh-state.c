/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage of what is remembered. */
#include "vh-state.h"

VhState *vh_state_new(void)
{
    VhState *state = g_new0(VhState, 1);
    state->guests = g_array_new(FALSE, TRUE, sizeof(VhGuestState));
    state->buckets = g_array_new(FALSE, TRUE, sizeof(VhBucket));
    return state;
}

void vh_state_free(VhState *state)
{
    if (!state)
        return;
    g_array_unref(state->guests);
    g_array_unref(state->buckets);
    g_free(state);
}

static void copy_array(GArray *to, const GArray *from)
{
    g_array_set_size(to, 0);
    g_array_append_vals(to, from->data, from->len);
}

void vh_state_copy_pool(VhState *to, const VhState *from)
{
    GArray *guests = to->guests, *buckets = to->buckets;

    *to = *from;
    to->guests = guests;
    to->buckets = buckets;
    copy_array(buckets, from->buckets);
}

void vh_state_copy(VhState *to, const VhState *from)
{
    vh_state_copy_pool(to, from);
    copy_array(to->guests, from->guests);
}

/* Where the guest is, or would be inserted. */
static gboolean find_guest(const VhState *state, const VhUuid *uuid, guint *ret_index)
{
    guint low = 0, high = state->guests->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        int order = vh_uuid_compare(&g_array_index(state->guests, VhGuestState, middle).uuid, uuid);
        if (order == 0) {
            *ret_index = middle;
            return TRUE;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    return FALSE;
}

const VhGuestState *vh_state_find(const VhState *state, const VhUuid *uuid)
{
    guint index;

    if (!find_guest(state, uuid, &index))
        return NULL;
    return &g_array_index(state->guests, VhGuestState, index);
}

VhGuestState *vh_state_get(VhState *state, const VhUuid *uuid)
{
    guint index;

    if (!find_guest(state, uuid, &index)) {
        VhGuestState fresh = {.uuid = *uuid};
        g_array_insert_val(state->guests, index, fresh);
    }
    return &g_array_index(state->guests, VhGuestState, index);
}
