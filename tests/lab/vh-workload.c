/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser of the workload language. One table says for each word how it is written; each row
 * has a function that takes its arguments. It executes nothing.
 */
#include "vh-workload.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 8
#define MAX_WORD_BYTES 64

typedef struct {
    const char *text;
    size_t length;
    size_t at;
    unsigned line;
    char *error;
    size_t error_bytes;
    char words[MAX_WORDS][MAX_WORD_BYTES];
    unsigned n_words;
    uint32_t open[VH_WORKLOAD_MAX_NESTING];
    unsigned depth;
    VhWorkload out;
} Parser;

typedef struct {
    const char *word;
    const char *usage;
    unsigned min_words, max_words; /* with the word itself */
    bool (*take)(Parser *p, VhWorkloadOp *op);
} Form;

static const Form forms[VH_WORKLOAD_KINDS];

__attribute__((format(printf, 2, 3))) static bool refuse(Parser *p, const char *format, ...)
{
    char what[200];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(p->error, p->error_bytes, "line %u: %s", p->line, what);
    return false;
}

typedef struct {
    const char *name;
    uint64_t factor;
} Unit;

static const Unit size_units[] = {
    {"B", 1},  {"KiB", UINT64_C(1) << 10}, {"MiB", UINT64_C(1) << 20}, {"GiB", UINT64_C(1) << 30},
    {NULL, 0},
};

static const Unit time_units[] = {
    {"ms", 1000},
    {"s", 1000000},
    {"min", 60000000},
    {NULL, 0},
};

/* Digits only; *ret_rest is what follows them. False without digits or beyond 64 bits. */
static bool take_number(const char *word, uint64_t *ret_value, const char **ret_rest)
{
    uint64_t value = 0;
    const char *c = word;

    for (; *c >= '0' && *c <= '9'; c++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return false;
    }
    *ret_value = value;
    *ret_rest = c;
    return c != word;
}

static bool take_with_unit(const char *word, const Unit *units, uint64_t max, uint64_t *ret_value)
{
    const char *rest;
    uint64_t value;

    if (!take_number(word, &value, &rest))
        return false;
    for (const Unit *u = units; u->name; u++) {
        if (strcmp(rest, u->name) == 0)
            return !__builtin_mul_overflow(value, u->factor, ret_value) && *ret_value <= max;
    }
    return false;
}

static bool take_size(Parser *p, const char *word, uint64_t *ret_bytes)
{
    if (!take_with_unit(word, size_units, VH_WORKLOAD_MAX_SIZE_BYTES, ret_bytes))
        return refuse(p,
                      "'%s' is no size; write a whole number with B, KiB, MiB or GiB, at most "
                      "1024GiB, such as 64MiB",
                      word);
    if (*ret_bytes == 0 || *ret_bytes % VH_WORKLOAD_PAGE_BYTES)
        return refuse(p, "'%s' is not a multiple of the page size; sizes are whole pages of 4KiB",
                      word);
    return true;
}

static bool take_duration(Parser *p, const char *word, uint64_t *ret_us)
{
    if (take_with_unit(word, time_units, VH_WORKLOAD_MAX_DURATION_US, ret_us))
        return true;
    return refuse(p,
                  "'%s' is no duration; write a whole number with ms, s or min, at most one day, "
                  "such as 500ms",
                  word);
}

static bool take_rate(Parser *p, const char *word, uint64_t *ret_rate)
{
    size_t length = strlen(word);
    char size[MAX_WORD_BYTES];

    if (length < 3 || strcmp(word + length - 2, "/s") != 0)
        return refuse(p, "'%s' is no rate; write a size per second, such as 8MiB/s", word);
    snprintf(size, sizeof(size), "%.*s", (int)(length - 2), word);
    return take_size(p, size, ret_rate);
}

static bool take_name(Parser *p, const char *word, char *ret_name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(word);

    if (length >= VH_WORKLOAD_NAME_BYTES || strspn(word, allowed) != length)
        return refuse(p, "'%s' is no region name; use at most %u letters, digits, '_' and '-'",
                      word, VH_WORKLOAD_NAME_BYTES - 1);
    memcpy(ret_name, word, length + 1);
    return true;
}

static bool take_thp(Parser *p, const char *word, VhWorkloadThp *ret_thp)
{
    if (strcmp(word, "thp") == 0)
        *ret_thp = VH_WORKLOAD_THP_WANTED;
    else if (strcmp(word, "nothp") == 0)
        *ret_thp = VH_WORKLOAD_THP_REFUSED;
    else
        return refuse(p, "'%s' is not known here; write thp, nothp or nothing", word);
    return true;
}

static bool want_word(Parser *p, unsigned index, const char *word)
{
    if (strcmp(p->words[index], word) == 0)
        return true;
    return refuse(p, "'%s' where '%s' should be", p->words[index], word);
}

static bool take_seed(Parser *p, VhWorkloadOp *op)
{
    const char *rest;

    if (take_number(p->words[1], &op->value, &rest) && *rest == '\0')
        return true;
    return refuse(p, "'%s' is no seed; write a whole number from 0 to 2^64-1", p->words[1]);
}

static bool take_alloc(Parser *p, VhWorkloadOp *op)
{
    return take_name(p, p->words[1], op->name) && take_size(p, p->words[2], &op->bytes) &&
           (p->n_words < 4 || take_thp(p, p->words[3], &op->thp));
}

static bool take_only_name(Parser *p, VhWorkloadOp *op)
{
    return take_name(p, p->words[1], op->name);
}

static bool take_share(Parser *p, const char *word, uint32_t *ret_bp)
{
    const char *rest;
    uint64_t percent;

    if (!take_number(word, &percent, &rest) || strcmp(rest, "%") != 0 || percent < 1 ||
        percent > 100)
        return refuse(p, "'%s' is no share; write a whole number from 1%% to 100%%", word);
    *ret_bp = (uint32_t)percent * 100;
    return true;
}

static bool take_free(Parser *p, VhWorkloadOp *op)
{
    if (!take_name(p, p->words[1], op->name))
        return false;
    if (p->n_words < 3)
        return true;
    if (strchr(p->words[2], '%'))
        return take_share(p, p->words[2], &op->share_bp);
    return take_size(p, p->words[2], &op->bytes);
}

static bool take_fragment(Parser *p, VhWorkloadOp *op)
{
    if (!take_name(p, p->words[1], op->name) || !take_size(p, p->words[2], &op->bytes) ||
        !want_word(p, 3, "keep") || !take_size(p, p->words[4], &op->keep_bytes) ||
        !want_word(p, 5, "of") || !take_size(p, p->words[6], &op->granule_bytes))
        return false;
    if (op->keep_bytes >= op->granule_bytes)
        return refuse(p, "keeps %s of %s, which frees nothing; keep less than the granule",
                      p->words[4], p->words[6]);
    return p->n_words < 8 || take_thp(p, p->words[7], &op->thp);
}

static bool take_churn(Parser *p, VhWorkloadOp *op)
{
    if (!take_size(p, p->words[1], &op->bytes) || !want_word(p, 2, "for") ||
        !take_duration(p, p->words[3], &op->duration_us))
        return false;
    if (p->n_words == 4)
        return true;
    if (p->n_words == 5)
        return refuse(p, "'%s' lacks its rate; write rate SIZE/s", p->words[4]);
    return want_word(p, 4, "rate") && take_rate(p, p->words[5], &op->rate_bytes_per_s);
}

static bool take_only_size(Parser *p, VhWorkloadOp *op)
{
    return take_size(p, p->words[1], &op->bytes);
}

static bool take_only_duration(Parser *p, VhWorkloadOp *op)
{
    return take_duration(p, p->words[1], &op->duration_us);
}

static bool take_nothing(Parser *p, VhWorkloadOp *op)
{
    (void)p;
    (void)op;
    return true;
}

static bool take_locate(Parser *p, VhWorkloadOp *op)
{
    return take_name(p, p->words[1], op->name) &&
           (p->n_words < 3 || take_size(p, p->words[2], &op->bytes));
}

static const char *const stress_names[VH_WORKLOAD_STRESS_KINDS] = {
    [VH_WORKLOAD_STRESS_FRAGMENT] = "fragment", [VH_WORKLOAD_STRESS_FORK] = "fork",
    [VH_WORKLOAD_STRESS_HUGE] = "huge",         [VH_WORKLOAD_STRESS_CACHE] = "cache",
    [VH_WORKLOAD_STRESS_PIPE] = "pipe",
};

/* Names with commas between them. */
static bool take_stress_names(Parser *p, const char *list, uint32_t *ret_bits)
{
    size_t length;

    for (const char *c = list; *c; c += length + (c[length] == ',')) {
        unsigned kind = 0;

        length = strcspn(c, ",");
        while (kind < VH_WORKLOAD_STRESS_KINDS &&
               (strncmp(stress_names[kind], c, length) != 0 || stress_names[kind][length] != '\0'))
            kind++;
        if (kind == VH_WORKLOAD_STRESS_KINDS)
            return refuse(p,
                          "a stress has no '%.*s'; it can be without fragment, fork, huge, cache "
                          "and pipe",
                          (int)length, c);
        *ret_bits |= 1u << kind;
    }
    return true;
}

static bool take_stress(Parser *p, VhWorkloadOp *op)
{
    const char *rest;

    if (!take_size(p, p->words[1], &op->bytes) || !want_word(p, 2, "for") ||
        !take_duration(p, p->words[3], &op->duration_us) || !want_word(p, 4, "threads"))
        return false;
    if (!take_number(p->words[5], &op->value, &rest) || *rest || op->value < 1 ||
        op->value > VH_WORKLOAD_STRESS_MAX_THREADS)
        return refuse(p, "'%s' is no count of threads; write a whole number from 1 to %u",
                      p->words[5], VH_WORKLOAD_STRESS_MAX_THREADS);
    if (op->bytes / op->value < VH_WORKLOAD_PAGE_BYTES)
        return refuse(p, "%s is too little for %s threads; each needs a page", p->words[1],
                      p->words[5]);
    if (p->n_words == 6)
        return true;
    if (p->n_words == 7)
        return refuse(p, "'%s' lacks its list; write without fork,pipe", p->words[6]);
    return want_word(p, 6, "without") && take_stress_names(p, p->words[7], &op->stress_without);
}

static bool take_repeat(Parser *p, VhWorkloadOp *op)
{
    const char *rest;

    if (!take_number(p->words[1], &op->value, &rest) || *rest || op->value < 1 ||
        op->value > VH_WORKLOAD_MAX_REPEAT)
        return refuse(p, "'%s' is no count; write a whole number from 1 to %u", p->words[1],
                      VH_WORKLOAD_MAX_REPEAT);
    if (p->depth == VH_WORKLOAD_MAX_NESTING)
        return refuse(p, "repeat is nested deeper than %u", VH_WORKLOAD_MAX_NESTING);
    p->open[p->depth++] = (uint32_t)p->out.count;
    return true;
}

static bool take_end(Parser *p, VhWorkloadOp *op)
{
    if (p->depth == 0)
        return refuse(p, "'end' without a repeat before it");
    op->match = p->open[--p->depth];
    p->out.ops[op->match].match = (uint32_t)p->out.count;
    return true;
}

static const Form forms[VH_WORKLOAD_KINDS] = {
    [VH_WORKLOAD_SEED] = {"seed", "seed NUMBER", 2, 2, take_seed},
    [VH_WORKLOAD_ALLOC] = {"alloc", "alloc NAME SIZE [thp|nothp]", 3, 4, take_alloc},
    [VH_WORKLOAD_VERIFY] = {"verify", "verify NAME", 2, 2, take_only_name},
    [VH_WORKLOAD_FREE] = {"free", "free NAME [SIZE|N%]", 2, 3, take_free},
    [VH_WORKLOAD_FRAGMENT] = {"fragment", "fragment NAME SIZE keep SIZE of SIZE [thp|nothp]", 7, 8,
                              take_fragment},
    [VH_WORKLOAD_CHURN] = {"churn", "churn SIZE for DURATION [rate SIZE/s]", 4, 6, take_churn},
    [VH_WORKLOAD_CACHE] = {"cache", "cache SIZE", 2, 2, take_only_size},
    [VH_WORKLOAD_DROPCACHE] = {"dropcache", "dropcache", 1, 1, take_nothing},
    [VH_WORKLOAD_WAIT] = {"wait", "wait DURATION", 2, 2, take_only_duration},
    [VH_WORKLOAD_REPEAT] = {"repeat", "repeat COUNT", 2, 2, take_repeat},
    [VH_WORKLOAD_END] = {"end", "end", 1, 1, take_end},
    [VH_WORKLOAD_LOCATE] = {"locate", "locate NAME [SIZE]", 2, 3, take_locate},
    [VH_WORKLOAD_REPORT] = {"report", "report", 1, 1, take_nothing},
    [VH_WORKLOAD_STRESS] = {"stress", "stress SIZE for DURATION threads N [without LIST]", 6, 8,
                            take_stress},
};

const char *vh_workload_kind_name(VhWorkloadKind kind)
{
    return (unsigned)kind < VH_WORKLOAD_KINDS ? forms[kind].word : "unknown";
}

const char *vh_workload_stress_name(VhWorkloadStress kind)
{
    return (unsigned)kind < VH_WORKLOAD_STRESS_KINDS ? stress_names[kind] : "unknown";
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool add_word(Parser *p, size_t start, size_t end)
{
    if (p->n_words == MAX_WORDS)
        return refuse(p, "more than %d words; one operation a line", MAX_WORDS);
    if (end - start >= MAX_WORD_BYTES)
        return refuse(p, "a word longer than %d bytes", MAX_WORD_BYTES - 1);
    memcpy(p->words[p->n_words], p->text + start, end - start);
    p->words[p->n_words++][end - start] = '\0';
    return true;
}

/* Cuts the line at p->at into words, and moves behind its newline. */
static bool split_line(Parser *p)
{
    p->n_words = 0;
    while (p->at < p->length && p->text[p->at] != '\n' && p->text[p->at] != '#') {
        size_t start = p->at;

        if (is_blank(p->text[p->at])) {
            p->at++;
            continue;
        }
        for (; p->at < p->length && !is_blank(p->text[p->at]) && p->text[p->at] != '\n'; p->at++) {
            unsigned char c = (unsigned char)p->text[p->at];

            if (c < 0x20 || c > 0x7e)
                return refuse(p, "byte 0x%02x; write printable ASCII only", c);
        }
        if (!add_word(p, start, p->at))
            return false;
    }
    while (p->at < p->length && p->text[p->at] != '\n')
        p->at++;
    p->at++;
    return true;
}

static bool add_op(Parser *p)
{
    for (unsigned kind = 0; kind < VH_WORKLOAD_KINDS; kind++) {
        const Form *form = &forms[kind];
        VhWorkloadOp op = {.kind = (VhWorkloadKind)kind, .line = p->line};

        if (strcmp(form->word, p->words[0]) != 0)
            continue;
        if (p->n_words < form->min_words || p->n_words > form->max_words)
            return refuse(p, "%u arguments to '%s'; it is written: %s", p->n_words - 1, form->word,
                          form->usage);
        if (!form->take(p, &op))
            return false;
        p->out.ops[p->out.count++] = op;
        return true;
    }
    return refuse(p,
                  "'%s' is no operation; there are seed, alloc, verify, free, fragment, churn, "
                  "cache, dropcache, wait, repeat, end, locate, report and stress",
                  p->words[0]);
}

static bool grow(Parser *p, size_t *capacity)
{
    VhWorkloadOp *more;

    if (p->out.count < *capacity)
        return true;
    if (p->out.count == VH_WORKLOAD_MAX_OPS)
        return refuse(p, "more than %d operations; use repeat", VH_WORKLOAD_MAX_OPS);
    *capacity = *capacity ? *capacity * 2 : 16;
    more = realloc(p->out.ops, *capacity * sizeof(*more));
    if (!more)
        return refuse(p, "no memory for the program");
    p->out.ops = more;
    return true;
}

static bool parse_lines(Parser *p)
{
    size_t capacity = 0;

    for (p->line = 1; p->at < p->length; p->line++) {
        if (!split_line(p))
            return false;
        if (p->n_words > 0 && (!grow(p, &capacity) || !add_op(p)))
            return false;
    }
    if (p->depth > 0) {
        p->line = p->out.ops[p->open[p->depth - 1]].line;
        return refuse(p, "this repeat has no 'end'");
    }
    return true;
}

int vh_workload_parse(const char *text, size_t length, VhWorkload *ret_workload, char *error,
                      size_t error_bytes)
{
    Parser p = {.text = text, .length = length, .error = error, .error_bytes = error_bytes};
    bool ok;

    p.line = 1;
    ok = length <= VH_WORKLOAD_MAX_TEXT_BYTES
             ? parse_lines(&p)
             : refuse(&p, "the program is longer than %u bytes", VH_WORKLOAD_MAX_TEXT_BYTES);
    if (ok && p.out.count == 0)
        ok = refuse(&p, "the program is empty; write at least one operation");
    if (!ok)
        vh_workload_clear(&p.out);
    *ret_workload = p.out;
    return ok ? 0 : -1;
}

void vh_workload_clear(VhWorkload *workload)
{
    free(workload->ops);
    workload->ops = NULL;
    workload->count = 0;
}
