/* rng.h - counter-based random numbers: a stream is a function of (seed, stream, epoch,
 * index), so the same numbers come whatever the thread count, and a resumed run needs no
 * saved generator state. */
#ifndef MWN_BASE_RNG_H
#define MWN_BASE_RNG_H

#include "base/base.h"

/* What the numbers are for. Never reorder: runs would change. */
enum mwn_stream {
    MWN_STREAM_INIT = 1,       /* index: parameter                          */
    MWN_STREAM_WEIGHT_NET = 2, /* index: parameter of V                     */
    MWN_STREAM_ORDER = 3,      /* epoch                                     */
    MWN_STREAM_AUGMENT = 4,    /* epoch, index: sample                      */
    MWN_STREAM_META_ORDER = 5, /* epoch: round through the meta set         */
    MWN_STREAM_META_AUGMENT = 6,
    MWN_STREAM_DROPOUT = 7, /* epoch: pass key, index: layer and sample */
    MWN_STREAM_META_SPLIT = 8,
    MWN_STREAM_NOISE = 9, /* index: sample; epoch 1: the noise map */
    MWN_STREAM_IMBALANCE = 10,
    MWN_STREAM_VALIDATION = 11,
    MWN_STREAM_BENCH = 12,
    MWN_STREAM_LAYERS = 13, /* epoch: iteration */
    MWN_STREAM_MIXUP = 14,  /* epoch: iteration, index: 0 train, 1 meta batch */
    MWN_STREAM_MENTOR = 20, /* epoch 0: the network, its lesson; else 1 + iteration */
    MWN_STREAM_TEACHER = 21 /* of mlc */
};

struct mwn_rng {
    uint64_t key, counter;
};

struct mwn_rng mwn_rng_at(uint64_t seed, enum mwn_stream stream, uint64_t epoch,
                          uint64_t index);
uint64_t mwn_rng_u64(struct mwn_rng *rng);
double mwn_rng_unit(struct mwn_rng *rng);                /* [0, 1), 53 bits           */
double mwn_rng_normal(struct mwn_rng *rng);              /* mean 0, variance 1        */
uint64_t mwn_rng_below(struct mwn_rng *rng, uint64_t n); /* 0..n-1, without bias; n>0 */

/* Random permutation of 0..n-1 (Fisher-Yates). */
void mwn_rng_permutation(struct mwn_rng *rng, uint32_t *order, size_t n);

#endif
