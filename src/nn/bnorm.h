/* bnorm.h - what every backend's batch-norm keeps and does once a channel. */
#ifndef MWN_NN_BNORM_H
#define MWN_NN_BNORM_H

#include "nn/backend.h"

/* What forward leaves for backward and jvp: mean[c] and 1/sqrt(var + eps)[c], padded to the
 * backend's channels. */
struct mwn_bnorm_saved {
    double *mean, *inverse;
};

size_t mwn_bnorm_save_size(const struct mwn_layer *layer);
struct mwn_bnorm_saved mwn_bnorm_saved(const struct mwn_layer *layer);

/* From a channel's batch mean and biased variance over `count` numbers: fills the saved
 * values and, in a training pass, moves the running statistics (momentum, unbiased
 * variance). */
void mwn_bnorm_batch(struct mwn_layer *layer, int channel, double mean, double variance,
                     double count);
/* The saved values from the running statistics, for evaluation. */
void mwn_bnorm_running(struct mwn_layer *layer);

#endif
