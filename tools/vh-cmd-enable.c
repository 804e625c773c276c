/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable: shows, and with --apply makes, the change of a domain's definition that a tier takes. */
#include "vh-cmd-enable.h"

#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-emulator-check.h"
#include "vh-enable.h"
#include "vh-job.h"
#include "vh-table.h"
#include "vh-target.h"
#include "vh-units.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A QEMU that does not answer may do so for ever. */
#define LIMIT_US (30 * VH_SEC)

static const char *const tiers[] = {"pulse", "soft", "native", NULL};

/* What is to be done on a thread of its own, as each call into libvirt may block. */
typedef struct {
    VhTarget *target;
    VhTier tier;
    char *emulator;
    gint64 period_us;
    gboolean is_applied;
} Order;

/* What came of it. */
typedef struct {
    VhEnablePlan *plan; /* without passwords */
    char *name;
    char *uri;
    char uuid[VH_UUID_TEXT];
    gboolean is_persistent;
    gboolean is_saved;   /* it would start from a saved image, with the devices of that */
    gboolean is_applied; /* what was to be defined is */
    char *unchecked;     /* why the emulator was not looked at; NULL: it was, or there is none */
} Outcome;

static void order_free(gpointer data)
{
    Order *order = data;

    vh_target_free(order->target);
    g_free(order->emulator);
    g_free(order);
}

static void outcome_free(gpointer data)
{
    Outcome *outcome = data;

    vh_enable_plan_free(outcome->plan);
    g_free(outcome->name);
    g_free(outcome->uri);
    g_free(outcome->unchecked);
    g_free(outcome);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outcome, outcome_free)

/* Whether --apply has anything to do. */
static gboolean has_work(const VhEnablePlan *plan)
{
    return plan->has_definition || plan->live_period_s != 0;
}

/* ---- On the thread ---- */

static gboolean check_emulator(virDomainPtr domain, const Order *order, Outcome *outcome,
                               GError **error)
{
    VhEmulatorCheck check;

    if (!order->emulator || !g_path_is_absolute(order->emulator))
        return TRUE; /* what is wrong with it the plan says */
    if (!vh_libvirt_is_local(virDomainGetConnect(domain))) {
        outcome->unchecked = g_strdup("it is on another host");
        return TRUE;
    }
    return vh_emulator_check(order->emulator, &check, &outcome->unchecked, error);
}

static gboolean apply(virDomainPtr domain, const VhEnableWish *wish, Outcome *outcome,
                      GError **error)
{
    g_autoptr(VhEnablePlan) done = NULL;

    if (!has_work(outcome->plan))
        return TRUE;
    done = vh_enable_apply(domain, wish, error);
    outcome->is_applied = done != NULL;
    return outcome->is_applied;
}

static gboolean carry_out(virDomainPtr domain, const Order *order, Outcome *outcome, GError **error)
{
    const VhEnableWish wish = {
        .tier = order->tier, .emulator = order->emulator, .stats_period_us = order->period_us};
    VhUuid uuid = vh_libvirt_uuid(domain);

    vh_uuid_format(&uuid, outcome->uuid);
    outcome->name = g_strdup(virDomainGetName(domain));
    outcome->is_persistent = virDomainIsPersistent(domain) == 1;
    outcome->is_saved = virDomainHasManagedSaveImage(domain, 0) == 1;
    virResetLastError();
    if (!check_emulator(domain, order, outcome, error))
        return FALSE;
    outcome->plan = vh_enable_plan_domain(domain, &wish, error);
    return outcome->plan && (!order->is_applied || apply(domain, &wish, outcome, error));
}

static gpointer run_order(gpointer data, GError **error)
{
    Order *order = data;
    g_autoptr(Outcome) outcome = g_new0(Outcome, 1);
    g_autoptr(virDomain) domain = vh_target_find(order->target, &outcome->uri, error);

    if (!domain)
        return NULL;
    if (!carry_out(domain, order, outcome, error)) {
        g_prefix_error(error, "domain '%s': ", virDomainGetName(domain));
        return NULL;
    }
    return g_steal_pointer(&outcome);
}

/* ---- What it looks like ---- */

/* By diff(1), since people know how to read that; NULL where there is no such program. */
static char *diff_of(const Outcome *outcome)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                  G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autoptr(GSubprocess) process = NULL;
    gsize n_bytes = strlen(outcome->plan->before);
    char *text = NULL;
    int fd;

    if (!outcome->plan->has_definition)
        return g_strdup("");
    fd = memfd_create("definition", MFD_CLOEXEC);
    if (fd < 0 || write(fd, outcome->plan->before, n_bytes) != (gssize)n_bytes ||
        lseek(fd, 0, SEEK_SET) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    g_subprocess_launcher_take_fd(launcher, fd, 3);
    process = g_subprocess_launcher_spawn(
        launcher, NULL, "diff", "-u", "--label", outcome->is_applied ? "as it was" : "as it is",
        "--label", outcome->is_applied ? "as it is" : "as it would be", "/dev/fd/3", "-", NULL);
    if (!process ||
        !g_subprocess_communicate_utf8(process, outcome->plan->after, NULL, &text, NULL, NULL))
        return NULL;
    return text;
}

static GVariant *changes_of(const VhEnablePlan *plan)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < plan->changes->len; i++) {
        const VhEnableChange *change = g_ptr_array_index(plan->changes, i);

        g_variant_builder_open(&list, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&list, "{sv}", "what", g_variant_new_string(change->what));
        if (change->from)
            g_variant_builder_add(&list, "{sv}", "from", g_variant_new_string(change->from));
        g_variant_builder_add(&list, "{sv}", "to", g_variant_new_string(change->to));
        g_variant_builder_add(&list, "{sv}", "when",
                              g_variant_new_string(change->is_now ? "now" : "next-boot"));
        g_variant_builder_add(&list, "{sv}", "is_defined",
                              g_variant_new_boolean(change->is_defined));
        g_variant_builder_add(&list, "{sv}", "why", g_variant_new_string(change->why));
        g_variant_builder_close(&list);
    }
    return g_variant_builder_end(&list);
}

static GVariant *document_of(const Order *order, const Outcome *outcome, const char *diff)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&doc, "{sv}", "name", g_variant_new_string(outcome->name));
    g_variant_builder_add(&doc, "{sv}", "uuid", g_variant_new_string(outcome->uuid));
    g_variant_builder_add(&doc, "{sv}", "uri", g_variant_new_string(outcome->uri));
    g_variant_builder_add(&doc, "{sv}", "tier", g_variant_new_string(vh_tier_name(order->tier)));
    g_variant_builder_add(&doc, "{sv}", "is_running",
                          g_variant_new_boolean(outcome->plan->is_running));
    g_variant_builder_add(&doc, "{sv}", "is_persistent",
                          g_variant_new_boolean(outcome->is_persistent));
    g_variant_builder_add(&doc, "{sv}", "is_applied", g_variant_new_boolean(outcome->is_applied));
    g_variant_builder_add(&doc, "{sv}", "changes", changes_of(outcome->plan));
    if (diff)
        g_variant_builder_add(&doc, "{sv}", "diff", g_variant_new_string(diff));
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static char *cell_when(const VhContext *context, GVariant *row)
{
    gboolean is_now = g_str_equal(vh_doc_text(row, "when"), "now");

    if (vh_doc_flag(row, "is_defined"))
        return g_strdup(is_now ? "now" : "next boot (defined)");
    return g_strdup(is_now ? "now" : "next boot");
}

static const VhTableColumn columns[] = {
    {"Change", .key = "what"},
    {"From", .key = "from", .may_cut = TRUE},
    {"To", .key = "to", .may_cut = TRUE},
    {"Takes effect", .cell = cell_when},
    {"Because", .key = "why", .may_cut = TRUE},
};

/* What is not in the table, but decides whether the guest will be of that tier. */
static void add_notices(VhContext *context, const Order *order, const Outcome *outcome)
{
    if (outcome->unchecked)
        vh_context_notice(context, "the emulator: %s", outcome->unchecked);
    if (!outcome->is_persistent)
        vh_context_notice(context, "%s is transient: whoever creates it has to make the change",
                          outcome->name);
    if (outcome->is_saved)
        vh_context_notice(context,
                          "%s has a saved state, and will start from that, with its devices as "
                          "they were",
                          outcome->name);
    if (order->tier == VH_TIER_NATIVE)
        vh_context_notice(context, "tier native also takes virthint's balloon driver in the guest; "
                                   "with a stock one it is of tier soft");
    if (order->tier >= VH_TIER_SOFT)
        vh_context_notice(context, "the tier is found out where the policy says \"monitor\": "
                                   "\"allow\"; else the guest is treated as one of tier pulse");
}

/* What waits for the guest to be started: "autodeflate, reporting"; "" for nothing. */
static char *waiting_of(const VhEnablePlan *plan)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (guint i = 0; i < plan->changes->len; i++) {
        const VhEnableChange *change = g_ptr_array_index(plan->changes, i);

        if (!change->is_now)
            g_ptr_array_add(words, (gpointer)change->what);
    }
    g_ptr_array_add(words, NULL);
    return g_strjoinv(", ", (char **)words->pdata);
}

static void say_verdict(VhContext *context, const Order *order, const Outcome *outcome)
{
    const VhEnablePlan *plan = outcome->plan;
    const char *tier = vh_tier_name(order->tier);
    g_autofree char *waiting = waiting_of(plan);

    if (has_work(plan) && !outcome->is_applied)
        vh_context_print(context,
                         "%s: this is what tier %s takes; nothing was changed: --apply does it\n",
                         outcome->name, tier);
    else if (plan->changes->len == 0)
        vh_context_print(context, "%s: it has all that tier %s takes; there is nothing to do\n",
                         outcome->name, tier);
    else if (!plan->is_running)
        vh_context_print(context,
                         "%s: its definition has all that tier %s takes, from its next "
                         "start on\n",
                         outcome->name, tier);
    else if (*waiting == '\0')
        vh_context_print(context, "%s: it now has all that tier %s takes\n", outcome->name, tier);
    else
        vh_context_print(context,
                         "%s: its definition has all that tier %s takes; what waits until the "
                         "guest is shut down and started again (to reboot it is not enough): %s\n",
                         outcome->name, tier, waiting);
}

static VhExit show(VhContext *context, const Order *order, const Outcome *outcome)
{
    g_autofree char *diff = diff_of(outcome);
    g_autoptr(GVariant) doc = document_of(order, outcome, diff);
    g_autoptr(GVariant) changes = vh_doc_list(doc, "changes");
    g_autofree char *table = NULL;

    add_notices(context, order, outcome);
    if (vh_context_json(context, doc))
        return VH_EXIT_OK;
    table = outcome->plan->changes->len > 0
                ? vh_table_format(context, columns, G_N_ELEMENTS(columns), changes)
                : g_strdup("");
    if (vh_context_flag(context, "raw")) {
        vh_context_print(context, "%s", table);
        return VH_EXIT_OK;
    }
    if (!diff)
        vh_context_notice(context, "there is no program 'diff' to show the change with");
    else if (*diff)
        vh_context_print(context, "%s\n", diff);
    vh_context_print(context, "%s%s", table, *table ? "\n" : "");
    say_verdict(context, order, outcome);
    return VH_EXIT_OK;
}

/* ---- The command ---- */

static gboolean tier_of(const char *word, VhTier *ret_tier)
{
    for (guint i = 0; tiers[i]; i++) {
        if (g_strcmp0(word, tiers[i]) == 0) {
            *ret_tier = (VhTier)(VH_TIER_PULSE + i);
            return TRUE;
        }
    }
    return FALSE;
}

static VhBackendRequest request_of(const VhContext *context)
{
    return (VhBackendRequest){
        .connection = context->program->connection,
        .uris = (const char *const *)vh_context_value(context, "connect")->texts,
    };
}

static Order *read_order(VhContext *context)
{
    const VhValue *tier_value = vh_context_value(context, "tier");
    const VhBackendRequest request = request_of(context);
    VhTier tier = VH_TIER_PULSE;
    gboolean is_applied = vh_context_flag(context, "apply");
    Order *order;

    if (tier_value->is_set && !tier_of(tier_value->text, &tier)) {
        vh_context_say(context, "--tier: '%s' is none; right would be pulse, soft or native",
                       tier_value->text);
        return NULL;
    }
    if (is_applied && vh_context_flag(context, "readonly")) {
        vh_context_say(context, "--apply changes the definition; leave --readonly out");
        return NULL;
    }
    order = g_new0(Order, 1);
    order->target = vh_target_new(&request, vh_context_operand(context, 0), is_applied);
    order->tier = tier;
    order->emulator = g_strdup(vh_context_value(context, "emulator")->text);
    order->period_us = vh_context_value(context, "period")->us;
    order->is_applied = is_applied;
    return order;
}

/* The definition comes first: whether that was made can be seen, and no QEMU is needed for it. */
static GError *explain_timeout(VhContext *context, GError *error)
{
    const VhBackendRequest request = request_of(context);
    g_autoptr(Outcome) outcome = NULL;
    Order *look = g_new0(Order, 1);

    look->target = vh_target_new(&request, vh_context_operand(context, 0), FALSE);
    look->tier = VH_TIER_PULSE;
    outcome = vh_job_run(run_order, look, order_free, outcome_free, LIMIT_US,
                         context->program->cancel, NULL);
    if (!outcome || outcome->plan->has_definition)
        return error;
    g_error_free(error);
    return g_error_new(VH_ERROR, VH_ERROR_TIMEOUT,
                       "domain '%s': its definition has all that it takes now, but the stats "
                       "period of the running guest is not set: its QEMU does not answer",
                       outcome->name);
}

static VhExit run_enable(VhContext *context)
{
    Order *order = read_order(context);
    GError *error = NULL;

    if (!order)
        return VH_EXIT_USAGE;
    vh_libvirt_init();
    const Order shown = {.tier = order->tier, .is_applied = order->is_applied};
    g_autoptr(Outcome) outcome = vh_job_run(run_order, order, order_free, outcome_free, LIMIT_US,
                                            context->program->cancel, &error);
    if (outcome)
        return show(context, &shown, outcome);
    if (shown.is_applied && g_error_matches(error, VH_ERROR, VH_ERROR_TIMEOUT))
        error = explain_timeout(context, error);
    return vh_context_fail(context, error);
}

static const VhOption enable_options[] = {
    {"tier",
     't',
     VH_OPTION_TEXT,
     "TIER",
     "pulse, soft or native; default: pulse",
     {VH_WORDS_LIST, tiers}},
    {"emulator",
     'e',
     VH_OPTION_TEXT,
     "PATH",
     "the patched QEMU, for soft and native",
     {VH_WORDS_FILES}},
    {"period", 'p', VH_OPTION_DURATION, "DURATION", "the stats period where there is none (5s)"},
    {"apply", 'a', VH_OPTION_FLAG, NULL, "make the change"},
    {NULL},
};

static const VhOperand enable_operands[] = {
    {"domain", VH_OPERAND_DOMAIN_HELP, VH_OPERAND_REQUIRED, {VH_WORDS_DOMAINS}},
    {NULL},
};

const VhCommand vh_cmd_enable = {
    .name = "enable",
    .operands = enable_operands,
    .summary = "show or make what a guest needs to be asked",
    .description = "Shows what the domain's definition lacks for a tier: the balloon,\n"
                   "autodeflate, a stats period, and for soft and native page reporting, a\n"
                   "patched QEMU and its property. It says what takes effect at once and what\n"
                   "at the next start. With --apply libvirt defines it so, and a running guest\n"
                   "gets its stats period at once. What is there already stays, also where it\n"
                   "is more. It works over an own libvirt connection, whether or not the daemon\n"
                   "runs.",
    .access = VH_ACCESS_NONE,
    .options = enable_options,
    .run = run_enable,
};
