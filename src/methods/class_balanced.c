/* class_balanced.c - class-balanced loss: classes count by their effective number of samples.
 *
 * Cui, Jia, Lin, Song, Belongie: Class-Balanced Loss Based on Effective Number of Samples, CVPR
 * 2019, equation 4 on the cross-entropy (equation 6) or the focal loss (equation 8, for a
 * softmax). With n_c training samples of class c,
 *
 *     w_c ~ (1 - beta) / (1 - beta^n_c),  scaled to sum_c w_c = C,
 *     w <- Opt_w( (1/n) sum_i w_(y_i) grad f_i(w) ),   f_i = l_i or the focal loss of l_i.
 *
 * beta = 0 counts all samples the same, beta = 1 is the inverse class frequency. */
#include "methods/formulas.h"
#include "methods/method.h"

#include "base/mem.h"
#include "base/status.h"

struct balanced_options {
    double beta, gamma;
    int loss; /* 0: ce, 1: focal */
};

struct balanced {
    double gamma;
    double *weight; /* owned [classes] */
};

static const char *const loss_choices[] = {"ce", "focal", NULL};

static const struct mwn_option balanced_rows[] = {
    {"beta", MWN_OPT_REAL, offsetof(struct balanced_options, beta), "0.9999", 0, 1, NULL,
     "How fast another sample of a class adds less: 0 weighs all classes alike, 1 by the "
     "inverse of their size."},
    {"loss", MWN_OPT_CHOICE, offsetof(struct balanced_options, loss), "ce", 0, 0,
     loss_choices, "What is weighted: the cross-entropy or the focal loss."},
    {"gamma", MWN_OPT_REAL, offsetof(struct balanced_options, gamma), "1", 0, 20, NULL,
     "Power of the focal loss, for method.loss=focal."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status balanced_begin(void *self, const void *options,
                                 const struct mwn_method_context *context,
                                 struct mwn_error *err)
{
    struct balanced *m = self;
    const struct balanced_options *o = options;
    size_t classes = context->facts.classes;
    m->gamma = o->loss ? o->gamma : 0;
    m->weight = mwn_alloc(classes, sizeof *m->weight);
    if (!m->weight)
        return mwn_fail_memory(err, classes * sizeof *m->weight, "class weights");
    mwn_effective_weights(classes, context->facts.class_count, o->beta, m->weight);
    return MWN_OK;
}

static mwn_status balanced_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    const struct balanced *m = self;
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < step->train->n; i++)
        step->weight[i] =
            m->weight[step->train->label[i]] * mwn_focal_slope(step->loss[i], m->gamma);
    return mwn_method_update(step, err);
}

static void balanced_end(void *self)
{
    struct balanced *m = self;
    mwn_free(m->weight);
    m->weight = NULL;
}

const struct mwn_method mwn_method_class_balanced = {
    .name = "class_balanced",
    .summary = "class-balanced loss, classes count by their effective number of samples",
    .reference =
        "Cui et al., Class-Balanced Loss Based on Effective Number of Samples, CVPR "
        "2019",
    .needs = MWN_NEEDS_CLASSES,
    .options_size = sizeof(struct balanced_options),
    .self_size = sizeof(struct balanced),
    .options = balanced_rows,
    .begin = balanced_begin,
    .step = balanced_step,
    .end = balanced_end,
};
