/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* replay: what was decided then, and what this policy would have decided, side by side. */
#include "vh-cmd-trace.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-files.h"
#include "vh-progress.h"
#include "vh-replay-report.h"
#include "vh-show.h"
#include "vh-table.h"

#define HONEST                                                                               \
    "What was not asked then cannot have brought anything: the guests' memory is as it\n"    \
    "was recorded, whatever is decided now. An ask that is decided again and again, as it\n" \
    "does not come about, counts once.\n"

static char *cell_time(const VhContext *context, GVariant *row)
{
    gint64 time_us = 0;

    vh_doc_get_us(row, "seen_time_us", &time_us);
    return vh_show_time(time_us);
}

/* The size of an ask, or the reason why there is none. */
static char *ask_cell(const VhContext *context, GVariant *row, const char *bytes_key,
                      const char *reason_key)
{
    guint64 bytes;

    if (vh_doc_get_bytes(row, bytes_key, &bytes))
        return vh_context_size(context, bytes);
    return g_strdup(vh_doc_text(row, reason_key));
}

static char *cell_recorded(const VhContext *context, GVariant *row)
{
    return ask_cell(context, row, "recorded_bytes", "recorded_reason");
}

static char *cell_replayed(const VhContext *context, GVariant *row)
{
    return ask_cell(context, row, "replayed_bytes", "replayed_reason");
}

static const VhTableColumn ask_columns[] = {
    {"Time", FALSE, FALSE, cell_time},
    {"Domain", FALSE, TRUE, NULL, "name"},
    {"Level then", FALSE, FALSE, NULL, "recorded_level"},
    {"Level now", FALSE, FALSE, NULL, "replayed_level"},
    {"Asked then", TRUE, FALSE, cell_recorded},
    {"Asked now", TRUE, FALSE, cell_replayed},
};

static const VhTableColumn guest_columns[] = {
    {"Domain", FALSE, TRUE, NULL, "name"},
    {"Asks then", TRUE, FALSE, NULL, "recorded_asks"},
    {"Asks now", TRUE, FALSE, NULL, "replayed_asks"},
    {"Bytes then", TRUE, FALSE, NULL, "recorded_bytes"},
    {"Bytes now", TRUE, FALSE, NULL, "replayed_bytes"},
};

static void print_table(VhContext *context, const VhTableColumn *columns, guint n_columns,
                        GVariant *doc, const char *key)
{
    g_autofree char *table = vh_table_format_list(context, columns, n_columns, doc, key);

    vh_context_print(context, "%s", table);
    if (*table != '\0')
        vh_table_end(context);
}

static void print_side(VhContext *context, GVariant *doc, const char *key, const char *title)
{
    g_autoptr(GVariant) side = vh_doc_dict(doc, key);
    guint64 n = 0, n_only = 0, bytes = 0;

    vh_doc_get_bytes(side, "asks_made", &n);
    vh_doc_get_bytes(side, "asks_only_here", &n_only);
    vh_doc_get_bytes(side, "asked_bytes", &bytes);
    g_autofree char *size = vh_context_size(context, bytes);
    vh_context_print(context,
                     "%s: %" G_GUINT64_FORMAT " asks for %s together, %" G_GUINT64_FORMAT
                     " of them only here\n",
                     title, n, size, n_only);
}

static void print_summary(VhContext *context, GVariant *doc)
{
    gint64 start_us = 0, end_us = 0;
    guint64 n_cycles = 0, n_different = 0, n_levels = 0, n_reasons = 0;
    const char *policy = vh_doc_text(doc, "policy");

    vh_doc_get_us(doc, "start_time_us", &start_us);
    vh_doc_get_us(doc, "end_time_us", &end_us);
    vh_doc_get_bytes(doc, "cycles", &n_cycles);
    vh_doc_get_bytes(doc, "cycles_different", &n_different);
    vh_doc_get_bytes(doc, "levels_different", &n_levels);
    vh_doc_get_bytes(doc, "reasons_different", &n_reasons);
    g_autofree char *start = vh_show_time(start_us), *end = vh_show_time(end_us);
    vh_context_print(context,
                     "%" G_GUINT64_FORMAT " cycles from %s to %s, engine %s, policy %s\n"
                     "%" G_GUINT64_FORMAT " of them differ, %" G_GUINT64_FORMAT
                     " in their level; %" G_GUINT64_FORMAT " guests have another reason\n",
                     n_cycles, start, end, vh_doc_text(doc, "engine"),
                     *policy != '\0' ? policy : "as recorded", n_different, n_levels, n_reasons);
    print_side(context, doc, "recorded", "then");
    print_side(context, doc, "replayed", "now");
}

static void print_tables(VhContext *context, GVariant *doc)
{
    print_table(context, ask_columns, G_N_ELEMENTS(ask_columns), doc, "asks");
    print_table(context, guest_columns, G_N_ELEMENTS(guest_columns), doc, "guests");
}

static void print_report(VhContext *context, GVariant *doc)
{
    g_auto(GStrv) warnings = vh_doc_texts(doc, "warnings");

    if (vh_context_machine(context, doc)) {
        if (vh_context_flag(context, "raw"))
            print_tables(context, doc);
        return;
    }
    print_tables(context, doc);
    print_summary(context, doc);
    vh_context_print(context, HONEST);
    for (guint i = 0; warnings && warnings[i]; i++)
        vh_context_notice(context, "%s", warnings[i]);
}

static void show_progress(const VhReplay *replay, gpointer data)
{
    guint64 done, all;

    vh_replay_progress(replay, &done, &all);
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT " cycles", vh_replay_summary(replay)->n_cycles);
    vh_progress_show(data, done, all, text);
}

static GVariant *make_report(VhContext *context, const VhConfig *config, const VhEngine *engine,
                             GError **error)
{
    const VhReplayOptions options = {
        .path = vh_context_operand(context, 0), .config = config, .engine = engine};
    VhProgress progress = {.context = context, .cancelling = "ending"};
    const VhReplayReportOptions report = {
        .path = options.path,
        .policy_path = vh_context_value(context, "policy")->text,
        .only_different = vh_context_flag(context, "differences"),
        .cancel = context->program->cancel,
        /* who reads no terminal need not be told of seconds */
        .progress = context->program->output->err_is_tty ? show_progress : NULL,
        .data = &progress};
    g_autoptr(VhReplay) replay = vh_replay_new(&options, error);

    if (!replay)
        return NULL;
    GVariant *doc = vh_replay_report(replay, &report, error);
    vh_progress_end(&progress);
    return doc ? g_variant_ref_sink(doc) : NULL;
}

static VhExit run_replay(VhContext *context)
{
    const VhValue *policy = vh_context_value(context, "policy");
    const VhValue *engine_name = vh_context_value(context, "engine");
    const VhEngine *engine = engine_name->is_set ? vh_engine_find(engine_name->text) : NULL;
    g_autoptr(VhConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    if (engine_name->is_set && !engine) {
        g_autofree char *names = g_strjoinv(", ", (char **)vh_engine_names());
        vh_context_say(context, "no engine '%s'; there is: %s", engine_name->text, names);
        return VH_EXIT_USAGE;
    }
    if (policy->is_set && !(config = vh_files_load_policy(policy->text, &error)))
        return vh_context_fail(context, g_steal_pointer(&error));
    g_autoptr(GVariant) doc = make_report(context, config, engine, &error);
    if (!doc)
        return vh_context_fail(context, g_steal_pointer(&error));
    print_report(context, doc);
    return VH_EXIT_OK;
}

static const VhOption options[] = {
    {"engine",
     'e',
     VH_OPTION_TEXT,
     "NAME",
     "what decides now; default: as recorded",
     {VH_WORDS_LIST, .names = vh_engine_names}},
    {"differences", 'd', VH_OPTION_FLAG, NULL, "leave out asks that are the same on both sides"},
    {NULL},
};

static const VhOperand operands[] = {
    {"file", "the recording", VH_OPERAND_REQUIRED, {VH_WORDS_FILES}},
    {NULL},
};

const VhCommand vh_cmd_replay = {
    .name = "replay",
    .operands = operands,
    .summary = "decide a recording again",
    .description = "Decides each cycle of a recording again, with --policy by another policy and\n"
                   "with --engine by another engine, and shows what was asked then beside what\n"
                   "would have been asked now. FILE.1, FILE.2... are read before FILE. Nobody is\n"
                   "asked, and what other asks would have brought stays unknown.",
    .access = VH_ACCESS_NONE,
    .options = options,
    .run = run_replay,
};
