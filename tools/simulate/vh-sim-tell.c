/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an engine is told of a simulated world: figures as old and as wrong as real ones. */
#include "vh-sim-private.h"
#include "vh-sim-random.h"
#include "vh-treatment.h"

#include <math.h>
#include <string.h>

#define MIB ((double)VH_MIB)
#define PAGES_PER_MIB 256
#define READS_PER_MIB 8 /* of a file, with the kernel's readahead */
#define PID_BASE 100

static guint64 bytes_of(double mib)
{
    return mib > 0 ? (guint64)(mib * MIB) : 0;
}

/* The driver tells its figures: those of this moment, until it tells again. */
static void sample(VhSimWorld *world, VhSimMember *member)
{
    const VhSimGuest *memory = &member->memory;
    VhDomain *domain = &member->domain;
    double free = MAX(0, vh_sim_guest_free(memory) - memory->held_mib);
    double lie = (memory->managed_mib - free) * memory->params->lie_bp / 10000.0;
    double floor = memory->managed_mib * 0.01 + 8;

    domain->unused_bytes = bytes_of(free + lie);
    domain->available_bytes =
        bytes_of(memory->managed_mib - (memory->has_autodeflate ? 0 : memory->held_mib));
    domain->usable_bytes = bytes_of(free + lie + memory->cache_mib * 0.9 - floor);
    domain->caches_bytes = bytes_of(memory->cache_mib);
    domain->stats_time_us = VH_SIM_WALL_US + (gint64)(world->now_s * (double)VH_SEC);
}

static gboolean tells_stats(const VhSimWorld *world, const VhSimMember *member)
{
    int family = world->scenario->guests[member->group].family;

    return family != VH_FAMILY_NO_STATS && family != VH_FAMILY_NO_DRIVER;
}

void vh_sim_tell_stats(VhSimWorld *world, VhSimMember *member, double grown_mib)
{
    const VhSimGuest *memory = &member->memory;
    VhDomain *domain = &member->domain;
    double pages = (memory->churn_mib * memory->work.activity + MAX(grown_mib, 0)) * PAGES_PER_MIB;
    double reads = memory->cache_fill_mib * memory->work.activity * READS_PER_MIB;

    if (!memory->has_started || (member->hang_s > 0 && world->now_s >= member->hang_s))
        return;
    domain->minor_faults += (guint64)pages;
    domain->major_faults += (guint64)reads;
    domain->cpu_time_us += (gint64)(memory->work.activity * domain->n_vcpus * (double)VH_SEC);
    if (world->now_s >= member->next_stats_s && tells_stats(world, member)) {
        member->next_stats_s += member->stats_period_s;
        sample(world, member);
    }
}

/* What changes from one look to the next. */
static void refresh(const VhSimWorld *world, VhSimMember *member)
{
    VhSimGuest *memory = &member->memory;
    VhDomain *domain = &member->domain;
    double noise = memory->params->noise_bp / 10000.0;

    domain->is_running = memory->has_started;
    domain->is_hung = member->hang_s > 0 && world->now_s >= member->hang_s;
    if (domain->is_hung)
        return;
    domain->id = memory->has_started ? PID_BASE + (int)(member - world->members) : -1;
    domain->current_bytes = bytes_of(memory->memory_mib - memory->held_mib);
    domain->rss_bytes = bytes_of(vh_sim_guest_resident(memory) *
                                 vh_sim_random_around(&memory->noise_random, noise));
    domain->swapped_bytes = bytes_of(vh_sim_guest_swapped(memory));
    if (domain->tier == VH_TIER_NATIVE)
        domain->reports = memory->is_reporting ? VH_REPORTS_ON : VH_REPORTS_OFF;
}

static void tell_nodes(const VhSimWorld *world, VhSnapshot *snapshot)
{
    double nodes = world->scenario->host.nodes;

    for (guint i = 0; i < world->scenario->host.nodes; i++) {
        VhNode node = {.id = i, .total_bytes = bytes_of(world->total_mib / nodes)};
        node.available_bytes = bytes_of((world->total_mib - world->overhead_mib) / nodes -
                                        world->node_resident_mib[i]);
        g_array_append_val(snapshot->nodes, node);
    }
}

static void tell_host(const VhSimWorld *world, VhSnapshot *snapshot)
{
    gint64 elapsed_us = (gint64)(world->now_s * (double)VH_SEC);

    snapshot->now_us = VH_SEC + elapsed_us;
    snapshot->wall_us = VH_SIM_WALL_US + elapsed_us;
    snapshot->mem_total_bytes = bytes_of(world->total_mib);
    snapshot->mem_available_bytes = bytes_of(vh_sim_world_available_mib(world));
    snapshot->pressure = (VhPressure){
        .has_psi = TRUE,
        .psi_some_bp = (guint)(world->psi * 10000),
        .psi_full_bp = (guint)(world->psi * world->psi * 10000),
        .has_swap_out = TRUE,
        .swap_out_bytes = bytes_of(world->swapped_out_mib),
    };
    snapshot->has_group = world->group_mib > 0;
    snapshot->group = (VhGroup){.limit_bytes = bytes_of(world->group_mib),
                                .current_bytes = bytes_of(world->resident_mib)};
    if (world->scenario->host.nodes > 1)
        tell_nodes(world, snapshot);
}

gboolean vh_sim_tell(VhSource *source, const VhConfig *config, VhSnapshot *snapshot, GError **error)
{
    VhSimWorld *world = (VhSimWorld *)source;

    tell_host(world, snapshot);
    g_array_set_size(snapshot->domains, world->n_members);
    for (guint i = 0; i < world->n_members; i++) {
        refresh(world, &world->members[i]);
        g_array_index(snapshot->domains, VhDomain, i) = world->members[i].domain;
    }
    return TRUE;
}

static guint figures_of(int family)
{
    guint host = VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_RSS | VH_HAS_CPU_TIME | VH_HAS_SWAPPED |
                 VH_HAS_VCPUS;

    if (family == VH_FAMILY_NO_DRIVER || family == VH_FAMILY_NO_STATS)
        return host;
    return host | VH_HAS_UNUSED | VH_HAS_AVAILABLE | VH_HAS_USABLE | VH_HAS_CACHES | VH_HAS_FAULTS |
           VH_HAS_SWAP_IN;
}

/* A native guest is one only where the policy lets QEMU be asked. */
static void init_tier(VhDomain *domain, const VhScenarioGuests *guests, const VhConfig *config)
{
    domain->tier = (VhTier)guests->tier;
    if (domain->tier > VH_TIER_PULSE && !config->allows_monitor) {
        domain->tier = VH_TIER_PULSE;
        domain->tier_reasons |= VH_TIER_REASON_NO_MONITOR;
    } else if (domain->tier == VH_TIER_SOFT) {
        domain->tier_reasons |= VH_TIER_REASON_STOCK_DRIVER;
    } else if (domain->tier == VH_TIER_PULSE) {
        domain->tier_reasons |= VH_TIER_REASON_STOCK_DEVICE;
    } else if (domain->tier == VH_TIER_NONE) {
        domain->tier_reasons |= VH_TIER_REASON_NO_DRIVER;
    }
}

static void init_member(VhSimWorld *world, VhSimMember *member, guint group, guint64 seed,
                        guint number, const char *name)
{
    const VhScenarioGuests *guests = &world->scenario->guests[group];
    VhDomain *domain = &member->domain;
    guint64 random = vh_sim_random_stream(seed, 4, number);
    gint64 period_us = guests->params.stats_period_us;

    vh_sim_guest_init(&member->memory, &guests->params, (double)guests->memory_bytes / MIB,
                      guests->has_autodeflate, seed, number);
    member->group = group;
    member->node = number % world->scenario->host.nodes;
    for (guint i = 0; i < VH_UUID_BYTES; i++)
        domain->uuid.bytes[i] = (guint8)vh_sim_random_next(&random);
    domain->uri = "sim:///";
    domain->name = name;
    init_tier(domain, guests, world->config);
    domain->has_autodeflate = guests->has_autodeflate;
    domain->node_mask = world->scenario->host.nodes > 1 ? (guint64)1 << member->node : 0;
    domain->figures = figures_of(guests->family);
    domain->maximum_bytes = guests->memory_bytes;
    domain->n_vcpus = guests->n_vcpus;
    domain->stats_period_us = period_us > 0 ? period_us : world->config->stats_period_us;
    if (guests->class_name) {
        domain->override.keys = VH_OVERRIDE_CLASS;
        g_strlcpy(domain->override.class_name, guests->class_name, VH_CLASS_NAME_MAX);
    }
    member->stats_period_s = (double)domain->stats_period_us / (double)VH_SEC;
    member->next_stats_s =
        ceil(member->memory.start_s + member->stats_period_s * vh_sim_random_unit(&random));
    member->hang_s = (double)guests->params.hang_us / (double)VH_SEC;
}

static int compare_members(gconstpointer a, gconstpointer b)
{
    return vh_uuid_compare(&((const VhSimMember *)a)->domain.uuid,
                           &((const VhSimMember *)b)->domain.uuid);
}

/* What happens to a guest counts by the scenario's own policy, whichever is tried. */
static void init_weights(VhSimWorld *world)
{
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();

    snapshot->wall_us = VH_SIM_WALL_US;
    for (guint i = 0; i < world->n_members; i++) {
        VhSimMember *member = &world->members[i];
        guint weight = world->scenario->guests[member->group].weight;
        VhClass treatment;

        vh_treatment_of(world->scenario->config, snapshot, &member->domain, &treatment);
        member->weight = weight > 0 ? weight : treatment.weight;
    }
}

void vh_sim_tell_init(VhSimWorld *world, guint64 seed)
{
    const VhScenario *scenario = world->scenario;
    guint n = 0;

    world->n_members = scenario->n_guests;
    world->members = g_new0(VhSimMember, scenario->n_guests);
    world->names = g_ptr_array_new_with_free_func(g_free);
    for (guint group = 0; group < scenario->n_groups; group++) {
        for (guint i = 0; i < scenario->guests[group].count; i++) {
            char *name = vh_scenario_guest_name(&scenario->guests[group], i);

            g_ptr_array_add(world->names, name);
            init_member(world, &world->members[n], group, seed, n, name);
            n++;
        }
    }
    qsort(world->members, world->n_members, sizeof(VhSimMember), compare_members);
    init_weights(world);
}
