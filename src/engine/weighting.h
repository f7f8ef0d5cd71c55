/* weighting.h - from the weights V_i of a batch to the coefficients c_i of its losses, and the
 * gradient back (design: weight forms of Meta-Weight-Net). */
#ifndef MWN_ENGINE_WEIGHTING_H
#define MWN_ENGINE_WEIGHTING_H

#include "base/base.h"

enum mwn_weighting {
    MWN_WEIGHTING_MEAN,        /* c_i = V_i / n                                    */
    MWN_WEIGHTING_SUM,         /* c_i = V_i / S, S = sum V, gradient through S     */
    MWN_WEIGHTING_SUM_DETACHED /* c_i = V_i / S, S a constant for the gradient     */
};

/* coef[n] = c_i. Where S is 0 the last two forms do not divide: c_i = V_i. */
void mwn_weighting_coef(enum mwn_weighting form, size_t n, const double *v, double *coef);

/* dv[n] = derivative of scale * sum_i d_i c_i by V_i, the d_i being constants. */
void mwn_weighting_gradient(enum mwn_weighting form, size_t n, const double *v,
                            const double *d, double scale, double *dv);
#endif
