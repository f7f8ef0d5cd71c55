/* weight_log.h - the weights that each training sample had in the last epochs. */
#ifndef MWN_TRAIN_WEIGHT_LOG_H
#define MWN_TRAIN_WEIGHT_LOG_H

#include "base/base.h"

struct mwn_weight_log {
    size_t n, slots;
    float *value; /* owned [slots][n]; epoch e is in slot e % slots; negative: not drawn */
};

/* Nothing was drawn yet. */
MWN_MUST_CHECK mwn_status mwn_weight_log_init(struct mwn_weight_log *log, size_t n,
                                              size_t slots, struct mwn_error *err);
void mwn_weight_log_release(struct mwn_weight_log *log);
/* Forgets the oldest epoch, to make room for this one. */
void mwn_weight_log_begin(struct mwn_weight_log *log, uint64_t epoch);
/* Notes the weights of a batch: sample index[i] had weight[i]. */
void mwn_weight_log_add(struct mwn_weight_log *log, uint64_t epoch, size_t n,
                        const uint32_t *index, const double *weight);
/* out[n]: mean over the epochs kept; NaN for a sample that was never drawn. */
void mwn_weight_log_mean(const struct mwn_weight_log *log, float *out);

#endif
