/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pieces that the documents of vh-report.h share. For the files of the report only. */
#pragma once

#include "vh-document.h"
#include "vh-report.h"

G_BEGIN_DECLS

/* The verdict on a domain of the snapshot; NULL where the plan is of another snapshot. */
const VhVerdict *vh_report_verdict(const VhReportInput *input, guint domain);

/* The domain's place in the plan's asks, from 0; -1 where it is not asked. */
int vh_report_action_index(const VhReportInput *input, guint domain);

/* The name of the verdict's class; NULL where it is not of this configuration. */
const char *vh_report_class_name(const VhReportInput *input, const VhVerdict *verdict);

/* Adds what is known of a domain without the configuration: who it is, and its figures. */
void vh_report_add_identity(GVariantBuilder *doc, const VhDomain *domain);
void vh_report_add_figures(GVariantBuilder *doc, const VhDomain *domain);

/* "last_ask" (only where there was one), "learned" and "in_flight". */
void vh_report_add_last_ask(GVariantBuilder *doc, const VhGuestState *guest);
void vh_report_add_learned(GVariantBuilder *doc, const VhGuestState *guest);
void vh_report_add_in_flight(GVariantBuilder *doc, const VhReportInput *input,
                             const VhDomain *domain);

/* The figures of one ask under way, as a{sv}. */
GVariant *vh_report_in_flight(const VhInFlight *ask, gint64 now_us);

/* "host", "budget", "cgroup", "numa"; static. */
const char *vh_report_pool_source_name(VhPoolSource source);

/* Dictionaries of a domain's numbers: what an ask is expected to bring; what it costs; how the
 * policy treats the guest. */
GVariant *vh_report_yield(const VhYield *yield);
GVariant *vh_report_cost(const VhCost *cost);
GVariant *vh_report_treatment(const VhReportInput *input, const VhDomain *domain,
                              const VhVerdict *verdict);

/* The words of facts (VhFact), a blank between them. Free with g_free(). */
char *vh_report_facts_text(guint facts);

/* "name ci-*", "xpath ...": what puts the guest into its class. Free with g_free(); NULL: nothing,
 * it is of the default one, or nobody knows yet. */
char *vh_report_match_text(const VhConfig *config, const VhDomain *domain);

/* "mon,tue 22:00-06:00". Free with g_free(). */
char *vh_report_schedule_text(const VhSchedule *schedule);

/* Whether a schedule changes a class at the moment of the snapshot. */
gboolean vh_report_schedule_holds(const VhReportInput *input, const VhSchedule *schedule,
                                  guint class_index);

G_END_DECLS
