/* transition.h - losses corrected by a matrix of label noise: T[k][j] is the chance that a sample of
 * class k is labelled j. */
#ifndef MWN_METHODS_TRANSITION_H
#define MWN_METHODS_TRANSITION_H

#include "base/base.h"

/* For f = -log sum_k p_k T[k][label] with p the softmax of logits: posterior[classes] = chance of
 * each true class, p_k T[k][label] / sum, so that df/dz_k = p_k - posterior_k. p itself where the
 * label cannot come from any class. */
void mwn_transition_posterior(size_t classes, const double *matrix, const double *prob,
                              size_t label, double *posterior);

/* matrix = count with rows divided by their sums; a row of zeros gives one of the identity. */
void mwn_transition_of_counts(size_t classes, const double *count, double *matrix);

#endif
