/* formulas.h - small formulas that several methods share. */
#ifndef MWN_METHODS_FORMULAS_H
#define MWN_METHODS_FORMULAS_H

#include "base/base.h"

/* Derivative of the focal loss (1 - p)^gamma l by the cross-entropy l, with p = exp(-l):
 * (1 - p)^gamma + gamma p l (1 - p)^(gamma - 1). */
double mwn_focal_slope(double loss, double gamma);

/* Weights of classes by their effective number of samples (Cui et al. 2019):
 * weight_c ~ (1 - beta) / (1 - beta^count_c), for beta = 1 its limit 1 / count_c, with the mean 1
 * over the classes that have samples. Those without get 0. */
void mwn_effective_weights(size_t classes, const double *count, double beta,
                           double *weight);

/* The smallest of the values such that at least the share q of them, 0..1, is not above it.
 * work[n] is overwritten. n > 0. */
double mwn_quantile(size_t n, const double *value, double q, double *work);

/* The place of the largest of n > 0 values, the first one of several. */
size_t mwn_argmax(size_t n, const double *value);

/* The softmax of n > 0 numbers; out may be z. */
void mwn_softmax(size_t n, const double *z, double *out);

/* Estimate of the local intrinsic dimension from the distances to the k > 0 nearest neighbours, in
 * rising order: -k / sum_i log(r_i / r_k). 0 if there is none, as when all are as far away. */
double mwn_local_dimension(size_t k, const double *distance);

/* The first epoch, from 0, of the last `share` of so many, at least of one of several: share 0 gives
 * `epochs`. */
uint64_t mwn_last_epochs(uint64_t epochs, double share);

#endif
