/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guests of a fleet: booted, put to work, looked at from outside, and verified. Ends the
 * program where one of them breaks. */
#include <stdio.h>
#include <string.h>

#include "bench-fleet.h"
#include "vh-reporting.h"
#include "vh-units.h"

#define GUEST_BYTES (512 * VH_MIB)
#define DISK_BYTES VH_GIB
#define KEPT_MIB 8
/* How many boot side by side: more only wait for each other. */
#define BOOTING 3
/* minflt of /proc/PID/stat: field 10 of proc(5), where the first behind the name is 3. */
#define MINFLT_INDEX 8
#define PAGE_BYTES 4096

static void guest_clear(gpointer data)
{
    BenchFleetGuest *guest = data;

    g_clear_pointer(&guest->work, vh_lab_work_free);
    g_clear_pointer(&guest->lab, vh_lab_guest_free);
    g_free(guest->name);
}

BenchFleetGuest *bench_fleet_find(const GArray *guests, const char *name)
{
    for (guint i = 0; i < guests->len; i++) {
        BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);

        if (g_strcmp0(guest->name, name) == 0)
            return guest;
    }
    return NULL;
}

guint64 bench_fleet_memory_bytes(void)
{
    guint64 bytes = 0;

    for (guint f = 0; f < bench_fleet_n_families; f++)
        bytes += bench_fleet_families[f].count * GUEST_BYTES;
    return bytes;
}

static void launch(VhLab *lab, const BenchConfig *config, BenchFleetGuest *guest)
{
    g_autoptr(GError) error = NULL;
    const VhLabGuestSpec spec = {
        .name = guest->name,
        .memory_bytes = GUEST_BYTES,
        .emulator = config->patched,
        .kernel = config->kernel,
        .balloon_module = config->module,
        .reporting = TRUE,
        .extra_xml = VH_LAB_PASSES_XML,
        .disk_bytes = guest->family->has_disk ? DISK_BYTES : 0,
    };

    if (!(guest->lab = vh_lab_guest_launch(lab, &spec, &error)))
        g_error("%s", error->message);
}

/* One program that is over soon. */
static void work(BenchFleetGuest *guest, const char *worker, const char *program)
{
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VhLabWork) handle = vh_lab_guest_work_start(guest->lab, worker, program, &error);

    if (!handle || !vh_lab_work_wait(handle, VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s", error->message);
    if (report->status != VH_LAB_WORK_OK)
        g_error("%s: %s", guest->name, report->message);
    guest->tally.corrupt_bytes += report->corrupt_bytes;
    guest->tally.oom_kills = MAX(guest->tally.oom_kills, report->oom_kills);
}

/* What it frees stays with it until it is asked; and it keeps something to look for damage with. */
static void prepare(BenchFleetGuest *guest)
{
    g_autofree char *program =
        g_strdup_printf("seed %u\nalloc kept %uMiB\n", guest->number + 1, KEPT_MIB);
    g_autoptr(GError) error = NULL;
    virDomainPtr domain;

    if (!vh_lab_guest_wait_ready(guest->lab, VH_LAB_TIMEOUT_MS, &error))
        g_error("%s", error->message);
    domain = vh_lab_guest_domain(guest->lab, &error);
    if (!domain || !vh_reporting_set(domain, VH_MONITOR_ALLOW, FALSE, &error))
        g_error("%s", error->message);
    virDomainFree(domain);
    work(guest, "keep", program);
}

GArray *bench_fleet_boot(VhLab *lab, const BenchConfig *config)
{
    GArray *guests = g_array_new(FALSE, TRUE, sizeof(BenchFleetGuest));

    g_array_set_clear_func(guests, guest_clear);
    for (guint f = 0; f < bench_fleet_n_families; f++) {
        for (guint i = 0; i < bench_fleet_families[f].count; i++) {
            BenchFleetGuest guest = {
                .family = &bench_fleet_families[f],
                .number = guests->len,
                .name = g_strdup_printf("%s-%u", bench_fleet_families[f].name, i + 1),
            };

            g_array_append_val(guests, guest);
        }
    }
    for (guint i = 0; i < guests->len + BOOTING; i++) {
        if (i < guests->len)
            launch(lab, config, &g_array_index(guests, BenchFleetGuest, i));
        if (i >= BOOTING)
            prepare(&g_array_index(guests, BenchFleetGuest, i - BOOTING));
    }
    bench_fleet_look(guests);
    return guests;
}

guint64 bench_fleet_peak_bytes(const GArray *guests)
{
    guint64 bytes = 0;

    for (guint i = 0; i < guests->len; i++) {
        const BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);

        bytes += guest->rss_bytes + guest->family->held_mib * VH_MIB;
    }
    return bytes;
}

static guint64 read_faults(const BenchFleetGuest *guest)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)vh_lab_guest_pid(guest->lab));
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    const char *behind;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(behind = strrchr(text, ')')))
        g_error("%s: its QEMU is gone", guest->name);
    fields = g_strsplit(behind + 1, " ", MINFLT_INDEX + 2);
    if (g_strv_length(fields) <= MINFLT_INDEX)
        g_error("%s: cannot be read", path);
    return g_ascii_strtoull(fields[MINFLT_INDEX], NULL, 10);
}

void bench_fleet_start(GArray *guests, const BenchConfig *config)
{
    for (guint i = 0; i < guests->len; i++) {
        BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);
        g_autofree char *program =
            bench_fleet_program(guest->family, guest->number, config->seed, config->seconds);
        g_autoptr(GError) error = NULL;

        guest->faults_before = read_faults(guest);
        guest->cpu_before_us = vh_lab_guest_cpu_us(guest->lab);
        guest->work = vh_lab_guest_work_start(guest->lab, NULL, program, &error);
        if (!guest->work)
            g_error("%s", error->message);
    }
}

guint64 bench_fleet_look(GArray *guests)
{
    guint64 bytes = 0;

    for (guint i = 0; i < guests->len; i++) {
        BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);
        guint64 rss_bytes = bench_resident_bytes(vh_lab_guest_pid(guest->lab));

        /* Without asks it would still be resident, and nothing would have to be taken back. */
        guest->tally.refault_bytes += vh_sub(MIN(rss_bytes, guest->peak_bytes), guest->rss_bytes);
        guest->rss_bytes = rss_bytes;
        guest->peak_bytes = MAX(guest->peak_bytes, rss_bytes);
        bytes += rss_bytes;
    }
    return bytes;
}

static void take_report(BenchFleetGuest *guest, const VhLabReport *report)
{
    BenchFleetTally *tally = &guest->tally;

    if (report->status != VH_LAB_WORK_OK)
        g_error("the work of %s broke off: %s", guest->name, report->message);
    /* Counters are since the program began. */
    tally->worked_bytes =
        (report->touched_pages + report->verified_pages) * PAGE_BYTES + report->cached_bytes;
    tally->corrupt_bytes = MAX(tally->corrupt_bytes, report->corrupt_bytes);
    tally->oom_kills = MAX(tally->oom_kills, report->oom_kills);
    tally->stall_max_us = MAX(tally->stall_max_us, report->stall_max_us);
}

void bench_fleet_take_reports(GArray *guests)
{
    for (guint i = 0; i < guests->len; i++) {
        BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);
        VhLabReport *report = NULL;

        while (vh_lab_work_wait_interim(guest->work, 0, &report, NULL)) {
            take_report(guest, report);
            g_clear_pointer(&report, vh_lab_report_free);
        }
    }
}

void bench_fleet_finish(GArray *guests)
{
    bench_fleet_take_reports(guests);
    for (guint i = 0; i < guests->len; i++) {
        BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);

        guest->tally.host_faults = vh_sub(read_faults(guest), guest->faults_before);
        guest->tally.cpu_us = vh_lab_guest_cpu_us(guest->lab) - guest->cpu_before_us;
    }
    for (guint i = 0; i < guests->len; i++)
        work(&g_array_index(guests, BenchFleetGuest, i), "keep", "verify kept\n");
}
