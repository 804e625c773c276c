/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virthintd: the options of the host daemon. */
#include "vh-daemon.h"
#include "vh-log.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define DEFAULT_POLICY VH_SYSCONFDIR "/virthint/policy.d"

typedef struct {
    char *policy;
    char **uris;
    char **sockets;
    char *state;
    char *bus;
    char *engine;
    char *record;
    char *record_size;
    int record_files;
    gboolean hash_names;
    gboolean dry_run;
    gboolean once;
    gboolean show_version;
} Options;

static void options_clear(Options *options)
{
    g_free(options->policy);
    g_strfreev(options->uris);
    g_strfreev(options->sockets);
    g_free(options->state);
    g_free(options->bus);
    g_free(options->engine);
    g_free(options->record);
    g_free(options->record_size);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean parse_options(int *argc, char ***argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"policy", 'p', 0, G_OPTION_ARG_FILENAME, &options->policy,
         "Policy files (" DEFAULT_POLICY ")", "DIR"},
        {"connect", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &options->uris,
         "A libvirt connection; repeatable", "URI"},
        {"sockets", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->sockets,
         "Follow all libvirt sockets that fit; repeatable", "PATTERN"},
        {"state", 's', 0, G_OPTION_ARG_FILENAME, &options->state, "Remember what was learned there",
         "FILE"},
        {"bus", 'b', 0, G_OPTION_ARG_STRING, &options->bus,
         "D-Bus address, or 'none' (the system bus)", "ADDRESS"},
        {"engine", 'e', 0, G_OPTION_ARG_STRING, &options->engine, "What decides (virthint)",
         "NAME"},
        {"record", 'r', 0, G_OPTION_ARG_FILENAME, &options->record, "Record all cycles there",
         "FILE"},
        {"record-size", 0, 0, G_OPTION_ARG_STRING, &options->record_size,
         "Rotate the recording at this size (64MiB)", "SIZE"},
        {"record-files", 0, 0, G_OPTION_ARG_INT, &options->record_files,
         "Keep so many files of it (8)", "N"},
        {"hash-names", 0, 0, G_OPTION_ARG_NONE, &options->hash_names,
         "Record hashes for names and UUIDs", NULL},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options->dry_run, "Decide, but ask nobody", NULL},
        {"once", '1', 0, G_OPTION_ARG_NONE, &options->once, "One round of asks, then exit", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options->show_version, "Show the version", NULL},
        {NULL}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autofree char *engines = g_strjoinv(", ", (char **)vh_engine_names());
    g_autofree char *more = g_strdup_printf("Engines: %s.\n"
                                            "SIGHUP reloads the policy. docs: virthintd(8)",
                                            engines);

    g_option_context_set_summary(context, "Gets back the memory that guests have freed.");
    g_option_context_set_description(context, more);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "'%s' is not an option; see --help",
                    (*argv)[1]);
        return FALSE;
    }
    return TRUE;
}

static const VhEngine *find_engine(const char *name, GError **error)
{
    const VhEngine *engine = vh_engine_find(name);

    if (!engine) {
        g_autofree char *names = g_strjoinv(", ", (char **)vh_engine_names());
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "no engine '%s'; there are: %s", name,
                    names);
    }
    return engine;
}

static gboolean read_record_options(const Options *options, VhRecorderOptions *ret_record,
                                    GError **error)
{
    VhRecorderOptions record = {.path = options->record, .hash_names = options->hash_names};

    if (!options->record &&
        (options->record_size || options->record_files != 0 || options->hash_names)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "--record-size, --record-files and --hash-names go with --record");
        return FALSE;
    }
    if (options->record_size && !vh_parse_size(options->record_size, &record.size_bytes, error)) {
        g_prefix_error(error, "--record-size: ");
        return FALSE;
    }
    if (options->record_files < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "--record-files: a whole number from 1 on, not %d", options->record_files);
        return FALSE;
    }
    record.n_files = (guint)options->record_files;
    *ret_record = record;
    return TRUE;
}

/* Each connection takes some descriptors, and a libvirt daemon in a pod is not ours to start. */
static VhDiscover *prepare_discovery(const Options *options, GError **error)
{
    VhDiscover *discover = vh_discover_new((const char *const *)options->sockets, error);
    struct rlimit limit;

    if (!discover) {
        g_prefix_error(error, "--sockets: ");
        return NULL;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    g_setenv("LIBVIRT_AUTOSTART", "0", FALSE);
    return discover;
}

static int fail(const GError *error, int status)
{
    fprintf(stderr, "virthintd: %s\n", error->message);
    return status;
}

int main(int argc, char **argv)
{
    g_auto(Options) options = {0};
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN); /* a libvirtd that is killed must not take its client along */
    vh_log_init();
    if (!parse_options(&argc, &argv, &options, &error))
        return fail(error, 2);
    if (options.show_version) {
        printf("virthintd %s\n", VH_VERSION);
        return 0;
    }
    const VhEngine *engine = find_engine(options.engine ? options.engine : "virthint", &error);
    if (!engine)
        return fail(error, 2);
    VhRecorderOptions record;
    if (!read_record_options(&options, &record, &error))
        return fail(error, 2);
    VhDiscover *discover = NULL;
    if (options.sockets && !(discover = prepare_discovery(&options, &error)))
        return fail(error, 2);
    VhDaemonOptions daemon = {
        .policy_path = options.policy ? options.policy : DEFAULT_POLICY,
        .policy_is_default = !options.policy,
        .state_path = options.state,
        .bus_address = options.bus,
        .record = record,
        .once = options.once,
        .session = {.uris = (const char *const *)options.uris,
                    .discover = discover,
                    .engine = engine,
                    .dry_run = options.dry_run},
    };
    int status = vh_daemon_run(&daemon, &error);
    return error ? fail(error, status) : status;
}
