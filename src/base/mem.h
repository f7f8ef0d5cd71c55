/* mem.h - checked memory: overflow-safe sizes, alignment, and a hook that makes the n-th
 * allocation fail. */
#ifndef MWN_BASE_MEM_H
#define MWN_BASE_MEM_H

#include "base/base.h"

/* Zeroed array of count items; NULL if that is too much or memory is out (count 0 gives a
 * valid pointer). Freed by mwn_free(). */
void *mwn_alloc(size_t count, size_t item_size);

/* Like realloc for an array; new bytes are not zeroed; the old block stays on failure. */
void *mwn_resize(void *block, size_t count, size_t item_size);

/* Copy of a text; NULL if memory is out. */
char *mwn_strdup(const char *text);

/* Frees what the three functions above gave. NULL is fine. */
void mwn_free(void *block);

/* Zeroed block for numeric data, aligned to 4096 bytes, backed by huge pages where the
 * system has them. Freed by mwn_arena_free() with the same size. */
void *mwn_arena_alloc(size_t bytes);
void mwn_arena_free(void *block, size_t bytes);

/* Test hook: the n-th allocation from now on (1 = the next) and all later ones fail;
 * 0 switches it off. Not for concurrent use. */
void mwn_mem_fail_after(uint64_t n);
/* The same for the n-th one alone. */
void mwn_mem_fail_once(uint64_t n);

/* Allocations made since the process began; lets a test prove that a step makes none. */
uint64_t mwn_mem_count(void);

#endif
