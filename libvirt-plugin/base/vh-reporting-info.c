/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-reporting-info.h. The strict scanner has checked the text when values are read from
 * it; from then on only their places and ranges matter. What the guest can put into these figures
 * is hostile too: nothing is computed with them here.
 */
#include "vh-reporting-info.h"

#include "vh-json-scan.h"
#include "vh-text.h"

#include <stddef.h>
#include <string.h>

/* All integers that the scanner lets through fit. */
#define UINT_MAX_VALUE ((guint64)G_MAXINT64)
#define NS_PER_US 1000

static const char *const feature_names[] = {
    "free-page-hint", "page-poison", "free-page-reporting", "reporting-ctrl", "page-chunks", NULL,
};

static const char *const inhibitor_names[] = {
    [VH_REPORTING_INHIBITOR_NONE] = "none",
    [VH_REPORTING_DISCARD_DISABLED] = "discard-disabled",
    [VH_REPORTING_POSTCOPY] = "postcopy",
    [VH_REPORTING_BACKGROUND_SNAPSHOT] = "background-snapshot",
    [VH_REPORTING_POISONED] = "page-poison",
    NULL,
};

static const char *const status_names[] = {
    [VH_PASS_REQUESTED] = "requested", [VH_PASS_RUNNING] = "running",
    [VH_PASS_DONE] = "done",           [VH_PASS_LIMIT] = "limit",
    [VH_PASS_CANCELLED] = "cancelled", [VH_PASS_FAILED] = "failed",
    [VH_PASS_TIMEOUT] = "timeout",     NULL,
};

/* What QEMU says, from its start, and what that means. Its classes tell almost nothing apart. */
static const struct {
    const char *text;
    VhErrorCode code;
    const char *meaning;
} refusals[] = {
    {"No balloon device has been activated", VH_ERROR_UNSUPPORTED,
     "the domain has no virtio memory balloon"},
    {"The balloon device has no free page reporting", VH_ERROR_UNSUPPORTED,
     "the balloon has no free page reporting: set freePageReporting='on' on it, and start the "
     "domain anew"},
    {"The balloon device has no reporting passes", VH_ERROR_UNSUPPORTED,
     "the balloon has no reporting passes: set its property 'reporting-ctrl', and start the domain "
     "anew"},
    {"The guest has no balloon driver running", VH_ERROR_UNSUPPORTED,
     "no balloon driver runs in the guest"},
    {"The guest's balloon driver does not know reporting passes", VH_ERROR_UNSUPPORTED,
     "the guest's balloon driver does not know reporting passes"},
    {"Free page reporting is inhibited: discard-disabled", VH_ERROR_UNSUPPORTED,
     "QEMU may not discard memory of this guest: a passed-through device pins it"},
    {"Free page reporting is inhibited: page-poison", VH_ERROR_UNSUPPORTED,
     "the guest poisons its free pages, so that none may be discarded"},
    {"Free page reporting is inhibited: postcopy", VH_ERROR_BUSY,
     "a postcopy migration goes on: try again when it has ended"},
    {"Free page reporting is inhibited: background-snapshot", VH_ERROR_BUSY,
     "a background snapshot is being taken: try again when it has ended"},
    {"Free page reporting is busy: migration", VH_ERROR_BUSY,
     "a migration goes on: try again when it has ended"},
    {"The guest is not running", VH_ERROR_BUSY, "the guest is paused: resume it first"},
    {"Parameter 'granule' expects", VH_ERROR_INVALID,
     "the granule must be a power of two from 4 KiB to 1 GiB, or 0"},
    {"Parameter 'timeout' expects", VH_ERROR_INVALID,
     "the timeout must be from 1 ms to 1 hour, or 0"},
    {"No reporting pass is running", VH_ERROR_GONE, "no reporting pass is running"},
};

typedef struct {
    const char *text;
    VhJsonLines *lines;
    const char *prefix; /* of all paths */
    const char *source; /* what is read, for messages */
    GError **error;
    gboolean has_failed; /* the first failure is the one that is told */
} Reader;

G_GNUC_PRINTF(3, 4)
static void refuse(Reader *reader, const char *path, const char *format, ...)
{
    va_list arguments;

    if (reader->has_failed)
        return;
    reader->has_failed = TRUE;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(reader->error, VH_ERROR, VH_ERROR_PROTOCOL, "%s: %s: %s", reader->source, path,
                what);
}

/* A value as it stands in the text; NULL where it is not there. Free with g_free(). */
static char *find(const Reader *reader, const char *path)
{
    g_autofree char *whole = g_strdup_printf("%s%s", reader->prefix, path);
    gsize start, length;

    if (!vh_json_lines_get_place(reader->lines, whole, &start, &length))
        return NULL;
    return g_strndup(reader->text + start, length);
}

static gboolean is_there(const Reader *reader, const char *path)
{
    g_autofree char *found = find(reader, path);
    return found != NULL;
}

static gboolean is_object(const Reader *reader, const char *path)
{
    g_autofree char *found = find(reader, path);
    return found != NULL && found[0] == '{';
}

static guint64 read_uint(Reader *reader, const char *path, guint64 max)
{
    g_autofree char *found = find(reader, path);
    guint64 value = 0;

    if (found == NULL)
        refuse(reader, path, "it is missing");
    else if (!g_ascii_string_to_unsigned(found, 10, 0, max, &value, NULL)) {
        g_autofree char *quoted = vh_text_quote(found);
        refuse(reader, path, "%s is not a number from 0 to %" G_GUINT64_FORMAT, quoted, max);
        value = 0;
    }
    return value;
}

static gboolean read_flag(Reader *reader, const char *path)
{
    g_autofree char *found = find(reader, path);
    gboolean is_true = g_strcmp0(found, "true") == 0;

    if (!is_true && g_strcmp0(found, "false") != 0)
        refuse(reader, path, "%s", found != NULL ? "neither true nor false" : "it is missing");
    return is_true;
}

/* A string's letters where it is one; words have none that JSON would write in another way. */
static char *unquote(const char *value)
{
    gsize length = value != NULL ? strlen(value) : 0;

    return length >= 2 && value[0] == '"' ? g_strndup(value + 1, length - 2) : NULL;
}

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (g_strcmp0(words[i], word) == 0)
            return i;
    }
    return -1;
}

static int read_word(Reader *reader, const char *path, const char *const *words, int from)
{
    g_autofree char *found = find(reader, path);
    g_autofree char *word = unquote(found);
    int index = find_word(words + from, word);

    if (index >= 0)
        return index + from;
    g_autofree char *quoted = vh_text_quote(found);
    g_autofree char *wanted = vh_text_join_or(words + from);
    refuse(reader, path, "found %s instead of %s", quoted, wanted);
    return from;
}

/* It is only told where there is one. */
static VhReportingInhibitor read_inhibitor(Reader *reader)
{
    if (!is_there(reader, "/inhibited"))
        return VH_REPORTING_INHIBITOR_NONE;
    return (VhReportingInhibitor)read_word(reader, "/inhibited", inhibitor_names,
                                           VH_REPORTING_DISCARD_DISABLED);
}

static guint read_features(Reader *reader, const char *path)
{
    g_autofree char *found = find(reader, path);
    guint features = 0;

    if (found == NULL || found[0] != '[') {
        refuse(reader, path, "%s", found != NULL ? "it is no list" : "it is missing");
        return 0;
    }
    for (guint i = 0;; i++) {
        g_autofree char *at = g_strdup_printf("%s/%u", path, i);
        g_autofree char *element = find(reader, at);
        g_autofree char *word = unquote(element);

        if (element == NULL)
            return features;
        if (word == NULL)
            refuse(reader, at, "it is no word");
        int index = find_word(feature_names, word);
        if (index >= 0)
            features |= 1u << index;
    }
}

/* What was asked for, which the device has checked. */
static guint64 read_granule(Reader *reader, const char *path)
{
    guint64 bytes = read_uint(reader, path, UINT_MAX_VALUE);

    if (bytes != 0 && !vh_reporting_granule_is_valid(bytes))
        refuse(reader, path, "%" G_GUINT64_FORMAT " is no power of two from 4096 to 1073741824",
               bytes);
    return bytes;
}

/* What the guest says that it took: nonsense is as good as nothing, and must not keep the device's
 * own figures from being read. */
static guint64 read_told_granule(Reader *reader, const char *path)
{
    guint64 bytes = read_uint(reader, path, UINT_MAX_VALUE);
    return vh_reporting_granule_is_valid(bytes) ? bytes : 0;
}

static gint64 read_us(Reader *reader, const char *path)
{
    return (gint64)(read_uint(reader, path, UINT_MAX_VALUE) / NS_PER_US);
}

static guint32 read_id(Reader *reader, const char *path)
{
    guint32 id = (guint32)read_uint(reader, path, G_MAXUINT32);

    if (id == 0)
        refuse(reader, path, "no pass has the id 0");
    return id;
}

static void read_pass(Reader *reader, VhReportingPass *pass)
{
    pass->id = read_id(reader, "/pass/id");
    pass->status = (VhPassStatus)read_word(reader, "/pass/status", status_names, 0);
    pass->is_migration = read_flag(reader, "/pass/migration");
    pass->limit_bytes = read_uint(reader, "/pass/limit", UINT_MAX_VALUE);
    pass->granule_bytes = read_granule(reader, "/pass/granule");
    pass->granule_in_force_bytes = read_told_granule(reader, "/pass/granule-in-force");
    pass->reported_bytes = read_uint(reader, "/pass/reported", UINT_MAX_VALUE);
    pass->discarded_bytes = read_uint(reader, "/pass/discarded", UINT_MAX_VALUE);
    pass->duration_us = read_us(reader, "/pass/duration-ns");
}

static void read_counters(Reader *reader, VhReportingCounters *counters)
{
    static const struct {
        const char *path;
        size_t offset; /* of a guint64 */
    } figures[] = {
#define FIGURE(name, member) {"/counters/" name, offsetof(VhReportingCounters, member)}
        FIGURE("requests", requests),
        FIGURE("blocks", blocks),
        FIGURE("reported", reported_bytes),
        FIGURE("discarded", discarded_bytes),
        FIGURE("hinted", hinted_bytes),
        FIGURE("inflated", inflated_bytes),
        FIGURE("messages", messages),
        FIGURE("malformed", malformed),
        FIGURE("skipped/disabled", skipped_disabled_bytes),
        FIGURE("skipped/inhibited", skipped_inhibited_bytes),
        FIGURE("skipped/invalid", skipped_invalid_bytes),
        FIGURE("skipped/unaligned", skipped_unaligned_bytes),
        FIGURE("skipped/failed", skipped_failed_bytes),
        FIGURE("split", split_bytes),
#undef FIGURE
    };

    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        *(guint64 *)(gpointer)((char *)counters + figures[i].offset) =
            read_uint(reader, figures[i].path, UINT_MAX_VALUE);
    counters->discard_us = read_us(reader, "/counters/discard-ns");
    counters->split_us = read_us(reader, "/counters/split-ns");
}

/* The code that a caller can act on, from the class and the description of a QMP error. */
static void take_refusal(const char *class, const char *text, GError **error)
{
    if (g_strcmp0(class, "CommandNotFound") == 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                            "this QEMU has no balloon-reporting commands; tools/qemu-build makes "
                            "one that has");
        return;
    }
    for (guint i = 0; text != NULL && i < G_N_ELEMENTS(refusals); i++) {
        if (g_str_has_prefix(text, refusals[i].text)) {
            g_set_error_literal(error, VH_ERROR, (int)refusals[i].code, refusals[i].meaning);
            return;
        }
    }
    if (g_strcmp0(class, "DeviceNotActive") == 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED, refusals[0].meaning);
        return;
    }
    g_autofree char *quoted = vh_text_quote(text);
    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "QEMU refused: %s", quoted);
}

static Reader reader_of(const char *reply, VhJsonLines *lines, GError **error)
{
    return (Reader){.text = reply,
                    .lines = lines,
                    .prefix = "/return",
                    .source = "QEMU's answer",
                    .error = error};
}

/* The lines of an answer that is one, with what it returns still to be read. NULL: an error. */
static VhJsonLines *open_reply(const char *reply, GError **error)
{
    g_autoptr(VhJsonLines) lines = NULL;
    g_autoptr(GError) reason = NULL;

    if (!vh_json_scan(reply, strlen(reply), &lines, &reason)) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "QEMU's answer: %s", reason->message);
        return NULL;
    }
    Reader reader = {.text = reply, .lines = lines, .prefix = ""};
    if (is_object(&reader, "/error")) {
        g_autofree char *class_value = find(&reader, "/error/class");
        g_autofree char *text_value = find(&reader, "/error/desc");
        g_autofree char *class = unquote(class_value);
        g_autofree char *text = unquote(text_value);
        take_refusal(class, text, error);
        return NULL;
    }
    if (!is_there(&reader, "/return")) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_PROTOCOL,
                            "QEMU's answer has neither 'return' nor 'error' in it");
        return NULL;
    }
    return g_steal_pointer(&lines);
}

gboolean vh_reporting_info_check(const char *reply, GError **error)
{
    g_autoptr(VhJsonLines) lines = open_reply(reply, error);
    return lines != NULL;
}

gboolean vh_reporting_info_parse(const char *reply, VhReportingInfo *ret_info, GError **error)
{
    g_autoptr(VhJsonLines) lines = open_reply(reply, error);
    VhReportingInfo info = {0};

    if (lines == NULL)
        return FALSE;
    Reader reader = reader_of(reply, lines, error);
    info.offered = read_features(&reader, "/offered");
    info.negotiated = read_features(&reader, "/negotiated");
    if (info.negotiated & ~info.offered)
        refuse(&reader, "/negotiated", "a feature that was never offered");
    info.has_driver = read_flag(&reader, "/driver");
    info.is_enabled = read_flag(&reader, "/enabled");
    info.is_active = read_flag(&reader, "/active");
    info.inhibitor = read_inhibitor(&reader);
    info.has_pass = is_there(&reader, "/pass");
    if (info.has_pass)
        read_pass(&reader, &info.pass);
    read_counters(&reader, &info.counters);
    if (reader.has_failed)
        return FALSE;
    *ret_info = info;
    return TRUE;
}

gboolean vh_reporting_info_parse_id(const char *reply, guint32 *ret_id, GError **error)
{
    g_autoptr(VhJsonLines) lines = open_reply(reply, error);

    if (lines == NULL)
        return FALSE;
    Reader reader = reader_of(reply, lines, error);
    guint32 id = read_id(&reader, "/id");
    if (reader.has_failed)
        return FALSE;
    *ret_id = id;
    return TRUE;
}

/* A reader of an event's data; its `lines`, which the caller frees, are NULL with an error. */
static Reader open_event(const char *details, GError **error)
{
    g_autoptr(GError) reason = NULL;
    Reader reader = {
        .text = details ? details : "", .prefix = "", .source = "QEMU's event", .error = error};

    if (!vh_json_scan(reader.text, strlen(reader.text), &reader.lines, &reason))
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "QEMU's event: %s", reason->message);
    return reader;
}

gboolean vh_reporting_info_parse_state(const char *details, VhReportingState *ret_state,
                                       GError **error)
{
    Reader reader = open_event(details, error);
    g_autoptr(VhJsonLines) lines = reader.lines;
    VhReportingState state = {0};

    if (lines == NULL)
        return FALSE;
    state.is_enabled = read_flag(&reader, "/enabled");
    state.is_active = read_flag(&reader, "/active");
    state.inhibitor = read_inhibitor(&reader);
    if (reader.has_failed)
        return FALSE;
    *ret_state = state;
    return TRUE;
}

gboolean vh_reporting_info_parse_ended(const char *details, VhReportingPass *ret_pass,
                                       GError **error)
{
    Reader reader = open_event(details, error);
    g_autoptr(VhJsonLines) lines = reader.lines;
    VhReportingPass pass = {0};

    if (lines == NULL)
        return FALSE;
    pass.id = read_id(&reader, "/id");
    pass.status = (VhPassStatus)read_word(&reader, "/status", status_names, VH_PASS_DONE);
    pass.reported_bytes = read_uint(&reader, "/reported", UINT_MAX_VALUE);
    pass.discarded_bytes = read_uint(&reader, "/discarded", UINT_MAX_VALUE);
    if (reader.has_failed)
        return FALSE;
    *ret_pass = pass;
    return TRUE;
}

const char *vh_reporting_feature_name(VhReportingFeature feature)
{
    for (guint i = 0; feature_names[i] != NULL; i++) {
        if ((guint)feature == 1u << i)
            return feature_names[i];
    }
    g_return_val_if_reached("unknown");
}

const char *vh_reporting_inhibitor_name(VhReportingInhibitor inhibitor)
{
    g_return_val_if_fail((guint)inhibitor < G_N_ELEMENTS(inhibitor_names) - 1, "none");
    return inhibitor_names[inhibitor];
}

const char *vh_pass_status_name(VhPassStatus status)
{
    g_return_val_if_fail((guint)status < G_N_ELEMENTS(status_names) - 1, "failed");
    return status_names[status];
}
