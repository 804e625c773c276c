/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regions: memory of the worker that holds a pattern which can be derived again from a seed and the
 * page's index, so that a page that was lost, swapped or taken from elsewhere is found out. Each
 * word of a page is checked, and corrupted bytes are counted one by one.
 */
#include "agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE VH_WORKLOAD_PAGE_BYTES
#define WORDS (PAGE / 8)
#define STEP UINT64_C(0x9e3779b97f4a7c15)

/* The clock is read once per this many pages: often enough to see a stall, too seldom to slow. */
#define PAGES_PER_CLOCK 32

void pattern_fill(uint64_t *page, uint64_t value)
{
    for (unsigned i = 0; i < WORDS; i++, value += STEP)
        page[i] = value;
}

static uint64_t differing_bytes(uint64_t difference)
{
    uint64_t n = 0;

    for (; difference; difference >>= 8)
        n += (difference & 0xff) != 0;
    return n;
}

/* The common case, no difference, is one pass without branches that compilers vectorise. */
uint64_t pattern_check(const uint64_t *page, uint64_t value)
{
    uint64_t all = 0, bytes = 0, first = value;

    for (unsigned i = 0; i < WORDS; i++, value += STEP)
        all |= page[i] ^ value;
    if (all == 0)
        return 0;
    for (unsigned i = 0; i < WORDS; i++, first += STEP)
        bytes += differing_bytes(page[i] ^ first);
    return bytes;
}

static bool is_used(const Region *region, size_t page)
{
    return page % region->granule_pages < region->keep_pages;
}

static uint64_t *page_at(const Region *region, size_t page)
{
    return (uint64_t *)(void *)(region->base + page * PAGE);
}

static void note_stall(Tally *tally, uint64_t *since)
{
    uint64_t now = now_us();

    if (now - *since > tally->stall_max_us)
        tally->stall_max_us = now - *since;
    *since = now;
}

bool region_map(Region *region, size_t pages, VhWorkloadThp thp, uint64_t seed, Tally *tally)
{
    void *base =
        mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        tally->alloc_failures++;
        return false;
    }
    /* Without THP in the kernel both are refused, and there is nothing to be done about it. */
    if (thp == VH_WORKLOAD_THP_WANTED)
        madvise(base, pages * PAGE, MADV_HUGEPAGE);
    if (thp == VH_WORKLOAD_THP_REFUSED)
        madvise(base, pages * PAGE, MADV_NOHUGEPAGE);
    region->base = base;
    region->seed = seed;
    region->mapped_pages = pages;
    region->keep_pages = region->granule_pages = 1;
    return true;
}

void region_fill(Region *region, Tally *tally)
{
    uint64_t since = now_us();

    for (size_t page = 0; page < region->mapped_pages; page++) {
        if (!is_used(region, page))
            continue;
        pattern_fill(page_at(region, page), vh_workload_mix(region->seed, page));
        tally->touched_pages++;
        if (tally->touched_pages % PAGES_PER_CLOCK == 0)
            note_stall(tally, &since);
    }
    note_stall(tally, &since);
}

bool region_alloc(Region *region, size_t pages, VhWorkloadThp thp, uint64_t seed, Tally *tally)
{
    if (!region_map(region, pages, thp, seed, tally))
        return false;
    region_fill(region, tally);
    return true;
}

/* A page that is only read is one of zeros that all share: each is written to first. */
bool region_is_zero(const Region *region, Tally *tally)
{
    uint64_t bad = 0;

    for (size_t page = 0; page < region->mapped_pages; page++) {
        volatile uint64_t *words = page_at(region, page);
        uint64_t all = 0;

        words[0] |= 0;
        for (unsigned i = 0; i < WORDS; i++)
            all |= words[i];
        bad += all != 0;
        tally->verified_pages++;
    }
    tally->corrupt_pages += bad;
    tally->corrupt_bytes += bad * PAGE;
    return bad == 0;
}

void region_thin(Region *region, size_t keep_pages, size_t granule_pages)
{
    for (size_t page = 0; page < region->mapped_pages; page += granule_pages) {
        size_t end = page + granule_pages;

        if (end > region->mapped_pages)
            end = region->mapped_pages;
        if (page + keep_pages < end)
            madvise(region->base + (page + keep_pages) * PAGE, (end - page - keep_pages) * PAGE,
                    MADV_DONTNEED);
    }
    region->keep_pages = keep_pages;
    region->granule_pages = granule_pages;
}

void region_verify(const Region *region, Tally *tally)
{
    uint64_t since = now_us();

    for (size_t page = 0; page < region->mapped_pages; page++) {
        uint64_t bad;

        if (!is_used(region, page))
            continue;
        bad = pattern_check(page_at(region, page), vh_workload_mix(region->seed, page));
        tally->corrupt_pages += bad != 0;
        tally->corrupt_bytes += bad;
        tally->verified_pages++;
        if (tally->verified_pages % PAGES_PER_CLOCK == 0)
            note_stall(tally, &since);
    }
    note_stall(tally, &since);
}

void region_shrink(Region *region, size_t pages)
{
    if (pages >= region->mapped_pages) {
        region_free(region);
        return;
    }
    region->mapped_pages -= pages;
    munmap(region->base + region->mapped_pages * PAGE, pages * PAGE);
}

void region_free(Region *region)
{
    if (region->base)
        munmap(region->base, region->mapped_pages * PAGE);
    *region = (Region){0};
}

size_t region_used_pages(const Region *region)
{
    size_t whole = region->mapped_pages / region->granule_pages;
    size_t rest = region->mapped_pages % region->granule_pages;

    return whole * region->keep_pages + (rest < region->keep_pages ? rest : region->keep_pages);
}

/* The physical address of a page from /proc/self/pagemap; 0 where it is not present. */
static uint64_t physical_address(int pagemap, const void *address)
{
    uint64_t entry = 0;
    off_t at = (off_t)((uintptr_t)address / PAGE * sizeof(entry));

    if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry) || !(entry >> 63))
        return 0;
    return (entry & ((UINT64_C(1) << 55) - 1)) * PAGE;
}

bool region_locate(const Region *region, uint64_t bytes, Text *text)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t start = 0, end = 0, left = bytes ? bytes / PAGE : UINT64_MAX;

    if (pagemap < 0)
        return false;
    for (size_t page = 0; page < region->mapped_pages && left > 0; page++) {
        uint64_t physical;

        if (!is_used(region, page))
            continue;
        left--;
        physical = physical_address(pagemap, page_at(region, page));
        if (physical && physical == end) {
            end += PAGE;
            continue;
        }
        if (end > start)
            text_add(text, "range %llu %llu\n", (unsigned long long)start,
                     (unsigned long long)(end - start));
        start = physical;
        end = physical ? physical + PAGE : 0;
    }
    if (end > start)
        text_add(text, "range %llu %llu\n", (unsigned long long)start,
                 (unsigned long long)(end - start));
    close(pagemap);
    return true;
}

bool region_describe_bad(const Region *region, char *text, size_t bytes)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool found = false;

    snprintf(text, bytes, "and intact when looked at again");
    for (size_t page = 0; page < region->mapped_pages && !found; page++) {
        const volatile uint64_t *words = page_at(region, page);
        uint64_t value = vh_workload_mix(region->seed, page);

        for (unsigned i = 0; i < WORDS && is_used(region, page) && !found; i++, value += STEP) {
            uint64_t is = words[i];

            found = is != value;
            if (found)
                snprintf(text, bytes,
                         "first in page %zu of %zu, at guest-physical 0x%llx: 0x%llx, not 0x%llx",
                         page, region->mapped_pages,
                         (unsigned long long)(physical_address(pagemap, page_at(region, page)) +
                                              i * sizeof(value)),
                         (unsigned long long)is, (unsigned long long)value);
        }
    }
    if (pagemap >= 0)
        close(pagemap);
    return found;
}
