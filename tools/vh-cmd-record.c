/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record: a read-only session whose cycles go to a file; nobody is asked. */
#include "vh-backend-local.h"
#include "vh-cmd-trace.h"
#include "vh-context.h"
#include "vh-progress.h"
#include "vh-recorder.h"
#include "vh-session.h"

#include <string.h>

#define DEFAULT_FILE "recording.jsonl"

typedef struct {
    VhContext *context;
    VhSession *session;
    VhRecorder *recorder;
    VhProgress progress;
    const char *path;
    gint64 start_us;
    gint64 duration_us; /* 0: until the user ends it */
    gboolean has_seen;  /* a cycle has been recorded */
    gboolean has_lost;  /* a connection could not be made, or broke */
    gboolean is_over;
    char *trouble; /* what was last said of a source that fails; NULL: nothing */
} Record;

static void on_notice(const char *text, gpointer data)
{
    Record *record = data;

    vh_progress_end(&record->progress);
    vh_context_say(record->context, "%s", text);
}

static void show_progress(Record *record)
{
    gint64 elapsed_us = g_get_monotonic_time() - record->start_us;
    g_autofree char *size = vh_format_size(vh_recorder_n_bytes(record->recorder));
    g_autofree char *elapsed = vh_format_duration(elapsed_us);
    g_autofree char *text =
        g_strdup_printf("%s: %" G_GUINT64_FORMAT " cycles, %s, %s", record->path,
                        vh_recorder_n_cycles(record->recorder), size, elapsed);

    vh_progress_show(&record->progress, (guint64)elapsed_us, (guint64)record->duration_us, text);
}

/* The same trouble is told of once. */
static void say_trouble(Record *record, const char *message)
{
    if (g_strcmp0(record->trouble, message) == 0)
        return;
    g_free(record->trouble);
    record->trouble = g_strdup(message);
    on_notice(message, record);
}

static void on_cycled(VhSession *session, const GError *error, gpointer data)
{
    Record *record = data;
    const char *message = NULL;

    if (error || !vh_session_is_connected(session, &message)) {
        if (error || record->has_lost)
            say_trouble(record, error ? error->message : message);
        record->is_over = record->is_over || (record->has_lost && !record->has_seen);
        return; /* a host that is not there has no guests, which is not worth recording */
    }
    const VhRecorderCycle cycle = {
        .config = vh_session_config(session),
        .before = vh_session_state_before(session),
        .after = vh_session_state(session),
        .snapshot = vh_session_snapshot(session),
        .plan = vh_session_plan(session),
    };
    if (!vh_session_has_seen_all(session) && !record->has_seen)
        return;
    record->has_seen = vh_recorder_cycle(record->recorder, &cycle) || record->has_seen;
    show_progress(record);
}

static void on_watch_event(VhSession *session, const char *uri, VhWatchEvent event,
                           const char *name, const VhUuid *uuid, const char *text, gpointer data)
{
    Record *record = data;

    if (event == VH_WATCH_LOST)
        record->has_lost = TRUE;
}

static gboolean on_tick(gpointer data)
{
    Record *record = data;

    vh_session_poll(record->session);
    return G_SOURCE_CONTINUE;
}

static gboolean on_time_over(gpointer data)
{
    Record *record = data;

    record->is_over = TRUE;
    return G_SOURCE_CONTINUE;
}

/* Polls again soon until all is there, then at the policy's interval. */
static void loop(Record *record)
{
    const guint soon_ms = 250;
    guint interval_ms = (guint)(vh_session_config(record->session)->interval_us / VH_MS);
    guint timer = g_timeout_add(MIN(soon_ms, interval_ms), on_tick, record);
    guint limit = record->duration_us > 0
                      ? g_timeout_add((guint)MIN(record->duration_us / VH_MS, (gint64)G_MAXUINT),
                                      on_time_over, record)
                      : 0;
    gboolean is_soon = TRUE;

    vh_session_poll(record->session);
    while (!record->is_over && !g_cancellable_is_cancelled(record->context->program->cancel)) {
        g_main_context_iteration(NULL, TRUE);
        if (is_soon && record->has_seen) {
            g_source_remove(timer);
            timer = g_timeout_add(interval_ms, on_tick, record);
            is_soon = FALSE;
        }
    }
    g_source_remove(timer);
    if (limit != 0)
        g_source_remove(limit);
}

static VhExit finish(Record *record)
{
    VhContext *context = record->context;
    guint64 n_cycles = vh_recorder_n_cycles(record->recorder);
    g_autofree char *size = vh_format_size(vh_recorder_n_bytes(record->recorder));

    vh_progress_end(&record->progress);
    if (n_cycles == 0) {
        vh_context_say(context, "nothing was recorded");
        return VH_EXIT_FAILURE;
    }
    if (!vh_context_machine(context,
                            g_variant_new_parsed("{'file': <%s>, 'cycles': <%t>, 'bytes': <%t>}",
                                                 record->path, n_cycles,
                                                 vh_recorder_n_bytes(record->recorder))))
        vh_context_print(context, "%s: %" G_GUINT64_FORMAT " cycles, %s\n", record->path, n_cycles,
                         size);
    return VH_EXIT_OK;
}

/* A count in words that are no option kind of their own. */
static gboolean read_files(const VhContext *context, guint *ret_files, GError **error)
{
    const VhValue *value = vh_context_value(context, "files");
    guint64 n = 0;

    if (value->is_set && !g_ascii_string_to_unsigned(value->text, 10, 1, 99, &n, NULL)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "--files: '%s' is not a whole number from 1 to 99", value->text);
        return FALSE;
    }
    *ret_files = (guint)n;
    return TRUE;
}

static const VhEngine *find_engine(const VhContext *context, GError **error)
{
    const VhValue *value = vh_context_value(context, "engine");
    const VhEngine *engine = vh_engine_find(value->is_set ? value->text : "virthint");

    if (!engine) {
        g_autofree char *names = g_strjoinv(", ", (char **)vh_engine_names());
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "no engine '%s'; there is: %s", value->text,
                    names);
    }
    return engine;
}

static gboolean start(Record *record, GError **error)
{
    VhContext *context = record->context;
    const VhSessionCallbacks callbacks = {.cycled = on_cycled, .watch_event = on_watch_event};
    const VhEngine *engine = find_engine(context, error);
    VhRecorderOptions options = {.path = record->path,
                                 .size_bytes = vh_context_value(context, "size")->bytes,
                                 .hash_names = vh_context_flag(context, "hash-names"),
                                 .version = context->program->version,
                                 .notice = on_notice,
                                 .data = record};
    VhSessionOptions session = {
        .uris = (const char *const *)vh_context_value(context, "connect")->texts,
        .engine = engine,
        .read_only = TRUE,
        .dry_run = TRUE};

    if (!engine || !read_files(context, &options.n_files, error))
        return FALSE;
    options.engine = engine->name;
    VhConfig *config = vh_backend_local_policy(vh_context_value(context, "policy")->text, error);
    if (!config)
        return FALSE;
    record->recorder = vh_recorder_new(&options, error);
    if (!record->recorder) {
        vh_config_free(config);
        return FALSE;
    }
    record->session = vh_session_new(&session, config, NULL, &callbacks, record);
    return TRUE;
}

static VhExit run_record(VhContext *context)
{
    const VhValue *output = vh_context_value(context, "output");
    Record record = {.context = context,
                     .progress = {.context = context, .cancelling = "ending"},
                     .path = output->is_set ? output->text : DEFAULT_FILE,
                     .start_us = g_get_monotonic_time(),
                     .duration_us = vh_context_value(context, "for")->us};
    g_autoptr(GError) error = NULL;
    VhExit code;

    if (start(&record, &error)) {
        loop(&record);
        code = finish(&record);
    } else {
        code = vh_context_fail(context, g_steal_pointer(&error));
    }
    vh_session_free(record.session);
    vh_recorder_free(record.recorder);
    g_free(record.trouble);
    return code;
}

static const VhOption options[] = {
    {"output",
     'o',
     VH_OPTION_TEXT,
     "FILE",
     "append to this file (" DEFAULT_FILE ")",
     {VH_WORDS_FILES}},
    {"for", 'f', VH_OPTION_DURATION, "DURATION", "end after so long (10min); else by Ctrl-C"},
    {"size", 's', VH_OPTION_SIZE, "SIZE", "rotate the file at this size (64MiB)"},
    {"files", 'n', VH_OPTION_TEXT, "N", "keep so many files, 1 to 99 (8)"},
    {"hash-names", 'H', VH_OPTION_FLAG, NULL, "write hashes for names and UUIDs"},
    {"engine",
     'e',
     VH_OPTION_TEXT,
     "NAME",
     "what decides (virthint)",
     {VH_WORDS_LIST, .names = vh_engine_names}},
    {NULL},
};

const VhCommand vh_cmd_record = {
    .name = "record",
    .summary = "record what would be decided",
    .description = "Looks at the guests over a read-only connection of its own, decides as the\n"
                   "daemon would, asks nobody, and appends all of it to a file, for 'virthint\n"
                   "replay'. What a running daemon does is recorded by 'virthintd --record'.",
    .access = VH_ACCESS_NONE,
    .options = options,
    .run = run_record,
};
