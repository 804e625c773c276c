/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-swapped.h: which process is whose, and how often what is read. */
#include "vh-swapped.h"
#include "vh-proc.h"
#include "vh-units.h"

#include <string.h>

/* Looking for QEMU processes reads every command line of the host: no more often than this. */
#define FIND_INTERVAL_US (30 * VH_SEC)

/* So is adding up what is swapped out of shared memory: no more often for one guest, and for one
 * guest at a time. */
#define SHARED_INTERVAL_US (30 * VH_SEC)

/* The QEMU process of a guest. */
typedef struct {
    pid_t pid;
    gint64 swapped_us; /* when what follows was read, of shared memory; 0: never */
    guint64 swapped_bytes;
} Qemu;

struct VhSwapped {
    char *proc_root;
    GHashTable *qemus; /* VhUuid to Qemu; NULL: never looked */
    gint64 found_us;
};

VhSwapped *vh_swapped_new(const char *proc_root)
{
    VhSwapped *swapped = g_new0(VhSwapped, 1);

    swapped->proc_root = g_strdup(proc_root);
    return swapped;
}

void vh_swapped_free(VhSwapped *swapped)
{
    if (!swapped)
        return;
    g_clear_pointer(&swapped->qemus, g_hash_table_unref);
    g_free(swapped->proc_root);
    g_free(swapped);
}

static void find_qemus(VhSwapped *swapped)
{
    g_autoptr(GHashTable) pids = vh_proc_find_qemus(swapped->proc_root);
    GHashTable *qemus = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, g_free);
    GHashTableIter iter;
    gpointer uuid, pid;

    g_hash_table_iter_init(&iter, pids);
    while (g_hash_table_iter_next(&iter, &uuid, &pid)) {
        const Qemu *before = swapped->qemus ? g_hash_table_lookup(swapped->qemus, uuid) : NULL;
        Qemu qemu = {.pid = GPOINTER_TO_INT(pid)};
        if (before && before->pid == qemu.pid)
            qemu = *before;
        g_hash_table_insert(qemus, g_memdup2(uuid, sizeof(VhUuid)), g_memdup2(&qemu, sizeof(qemu)));
    }
    g_clear_pointer(&swapped->qemus, g_hash_table_unref);
    swapped->qemus = qemus;
}

static Qemu *qemu_of(const VhSwapped *swapped, const VhDomain *domain)
{
    return domain->is_running ? g_hash_table_lookup(swapped->qemus, &domain->uuid) : NULL;
}

/* Whether the guests of a connection are processes of this host: it names no other one. */
static gboolean is_local(const char *uri)
{
    return uri[0] == '\0' || strstr(uri, ":///");
}

/* FALSE where the process is gone. */
static gboolean read_private(const VhSwapped *swapped, const Qemu *qemu, VhDomain *domain)
{
    if (!vh_proc_read_swapped(swapped->proc_root, qemu->pid, &domain->swapped_bytes))
        return FALSE;
    domain->figures |= VH_HAS_SWAPPED;
    return TRUE;
}

/* FALSE where the process is gone. */
static gboolean read_shared(const VhSwapped *swapped, gint64 now_us, gboolean is_its_turn,
                            Qemu *qemu, VhDomain *domain)
{
    if (is_its_turn) {
        if (!vh_proc_read_swapped_shared(swapped->proc_root, qemu->pid, &qemu->swapped_bytes))
            return FALSE;
        qemu->swapped_us = now_us;
    }
    if (qemu->swapped_us != 0) {
        domain->swapped_bytes = qemu->swapped_bytes;
        domain->figures |= VH_HAS_SWAPPED;
    }
    return TRUE;
}

static gboolean is_shared(const VhDomain *domain)
{
    return (domain->facts & VH_FACT_SHARED_MEMORY) != 0;
}

/* Whether somebody else's swap, or a file, holds what is not resident. */
static gboolean is_beyond_reach(const VhDomain *domain)
{
    return !is_local(domain->uri) ||
           (is_shared(domain) && domain->tier_reasons & VH_TIER_REASON_FILE_BACKED);
}

/* Looks for processes where there may be some that are not known. Frees those that were. */
static void refresh(VhSwapped *swapped, const VhSnapshot *snapshot)
{
    gboolean misses_some = swapped->qemus == NULL;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot) && !misses_some; i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        misses_some = domain->is_running && !is_beyond_reach(domain) && !qemu_of(swapped, domain);
    }
    if (swapped->qemus && (!misses_some || snapshot->now_us - swapped->found_us < FIND_INTERVAL_US))
        return;
    find_qemus(swapped);
    swapped->found_us = snapshot->now_us;
}

/* Of those whose shared memory is to be added up, the one that was so the longest ago; NULL:
 * nobody. Not of a QEMU that hangs: the kernel's walk waits for a lock that it may hold. */
static const Qemu *next_to_walk(const VhSwapped *swapped, const VhSnapshot *snapshot)
{
    const Qemu *next = NULL;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        const Qemu *qemu = qemu_of(swapped, domain);
        if (!qemu || domain->is_hung || !is_shared(domain) || is_beyond_reach(domain))
            continue;
        if (!next || qemu->swapped_us < next->swapped_us)
            next = qemu;
    }
    return next && (next->swapped_us == 0 ||
                    snapshot->now_us - next->swapped_us >= SHARED_INTERVAL_US)
               ? next
               : NULL;
}

/* FALSE where its process is gone. */
static gboolean read_guest(const VhSwapped *swapped, gint64 now_us, gboolean is_its_turn,
                           Qemu *qemu, VhDomain *domain)
{
    return is_shared(domain) ? read_shared(swapped, now_us, is_its_turn, qemu, domain)
                             : read_private(swapped, qemu, domain);
}

void vh_swapped_fill(VhSwapped *swapped, VhSnapshot *snapshot, gboolean host_has_swap)
{
    const Qemu *walked = NULL;

    if (host_has_swap) {
        refresh(swapped, snapshot);
        walked = next_to_walk(swapped, snapshot);
    }
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        VhDomain *domain = &g_array_index(snapshot->domains, VhDomain, i);

        if (is_beyond_reach(domain))
            continue;
        if (!host_has_swap) {
            domain->figures |= VH_HAS_SWAPPED;
            continue;
        }
        Qemu *qemu = qemu_of(swapped, domain);
        if (qemu && !read_guest(swapped, snapshot->now_us, qemu == walked, qemu, domain))
            g_hash_table_remove(swapped->qemus, &domain->uuid);
    }
}
