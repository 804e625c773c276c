/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-switches.h: a thread for each switch, and the way back to the main loop. */
#include "vh-switches.h"
#include "vh-reporting.h"

struct VhSwitches {
    GPtrArray *watches;
    VhSwitchesEnded ended;
    gpointer data;
    GPtrArray *running; /* Job, borrowed */
};

/* The thread touches domain, is_on and error only, and those before the main loop does again. */
typedef struct {
    VhSwitches *switches; /* NULL: nobody wants to know any more */
    VhSwitched what;
    VhMonitorRule monitor;
    char *uri;
    char *name;
    virDomainPtr domain; /* NULL: it could not be found */
    GError *error;
} Job;

static void job_free(Job *job)
{
    if (job->domain)
        virDomainFree(job->domain);
    g_clear_error(&job->error);
    g_free(job->uri);
    g_free(job->name);
    g_free(job);
}

static gboolean end_job(gpointer data)
{
    Job *job = data;
    VhSwitches *switches = job->switches;

    if (switches) {
        g_ptr_array_remove_fast(switches->running, job);
        switches->ended(&job->what, job->error, switches->data);
    }
    job_free(job);
    return G_SOURCE_REMOVE;
}

static gpointer carry_out(gpointer data)
{
    Job *job = data;

    gboolean is_set = vh_reporting_set(job->domain, job->monitor, job->what.is_on, &job->error);
    g_assert(is_set == (job->error == NULL));
    g_idle_add(end_job, job);
    return NULL;
}

VhSwitches *vh_switches_new(GPtrArray *watches, VhSwitchesEnded ended, gpointer data)
{
    VhSwitches *switches = g_new0(VhSwitches, 1);

    switches->watches = watches;
    switches->ended = ended;
    switches->data = data;
    switches->running = g_ptr_array_new();
    return switches;
}

void vh_switches_free(VhSwitches *switches)
{
    if (!switches)
        return;
    for (guint i = 0; i < switches->running->len; i++)
        ((Job *)switches->running->pdata[i])->switches = NULL;
    g_ptr_array_unref(switches->running);
    g_free(switches);
}

static gboolean is_running(const VhSwitches *switches, const VhUuid *uuid)
{
    for (guint i = 0; i < switches->running->len; i++) {
        const Job *job = switches->running->pdata[i];
        if (vh_uuid_compare(&job->what.uuid, uuid) == 0)
            return TRUE;
    }
    return FALSE;
}

static virDomainPtr look_up(const VhSwitches *switches, const char *uri, const VhUuid *uuid,
                            GError **error)
{
    for (guint i = 0; i < switches->watches->len; i++) {
        VhWatch *watch = switches->watches->pdata[i];
        if (g_str_equal(vh_watch_uri(watch), uri))
            return vh_watch_lookup(watch, uuid, error);
    }
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no connection '%s' is watched", uri);
    return NULL;
}

void vh_switches_start(VhSwitches *switches, const VhDomain *domain, const VhToggle *toggle,
                       VhMonitorRule monitor)
{
    Job *job = g_new0(Job, 1);

    job->switches = switches;
    job->uri = g_strdup(domain->uri);
    job->name = g_strdup(domain->name);
    job->monitor = monitor;
    job->what = (VhSwitched){.uuid = domain->uuid,
                             .uri = job->uri,
                             .name = job->name,
                             .is_on = toggle->is_on,
                             .reason = toggle->reason};
    if (is_running(switches, &domain->uuid))
        g_set_error(&job->error, VH_ERROR, VH_ERROR_BUSY,
                    "its QEMU has not answered to the switch before this one");
    else
        job->domain = look_up(switches, domain->uri, &domain->uuid, &job->error);
    g_ptr_array_add(switches->running, job);
    if (job->domain)
        g_thread_unref(g_thread_new("vh-switch", carry_out, job));
    else
        g_idle_add(end_job, job);
}
