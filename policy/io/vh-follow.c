/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-follow.h: what was found last, beside what is watched. */
#include "vh-follow.h"

/* Looks that were due while one was still under way, until it is told. */
#define LATE_LOOKS 12

typedef struct {
    VhWatch *watch; /* of the session's array */
    VhSocket *socket;
    char *lost; /* why the connection was lost, not told yet; NULL: it was not */
    gboolean is_found;
} Followed;

struct VhFollow {
    VhDiscover *discover;
    GPtrArray *watches;
    VhFollowCallbacks callbacks;
    gpointer data;
    GPtrArray *followed; /* Followed */
    GPtrArray *found;    /* VhSocket, not applied yet; NULL: nothing new */
    gboolean has_looked;
    gboolean is_over; /* more than are followed: it has been told */
    guint n_late;
};

static void followed_free(gpointer data)
{
    Followed *one = data;

    vh_socket_unref(one->socket);
    g_free(one->lost);
    g_free(one);
}

VhFollow *vh_follow_new(VhDiscover *discover, GPtrArray *watches,
                        const VhFollowCallbacks *callbacks, gpointer data)
{
    VhFollow *follow = g_new0(VhFollow, 1);

    follow->discover = discover;
    follow->watches = watches;
    follow->callbacks = *callbacks;
    follow->data = data;
    follow->followed = g_ptr_array_new_with_free_func(followed_free);
    return follow;
}

void vh_follow_free(VhFollow *follow)
{
    if (!follow)
        return;
    vh_discover_free(follow->discover);
    g_clear_pointer(&follow->found, g_ptr_array_unref);
    g_ptr_array_unref(follow->followed);
    g_free(follow);
}

static Followed *find_socket(const VhFollow *follow, const VhSocket *socket)
{
    for (guint i = 0; i < follow->followed->len; i++) {
        Followed *one = follow->followed->pdata[i];
        if (one->socket->device == socket->device && one->socket->inode == socket->inode)
            return one;
    }
    return NULL;
}

static Followed *find_watch(const VhFollow *follow, const VhWatch *watch)
{
    for (guint i = 0; follow && i < follow->followed->len; i++) {
        Followed *one = follow->followed->pdata[i];
        if (one->watch == watch)
            return one;
    }
    return NULL;
}

/* The way to it that was known is none any more: the process that it led through has ended, say. */
static gboolean has_moved(const Followed *one, const VhSocket *socket)
{
    return !vh_watch_is_connected(one->watch) && !g_str_equal(one->socket->path, socket->path);
}

/* Marks what is still there; whether anything else is. */
static gboolean mark_found(const VhFollow *follow, const GPtrArray *sockets)
{
    guint n_found = 0;
    gboolean is_news = FALSE;

    for (guint i = 0; i < follow->followed->len; i++)
        ((Followed *)follow->followed->pdata[i])->is_found = FALSE;
    for (guint i = 0; i < sockets->len; i++) {
        Followed *one = find_socket(follow, sockets->pdata[i]);
        if (!one || has_moved(one, sockets->pdata[i])) {
            is_news = TRUE;
            continue;
        }
        one->is_found = TRUE;
        n_found++;
        is_news = is_news || one->lost;
    }
    return is_news || n_found < follow->followed->len;
}

static void tell_excess(VhFollow *follow, const VhDiscovered *discovered)
{
    gboolean is_over = discovered->n_left_out > 0 || discovered->is_cut;

    if (is_over && !follow->is_over) {
        g_autofree char *text = g_strdup_printf(
            "the patterns fit more than can be followed: %u sockets are left out%s",
            discovered->n_left_out, discovered->is_cut ? ", and not all folders were read" : "");
        follow->callbacks.event("", VH_WATCH_TROUBLE, text, follow->data);
    }
    follow->is_over = is_over;
}

static void on_looked(const VhDiscovered *discovered, gpointer data)
{
    VhFollow *follow = data;

    follow->n_late = 0;
    follow->has_looked = TRUE;
    tell_excess(follow, discovered);
    g_clear_pointer(&follow->found, g_ptr_array_unref);
    if (!mark_found(follow, discovered->sockets))
        return;
    follow->found = g_ptr_array_ref(discovered->sockets);
    follow->callbacks.changed(follow->data);
}

void vh_follow_look(VhFollow *follow)
{
    if (!follow || vh_discover_start(follow->discover, on_looked, follow))
        return;
    if (++follow->n_late == LATE_LOOKS)
        follow->callbacks.event("", VH_WATCH_TROUBLE,
                                "looking for sockets does not end: a file system does not answer",
                                follow->data);
}

static void end(VhFollow *follow, Followed *one)
{
    follow->callbacks.event(one->socket->uri, VH_WATCH_ENDED, "its socket is gone", follow->data);
    g_ptr_array_remove(follow->watches, one->watch);
    g_ptr_array_remove(follow->followed, one);
}

static void begin(VhFollow *follow, VhSocket *socket)
{
    Followed *one = g_new0(Followed, 1);

    one->socket = vh_socket_ref(socket);
    one->watch = follow->callbacks.open(socket, follow->data);
    g_ptr_array_add(follow->watches, one->watch);
    g_ptr_array_add(follow->followed, one);
}

gboolean vh_follow_apply(VhFollow *follow)
{
    g_autoptr(GPtrArray) found = follow ? g_steal_pointer(&follow->found) : NULL;

    if (!found)
        return FALSE;
    mark_found(follow, found);
    for (guint i = follow->followed->len; i-- > 0;) {
        Followed *one = follow->followed->pdata[i];
        if (!one->is_found) {
            end(follow, one);
            continue;
        }
        if (one->lost)
            follow->callbacks.event(one->socket->uri, VH_WATCH_LOST, one->lost, follow->data);
        g_clear_pointer(&one->lost, g_free);
    }
    for (guint i = 0; i < found->len; i++) {
        if (!find_socket(follow, found->pdata[i]))
            begin(follow, found->pdata[i]);
    }
    return TRUE;
}

gboolean vh_follow_is_ready(const VhFollow *follow)
{
    for (guint i = 0; follow && i < follow->followed->len; i++) {
        const Followed *one = follow->followed->pdata[i];
        if (!vh_watch_is_connected(one->watch) && !vh_watch_error(one->watch))
            return FALSE;
    }
    return !follow || (follow->has_looked && !follow->found);
}

gboolean vh_follow_owns(const VhFollow *follow, const VhWatch *watch)
{
    return find_watch(follow, watch) != NULL;
}

gboolean vh_follow_tells(VhFollow *follow, const VhWatch *watch, VhWatchEvent event,
                         const char *text)
{
    Followed *one = find_watch(follow, watch);

    if (!one || (event != VH_WATCH_LOST && event != VH_WATCH_CONNECTED))
        return TRUE;
    g_free(one->lost);
    one->lost = event == VH_WATCH_LOST ? g_strdup(text) : NULL;
    if (event == VH_WATCH_LOST)
        vh_follow_look(follow);
    return event == VH_WATCH_CONNECTED;
}
