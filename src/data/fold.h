/* fold.h - the folds of a cross-validation. */
#ifndef MWN_DATA_FOLD_H
#define MWN_DATA_FOLD_H

#include "base/base.h"
#include "data/split.h"

/* What decides who is in which fold. */
struct mwn_deal {
    size_t folds;
    int classes;
    uint64_t seed; /* mwn_data_seed() */
};

/* fold_of[n]: the fold of each sample of the training set before one was cut out of it,
 * 0..folds-1, each fold with its share of every class by the given labels. */
MWN_MUST_CHECK mwn_status mwn_fold_deal(const struct mwn_deal *deal,
                                        const struct mwn_set *train, uint32_t *fold_of,
                                        struct mwn_error *err);
/* Moves the samples of options->fold out of sets->train into sets->fold. */
MWN_MUST_CHECK mwn_status mwn_fold_cut(struct mwn_sets *sets,
                                       const struct mwn_data_options *options,
                                       uint64_t seed, struct mwn_error *err);

#endif
