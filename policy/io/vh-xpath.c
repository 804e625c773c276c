/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-xpath.h over libxml2. Knows prefixes that others use, and no class or guest. */
#include "vh-xpath.h"

#include "vh-text.h"
#include "vh-xml.h"

#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#define EXAMPLE "\"//nova:flavor[@name = 'm1.batch']\""

/* Of the metadata that management systems put into a domain. */
static const struct {
    const char *prefix, *uri;
} known[] = {
    {"nova", "http://openstack.org/xmlns/libvirt/nova/1.1"},
    {"ovirt-vm", "http://ovirt.org/vm/1.0"},
    {"kubevirt", "http://kubevirt.io"},
    {"libosinfo", "http://libosinfo.org/xmlns/libvirt/domain/1.0"},
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathCompExpr, xmlXPathFreeCompExpr)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

#if LIBXML_VERSION >= 21200
typedef const xmlError *ErrorArgument;
#else
typedef xmlError *ErrorArgument;
#endif

/* libxml2 would print it. */
static void ignore_error(void *data, ErrorArgument error)
{
}

static xmlXPathContext *new_context(const VhConfig *config)
{
    xmlXPathContext *context = xmlXPathNewContext(NULL);

    context->error = ignore_error;
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        xmlXPathRegisterNs(context, (const xmlChar *)known[i].prefix,
                           (const xmlChar *)known[i].uri);
    for (guint i = 0; i < config->n_namespaces; i++)
        xmlXPathRegisterNs(context, (const xmlChar *)config->namespaces[i].prefix,
                           (const xmlChar *)config->namespaces[i].uri);
    return context;
}

/* ---- names: libxml2 finds those that do not exist only where evaluation comes by ---- */

static gboolean is_name_start(char c)
{
    return g_ascii_isalpha(c) || c == '_' || (guchar)c >= 0x80;
}

static const char *name_end(const char *at)
{
    while (is_name_start(*at) || g_ascii_isdigit(*at) || *at == '-' || *at == '.')
        at++;
    return at;
}

static const char *skip_blanks(const char *at)
{
    while (g_ascii_isspace(*at))
        at++;
    return at;
}

/* What may stand before a parenthesis without being a function. */
static gboolean is_word_of_syntax(const char *name)
{
    static const char *const words[] = {
        "and", "or", "div", "mod", "node", "text", "comment", "processing-instruction", NULL};

    return g_strv_contains(words, name);
}

static gboolean refuse_prefix(const VhConfig *config, const char *prefix, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *quoted = vh_text_quote(prefix);

    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        g_ptr_array_add(names, (gpointer)known[i].prefix);
    for (guint i = 0; i < config->n_namespaces; i++)
        g_ptr_array_add(names, config->namespaces[i].prefix);
    g_ptr_array_add(names, NULL);
    g_autofree char *right = vh_text_join_or((const char *const *)names->pdata);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "the prefix %s stands for no namespace; write %s, or define it under "
                "\"namespaces\"",
                quoted, right);
    return FALSE;
}

static gboolean refuse_function(const char *name, GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);

    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "XPath has no function %s; write one of XPath 1.0, as in \"starts-with(name, "
                "'ci-')\"",
                quoted);
    return FALSE;
}

/* One name and what follows it; *at moves behind it. libxml2 lets blanks stand around a colon. */
static gboolean check_name(const VhConfig *config, xmlXPathContext *context, const char **at,
                           GError **error)
{
    const char *first = *at;
    const char *end = name_end(first);
    const char *behind = skip_blanks(end);
    g_autofree char *prefix = NULL;

    if (behind[0] == ':' && behind[1] != ':') {
        prefix = g_strndup(first, (gsize)(end - first));
        first = skip_blanks(behind + 1);
        end = name_end(first);
        behind = skip_blanks(end);
        if (!xmlXPathNsLookup(context, (const xmlChar *)prefix))
            return refuse_prefix(config, prefix, error);
    }
    *at = end;
    g_autofree char *name = g_strndup(first, (gsize)(end - first));
    if (*behind != '(' || (!prefix && is_word_of_syntax(name)))
        return TRUE;
    return !prefix && xmlXPathFunctionLookup(context, (const xmlChar *)name)
               ? TRUE
               : refuse_function(name, error);
}

/* `text` has the syntax of XPath. */
static gboolean check_names(const VhConfig *config, xmlXPathContext *context, const char *text,
                            GError **error)
{
    for (const char *at = text; *at;) {
        if (*at == '"' || *at == '\'') {
            const char *end = strchr(at + 1, *at);
            at = end ? end + 1 : at + 1;
        } else if (*at == '$') {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "there are no variables; write the value itself in place of the $");
            return FALSE;
        } else if (is_name_start(*at)) {
            if (!check_name(config, context, &at, error))
                return FALSE;
        } else if (g_ascii_isdigit(*at)) {
            at = name_end(at);
        } else {
            at++;
        }
    }
    return TRUE;
}

/* Wrong arguments show only when something is evaluated: here, what does not hang on what a domain
 * has. */
static gboolean check_arguments(xmlXPathContext *context, xmlXPathCompExpr *compiled,
                                GError **error)
{
    g_autoptr(xmlDoc) doc = vh_xml_parse("<domain/>", "an empty domain", NULL);
    g_autoptr(xmlXPathObject) result = NULL;

    context->doc = doc;
    context->node = (xmlNode *)doc;
    context->opLimit = VH_XPATH_STEPS_MAX;
    result = xmlXPathCompiledEval(compiled, context);
    if (!result)
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "it cannot be evaluated; see that each function has as many arguments as XPath "
                    "1.0 gives it, and nodes where it wants nodes");
    return result != NULL;
}

/* libxml2 keeps its words for what it prints, and hands out a code only. */
static const char *syntax_reason(const xmlXPathContext *context)
{
    switch (context->lastError.code - XML_XPATH_EXPRESSION_OK + XPATH_EXPRESSION_OK) {
    case XPATH_NUMBER_ERROR:
        return "a wrong number";
    case XPATH_UNFINISHED_LITERAL_ERROR:
        return "a quotation without its end";
    case XPATH_VARIABLE_REF_ERROR:
        return "a wrong variable";
    case XPATH_INVALID_PREDICATE_ERROR:
        return "a condition without its ]";
    default:
        return "something else is expected";
    }
}

gboolean vh_xpath_check(const VhConfig *config, const char *xpath, GError **error)
{
    g_autoptr(xmlXPathContext) context = new_context(config);
    g_autoptr(xmlXPathCompExpr) compiled = xmlXPathCtxtCompile(context, (const xmlChar *)xpath);

    if (!compiled) {
        g_autofree char *quoted = vh_text_quote(xpath);
        g_set_error(
            error, VH_ERROR, VH_ERROR_INVALID,
            "%s is not XPath (%s at its byte %d); write an expression of XPath 1.0, as in " EXAMPLE,
            quoted, syntax_reason(context), context->lastError.int1 + 1);
        return FALSE;
    }
    return check_names(config, context, xpath, error) && check_arguments(context, compiled, error);
}

/* ---- all of a policy ---- */

struct VhXPaths {
    GPtrArray *texts; /* what they were made of: namespaces and expressions; owned strings */
    guint n;          /* expressions */
    xmlXPathContext *context;
    xmlXPathCompExpr *compiled[VH_XPATHS_MAX];
};

/* Calls `visit` with each text that the expressions of a policy depend on, until it says FALSE. */
typedef gboolean (*TextVisitor)(const char *text, gpointer data);

static gboolean visit_texts(const VhConfig *config, TextVisitor visit, gpointer data)
{
    for (guint i = 0; i < config->n_namespaces; i++) {
        if (!visit(config->namespaces[i].prefix, data) || !visit(config->namespaces[i].uri, data))
            return FALSE;
    }
    for (guint i = 0; i < config->n_matches; i++) {
        const VhMatch *match = &config->matches[i];
        if (match->kind == VH_MATCH_XPATH && !visit(match->xpath, data))
            return FALSE;
    }
    return TRUE;
}

static gboolean copy_text(const char *text, gpointer data)
{
    g_ptr_array_add(data, g_strdup(text));
    return TRUE;
}

VhXPaths *vh_xpaths_new(const VhConfig *config)
{
    VhXPaths *xpaths = g_new0(VhXPaths, 1);

    xpaths->texts = g_ptr_array_new_with_free_func(g_free);
    visit_texts(config, copy_text, xpaths->texts);
    xpaths->context = new_context(config);
    for (guint i = 0; i < config->n_matches; i++) {
        const VhMatch *match = &config->matches[i];
        if (match->kind != VH_MATCH_XPATH)
            continue;
        xpaths->compiled[match->xpath_index] =
            xmlXPathCtxtCompile(xpaths->context, (const xmlChar *)match->xpath);
        xpaths->n++;
    }
    return xpaths;
}

void vh_xpaths_free(VhXPaths *xpaths)
{
    if (!xpaths)
        return;
    for (guint i = 0; i < xpaths->n; i++)
        xmlXPathFreeCompExpr(xpaths->compiled[i]);
    xmlXPathFreeContext(xpaths->context);
    g_ptr_array_unref(xpaths->texts);
    g_free(xpaths);
}

typedef struct {
    const GPtrArray *texts;
    guint n;
} Comparison;

static gboolean compare_text(const char *text, gpointer data)
{
    Comparison *comparison = data;

    return comparison->n < comparison->texts->len &&
           strcmp(comparison->texts->pdata[comparison->n++], text) == 0;
}

gboolean vh_xpaths_are_of(const VhXPaths *xpaths, const VhConfig *config)
{
    Comparison comparison = {xpaths->texts, 0};

    return visit_texts(config, compare_text, &comparison) && comparison.n == xpaths->texts->len;
}

VhXPathBits vh_xpaths_unknown(const VhXPaths *xpaths)
{
    return (VhXPathBits){
        .unknown = xpaths->n == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << xpaths->n) - 1,
    };
}

static void apply_one(VhXPaths *xpaths, guint index, xmlDoc *doc, VhXPathBits *bits)
{
    g_autoptr(xmlXPathObject) result = NULL;
    guint64 bit = G_GUINT64_CONSTANT(1) << index;

    xpaths->context->doc = doc;
    xpaths->context->node = (xmlNode *)doc;
    xpaths->context->opLimit = VH_XPATH_STEPS_MAX;
    xpaths->context->opCount = 0;
    if (xpaths->compiled[index])
        result = xmlXPathCompiledEval(xpaths->compiled[index], xpaths->context);
    if (!result)
        bits->unknown |= bit;
    else if (xmlXPathCastToBoolean(result))
        bits->hits |= bit;
}

VhXPathBits vh_xpaths_apply(VhXPaths *xpaths, const char *xml)
{
    g_autoptr(xmlDoc) doc = vh_xml_parse(xml, "the domain XML", NULL);
    VhXPathBits bits = {0};

    if (!doc)
        return vh_xpaths_unknown(xpaths);
    for (guint i = 0; i < xpaths->n; i++)
        apply_one(xpaths, i, doc, &bits);
    xpaths->context->doc = NULL;
    xpaths->context->node = NULL;
    return bits;
}
