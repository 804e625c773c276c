/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmark of how memory comes back, for what it measures, not for how long that takes: its
 * ways bring memory back, its rounds begin alike, and its document has what it promises. */
#include "device-fixture.h"

#include "vh-lab.h"
#include "vh-units.h"

/* What the guest of a small run gives back: all but 1 GiB. */
#define MEMORY "2GiB"
#define BURST_BYTES ((double)VH_GIB)

static JsonObject *run_bench(const char *const *parts)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) argv = NULL;
    g_autofree char *output = NULL;
    g_autoptr(JsonNode) node = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_strv_builder_add_many(builder, g_getenv("VIRTHINT_BENCH"), "--json", "--runs", "1",
                            "--memory", MEMORY, "reclaim", NULL);
    g_strv_builder_addv(builder, (const char **)parts);
    argv = g_strv_builder_end(builder);
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, &error);
    g_assert_no_error(error);
    g_spawn_check_wait_status(status, &error);
    g_assert_no_error(error);
    node = json_from_string(output, &error);
    g_assert_no_error(error);
    return json_object_ref(json_node_get_object(node));
}

static double median(JsonObject *row, const char *key)
{
    return json_object_get_double_member(json_object_get_object_member(row, key), "median");
}

static void check_way(JsonObject *row)
{
    const char *way = json_object_get_string_member(row, "way");

    g_test_message("%s: %.0f of %.0f bytes", way, median(row, "returned_bytes"), BURST_BYTES);
    g_assert_cmpfloat(median(row, "seconds"), >, 0);
    g_assert_cmpfloat(median(row, "huge_bytes"), >, 0.9 * BURST_BYTES);
    g_assert_cmpfloat(median(row, "returned_bytes"), >, 0.9 * BURST_BYTES);
}

/* Runs the ways, of which there are so many rows, and checks all of them. */
static void check_ways(const char *const *parts, guint n_rows, guint n_ratios)
{
    g_autoptr(JsonObject) root = run_bench(parts);
    JsonArray *ways = json_object_get_array_member(root, "ways");
    JsonArray *ratios = json_object_get_array_member(root, "ratios");

    g_assert_cmpuint(json_array_get_length(ways), ==, n_rows);
    for (guint i = 0; i < n_rows; i++)
        check_way(json_array_get_object_element(ways, i));
    g_assert_cmpuint(json_array_get_length(ratios), ==, n_ratios);
    for (guint i = 0; i < n_ratios; i++)
        g_assert_cmpfloat(
            json_object_get_double_member(json_array_get_object_element(ratios, i), "ratio"), >, 0);
}

static void test_stock(void)
{
    static const char *const parts[] = {"coalesced", "stock", "bare", NULL};

    if (!device_patched_qemu()) {
        g_test_skip("VH_QEMU names no patched QEMU: tools/qemu-build makes one");
        return;
    }
    check_ways(parts, 4, 1);
}

static void test_ours(void)
{
    static const char *const parts[] = {"pass", "chunked", NULL};

    if (!device_patched_qemu() || !g_getenv("VH_GUEST_MODULES")) {
        g_test_skip("VH_GUEST_MODULES names no guest driver: tools/guest-build makes one");
        return;
    }
    check_ways(parts, 4, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/stock", test_stock);
    g_test_add_func("/bench/ours", test_ours);
    return g_test_run();
}
