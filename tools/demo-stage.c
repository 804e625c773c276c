/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests and their bursts. See demo-stage.h. */
#include "demo-stage.h"

#include "vh-reporting.h"

#define MEMORY_BYTES (G_GUINT64_CONSTANT(1) << 30)
#define MIB_SHIFT 20
#define STEP_MIB 64
#define STEP_WAIT_MS 500

const char *const vh_demo_stage_names[] = {"ci-1", "ci-2", "web", "db", NULL};
const char *const vh_demo_stage_classes[] = {"batch", "batch", "standard", "perf", NULL};

/* What each guest holds all the time. */
static const guint kept_mib[VH_DEMO_GUESTS] = {64, 64, 64, 256};

/*
 * Memory that is allocated in steps, verified, and freed again. One guest has its burst at a time:
 * there is room in the pool for any of them, but not beside what the others have left behind.
 */
typedef struct {
    guint guest;
    guint start_s;
    guint mib;
    guint hold_s;
} Burst;

static const Burst bursts[] = {
    {VH_DEMO_STAGE_PERF, 1, 256, 3}, /* what this one leaves behind is the perf guest's to keep */
    {2, 3, 640, 3},
    {0, 17, 704, 3},
    {1, 32, 704, 3},
    {0, 47, 704, 3},
    {2, 62, 640, 3},
};

struct VhDemoStage {
    VhLab *lab;
    VhLabGuest *guests[VH_DEMO_GUESTS];
    VhLabWork *works[G_N_ELEMENTS(bursts)];
};

static VhLabGuest *launch(VhLab *lab, const VhDemoStageOptions *options, guint guest,
                          GError **error)
{
    g_autofree char *metadata =
        g_strdup_printf("<virthint:policy xmlns:virthint='urn:virthint:policy:1' class='%s'/>",
                        vh_demo_stage_classes[guest]);
    const VhLabGuestSpec spec = {
        .name = vh_demo_stage_names[guest],
        .memory_bytes = MEMORY_BYTES,
        .metadata_xml = metadata,
        .emulator = options->emulator,
        .balloon_module = options->balloon_module,
        .reporting = options->emulator != NULL,
        .extra_xml = options->emulator ? VH_LAB_PASSES_XML : NULL,
    };

    return vh_lab_guest_launch(lab, &spec, error);
}

static gboolean keep_memory(VhDemoStage *stage, guint guest, GError **error)
{
    g_autofree char *program =
        g_strdup_printf("seed %u\nalloc kept %uMiB\n", guest + 1, kept_mib[guest]);
    g_autoptr(VhLabReport) report = NULL;

    if (!vh_lab_guest_work(stage->guests[guest], program, VH_LAB_TIMEOUT_MS, &report, error))
        return FALSE;
    if (report->status == VH_LAB_WORK_OK)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "guest '%s' cannot keep its memory: %s",
                vh_demo_stage_names[guest], report->message);
    return FALSE;
}

static gboolean switch_reporting_off(VhDemoStage *stage, guint guest, GError **error)
{
    virDomainPtr domain = vh_lab_guest_domain(stage->guests[guest], error);
    gboolean is_off = domain && vh_reporting_set(domain, VH_MONITOR_ALLOW, FALSE, error);

    if (domain)
        virDomainFree(domain);
    return is_off;
}

VhDemoStage *vh_demo_stage_new(VhLab *lab, const VhDemoStageOptions *options, GError **error)
{
    g_autoptr(VhDemoStage) stage = g_new0(VhDemoStage, 1);

    stage->lab = lab;
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        stage->guests[i] = launch(lab, options, i, error);
        if (!stage->guests[i])
            return NULL;
    }
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        if (!vh_lab_guest_wait_ready(stage->guests[i], VH_LAB_TIMEOUT_MS, error) ||
            (options->emulator && !switch_reporting_off(stage, i, error)) ||
            !keep_memory(stage, i, error))
            return NULL;
    }
    return g_steal_pointer(&stage);
}

void vh_demo_stage_free(VhDemoStage *stage)
{
    if (!stage)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(bursts); i++)
        g_clear_pointer(&stage->works[i], vh_lab_work_free);
    for (guint i = 0; i < VH_DEMO_GUESTS; i++)
        g_clear_pointer(&stage->guests[i], vh_lab_guest_free);
    g_free(stage);
}

gboolean vh_demo_stage_measure(VhDemoStage *stage, VhDemoSample *ret_sample, GError **error)
{
    VhLabGuestMemory memory;

    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        if (!vh_lab_guest_memory(stage->guests[i], &memory, error))
            return FALSE;
        ret_sample->resident_bytes[i] = memory.vm_rss_bytes;
    }
    return TRUE;
}

gboolean vh_demo_stage_budget(VhDemoStage *stage, guint64 *ret_bytes, GError **error)
{
    guint largest_mib[VH_DEMO_GUESTS] = {0};
    VhDemoSample sample = {0};
    guint64 peaks_bytes = 0;

    if (!vh_demo_stage_measure(stage, &sample, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(bursts); i++)
        largest_mib[bursts[i].guest] = MAX(largest_mib[bursts[i].guest], bursts[i].mib);
    for (guint i = 0; i < VH_DEMO_GUESTS; i++)
        peaks_bytes += sample.resident_bytes[i] + ((guint64)largest_mib[i] << MIB_SHIFT);
    *ret_bytes = ((peaks_bytes * 3 / 4) >> MIB_SHIFT) << MIB_SHIFT;
    return TRUE;
}

static char *burst_program(guint index)
{
    const Burst *burst = &bursts[index];
    GString *text = g_string_new(NULL);
    guint n_steps = burst->mib / STEP_MIB;

    g_string_append_printf(text, "seed %u\nwait %us\n", 100 + index, burst->start_s);
    for (guint i = 0; i < n_steps; i++)
        g_string_append_printf(text, "alloc step%u %uMiB\nwait %ums\n", i, STEP_MIB, STEP_WAIT_MS);
    g_string_append_printf(text, "wait %us\n", burst->hold_s);
    for (guint i = 0; i < n_steps; i++)
        g_string_append_printf(text, "verify step%u\n", i);
    for (guint i = 0; i < n_steps; i++)
        g_string_append_printf(text, "free step%u\n", i);
    return g_string_free(text, FALSE);
}

gboolean vh_demo_stage_start(VhDemoStage *stage, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(bursts); i++) {
        g_autofree char *worker = g_strdup_printf("burst%u", i);
        g_autofree char *program = burst_program(i);

        stage->works[i] =
            vh_lab_guest_work_start(stage->guests[bursts[i].guest], worker, program, error);
        if (!stage->works[i])
            return FALSE;
    }
    return TRUE;
}

static void take_report(VhDemoRecord *record, guint guest, const VhLabReport *report)
{
    record->verified_pages[guest] += report->verified_pages;
    record->corrupted_bytes[guest] += report->corrupt_bytes;
    record->oom_kills[guest] = MAX(record->oom_kills[guest], report->oom_kills);
}

static gboolean finish_burst(VhDemoStage *stage, VhDemoRecord *record, guint index, GError **error)
{
    g_autoptr(VhLabReport) report = NULL;
    guint guest = bursts[index].guest;

    if (!vh_lab_work_wait(stage->works[index], VH_LAB_TIMEOUT_MS, &report, error))
        return FALSE;
    take_report(record, guest, report);
    if (report->status != VH_LAB_WORK_KILLED && report->status != VH_LAB_WORK_ERROR)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "the work of guest '%s' broke off: %s",
                vh_demo_stage_names[guest], report->message);
    return FALSE;
}

gboolean vh_demo_stage_finish(VhDemoStage *stage, VhDemoRecord *record, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(bursts); i++) {
        if (!finish_burst(stage, record, i, error))
            return FALSE;
    }
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        g_autoptr(VhLabReport) report = NULL;

        if (!vh_lab_guest_work(stage->guests[i], "verify kept\n", VH_LAB_TIMEOUT_MS, &report,
                               error))
            return FALSE;
        take_report(record, i, report);
    }
    return TRUE;
}
