/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes from the bus under the daemon's name: signals with arguments of any type, and lists
 * of any documents. Only what has the type that it should have is taken.
 */
#include "vh-backend-daemon.c"

#include "fuzz.h"
#include "hostile-doc.h"

static const char *const signals[] = {"AskEnded", "AskProgress", "RequestEnded", "RequestProgress",
                                      "",         "AskEnde"};

static GVariant *arguments_of(HostileInput *input)
{
    g_autoptr(GVariant) document = NULL;

    switch (hostile_byte(input) % 6) {
    case 0:
        document = hostile_document(input);
        return g_variant_new("(t@a{sv})", hostile_number(input), document);
    case 1:
        return g_variant_new("(tttt)", hostile_number(input), hostile_number(input),
                             hostile_number(input), hostile_number(input));
    case 2:
        return g_variant_new("(tttu)", hostile_number(input), hostile_number(input),
                             hostile_number(input), (guint32)hostile_number(input));
    case 3:
        return g_variant_new("(s)", "x");
    case 4:
        return g_variant_new("()");
    default:
        document = hostile_document(input);
        return g_variant_new("(u@a{sv})", (guint32)hostile_number(input), document);
    }
}

static void take_one(Daemon *daemon, HostileInput *input)
{
    const char *name = signals[hostile_byte(input) % G_N_ELEMENTS(signals)];
    g_autoptr(GVariant) arguments = g_variant_ref_sink(arguments_of(input));
    guint n_asks = g_hash_table_size(daemon->ended);

    daemon->has_progress = FALSE;
    on_daemon_signal(NULL, "", "", "", name, arguments, daemon);
    gboolean is_end = g_str_equal(name, "AskEnded") &&
                      g_variant_is_of_type(arguments, G_VARIANT_TYPE("(ta{sv})"));
    if (!is_end)
        g_assert_cmpuint(g_hash_table_size(daemon->ended), ==, n_asks);
    if (daemon->has_progress)
        g_assert_true(g_str_equal(name, "AskProgress"));
}

static void check_list(const Daemon *daemon, HostileInput *input)
{
    g_autoptr(GVariant) domains = hostile_documents(input);
    g_autoptr(GVariant) kept = filter(daemon, domains);

    g_assert_cmpuint(g_variant_n_children(kept), <=, g_variant_n_children(domains));
    for (gsize i = 0; i < g_variant_n_children(kept); i++) {
        g_autoptr(GVariant) domain = g_variant_get_child_value(kept, i);
        const char *uri = NULL;
        g_assert_true(g_variant_lookup(domain, "uri", "&s", &uri));
        g_assert_cmpstr(uri, ==, "web1");
        (void)is_called(domain, "web1");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HostileInput input = {data, size};
    char *uris[] = {(char *)"web1", NULL}; /* a text that the documents have */
    Daemon daemon = {.id = 1, .request_id = 1, .only_uris = uris, .is_only_some = TRUE};

    daemon.ended =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_variant_unref);
    daemon.ended_requests =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_variant_unref);
    while (input.size > 0)
        take_one(&daemon, &input);
    input = (HostileInput){data, size};
    check_list(&daemon, &input);
    g_hash_table_unref(daemon.ended);
    g_hash_table_unref(daemon.ended_requests);
    return 0;
}
