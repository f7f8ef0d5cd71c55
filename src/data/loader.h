/* loader.h - from a set to batches of normalised float samples, prepared by threads while
 * the caller computes. Order and augmentation are functions of (seed, epoch, sample), so
 * batches are the same for any number of threads. */
#ifndef MWN_DATA_LOADER_H
#define MWN_DATA_LOADER_H

#include "base/base.h"
#include "base/buf.h"
#include "base/rng.h"
#include "data/split.h"

/* x' = (x/255 - mean)/std per channel for uint8 samples, (x - mean)/std for real ones. */
struct mwn_normalize {
    int channels;      /* 1: the same constants for every channel */
    float *mean, *std; /* owned [channels]: mwn_normalize_release() */
};

/* Resolves data.normalize; "mean" and "auto" may measure the training set. Without one (NULL
 * or empty, as after mwn_sets_open_test()) what needs measuring is MWN_ERR_CONFIG. */
MWN_MUST_CHECK mwn_status mwn_normalize_resolve(struct mwn_normalize *out,
                                                const struct mwn_data_options *options,
                                                const struct mwn_set *train,
                                                struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_normalize_release(struct mwn_normalize *normalize);

/* "m1,m2,..;s1,s2,..", which data.normalize reads back to the very same numbers. */
void mwn_normalize_text(const struct mwn_normalize *normalize, struct mwn_buf *out);

enum mwn_loader_order {
    MWN_ORDER_FIXED, /* as in the set; the last batch may be smaller (evaluation)        */
    MWN_ORDER_SHUFFLE, /* a new permutation every epoch; the incomplete last batch is left out */
    MWN_ORDER_ENDLESS /* permutations one after another without end (meta): an epoch is
                         one round through the set, batches may span two rounds          */
};

struct mwn_loader_options {
    size_t batch;
    enum mwn_loader_order order;
    bool augment, flip;
    int pad;     /* less than height and width                             */
    int threads; /* that prepare batches ahead; 0: next() prepares its own */
    uint64_t seed;
    enum mwn_stream order_stream, augment_stream;
    enum mwn_dtype dtype; /* of the samples handed out */
    /* [classes] For ORDER_SHUFFLE: how often samples of the classes (as given) are drawn, with
     * replacement, relative to each other; not all 0. NULL: each sample once an epoch. Borrowed
     * by mwn_loader_create() alone. */
    const double *class_chance;
};

typedef struct mwn_loader mwn_loader;

/* The set and the constants are borrowed and must outlive the loader. A batch larger than
 * the set is clamped to it (ORDER_FIXED, SHUFFLE). Starts at epoch 0, step 0.
 * Fails with MWN_ERR_CONFIG (constants for another number of channels, pad too large),
 * MWN_ERR_DATA (empty set), MWN_ERR_MEMORY, MWN_ERR_RUNTIME (no thread to be had). */
MWN_MUST_CHECK mwn_status mwn_loader_create(mwn_loader **out, const struct mwn_set *set,
                                            const struct mwn_normalize *normalize,
                                            const struct mwn_loader_options *options,
                                            struct mwn_error *err);
/* Batch size after clamping, and batches of an epoch (ENDLESS: of a round, rounded up). */
size_t mwn_loader_batch(const mwn_loader *loader);
size_t mwn_loader_steps(const mwn_loader *loader);
/* Bytes of the batches that it holds ready, and of the order. NULL: 0. */
size_t mwn_loader_bytes(const mwn_loader *loader);
/* Goes to batch number `step` of epoch `epoch` (ENDLESS: to batch number `step` counted
 * from the run's start; epoch is ignored). Drops what was prepared, unless the loader is
 * there already. MWN_ERR_MISMATCH if the epoch has fewer steps; step = mwn_loader_steps() is
 * its end. */
MWN_MUST_CHECK mwn_status mwn_loader_seek(mwn_loader *loader, uint64_t epoch, uint64_t step,
                                          struct mwn_error *err);
/* The next batch; out->x, label (the given one) and index (position in the set) stay valid
 * until the call after next. out->n = 0 at the end of the epoch; the call after that begins
 * the next epoch. Allocates nothing. out->key = 0. Fails as the reader's load() does. */
MWN_MUST_CHECK mwn_status mwn_loader_next(mwn_loader *loader, struct mwn_batch *out,
                                          struct mwn_error *err);
/* Changes the set by change(user) while no thread reads it; what was prepared of it is prepared
 * anew. Its size must stay. */
void mwn_loader_change(mwn_loader *loader, void (*change)(void *user), void *user);
/* Seconds that next() has spent on waiting for data (threads 0: on preparing it) so far. */
double mwn_loader_waited(const mwn_loader *loader);
/* NULL is fine. */
void mwn_loader_free(mwn_loader *loader);

/* How samples are prepared. */
struct mwn_preparation {
    const struct mwn_set *set; /* borrowed                                     */
    const struct mwn_normalize
        *normalize; /* borrowed                                     */
    int pad;        /* shifted by up to so many pixels each way     */
    bool flip;      /* mirrored or not                              */
    void *work; /* borrowed [mwn_source_stride()]: for a source without samples           */
};

/* One sample, prepared as the loader would: out[c][h][w] float. rng NULL: no augmentation.
 * Augmentation pads by `pad` on each side, mirrored at the border without repeating it
 * (NumPy's "reflect"), crops the old size at a random place and mirrors left-right with
 * probability one half. Draws from rng in this order: top and left of the crop, each in
 * 0..2*pad (if pad > 0); the flip (if `flip`). What the reader loads is
 * varied by it alone. The loader's rng is keyed by its seed, its
 * augment_stream, the epoch (ENDLESS: round) and the position in the set. */
MWN_MUST_CHECK mwn_status mwn_sample_prepare(const struct mwn_preparation *how,
                                             size_t position, struct mwn_rng *rng,
                                             float *out, struct mwn_error *err);
#endif
