/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `virthint-lab guest`: guests by hand, from a shell inside a lab. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab-run.h"
#include "vh-lab.h"
#include "vh-units.h"

#define MAX_PROGRAM_BYTES (64u << 10)
#define PROGRESS_SECONDS 5u

static const char usage[] =
    "Usage: virthint-lab guest COMMAND ...\n"
    "Starts guests and works in them, from inside `virthint-lab shell` or `run`.\n"
    "\n"
    "Commands:\n"
    "  start NAME [OPTION...]     boot a guest, and wait till it is ready\n"
    "  list                       the guests, with their memory on the host\n"
    "  work NAME PROGRAM          run a program in the workload language; ';' is\n"
    "                             a new line, '-' reads it from stdin\n"
    "  status NAME                the guest's own memory numbers\n"
    "  log NAME                   what QEMU and the guest's console printed\n"
    "  hang NAME, unhang NAME     stop QEMU with SIGSTOP; let it go on\n"
    "  discard NAME REGION [SIZE] throw used memory away on the host (a fault,\n"
    "                             which `verify REGION` must find; needs --memfd)\n"
    "  stop NAME...               end guests\n"
    "\n"
    "Options of start:\n" LAB_GUEST_OPTIONS_HELP "\n"
    "Options of work:\n"
    "  --worker NAME            the worker that does it (main)\n"
    "  --timeout SECONDS        how long to wait for the report (120)\n";

gboolean lab_parse_number(const char *option, const char *text, guint min, guint max,
                          guint *ret_value, GError **error)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, min, max, &value, NULL)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s: '%s' is not a whole number from %u to %u", option, text, min, max);
        return FALSE;
    }
    *ret_value = (guint)value;
    return TRUE;
}

gboolean lab_guest_option(int option, const char *value, gpointer data, GError **error)
{
    VhLabGuestSpec *spec = data;

    switch (option) {
    case 'm':
        return vh_parse_size(value, &spec->memory_bytes, error);
    case 'x':
        return vh_parse_size(value, &spec->max_memory_bytes, error);
    case 'd':
        return vh_parse_size(value, &spec->disk_bytes, error);
    case 'c':
        return lab_parse_number("--vcpus", value, 1, 64, &spec->vcpus, error);
    case 'p':
        return lab_parse_number("--stats-period", value, 1, 3600, &spec->stats_period_s, error);
    case 'k':
        spec->kernel = value;
        return TRUE;
    case 'a':
        spec->kernel_args = value;
        return TRUE;
    case 'e':
        spec->emulator = value;
        return TRUE;
    case 'b':
        spec->balloon_module = value;
        return TRUE;
    case 't':
        spec->metadata_xml = value;
        return TRUE;
    case 'A':
        return spec->no_autodeflate = TRUE;
    case 'B':
        return spec->no_balloon = TRUE;
    case 'D':
        return spec->no_driver = TRUE;
    case 'R':
        return spec->reporting = TRUE;
    case 'M':
        return spec->memfd = TRUE;
    case 'H':
        return spec->no_thp = TRUE;
    case 'X':
        spec->extra_xml = value;
        return TRUE;
    default:
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "see virthint-lab guest --help");
        return FALSE;
    }
}

typedef struct {
    VhLabGuestSpec spec;
    const char *worker;
    guint timeout_s;
    char **arguments; /* without the command's name */
    int n_arguments;
} Options;

static gboolean start(VhLab *lab, const Options *o, GError **error)
{
    VhLabGuestSpec spec = o->spec;
    VhLabGuest *guest;

    spec.name = o->arguments[0];
    guest = vh_lab_guest_start(lab, &spec, error);
    if (!guest)
        return FALSE;
    printf("%s: ready after %.2f s\n", spec.name, (double)vh_lab_guest_boot_us(guest) / 1e6);
    vh_lab_guest_leave(guest);
    return TRUE;
}

static gboolean list_one(VhLab *lab, const char *name, GError **error)
{
    VhLabGuest *guest = vh_lab_guest_find(lab, name, error);
    g_autofree char *resident = NULL;

    if (!guest)
        return FALSE;
    resident = vh_format_size(vh_lab_guest_rss_bytes(guest));
    printf("%-24s %-36s %8d %10s %8.1f s\n", name, vh_lab_guest_uuid(guest),
           (int)vh_lab_guest_pid(guest), resident, (double)vh_lab_guest_cpu_us(guest) / 1e6);
    vh_lab_guest_leave(guest);
    return TRUE;
}

static gboolean list(VhLab *lab, const Options *o, GError **error)
{
    virConnectPtr connection = vh_lab_connection(lab, error);
    virDomainPtr *domains = NULL;
    int n = connection ? virConnectListAllDomains(connection, &domains, 0) : -1;
    gboolean ok = n >= 0;

    (void)o;
    if (n < 0 && connection)
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "libvirt does not list its domains");
    if (ok)
        printf("%-24s %-36s %8s %10s %10s\n", "NAME", "UUID", "PID", "RESIDENT", "CPU");
    for (int i = 0; i < n; i++) {
        ok = ok && list_one(lab, virDomainGetName(domains[i]), error);
        virDomainFree(domains[i]);
    }
    free(domains);
    return ok;
}

static char *read_program(const char *argument, GError **error)
{
    char *program, buffer[4096];
    GString *text;
    size_t n;

    if (!g_str_equal(argument, "-")) {
        program = g_strdup(argument);
        return g_strdelimit(program, ";", '\n');
    }
    text = g_string_new(NULL);
    while ((n = fread(buffer, 1, sizeof(buffer), stdin)) > 0 && text->len <= MAX_PROGRAM_BYTES)
        g_string_append_len(text, buffer, (gssize)n);
    if (strlen(text->str) != text->len) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "the program has a NUL byte in it");
        return g_string_free(text, TRUE);
    }
    return g_string_free(text, FALSE);
}

static gboolean with_guest(VhLab *lab, const Options *o,
                           gboolean (*act)(VhLabGuest *guest, const Options *o, GError **error),
                           GError **error)
{
    VhLabGuest *guest = vh_lab_guest_find(lab, o->arguments[0], error);
    gboolean ok = guest && act(guest, o, error);

    vh_lab_guest_leave(guest);
    return ok;
}

/* Says every few seconds that it still waits. */
static gboolean wait_with_progress(VhLabWork *work, const Options *o, VhLabReport **ret_report,
                                   GError **error)
{
    for (guint waited_s = 0;;) {
        g_autoptr(GError) reason = NULL;
        guint step_s = MIN(PROGRESS_SECONDS, o->timeout_s - waited_s);

        if (vh_lab_work_wait(work, step_s * 1000, ret_report, &reason))
            return TRUE;
        waited_s += step_s;
        if (!g_error_matches(reason, VH_ERROR, VH_ERROR_TIMEOUT) || waited_s >= o->timeout_s) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return FALSE;
        }
        fprintf(stderr, "virthint-lab: %s: still at it after %u s\n", o->arguments[0], waited_s);
    }
}

static gboolean act_work(VhLabGuest *guest, const Options *o, GError **error)
{
    g_autofree char *program = read_program(o->arguments[1], error);
    g_autoptr(VhLabWork) work = NULL;
    g_autoptr(VhLabReport) report = NULL;

    if (!program || !(work = vh_lab_guest_work_start(guest, o->worker, program, error)) ||
        !wait_with_progress(work, o, &report, error))
        return FALSE;
    fputs(report->text, stdout);
    if (report->status != VH_LAB_WORK_OK || report->corrupt_bytes > 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", o->arguments[0],
                    report->message ? report->message : "its memory is corrupted");
        return FALSE;
    }
    return TRUE;
}

static gboolean act_status(VhLabGuest *guest, const Options *o, GError **error)
{
    g_autoptr(VhLabReport) report = NULL;

    if (!vh_lab_guest_status(guest, o->timeout_s * 1000, &report, error))
        return FALSE;
    fputs(report->text, stdout);
    return TRUE;
}

static gboolean act_log(VhLabGuest *guest, const Options *o, GError **error)
{
    g_autofree char *log = vh_lab_guest_log(guest);

    (void)o;
    (void)error;
    fputs(log, stdout);
    return TRUE;
}

static gboolean act_hang(VhLabGuest *guest, const Options *o, GError **error)
{
    (void)o;
    return vh_lab_guest_hang(guest, error);
}

static gboolean act_unhang(VhLabGuest *guest, const Options *o, GError **error)
{
    (void)o;
    return vh_lab_guest_unhang(guest, error);
}

static gboolean act_discard(VhLabGuest *guest, const Options *o, GError **error)
{
    g_autofree char *size = NULL;
    guint64 bytes = 0;

    if (o->n_arguments > 2 && !vh_parse_size(o->arguments[2], &bytes, error))
        return FALSE;
    if (!vh_lab_guest_discard_used(guest, o->arguments[1], bytes, &bytes, error))
        return FALSE;
    size = vh_format_size(bytes);
    printf("%s: %s thrown away\n", o->arguments[0], size);
    return TRUE;
}

static gboolean stop(VhLab *lab, const Options *o, GError **error)
{
    for (int i = 0; i < o->n_arguments; i++) {
        VhLabGuest *guest = vh_lab_guest_find(lab, o->arguments[i], error);

        if (!guest)
            return FALSE;
        vh_lab_guest_free(guest);
    }
    return TRUE;
}

static const struct {
    const char *name;
    int min, max; /* arguments */
    gboolean (*run)(VhLab *lab, const Options *o, GError **error);
    gboolean (*act)(VhLabGuest *guest, const Options *o, GError **error);
} commands[] = {
    {"start", 1, 1, start, NULL},       {"list", 0, 0, list, NULL},
    {"work", 2, 2, NULL, act_work},     {"status", 1, 1, NULL, act_status},
    {"log", 1, 1, NULL, act_log},       {"hang", 1, 1, NULL, act_hang},
    {"unhang", 1, 1, NULL, act_unhang}, {"discard", 2, 3, NULL, act_discard},
    {"stop", 1, 64, stop, NULL},
};

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, Options *o, GError **error)
{
    static const struct option options[] = {LAB_GUEST_OPTIONS,
                                            {"worker", required_argument, NULL, 'w'},
                                            {"timeout", required_argument, NULL, 'T'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == 'w')
            o->worker = optarg;
        else if (option == 'T'
                     ? !lab_parse_number("--timeout", optarg, 1, 86400, &o->timeout_s, error)
                     : !lab_guest_option(option, optarg, &o->spec, error))
            return LAB_EXIT_FAILED;
    }
    o->arguments = argv + optind + 1;
    o->n_arguments = argc - optind - 1;
    return -1;
}

static gboolean run_command(const char *name, const Options *o, GError **error)
{
    g_autoptr(VhLab) lab = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (!g_str_equal(commands[i].name, name))
            continue;
        if (o->n_arguments < commands[i].min || o->n_arguments > commands[i].max) {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "guest %s: %d arguments; see virthint-lab guest --help", name,
                        o->n_arguments);
            return FALSE;
        }
        if (!(lab = vh_lab_open(error)))
            return FALSE;
        return commands[i].run ? commands[i].run(lab, o, error)
                               : with_guest(lab, o, commands[i].act, error);
    }
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "'%s' is no command; see virthint-lab guest --help", name);
    return FALSE;
}

int lab_guest_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options o = {.timeout_s = 120};
    int status = parse_options(argc, argv, &o, &error);

    if (status == 0)
        return 0;
    if (!error && o.n_arguments < 0)
        g_set_error(&error, VH_ERROR, VH_ERROR_INVALID,
                    "guest: which command? See virthint-lab guest --help");
    if (!error && run_command(o.arguments[-1], &o, &error))
        return 0;
    fprintf(stderr, "virthint-lab: %s\n", error->message);
    return 1;
}
