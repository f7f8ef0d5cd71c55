/* pool.h - a simulated allocator: a plan walks through a pass with it once, and what comes out
 * are offsets in a region. */
#ifndef MWN_NN_POOL_H
#define MWN_NN_POOL_H

#include "base/base.h"

enum { MWN_NOWHERE = -1, MWN_NO_BUFFER = -1 };

struct mwn_buffer {
    size_t offset, size;
    int refs; /* 0: its room is free */
};

struct mwn_pool {
    struct mwn_buffer *buffers; /* owned; a buffer's number is its id */
    int count, room;
    size_t high; /* bytes that the region needs           */
    bool failed; /* memory ran out: what follows is void  */
};

/* Offsets are multiples of so many bytes; sizes are rounded up to them. */
size_t mwn_pool_align(size_t size);

/* A new buffer with one reference, at the lowest offset where it overlaps no living one;
 * MWN_NO_BUFFER if memory runs out. */
int mwn_pool_alloc(struct mwn_pool *pool, size_t size);
/* One reference more, and one less; MWN_NO_BUFFER is let pass. */
void mwn_pool_hold(struct mwn_pool *pool, int id);
void mwn_pool_drop(struct mwn_pool *pool, int id);
bool mwn_pool_is_shared(const struct mwn_pool *pool, int id);
/* MWN_NOWHERE for MWN_NO_BUFFER. */
ptrdiff_t mwn_pool_offset(const struct mwn_pool *pool, int id);

/* Forgets all buffers and `high`, for another pass; ids are used anew. */
void mwn_pool_clear(struct mwn_pool *pool);
void mwn_pool_release(struct mwn_pool *pool);

#endif
