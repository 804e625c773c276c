/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: memory from the guests together, through the daemon. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-progress.h"
#include "vh-show.h"
#include "vh-table.h"
#include "vh-text.h"
#include "vh-units.h"

static const char *const urgencies[] = {"proactive", "low", "high", "critical", NULL};

static void show_progress(guint64 bytes, guint64 returned_bytes, guint n_asks, gpointer data)
{
    g_autofree char *wanted = vh_format_size(bytes);
    g_autofree char *returned = vh_format_size(returned_bytes);
    g_autofree char *text = g_strdup_printf("%s of %s returned, %u ask%s under way", returned,
                                            wanted, n_asks, n_asks == 1 ? "" : "s");

    vh_progress_show(data, returned_bytes, bytes, text);
}

static VhExit wait_for(VhContext *context, guint64 id)
{
    VhProgress progress = {.context = context,
                           .cancelling = "cancelling; waiting until what is under way has ended"};
    g_autoptr(GError) error = NULL;

    g_autoptr(GVariant) doc =
        context->backend->ops->wait_request(context->backend, id, show_progress, &progress, &error);
    vh_progress_end(&progress);
    if (doc == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_machine(context, doc)) {
        g_autofree char *text = vh_show_request(doc);
        vh_context_print(context, "%s\n", text);
    }
    return g_str_equal(vh_doc_text(doc, "status"), "done") ? VH_EXIT_OK : VH_EXIT_FAILURE;
}

/* The request as it stands now; NULL where it is over already, or nobody tells. */
static GVariant *find_request(VhContext *context, guint64 id)
{
    g_autoptr(GVariant) list = context->backend->ops->requests(context->backend, NULL);

    for (gsize i = 0; list != NULL && i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) one = g_variant_get_child_value(list, i);
        guint64 other = 0;
        if (vh_doc_get_bytes(one, "id", &other) && other == id)
            return g_steal_pointer(&one);
    }
    return NULL;
}

static VhExit list_requests(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) list = context->backend->ops->requests(context->backend, &error);
    if (list == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, g_variant_new_parsed("{'requests': <%@aa{sv}>}", list)))
        return VH_EXIT_OK;
    g_autofree char *table = vh_show_requests(context, list);
    if (g_variant_n_children(list) == 0)
        vh_context_notice(context, "no request is open");
    vh_context_print(context, "%s", table);
    vh_table_end(context);
    return VH_EXIT_OK;
}

static VhExit cancel(VhContext *context, const char *text)
{
    g_autoptr(GError) error = NULL;
    guint64 id;

    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT64, &id, NULL)) {
        vh_context_say(context, "--cancel: not a request's number; 'virthint request' lists them");
        return VH_EXIT_USAGE;
    }
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    if (!context->backend->ops->cancel_request(context->backend, id, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_machine(context,
                            g_variant_new_parsed("{'id': <%t>, 'is_cancelled': <true>}", id)))
        vh_context_print(context, "request %" G_GUINT64_FORMAT " is cancelled\n", id);
    return VH_EXIT_OK;
}

/* FALSE, having said why, where operand or options make no sense. */
static gboolean read_wish(VhContext *context, VhRequestWish *wish)
{
    const VhValue *urgency = vh_context_value(context, "urgency");
    g_autoptr(GError) error = NULL;

    *wish = (VhRequestWish){.urgency = urgency->is_set ? urgency->text : "low",
                            .deadline_us = vh_context_value(context, "deadline")->us};
    if (!vh_parse_size(vh_context_operand(context, 0), &wish->bytes, &error)) {
        vh_context_say(context, "SIZE: %s", error->message);
        return FALSE;
    }
    if (wish->bytes == 0) {
        vh_context_say(context, "SIZE: 0 asks for nothing; say how much is wanted");
        return FALSE;
    }
    if (!g_strv_contains(urgencies, wish->urgency)) {
        g_autofree char *quoted = vh_text_quote(wish->urgency);
        g_autofree char *words = vh_text_join_or(urgencies);
        vh_context_say(context, "--urgency: %s is none; right would be %s", quoted, words);
        return FALSE;
    }
    if (vh_context_flag(context, "deadline") && wish->deadline_us == 0) {
        vh_context_say(context, "--deadline: 0 is over at once; leave it out for none");
        return FALSE;
    }
    return TRUE;
}

/* Options that make no sense without a size to ask for. */
static gboolean check_lone(VhContext *context)
{
    static const char *const others[] = {"urgency", "deadline", "wait"};

    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        if (vh_context_flag(context, others[i])) {
            vh_context_say(context, "--%s is for a new request; say its SIZE, too", others[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static VhExit start(VhContext *context)
{
    g_autoptr(GError) error = NULL;
    VhRequestWish wish;

    if (!read_wish(context, &wish))
        return VH_EXIT_USAGE;
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    guint64 id = context->backend->ops->request(context->backend, &wish, &error);
    if (id == 0)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_flag(context, "wait"))
        return wait_for(context, id);
    g_autoptr(GVariant) doc = find_request(context, id);
    if (doc == NULL)
        doc = g_variant_ref_sink(g_variant_new_parsed("{'id': <%t>}", id));
    if (!vh_context_machine(context, doc))
        vh_context_print(context, "request %" G_GUINT64_FORMAT " is open\n", id);
    return VH_EXIT_OK;
}

static VhExit run_request(VhContext *context)
{
    const VhValue *cancelled = vh_context_value(context, "cancel");
    gboolean has_size = vh_context_operand(context, 0) != NULL;

    if ((has_size || cancelled->is_set) && vh_context_flag(context, "readonly")) {
        vh_context_say(context, "a request changes what the daemon does; leave --readonly out");
        return VH_EXIT_USAGE;
    }
    if (has_size && cancelled->is_set) {
        vh_context_say(context, "--cancel ends a request, and SIZE is for a new one; leave one "
                                "out");
        return VH_EXIT_USAGE;
    }
    if (has_size)
        return start(context);
    if (!check_lone(context))
        return VH_EXIT_USAGE;
    return cancelled->is_set ? cancel(context, cancelled->text) : list_requests(context);
}

static const VhOption request_options[] = {
    {"urgency",
     'u',
     VH_OPTION_TEXT,
     "LEVEL",
     "proactive, low, high or critical; default: low",
     {VH_WORDS_LIST, urgencies}},
    {"deadline", 'd', VH_OPTION_DURATION, "DURATION", "give up after this long (30s, 2min)"},
    {"wait", 'w', VH_OPTION_FLAG, NULL, "wait for the end, showing progress"},
    {"cancel", 'x', VH_OPTION_TEXT, "ID", "end this request"},
    {NULL},
};

static const VhOperand request_operands[] = {
    {"size", "how much: 512MiB, 4GiB; without it they are listed", VH_OPERAND_OPTIONAL},
    {NULL},
};

const VhCommand vh_cmd_request = {
    .name = "request",
    .operands = request_operands,
    .summary = "ask the guests together for memory",
    .description =
        "Asks the guests together for memory (512MiB, 4GiB), whatever the pool's own\n"
        "need: before a large guest is started, say. The daemon chooses whom to ask. The\n"
        "urgency is a level: guests that it unlocks may be asked, so that one that is\n"
        "not urgent never reaches protected guests. A request ends when all came back,\n"
        "its deadline has passed, it is cancelled, or, without a deadline, when nobody\n"
        "could give any more for 20 minutes. With --wait it shows the progress; Ctrl-C\n"
        "then cancels. Exit status 0 with --wait: all came back. Without SIZE it lists\n"
        "the open requests. Only the daemon takes requests, and only root's.",
    .access = VH_ACCESS_DAEMON,
    .options = request_options,
    .run = run_request,
};
