/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The demo's four guests in the lab, and their work: who they are, what bursts they have and when,
 * and what is measured of them from outside. It must not know whether a daemon watches them.
 */
#pragma once

#include "demo-record.h"
#include "vh-lab.h"

G_BEGIN_DECLS

/* Names and policy classes, in the order of every other array. NULL-terminated, static. */
extern const char *const vh_demo_stage_names[];
extern const char *const vh_demo_stage_classes[];

/* The guest of the perf class. */
#define VH_DEMO_STAGE_PERF 3

/* From the start of the work to the end of a run: every burst is over by then. */
#define VH_DEMO_STAGE_RUN_US (80 * G_USEC_PER_SEC)

typedef struct VhDemoStage VhDemoStage;

/* What is below the guests and in them; NULL: what the host's QEMU and their kernel bring along. */
typedef struct {
    const char *emulator;       /* a patched QEMU, with ... */
    const char *balloon_module; /* ... our driver */
} VhDemoStageOptions;

/*
 * Boots the guests, all at once, and blocks till each answers. With a patched QEMU their free page
 * reporting is switched off: they give nothing back by themselves, as a guest whose work must not
 * be disturbed. The lab is borrowed, the options for the call.
 */
VhDemoStage *vh_demo_stage_new(VhLab *lab, const VhDemoStageOptions *options,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the guests. NULL-safe. */
void vh_demo_stage_free(VhDemoStage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDemoStage, vh_demo_stage_free)

/* What libvirt says is resident in each guest's QEMU now. */
gboolean vh_demo_stage_measure(VhDemoStage *stage, VhDemoSample *ret_sample,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * A pool that the guests' peaks together exceed by a third: three quarters of what is resident now,
 * before any work, and of all that each guest will ever hold at once.
 */
gboolean vh_demo_stage_budget(VhDemoStage *stage, guint64 *ret_bytes,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts all bursts, each of which waits for its time by itself. */
gboolean vh_demo_stage_start(VhDemoStage *stage, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits for what is still at work, verifies what the guests have kept, and adds to the record what
 * was verified, corrupted and killed. */
gboolean vh_demo_stage_finish(VhDemoStage *stage, VhDemoRecord *record,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
