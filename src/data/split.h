/* split.h - from the files' samples to the four sets of a run: long tail, meta set,
 * validation set, label noise, and the check that no sample is in two sets. */
#ifndef MWN_DATA_SPLIT_H
#define MWN_DATA_SPLIT_H

#include "base/base.h"
#include "data/reader.h"

/* A set: some samples of a source, with the labels that the run is given. */
struct mwn_set {
    const struct mwn_source *source; /* borrowed                                       */
    size_t n;
    uint32_t *id;   /* owned [n]: sample's number in the source                       */
    int32_t *given; /* owned [n]: the label to train with                             */
    int32_t *truth; /* owned [n]: the label before noise, or NULL if there was none   */
};

struct mwn_sets {
    struct mwn_source train_source, test_source; /* owned; n = 0 if there is none  */
    struct mwn_source meta_source, valid_source; /* owned: from paths of their own */
    struct mwn_set train, meta, valid, test;     /* owned; n = 0 if there is none  */
    struct mwn_set fold; /* owned: what data.fold keeps out of train           */
    int classes;
    struct mwn_shape shape;
    double noise_rate; /* share of train samples whose given label is not the true one;
                          negative if unknown (neither noise nor a labels file)    */
    size_t dropped;    /* samples left out because another set has an equal one    */
};

/* The seed of the split: data.seed, or train.seed if that is negative. */
uint64_t mwn_data_seed(const struct mwn_data_options *options, uint64_t seed);

/* Reads and splits a zeroed *sets, which must not move afterwards (the sets point into it). In
 * this order:
 *   1. Read the training part and the others that there are. A class without a training
 *      sample is MWN_ERR_DATA.
 *   2. Hold out test_share of each class where there is no test part. Take the meta set
 *      (meta_per_class of each class; out of those that meta_ids or the data mark as checked, if
 *      there are such: all of them if it is 0), then valid_per_class or valid_share, out of
 *      the training samples, unless these sets have parts of their own. A class with too few
 *      (one must be left to train on) is MWN_ERR_DATA.
 *   3. Long tail of what is left: class c keeps mwn_imbalance_sizes()[c] samples, where n_max
 *      is the size of the largest class now; imbalance_shuffle deals the sizes out at random.
 *   4. Overlap, by content hash (unless data.overlap=keep). Published data has a few images in
 *      both files, so a sample of train that equals one of meta, validation or test leaves
 *      train; likewise meta against validation and test, validation against test. They are
 *      counted in `dropped`. If more than half of a set is in another one (but for a meta set out
 *      of the training samples), the same file serves twice: MWN_ERR_DATA. Equal samples inside one set are left alone.
 *   5. limit: a random subset of that many training samples.
 *   6. Labels. A labels file gives those of train and validation; noise changes those of train
 *      only. A sample that the file leaves out is in no set; corrected labels are the truth. Either way truth keeps the data's own labels. Meta and test always have these.
 *   7. Cross-validation: fold `fold` of `folds`, stratified by the given labels, leaves train.
 *   8. train_on_meta: the meta samples follow behind the training samples (and stay in meta).
 * Samples of a set are in the order of the source. Each choice has its own random stream; a
 * larger meta_per_class or limit gives a superset. seed is train.seed; data.seed, unless
 * negative, takes its place. */
MWN_MUST_CHECK mwn_status mwn_sets_open(struct mwn_sets *sets,
                                        const struct mwn_data_options *options,
                                        uint64_t seed, struct mwn_error *err);
/* Only the test set, for evaluation; the other sets stay empty if the data has a test part, which
 * is read by the model's schema (NULL: its own). */
MWN_MUST_CHECK mwn_status mwn_sets_open_test(struct mwn_sets *sets,
                                             const struct mwn_data_options *options,
                                             const char *schema, uint64_t seed,
                                             struct mwn_error *err);
/* Safe on a zeroed *sets. */
void mwn_sets_close(struct mwn_sets *sets);

/* Sizes of a long tail: out[c] = int(n_max * (1/factor)^(c/(classes-1))) (Cui et al. 2019). */
void mwn_imbalance_sizes(size_t n_max, double factor, int classes, size_t *out);

#endif
