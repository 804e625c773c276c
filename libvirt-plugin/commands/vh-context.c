/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context: values by name, and the one place where commands meet the output. */
#include "vh-context.h"

#include "vh-json.h"
#include "vh-raw.h"
#include "vh-text.h"
#include "vh-units.h"

static void clear_value(gpointer data)
{
    VhValue *value = data;

    g_free(value->text);
    g_strfreev(value->texts);
}

static void add_values(GArray *values, const VhOption *options)
{
    for (guint i = 0; options != NULL && options[i].name != NULL; i++) {
        VhValue value = {.option = &options[i]};
        g_array_append_val(values, value);
    }
}

VhValue *vh_context_find_value(const VhContext *context, const char *option)
{
    for (guint i = 0; i < context->values->len; i++) {
        VhValue *value = &g_array_index(context->values, VhValue, i);
        if (g_str_equal(value->option->name, option))
            return value;
    }
    g_return_val_if_reached(NULL);
}

VhContext *vh_context_new(const VhProgram *program, const VhCommand *command)
{
    VhContext *context = g_new0(VhContext, 1);

    context->program = program;
    context->command = command;
    context->named = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    context->words = g_ptr_array_new_with_free_func(g_free);
    context->operands = g_ptr_array_new_with_free_func(g_free);
    context->values = g_array_new(FALSE, TRUE, sizeof(VhValue));
    g_array_set_clear_func(context->values, clear_value);
    add_values(context->values, vh_common_options());
    if (command != NULL)
        add_values(context->values, command->options);
    for (guint i = 0; command != NULL && command->operands != NULL && command->operands[i].name;
         i++)
        g_ptr_array_add(context->named, g_ptr_array_new_with_free_func(g_free));
    vh_context_find_value(context, "readonly")->is_set = program->is_read_only;
    vh_context_find_value(context, "quiet")->is_set = program->is_quiet;
    return context;
}

void vh_context_free(VhContext *context)
{
    if (context == NULL)
        return;
    vh_backend_free(context->backend);
    g_ptr_array_unref(context->named);
    g_ptr_array_unref(context->words);
    g_ptr_array_unref(context->operands);
    g_array_unref(context->values);
    g_free(context);
}

const VhValue *vh_context_value(const VhContext *context, const char *option)
{
    return vh_context_find_value(context, option);
}

gboolean vh_context_flag(const VhContext *context, const char *option)
{
    return vh_context_value(context, option)->is_set;
}

const char *vh_context_operand(const VhContext *context, guint index)
{
    return index < context->operands->len ? g_ptr_array_index(context->operands, index) : NULL;
}

static void notice_from_backend(const char *text, gpointer data)
{
    vh_context_notice(data, "%s", text);
}

static VhBackendRequest request_of(VhContext *context)
{
    const VhProgram *program = context->program;
    const VhValue *connect = vh_context_value(context, "connect");

    return (VhBackendRequest){
        .access = context->command->access,
        .connection = connect->is_set ? NULL : program->connection,
        .uris = connect->is_set ? (const char *const *)connect->texts : program->uris,
        .read_only = vh_context_flag(context, "readonly"),
        .bus_address = vh_context_value(context, "bus")->text,
        .policy_path = vh_context_value(context, "policy")->text,
        .cancel = program->cancel,
        .notice = notice_from_backend,
        .notice_data = context,
    };
}

gboolean vh_context_connect(VhContext *context, GError **error)
{
    const VhBackendProvider *provider = context->program->provider;
    const VhBackendRequest request = request_of(context);

    context->backend = provider->open(&request, provider->data, error);
    return context->backend != NULL;
}

gboolean vh_context_open(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!vh_context_connect(context, &error)) {
        vh_context_fail(context, g_steal_pointer(&error));
        return FALSE;
    }
    g_autofree char *who = context->backend->ops->describe(context->backend);
    vh_context_notice(context, "using %s", who);
    return TRUE;
}

GVariant *vh_context_reporting(VhContext *context, const char *uri, const char *domain,
                               VhReportingWish wish, GError **error)
{
    const VhBackendProvider *provider = context->program->provider;
    const char *const only[] = {uri, NULL};
    VhBackendRequest request = request_of(context);

    if (uri != NULL)
        request.uris = only;
    return provider->reporting(&request, domain, wish, provider->data, error);
}

static void set_not_here(GError **error)
{
    g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "this cannot be done here; the virthint command can");
}

GVariant *vh_context_explain_at(VhContext *context, const char *domain, gint64 at_us,
                                const char *trace, GError **error)
{
    const VhBackendProvider *provider = context->program->provider;
    const VhBackendRequest request = request_of(context);

    if (provider->explain_at == NULL) {
        set_not_here(error);
        return NULL;
    }
    return provider->explain_at(&request, domain, at_us, trace, provider->data, error);
}

GVariant *vh_context_policy(VhContext *context, const char *domain, const VhPolicyWish *wish,
                            GError **error)
{
    const VhBackendProvider *provider = context->program->provider;
    const VhBackendRequest request = request_of(context);

    if (provider->policy == NULL) {
        set_not_here(error);
        return NULL;
    }
    return provider->policy(&request, domain, wish, provider->data, error);
}

gboolean vh_context_events(VhContext *context, const VhEventsWish *wish, VhEventSeen seen,
                           gpointer seen_data, guint *ret_n, GError **error)
{
    const VhBackendProvider *provider = context->program->provider;
    const VhBackendRequest request = request_of(context);

    if (provider->events == NULL) {
        set_not_here(error);
        return FALSE;
    }
    return provider->events(&request, wish, seen, seen_data, ret_n, provider->data, error);
}

/* Names and messages come from others, and may be meant for the reader's terminal. */
static void write_text(VhContext *context, gboolean is_error, const char *text)
{
    const VhOutput *output = context->program->output;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *harmless = vh_text_harmless(valid);

    output->write(is_error, harmless, output->data);
}

void vh_context_print(VhContext *context, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    write_text(context, FALSE, text);
}

static void say_line(VhContext *context, const char *text)
{
    const VhProgram *program = context->program;
    g_autofree char *line = g_strdup_printf(
        "%s: %s\n", vh_program_is_virsh(program) ? "error" : program->program, text);

    write_text(context, TRUE, line);
}

void vh_context_say(VhContext *context, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    say_line(context, text);
}

void vh_context_notice(VhContext *context, const char *format, ...)
{
    va_list arguments;

    if (vh_context_flag(context, "quiet") || vh_program_is_virsh(context->program))
        return;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    say_line(context, text);
}

VhExit vh_context_fail(VhContext *context, GError *error)
{
    vh_context_say(context, "%s", error->message);
    g_error_free(error);
    return VH_EXIT_FAILURE;
}

gboolean vh_context_is_human(const VhContext *context)
{
    return context->program->output->out_is_tty && !vh_context_flag(context, "raw");
}

char *vh_context_size(const VhContext *context, guint64 bytes)
{
    if (vh_context_is_human(context))
        return vh_format_size(bytes);
    return g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

gboolean vh_context_json(VhContext *context, GVariant *document)
{
    g_autoptr(GVariant) held = g_variant_ref_sink(document);

    if (!vh_context_flag(context, "json"))
        return FALSE;
    g_autofree char *text = vh_json_format(held, TRUE);
    write_text(context, FALSE, text);
    return TRUE;
}

gboolean vh_context_machine(VhContext *context, GVariant *document)
{
    g_autoptr(GVariant) held = g_variant_ref_sink(document);

    if (!vh_context_flag(context, "raw"))
        return vh_context_json(context, held);
    g_autofree char *text = vh_raw_format(held);
    write_text(context, FALSE, text);
    return TRUE;
}
