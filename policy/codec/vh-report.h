/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a cycle saw and decided, as documents for people and programs: the same a{sv} dictionaries
 * go over D-Bus, into the tables of the command line and, as JSON, to whoever parses. Their keys
 * are documented in docs/json.md; sizes are in bytes (t), times in microseconds (x), words are the
 * stable names of core and base.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a report is made from: one turn of the cycle. All borrowed. */
typedef struct {
    const VhConfig *config;
    const VhState *state;
    const VhSnapshot *snapshot;
    const VhPlan *plan;
} VhReportInput;

/* Signs of pressure that the policy looks at and that are beyond its bounds, as bits. */
enum {
    VH_REPORT_STALLS_SOME = 1 << 0,
    VH_REPORT_STALLS_FULL = 1 << 1,
    VH_REPORT_SWAP_OUT = 1 << 2,
};
guint vh_report_pressure(const VhReportInput *input);

/* "psi-some", "psi-full", "swap-out"; static. */
const char *vh_report_pressure_name(guint sign);

/* All return a floating reference. */

/* aa{sv}: one dictionary per domain, in the snapshot's order. */
GVariant *vh_report_domains(const VhReportInput *input);

/* a{sv}: one domain with all there is to say: figures, tier and its reasons, class, yield with each
 * term, verdict, last ask. */
GVariant *vh_report_domain(const VhReportInput *input, guint domain);

/* a{sv}: the pool, the level, the need; "asks": aa{sv} in order; "refusals": aa{sv}, each with its
 * reason, text and numbers. */
GVariant *vh_report_plan(const VhReportInput *input);

/* a{sv}: one domain's verdict as a list of sentences with the numbers behind each, for people. */
GVariant *vh_report_explain(const VhReportInput *input, guint domain);

/* aa{sv}: the same of each domain, in the snapshot's order. */
GVariant *vh_report_explanations(const VhReportInput *input);

/* a{sv}: a request for memory, as far as the decision knows it. */
GVariant *vh_report_request(const VhRequest *request, gint64 now_us, gint64 wall_us);

G_END_DECLS
