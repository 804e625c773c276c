/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GOption does the parsing; here its entries come from the table, and its errors get better. */
#include "vh-parse.h"

#include "vh-units.h"

#include <string.h>

/* What an argument of a command line is about. */
typedef struct {
    VhValue *value;   /* an option; else NULL */
    GPtrArray *named; /* what was given for an operand by its name; else NULL */
    const char *name;
    gboolean is_list, is_path;
} Target;

/* Whether this program's command line has the option. */
static gboolean is_known(const VhContext *context, const VhOption *option)
{
    return !vh_program_is_virsh(context->program) || !option->is_not_virshs ||
           g_str_equal(option->name, "help");
}

static char letter_of(const VhContext *context, const VhOption *option)
{
    return vh_program_is_virsh(context->program) ? 0 : option->letter;
}

static const VhOperand *operand_at(const VhContext *context, guint index)
{
    const VhOperand *operands = context->command != NULL ? context->command->operands : NULL;
    return operands != NULL && operands[index].name != NULL ? &operands[index] : NULL;
}

/* The option or operand that `name`, with its dashes, means; FALSE where there is none. */
static gboolean find_target(const VhContext *context, const char *name, Target *ret_target)
{
    const VhOperand *operand;
    gboolean is_long = g_str_has_prefix(name, "--");

    for (guint i = 0; i < context->values->len; i++) {
        VhValue *value = &g_array_index(context->values, VhValue, i);
        const VhOption *option = value->option;
        if (!is_known(context, option) || (is_long ? !g_str_equal(option->name, name + 2)
                                                   : letter_of(context, option) != name[1]))
            continue;
        *ret_target = (Target){.value = value,
                               .name = option->name,
                               .is_list = option->kind == VH_OPTION_TEXTS,
                               .is_path = option->words.kind == VH_WORDS_FILES};
        return TRUE;
    }
    for (guint i = 0; is_long && (operand = operand_at(context, i)) != NULL; i++) {
        if (!g_str_equal(operand->name, name + 2))
            continue;
        *ret_target = (Target){.named = g_ptr_array_index(context->named, i),
                               .name = operand->name,
                               .is_list = operand->count == VH_OPERAND_MANY,
                               .is_path = operand->words.kind == VH_WORDS_FILES};
        return TRUE;
    }
    return FALSE;
}

static void add_text(char ***texts, const char *text)
{
    guint n = *texts != NULL ? g_strv_length(*texts) : 0;

    *texts = g_renew(char *, *texts, n + 2);
    (*texts)[n] = g_strdup(text);
    (*texts)[n + 1] = NULL;
}

static void take_value(VhValue *value, const char *text)
{
    value->is_set = TRUE;
    if (value->option->kind == VH_OPTION_TEXTS)
        add_text(&value->texts, text);
    else if (value->option->kind != VH_OPTION_FLAG)
        value->text = g_strdup(text);
}

static gboolean check_text(const char *text, const char *what, gboolean is_path, GError **error)
{
    if (is_path || text == NULL || g_utf8_validate(text, -1, NULL))
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is not UTF-8; write it so", what);
    return FALSE;
}

static gboolean is_repeated(const VhContext *context, const Target *target)
{
    if (target->is_list)
        return FALSE;
    if (target->named != NULL)
        return target->named->len > 0;
    /* a flag that is said twice harms nobody; virsh minds */
    return (target->value->text != NULL || vh_program_is_virsh(context->program)) &&
           target->value->is_given;
}

/* GOption's callback for each option: `name` with its dashes. */
static gboolean take_option(const char *name, const char *text, gpointer data, GError **error)
{
    VhContext *context = data;
    Target target;

    if (!find_target(context, name, &target))
        g_return_val_if_reached(FALSE);
    if (is_repeated(context, &target)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    vh_program_is_virsh(context->program) ? "option --%s already seen"
                                                          : "--%s was given twice; say it once",
                    target.name);
        return FALSE;
    }
    if (!check_text(text, name, target.is_path, error))
        return FALSE;
    if (target.named != NULL) {
        g_ptr_array_add(target.named, g_strdup(text));
        return TRUE;
    }
    target.value->is_given = TRUE;
    take_value(target.value, text);
    return TRUE;
}

static GOptionEntry entry_of(const char *name, char letter, gboolean is_flag)
{
    return (GOptionEntry){.long_name = name,
                          .short_name = letter,
                          .flags = is_flag ? G_OPTION_FLAG_NO_ARG : G_OPTION_FLAG_FILENAME,
                          .arg = G_OPTION_ARG_CALLBACK,
                          .arg_data = (gpointer)take_option};
}

/* Ended by an empty one. */
static GArray *entries_of(const VhContext *context)
{
    GArray *entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    const VhOperand *operand;

    for (guint i = 0; i < context->values->len; i++) {
        const VhOption *option = g_array_index(context->values, VhValue, i).option;
        GOptionEntry entry =
            entry_of(option->name, letter_of(context, option), option->kind == VH_OPTION_FLAG);
        if (is_known(context, option))
            g_array_append_val(entries, entry);
    }
    for (guint i = 0; (operand = operand_at(context, i)) != NULL; i++) {
        GOptionEntry entry = entry_of(operand->name, 0, FALSE);
        g_array_append_val(entries, entry);
    }
    return entries;
}

/* The first argument that looks like a long option and is none of ours, without dashes. */
static char *find_unknown(const VhContext *context, int argc, char *const *argv)
{
    for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
        Target target;
        g_auto(GStrv) parts = g_strsplit(argv[i], "=", 2);
        if (g_str_has_prefix(argv[i], "--") && !find_target(context, parts[0], &target))
            return g_strdup(parts[0] + 2);
    }
    return NULL;
}

/* GOption passes over what follows "=" behind a flag. */
static gboolean check_flags(const VhContext *context, int argc, char *const *argv, GError **error)
{
    for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
        Target target;
        g_auto(GStrv) parts = g_strsplit(argv[i], "=", 2);
        if (!g_str_has_prefix(argv[i], "--") || parts[1] == NULL ||
            !find_target(context, parts[0], &target) || target.value == NULL ||
            target.value->option->kind != VH_OPTION_FLAG)
            continue;
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    vh_program_is_virsh(context->program)
                        ? "invalid '=' after option --%s"
                        : "--%s takes no value; leave out what follows it",
                    target.name);
        return FALSE;
    }
    return TRUE;
}

static char *nearest_option(const VhContext *context, const char *unknown)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VhOperand *operand;

    for (guint i = 0; i < context->values->len; i++)
        g_ptr_array_add(names, (char *)g_array_index(context->values, VhValue, i).option->name);
    for (guint i = 0; (operand = operand_at(context, i)) != NULL; i++)
        g_ptr_array_add(names, (char *)operand->name);
    const char *nearest =
        vh_command_nearest(unknown, (const char *const *)names->pdata, names->len);
    return nearest != NULL ? g_strdup_printf("; did you mean --%s?", nearest) : g_strdup("");
}

static char *unknown_text(const VhContext *context, const char *unknown)
{
    if (vh_program_is_virsh(context->program) && context->command != NULL) {
        g_autofree char *name = vh_program_name_of(context->program, context->command);
        return g_strdup_printf("command '%s' doesn't support option --%s", name, unknown);
    }
    g_autofree char *hint = nearest_option(context, unknown);
    return g_strdup_printf("unknown option --%s%s", unknown, hint);
}

/* GOption's sentence ends without a hint: the nearest option, or where to read on. */
static void explain_error(const VhContext *context, int argc, char *const *argv, GError *reason,
                          GError **error)
{
    g_autoptr(GError) held = reason;
    g_autofree char *unknown =
        g_error_matches(reason, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
            ? find_unknown(context, argc, argv)
            : NULL;

    if (unknown != NULL) {
        g_autofree char *text = unknown_text(context, unknown);
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, text);
    } else if (vh_program_is_virsh(context->program) &&
               g_error_matches(reason, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE)) {
        /* only the last argument can lack its value */
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "expected syntax: %s <string>",
                    argv[argc - 1]);
    } else if (reason->domain == VH_ERROR) {
        g_propagate_error(error, g_steal_pointer(&held));
    } else {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, reason->message);
    }
}

/*
 * What is left in argv after the options. GOption leaves a "--" where an operand behind it looks
 * like an option; behind a command it is that command's, not the program's.
 */
static void take_words(VhContext *context, char **argv, gboolean stop_at_operand)
{
    gboolean may_drop = TRUE;

    for (guint i = 1; argv[0] != NULL && argv[i] != NULL; i++) {
        if (may_drop && g_str_equal(argv[i], "--")) {
            may_drop = FALSE;
            continue;
        }
        may_drop = may_drop && !stop_at_operand;
        g_ptr_array_add(context->words, g_strdup(argv[i]));
    }
}

/* GOption's own parse, into the context's values; what is left in *rest. */
static gboolean parse_options(VhContext *context, char ***rest, gboolean stop_at_operand,
                              GError **error)
{
    g_autoptr(GArray) entries = entries_of(context);
    g_autoptr(GOptionContext) parser = g_option_context_new(NULL);
    GOptionGroup *group = g_option_group_new("", "", "", context, NULL);

    g_option_group_add_entries(group, (const GOptionEntry *)(gpointer)entries->data);
    g_option_context_set_main_group(parser, group);
    g_option_context_set_help_enabled(parser, FALSE);
    g_option_context_set_strict_posix(parser, stop_at_operand);
    return g_option_context_parse_strv(parser, rest, error);
}

gboolean vh_parse_arguments(VhContext *context, int argc, char *const *argv,
                            gboolean stop_at_operand, GError **error)
{
    g_auto(GStrv) rest = g_new0(char *, (gsize)argc + 1);
    GError *reason = NULL;

    if (!check_flags(context, argc, argv, error))
        return FALSE;
    for (int i = 0; i < argc; i++)
        rest[i] = g_strdup(argv[i]);
    if (!parse_options(context, &rest, stop_at_operand, &reason)) {
        explain_error(context, argc, argv, reason, error);
        return FALSE;
    }
    take_words(context, rest, stop_at_operand);
    return TRUE;
}

void vh_parse_inherit(VhContext *to, const VhContext *from)
{
    for (guint i = 0; i < from->values->len && i < to->values->len; i++) {
        const VhValue *source = &g_array_index(from->values, VhValue, i);
        VhValue *value = &g_array_index(to->values, VhValue, i);
        if (!source->is_set || value->is_set || source->option != value->option)
            continue;
        value->is_set = TRUE;
        value->text = g_strdup(source->text);
        value->texts = g_strdupv(source->texts);
    }
}

static void set_missing(const VhContext *context, const VhOperand *operand, GError **error)
{
    g_autofree char *name = vh_program_name_of(context->program, context->command);
    g_autofree char *usage = vh_command_operands(context->command);

    if (vh_program_is_virsh(context->program))
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "command '%s' requires <%s> option", name,
                    operand->name);
    else
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s needs %s", name, usage);
}

static void set_unexpected(const VhContext *context, const char *word, GError **error)
{
    g_autofree char *name = vh_program_name_of(context->program, context->command);

    if (vh_program_is_virsh(context->program))
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "unexpected data '%s'", word);
    else
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s does not take '%s'", name, word);
}

/* What is given for one operand, by name and by place; how many words have been used up. */
static gboolean take_operand(VhContext *context, const VhOperand *operand, const GPtrArray *named,
                             guint *n_used, GError **error)
{
    gboolean is_many = operand->count == VH_OPERAND_MANY;
    guint n = named->len;

    for (guint i = 0; i < named->len; i++)
        g_ptr_array_add(context->operands, g_strdup(g_ptr_array_index(named, i)));
    while (*n_used < context->words->len && (is_many || n == 0)) {
        const char *word = g_ptr_array_index(context->words, (*n_used)++);
        if (!check_text(word, operand->name, operand->words.kind == VH_WORDS_FILES, error))
            return FALSE;
        g_ptr_array_add(context->operands, g_strdup(word));
        n++;
    }
    if (n == 0 && operand->count != VH_OPERAND_OPTIONAL) {
        set_missing(context, operand, error);
        return FALSE;
    }
    if (n == 0)
        g_ptr_array_add(context->operands, NULL);
    return TRUE;
}

gboolean vh_parse_operands(VhContext *context, GError **error)
{
    const VhOperand *operand;
    guint n_used = 0;

    for (guint i = 0; (operand = operand_at(context, i)) != NULL; i++) {
        if (!take_operand(context, operand, g_ptr_array_index(context->named, i), &n_used, error))
            return FALSE;
    }
    if (n_used == context->words->len)
        return TRUE;
    const char *word = g_ptr_array_index(context->words, n_used);
    if (check_text(word, "an argument", FALSE, error))
        set_unexpected(context, word, error);
    return FALSE;
}

gboolean vh_parse_values(VhContext *context, GError **error)
{
    for (guint i = 0; i < context->values->len; i++) {
        VhValue *value = &g_array_index(context->values, VhValue, i);
        gboolean is_good = TRUE;
        if (value->text != NULL && value->option->kind == VH_OPTION_SIZE)
            is_good = vh_parse_size(value->text, &value->bytes, error);
        else if (value->text != NULL && value->option->kind == VH_OPTION_DURATION)
            is_good = vh_parse_duration(value->text, &value->us, error);
        if (!is_good) {
            g_prefix_error(error, "--%s: ", value->option->name);
            return FALSE;
        }
    }
    return TRUE;
}
