/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scenario: a host, its guests, what happens to them, the policy to be tried and the prices that
 * it is judged by. Plain data, from a strict JSON file.
 */
#pragma once

#include "vh-config.h"
#include "vh-sim-params.h"
#include "vh-tier.h"

G_BEGIN_DECLS

#define VH_SCENARIO_GUESTS_MAX 20000
#define VH_SCENARIO_NODES_MAX 8

typedef enum {
    VH_SET_EXAMPLE,
    VH_SET_TUNING,
    VH_SET_HELD_OUT,
} VhScenarioSet;

typedef struct {
    guint64 memory_bytes;
    guint64 swap_bytes;
    guint64 overhead_bytes; /* what the host itself uses */
    guint64 group_bytes;    /* limit of the control group of all guests; 0: there is none */
    guint nodes;            /* NUMA nodes; guests are spread over them in turn */
} VhScenarioHost;

/* Weighted milliseconds of work that the guests lose, by what happens. Those of one guest are
 * multiplied by its weight. */
typedef struct {
    double deficit_ms_per_gib_s; /* what lacks to the enter bound of low */
    double critical_ms_per_s;    /* the pool is below the enter bound of critical */
    double ask_ms;               /* a pulse */
    double ask_ms_per_gib;       /* and what it took out of the guest for a while */
    double pass_ms;              /* a pass */
    double pass_ms_per_gib;      /* and what it discarded; continuous reporting too */
    double refault_ms_per_mib;   /* what was given back and is needed again */
    double swap_in_ms_per_mib;   /* what the host swapped out and is needed again */
    double stall_ms_per_s;       /* a guest waits for memory */
    double lost_ms_per_s;        /* a guest does not get memory at all */
    double missed_ms_per_gib;    /* what lacks to a request when its deadline has come */
} VhPrices;

typedef struct {
    int family; /* VhSimFamily */
    char *name; /* "ci-%03u": with the guest's number in the group, from 0 on; owned */
    guint count;
    guint64 memory_bytes;
    char *class_name; /* what the domain's metadata asks for; NULL: nothing; owned */
    guint weight;     /* by which what happens to it counts; 0: the weight of its class */
    int tier;         /* VhTier */
    gboolean has_autodeflate;
    guint n_vcpus;
    VhSimParams params;
} VhScenarioGuests;

/* Memory that somebody wants at some time, as through the API. */
typedef struct {
    gint64 at_us;
    guint64 bytes;
    int urgency;        /* VhLevel */
    gint64 deadline_us; /* after at_us */
} VhScenarioRequest;

typedef struct {
    char *name;        /* owned */
    char *description; /* owned; may be empty */
    int set;           /* VhScenarioSet */
    guint seed;
    gint64 horizon_us;
    VhScenarioHost host;
    VhPrices prices;
    VhConfig *config;         /* the scenario's policy, or the built-in one; owned */
    char *policy;             /* its text, for others to be merged over it; NULL: none; owned */
    VhScenarioGuests *guests; /* owned */
    guint n_groups;
    guint n_guests;              /* in all groups */
    VhScenarioRequest *requests; /* owned */
    guint n_requests;
} VhScenario;

/*
 * Reads a scenario. Whatever is wrong, unknown, out of range or missing: VH_ERROR_INVALID, "FILE:
 * LINE: /json/pointer: what is wrong; what would be right". `file` is for errors only.
 */
VhScenario *vh_scenario_parse(const char *file, const char *text, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_scenario_free(VhScenario *scenario);

/* Whether the scenario's host has what a policy's pool is about; VH_ERROR_INVALID, with what would
 * have to be written under "host". */
gboolean vh_scenario_has_pool(const VhScenario *scenario, const VhPoolConfig *pool,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhScenario, vh_scenario_free)

/* The name of the guest of this number in its group. Free with g_free(). */
char *vh_scenario_guest_name(const VhScenarioGuests *guests, guint number);

/* "example", "tuning", "held-out"; static. */
const char *vh_scenario_set_name(VhScenarioSet set);

/* The rows of the documentation's tables: every key, then every parameter's default in each family.
 * NULL-terminated; free with g_strfreev(). */
char **vh_scenario_document(void);

G_END_DECLS
