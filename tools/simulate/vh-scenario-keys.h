/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of a scenario file as data: the parser and the documentation go by the same tables.
 * Private to the parser of scenarios.
 */
#pragma once

#include "vh-policy-value.h"
#include "vh-scenario.h"

G_BEGIN_DECLS

/* What stands there, beyond the kinds of value that a policy has. */
typedef enum {
    VH_SCENARIO_VALUE,  /* as `key` says */
    VH_SCENARIO_NUMBER, /* a number of at least 0, and up to VH_SCENARIO_NUMBER_MAX; double */
    VH_SCENARIO_TEXT,   /* a string; char *, owned */
    VH_SCENARIO_PART,   /* an object with the keys of `section` */
    VH_SCENARIO_LIST,   /* an array of objects with the keys of `section`, read by its owner */
    VH_SCENARIO_POLICY, /* a policy file's object */
    VH_SCENARIO_FAMILY, /* a word that was looked at before the others */
} VhScenarioKind;

#define VH_SCENARIO_NUMBER_MAX 1e9

typedef struct VhScenarioSection VhScenarioSection;

typedef struct {
    VhPolicyKey key; /* name, kind, place, range, doc */
    VhScenarioKind kind;
    gboolean is_required;
    const char *standard; /* the default where it is no single value, for the documentation */
    const VhScenarioSection *section;
} VhScenarioKey;

struct VhScenarioSection {
    const VhScenarioKey *keys;
    guint n_keys;
};

extern const VhScenarioSection vh_scenario_top;        /* into VhScenario */
extern const VhScenarioSection vh_scenario_guest_keys; /* into VhScenarioGuests */
extern const VhScenarioSection vh_scenario_request_keys;

const VhScenarioKey *vh_scenario_section_find(const VhScenarioSection *section, const char *name);

/* What a scenario, a group of guests and a request are before any key is read. */
void vh_scenario_set_defaults(VhScenario *scenario);
void vh_scenario_set_guest_defaults(VhScenarioGuests *guests, VhSimFamily family);
void vh_scenario_set_request_defaults(VhScenarioRequest *request);

G_END_DECLS
