/* hash.h - a 128-bit content hash, for finding equal samples and naming data. */
#ifndef MWN_BASE_HASH_H
#define MWN_BASE_HASH_H

#include "base/base.h"

struct mwn_hash {
    uint64_t low, high;
};

struct mwn_hash mwn_hash_bytes(const void *bytes, size_t size);

#endif
