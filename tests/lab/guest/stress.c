/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stress's threads, and what they do with memory of their own. */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE VH_WORKLOAD_PAGE_BYTES
#define HUGE_PAGES 512u
#define MAX_HUGE_BLOCKS 8
#define MAX_PAUSE_US 30000
#define PROGRESS_US 1000000
#define STACK_BYTES (256u << 10)

static atomic_bool stop_asked;

static void take_signal(int sig)
{
    atomic_store(&stop_asked, true);
}

/* The host's clock goes on where the guest's stands still, as in a migration: so the host may end a
 * stress before its time is over. */
static void heed_signal(bool heed)
{
    struct sigaction action = {.sa_handler = heed ? take_signal : SIG_IGN, .sa_flags = SA_RESTART};

    atomic_store(&stop_asked, false);
    sigaction(AGENT_STOP_SIGNAL, &action, NULL);
}

uint64_t stress_draw(StressThread *t, uint64_t n)
{
    return vh_workload_mix(t->seed, t->drawn++) % n;
}

void stress_found(Stress *stress, const char *format, ...)
{
    va_list args;

    if (!atomic_flag_test_and_set(&stress->has_found)) {
        va_start(args, format);
        vsnprintf(stress->found, STRESS_FOUND_BYTES, format, args);
        va_end(args);
    }
    atomic_store(&stress->stop, true);
}

bool stress_verify(StressThread *t, const Region *region, const char *when)
{
    uint64_t before = t->tally.corrupt_bytes;
    char where[200];

    region_verify(region, &t->tally);
    if (t->tally.corrupt_bytes == before)
        return true;
    region_describe_bad(region, where, sizeof(where));
    stress_found(t->stress, "thread %u, %s: %llu bytes corrupted, %s", t->number, when,
                 (unsigned long long)(t->tally.corrupt_bytes - before), where);
    return false;
}

static size_t used_pages(const StressThread *t)
{
    size_t pages = 0;

    for (size_t i = 0; i < STRESS_MAX_REGIONS; i++)
        pages += t->regions[i].base ? t->regions[i].mapped_pages : 0;
    return pages;
}

/* One that is there; NULL where there is none. */
static Region *draw_region(StressThread *t)
{
    size_t first = (size_t)stress_draw(t, STRESS_MAX_REGIONS);

    for (size_t i = 0; i < STRESS_MAX_REGIONS; i++) {
        Region *region = &t->regions[(first + i) % STRESS_MAX_REGIONS];

        if (region->base)
            return region;
    }
    return NULL;
}

static uint64_t draw_seed(StressThread *t)
{
    return vh_workload_mix(t->seed ^ 0x5eed, t->drawn++);
}

static void free_region(StressThread *t, Region *region)
{
    if (stress_verify(t, region, "before it was freed"))
        region_free(region);
}

/* Small and large ones alike: each power of two is as likely as any other. */
static size_t draw_pages(StressThread *t, size_t most)
{
    unsigned bits = 0;
    size_t pages;

    while (most >> (bits + 1))
        bits++;
    pages = (size_t)1 << stress_draw(t, bits + 1);
    pages += (size_t)stress_draw(t, pages);
    return pages < most ? pages : most;
}

static void add_region(StressThread *t, size_t pages, VhWorkloadThp thp)
{
    Region *region = NULL;

    for (size_t i = 0; i < STRESS_MAX_REGIONS && !region; i++)
        region = t->regions[i].base ? NULL : &t->regions[i];
    if (!region || used_pages(t) + pages > t->budget_pages) {
        free_region(t, draw_region(t));
        return;
    }
    if (!region_map(region, pages, thp, draw_seed(t), &t->tally))
        return;
    /* What the kernel hands out reads as zero, whoever had it before. */
    if (stress_draw(t, 2) && !region_is_zero(region, &t->tally))
        stress_found(t->stress, "thread %u: new memory that is not zero", t->number);
    region_fill(region, &t->tally);
    /* What was taken while it was being filled shows at once. */
    if (stress_draw(t, 2))
        stress_verify(t, region, "just after it was filled");
}

static void do_fill(StressThread *t)
{
    size_t left = t->budget_pages - used_pages(t);

    add_region(t, left ? draw_pages(t, left) : t->budget_pages,
               (VhWorkloadThp)stress_draw(t, VH_WORKLOAD_THP_REFUSED + 1));
}

static void do_huge(StressThread *t)
{
    add_region(t, (size_t)(1 + stress_draw(t, MAX_HUGE_BLOCKS)) * HUGE_PAGES,
               VH_WORKLOAD_THP_WANTED);
}

static void do_free(StressThread *t)
{
    Region *region = draw_region(t);

    if (region)
        free_region(t, region);
}

static void do_free_all(StressThread *t)
{
    for (size_t i = 0; i < STRESS_MAX_REGIONS; i++) {
        if (t->regions[i].base)
            free_region(t, &t->regions[i]);
    }
}

static void do_verify(StressThread *t)
{
    Region *region = draw_region(t);

    if (region)
        stress_verify(t, region, "after a while");
}

static void do_refill(StressThread *t)
{
    Region *region = draw_region(t);

    if (region && stress_verify(t, region, "before it was written again")) {
        region->seed = draw_seed(t);
        region_fill(region, &t->tally);
    }
}

static void do_shrink(StressThread *t)
{
    Region *region = draw_region(t);

    if (region && stress_verify(t, region, "before it shrank"))
        region_shrink(region, 1 + (size_t)stress_draw(t, region->mapped_pages));
}

static void do_fragment(StressThread *t)
{
    size_t granule = (size_t)2 << stress_draw(t, 10);
    Region *region = draw_region(t);

    if (!region || region->keep_pages != region->granule_pages ||
        !stress_verify(t, region, "before it was thinned out"))
        return;
    region_thin(region, 1 + (size_t)stress_draw(t, granule - 1), granule);
    stress_verify(t, region, "after it was thinned out");
}

/* Its pages are the parent's until one of the two writes. */
_Noreturn static void be_child(StressThread *t, Region *region)
{
    bool ok = stress_verify(t, region, "in a child");

    region->seed = draw_seed(t);
    region_fill(region, &t->tally);
    ok = stress_verify(t, region, "in a child that wrote to it") && ok;
    _exit(ok ? 0 : 1);
}

static void await_child(StressThread *t, pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        atomic_store(&t->stress->stop, true);
    /* SIGKILL is the guest's lack of memory, which its kernel counts. */
    else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        stress_found(t->stress, "thread %u: a child was ended by signal %d", t->number,
                     WTERMSIG(status));
}

static void do_fork(StressThread *t)
{
    Region *region = draw_region(t);
    pid_t child;

    if (!region || atomic_flag_test_and_set(&t->stress->forking))
        return;
    child = fork();
    if (child == 0)
        be_child(t, region);
    if (child > 0) {
        stress_verify(t, region, "while a child had it, too");
        if (stress_draw(t, 2)) {
            region->seed = draw_seed(t);
            region_fill(region, &t->tally);
        }
        await_child(t, child);
        stress_verify(t, region, "after a child had it");
    }
    atomic_flag_clear(&t->stress->forking);
}

static void do_pause(StressThread *t)
{
    struct timespec rest = {.tv_nsec = (long)stress_draw(t, MAX_PAUSE_US) * 1000};

    nanosleep(&rest, NULL);
}

/* How likely each is, and which word of the language leaves it out; kinds beyond are always in. */
static const struct {
    const char *name;
    unsigned weight;
    int kind; /* VhWorkloadStress, or -1 */
    void (*act)(StressThread *t);
} actions[] = {
    {"fill", 30, -1, do_fill},
    {"verify", 8, -1, do_verify},
    {"refill", 6, -1, do_refill},
    {"free", 16, -1, do_free},
    {"shrink", 5, -1, do_shrink},
    {"free-all", 2, -1, do_free_all},
    {"pause", 6, -1, do_pause},
    {"fragment", 8, VH_WORKLOAD_STRESS_FRAGMENT, do_fragment},
    {"fork", 4, VH_WORKLOAD_STRESS_FORK, do_fork},
    {"huge", 6, VH_WORKLOAD_STRESS_HUGE, do_huge},
    {"cache", 4, VH_WORKLOAD_STRESS_CACHE, stress_cache},
    {"pipe", 5, VH_WORKLOAD_STRESS_PIPE, stress_pipe},
};

#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static bool is_left_out(const Stress *stress, size_t action)
{
    return actions[action].kind >= 0 && (stress->without & (1u << actions[action].kind));
}

static void act_once(StressThread *t)
{
    uint64_t total = 0, drawn;

    for (size_t i = 0; i < N_ACTIONS; i++)
        total += is_left_out(t->stress, i) ? 0 : actions[i].weight;
    drawn = stress_draw(t, total);
    for (size_t i = 0; i < N_ACTIONS; i++) {
        uint64_t weight = is_left_out(t->stress, i) ? 0 : actions[i].weight;

        if (drawn < weight) {
            actions[i].act(t);
            __atomic_fetch_add(&t->done[i], 1, __ATOMIC_RELAXED);
            return;
        }
        drawn -= weight;
    }
}

static void *run_thread(void *data)
{
    StressThread *t = data;

    while (!atomic_load(&t->stress->stop) && !atomic_load(&stop_asked) &&
           now_us() < t->stress->end_us)
        act_once(t);
    /* What is corrupted has been counted. */
    if (t->tally.corrupt_bytes == 0)
        do_free_all(t);
    if (t->tally.corrupt_bytes == 0)
        stress_cache_end(t);
    return NULL;
}

static bool start_thread(StressThread *t, pthread_t *ret_thread)
{
    pthread_attr_t attributes;
    bool ok;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    ok = pthread_create(ret_thread, &attributes, run_thread, t) == 0;
    pthread_attr_destroy(&attributes);
    return ok;
}

/* The threads' numbers as they are now; each is a word that is read whole. */
static void add_up(const StressThread *threads, size_t n, Tally *tally)
{
    *tally = (Tally){0};
    for (size_t i = 0; i < n; i++) {
        const uint64_t *from = (const uint64_t *)&threads[i].tally;
        uint64_t *to = (uint64_t *)tally;

        for (size_t j = 0; j < sizeof(Tally) / sizeof(uint64_t); j++)
            to[j] += __atomic_load_n(&from[j], __ATOMIC_RELAXED);
    }
}

/* Threads that have ended are joined at once, the last one at the end of all. */
static void await_threads(const pthread_t *ids, const StressThread *threads, size_t n, Tally *tally,
                          void (*progress)(void *data), void *data)
{
    for (size_t i = 0; i < n;) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PROGRESS_US / 1000000;
        if (pthread_timedjoin_np(ids[i], NULL, &until) == 0)
            i++;
        add_up(threads, n, tally);
        progress(data);
    }
}

static void report_actions(const StressThread *threads, size_t n, Text *text)
{
    for (size_t action = 0; action < N_ACTIONS; action++) {
        uint64_t sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += threads[i].done[action];
        text_add(text, "did %s %llu\n", actions[action].name, (unsigned long long)sum);
    }
}

static bool run_all(Stress *stress, const VhWorkloadOp *op, uint64_t seed, Tally *tally,
                    void (*progress)(void *data), void *data, Text *text)
{
    static StressThread threads[VH_WORKLOAD_STRESS_MAX_THREADS];
    static uint64_t done[VH_WORKLOAD_STRESS_MAX_THREADS][N_ACTIONS];
    pthread_t ids[VH_WORKLOAD_STRESS_MAX_THREADS];
    size_t n = 0;

    memset(threads, 0, sizeof(threads));
    memset(done, 0, sizeof(done));
    for (; n < op->value; n++) {
        threads[n] = (StressThread){
            .stress = stress,
            .number = (unsigned)n,
            .seed = vh_workload_mix(seed, n),
            .budget_pages = op->bytes / PAGE / op->value,
            .done = done[n],
        };
        if (!start_thread(&threads[n], &ids[n])) {
            atomic_store(&stress->stop, true);
            break;
        }
    }
    await_threads(ids, threads, n, tally, progress, data);
    report_actions(threads, n, text);
    return n == op->value;
}

bool stress_run(const VhWorkloadOp *op, uint64_t seed, Tally *tally, void (*progress)(void *data),
                void *data, Text *text, char *error, size_t error_bytes)
{
    Stress stress = {.without = op->stress_without, .end_us = now_us() + op->duration_us};
    bool ok;

    stress.found = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stress.found == MAP_FAILED) {
        snprintf(error, error_bytes, "no memory: %s", strerror(errno));
        return false;
    }
    if (!(stress.without & (1u << VH_WORKLOAD_STRESS_CACHE)) && !cache_mount(error, error_bytes)) {
        munmap(stress.found, PAGE);
        return false;
    }
    heed_signal(true);
    ok = run_all(&stress, op, seed, tally, progress, data, text);
    heed_signal(false);
    if (!ok)
        snprintf(error, error_bytes, "the guest cannot start that many threads");
    else if (stress.found[0])
        snprintf(error, error_bytes, "%s", stress.found);
    ok = ok && !stress.found[0];
    /* A child's finding is not in the threads' numbers. */
    if (stress.found[0] && tally->corrupt_bytes == 0)
        tally->corrupt_bytes = tally->corrupt_pages = 1;
    munmap(stress.found, PAGE);
    return ok;
}
