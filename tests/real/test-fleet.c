/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmark of a fleet, for what it measures, not for who is better: with each engine all
 * guests work, are asked and give something back, and nothing of theirs is lost. */
#include "device-fixture.h"

#include "vh-lab.h"

static JsonObject *run_bench(void)
{
    const char *argv[] = {g_getenv("VIRTHINT_BENCH"), "--json", "fleet", NULL};
    g_autofree char *output = NULL;
    g_autoptr(JsonNode) node = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_spawn_check_wait_status(status, &error);
    g_assert_no_error(error);
    node = json_from_string(output, &error);
    g_assert_no_error(error);
    return json_object_ref(json_node_get_object(node));
}

static void check_engine(JsonObject *row)
{
    g_test_message(
        "%s: %.2f GiB*s missing, %.0f MiB of refaults, %.0f MiB of work, %" G_GINT64_FORMAT " asks",
        json_object_get_string_member(row, "engine"),
        json_object_get_double_member(row, "deficit_gib_s"),
        (double)json_object_get_int_member(row, "refault_bytes") / VH_MIB,
        (double)json_object_get_int_member(row, "worked_bytes") / VH_MIB,
        json_object_get_int_member(row, "asks"));
    g_assert_cmpint(json_object_get_int_member(row, "corrupt_bytes"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(row, "oom_kills"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(row, "asks"), >, 0);
    g_assert_cmpint(json_object_get_int_member(row, "returned_bytes"), >, 0);
}

static void check_family(JsonObject *row)
{
    if (json_object_get_int_member(row, "worked_bytes") == 0)
        g_error("with %s, guests of the family %s got nothing done",
                json_object_get_string_member(row, "engine"),
                json_object_get_string_member(row, "family"));
}

static void test_fleet(void)
{
    if (!device_patched_qemu() || !g_getenv("VH_GUEST_MODULES")) {
        g_test_skip("VH_QEMU or VH_GUEST_MODULES is not set: tools/qemu-build and "
                    "tools/guest-build make what they name");
        return;
    }
    g_autoptr(JsonObject) root = run_bench();
    JsonArray *engines = json_object_get_array_member(root, "engines");
    JsonArray *families = json_object_get_array_member(root, "families");

    g_assert_cmpuint(json_array_get_length(engines), ==, 3);
    for (guint i = 0; i < json_array_get_length(engines); i++)
        check_engine(json_array_get_object_element(engines, i));
    g_assert_cmpuint(json_array_get_length(families), ==, 3 * 8);
    for (guint i = 0; i < json_array_get_length(families); i++)
        check_family(json_array_get_object_element(families, i));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fleet/engines", test_fleet);
    return g_test_run();
}
