/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon while a guest migrates between two hosts that it watches: the guest is there twice,
 * and judged once; nobody asks it on its way; then it is asked where it is.
 */
#include "daemon-fixture.h"
#include "migrate-fixture.h"

#include "vh-libvirt.h"

#include <string.h>

#define KEEP "seed 7\nalloc keep 100MiB\n"
#define FREE_MUCH "alloc big 500MiB\nfree big\n"
#define VERIFY "verify keep\n"
#define MOST_BYTES (100 * VH_MIB)
#define LOOKS 12
#define LOOK_US (250 * VH_MS)

static const MovingKind stock = {"stock", MOVING_STOCK, FALSE, FALSE};
static const MovingKind live = {"live", MOVING_LIVE, FALSE, FALSE};

typedef struct {
    Moving m;
    DaemonFixture daemon;
} Watched;

static void write_policy(Watched *w, const char *budget)
{
    g_autofree char *text = g_strdup_printf(
        "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n"
        " \"pool\": {\"source\": \"budget\", \"budget\": \"%s\"},\n"
        " \"classes\": {\"batch\": {\"cooldown\": \"1s\"}},\n"
        " \"match\": [{\"name\": \"device-*\", \"class\": \"batch\"}]}\n",
        budget);

    daemon_fixture_write_policy(&w->daemon, text);
}

static gboolean is_there(JsonObject *domain, gpointer uri)
{
    return g_strcmp0(json_object_get_string_member(domain, "uri"), uri) == 0;
}

static gboolean watched_start(Watched *w, const MovingKind *kind, const char *budget)
{
    memset(w, 0, sizeof(*w));
    if (!moving_start(&w->m, kind, FALSE, (DeviceOptions){0}))
        return FALSE;
    daemon_fixture_set_up(&w->daemon, NULL);
    write_policy(w, budget);
    const char *options[] = {"--connect", vh_lab_uri(w->m.there), NULL};
    daemon_fixture_start(&w->daemon, options);
    daemon_fixture_await(&w->daemon, w->m.device.name, is_there,
                         (gpointer)vh_lab_uri(w->m.device.lab));
    return TRUE;
}

static void watched_stop(Watched *w)
{
    daemon_fixture_stop(&w->daemon);
    daemon_fixture_tear_down(&w->daemon, NULL);
    moving_stop(&w->m);
}

/* Threads of the daemon: one that waits for a guest is one more. */
static guint n_threads(Watched *w)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)w->daemon.daemon_pid);
    GDir *folder = g_dir_open(path, 0, NULL);
    guint n = 0;

    g_assert_nonnull(folder);
    while (g_dir_read_name(folder))
        n++;
    g_dir_close(folder);
    return n;
}

/* What the daemon has of the guest now. */
typedef struct {
    guint n_here, n_there; /* copies, by connection */
    guint n_judged;        /* that are judged for themselves */
} Seen;

static Seen look(Watched *w)
{
    const char *list[] = {"list", NULL};
    g_autoptr(JsonObject) document = daemon_fixture_json(&w->daemon, FALSE, list);
    JsonArray *domains = json_object_get_array_member(document, "domains");
    Seen seen = {0};

    for (guint i = 0; i < json_array_get_length(domains); i++) {
        JsonObject *domain = json_array_get_object_element(domains, i);
        const char *uri = json_object_get_string_member(domain, "uri");
        const char *reason = json_object_get_string_member_with_default(domain, "reason", "");

        g_assert_cmpstr(json_object_get_string_member(domain, "uuid"), ==,
                        vh_lab_guest_uuid(w->m.device.guest));
        if (g_str_equal(uri, vh_lab_uri(w->m.there)))
            seen.n_there++;
        else
            seen.n_here++;
        if (!g_str_equal(reason, "other-copy"))
            seen.n_judged++;
        g_test_message("%s: %s", uri, reason);
    }
    return seen;
}

static void is_judged_once(gconstpointer kind)
{
    guint n_twice = 0;
    Watched w;

    if (!watched_start(&w, kind, "64GiB"))
        return;
    device_work(&w.m.device, KEEP);
    Seen before = look(&w);
    g_assert_cmpuint(before.n_here, ==, 1);
    g_assert_cmpuint(before.n_there, ==, 0);
    guint n_before = n_threads(&w);
    VhLabMigration *migration = moving_begin(&w.m, w.m.is_live);
    for (int i = 0; i < LOOKS; i++) {
        const char *info[] = {"info", w.m.device.name, NULL};
        Seen seen = look(&w);
        /* Its name is still one domain's: the one that runs, or did last. */
        g_autoptr(JsonObject) document = daemon_fixture_json(&w.daemon, FALSE, info);

        g_assert_cmpuint(seen.n_judged, ==, 1);
        g_assert_cmpuint(seen.n_here, ==, 1);
        n_twice += seen.n_there;
        g_usleep(LOOK_US);
    }
    /* Nobody waits at the destination for a guest that has not arrived yet. */
    g_test_message("seen twice in %u of %d looks; %u threads, then %u", n_twice, LOOKS, n_before,
                   n_threads(&w));
    g_assert_cmpuint(n_threads(&w), <=, n_before + 1);
    g_autofree char *log = daemon_fixture_log(&w.daemon);
    g_assert_nonnull(strstr(log, "a migration is bringing it"));
    g_assert_false(vh_lab_migration_has_ended(migration));
    moving_arrive(&w.m, migration);
    daemon_fixture_await(&w.daemon, w.m.device.name, is_there, (gpointer)vh_lab_uri(w.m.there));
    Seen after = look(&w);
    while (after.n_here > 0) {
        g_usleep(LOOK_US);
        after = look(&w);
        g_assert_cmpuint(after.n_judged, ==, 1);
    }
    g_assert_cmpuint(after.n_there, ==, 1);
    device_work(&w.m.device, VERIFY);
    watched_stop(&w);
}

/* Short of memory all the while: asked where it was, not on its way, and where it is then. */
static void is_asked_where_it_is(gconstpointer kind)
{
    guint64 least = MOST_BYTES;
    Watched w;

    if (!watched_start(&w, kind, "64GiB"))
        return;
    /* Continuous reporting would be quicker than any ask. */
    if (w.m.is_live)
        device_set(&w.m.device, FALSE);
    device_work(&w.m.device, KEEP FREE_MUCH);
    VhLabMigration *migration = moving_begin(&w.m, w.m.is_live);
    g_autofree char *before = daemon_fixture_log(&w.daemon);
    write_policy(&w, "64MiB");
    const char *reload[] = {"reload", NULL};
    g_assert_cmpint(daemon_fixture_run(&w.daemon, FALSE, reload, NULL, NULL), ==, 0);
    for (int i = 0; i < LOOKS; i++) {
        (void)look(&w);
        g_assert_cmpuint(device_balloon_bytes(&w.m.device), ==, VH_GIB);
        g_usleep(LOOK_US);
    }
    g_assert_false(vh_lab_migration_has_ended(migration));
    g_autofree char *log = daemon_fixture_log(&w.daemon);
    g_assert_null(strstr(log + strlen(before), "asked for "));
    moving_arrive(&w.m, migration);
    daemon_fixture_await(&w.daemon, w.m.device.name, daemon_check_returned, &least);
    device_work(&w.m.device, VERIFY);
    watched_stop(&w);
}

int main(int argc, char **argv)
{
    static const MovingKind *const kinds[] = {&stock, &live};

    vh_libvirt_init();
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *judged =
            g_strdup_printf("/migrate-watch/is-judged-once/%s", kinds[i]->name);
        g_autofree char *asked =
            g_strdup_printf("/migrate-watch/is-asked-where-it-is/%s", kinds[i]->name);

        g_test_add_data_func(judged, kinds[i], is_judged_once);
        g_test_add_data_func(asked, kinds[i], is_asked_where_it_is);
    }
    return g_test_run();
}
