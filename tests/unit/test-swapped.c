/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host swapped out of guests, on a /proc of the test's own (a mock: no real kernel is
 * asked). */
#include "fixture.h"
#include "tree.h"
#include "vh-swapped.h"

#include <string.h>

/* QEMU process `100 + number` of guest `number`, of whose private memory so much is swapped out,
 * and of all its memory (with shared < 0: nobody may look). */
static void write_qemu(const Root *root, guint number, guint private_kib, int all_kib)
{
    char uuid[VH_UUID_TEXT];
    const VhUuid id = fixture_uuid(number);
    g_autofree char *folder = g_strdup_printf("%u", 100 + number);
    g_autofree char *cmdline = g_build_filename(folder, "cmdline", NULL);
    g_autofree char *status = g_build_filename(folder, "status", NULL);
    g_autofree char *rollup = g_build_filename(folder, "smaps_rollup", NULL);
    g_autofree char *status_text = g_strdup_printf("Name:\tqemu\nVmSwap:\t%u kB\n", private_kib);
    g_autofree char *rollup_text = g_strdup_printf("Rss: 1 kB\nSwap: %d kB\n", all_kib);
    g_autofree char *line =
        g_strdup_printf("qemu-system-x86_64|-uuid|%s", vh_uuid_format(&id, uuid));
    gsize length = strlen(line);

    for (gsize i = 0; i < length; i++)
        line[i] = line[i] == '|' ? '\0' : line[i];
    write_file(root, cmdline, line, (gssize)length + 1);
    write_file(root, status, status_text, -1);
    if (all_kib >= 0)
        write_file(root, rollup, rollup_text, -1);
}

static VhDomain guest(guint number, gboolean is_shared)
{
    VhDomain domain = fixture_guest(number, "guest");

    domain.uri = "qemu:///system";
    domain.figures &= ~(guint)VH_HAS_SWAPPED;
    domain.facts = is_shared ? VH_FACT_SHARED_MEMORY : 0;
    return domain;
}

/* -1: unknown. */
static gint64 swapped_kib(const VhSnapshot *snapshot, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);

    return domain->figures & VH_HAS_SWAPPED ? (gint64)(domain->swapped_bytes / VH_KIB) : -1;
}

static VhSnapshot *fill(VhSwapped *swapped, const VhDomain *guests, guint n, gint64 seconds,
                        gboolean host_has_swap)
{
    VhSnapshot *snapshot = fixture_snapshot(guests, n, seconds);

    vh_swapped_fill(swapped, snapshot, host_has_swap);
    return snapshot;
}

static void test_known_and_unknown(Root *root, gconstpointer data)
{
    VhDomain guests[] = {guest(1, FALSE), guest(2, TRUE), guest(3, FALSE), guest(4, FALSE),
                         guest(5, FALSE), guest(6, TRUE), guest(7, TRUE)};
    static const gint64 with_swap[] = {10, 25, -1, -1, -1, -1, -1};
    static const gint64 without[] = {0, 0, 0, -1, 0, -1, 0};

    write_qemu(root, 1, 10, 99);
    write_qemu(root, 2, 0, 25);
    /* 3: no process is its */
    write_qemu(root, 4, 10, 99);
    guests[3].uri = "qemu+ssh://elsewhere/system";
    write_qemu(root, 5, 10, 99);
    guests[4].is_running = FALSE;
    write_qemu(root, 6, 0, 99);
    guests[5].tier_reasons = VH_TIER_REASON_FILE_BACKED;
    write_qemu(root, 7, 0, 99);
    guests[6].is_hung = TRUE;
    for (guint has_swap = 0; has_swap < 2; has_swap++) {
        VhSwapped *swapped = vh_swapped_new(root->path);
        g_autoptr(VhSnapshot) snapshot =
            fill(swapped, guests, G_N_ELEMENTS(guests), 0, has_swap == 1);
        for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
            g_test_message("guest %u, swap %u", i + 1, has_swap);
            g_assert_cmpint(swapped_kib(snapshot, i), ==, has_swap ? with_swap[i] : without[i]);
        }
        vh_swapped_free(swapped);
    }
}

/* One walk a turn, everybody's turn comes, and what was found stays meanwhile. */
static void test_walks_in_turn(Root *root, gconstpointer data)
{
    enum { N = 9 };
    VhDomain guests[N];
    gint64 seen[N];
    VhSwapped *swapped = vh_swapped_new(root->path);

    for (guint i = 0; i < N; i++) {
        guests[i] = guest(i + 1, TRUE);
        write_qemu(root, i + 1, 0, 0);
        seen[i] = -1;
    }
    for (guint turn = 0; turn < 4 * N; turn++) {
        for (guint i = 0; i < N; i++)
            write_qemu(root, i + 1, 0, (int)turn);
        g_autoptr(VhSnapshot) snapshot = fill(swapped, guests, N, 5 * turn, TRUE);
        guint n_walked = 0;
        for (guint i = 0; i < N; i++) {
            gint64 now = swapped_kib(snapshot, i);
            n_walked += now == turn;
            g_assert_true(now == turn || now == seen[i]);
            seen[i] = now;
            g_assert_true(turn < N || now > (gint64)turn - N);
        }
        g_assert_cmpuint(n_walked, ==, 1);
    }
    vh_swapped_free(swapped);
}

static void test_walks_seldom(Root *root, gconstpointer data)
{
    const VhDomain one = guest(1, TRUE);
    VhSwapped *swapped = vh_swapped_new(root->path);
    static const struct {
        gint64 seconds;
        gint64 expected;
    } table[] = {{0, 0}, {5, 0}, {29, 0}, {30, 30}, {59, 30}, {61, 61}};

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        write_qemu(root, 1, 0, (int)table[i].seconds);
        g_autoptr(VhSnapshot) snapshot = fill(swapped, &one, 1, table[i].seconds, TRUE);
        g_assert_cmpint(swapped_kib(snapshot, 0), ==, table[i].expected);
    }
    vh_swapped_free(swapped);
}

/* One that is not known yet makes it look for all again, in the midst of those that are. */
static void test_new_guest_among_known_ones(Root *root, gconstpointer data)
{
    VhDomain guests[] = {guest(1, TRUE), guest(2, FALSE), guest(3, TRUE), guest(4, FALSE)};
    VhSwapped *swapped = vh_swapped_new(root->path);

    for (guint number = 1; number <= G_N_ELEMENTS(guests); number++) {
        write_qemu(root, number, number, (int)number);
        g_autoptr(VhSnapshot) snapshot = fill(swapped, guests, number, 31 * number, TRUE);
        /* the private ones at once, the shared ones in their turn */
        g_assert_cmpint(swapped_kib(snapshot, number - 1), ==, number);
        if (number >= 2)
            g_assert_cmpint(swapped_kib(snapshot, 1), ==, 2);
    }
    vh_swapped_free(swapped);
}

/* A guest that was started again is another process, found within half a minute. */
static void test_another_process(Root *root, gconstpointer data)
{
    const VhDomain one = guest(1, FALSE);
    VhSwapped *swapped = vh_swapped_new(root->path);
    static const struct {
        gint64 seconds;
        gint64 expected;
    } table[] = {{0, 10}, {5, -1}, {10, -1}, {31, 20}};

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (i == 0)
            write_qemu(root, 1, 10, 10);
        if (i == 1) {
            g_autofree char *gone = g_build_filename(root->path, "101", NULL);
            g_autofree char *kept = g_build_filename(root->path, "222", NULL);
            g_assert_cmpint(g_rename(gone, kept), ==, 0);
            write_file(root, "222/status", "VmSwap: 20 kB\n", -1);
        }
        g_autoptr(VhSnapshot) snapshot = fill(swapped, &one, 1, table[i].seconds, TRUE);
        g_test_message("after %d s", (int)table[i].seconds);
        g_assert_cmpint(swapped_kib(snapshot, 0), ==, table[i].expected);
    }
    vh_swapped_free(swapped);
}

static void add(const char *path, void (*function)(Root *, gconstpointer))
{
    g_test_add(path, Root, NULL, root_set_up, function, root_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/swapped/known-and-unknown", test_known_and_unknown);
    add("/swapped/walks-in-turn", test_walks_in_turn);
    add("/swapped/walks-seldom", test_walks_seldom);
    add("/swapped/new-guest-among-known-ones", test_new_guest_among_known_ones);
    add("/swapped/another-process", test_another_process);
    return g_test_run();
}
