/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a schedule applies, and what it then changes in its class. */
#pragma once

#include "vh-config.h"

G_BEGIN_DECLS

#define VH_DAYS_ALL 0x7f
#define VH_DAY_MINUTES 1440

/*
 * Whether it applies at that moment. The local time is taken as the offset of the moment itself
 * gives it, so that a change to or from summer time moves what is under way by that hour.
 */
gboolean vh_schedule_is_active(const VhSchedule *schedule, gint64 wall_us, gint64 utc_offset_us);

/* Copies those values that it sets. */
void vh_schedule_apply(const VhSchedule *schedule, VhClass *class);

G_END_DECLS
