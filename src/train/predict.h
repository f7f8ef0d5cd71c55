/* predict.h - class probabilities of the samples of a set. */
#ifndef MWN_TRAIN_PREDICT_H
#define MWN_TRAIN_PREDICT_H

#include "base/base.h"
#include "data/loader.h"
#include "nn/net.h"

/* Gets n samples of a batch, the first of which is number `first` of the set, and their
 * probabilities [n][classes]. MWN_INTERRUPTED stops quietly, so err is to be made. */
typedef mwn_status mwn_predict_fn(size_t first, size_t n, const float *probabilities,
                                  void *user, struct mwn_error *err);

/* Goes through the loader (MWN_ORDER_FIXED) in evaluation mode. */
MWN_MUST_CHECK mwn_status mwn_predict_loader(mwn_net *net, mwn_loader *loader,
                                             mwn_predict_fn *fn, void *user,
                                             struct mwn_error *err);

/* Fills probabilities [samples of the loader's set][classes of the net]. */
MWN_MUST_CHECK mwn_status mwn_predict_set(mwn_net *net, mwn_loader *loader,
                                          float *probabilities, struct mwn_error *err);

#endif
