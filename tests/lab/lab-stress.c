/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `virthint-lab stress`: its options, and what it says at the end. */
#include "lab-stress.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lab-run.h"
#include "vh-units.h"

#define DEFAULT_TIME_S 30
#define DEFAULT_MEMORY_BYTES VH_GIB
#define DISK_BYTES VH_GIB
#define MAX_TIME_S 86400
#define MAX_VCPUS 64
#define THREADS_PER_VCPU 2
#define ALL(n) ((1u << (n)) - 1)

static const char usage[] =
    "Usage: virthint-lab stress [OPTION...]\n"
    "A guest whose threads use memory in every way and verify each byte of it, while\n"
    "the host does to its balloon whatever it can, in an order drawn from a seed.\n"
    "\n"
    "Options:\n"
    "  --seed N              repeat the order of another run (drawn)\n"
    "  --time SECONDS        how long (30)\n"
    "  --threads N           threads in the guest (2 for each vCPU)\n"
    "  --vcpus N             virtual CPUs (2)\n"
    "  --memory SIZE         of the guest (1GiB)\n"
    "  --memfd               shared memory instead of anonymous memory\n"
    "  --no-thp              the guest's memory never gets huge pages on the host\n"
    "  --kernel KERNEL       a version in the cache, or a directory\n"
    "  --kernel-args TEXT    appended to the kernel's command line\n"
    "  --module FILE         a virtio_balloon.ko to load instead of the kernel's own\n"
    "  --emulator FILE       the QEMU to use ($VH_QEMU, or qemu-system-x86_64)\n"
    "  --only LIST           of the host's actions only these (commas between them)\n"
    "  --without LIST        not these, be they the host's or the guest's\n"
    "  --json                what came of it as JSON; docs/lab.md has the keys\n"
    "  --help                this text\n"
    "\n"
    "Actions of the host: pass, cancel, toggle, balloon, squeeze (a balloon so large\n"
    "that the guest has to deflate it), stats, reload (of the driver), migrate,\n"
    "abandon (a migration). Of the guest, which also fills, verifies and frees:\n"
    "fragment, fork, huge, cache, pipe.\n"
    "\n"
    "Exit status: 0 all is well, 1 memory was corrupted, 2 the guest or QEMU is\n"
    "broken, 3 something was never done, 125 it could not be tried.\n";

/* Finds a name among the host's actions or the guest's; -1: none. */
static int find_name(const char *name, const char *(*name_of)(guint i), guint n)
{
    for (guint i = 0; i < n; i++) {
        if (g_str_equal(name_of(i), name))
            return (int)i;
    }
    return -1;
}

static const char *host_name(guint i)
{
    return stress_action_name((StressAction)i);
}

static const char *guest_name(guint i)
{
    return vh_workload_stress_name((VhWorkloadStress)i);
}

/* guest_bits NULL: only the host's actions will do. */
static gboolean take_names(const char *option, const char *list, guint32 *host_bits,
                           guint32 *guest_bits, GError **error)
{
    g_auto(GStrv) names = g_strsplit(list, ",", -1);

    for (char **name = names; *name; name++) {
        int host = find_name(*name, host_name, STRESS_ACTIONS);
        int guest = guest_bits ? find_name(*name, guest_name, VH_WORKLOAD_STRESS_KINDS) : -1;

        if (host >= 0) {
            *host_bits |= 1u << host;
        } else if (guest >= 0) {
            *guest_bits |= 1u << guest;
        } else {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "%s: there is no action '%s'; see virthint-lab stress --help", option,
                        *name);
            return FALSE;
        }
    }
    return TRUE;
}

typedef struct {
    StressOptions stress;
    guint32 only, without;
    gboolean has_seed, help;
} Command;

static gboolean take_option(int option, const char *value, Command *c, GError **error)
{
    VhLabGuestSpec *spec = &c->stress.spec;

    switch (option) {
    case 's':
        c->has_seed = TRUE;
        return lab_parse_number("--seed", value, 0, G_MAXUINT32, &c->stress.seed, error);
    case 'T':
        return lab_parse_number("--time", value, 1, MAX_TIME_S, &c->stress.time_s, error);
    case 'n':
        return lab_parse_number("--threads", value, 1, VH_WORKLOAD_STRESS_MAX_THREADS,
                                &c->stress.threads, error);
    case 'c':
        return lab_parse_number("--vcpus", value, 1, MAX_VCPUS, &spec->vcpus, error);
    case 'o':
        return take_names("--only", value, &c->only, NULL, error);
    case 'w':
        return take_names("--without", value, &c->without, &c->stress.stress_without, error);
    case 'j':
        return c->stress.json = TRUE;
    case 'h':
        return c->help = TRUE;
    default:
        return lab_guest_option(option, value, spec, error);
    }
}

/* Those letters that lab_guest_option() takes are its own. */
static gboolean parse_options(int argc, char **argv, Command *c, GError **error)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"time", required_argument, NULL, 'T'},
                                            {"threads", required_argument, NULL, 'n'},
                                            {"vcpus", required_argument, NULL, 'c'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"memfd", no_argument, NULL, 'M'},
                                            {"no-thp", no_argument, NULL, 'H'},
                                            {"kernel", required_argument, NULL, 'k'},
                                            {"kernel-args", required_argument, NULL, 'a'},
                                            {"module", required_argument, NULL, 'b'},
                                            {"emulator", required_argument, NULL, 'e'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"without", required_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (!take_option(option, optarg, c, error))
            return FALSE;
    }
    if (optind < argc) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "stress takes no '%s'; see virthint-lab stress --help", argv[optind]);
        return FALSE;
    }
    return TRUE;
}

/* A kernel that has panicked ends its guest, which the host sees at once. */
static void fill_in(Command *c, char **ret_kernel_args)
{
    const char *emulator = g_getenv("VH_QEMU");
    VhLabGuestSpec *spec = &c->stress.spec;

    if (!c->has_seed)
        c->stress.seed = g_random_int();
    if (!spec->emulator && emulator && *emulator)
        spec->emulator = emulator;
    *ret_kernel_args = g_strdup_printf("panic=-1 %s", spec->kernel_args ? spec->kernel_args : "");
    spec->kernel_args = *ret_kernel_args;
    spec->name = "stress";
    spec->reporting = TRUE;
    spec->disk_bytes = DISK_BYTES;
    if (!c->stress.threads)
        c->stress.threads = THREADS_PER_VCPU * spec->vcpus;
    c->stress.actions = (c->only ? c->only : ALL(STRESS_ACTIONS)) & ~c->without;
}

static void add_counts(JsonBuilder *json, const Stress *s)
{
    json_builder_set_member_name(json, "actions");
    json_builder_begin_object(json);
    for (guint i = 0; i < STRESS_ACTIONS; i++) {
        json_builder_set_member_name(json, stress_action_name((StressAction)i));
        json_builder_add_int_value(json, (gint64)s->done[i]);
    }
    json_builder_end_object(json);
    json_builder_set_member_name(json, "passes");
    json_builder_begin_object(json);
    for (guint i = 0; i < STRESS_PASS_ENDS; i++) {
        json_builder_set_member_name(json, stress_pass_end_name((StressPassEnd)i));
        json_builder_add_int_value(json, (gint64)s->passes[i]);
    }
    json_builder_end_object(json);
}

static void add_number(JsonBuilder *json, const char *name, guint64 value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_int_value(json, (gint64)value);
}

/* The driver's own are lines "key value". */
static void add_driver(JsonBuilder *json, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    json_builder_set_member_name(json, "driver");
    json_builder_begin_object(json);
    for (char **line = lines; *line; line++) {
        char *blank = strchr(*line, ' ');

        if (!blank)
            continue;
        *blank = '\0';
        add_number(json, *line, g_ascii_strtoull(blank + 1, NULL, 10));
    }
    json_builder_end_object(json);
}

static void add_problems(JsonBuilder *json, const Stress *s)
{
    json_builder_set_member_name(json, "problems");
    json_builder_begin_array(json);
    for (guint i = 0; i < s->problems->len; i++)
        json_builder_add_string_value(json, s->problems->pdata[i]);
    json_builder_end_array(json);
}

static void print_json(const Stress *s)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    json_builder_begin_object(json);
    add_number(json, "outcome", s->outcome);
    add_number(json, "seed", s->options->seed);
    add_number(json, "seconds", s->options->time_s);
    add_number(json, "verified_bytes", s->verified_bytes);
    add_number(json, "corrupt_bytes", s->report ? s->report->corrupt_bytes : 0);
    add_counts(json, s);
    add_number(json, "pass_bytes", s->pass_bytes);
    add_number(json, "refused", s->refused);
    if (s->counters) {
        json_builder_set_member_name(json, "counters");
        json_builder_add_value(json, json_node_init_object(json_node_alloc(), s->counters));
    }
    add_driver(json, s->driver);
    add_problems(json, s);
    json_builder_end_object(json);
    root = json_builder_get_root(json);
    text = json_to_string(root, TRUE);
    puts(text);
}

static char *format_counter(const Stress *s, const char *name)
{
    return vh_format_size(
        s->counters ? (guint64)json_object_get_int_member_with_default(s->counters, name, 0) : 0);
}

static void print_text(const Stress *s)
{
    static const char *const words[] = {[STRESS_WELL] = "well",
                                        [STRESS_CORRUPTED] = "CORRUPTED",
                                        [STRESS_BROKEN] = "BROKEN",
                                        [STRESS_MISSED] = "MISSED"};
    g_autofree char *verified = vh_format_size(s->verified_bytes);
    g_autofree char *reported = format_counter(s, "discarded"),
                    *inflated = format_counter(s, "inflated"),
                    *hinted = format_counter(s, "hinted");

    for (guint i = 0; i < s->problems->len; i++)
        printf("%s\n", (const char *)s->problems->pdata[i]);
    printf("%s: seed %u, %u s: %s verified, %" G_GUINT64_FORMAT
           " bytes corrupted; discarded %s of reports, %s of the balloon; left out %s;",
           words[s->outcome], s->options->seed, s->options->time_s, verified,
           s->report ? s->report->corrupt_bytes : 0, reported, inflated, hinted);
    for (guint i = 0; i < STRESS_ACTIONS; i++)
        printf(" %s %" G_GUINT64_FORMAT, stress_action_name((StressAction)i), s->done[i]);
    printf("; passes");
    for (guint i = 0; i < STRESS_PASS_ENDS; i++)
        printf(" %s %" G_GUINT64_FORMAT, stress_pass_end_name((StressPassEnd)i), s->passes[i]);
    printf("\n");
}

static int run_inside(const StressOptions *options)
{
    Stress stress = {.options = options};
    int status;

    if (!options->json)
        fprintf(stderr, "virthint-lab: stress: seed %u\n", options->seed);
    stress_run_all(&stress);
    if (options->json)
        print_json(&stress);
    else
        print_text(&stress);
    status = (int)stress.outcome;
    stress_clear(&stress);
    return status;
}

int lab_stress_main(int argc, char **argv, int (*enter)(char **argv))
{
    Command command = {.stress = {.time_s = DEFAULT_TIME_S,
                                  .spec = {.vcpus = 2, .memory_bytes = DEFAULT_MEMORY_BYTES}}};
    g_autofree char *kernel_args = NULL, *self = NULL;
    g_autoptr(GPtrArray) again = NULL;
    g_autoptr(GError) error = NULL;

    if (!parse_options(argc, argv, &command, &error)) {
        fprintf(stderr, "virthint-lab: %s\n", error->message);
        return LAB_EXIT_FAILED;
    }
    if (command.help) {
        fputs(usage, stdout);
        return 0;
    }
    if (g_getenv("VH_LAB_DIR")) {
        fill_in(&command, &kernel_args);
        return run_inside(&command.stress);
    }
    /* Once more, inside of a lab of its own. */
    self = g_file_read_link("/proc/self/exe", &error);
    again = g_ptr_array_new();
    g_ptr_array_add(again, self);
    for (int i = 0; i < argc; i++)
        g_ptr_array_add(again, argv[i]);
    g_ptr_array_add(again, NULL);
    return enter((char **)again->pdata);
}
