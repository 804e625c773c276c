/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After the rule of Proxmox VE: the host is to be used to 80 %; each guest gets its minimum, and of
 * what is there beyond the minima a part by its shares; nobody moves by more than 100 MiB at a
 * time.
 */
#include "vh-rule.h"

#define PROXMOX_PERIOD_US (10 * VH_SEC)
#define PROXMOX_GOAL_BP 8000
#define PROXMOX_IDLE_BAND ((gint64)(10 * VH_MIB)) /* a goal within it is met */
#define PROXMOX_STEP ((gint64)(100 * VH_MIB))
/* A guest has enough free when that is more than a quarter of its minimum. */
#define PROXMOX_FREE_SHARE 4
/* Ours: the minimum, which there is a setting of the guest, as a share of its maximum. */
#define PROXMOX_MINIMUM_SHARE 4
/* Shares: 1000 unless set, at most 50000; a class of the default weight gets the former. */
#define PROXMOX_SHARES 1000
#define PROXMOX_SHARES_MAX 50000
#define PROXMOX_WEIGHT 4
/* What is left over is given out again, up to so many times. */
#define PROXMOX_ROUNDS 64

static gint64 minimum_of(const VhRuleGuest *guest)
{
    return (gint64)(guest->maximum_bytes / PROXMOX_MINIMUM_SHARE);
}

static double shares_of(const VhRuleGuest *guest)
{
    return MIN((double)PROXMOX_SHARES * guest->weight / PROXMOX_WEIGHT, PROXMOX_SHARES_MAX);
}

/* What one unit of shares stands for, in bytes above the minimum, when all lose `rest`. */
static double bytes_per_share(const GArray *guests, gint64 rest)
{
    double above = (double)rest, shares = 0;

    for (guint i = 0; i < guests->len; i++) {
        const VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        if (guest->is_listed) {
            above += (double)((gint64)guest->target_bytes - minimum_of(guest));
            shares += shares_of(guest);
        }
    }
    return shares > 0 ? above / shares : 0;
}

/* Moves one guest's target towards its part; by how much, negative. */
static gint64 shrink_guest(VhRuleGuest *guest, double per_share)
{
    gint64 holds = (gint64)vh_rule_guest_holds(guest), old = (gint64)guest->target_bytes;
    gint64 part = minimum_of(guest) + (gint64)(per_share * shares_of(guest));
    gint64 wanted = CLAMP(part, minimum_of(guest), (gint64)guest->maximum_bytes);

    if (wanted >= holds) {
        guest->is_listed = FALSE; /* it is not over its part: done with */
        return 0;
    }
    gint64 target = MAX(wanted, holds - PROXMOX_STEP);
    guest->target_bytes = (guint64)target;
    return target - old;
}

/* Shares the rest out among the listed ones until it is gone or nobody moves. Returns what is left
 * of it, negative. */
static gint64 shrink_listed(GArray *guests, gint64 goal)
{
    gint64 rest = goal, moved = 1;

    for (guint round = 0; round < PROXMOX_ROUNDS && rest != 0 && moved != 0; round++) {
        double per_share = bytes_per_share(guests, rest);
        moved = 0;
        for (guint i = 0; i < guests->len; i++) {
            VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
            if (guest->is_listed)
                moved += shrink_guest(guest, per_share);
        }
        rest -= moved;
    }
    return rest;
}

void vh_rule_proxmox(GArray *guests, gint64 goal_bytes)
{
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        gint64 minimum = minimum_of(guest);
        guest->target_bytes = vh_rule_guest_holds(guest);
        guest->is_listed = (gint64)guest->idle_bytes > minimum / PROXMOX_FREE_SHARE &&
                           (gint64)guest->target_bytes >= minimum;
        guest->ask_bytes = 0;
    }
    if (goal_bytes >= -PROXMOX_IDLE_BAND)
        return;
    if (shrink_listed(guests, goal_bytes) <= goal_bytes) { /* nobody moved: everybody's turn */
        for (guint i = 0; i < guests->len; i++)
            g_array_index(guests, VhRuleGuest, i).is_listed = TRUE;
        shrink_listed(guests, goal_bytes);
    }
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guest->ask_bytes = vh_sub(vh_rule_guest_holds(guest), guest->target_bytes);
    }
}

void vh_engine_proxmox(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    gint64 kept = (gint64)vh_share(rule.total_bytes, 10000 - PROXMOX_GOAL_BP);
    if (vh_rule_is_due(&rule, PROXMOX_PERIOD_US))
        vh_rule_proxmox(rule.guests, rule.available_bytes - kept);
    vh_rule_end(&rule);
}
