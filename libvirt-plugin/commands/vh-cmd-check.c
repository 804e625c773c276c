/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check and reload: policy files, before and after they are in force. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-json.h"

/* With --json a bad policy is a result, too. */
static VhExit report_bad(VhContext *context, GError *error)
{
    g_autoptr(GError) held = error;
    g_autofree char *message = g_utf8_make_valid(held->message, -1); /* a path may be in it */

    if (vh_context_flag(context, "json") || vh_context_flag(context, "raw"))
        vh_context_machine(
            context,
            g_variant_new_parsed(
                "{'is_valid': <false>, 'error': <%s>, 'message': <%s>}",
                vh_error_code_name(held->domain == VH_ERROR ? held->code : VH_ERROR_FAILED),
                message));
    return vh_context_fail(context, g_steal_pointer(&held));
}

static VhExit run_check(VhContext *context)
{
    const VhBackendProvider *provider = context->program->provider;
    g_autoptr(GPtrArray) paths = g_ptr_array_new();
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < context->operands->len; i++)
        g_ptr_array_add(paths, g_ptr_array_index(context->operands, i));
    g_ptr_array_add(paths, NULL);
    g_autoptr(GVariant) policy =
        provider->check((const char *const *)paths->pdata, provider->data, &error);
    if (policy == NULL)
        return report_bad(context, g_steal_pointer(&error));
    if (vh_context_machine(
            context, g_variant_new_parsed("{'is_valid': <true>, 'policy': <%@a{sv}>}", policy)))
        return VH_EXIT_OK;
    if (vh_context_flag(context, "show")) {
        g_autofree char *text = vh_json_format(policy, TRUE);
        vh_context_print(context, "%s", text);
        return VH_EXIT_OK;
    }
    vh_context_print(context, "the policy is good\n");
    return VH_EXIT_OK;
}

static const VhOption check_options[] = {
    {"show", 's', VH_OPTION_FLAG, NULL, "print the whole policy that they amount to"},
    {NULL},
};

static const VhOperand check_operands[] = {
    {"file", "a policy file, or a directory of them", VH_OPERAND_MANY, {VH_WORDS_FILES}},
    {NULL},
};

const VhCommand vh_cmd_check = {
    .name = "check",
    .operands = check_operands,
    .summary = "check policy files as the daemon would",
    .description =
        "Reads policy files, and directories of them, merged in the order given, as the\n"
        "daemon would. What is wrong is told with its file and line. Needs no guest, no\n"
        "daemon and no rights but to read the files.",
    .access = VH_ACCESS_NONE,
    .options = check_options,
    .run = run_check,
};

static VhExit run_reload(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (vh_context_flag(context, "readonly")) {
        vh_context_say(context, "reload changes what is in force; leave --readonly out");
        return VH_EXIT_USAGE;
    }
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    if (!context->backend->ops->reload(context->backend, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_machine(context, g_variant_new_parsed("{'is_reloaded': <true>}")))
        vh_context_print(context, "the policy was read again and is in force\n");
    return VH_EXIT_OK;
}

const VhCommand vh_cmd_reload = {
    .name = "reload",
    .summary = "make the daemon read its policy again",
    .description = "Makes the daemon read its policy again. Where that is wrong, the one in force\n"
                   "stays, and what is wrong is told.",
    .access = VH_ACCESS_DAEMON,
    .run = run_reload,
};
