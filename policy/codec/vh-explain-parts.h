/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sentences of an explanation share. For the files of the explanation only. */
#pragma once

#include "vh-report-parts.h"

G_BEGIN_DECLS

/* One guest that is explained. All borrowed but the lines, which it writes. */
typedef struct {
    GVariantBuilder lines; /* as */
    const VhReportInput *input;
    const VhDomain *domain;
    const VhVerdict *verdict;  /* NULL: the plan is of another snapshot */
    const VhGuestState *guest; /* NULL: nothing is remembered of it */
    VhClass treatment;         /* where there is a verdict: as it applies */
} VhExplain;

/* One sentence. */
void vh_explain_say(VhExplain *explain, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* "12.5 %" from basis points. Free with g_free(). */
char *vh_explain_percent(guint bp);

/* From what it is and may be asked for, over what it would give and cost, to its turn. */
void vh_explain_guest(VhExplain *explain);

/* Why its continuous reporting is, or is not, switched. */
void vh_explain_reporting(VhExplain *explain);

G_END_DECLS
