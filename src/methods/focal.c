/* focal.c - focal loss: samples that are learned already count less.
 *
 * Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object Detection, ICCV 2017, in the form
 * for a softmax: with the cross-entropy l_i and p_i = exp(-l_i) the probability of the label,
 *
 *     f_i = (1 - p_i)^gamma l_i,     w <- Opt_w( (1/n) sum_i grad f_i(w) )
 *
 * whose gradient goes through the factor as well: grad f_i = v_i grad l_i with the weight
 *
 *     v_i = (1 - p_i)^gamma + gamma p_i l_i (1 - p_i)^(gamma - 1). */
#include "methods/formulas.h"
#include "methods/method.h"

struct focal_options {
    double gamma;
};

struct focal {
    double gamma;
};

static const struct mwn_option focal_rows[] = {
    {"gamma", MWN_OPT_REAL, offsetof(struct focal_options, gamma), "1", 0, 20, NULL,
     "Power of the focal loss; 0 is plain cross-entropy."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status focal_begin(void *self, const void *options,
                              const struct mwn_method_context *context,
                              struct mwn_error *err)
{
    struct focal *m = self;
    (void)context, (void)err;
    m->gamma = ((const struct focal_options *)options)->gamma;
    return MWN_OK;
}

static void focal_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    const struct focal *m = self;
    for (size_t i = 0; i < n; i++)
        weight[i] = mwn_focal_slope(loss[i], m->gamma);
}

static mwn_status focal_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    focal_weigh(self, step->train->n, step->loss, step->weight);
    return mwn_method_update(step, err);
}

const struct mwn_method mwn_method_focal = {
    .name = "focal",
    .summary = "focal loss, samples that are learned already count less",
    .reference = "Lin et al., Focal Loss for Dense Object Detection, ICCV 2017",
    .options_size = sizeof(struct focal_options),
    .self_size = sizeof(struct focal),
    .options = focal_rows,
    .begin = focal_begin,
    .step = focal_step,
    .weigh = focal_weigh,
};
