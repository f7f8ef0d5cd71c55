/* gce.c - generalised cross-entropy: between cross-entropy and the absolute error, which bears
 * wrong labels.
 *
 * Zhang, Sabuncu: Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
 * Labels, NeurIPS 2018, equations 6 and 9. With p_i = exp(-l_i) the probability of the label,
 *
 *     f_i = (1 - p_i^q) / q,     grad f_i = v_i grad l_i,   v_i = p_i^q,
 *
 * q -> 0 being cross-entropy and q = 1 half the absolute error. Truncated at k, samples with
 * p_i <= k have a constant loss, so v_i = 0; the paper's alternating pruning by a fixed k = 0.5
 * is left to method.truncate. */
#include "methods/method.h"

#include <math.h>

struct gce_options {
    double q, truncate;
};

static const struct mwn_option gce_rows[] = {
    {"q", MWN_OPT_REAL, offsetof(struct gce_options, q), "0.7", 0, 1, NULL,
     "Power of the probability: 0 is cross-entropy, 1 the absolute error."},
    {"truncate", MWN_OPT_REAL, offsetof(struct gce_options, truncate), "0", 0, 1, NULL,
     "Samples whose label has at most that probability do not count; 0: all do."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status gce_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    (void)context, (void)err;
    *(struct gce_options *)self = *(const struct gce_options *)options;
    return MWN_OK;
}

static void gce_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    const struct gce_options *m = self;
    for (size_t i = 0; i < n; i++)
        weight[i] =
            m->truncate > 0 && exp(-loss[i]) <= m->truncate ? 0 : exp(-m->q * loss[i]);
}

static mwn_status gce_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    gce_weigh(self, step->train->n, step->loss, step->weight);
    return mwn_method_update(step, err);
}

const struct mwn_method mwn_method_gce = {
    .name = "gce",
    .summary = "generalised cross-entropy, samples with an unlikely label count less",
    .reference =
        "Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural "
        "Networks with Noisy Labels, NeurIPS 2018",
    .options_size = sizeof(struct gce_options),
    .self_size = sizeof(struct gce_options),
    .options = gce_rows,
    .begin = gce_begin,
    .believes = true,
    .step = gce_step,
    .weigh = gce_weigh,
};
