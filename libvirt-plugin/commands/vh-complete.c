/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks the words before the last one by the table, so that nothing is listed twice. */
#include "vh-complete.h"

#include "vh-doc.h"

#include <string.h>

/* The words so far. */
typedef struct {
    VhContext *context;
    const VhCommand *command; /* NULL: none was named yet */
    const VhOption *option;   /* whose value comes next; NULL */
    const VhOperand *operand; /* the same of an operand that is given by its name */
    GHashTable *given;        /* names of options and operands, static */
    guint n_operands;         /* given by place */
    gboolean is_lost;         /* there is no such command */
    gboolean is_plain;        /* "--" was seen: there are no more options */
} Line;

static const VhOperand *operand_at(const Line *line, guint index)
{
    const VhOperand *operands = line->command != NULL ? line->command->operands : NULL;
    return operands != NULL && operands[index].name != NULL ? &operands[index] : NULL;
}

/* By name; where that is NULL, by letter. */
static const VhOption *find_option(const Line *line, const char *name, char letter)
{
    const VhProgram *program = line->context->program;
    const VhOption *option;

    for (guint i = 0; (option = vh_program_option(program, line->command, i)) != NULL; i++) {
        if (name != NULL ? g_str_equal(option->name, name)
                         : option->letter == letter && !vh_program_is_virsh(program))
            return option;
    }
    return NULL;
}

static const VhOperand *find_operand(const Line *line, const char *name)
{
    const VhOperand *operand;

    for (guint i = 0; (operand = operand_at(line, i)) != NULL; i++) {
        if (g_str_equal(operand->name, name))
            return operand;
    }
    return NULL;
}

/* What decides where domains are asked for. */
static void take_value(const Line *line, const VhOption *option, const char *text)
{
    for (guint i = 0; i < line->context->values->len; i++) {
        VhValue *value = &g_array_index(line->context->values, VhValue, i);
        if (value->option != option)
            continue;
        value->is_set = TRUE;
        if (option->kind == VH_OPTION_TEXTS) {
            g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
            if (value->texts != NULL)
                g_strv_builder_addv(texts, (const char **)value->texts);
            g_strv_builder_add(texts, text);
            g_strfreev(value->texts);
            value->texts = g_strv_builder_end(texts);
        } else {
            g_free(value->text);
            value->text = g_strdup(text);
        }
    }
}

static void take_option(Line *line, const VhOption *option, const char *value)
{
    g_hash_table_add(line->given, (gpointer)option->name);
    if (option->kind == VH_OPTION_FLAG)
        return;
    if (value != NULL)
        take_value(line, option, value);
    else
        line->option = option;
}

static void take_long(Line *line, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(word + 2, "=", 2);
    const VhOption *option = find_option(line, parts[0], 0);
    const VhOperand *operand = option == NULL ? find_operand(line, parts[0]) : NULL;

    if (option != NULL)
        take_option(line, option, parts[1]);
    if (operand != NULL) {
        g_hash_table_add(line->given, (gpointer)operand->name);
        line->operand = parts[1] == NULL ? operand : NULL;
    }
}

static void take_letters(Line *line, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const VhOption *option = find_option(line, NULL, *letter);
        if (option == NULL)
            continue;
        gboolean has_value = option->kind != VH_OPTION_FLAG && letter[1] != '\0';
        take_option(line, option, has_value ? letter + 1 : NULL);
        if (has_value)
            return;
    }
}

static void take_word(Line *line, const char *word)
{
    if (line->option != NULL || line->operand != NULL) {
        if (line->option != NULL)
            take_value(line, line->option, word);
        line->option = NULL;
        line->operand = NULL;
    } else if (!line->is_plain && g_str_equal(word, "--")) {
        line->is_plain = TRUE;
    } else if (!line->is_plain && g_str_has_prefix(word, "--")) {
        take_long(line, word);
    } else if (!line->is_plain && *word == '-' && word[1] != '\0') {
        take_letters(line, word);
    } else if (line->command == NULL) {
        line->command = vh_program_find(line->context->program, word);
        line->is_lost = line->command == NULL;
    } else {
        line->n_operands++;
    }
}

/* The operand that the next word would be; NULL where there is none. */
static const VhOperand *next_operand(const Line *line)
{
    guint n_left = line->n_operands;
    const VhOperand *operand;

    for (guint i = 0; (operand = operand_at(line, i)) != NULL; i++) {
        if (operand->count == VH_OPERAND_MANY)
            return operand;
        if (!g_hash_table_contains(line->given, operand->name) && n_left-- == 0)
            return operand;
    }
    return NULL;
}

/* `text`, where `prefix` begins it. */
static void offer(GPtrArray *found, const char *prefix, const char *text)
{
    if (g_str_has_prefix(text, prefix))
        g_ptr_array_add(found, g_strdup(text));
}

static void offer_commands(const Line *line, GPtrArray *found, const char *prefix)
{
    const VhProgram *program = line->context->program;
    const VhCommand *command;

    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        g_autofree char *name = vh_program_name_of(program, command);
        if (!command->is_hidden && (!vh_program_is_virsh(program) || command->is_for_virsh))
            offer(found, prefix, name);
    }
}

static void offer_dashed(GPtrArray *found, const char *prefix, const char *name)
{
    g_autofree char *text = g_strconcat("--", name, NULL);
    offer(found, prefix, text);
}

/* Options that are not there yet, and operands by their names. */
static void offer_options(const Line *line, GPtrArray *found, const char *prefix)
{
    const VhOption *option;
    const VhOperand *operand;
    guint n_given = line->n_operands;

    for (guint i = 0; (operand = operand_at(line, i)) != NULL; i++) {
        gboolean is_many = operand->count == VH_OPERAND_MANY;
        if (!is_many && g_hash_table_contains(line->given, operand->name))
            continue;
        if (!is_many && n_given > 0)
            n_given--;
        else
            offer_dashed(found, prefix, operand->name);
    }
    for (guint i = 0;
         (option = vh_program_option(line->context->program, line->command, i)) != NULL; i++) {
        if (option->kind == VH_OPTION_TEXTS || !g_hash_table_contains(line->given, option->name))
            offer_dashed(found, prefix, option->name);
    }
}

/* Neither what a line cannot hold, nor what would be taken for an option. */
static gboolean can_be_typed(const Line *line, const char *name)
{
    gboolean is_value = line->option != NULL || line->operand != NULL || line->is_plain;

    for (const char *c = name; *c != '\0'; c = g_utf8_next_char(c)) {
        if (g_unichar_iscntrl(g_utf8_get_char(c)))
            return FALSE;
    }
    return is_value || *name != '-';
}

static void offer_domains(const Line *line, GPtrArray *found, const char *prefix)
{
    VhContext *context = line->context;

    if (context->backend == NULL && !vh_context_connect(context, NULL))
        return;
    const VhBackendOps *ops = context->backend->ops;
    g_autoptr(GVariant) domains =
        ops->refresh(context->backend, FALSE, NULL) ? ops->list(context->backend, NULL) : NULL;
    for (gsize i = 0; domains != NULL && i < g_variant_n_children(domains); i++) {
        g_autoptr(GVariant) domain = g_variant_get_child_value(domains, i);
        const char *name = vh_doc_text(domain, "name");
        if (can_be_typed(line, name))
            offer(found, prefix, name);
    }
}

static const char *const *list_of(const VhWords *words)
{
    static const char *const uris[] = {"qemu:///system", "qemu:///session", "test:///default",
                                       NULL};

    if (words->kind == VH_WORDS_URIS)
        return uris;
    return words->list != NULL ? words->list : words->names();
}

static void offer_words(const Line *line, GPtrArray *found, const VhWords *words,
                        const char *prefix)
{
    switch (words->kind) {
    case VH_WORDS_NONE:
        return;
    case VH_WORDS_LIST:
    case VH_WORDS_URIS:
        for (const char *const *word = list_of(words); *word != NULL; word++)
            offer(found, prefix, *word);
        return;
    case VH_WORDS_DOMAINS:
        offer_domains(line, found, prefix);
        return;
    case VH_WORDS_FILES:
        g_ptr_array_add(found, g_strdup(VH_COMPLETE_FILES));
        return;
    case VH_WORDS_COMMANDS:
        offer_commands(line, found, prefix);
        return;
    }
}

/* "--option=VAL": candidates for the value, each with what stands before it. */
static void offer_values(const Line *line, GPtrArray *found, const char *word)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) parts = g_strsplit(word + 2, "=", 2);
    const VhOption *option = find_option(line, parts[0], 0);
    const VhOperand *operand = option == NULL ? find_operand(line, parts[0]) : NULL;

    if (option != NULL || operand != NULL)
        offer_words(line, values, option != NULL ? &option->words : &operand->words, parts[1]);
    for (guint i = 0; i < values->len; i++) {
        const char *value = g_ptr_array_index(values, i);
        g_ptr_array_add(found, g_str_equal(value, VH_COMPLETE_FILES)
                                   ? g_strdup(value)
                                   : g_strconcat("--", parts[0], "=", value, NULL));
    }
}

static void offer_next(const Line *line, GPtrArray *found, const char *word)
{
    if (line->is_lost)
        return;
    if (line->option != NULL || line->operand != NULL) {
        offer_words(line, found,
                    line->option != NULL ? &line->option->words : &line->operand->words, word);
        return;
    }
    if (!line->is_plain && g_str_has_prefix(word, "--") && strchr(word, '=') != NULL) {
        offer_values(line, found, word);
        return;
    }
    if (!line->is_plain && *word == '-') {
        offer_options(line, found, word);
        return;
    }
    if (line->command == NULL) {
        offer_commands(line, found, word);
        return;
    }
    const VhOperand *operand = next_operand(line);
    if (operand != NULL)
        offer_words(line, found, &operand->words, word);
    else if (*word == '\0' && !line->is_plain)
        offer_options(line, found, word);
}

/* Without the shell's quotes, also where the last one is not there yet. */
static char *unquote(const char *word)
{
    static const char *const ends[] = {"", "'", "\""};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *closed = g_strconcat(word, ends[i], NULL);
        char *plain = g_shell_unquote(closed, NULL);
        if (plain != NULL)
            return plain;
    }
    return g_strdup(word);
}

/* The quote that is open at the end of a word; '\0': none. */
static char open_quote(const char *word)
{
    char quote = '\0';

    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\\' && quote != '\'' && c[1] != '\0')
            c++;
        else if (quote == '\0' ? (*c == '\'' || *c == '"') : *c == quote)
            quote = quote == '\0' ? *c : '\0';
    }
    return quote;
}

/* One character, as it has to be written where that quote is open. */
static void append_escaped(GString *escaped, char quote, char c)
{
    gboolean is_special =
        quote == '"' ? strchr("\"$`\\", c) != NULL
                     : g_ascii_isprint(c) && !g_ascii_isalnum(c) && strchr("_./:=@%+,-", c) == NULL;

    if (quote == '\'' && c == '\'') {
        g_string_append(escaped, "'\\''");
        return;
    }
    if (quote == '"' && c == '!') { /* of a history, which no backslash keeps it from there */
        g_string_append(escaped, "\"'!'\"");
        return;
    }
    if (quote != '\'' && is_special)
        g_string_append_c(escaped, '\\');
    g_string_append_c(escaped, c);
}

/* So that the shell takes nothing of it for anything but text: names of domains are foreign. */
static char *escape(const char *text, char quote)
{
    GString *escaped = g_string_new(NULL);

    for (const char *c = text; *c != '\0'; c++)
        append_escaped(escaped, quote, *c);
    return g_string_free(escaped, FALSE);
}

GPtrArray *vh_complete(VhContext *context, const char *const *words, guint n)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) given = g_hash_table_new(g_str_hash, g_str_equal);
    Line line = {.context = context, .given = given};
    const char *last = n > 0 ? words[n - 1] : "";

    for (guint i = 0; i + 1 < n; i++) {
        g_autofree char *word = unquote(words[i]);
        take_word(&line, word);
    }
    g_autofree char *word = unquote(last);
    /* libvirt's own script has bash expand what virsh offers, whatever quote is open */
    char quote = vh_program_is_virsh(context->program) ? '\0' : open_quote(last);
    offer_next(&line, found, word);
    for (guint i = 0; i < found->len; i++) {
        char *plain = g_ptr_array_index(found, i);
        g_ptr_array_index(found, i) = escape(plain, quote);
        g_free(plain);
    }
    return found;
}
