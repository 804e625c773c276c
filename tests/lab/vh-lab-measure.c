/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What guests and the host use, read from /proc; and waiting till it may be read. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "vh-lab-private.h"
#include "vh-units.h"

#define SETTLE_POLL_US 100000
#define STATS_POLL_US 100000

typedef struct {
    const char *field; /* with its colon */
    guint64 *value;    /* bytes */
} Field;

/* Lines of "Field:   123 kB"; a field that is not there stays as it is. */
static gboolean read_fields(const char *path, const Field *fields, guint n, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "%s: cannot be read", path);
        return FALSE;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        for (guint i = 0; i < n; i++) {
            if (g_str_has_prefix(*line, fields[i].field))
                *fields[i].value =
                    g_ascii_strtoull(*line + strlen(fields[i].field), NULL, 10) * VH_KIB;
        }
    }
    return TRUE;
}

/* The sum of "count: N", in pages, over the zones and CPUs. */
static gboolean read_per_cpu(guint64 *ret_bytes, GError **error)
{
    g_autofree char *text = NULL;
    guint64 pages = 0;

    if (!g_file_get_contents("/proc/zoneinfo", &text, NULL, error))
        return FALSE;
    for (const char *at = strstr(text, " count:"); at; at = strstr(at + 1, " count:"))
        pages += g_ascii_strtoull(at + strlen(" count:"), NULL, 10);
    *ret_bytes = pages * (guint64)sysconf(_SC_PAGESIZE);
    return TRUE;
}

gboolean vh_lab_host_memory(VhLabHostMemory *ret_memory, GError **error)
{
    VhLabHostMemory memory = {0};
    const Field fields[] = {
        {"MemTotal:", &memory.total_bytes},
        {"MemFree:", &memory.free_bytes},
        {"MemAvailable:", &memory.available_bytes},
        {"Cached:", &memory.cached_bytes},
    };

    if (!read_fields("/proc/meminfo", fields, G_N_ELEMENTS(fields), error) ||
        !read_per_cpu(&memory.per_cpu_bytes, error))
        return FALSE;
    *ret_memory = memory;
    return TRUE;
}

gboolean vh_lab_guest_memory(const VhLabGuest *guest, VhLabGuestMemory *ret_memory, GError **error)
{
    g_autofree char *rollup = g_strdup_printf("/proc/%d/smaps_rollup", (int)guest->pid);
    g_autofree char *status = g_strdup_printf("/proc/%d/status", (int)guest->pid);
    VhLabGuestMemory memory = {0};
    const Field of_rollup[] = {
        {"Rss:", &memory.resident_bytes},
        {"Anonymous:", &memory.anonymous_bytes},
        {"Pss_Shmem:", &memory.shmem_bytes},
    };
    const Field of_status[] = {{"VmRSS:", &memory.vm_rss_bytes}};

    if (!read_fields(rollup, of_rollup, G_N_ELEMENTS(of_rollup), error) ||
        !read_fields(status, of_status, G_N_ELEMENTS(of_status), error)) {
        g_prefix_error(error, "guest '%s': ", guest->name);
        return FALSE;
    }
    *ret_memory = memory;
    return TRUE;
}

guint64 vh_lab_guest_rss_bytes(const VhLabGuest *guest)
{
    VhLabGuestMemory memory;

    return vh_lab_guest_memory(guest, &memory, NULL) ? memory.anonymous_bytes + memory.shmem_bytes
                                                     : 0;
}

gint64 vh_lab_guest_cpu_us(const VhLabGuest *guest)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(guest->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (gint64)t.tv_sec * VH_SEC + t.tv_nsec / 1000;
}

static gboolean last_update(virDomainPtr domain, guint64 *ret_seconds)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);

    for (int i = 0; i < n; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE) {
            *ret_seconds = stats[i].val;
            return TRUE;
        }
    }
    return FALSE;
}

/* libvirt leaves the stats element out where no period is set. */
static gboolean ensure_period(VhLabGuest *guest, virDomainPtr domain, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    gboolean has_period = xml && strstr(xml, "<stats period=");

    free(xml);
    if (!has_period && virDomainSetMemoryStatsPeriod(domain, 1, VIR_DOMAIN_AFFECT_LIVE) < 0) {
        vh_lab_set_libvirt_error(error, guest->name);
        return FALSE;
    }
    return TRUE;
}

gboolean vh_lab_guest_wait_fresh_stats(VhLabGuest *guest, guint timeout_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * VH_MS;
    guint64 now_s = (guint64)(g_get_real_time() / VH_SEC), updated = 0;
    virDomainPtr domain = vh_lab_guest_domain(guest, error);
    gboolean ok = domain && ensure_period(guest, domain, error);

    /* Whole seconds: only a later second is surely after now. */
    while (ok && !(last_update(domain, &updated) && updated > now_s)) {
        if (g_get_monotonic_time() > deadline) {
            g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT,
                        "guest '%s': makes no balloon statistics", guest->name);
            ok = FALSE;
        } else {
            g_usleep(STATS_POLL_US);
        }
    }
    if (domain)
        virDomainFree(domain);
    return ok;
}

gboolean vh_lab_guest_settle(VhLabGuest *guest, guint64 slack_bytes, guint quiet_ms,
                             guint timeout_ms, guint64 *ret_bytes, GError **error)
{
    gint64 now = g_get_monotonic_time(), deadline = now + (gint64)timeout_ms * VH_MS, since = now;
    guint64 bytes = vh_lab_guest_rss_bytes(guest), low = bytes, high = bytes;

    while (now - since < (gint64)quiet_ms * VH_MS) {
        if (now > deadline || bytes == 0) {
            g_set_error(error, VH_ERROR, bytes ? VH_ERROR_TIMEOUT : VH_ERROR_GONE, "guest '%s': %s",
                        guest->name, bytes ? "its memory does not settle" : "has ended");
            return FALSE;
        }
        g_usleep(SETTLE_POLL_US);
        bytes = vh_lab_guest_rss_bytes(guest);
        now = g_get_monotonic_time();
        low = MIN(low, bytes);
        high = MAX(high, bytes);
        if (high - low > slack_bytes) {
            low = high = bytes;
            since = now;
        }
    }
    if (ret_bytes)
        *ret_bytes = bytes;
    return TRUE;
}
