/* mem.c - checked allocation, the numeric arena, and the allocation counter behind the
 * failure hook. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Atomic uint64_t allocations;
static _Atomic uint64_t first_failure, last_failure; /* numbers of allocations; 0: none */

/* Counts an allocation; whether it may go ahead. */
static bool allowed(void)
{
    uint64_t number = atomic_fetch_add(&allocations, 1) + 1;
    uint64_t first = atomic_load(&first_failure);
    return first == 0 || number < first || number > atomic_load(&last_failure);
}

void mwn_mem_fail_after(uint64_t n)
{
    atomic_store(&last_failure, UINT64_MAX);
    atomic_store(&first_failure, n == 0 ? 0 : atomic_load(&allocations) + n);
}

void mwn_mem_fail_once(uint64_t n)
{
    mwn_mem_fail_after(n);
    atomic_store(&last_failure, atomic_load(&first_failure));
}

uint64_t mwn_mem_count(void)
{
    return atomic_load(&allocations);
}

/* Bytes of an array, at least 1; 0 if that is too much for an object. */
static size_t array_bytes(size_t count, size_t item_size)
{
    if (count == 0 || item_size == 0)
        return 1;
    if (count > (size_t)PTRDIFF_MAX / item_size)
        return 0;
    return count * item_size;
}

void *mwn_alloc(size_t count, size_t item_size)
{
    size_t bytes = array_bytes(count, item_size);
    if (!allowed() || bytes == 0)
        return NULL;
    return calloc(1, bytes);
}

void *mwn_resize(void *block, size_t count, size_t item_size)
{
    size_t bytes = array_bytes(count, item_size);
    if (!allowed() || bytes == 0)
        return NULL;
    return realloc(block, bytes);
}

char *mwn_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mwn_alloc(size, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void mwn_free(void *block)
{
    free(block);
}

void mwn_text_free(char *text)
{
    mwn_free(text);
}

#define HUGE_PAGE ((size_t)2 << 20)
#define PAGE      ((size_t)4096)

/* What is mapped for a block of that many bytes; 0 if that is too much. */
static size_t arena_bytes(size_t bytes)
{
    if (bytes > (size_t)PTRDIFF_MAX - 2 * HUGE_PAGE)
        return 0;
    size_t unit = bytes >= HUGE_PAGE ? HUGE_PAGE : PAGE;
    return bytes == 0 ? PAGE : (bytes + unit - 1) / unit * unit;
}

void *mwn_arena_alloc(size_t bytes)
{
    size_t size = arena_bytes(bytes);
    if (!allowed() || size == 0)
        return NULL;
    size_t slack = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    unsigned char *map = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (slack == 0)
        return map;
    /* The kernel gives whole huge pages only to ranges that start on one: map one more
     * and give back what is before and after. */
    size_t lead = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
    if (lead > 0)
        (void)munmap(map, lead);
    if (slack > lead)
        (void)munmap(map + lead + size, slack - lead);
    (void)madvise(map + lead, size, MADV_HUGEPAGE);
    return map + lead;
}

void mwn_arena_free(void *block, size_t bytes)
{
    if (block != NULL)
        (void)munmap(block, arena_bytes(bytes));
}
