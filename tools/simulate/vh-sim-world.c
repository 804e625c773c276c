/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated host: memory, swap, pressure, and what the pool really lacks. */
#include "vh-sim-private.h"
#include "vh-sim-random.h"

#include <math.h>

#define MIB ((double)VH_MIB)
#define KERNEL_SHARE 0.005       /* of the host's memory that its kernel tries to keep free */
#define SWAP_SHARE_FREE 0.7      /* of what is swapped out is free in its guest */
#define PSI_SWAP_MIB_PER_S 100.0 /* swapping so fast keeps some task waiting all the time */
#define PSI_SECONDS 10.0

static double amount_mib(const VhAmount *amount, double total_mib)
{
    return amount->is_share ? total_mib * amount->share_bp / 10000 : (double)amount->bytes / MIB;
}

static void init_pool(VhSimWorld *world)
{
    const VhPoolConfig *pool = &world->config->pool;
    double reserve_mib = (double)pool->reserve_bytes / MIB;
    double total[] = {
        [VH_POOL_HOST] = world->total_mib - reserve_mib,
        [VH_POOL_BUDGET] = (double)pool->budget_bytes / MIB,
        [VH_POOL_CGROUP] = world->group_mib,
        [VH_POOL_NUMA] = world->total_mib / world->scenario->host.nodes - reserve_mib,
    };

    world->pool_total_mib = MAX(0, total[pool->source]);
    world->enter_mib = amount_mib(&pool->levels[VH_LEVEL_LOW].enter, world->pool_total_mib);
    world->exit_mib = amount_mib(&pool->levels[VH_LEVEL_LOW].exit, world->pool_total_mib);
    world->critical_mib = amount_mib(&pool->levels[VH_LEVEL_CRITICAL].enter, world->pool_total_mib);
}

static void init_requests(VhSimWorld *world)
{
    world->requests = g_new0(VhSimRequest, world->scenario->n_requests);
    for (guint i = 0; i < world->scenario->n_requests; i++)
        world->requests[i].wish = world->scenario->requests[i];
}

VhSimWorld *vh_sim_world_new(const VhScenario *scenario, const VhConfig *config, guint run)
{
    VhSimWorld *world = g_new0(VhSimWorld, 1);
    const VhScenarioHost *host = &scenario->host;

    world->source.read = vh_sim_tell;
    world->actuator.report = vh_sim_asks_report;
    world->actuator.act = vh_sim_asks_act;
    world->actuator.toggle = vh_sim_asks_toggle;
    world->scenario = scenario;
    world->config = config;
    world->total_mib = (double)host->memory_bytes / MIB;
    world->overhead_mib = (double)host->overhead_bytes / MIB;
    world->swap_mib = (double)host->swap_bytes / MIB;
    world->group_mib = (double)host->group_bytes / MIB;
    world->flights = g_array_new(FALSE, FALSE, sizeof(VhSimFlight));
    world->judges = g_array_new(FALSE, FALSE, sizeof(VhSimJudge));
    world->ended = g_array_new(FALSE, FALSE, sizeof(VhEnded));
    world->truth.episodes = g_array_new(FALSE, FALSE, sizeof(double));
    world->pool_state = vh_state_new();
    world->pool_next = vh_state_new();
    world->pool_plan = vh_plan_new();
    init_pool(world);
    init_requests(world);
    vh_sim_tell_init(world, vh_sim_random_stream(scenario->seed, 0, run));
    return world;
}

void vh_sim_world_free(VhSimWorld *world)
{
    if (!world)
        return;
    g_free(world->members);
    g_ptr_array_unref(world->names);
    g_array_unref(world->flights);
    g_array_unref(world->judges);
    g_array_unref(world->ended);
    g_array_unref(world->truth.episodes);
    g_free(world->requests);
    vh_state_free(world->pool_state);
    vh_state_free(world->pool_next);
    vh_plan_free(world->pool_plan);
    g_free(world);
}

VhSource *vh_sim_world_source(VhSimWorld *world)
{
    return &world->source;
}

VhActuator *vh_sim_world_actuator(VhSimWorld *world)
{
    return &world->actuator;
}

double vh_sim_world_available_mib(const VhSimWorld *world)
{
    return world->total_mib - world->overhead_mib - world->resident_mib;
}

double vh_sim_world_pool_mib(const VhSimWorld *world)
{
    const VhPoolConfig *pool = &world->config->pool;
    double nodes = world->scenario->host.nodes;

    switch (pool->source) {
    case VH_POOL_BUDGET:
    case VH_POOL_CGROUP:
        return world->pool_total_mib - world->resident_mib;
    case VH_POOL_NUMA:
        return world->pool_total_mib - world->overhead_mib / nodes -
               world->node_resident_mib[pool->node];
    default:
        return world->pool_total_mib - world->overhead_mib - world->resident_mib;
    }
}

/* Sums are made anew each second, so that no error of rounding adds up. */
static void sum_up(VhSimWorld *world)
{
    world->resident_mib = 0;
    world->swapped_mib = 0;
    for (guint i = 0; i < world->scenario->host.nodes; i++)
        world->node_resident_mib[i] = 0;
    for (guint i = 0; i < world->n_members; i++) {
        double resident = vh_sim_guest_resident(&world->members[i].memory);

        world->resident_mib += resident;
        world->node_resident_mib[world->members[i].node] += resident;
        world->swapped_mib += vh_sim_guest_swapped(&world->members[i].memory);
    }
}

/* The kernel makes room: what each guest gives is by what it has. Returns how much that was. */
static double swap_out(VhSimWorld *world)
{
    double lacking = world->total_mib * KERNEL_SHARE - vh_sim_world_available_mib(world);
    double wanted = MIN(lacking, world->swap_mib - world->swapped_mib);
    double swapped = 0;

    if (wanted <= 0 || world->resident_mib <= 0)
        return 0;
    for (guint i = 0; i < world->n_members; i++) {
        VhSimGuest *memory = &world->members[i].memory;
        double part = vh_sim_guest_resident(memory) / world->resident_mib;

        swapped += vh_sim_guest_swap_out(memory, wanted * part, SWAP_SHARE_FREE);
    }
    world->swapped_out_mib += swapped;
    world->swapped_mib += swapped;
    world->resident_mib -= swapped;
    return swapped;
}

static void follow_pressure(VhSimWorld *world, double swapped_mib, double lost_s)
{
    double waits = swapped_mib / PSI_SWAP_MIB_PER_S + (lost_s > 0 ? 1 : 0);

    world->psi += (MIN(waits, 1) - world->psi) / PSI_SECONDS;
}

static void judge_pool(VhSimWorld *world)
{
    double available = vh_sim_world_pool_mib(world);

    if (available < world->enter_mib) {
        world->truth.deficit_gib_s += (world->enter_mib - available) / 1024;
        if (world->below_since_s == 0)
            world->below_since_s = world->now_s;
    }
    if (available < world->critical_mib)
        world->truth.critical_s += 1;
    if (world->below_since_s > 0 && available >= world->exit_mib) {
        double episode = world->now_s - world->below_since_s;
        g_array_append_val(world->truth.episodes, episode);
        world->below_since_s = 0;
    }
}

static void judge_requests(VhSimWorld *world)
{
    for (guint i = 0; i < world->scenario->n_requests; i++) {
        VhSimRequest *request = &world->requests[i];
        double at_s = (double)request->wish.at_us / (double)VH_SEC;
        double end_s = at_s + (double)request->wish.deadline_us / (double)VH_SEC;
        double wanted_mib = (double)request->wish.bytes / MIB;

        if (world->now_s == floor(at_s))
            request->is_open = TRUE;
        if (request->is_open && request->returned_mib >= wanted_mib)
            request->is_open = FALSE;
        if (world->now_s == floor(end_s)) {
            world->truth.missed_gib += MAX(0, wanted_mib - request->truly_mib) / 1024;
            request->is_open = FALSE;
        }
    }
}

gboolean vh_sim_world_step(VhSimWorld *world)
{
    double room = vh_sim_world_available_mib(world) + world->swap_mib - world->swapped_mib;
    double lost_s = 0;

    world->now_s += 1;
    for (guint i = 0; i < world->n_members; i++) {
        VhSimMember *member = &world->members[i];
        double lost_before_s = member->memory.tally.lost_s;
        double grown = vh_sim_guest_step(&member->memory, world->now_s, room);

        room -= grown;
        lost_s += member->memory.tally.lost_s - lost_before_s;
        vh_sim_tell_stats(world, member, grown);
    }
    gboolean has_ended = vh_sim_asks_step(world);
    sum_up(world);
    follow_pressure(world, swap_out(world), lost_s);
    judge_pool(world);
    judge_requests(world);
    vh_sim_asks_judge(world, world->now_s);
    return has_ended;
}

void vh_sim_world_finish(VhSimWorld *world)
{
    if (world->below_since_s > 0) {
        double episode = world->now_s - world->below_since_s;
        g_array_append_val(world->truth.episodes, episode);
    }
    vh_sim_asks_judge(world, G_MAXDOUBLE);
}

double vh_sim_world_now_s(const VhSimWorld *world)
{
    return world->now_s;
}

const VhSimTruth *vh_sim_world_truth(const VhSimWorld *world)
{
    return &world->truth;
}

guint vh_sim_world_n_members(const VhSimWorld *world)
{
    return world->n_members;
}

const VhSimMember *vh_sim_world_member(const VhSimWorld *world, guint index)
{
    return &world->members[index];
}

double vh_sim_world_pool_total_mib(const VhSimWorld *world)
{
    return world->pool_total_mib;
}

const VhPrices *vh_sim_world_prices(const VhSimWorld *world)
{
    return &world->scenario->prices;
}

VhLevel vh_sim_world_level(const VhSimWorld *world)
{
    return world->pool_plan->level;
}
