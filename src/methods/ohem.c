/* ohem.c - online hard example mining: only the largest losses of a batch count.
 *
 * Shrivastava, Gupta, Girshick: Training Region-based Object Detectors with Online Hard Example
 * Mining, CVPR 2016, for a classifier's batch. With k = ceil(keep n),
 *
 *     v_i = n/k if l_i is one of the k largest losses of the batch, else 0
 *     w <- Opt_w( (1/n) sum_i v_i grad l_i(w) ),   so the mean over those that are kept.
 *
 * Of equal losses those earlier in the batch are kept; samples to which the data gives the weight 0
 * are not of the n. The share that the published comparison used is not known. */
#include "methods/formulas.h"
#include "methods/method.h"

#include <math.h>

struct ohem_options {
    double keep;
};

static const struct mwn_option ohem_rows[] = {
    {"keep", MWN_OPT_REAL, offsetof(struct ohem_options, keep), "0.5", 0.001, 1, NULL,
     "Share of a batch that counts: the samples with the largest losses."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status ohem_begin(void *self, const void *options,
                             const struct mwn_method_context *context,
                             struct mwn_error *err)
{
    (void)context, (void)err;
    *(struct ohem_options *)self = *(const struct ohem_options *)options;
    return MWN_OK;
}

static mwn_status ohem_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    const struct ohem_options *m = self;
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    size_t n = mwn_method_counting(step, step->coef), above = 0, equal = 0;
    size_t k = (size_t)ceil(m->keep * (double)n - 1e-9);
    double least =
        n > 0 ? mwn_quantile(n, step->coef, (double)(n - k + 1) / (double)n, step->work)
              : (double)INFINITY;
    for (size_t i = 0; i < n; i++)
        above += step->coef[i] > least;
    for (size_t i = 0; i < step->train->n; i++) {
        bool counts = mwn_step_given(step, i) > 0;
        bool kept = counts && step->loss[i] > least;
        if (!kept && counts && step->loss[i] >= least)
            kept = above + equal++ < k;
        step->weight[i] = kept ? (double)n / (double)k : 0;
    }
    return mwn_method_update(step, err);
}

const struct mwn_method mwn_method_ohem = {
    .name = "ohem",
    .summary = "hard example mining, only the largest losses of a batch count",
    .reference =
        "Shrivastava et al., Training Region-based Object Detectors with Online Hard "
        "Example Mining, CVPR 2016",
    .options_size = sizeof(struct ohem_options),
    .self_size = sizeof(struct ohem_options),
    .options = ohem_rows,
    .begin = ohem_begin,
    .step = ohem_step,
};
