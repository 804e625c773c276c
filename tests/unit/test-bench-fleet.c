/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs of the fleet's guests: they are valid, the same for the same seed, last long enough,
 * and hold at no time more than the pool is reckoned by. */
#include <string.h>

#include "bench-fleet.h"
#include "vh-units.h"
#include "vh-workload.h"

#define SEEDS 20
#define SECONDS 300

typedef struct {
    GHashTable *regions; /* bytes by name; borrowed names */
    guint64 held_bytes, most_bytes, cache_bytes;
    gint64 waits_us;
    guint reports, verifies;
} Walk;

static void set_region(Walk *walk, const char *name, guint64 bytes)
{
    walk->held_bytes -= GPOINTER_TO_SIZE(g_hash_table_lookup(walk->regions, name));
    walk->held_bytes += bytes;
    walk->most_bytes = MAX(walk->most_bytes, walk->held_bytes + walk->cache_bytes);
    g_hash_table_insert(walk->regions, (gpointer)name, GSIZE_TO_POINTER(bytes));
}

static void walk_op(Walk *walk, const VhWorkloadOp *op)
{
    switch (op->kind) {
    case VH_WORKLOAD_ALLOC:
    case VH_WORKLOAD_FRAGMENT:
        g_assert_false(g_hash_table_contains(walk->regions, op->name));
        set_region(walk, op->name, op->bytes);
        if (op->kind == VH_WORKLOAD_FRAGMENT)
            set_region(walk, op->name, op->bytes / op->granule_bytes * op->keep_bytes);
        break;
    case VH_WORKLOAD_VERIFY:
        g_assert_true(g_hash_table_contains(walk->regions, op->name));
        walk->verifies++;
        break;
    case VH_WORKLOAD_FREE:
        set_region(walk, op->name, 0);
        g_hash_table_remove(walk->regions, op->name);
        break;
    case VH_WORKLOAD_CACHE:
        walk->cache_bytes = MAX(walk->cache_bytes, op->bytes);
        break;
    case VH_WORKLOAD_CHURN:
        walk->most_bytes = MAX(walk->most_bytes, walk->held_bytes + op->bytes);
        walk->waits_us += (gint64)op->duration_us;
        break;
    case VH_WORKLOAD_WAIT:
        walk->waits_us += (gint64)op->duration_us;
        break;
    case VH_WORKLOAD_REPORT:
        walk->reports++;
        break;
    default:
        break;
    }
}

static void check_program(const BenchFleetFamily *family, const char *text)
{
    Walk walk = {.regions = g_hash_table_new(g_str_hash, g_str_equal)};
    VhWorkload workload;
    char why[200] = "";

    if (vh_workload_parse(text, strlen(text), &workload, why, sizeof(why)) < 0)
        g_error("%s: %s", family->name, why);
    for (size_t i = 0; i < workload.count; i++)
        walk_op(&walk, &workload.ops[i]);
    g_assert_cmpuint(walk.most_bytes, <=, family->held_mib * VH_MIB);
    g_assert_cmpuint(walk.most_bytes, >=, family->held_mib * VH_MIB * 9 / 10);
    /* Longer than the pool is held, whatever the guest's own work takes. */
    g_assert_cmpint(walk.waits_us, >=, SECONDS * VH_SEC);
    g_assert_cmpuint(walk.reports, >, 0);
    g_assert_cmpuint(walk.verifies, >, 0);
    g_hash_table_unref(walk.regions);
    vh_workload_clear(&workload);
}

static void test_programs(void)
{
    for (guint f = 0; f < bench_fleet_n_families; f++) {
        for (guint seed = 0; seed < SEEDS; seed++) {
            g_autofree char *program =
                bench_fleet_program(&bench_fleet_families[f], f, seed, SECONDS);

            check_program(&bench_fleet_families[f], program);
        }
    }
}

static void test_seeds(void)
{
    const BenchFleetFamily *family = &bench_fleet_families[0];
    g_autofree char *program = bench_fleet_program(family, 0, 1, SECONDS);
    g_autofree char *again = bench_fleet_program(family, 0, 1, SECONDS);
    g_autofree char *other_guest = bench_fleet_program(family, 1, 1, SECONDS);
    g_autofree char *other_seed = bench_fleet_program(family, 0, 2, SECONDS);

    g_assert_cmpstr(program, ==, again);
    g_assert_cmpstr(program, !=, other_guest);
    g_assert_cmpstr(program, !=, other_seed);
}

static void test_fleet(void)
{
    guint guests = 0;

    for (guint f = 0; f < bench_fleet_n_families; f++)
        guests += bench_fleet_families[f].count;
    g_assert_cmpuint(guests, ==, 24);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench-fleet/programs", test_programs);
    g_test_add_func("/bench-fleet/seeds", test_seeds);
    g_test_add_func("/bench-fleet/fleet", test_fleet);
    return g_test_run();
}
