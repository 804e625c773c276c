/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each command and each call of the library, in each state that a guest can be in and on a guest of
 * each tier: done, or an error that says what is in the way. Tables, which the documents repeat.
 */
#include "states-fixture.h"
#include "virsh-fixture.h"

#include "vh-watch.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* No command takes as long: it would have been killed. One that waits for QEMU is, sooner. */
#define BOUND_S "100"
#define STUCK_S "2"
#define KILLED (-1)
/* 2, or 1 of virsh, as of all its commands. */
#define USAGE (-2)

/* Nothing is asked or switched but by hand. */
#define POLICY                                                                       \
    "{\"version\": 1, \"interval\": \"1s\", \"monitor\": \"allow\",\n"               \
    " \"defaults\": {\"stats_period\": \"1s\"},\n"                                   \
    " \"pool\": {\"source\": \"budget\", \"budget\": \"64GiB\"},\n"                  \
    " \"classes\": {\"batch\": {\"cooldown\": \"1s\", \"reporting\": \"leave\"}},\n" \
    " \"match\": [{\"name\": \"*\", \"class\": \"batch\"}]}\n"

static States states;

/* Who carries it out: virthint, and hint- commands through the dispatcher. */
typedef enum {
    DAEMON = 1 << 0,
    LOCAL = 1 << 1,
    VIRSH_DAEMON = 1 << 2,
    VIRSH = 1 << 3,
    BOTH = DAEMON | LOCAL,
    ALL = BOTH | VIRSH_DAEMON | VIRSH,
} Front;

static const struct {
    Front front;
    const char *name;
} fronts[] = {
    {DAEMON, "virthint, daemon"},
    {LOCAL, "virthint"},
    {VIRSH_DAEMON, "virsh, daemon"},
    {VIRSH, "virsh"},
};

/* What a cell's word stands for. */
static const struct {
    const char *word;
    int status;
    const char *says; /* in what it prints, on stdout or stderr */
} cells[] = {
    {"ok", 0, ""},
    {"none", 1, "event loop timed out"}, /* nothing happened */
    {"needs", 1, "needs virthintd"},
    {"idle", 1, "no reporting pass is running"},
    {"paused", 1, "the guest is paused: resume it first"},
    {"off", 1, "it does not run"},
    {"empty", 1, "the guest does not run, so that it holds nothing"},
    {"job", 1, "a migration of the domain is under way"},
    {"hung", 1, "its QEMU or libvirt hangs"},
    {"late", 1, "timed-out"},
    {"silent", 1, "its QEMU does not answer"},
    {"reads", USAGE, "leave --readonly"},
    {"bare", 1, "balloon"},     /* it has none */
    {"stock", 1, "this QEMU"},  /* knows no such commands */
    {"passes", 1, "no passes"}, /* its device takes none */
    {"driver", 1, "driver does not know reporting passes"},
    {"waits", KILLED, ""},
    {"-", 0, NULL}, /* not tried */
};

/* In the order of the columns: running paused off migrating hung read-only none pulse soft. */
static const struct {
    const char *command; /* DOMAIN stands for the domain */
    guint fronts;
    const char *row;
} commands[] = {
    {"list --all", ALL, "ok ok ok ok ok ok ok ok ok"},
    {"info DOMAIN", ALL, "ok ok ok ok ok ok ok ok ok"},
    {"policy DOMAIN", ALL, "ok ok ok ok ok ok ok ok ok"},
    {"policy DOMAIN --set weight=7 --current", ALL, "ok ok ok job - reads ok ok ok"},
    {"policy DOMAIN --clear", ALL, "ok ok ok job - reads ok ok ok"},
    {"events DOMAIN --timeout 100ms", ALL, "none none none none none none none none none"},
    {"enable DOMAIN", BOTH, "ok ok ok ok ok ok ok ok ok"},
    {"explain DOMAIN", DAEMON | VIRSH_DAEMON, "ok ok ok ok ok ok ok ok ok"},
    {"explain DOMAIN", VIRSH, "needs needs needs needs needs needs needs needs needs"},
    {"plan", DAEMON | VIRSH_DAEMON, "ok ok ok ok ok ok ok ok ok"},
    {"plan", VIRSH, "needs needs needs needs needs needs needs needs needs"},
    {"info DOMAIN --monitor", ALL, "ok ok ok ok - reads ok ok ok"},
    {"reporting DOMAIN", ALL, "ok ok off ok - reads bare stock ok"},
    {"reporting DOMAIN off", ALL, "ok ok off job - reads bare stock ok"},
    {"reporting DOMAIN on", ALL, "ok ok off job - reads bare stock ok"},
    {"ask DOMAIN --bytes 16MiB --deadline 4s --wait", ALL,
     "ok paused empty job - reads bare ok ok"},
    {"ask DOMAIN --granule 2MiB --deadline 4s --wait", ALL,
     "ok paused empty job - reads bare stock driver"},
    {"ask DOMAIN --cancel", ALL, "idle idle off idle - reads bare passes driver"},
    /* Once each, as they hold up one thread of libvirtd each as long as QEMU hangs. */
    {"ask DOMAIN --bytes 16MiB --deadline 4s --wait", BOTH, "- - - - silent - - - -"},
    {"ask DOMAIN --bytes 16MiB --deadline 4s --wait", VIRSH, "- - - - late - - - -"},
    {"policy DOMAIN --set weight=7 --live", LOCAL, "- - - - waits - - - -"},
    {"info DOMAIN --monitor", DAEMON, "- - - - waits - - - -"},
    {"ask DOMAIN --cancel", VIRSH, "- - - - waits - - - -"},
    {"reporting DOMAIN", LOCAL, "- - - - hung - - - -"},
};

/* ---- One command ---- */

static void add_words(GPtrArray *argv, const char *command, const char *prefix, const char *domain)
{
    g_auto(GStrv) words = g_strsplit(command, " ", -1);

    for (guint i = 0; words[i]; i++) {
        if (i == 0)
            g_ptr_array_add(argv, g_strconcat(prefix, words[i], NULL));
        else
            g_ptr_array_add(argv, g_strdup(g_str_equal(words[i], "DOMAIN") ? domain : words[i]));
    }
    g_ptr_array_add(argv, NULL);
}

static GPtrArray *argv_of(Front front, State state, const char *command, const char *bound_s)
{
    gboolean is_virsh = front == VIRSH_DAEMON || front == VIRSH;
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    const char *const head[] = {"timeout", "--signal=KILL", bound_s,
                                is_virsh ? "virsh" : virsh_fixture_variable("VIRTHINT")};

    for (guint i = 0; i < G_N_ELEMENTS(head); i++)
        g_ptr_array_add(argv, g_strdup(head[i]));
    g_ptr_array_add(argv, g_strdup("-c"));
    g_ptr_array_add(argv, g_strdup(vh_lab_uri(states.daemon.lab)));
    if (state == STATE_READ_ONLY)
        g_ptr_array_add(argv, g_strdup("-r"));
    add_words(argv, command, is_virsh ? "hint-" : "", states_domain(state));
    return argv;
}

static VirshResult run(Front front, State state, const char *command, const char *bound_s)
{
    g_auto(GStrv) env =
        virsh_fixture_environment(&states.daemon, front == DAEMON || front == VIRSH_DAEMON);
    g_autoptr(GPtrArray) argv = argv_of(front, state, command, bound_s);
    g_autoptr(GError) error = NULL;
    VirshResult result = {0};
    int wait_status;

    g_spawn_sync(NULL, (char **)argv->pdata, env, G_SPAWN_SEARCH_PATH_FROM_ENVP, NULL, NULL,
                 &result.out, &result.err, &wait_status, &error);
    g_assert_no_error(error);
    result.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : KILLED;
    if (result.status == 128 + SIGKILL)
        result.status = KILLED;
    return result;
}

/* ---- The table ---- */

static gboolean is_as(const VirshResult *result, const char *word, int usage)
{
    for (guint i = 0; i < G_N_ELEMENTS(cells); i++) {
        if (g_str_equal(cells[i].word, word))
            return result->status == (cells[i].status == USAGE ? usage : cells[i].status) &&
                   (strstr(result->out, cells[i].says) || strstr(result->err, cells[i].says));
    }
    g_error("the table has a word of its own: %s", word);
}

static void check(guint index, guint front, State state, const char *word)
{
    gboolean waits = g_str_equal(word, "waits");
    g_auto(VirshResult) result =
        run(fronts[front].front, state, commands[index].command, waits ? STUCK_S : BOUND_S);

    g_test_message("%s, %s, %s: %d\n%s%s", fronts[front].name, commands[index].command,
                   states_name(state), result.status, result.out, result.err);
    if (is_as(&result, word, fronts[front].front & BOTH ? 2 : 1))
        return;
    g_printerr("%s, %s, %s: not \"%s\", but %d: %.400s%s\n", fronts[front].name,
               commands[index].command, states_name(state), word, result.status, result.out,
               result.err);
    g_test_fail();
}

/* The daemon has seen what its guest is like now. */
static gboolean has_seen(JsonObject *domain, gpointer data)
{
    State state = (State)GPOINTER_TO_INT(data);

    if (json_object_get_boolean_member(domain, "is_hung") != (state == STATE_HUNG) ||
        json_object_get_boolean_member(domain, "has_job") != (state == STATE_MIGRATING))
        return FALSE;
    return state == STATE_HUNG || json_object_get_boolean_member(domain, "is_running") ==
                                      (state != STATE_PAUSED && state != STATE_OFF);
}

/* All guests are there from the first test to the end. */
static gboolean begin(void)
{
    if (states.native)
        return TRUE;
    if (!states_set_up(&states))
        return FALSE;
    daemon_fixture_write_policy(&states.daemon, POLICY);
    daemon_fixture_start(&states.daemon, NULL);
    return TRUE;
}

static void end(void)
{
    if (!states.native)
        return;
    daemon_fixture_stop(&states.daemon);
    states_tear_down(&states);
}

static void test_commands(gconstpointer data)
{
    State state = (State)GPOINTER_TO_INT(data);

    if (!begin())
        return;
    states_enter(&states, state);
    daemon_fixture_await(&states.daemon, states_domain(state), has_seen, GINT_TO_POINTER(state));
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_auto(GStrv) row = states_split_row(commands[i].row);

        for (guint front = 0; front < G_N_ELEMENTS(fronts); front++) {
            if ((commands[i].fronts & fronts[front].front) && !g_str_equal(row[state], "-"))
                check(i, front, state, row[state]);
        }
    }
    states_leave(&states, state);
    if (state < STATE_READ_ONLY)
        daemon_fixture_await(&states.daemon, "native", has_seen, GINT_TO_POINTER(STATE_RUNNING));
}

static void test_calls(gconstpointer data)
{
    if (!begin())
        return;
    states_check_calls(&states, (State)GPOINTER_TO_INT(data));
}

static void add(const char *what, State state, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/states/%s/%s", what, states_name(state));

    g_test_add_data_func(path, GINT_TO_POINTER(state), test);
}

static gpointer loop(gpointer data)
{
    for (;;)
        g_main_context_iteration(NULL, TRUE);
    return NULL;
}

int main(int argc, char **argv)
{
    int status;

    vh_watch_init();
    g_test_init(&argc, &argv, NULL);
    g_thread_unref(g_thread_new("loop", loop, NULL));
    for (State state = 0; state < N_STATES; state++) {
        add("calls", state, test_calls);
        add("commands", state, test_commands);
    }
    status = g_test_run();
    end();
    return status;
}
