/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A generated fleet of guests that answer, for the tests of what must always hold: what an ask
 * takes is gone from the guest's resident memory until the guest touches it again. Much simpler
 * than a guest, and without pity: guests lie, hang, and take back at once what they gave. Time
 * advances by turns of the test.
 */
#pragma once

#include "vh-decide.h"

#define FLEET_GUESTS_MAX 32
/* Between two turns. */
#define FLEET_TURN_US (5 * VH_SEC)

typedef struct {
    VhDomain domain;
    guint64 used_bytes;   /* by the guest itself */
    guint64 backed_bytes; /* free in the guest, and backed by the host */
    guint64 free_bytes;   /* all that is free in it */
    guint64 lie_bytes;    /* more than that is what it says */
    int reach_percent;    /* of what is backed, what an ask finds */
    int retouch_percent;  /* of what came back, what is backed again in the next minute */
    guint64 debt_bytes;   /* of that, what is still to come */
    gint64 stale_us;      /* how old its figures are */
    gboolean is_busy;     /* its memory moves from turn to turn */
} FleetGuest;

/* An ask, as the test's own books have it. */
typedef struct {
    guint guest; /* number of the guest */
    guint rank;
    guint weight;
    VhLevel level; /* of the plan */
    guint64 request_id;
    guint64 bytes;
    guint64 returned_bytes;
    gint64 started_us; /* as now_us */
    gint64 ended_us;   /* 0: under way */
    guint64 id;
} FleetAsk;

typedef struct {
    VhConfig *config;
    VhState *state;
    VhState *next;
    VhPlan *plan;
    VhSnapshot *snapshot; /* of the last turn */
    FleetGuest guests[FLEET_GUESTS_MAX];
    guint n_guests;
    GArray *asks; /* FleetAsk, all that were ever made */
    gint64 time_us;
    guint turns_per_ask; /* how long an ask takes; 1: ended at the next turn */
    VhRequest request;   /* id 0: none */
    guint64 total_bytes; /* of the host */
} Fleet;

/* A fleet of n guests of all classes, with the built-in policy over a host whose memory it fills.
 * By g_test_rand_*(). */
Fleet *fleet_new(guint n);
void fleet_free(Fleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)

/* Sees, decides, starts what was planned, and lets time pass. */
void fleet_turn(Fleet *fleet);

/* Of the last turn. */
const VhVerdict *fleet_verdict(const Fleet *fleet, guint guest);

/* All the memory that the host has left. */
gint64 fleet_available_bytes(const Fleet *fleet);

/* Puts the pool's available memory at `percent` of its size from now on, as far as its size goes,
 * by the size of the pool. */
void fleet_set_available(Fleet *fleet, int percent);

guint64 fleet_random_bytes(guint64 most);
gboolean fleet_chance(int percent);
