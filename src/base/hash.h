/* hash.h - a 128-bit content hash, for finding equal samples and naming data. */
#ifndef MWN_BASE_HASH_H
#define MWN_BASE_HASH_H

#include "base/base.h"

struct mwn_hash {
    uint64_t low, high;
};

struct mwn_hash mwn_hash_bytes(const void *bytes, size_t size);

/* An order of hashes, as qsort() wants it: negative, 0 or positive. */
int mwn_hash_compare(struct mwn_hash a, struct mwn_hash b);

#endif
