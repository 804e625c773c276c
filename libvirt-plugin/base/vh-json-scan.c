/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-json-scan.h: one pass of recursive descent, whose depth is bounded. Each value
 * becomes a node; the set of nodes, keyed by parent and name, is both the check for duplicates and
 * the way from a path to a line. Nothing is kept by its full path: long keys nested deep would make
 * that quadratic in the text.
 */
#include "vh-json-scan.h"

#include "vh-text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct Node Node;
struct Node {
    const Node *parent; /* NULL: the whole text */
    const char *key;    /* of a member, decoded; NULL: an element, or the whole text */
    guint index;        /* of an element */
    guint line;
    gsize start; /* in the text, of the value itself */
    gsize length;
    gboolean is_array;
};

struct VhJsonLines {
    GPtrArray *nodes;    /* Node, owned; the first is the whole text */
    GHashTable *by_name; /* Node, borrowed */
    GStringChunk *keys;
};

typedef struct {
    const char *start;
    const char *at;
    const char *end;
    guint line;
    guint depth;
    VhJsonLines *lines;
    GString *string; /* the last string read, decoded */
    GError **error;
} Scanner;

static gboolean scan_value(Scanner *scanner, Node *node);

static guint node_hash(gconstpointer data)
{
    const Node *node = data;
    guint hash = g_direct_hash(node->parent) * 31;
    return hash ^ (node->key ? g_str_hash(node->key) : node->index * 2654435761u);
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
    const Node *node_a = a;
    const Node *node_b = b;
    return node_a->parent == node_b->parent && node_a->index == node_b->index &&
           g_strcmp0(node_a->key, node_b->key) == 0;
}

G_GNUC_PRINTF(2, 3)
static gboolean refuse(Scanner *scanner, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(scanner->error, VH_ERROR, VH_ERROR_INVALID, "line %u: %s", scanner->line, what);
    return FALSE;
}

/* Refuses what stands at the cursor where `wanted` should. */
static gboolean refuse_here(Scanner *scanner, const char *wanted)
{
    if (scanner->at == scanner->end) {
        return refuse(scanner, "the text ends too early; expected %s", wanted);
    }
    if (*scanner->at == '/' || *scanner->at == '#') {
        return refuse(scanner, "JSON has no comments; expected %s", wanted);
    }
    if (*scanner->at == '\'') {
        return refuse(scanner, "single quotes are not JSON; write double ones");
    }
    char found[8] = {0};
    g_unichar_to_utf8(g_utf8_get_char(scanner->at), found);
    g_autofree char *quoted = vh_text_quote(found);
    return refuse(scanner, "found %s; expected %s", quoted, wanted);
}

static void skip_blanks(Scanner *scanner)
{
    for (; scanner->at < scanner->end && strchr(" \t\r\n", *scanner->at); scanner->at++) {
        if (*scanner->at == '\n') {
            scanner->line++;
        }
    }
}

static gboolean is_at(const Scanner *scanner, char c)
{
    return scanner->at < scanner->end && *scanner->at == c;
}

static gboolean accept(Scanner *scanner, char c)
{
    if (!is_at(scanner, c)) {
        return FALSE;
    }
    scanner->at++;
    return TRUE;
}

/* The four hexadecimal digits of \uXXXX, of which the cursor is behind the u. */
static gboolean scan_code_unit(Scanner *scanner, gunichar *ret_unit)
{
    gunichar unit = 0;
    for (guint i = 0; i < 4; i++) {
        int digit = scanner->at < scanner->end ? g_ascii_xdigit_value(*scanner->at) : -1;
        if (digit < 0) {
            return refuse_here(scanner, "four hexadecimal digits behind \\u");
        }
        unit = unit * 16 + (gunichar)digit;
        scanner->at++;
    }
    *ret_unit = unit;
    return TRUE;
}

static gboolean scan_unicode_escape(Scanner *scanner)
{
    gunichar unit;
    if (!scan_code_unit(scanner, &unit)) {
        return FALSE;
    }
    if (unit == 0) {
        return refuse(scanner, "\\u0000 is not allowed in strings; leave it out");
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        gunichar low = 0;
        gboolean is_pair = accept(scanner, '\\') && accept(scanner, 'u');
        if (is_pair && !scan_code_unit(scanner, &low)) {
            return FALSE;
        }
        if (low < 0xdc00 || low > 0xdfff) {
            return refuse(scanner, "half a surrogate pair; write both halves, or the letter");
        }
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return refuse(scanner, "half a surrogate pair; write both halves, or the letter");
    }
    g_string_append_unichar(scanner->string, unit);
    return TRUE;
}

static gboolean scan_escape(Scanner *scanner)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (accept(scanner, 'u')) {
        return scan_unicode_escape(scanner);
    }
    const char *place =
        scanner->at < scanner->end && *scanner->at ? strchr(names, *scanner->at) : NULL;
    if (!place) {
        return refuse_here(scanner, "one of \" \\ / b f n r t u behind a backslash");
    }
    g_string_append_c(scanner->string, meanings[place - names]);
    scanner->at++;
    return TRUE;
}

/* A string, the cursor on its opening quote; decoded into scanner->string. */
static gboolean scan_string(Scanner *scanner)
{
    g_string_truncate(scanner->string, 0);
    scanner->at++;
    while (scanner->at < scanner->end && *scanner->at != '"') {
        if ((guchar)*scanner->at < 0x20) {
            return refuse(scanner, *scanner->at == '\n'
                                       ? "a string does not end on its line; close it with \""
                                       : "a control character in a string; write it as \\uXXXX");
        }
        if (accept(scanner, '\\')) {
            if (!scan_escape(scanner)) {
                return FALSE;
            }
            continue;
        }
        g_string_append_c(scanner->string, *scanner->at++);
    }
    return accept(scanner, '"') || refuse_here(scanner, "\" at the end of a string");
}

static gsize skip_digits(Scanner *scanner)
{
    const char *start = scanner->at;
    while (scanner->at < scanner->end && g_ascii_isdigit(*scanner->at)) {
        scanner->at++;
    }
    return (gsize)(scanner->at - start);
}

/* The value of a number whose form is right already. */
static gboolean check_range(Scanner *scanner, const char *start, gboolean is_integer)
{
    g_autofree char *number = g_strndup(start, (gsize)(scanner->at - start));
    g_autofree char *quoted = vh_text_quote(number);
    errno = 0;
    if (is_integer) {
        (void)g_ascii_strtoll(number, NULL, 10);
        return errno != ERANGE ||
               refuse(scanner, "%s is out of range; integers go from -2^63 to 2^63-1", quoted);
    }
    return isfinite(g_ascii_strtod(number, NULL)) ||
           refuse(scanner, "%s is out of range; numbers go to about 1.8e308", quoted);
}

static gboolean scan_number(Scanner *scanner)
{
    const char *start = scanner->at;
    gboolean is_integer = TRUE;
    accept(scanner, '-');
    if (accept(scanner, '0')) {
        if (scanner->at < scanner->end && g_ascii_isdigit(*scanner->at)) {
            return refuse(scanner, "a number begins with 0; leave leading zeroes out");
        }
    } else if (skip_digits(scanner) == 0) {
        return refuse_here(scanner, "a digit");
    }
    if (accept(scanner, '.')) {
        is_integer = FALSE;
        if (skip_digits(scanner) == 0) {
            return refuse_here(scanner, "a digit behind the point");
        }
    }
    if (accept(scanner, 'e') || accept(scanner, 'E')) {
        is_integer = FALSE;
        if (!accept(scanner, '+')) {
            accept(scanner, '-');
        }
        if (skip_digits(scanner) == 0) {
            return refuse_here(scanner, "a digit in the exponent");
        }
    }
    return check_range(scanner, start, is_integer);
}

/* Owned by the lines. NULL with an error where there are too many. */
static Node *add_node(Scanner *scanner, const Node *parent, const char *key, guint index)
{
    if (scanner->lines->nodes->len >= VH_JSON_MAX_VALUES) {
        refuse(scanner, "too many values; at most %u are allowed", VH_JSON_MAX_VALUES);
        return NULL;
    }
    Node *node = g_new0(Node, 1);
    g_ptr_array_add(scanner->lines->nodes, node);
    node->parent = parent;
    node->key = key ? g_string_chunk_insert(scanner->lines->keys, key) : NULL;
    node->index = index;
    node->line = scanner->line;
    if (!g_hash_table_add(scanner->lines->by_name, node)) {
        g_autofree char *quoted = vh_text_quote(key);
        refuse(scanner, "key %s is there twice in one object; leave one out", quoted);
        return NULL;
    }
    return node;
}

static gboolean scan_member(Scanner *scanner, const Node *parent)
{
    skip_blanks(scanner);
    if (is_at(scanner, '}')) {
        return refuse(scanner, "a comma before }; leave it out");
    }
    if (!is_at(scanner, '"')) {
        return refuse_here(scanner, "a key in double quotes");
    }
    if (!scan_string(scanner)) {
        return FALSE;
    }
    Node *node = add_node(scanner, parent, scanner->string->str, 0);
    if (!node) {
        return FALSE;
    }
    skip_blanks(scanner);
    if (!accept(scanner, ':')) {
        return refuse_here(scanner, ": behind a key");
    }
    return scan_value(scanner, node);
}

static gboolean scan_object(Scanner *scanner, const Node *node)
{
    skip_blanks(scanner);
    if (accept(scanner, '}')) {
        return TRUE;
    }
    for (;;) {
        if (!scan_member(scanner, node)) {
            return FALSE;
        }
        skip_blanks(scanner);
        if (accept(scanner, '}')) {
            return TRUE;
        }
        if (!accept(scanner, ',')) {
            return refuse_here(scanner, ", or } behind a value");
        }
    }
}

static gboolean scan_element(Scanner *scanner, const Node *parent, guint index)
{
    skip_blanks(scanner);
    if (is_at(scanner, ']')) {
        return refuse(scanner, "a comma before ]; leave it out");
    }
    Node *node = add_node(scanner, parent, NULL, index);
    return node && scan_value(scanner, node);
}

static gboolean scan_array(Scanner *scanner, Node *node)
{
    node->is_array = TRUE;
    skip_blanks(scanner);
    if (accept(scanner, ']')) {
        return TRUE;
    }
    for (guint index = 0;; index++) {
        if (!scan_element(scanner, node, index)) {
            return FALSE;
        }
        skip_blanks(scanner);
        if (accept(scanner, ']')) {
            return TRUE;
        }
        if (!accept(scanner, ',')) {
            return refuse_here(scanner, ", or ] behind a value");
        }
    }
}

static gboolean scan_container(Scanner *scanner, Node *node)
{
    if (scanner->depth == VH_JSON_MAX_DEPTH) {
        return refuse(scanner, "nested too deep; at most %d levels are allowed", VH_JSON_MAX_DEPTH);
    }
    scanner->depth++;
    gboolean is_object = *scanner->at++ == '{';
    gboolean is_valid = is_object ? scan_object(scanner, node) : scan_array(scanner, node);
    scanner->depth--;
    return is_valid;
}

static gboolean scan_word(Scanner *scanner)
{
    static const char *const words[] = {"true", "false", "null"};
    gsize left = (gsize)(scanner->end - scanner->at);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize length = strlen(words[i]);
        if (left >= length && memcmp(scanner->at, words[i], length) == 0) {
            scanner->at += length;
            return TRUE;
        }
    }
    return refuse_here(scanner, "a value (a string, number, object, array, true, false or null)");
}

static gboolean scan_any(Scanner *scanner, Node *node)
{
    if (is_at(scanner, '{') || is_at(scanner, '[')) {
        return scan_container(scanner, node);
    }
    if (is_at(scanner, '"')) {
        return scan_string(scanner);
    }
    if (scanner->at < scanner->end && (*scanner->at == '-' || g_ascii_isdigit(*scanner->at))) {
        return scan_number(scanner);
    }
    return scan_word(scanner);
}

static gboolean scan_value(Scanner *scanner, Node *node)
{
    skip_blanks(scanner);
    if (!node->key) {
        node->line = scanner->line;
    }
    const char *start = scanner->at;
    if (!scan_any(scanner, node)) {
        return FALSE;
    }
    node->start = (gsize)(start - scanner->start);
    node->length = (gsize)(scanner->at - start);
    return TRUE;
}

/* What json-glib and the scanner itself must be able to take for granted. */
static gboolean check_encoding(Scanner *scanner)
{
    const char *invalid;
    if (g_str_has_prefix(scanner->at, "\xef\xbb\xbf")) {
        return refuse(scanner, "the text begins with a byte order mark; save it without one");
    }
    if (g_utf8_validate_len(scanner->at, (gsize)(scanner->end - scanner->at), &invalid)) {
        return TRUE;
    }
    for (const char *at = scanner->at; at < invalid; at++) {
        scanner->line += *at == '\n' ? 1 : 0;
    }
    return refuse(scanner, *invalid ? "not UTF-8; save the text as UTF-8"
                                    : "a NUL byte; JSON is text, leave it out");
}

static gboolean scan_text(Scanner *scanner)
{
    Node *root = add_node(scanner, NULL, NULL, 0);
    if (!check_encoding(scanner) || !scan_value(scanner, root)) {
        return FALSE;
    }
    skip_blanks(scanner);
    return scanner->at == scanner->end || refuse_here(scanner, "nothing behind the value");
}

gboolean vh_json_scan(const char *text, gsize length, VhJsonLines **ret_lines, GError **error)
{
    if (length > VH_JSON_MAX_BYTES) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "line 1: the text is too long; at most %u bytes are allowed",
                    VH_JSON_MAX_BYTES);
        return FALSE;
    }
    /* a copy that ends with a NUL: GLib's prefix and character functions want one */
    g_autofree char *copy = g_malloc0(length + 1);
    if (length > 0) {
        memcpy(copy, text, length);
    }
    g_autoptr(VhJsonLines) lines = g_new0(VhJsonLines, 1);
    lines->nodes = g_ptr_array_new_with_free_func(g_free);
    lines->by_name = g_hash_table_new(node_hash, node_equal);
    lines->keys = g_string_chunk_new(1024);
    g_autoptr(GString) string = g_string_new(NULL);
    Scanner scanner = {
        .start = copy,
        .at = copy,
        .end = copy + length,
        .line = 1,
        .lines = lines,
        .string = string,
        .error = error,
    };
    if (!scan_text(&scanner)) {
        return FALSE;
    }
    if (ret_lines) {
        *ret_lines = g_steal_pointer(&lines);
    }
    return TRUE;
}

/* One token of a JSON Pointer, "~1" and "~0" undone. */
static char *pointer_unescape(const char *token, gsize length)
{
    GString *key = g_string_new_len(token, (gssize)length);
    g_string_replace(key, "~1", "/", 0);
    g_string_replace(key, "~0", "~", 0);
    return g_string_free(key, FALSE);
}

static const Node *node_child(const VhJsonLines *lines, const Node *parent, const char *token)
{
    Node wanted = {.parent = parent, .key = token};
    guint64 index;
    if (parent->is_array) {
        if (!g_ascii_string_to_unsigned(token, 10, 0, G_MAXUINT, &index, NULL)) {
            return NULL;
        }
        wanted.key = NULL;
        wanted.index = (guint)index;
    }
    return g_hash_table_lookup(lines->by_name, &wanted);
}

static const Node *node_at(const VhJsonLines *lines, const char *path)
{
    const Node *node = g_ptr_array_index(lines->nodes, 0);
    while (node && *path) {
        if (*path != '/') {
            return NULL;
        }
        gsize length = strcspn(path + 1, "/");
        g_autofree char *token = pointer_unescape(path + 1, length);
        node = node_child(lines, node, token);
        path += 1 + length;
    }
    return node;
}

guint vh_json_lines_get(const VhJsonLines *lines, const char *path)
{
    const Node *node = node_at(lines, path);
    return node ? node->line : 0;
}

gboolean vh_json_lines_get_place(const VhJsonLines *lines, const char *path, gsize *ret_start,
                                 gsize *ret_length)
{
    const Node *node = node_at(lines, path);
    if (!node) {
        return FALSE;
    }
    *ret_start = node->start;
    *ret_length = node->length;
    return TRUE;
}

void vh_json_lines_free(VhJsonLines *lines)
{
    if (!lines) {
        return;
    }
    g_hash_table_unref(lines->by_name);
    g_ptr_array_unref(lines->nodes);
    g_string_chunk_free(lines->keys);
    g_free(lines);
}
