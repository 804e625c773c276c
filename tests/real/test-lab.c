/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lab itself: that its guests are what the spec says, that its workloads do what they say, and
 * above all that its integrity check fails when memory was thrown away under a guest.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "vh-lab.h"
#include "vh-units.h"

typedef struct {
    VhLab *lab;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->lab = vh_lab_open(&error);
    g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    vh_lab_free(f->lab);
}

static VhLabGuest *start(const Fixture *f, const VhLabGuestSpec *spec)
{
    g_autoptr(GError) error = NULL;
    VhLabGuest *guest = vh_lab_guest_start(f->lab, spec, &error);

    g_assert_no_error(error);
    return guest;
}

/* Runs a program that has to come to its end. */
static VhLabReport *work(VhLabGuest *guest, const char *program)
{
    g_autoptr(GError) error = NULL;
    VhLabReport *report = NULL;
    gboolean ok = vh_lab_guest_work(guest, program, VH_LAB_TIMEOUT_MS, &report, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    if (report->status != VH_LAB_WORK_OK)
        g_test_message("%s", report->message);
    g_assert_cmpint(report->status, ==, VH_LAB_WORK_OK);
    return report;
}

static char *command_line(const VhLabGuest *guest)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)vh_lab_guest_pid(guest));
    char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    for (gsize i = 0; i < length; i++)
        text[i] = text[i] ? text[i] : ' ';
    return text;
}

static void boots_several_at_once(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {"one", "two", "three"};
    VhLabGuest *guests[G_N_ELEMENTS(names)];
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        VhLabGuestSpec spec = {.name = names[i], .memory_bytes = (256 + 64 * i) * VH_MIB};

        guests[i] = vh_lab_guest_launch(f->lab, &spec, &error);
        g_assert_no_error(error);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_true(vh_lab_guest_wait_ready(guests[i], VH_LAB_TIMEOUT_MS, &error));
        g_test_message("%s: ready after %" G_GINT64_FORMAT " ms", names[i],
                       vh_lab_guest_boot_us(guests[i]) / VH_MS);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *program =
            g_strdup_printf("seed %zu\nalloc a 64MiB\nverify a\nverify a", i);
        g_autoptr(VhLabReport) report = work(guests[i], program);

        g_assert_true(vh_lab_report_is_intact(report));
        g_assert_cmpuint(report->touched_pages, ==, 16384);
        g_assert_cmpuint(report->verified_pages, ==, 32768);
        g_assert_cmpuint(report->mem_total_bytes, <=, (256 + 64 * i) * VH_MIB);
        g_assert_cmpuint(report->mem_total_bytes, >, (192 + 64 * i) * VH_MIB);
        vh_lab_guest_free(guests[i]);
    }
}

static void planted_fault_is_found(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "fault", .memfd = TRUE};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) before = work(guest, "seed 7\nalloc a 64MiB\nalloc b 64MiB\nverify a");
    g_autoptr(VhLabReport) after = NULL, other = NULL;
    g_autoptr(GError) error = NULL;
    guint64 discarded = 0;

    g_assert_true(vh_lab_report_is_intact(before));
    g_assert_true(vh_lab_guest_discard_used(guest, "a", 16 * 4 * VH_KIB, &discarded, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(discarded, ==, 16 * 4 * VH_KIB);
    after = work(guest, "verify a");
    g_assert_false(vh_lab_report_is_intact(after));
    g_assert_cmpuint(after->corrupt_pages, ==, 16);
    /* A pattern has a zero byte here and there, which a lost page shares. */
    g_assert_cmpuint(after->corrupt_bytes, >, 16 * 4000);
    g_assert_cmpuint(after->corrupt_bytes, <=, discarded);
    other = work(guest, "verify b");
    g_assert_true(vh_lab_report_is_intact(other));
}

static void fault_wants_a_memfd(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "anonymous", .memory_bytes = 128 * VH_MIB};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) report = work(guest, "alloc a 4MiB");
    g_autoptr(GError) error = NULL;
    guint64 discarded;

    g_assert_false(vh_lab_guest_discard_used(guest, "a", 0, &discarded, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED);
}

static const struct {
    VhLabGuestSpec spec;
    const char *has[3], *lacks[3];
} flags[] = {
    {{.name = "plain"},
     {"\"deflate-on-oom\":true", "\"free-page-reporting\":false", "-accel tcg"},
     {"memory-backend-memfd", "virtio-blk"}},
    {{.name = "changed",
      .no_autodeflate = TRUE,
      .reporting = TRUE,
      .memfd = TRUE,
      .vcpus = 2,
      .kernel_args = "vh_test=1"},
     {"\"deflate-on-oom\":false", "\"free-page-reporting\":true", "memory-backend-memfd"},
     {"vh_lab_skip"}},
    {{.name = "args", .vcpus = 2, .kernel_args = "vh_test=1", .disk_bytes = 64 * VH_MIB},
     {"-smp 2", " vh_test=1 ", "virtio-blk"},
     {NULL}},
    {{.name = "none", .no_balloon = TRUE}, {"virtio-serial"}, {"virtio-balloon"}},
    {{.name = "nodriver", .no_driver = TRUE}, {"virtio-balloon", "vh_lab_skip="}, {NULL}},
};

static void spec_reaches_qemu(Fixture *f, gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_autoptr(VhLabGuest) guest = start(f, &flags[i].spec);
        g_autofree char *line = command_line(guest);

        g_test_message("%s", line);
        for (gsize j = 0; j < 3 && flags[i].has[j]; j++)
            g_assert_nonnull(strstr(line, flags[i].has[j]));
        for (gsize j = 0; j < 3 && flags[i].lacks[j]; j++)
            g_assert_null(strstr(line, flags[i].lacks[j]));
    }
}

static void spec_reaches_libvirt(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "xml",
                           .memory_bytes = 192 * VH_MIB,
                           .max_memory_bytes = 256 * VH_MIB,
                           .stats_period_s = 3,
                           .metadata_xml = "<t:x xmlns:t='urn:t' class='batch'/>"};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    char *xml, *metadata;

    g_assert_no_error(error);
    xml = virDomainGetXMLDesc(domain, 0);
    metadata = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "urn:t", 0);
    g_assert_nonnull(strstr(xml, "<stats period='3'/>"));
    g_assert_nonnull(strstr(metadata, "class=\"batch\""));
    g_assert_cmpuint(virDomainGetMaxMemory(domain), ==, 256 * 1024);
    free(metadata);
    free(xml);
    virDomainFree(domain);
}

static void wrong_specs_are_refused(Fixture *f, gconstpointer data)
{
    const VhLabGuestSpec specs[] = {
        {.name = NULL},
        {.name = "a b"},
        {.name = "../a"},
        {.name = "small", .memory_bytes = VH_MIB},
        {.name = "maximum", .memory_bytes = 512 * VH_MIB, .max_memory_bytes = 256 * VH_MIB},
        {.name = "disk", .disk_bytes = 4096},
        {.name = "kernel", .kernel = "1.0"},
        {.name = "module", .balloon_module = "/nowhere.ko"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(specs); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vh_lab_guest_launch(f->lab, &specs[i], &error));
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
    }
}

static void only_a_driver_makes_statistics(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec with = {.name = "with"}, without = {.name = "without", .no_driver = TRUE};
    g_autoptr(VhLabGuest) a = start(f, &with);
    g_autoptr(VhLabGuest) b = start(f, &without);
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_lab_guest_wait_fresh_stats(a, VH_LAB_TIMEOUT_MS, &error));
    g_assert_no_error(error);
    g_assert_false(vh_lab_guest_wait_fresh_stats(b, 4000, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_TIMEOUT);
}

static void memory_goes_and_comes_back(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "memory"};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    guint64 rss = vh_lab_guest_rss_bytes(guest);
    gint64 cpu = vh_lab_guest_cpu_us(guest);
    g_autoptr(VhLabReport) full = work(guest, "alloc a 200MiB");
    g_autoptr(VhLabReport) half = work(guest, "free a 50%\nverify a");
    g_autoptr(VhLabReport) none = work(guest, "free a");
    g_autoptr(GError) error = NULL;
    guint64 settled = 0;

    g_assert_true(vh_lab_guest_settle(guest, 4 * VH_MIB, 500, VH_LAB_TIMEOUT_MS, &settled, &error));
    g_assert_cmpuint(settled, >, rss + 180 * VH_MIB);
    g_assert_cmpint(vh_lab_guest_cpu_us(guest), >, cpu);
    g_assert_true(vh_lab_report_is_intact(half));
    g_assert_cmpuint(half->verified_pages, ==, 25600);
    g_assert_cmpuint(half->mem_free_bytes, >, full->mem_free_bytes + 90 * VH_MIB);
    g_assert_cmpuint(none->mem_free_bytes, >, half->mem_free_bytes + 90 * VH_MIB);
    g_assert_cmpuint(full->regions->len, ==, 1);
    g_assert_cmpuint(g_array_index(half->regions, VhLabRegion, 0).bytes, ==, 100 * VH_MIB);
    g_assert_cmpuint(none->regions->len, ==, 0);
}

static void workloads_do_what_they_say(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "work", .disk_bytes = VH_GIB};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) thin =
        work(guest, "fragment a 128MiB keep 4KiB of 128KiB\nverify a\nlocate a");
    g_autoptr(VhLabReport) churn = work(guest, "churn 32MiB for 500ms rate 64MiB/s");
    g_autoptr(VhLabReport) cache = work(guest, "cache 100MiB");
    g_autoptr(VhLabReport) drop = work(guest, "dropcache");
    g_autoptr(VhLabReport) loop = work(guest, "repeat 3\nalloc x 1MiB\nrepeat 2\nverify x\nend\n"
                                              "free x\nend\nwait 10ms");
    guint64 located = 0;

    for (guint i = 0; i < thin->ranges->len; i++)
        located += g_array_index(thin->ranges, VhLabRange, i).bytes;
    g_assert_true(vh_lab_report_is_intact(thin));
    g_assert_cmpuint(thin->verified_pages, ==, 1024);
    g_assert_cmpuint(located, ==, 4 * VH_MIB);
    g_assert_cmpuint(churn->churned_bytes, >, 16 * VH_MIB);
    g_assert_cmpuint(churn->churned_bytes, <=, 72 * VH_MIB);
    g_assert_true(vh_lab_report_is_intact(churn));
    g_assert_cmpuint(cache->cached_bytes, ==, 100 * VH_MIB);
    g_assert_cmpuint(cache->mem_cached_bytes, >, 100 * VH_MIB);
    g_assert_cmpuint(drop->mem_cached_bytes, <, 20 * VH_MIB);
    g_assert_cmpuint(loop->touched_pages, ==, 3 * 256);
    g_assert_cmpuint(loop->verified_pages, ==, 6 * 256);
}

static void failures_are_reported(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "failures", .memory_bytes = 256 * VH_MIB};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) unknown = NULL, killed = NULL, again = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(vh_lab_guest_work(guest, "alloc a", VH_LAB_TIMEOUT_MS, &unknown, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_true(
        vh_lab_guest_work(guest, "wait 0s\nverify b", VH_LAB_TIMEOUT_MS, &unknown, &error));
    g_assert_cmpint(unknown->status, ==, VH_LAB_WORK_ERROR);
    g_assert_nonnull(strstr(unknown->message, "line 2"));
    g_assert_true(vh_lab_guest_work(guest, "alloc a 128MiB\nalloc b 128MiB", VH_LAB_TIMEOUT_MS,
                                    &killed, &error));
    g_assert_cmpint(killed->status, ==, VH_LAB_WORK_KILLED);
    g_assert_cmpuint(killed->oom_kills, ==, 1);
    again = work(guest, "alloc a 16MiB\nverify a");
    g_assert_true(vh_lab_report_is_intact(again));
}

static void workers_run_side_by_side(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "workers"};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(GError) error = NULL;
    g_autoptr(VhLabWork) slow =
        vh_lab_guest_work_start(guest, "slow", "alloc a 8MiB\nreport\nwait 3s\nverify a", &error);
    g_autoptr(VhLabWork) refused = NULL;
    g_autoptr(VhLabReport) interim = NULL, quick = NULL, final = NULL, status = NULL;

    g_assert_no_error(error);
    g_assert_true(vh_lab_work_wait_interim(slow, VH_LAB_TIMEOUT_MS, &interim, &error));
    g_assert_cmpuint(interim->touched_pages, ==, 2048);
    g_assert_cmpuint(interim->verified_pages, ==, 0);
    refused = vh_lab_guest_work_start(guest, "slow", "wait 0s", &error);
    g_assert_no_error(error);
    g_assert_false(vh_lab_work_wait(refused, VH_LAB_TIMEOUT_MS, &quick, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_clear_error(&error);
    quick = work(guest, "alloc a 4MiB\nverify a");
    g_assert_cmpuint(quick->verified_pages, ==, 1024);
    g_assert_true(vh_lab_guest_status(guest, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_cmpuint(status->mem_free_bytes, >, 0);
    g_assert_true(vh_lab_work_wait(slow, VH_LAB_TIMEOUT_MS, &final, &error));
    g_assert_cmpuint(final->verified_pages, ==, 2048);
}

static void hung_guests_come_back(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "hung"};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) status = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_lab_guest_hang(guest, &error));
    g_assert_false(vh_lab_guest_status(guest, 1000, &status, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_true(vh_lab_guest_unhang(guest, &error));
    g_assert_true(vh_lab_guest_status(guest, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_true(vh_lab_guest_kill(guest, &error));
    g_clear_pointer(&status, vh_lab_report_free);
    g_assert_false(vh_lab_guest_status(guest, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_assert_cmpuint(vh_lab_guest_rss_bytes(guest), ==, 0);
}

static void guests_survive_libvirtd(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.name = "survivor"};
    g_autoptr(VhLabGuest) guest = start(f, &spec);
    g_autoptr(VhLabReport) report = work(guest, "alloc a 16MiB"), later = NULL;
    g_autoptr(GError) error = NULL;
    virDomainPtr domain;

    g_assert_true(vh_lab_libvirtd_kill9(f->lab, &error));
    g_assert_cmpint(vh_lab_libvirtd_pid(f->lab), ==, -1);
    g_assert_null(vh_lab_guest_domain(guest, &error));
    g_clear_error(&error);
    g_assert_true(vh_lab_libvirtd_start(f->lab, &error));
    g_assert_no_error(error);
    domain = vh_lab_guest_domain(guest, &error);
    g_assert_no_error(error);
    g_assert_cmpint(virDomainIsActive(domain), ==, 1);
    virDomainFree(domain);
    later = work(guest, "verify a");
    g_assert_true(vh_lab_report_is_intact(later));
}

static void children_are_started_and_ended(Fixture *f, gconstpointer data)
{
    const char *quick[] = {"sh", "-c", "echo $VH_TEST; exit 7", NULL},
               *slow[] = {"sleep", "600", NULL};
    const char *environment[] = {"VH_TEST=a=b", NULL};
    g_autofree char *path = g_build_filename(vh_lab_dir(f->lab), "child.log", NULL);
    g_autofree char *log = NULL;
    g_autoptr(GError) error = NULL;
    pid_t pid;
    int status;

    g_assert_true(vh_lab_spawn(f->lab, quick, environment, "child.log", &pid, &error));
    g_assert_true(vh_lab_stop(pid, 0, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_cmpint(WEXITSTATUS(status), ==, 7);
    g_assert_true(g_file_get_contents(path, &log, NULL, NULL));
    g_assert_cmpstr(log, ==, "a=b\n");
    g_assert_true(vh_lab_spawn(f->lab, slow, NULL, NULL, &pid, &error));
    g_assert_false(vh_lab_stop(pid, 0, 50, &status, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_true(vh_lab_stop(pid, SIGTERM, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_true(WIFSIGNALED(status));
}

static void files_are_read_and_written(Fixture *f, gconstpointer data)
{
    static const char swappiness[] = "/proc/sys/vm/swappiness", log[] = "/dev/kmsg";
    g_autoptr(VhLabGuest) guest = start(f, &(VhLabGuestSpec){.name = "files"});
    g_autofree char *before = NULL, *after = NULL, *lines = NULL, *none = NULL;
    g_autoptr(GError) error = NULL;

    before = vh_lab_guest_read_file(guest, swappiness, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(before, !=, "7\n");
    g_assert_true(vh_lab_guest_write_file(guest, swappiness, "7\n", &error));
    after = vh_lab_guest_read_file(guest, swappiness, &error);
    g_assert_cmpstr(after, ==, "7\n");
    g_assert_true(vh_lab_guest_write_file(guest, log, "written by the host\n", &error));
    lines = vh_lab_guest_read_file(guest, log, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(lines, "Linux version"));
    g_assert_nonnull(strstr(lines, "written by the host"));
    none = vh_lab_guest_read_file(guest, "/nowhere", &error);
    g_assert_error(error, VH_ERROR, VH_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "/nowhere: No such file"));
    g_clear_error(&error);
    g_assert_false(vh_lab_guest_write_file(guest, swappiness, "no number", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_FAILED);
}

#define ADD(path, function) g_test_add("/lab/" path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("boots-several-at-once", boots_several_at_once);
    ADD("planted-fault-is-found", planted_fault_is_found);
    ADD("fault-wants-a-memfd", fault_wants_a_memfd);
    ADD("spec-reaches-qemu", spec_reaches_qemu);
    ADD("spec-reaches-libvirt", spec_reaches_libvirt);
    ADD("wrong-specs-are-refused", wrong_specs_are_refused);
    ADD("only-a-driver-makes-statistics", only_a_driver_makes_statistics);
    ADD("memory-goes-and-comes-back", memory_goes_and_comes_back);
    ADD("workloads-do-what-they-say", workloads_do_what_they_say);
    ADD("failures-are-reported", failures_are_reported);
    ADD("workers-run-side-by-side", workers_run_side_by_side);
    ADD("hung-guests-come-back", hung_guests_come_back);
    ADD("guests-survive-libvirtd", guests_survive_libvirtd);
    ADD("files-are-read-and-written", files_are_read_and_written);
    ADD("children-are-started-and-ended", children_are_started_and_ended);
    return g_test_run();
}
