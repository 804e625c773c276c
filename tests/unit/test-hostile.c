/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Metadata and domain XML that were written to do harm, through the library's public calls. Each
 * text is read in a child process with so little memory left that one which were blown up would
 * not fit, and with no right to open a file.
 */
#include "vh-enable.h"
#include "vh-in-flight.h"
#include "vh-metadata.h"
#include "vh-probe.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((gsize)1 << 20)
/* For a text of 1 MiB: the library's copies and libxml2's nodes, of some hundred bytes each. */
#define MEMORY_LEFT (512 * MIB)

/* A mock of libvirt's, which keeps what it is given as it is. */
static const char *stored;

char *virDomainGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
    return strdup(stored);
}

/* ---- the texts ---- */

static char *repeated(const char *before, const char *unit, gsize n, const char *after)
{
    GString *text = g_string_new(before);

    for (gsize i = 0; i < n; i++)
        g_string_append(text, unit);
    g_string_append(text, after);
    return g_string_free(text, FALSE);
}

static char *nested(const char *element, gsize depth)
{
    g_autofree char *inner = repeated("", "<a>", depth, "");
    g_autofree char *ends = repeated("", "</a>", depth, "");

    return g_strdup_printf("<%s>%s%s</%s>", element, inner, ends, element);
}

/* Ten times as much with each of the entities. */
static char *laughing(const char *element)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "<!DOCTYPE %s [<!ENTITY e0 \"aaaaaaaaaa\">", element);
    for (guint i = 1; i < 10; i++) {
        g_string_append_printf(text, "<!ENTITY e%u \"", i);
        for (guint n = 0; n < 10; n++)
            g_string_append_printf(text, "&e%u;", i - 1);
        g_string_append(text, "\">");
    }
    g_string_append_printf(text, "]><%s class=\"&e9;\" name=\"&e9;\">&e9;</%s>", element, element);
    return g_string_free(text, FALSE);
}

/* For an element of that name; whether a text may be taken (it means nothing then) is not in it. */
static GPtrArray *harmful_texts(const char *element)
{
    GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *start = g_strdup_printf("<%s x='", element);
    g_autofree char *children = g_strdup_printf("</%s>", element);
    g_autofree char *open = g_strdup_printf("<%s>", element);

    g_ptr_array_add(texts, repeated(start, "a", 8 * MIB, "'/>"));
    g_ptr_array_add(texts, nested(element, 10000));
    g_ptr_array_add(texts, repeated("", "<", 4 * MIB, ""));
    g_ptr_array_add(texts, repeated(open, "<!--", MIB, children));
    g_ptr_array_add(texts, laughing(element));
    g_ptr_array_add(
        texts, g_strdup_printf("<!DOCTYPE %s SYSTEM 'file:///etc/passwd'><%s/>", element, element));
    g_ptr_array_add(texts, g_strdup_printf("<!DOCTYPE %s [<!ENTITY x SYSTEM 'file:///etc/passwd'>"
                                           "]><%s a='b'>&x;</%s>",
                                           element, element, element));
    g_ptr_array_add(texts, g_strdup_printf("<!DOCTYPE %s [<!ENTITY %% p SYSTEM "
                                           "'http://127.0.0.1:9/'>%%p;]><%s/>",
                                           element, element));
    /* encodings: announced, but not there; there, but not announced; too long; no characters */
    g_ptr_array_add(texts,
                    g_strdup_printf("<?xml version='1.0' encoding='UTF-16'?><%s/>", element));
    g_ptr_array_add(texts, g_strdup_printf("\xff\xfe<%s/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='\xe4\xf6'/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='\xc0\xaf'/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='\xed\xa0\x80'/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='\xf4\x90\x80\x80'/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='&#0;'/>", element));
    g_ptr_array_add(texts, g_strdup_printf("<%s x='&#xD800;'/>", element));
    return texts;
}

/* ---- the child ---- */

typedef gboolean (*Reader)(const char *text, GError **error);

static gboolean read_probe(const char *text, GError **error)
{
    VhProbe probe;

    return vh_probe_parse(text, &probe, error);
}

static gboolean read_enable(const char *text, GError **error)
{
    const VhEnableWish wish = {.tier = VH_TIER_NATIVE, .emulator = "/usr/bin/patched"};
    g_autoptr(VhEnablePlan) plan = vh_enable_plan(text, NULL, &wish, error);

    return plan != NULL;
}

static gboolean read_live(const char *text, GError **error)
{
    const VhEnableWish wish = {.tier = VH_TIER_PULSE};
    g_autoptr(VhEnablePlan) plan = vh_enable_plan("<domain/>", text, &wish, error);

    return plan != NULL;
}

static gboolean read_policy(const char *text, GError **error)
{
    VhOverride override;

    return vh_metadata_parse_override(text, &override, error);
}

static gboolean read_stored_policy(const char *text, GError **error)
{
    VhOverride override;

    stored = text;
    return vh_metadata_get_override(NULL, VH_METADATA_CURRENT, &override, error);
}

static gboolean read_in_flight(const char *text, GError **error)
{
    VhInFlightRecord record;
    gboolean is_found;

    stored = text;
    return vh_in_flight_get(NULL, &record, &is_found, error);
}

static gsize size_now(void)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    return (gsize)g_ascii_strtoull(text, NULL, 10) * (gsize)sysconf(_SC_PAGESIZE);
}

static void limit(int what, rlim_t value)
{
    const struct rlimit both = {value, value};

    g_assert_cmpint(setrlimit(what, &both), ==, 0);
}

/* Of a sanitizer's program everything is reserved already. */
static gboolean is_sanitized(void)
{
    return size_now() > (gsize)1 << 40;
}

/* The exit status: 0 refused as it should be, 1 refused in another way, 2 taken. */
static int read_in_child(Reader reader, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (!is_sanitized())
        limit(RLIMIT_AS, size_now() + MEMORY_LEFT);
    limit(RLIMIT_NOFILE, 0);
    if (reader(text, &error))
        return 2;
    return error && error->domain == VH_ERROR && strlen(error->message) < 1000 &&
                   g_utf8_validate(error->message, -1, NULL) && !strpbrk(error->message, "\n\033")
               ? 0
               : 1;
}

static int status_of(Reader reader, const char *text)
{
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        _exit(read_in_child(reader, text));
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_all(Reader reader, const char *element)
{
    g_autoptr(GPtrArray) texts = harmful_texts(element);

    for (guint i = 0; i < texts->len; i++) {
        g_autofree char *head = g_strndup(texts->pdata[i], 100);
        g_autofree char *shown = g_strescape(head, NULL);
        g_test_message("%s", shown);
        g_assert_cmpint(status_of(reader, texts->pdata[i]), ==, 0);
    }
}

static void test_probe(void)
{
    check_all(read_probe, "domain");
}

static void test_enable(void)
{
    check_all(read_enable, "domain");
    check_all(read_live, "domain");
}

static void test_policy(void)
{
    check_all(read_policy, "policy");
    check_all(read_stored_policy, "policy");
}

static void test_in_flight(void)
{
    check_all(read_in_flight, "inflight");
}

/* What is only large is read where it may be: a domain of 1 MiB, but no policy. */
static void test_large(void)
{
    g_autofree char *domain = repeated(
        "<domain><devices><memballoon model='virtio' autodeflate='on'/></devices><metadata>",
        "<x y='zzzzzzzzzz'/>", MIB / 19, "</metadata></domain>");
    g_autofree char *policy = repeated("<policy class='perf'>", "<x/>", MIB / 4, "</policy>");
    g_autofree char *small = repeated("<policy class='perf'>", "<x/>", 1000, "</policy>");

    g_assert_cmpint(status_of(read_probe, domain), ==, 2);
    g_assert_cmpint(status_of(read_live, domain), ==, 2);
    g_assert_cmpint(status_of(read_stored_policy, policy), ==, 0);
    g_assert_cmpint(status_of(read_stored_policy, small), ==, 2);
}

/* Deep, but as deep as libvirt itself would take it. */
static void test_deep(void)
{
    g_autofree char *domain = nested("domain", 200);
    g_autofree char *policy = nested("policy", 200);

    g_assert_cmpint(status_of(read_probe, domain), ==, 2);
    g_assert_cmpint(status_of(read_policy, policy), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostile/probe", test_probe);
    g_test_add_func("/hostile/enable", test_enable);
    g_test_add_func("/hostile/policy", test_policy);
    g_test_add_func("/hostile/in-flight", test_in_flight);
    g_test_add_func("/hostile/large", test_large);
    g_test_add_func("/hostile/deep", test_deep);
    return g_test_run();
}
