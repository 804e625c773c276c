/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The worker: executes programs of the workload language, one at a time, and keeps its regions
 * from one program to the next. It may be killed for lack of memory at any point; its parent
 * reports that.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_REGIONS 64
#define CHURN_CHUNKS 8
#define PAGE VH_WORKLOAD_PAGE_BYTES

typedef struct {
    int fd;
    Region regions[MAX_REGIONS];
    uint64_t seed;
    Tally tally;
    Text ranges;
    uint64_t started_us;
    uint32_t remaining[VH_WORKLOAD_MAX_OPS]; /* of each repeat */
    char error[512];
} Worker;

static bool fail(Worker *w, const VhWorkloadOp *op, const char *what)
{
    snprintf(w->error, sizeof(w->error), "line %u: %s%s%s: %.350s", op->line,
             vh_workload_kind_name(op->kind), op->name[0] ? " " : "", op->name, what);
    return false;
}

static Region *find_region(Worker *w, const char *name)
{
    for (size_t i = 0; i < MAX_REGIONS; i++) {
        if (w->regions[i].base && strcmp(w->regions[i].name, name) == 0)
            return &w->regions[i];
    }
    return NULL;
}

static Region *want_region(Worker *w, const VhWorkloadOp *op)
{
    Region *region = find_region(w, op->name);

    if (!region)
        fail(w, op, "there is no such region; alloc it first");
    return region;
}

/* The name is part of the seed: two regions of one program must not look alike. */
static uint64_t region_seed(const Worker *w, const char *name)
{
    uint64_t hash = w->seed;

    for (const char *c = name; *c; c++)
        hash = vh_workload_mix(hash, (unsigned char)*c);
    return hash;
}

static void sleep_us(uint64_t us)
{
    struct timespec left = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

static bool do_alloc(Worker *w, const VhWorkloadOp *op)
{
    Region *region = NULL;

    if (find_region(w, op->name))
        return fail(w, op, "there is such a region already; free it first");
    for (size_t i = 0; i < MAX_REGIONS && !region; i++) {
        if (!w->regions[i].base)
            region = &w->regions[i];
    }
    if (!region)
        return fail(w, op, "too many regions; free some first");
    if (!region_alloc(region, op->bytes / PAGE, op->thp, region_seed(w, op->name), &w->tally))
        return fail(w, op, "the guest's kernel refuses that much memory");
    memcpy(region->name, op->name, sizeof(region->name));
    return true;
}

static bool do_fragment(Worker *w, const VhWorkloadOp *op)
{
    VhWorkloadOp alloc = *op;

    if (alloc.thp == VH_WORKLOAD_THP_DEFAULT)
        alloc.thp = VH_WORKLOAD_THP_REFUSED;
    if (!do_alloc(w, &alloc))
        return false;
    region_thin(find_region(w, op->name), op->keep_bytes / PAGE, op->granule_bytes / PAGE);
    return true;
}

static bool do_verify(Worker *w, const VhWorkloadOp *op)
{
    Region *region = want_region(w, op);

    if (region)
        region_verify(region, &w->tally);
    return region != NULL;
}

static bool do_free(Worker *w, const VhWorkloadOp *op)
{
    Region *region = want_region(w, op);

    if (!region)
        return false;
    if (op->share_bp)
        region_shrink(region, region->mapped_pages * op->share_bp / 10000);
    else
        region_shrink(region, op->bytes ? op->bytes / PAGE : region->mapped_pages);
    return true;
}

static void retire(Worker *w, Region *chunk)
{
    if (!chunk->base)
        return;
    region_verify(chunk, &w->tally);
    w->tally.churned_bytes += chunk->mapped_pages * PAGE;
    region_free(chunk);
}

/*
 * A ring of chunks whose sizes vary from half to all of their share, so that the allocator sees
 * different orders; each chunk lives for one turn of the ring and is verified before it goes.
 */
static bool do_churn(Worker *w, const VhWorkloadOp *op)
{
    Region ring[CHURN_CHUNKS] = {0};
    uint64_t end = now_us() + op->duration_us, allocated = 0, start = now_us();
    size_t share = op->bytes / PAGE / CHURN_CHUNKS;

    if (share < 2)
        return fail(w, op, "too little to churn; 64KiB is the least");
    for (uint64_t turn = 0; now_us() < end; turn++) {
        Region *chunk = &ring[turn % CHURN_CHUNKS];
        uint64_t random = vh_workload_mix(w->seed, turn);
        size_t pages = share / 2 + random % (share - share / 2 + 1);

        retire(w, chunk);
        if (!region_alloc(chunk, pages, VH_WORKLOAD_THP_DEFAULT, random, &w->tally))
            sleep_us(10000);
        allocated += pages * PAGE;
        if (op->rate_bytes_per_s) {
            uint64_t due =
                start + (uint64_t)((double)allocated * 1e6 / (double)op->rate_bytes_per_s);
            uint64_t until = due < end ? due : end, now = now_us();

            if (now < until)
                sleep_us(until - now);
        }
    }
    for (size_t i = 0; i < CHURN_CHUNKS; i++)
        retire(w, &ring[i]);
    return true;
}

static bool do_cache(Worker *w, const VhWorkloadOp *op)
{
    char why[128];

    return cache_fill(op->bytes, &w->tally, why, sizeof(why)) || fail(w, op, why);
}

static bool do_dropcache(Worker *w, const VhWorkloadOp *op)
{
    return cache_drop() || fail(w, op, "the guest's kernel refuses");
}

static bool do_locate(Worker *w, const VhWorkloadOp *op)
{
    Region *region = want_region(w, op);

    if (!region)
        return false;
    if (!region_locate(region, op->bytes, &w->ranges))
        return fail(w, op, "cannot read /proc/self/pagemap");
    /* The other half is left to the rest of the report. */
    return (!w->ranges.cut && w->ranges.length < AGENT_MAX_REPORT_BYTES / 2) ||
           fail(w, op, "too many ranges to report; locate a smaller size");
}

static void send_progress(void *data);

static bool do_stress(Worker *w, const VhWorkloadOp *op)
{
    char why[400];

    return stress_run(op, w->seed, &w->tally, send_progress, w, &w->ranges, why, sizeof(why)) ||
           fail(w, op, why);
}

static void add_tally(const Worker *w, Text *text)
{
    const Tally *t = &w->tally;

    text_add(text, "elapsed_us %llu\n", (unsigned long long)(now_us() - w->started_us));
    text_add(text, "touched_pages %llu\n", (unsigned long long)t->touched_pages);
    text_add(text, "verified_pages %llu\n", (unsigned long long)t->verified_pages);
    text_add(text, "corrupt_pages %llu\n", (unsigned long long)t->corrupt_pages);
    text_add(text, "corrupt_bytes %llu\n", (unsigned long long)t->corrupt_bytes);
    text_add(text, "churned_bytes %llu\n", (unsigned long long)t->churned_bytes);
    text_add(text, "cached_bytes %llu\n", (unsigned long long)t->cached_bytes);
    text_add(text, "alloc_failures %llu\n", (unsigned long long)t->alloc_failures);
    text_add(text, "stall_max_us %llu\n", (unsigned long long)t->stall_max_us);
    for (size_t i = 0; i < MAX_REGIONS; i++) {
        if (w->regions[i].base)
            text_add(text, "region %s %llu\n", w->regions[i].name,
                     (unsigned long long)region_used_pages(&w->regions[i]) * PAGE);
    }
}

static bool send_report(Worker *w, FrameKind kind)
{
    Text text = {0};
    bool ok;

    text_add(&text, "status %s\n", w->error[0] ? "error" : "ok");
    if (w->error[0])
        text_add(&text, "error %s\n", w->error);
    report_guest(&text);
    add_tally(w, &text);
    if (!w->error[0] && w->ranges.length) {
        char *all = realloc(text.data, text.length + w->ranges.length + 1);

        if (all) {
            memcpy(all + text.length, w->ranges.data, w->ranges.length + 1);
            text.data = all;
            text.length += w->ranges.length;
        }
    }
    ok = text.data && frame_write(w->fd, kind, text.data, text.length);
    text_clear(&text);
    return ok;
}

static void send_progress(void *data)
{
    send_report(data, FRAME_INTERIM);
}

static bool do_report(Worker *w, const VhWorkloadOp *op)
{
    return send_report(w, FRAME_INTERIM) || fail(w, op, "cannot send it");
}

static bool (*const doers[VH_WORKLOAD_KINDS])(Worker *w, const VhWorkloadOp *op) = {
    [VH_WORKLOAD_ALLOC] = do_alloc,         [VH_WORKLOAD_VERIFY] = do_verify,
    [VH_WORKLOAD_FREE] = do_free,           [VH_WORKLOAD_FRAGMENT] = do_fragment,
    [VH_WORKLOAD_CHURN] = do_churn,         [VH_WORKLOAD_CACHE] = do_cache,
    [VH_WORKLOAD_DROPCACHE] = do_dropcache, [VH_WORKLOAD_LOCATE] = do_locate,
    [VH_WORKLOAD_REPORT] = do_report,       [VH_WORKLOAD_STRESS] = do_stress,
};

/* The operations that steer the program itself; *at moves on. */
static void steer(Worker *w, const VhWorkload *program, size_t *at)
{
    const VhWorkloadOp *op = &program->ops[*at];

    if (op->kind == VH_WORKLOAD_SEED)
        w->seed = op->value;
    if (op->kind == VH_WORKLOAD_WAIT)
        sleep_us(op->duration_us);
    if (op->kind == VH_WORKLOAD_REPEAT)
        w->remaining[*at] = (uint32_t)op->value;
    if (op->kind == VH_WORKLOAD_END && --w->remaining[op->match] > 0)
        *at = op->match;
    (*at)++;
}

static void run(Worker *w, const char *text, size_t length)
{
    VhWorkload program;

    w->started_us = now_us();
    w->tally = (Tally){0};
    w->error[0] = '\0';
    text_clear(&w->ranges);
    if (vh_workload_parse(text, length, &program, w->error, sizeof(w->error)) == 0) {
        for (size_t at = 0; at < program.count && !w->error[0];) {
            const VhWorkloadOp *op = &program.ops[at];

            if (!doers[op->kind])
                steer(w, &program, &at);
            else if (doers[op->kind](w, op))
                at++;
        }
    }
    vh_workload_clear(&program);
}

/* Where memory runs out the worker goes first, never PID 1. */
static void volunteer_for_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        io_write_all(fd, "1000", 4);
        close(fd);
    }
}

void worker_main(int fd)
{
    static Worker w;
    FrameHeader header;
    char *text;

    w.fd = fd;
    volunteer_for_oom();
    signal(AGENT_STOP_SIGNAL, SIG_IGN);
    while (frame_read(fd, &header, &text)) {
        run(&w, text, header.length);
        free(text);
        if (!send_report(&w, FRAME_REPORT))
            break;
    }
    _exit(0);
}
