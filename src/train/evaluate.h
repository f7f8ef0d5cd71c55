/* evaluate.h - runs a net over a set in evaluation mode. */
#ifndef MWN_TRAIN_EVALUATE_H
#define MWN_TRAIN_EVALUATE_H

#include "base/base.h"
#include "data/loader.h"
#include "nn/net.h"
#include "train/metrics.h"

/* Asked after each batch; true stops the evaluation with MWN_INTERRUPTED. */
typedef bool mwn_evaluate_stop_fn(void *user);

/* Evaluates all samples of the loader (MWN_ORDER_FIXED) into a zeroed score, which the caller
 * releases. stop may be NULL. */
MWN_MUST_CHECK mwn_status mwn_evaluate_loader(mwn_net *net, mwn_loader *loader,
                                              struct mwn_score *score,
                                              mwn_evaluate_stop_fn *stop, void *user,
                                              struct mwn_error *err);

/* The test set's samples that the last model of a run gets right: *hit is owned by the caller,
 * [*n]. */
MWN_MUST_CHECK mwn_status mwn_evaluate_hits(const char *dir, unsigned char **hit, size_t *n,
                                            struct mwn_error *err);

#endif
