/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-policy-value.h. Knows types and units, not which key means what. */
#include "vh-policy-value.h"

#include "vh-text.h"

#include <string.h>

#define PATH_BYTES_MAX 4000

static char *duration_format(guint64 us)
{
    return vh_format_exact_duration((gint64)us);
}

static char *share_format(guint64 bp)
{
    guint64 whole = bp / 100;
    if (bp % 100 == 0) {
        return g_strdup_printf("%" G_GUINT64_FORMAT "%%", whole);
    }
    if (bp % 10 == 0) {
        return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "%%", whole,
                               bp % 100 / 10);
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT ".%02" G_GUINT64_FORMAT "%%", whole, bp % 100);
}

static char *rate_format(guint64 bytes_per_s)
{
    g_autofree char *size = vh_format_exact_size(bytes_per_s);
    return g_strconcat(size, "/s", NULL);
}

static char *count_format(guint64 count)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, count);
}

typedef char *(*QuantityFormatter)(guint64 value);

static const struct {
    const char *type;
    const char *example; /* what would be right, where the type is not */
    QuantityFormatter format;
} kinds[VH_KEY_KINDS] = {
    [VH_KEY_BOOL] = {"boolean", "write true or false, without quotes", NULL},
    [VH_KEY_COUNT] = {"whole number", "write a whole number, without quotes", count_format},
    [VH_KEY_SIZE] = {"size", "write a size in quotes, as in \"512MiB\"", vh_format_exact_size},
    [VH_KEY_DURATION] = {"duration", "write a duration in quotes, as in \"30s\"", duration_format},
    [VH_KEY_SHARE] = {"percentage", "write a percentage in quotes, as in \"25%\"", share_format},
    [VH_KEY_AMOUNT] = {"percentage or size",
                       "write a percentage or a size in quotes, as in \"25%\" or \"512MiB\"",
                       vh_format_exact_size},
    [VH_KEY_RATE] = {"rate", "write a size per second in quotes, as in \"1MiB/s\"", rate_format},
    [VH_KEY_PATH] = {"path", "write a path in quotes, as in \"/machine.slice\"", NULL},
    [VH_KEY_WORD] = {"word", "write a word in quotes", NULL},
    [VH_KEY_VERSION] = {"whole number", "write 1, without quotes", count_format},
    [VH_KEY_SECTION] = {"object", "write an object in braces", NULL},
    [VH_KEY_CLASSES] = {"object", "write an object of classes in braces", NULL},
    [VH_KEY_MATCHES] = {"array", "write an array in brackets", NULL},
    [VH_KEY_CLASS] = {"class name", "write the name of a class in quotes", NULL},
    [VH_KEY_GLOB] = {"pattern", "write a name or pattern in quotes", NULL},
    [VH_KEY_UUID] = {"UUID", "write a UUID in quotes", NULL},
    [VH_KEY_XPATH] = {"XPath", "write an expression in quotes", NULL},
    [VH_KEY_FACTS] = {"array of words", "write an array in brackets", NULL},
    [VH_KEY_NAMESPACES] = {"object of URIs", "write an object in braces", NULL},
    [VH_KEY_SCHEDULES] = {"array", "write an array in brackets", NULL},
    [VH_KEY_WHEN] = {"time", "write days and hours in quotes", NULL},
    [VH_KEY_SET] = {"object", "write an object in braces", NULL},
    [VH_KEY_ALLOW] = {"array of words", "write an array in brackets", NULL},
    [VH_KEY_FORBID] = {"array of class names", "write an array in brackets", NULL},
};

const char *vh_policy_value_type(const VhPolicyKey *key)
{
    return kinds[key->kind].type;
}

static char *words_join(const VhKeyWord *words)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    for (; words->word; words++) {
        g_ptr_array_add(known, (gpointer)words->word);
    }
    g_ptr_array_add(known, NULL);
    return vh_text_join_or((const char *const *)known->pdata);
}

const char **vh_policy_fact_names(void)
{
    const char **names = g_new0(const char *, 33);
    guint n = 0;
    for (guint fact = 1; fact <= VH_FACT_LAST; fact <<= 1) {
        names[n++] = vh_fact_name((VhFact)fact);
    }
    return names;
}

char *vh_policy_value_range(const VhPolicyKey *key)
{
    if (key->kind == VH_KEY_BOOL) {
        return g_strdup("true or false");
    }
    if (key->kind == VH_KEY_VERSION) {
        return g_strdup("1");
    }
    if (key->kind == VH_KEY_WORD) {
        return words_join(key->words);
    }
    if (key->kind == VH_KEY_PATH) {
        return g_strdup("begins with /");
    }
    if (key->kind == VH_KEY_FACTS) {
        g_autofree const char **facts = vh_policy_fact_names();
        return vh_text_join_or(facts);
    }
    QuantityFormatter format = kinds[key->kind].format;
    if (!format) {
        return g_strdup("");
    }
    g_autofree char *minimum = format(key->minimum);
    g_autofree char *maximum = format(key->maximum);
    g_autofree char *zero = format(0);
    g_autofree char *step = key->step ? format(key->step) : NULL;
    return g_strconcat(key->kind == VH_KEY_AMOUNT ? "0% to 100%, or " : "",
                       key->zero_is_none ? zero : "", key->zero_is_none ? ", or " : "", minimum,
                       " to ", maximum, step ? ", in steps of " : "", step ? step : "",
                       key->is_power ? ", a power of two" : "", NULL);
}

const char *vh_policy_value_found(JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return "an object";
    case JSON_NODE_ARRAY:
        return "an array";
    case JSON_NODE_NULL:
        return "null";
    default:
        break;
    }
    GType type = json_node_get_value_type(node);
    return type == G_TYPE_STRING    ? "a string"
           : type == G_TYPE_BOOLEAN ? "a boolean"
           : type == G_TYPE_INT64   ? "a whole number"
                                    : "a number with a fraction or exponent";
}

static gboolean refuse_type(const VhPolicyKey *key, JsonNode *node, GError **error)
{
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "found %s; %s", vh_policy_value_found(node),
                kinds[key->kind].example);
    return FALSE;
}

static gboolean check_range(const VhPolicyKey *key, guint64 value, const char *shown,
                            GError **error)
{
    if (value == 0 && key->zero_is_none) {
        return TRUE;
    }
    if (value >= key->minimum && value <= key->maximum &&
        (key->step == 0 || value % key->step == 0) &&
        (!key->is_power || (value & (value - 1)) == 0)) {
        return TRUE;
    }
    g_autofree char *range = vh_policy_value_range(key);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is out of range; write %s", shown, range);
    return FALSE;
}

static gboolean parse_quantity(const VhPolicyKey *key, const char *text, guint64 *ret_value,
                               GError **error)
{
    gint64 us;
    guint bp;
    if (key->kind == VH_KEY_SIZE) {
        return vh_parse_size(text, ret_value, error);
    }
    if (key->kind == VH_KEY_RATE) {
        return vh_parse_rate(text, ret_value, error);
    }
    if (key->kind == VH_KEY_DURATION) {
        if (!vh_parse_duration(text, &us, error)) {
            return FALSE;
        }
        *ret_value = (guint64)us;
        return TRUE;
    }
    if (!vh_parse_percent(text, &bp, error)) {
        return FALSE;
    }
    *ret_value = bp;
    return TRUE;
}

/* The text of a quantity; NULL where there is none. Free with g_free(). */
static char *quantity_text(const VhPolicyKey *key, JsonNode *node)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64 && key->takes_number) {
        return g_strdup_printf("%" G_GINT64_FORMAT "%%", json_node_get_int(node));
    }
    return type == G_TYPE_STRING ? json_node_dup_string(node) : NULL;
}

/* SIZE, DURATION, SHARE, RATE. */
static gboolean read_quantity(const VhPolicyKey *key, JsonNode *node, gpointer target,
                              GError **error)
{
    g_autofree char *text = quantity_text(key, node);
    if (!text) {
        return refuse_type(key, node, error);
    }
    g_autofree char *quoted = vh_text_quote(text);
    guint64 value;
    if (!parse_quantity(key, text, &value, error) || !check_range(key, value, quoted, error)) {
        return FALSE;
    }
    if (key->kind == VH_KEY_SHARE) {
        *(guint *)target = (guint)value;
    } else {
        *(guint64 *)target = value; /* gint64 of a DURATION is the same below 2^63 */
    }
    return TRUE;
}

static gboolean read_amount(const VhPolicyKey *key, JsonNode *node, gpointer target, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_STRING) {
        return refuse_type(key, node, error);
    }
    const char *text = json_node_get_string(node);
    g_autofree char *quoted = vh_text_quote(text);
    VhAmount amount = {.is_share = g_str_has_suffix(text, "%")};
    if (amount.is_share) {
        if (!vh_parse_percent(text, &amount.share_bp, error)) {
            return FALSE;
        }
    } else if (!vh_parse_size(text, &amount.bytes, error)) {
        g_prefix_error(error, "neither a percentage nor a size: ");
        return FALSE;
    } else if (!check_range(key, amount.bytes, quoted, error)) {
        return FALSE;
    }
    *(VhAmount *)target = amount;
    return TRUE;
}

/* No component that could lead elsewhere or be spelled in two ways. */
static gboolean is_group_path(const char *text)
{
    if (text[0] != '/' || strlen(text) > PATH_BYTES_MAX) {
        return FALSE;
    }
    g_auto(GStrv) names = g_strsplit(text + 1, "/", -1);
    for (guint i = 0; names[i]; i++) {
        if (!*names[i] || strcmp(names[i], ".") == 0 || strcmp(names[i], "..") == 0) {
            return FALSE;
        }
        for (const char *at = names[i]; *at; at++) {
            if (g_ascii_iscntrl(*at)) {
                return FALSE;
            }
        }
    }
    return names[0] != NULL;
}

static gboolean read_path(const VhPolicyKey *key, JsonNode *node, gpointer target, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_STRING) {
        return refuse_type(key, node, error);
    }
    const char *text = json_node_get_string(node);
    if (!is_group_path(text)) {
        g_autofree char *quoted = vh_text_quote(text);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is not the path of a control group; write it from the root of the "
                    "hierarchy on, with single slashes, as in \"/machine.slice\"",
                    quoted);
        return FALSE;
    }
    char **path = target;
    g_free(*path);
    *path = g_strdup(text);
    return TRUE;
}

static gboolean read_bool(const VhPolicyKey *key, JsonNode *node, gpointer target, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_BOOLEAN) {
        return refuse_type(key, node, error);
    }
    *(gboolean *)target = json_node_get_boolean(node);
    return TRUE;
}

static gboolean read_count(const VhPolicyKey *key, JsonNode *node, gpointer target, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_INT64) {
        return refuse_type(key, node, error);
    }
    gint64 value = json_node_get_int(node);
    g_autofree char *shown = g_strdup_printf("%" G_GINT64_FORMAT, value);
    /* a negative number is beyond every maximum */
    if (!check_range(key, value < 0 ? G_MAXUINT64 : (guint64)value, shown, error)) {
        return FALSE;
    }
    *(guint *)target = (guint)value;
    return TRUE;
}

static gboolean read_version(const VhPolicyKey *key, JsonNode *node, gpointer target,
                             GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_INT64) {
        return refuse_type(key, node, error);
    }
    gint64 version = json_node_get_int(node);
    if (version != 1) {
        g_set_error(error, VH_ERROR, version > 1 ? VH_ERROR_UNSUPPORTED : VH_ERROR_INVALID,
                    "version %" G_GINT64_FORMAT " of the format is not known; write 1", version);
        return FALSE;
    }
    return TRUE;
}

static gboolean read_word(const VhPolicyKey *key, JsonNode *node, gpointer target, GError **error)
{
    g_autofree char *known = words_join(key->words);
    if (json_node_get_value_type(node) != G_TYPE_STRING) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "found %s; write %s, in quotes",
                    vh_policy_value_found(node), known);
        return FALSE;
    }
    const char *text = json_node_get_string(node);
    g_autofree char *quoted = vh_text_quote(text);
    for (const VhKeyWord *word = key->words; word->word; word++) {
        if (strcmp(word->word, text) != 0) {
            continue;
        }
        if (target) {
            *(int *)target = word->value;
        }
        return TRUE;
    }
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is not known; write %s", quoted, known);
    return FALSE;
}

typedef gboolean (*ValueReader)(const VhPolicyKey *key, JsonNode *node, gpointer target,
                                GError **error);

gboolean vh_policy_value_read(const VhPolicyKey *key, JsonNode *node, gpointer base, GError **error)
{
    static const ValueReader readers[VH_KEY_KINDS] = {
        [VH_KEY_BOOL] = read_bool,      [VH_KEY_COUNT] = read_count,
        [VH_KEY_SIZE] = read_quantity,  [VH_KEY_DURATION] = read_quantity,
        [VH_KEY_SHARE] = read_quantity, [VH_KEY_AMOUNT] = read_amount,
        [VH_KEY_WORD] = read_word,      [VH_KEY_VERSION] = read_version,
        [VH_KEY_RATE] = read_quantity,  [VH_KEY_PATH] = read_path,
    };
    g_return_val_if_fail(readers[key->kind], FALSE);
    gpointer target = key->offset == VH_KEY_NOWHERE ? NULL : (guint8 *)base + key->offset;
    return readers[key->kind](key, node, target, error);
}

static JsonNode *string_node(const char *text)
{
    return json_node_init_string(json_node_alloc(), text);
}

/* Borrowed; the first word where the value is kept nowhere. */
static const char *word_of(const VhPolicyKey *key, const int *value)
{
    for (const VhKeyWord *word = key->words; word->word; word++) {
        if (!value || word->value == *value) {
            return word->word;
        }
    }
    g_return_val_if_reached("");
}

static char *amount_format(const VhAmount *amount)
{
    return amount->is_share ? share_format(amount->share_bp) : vh_format_exact_size(amount->bytes);
}

JsonNode *vh_policy_value_write(const VhPolicyKey *key, gconstpointer base)
{
    gconstpointer value = key->offset == VH_KEY_NOWHERE ? NULL : (const guint8 *)base + key->offset;
    g_autofree char *text = NULL;
    switch (key->kind) {
    case VH_KEY_BOOL:
        return json_node_init_boolean(json_node_alloc(), *(const gboolean *)value);
    case VH_KEY_COUNT:
        return json_node_init_int(json_node_alloc(), *(const guint *)value);
    case VH_KEY_VERSION:
        return json_node_init_int(json_node_alloc(), 1);
    case VH_KEY_WORD:
        return string_node(word_of(key, value));
    case VH_KEY_SHARE:
        text = share_format(*(const guint *)value);
        break;
    case VH_KEY_AMOUNT:
        text = amount_format(value);
        break;
    case VH_KEY_PATH:
        text = g_strdup(*(char *const *)value);
        break;
    case VH_KEY_SIZE:
    case VH_KEY_RATE:
    case VH_KEY_DURATION:
        text = kinds[key->kind].format(*(const guint64 *)value);
        break;
    default:
        g_return_val_if_reached(NULL);
    }
    return text ? string_node(text) : NULL;
}
