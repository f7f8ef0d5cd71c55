/* pool.c - the simulated allocator. */
#include "nn/pool.h"

#include "base/mem.h"

enum { ALIGNMENT = 64 };

size_t mwn_pool_align(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Lowest offset at which `size` bytes overlap no living buffer. */
static size_t find_gap(const struct mwn_pool *pool, size_t size)
{
    size_t offset = 0;
    for (int i = 0; i < pool->count; i++) {
        const struct mwn_buffer *b = &pool->buffers[i];
        if (b->refs > 0 && offset < b->offset + b->size && b->offset < offset + size) {
            offset = b->offset + b->size;
            i = -1;
        }
    }
    return offset;
}

int mwn_pool_alloc(struct mwn_pool *pool, size_t size)
{
    if (pool->count == pool->room) {
        int room = pool->room ? 2 * pool->room : 64;
        void *grown = mwn_resize(pool->buffers, (size_t)room, sizeof *pool->buffers);
        if (!grown) {
            pool->failed = true;
            return MWN_NO_BUFFER;
        }
        pool->buffers = grown;
        pool->room = room;
    }
    size = mwn_pool_align(size);
    size_t offset = find_gap(pool, size);
    pool->buffers[pool->count] = (struct mwn_buffer){offset, size, 1};
    if (offset + size > pool->high)
        pool->high = offset + size;
    return pool->count++;
}

void mwn_pool_hold(struct mwn_pool *pool, int id)
{
    if (id != MWN_NO_BUFFER && pool->buffers)
        pool->buffers[id].refs++;
}

void mwn_pool_drop(struct mwn_pool *pool, int id)
{
    if (id != MWN_NO_BUFFER && pool->buffers)
        pool->buffers[id].refs--;
}

bool mwn_pool_is_shared(const struct mwn_pool *pool, int id)
{
    return id != MWN_NO_BUFFER && pool->buffers && pool->buffers[id].refs > 1;
}

ptrdiff_t mwn_pool_offset(const struct mwn_pool *pool, int id)
{
    if (id == MWN_NO_BUFFER || !pool->buffers)
        return MWN_NOWHERE;
    return (ptrdiff_t)pool->buffers[id].offset;
}

void mwn_pool_clear(struct mwn_pool *pool)
{
    pool->count = 0;
    pool->high = 0;
}

void mwn_pool_release(struct mwn_pool *pool)
{
    mwn_free(pool->buffers);
    *pool = (struct mwn_pool){0};
}
