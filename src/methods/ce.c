/* ce.c - plain cross-entropy: every sample counts the same.
 *
 *     w <- Opt_w( (1/n) sum_i grad l_i(w) )
 *
 * The twin that every comparison needs: "BaseModel" in Shu et al., Meta-Weight-Net: Learning
 * an Explicit Mapping For Sample Weighting, NeurIPS 2019. */
#include "methods/method.h"

static mwn_status ce_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    (void)self;
    return mwn_method_plain(step, err);
}

static void ce_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    (void)self;
    (void)loss;
    for (size_t i = 0; i < n; i++)
        weight[i] = 1;
}

const struct mwn_method mwn_method_ce = {
    .name = "ce",
    .summary = "plain cross-entropy, every sample counts the same",
    .reference = "the baseline of Shu et al., NeurIPS 2019",
    .step = ce_step,
    .weigh = ce_weigh,
};
