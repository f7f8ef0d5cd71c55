/* mcw.c - meta-class-weight: class-balanced weights, corrected sample by sample by the meta batch.
 *
 * Jamal, Brown, Yang, Wang, Gong: Rethinking Class-Balanced Methods for Long-Tailed Visual
 * Recognition from a Domain Adaptation Perspective, CVPR 2020, as in its code. With the weights
 * w_c of class_balanced.c and eps = 0,
 *
 *     w^(eps) = w - lr sum_i (w_(y_i) + eps_i) grad l_i(w)
 *     eps_i <- -eta d L_meta(w^(eps)) / d eps_i = eta lr s d_i
 *     w <- Opt_w( (1/n) sum_i (w_(y_i) + eps_i) grad l_i(w) )
 *
 * with eta = 0.01. Before the last fifth of the epochs (160 of 200) training is plain; the step
 * w^ is along the sum, not the mean, so the learning rate should have dropped by then. An
 * iteration without a meta batch (meta.every) has eps = 0. */
#include "methods/formulas.h"
#include "methods/method.h"

#include "base/mem.h"
#include "base/status.h"

struct mcw_options {
    double beta, eta, share;
};

struct mcw {
    struct mwn_data_facts facts;
    double eta;
    uint64_t from;  /* the first epoch that is not plain */
    double *weight; /* owned [classes] */
};

static const struct mwn_option mcw_rows[] = {
    {"beta", MWN_OPT_REAL, offsetof(struct mcw_options, beta), "0.9999", 0, 1, NULL,
     "Of the class weights, as in class_balanced."},
    {"eta", MWN_OPT_REAL, offsetof(struct mcw_options, eta), "0.01", 0, 1e6, NULL,
     "Size of the correction of a sample's weight."},
    {"share", MWN_OPT_REAL, offsetof(struct mcw_options, share), "0.2", 0, 1, NULL,
     "Share of the epochs, at the end, with weights; the ones before are plain."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status mcw_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    struct mcw *m = self;
    const struct mcw_options *o = options;
    m->facts = context->facts;
    m->eta = o->eta;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    m->weight = mwn_alloc(m->facts.classes, sizeof *m->weight);
    if (!m->weight)
        return mwn_fail_memory(err, m->facts.classes * sizeof *m->weight, "class weights");
    mwn_effective_weights(m->facts.classes, m->facts.class_count, o->beta, m->weight);
    m->facts.class_count = NULL;
    return MWN_OK;
}

static mwn_status mcw_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mcw *m = self;
    size_t n = step->train->n;
    double scale = 0;
    if (mwn_method_epoch(&m->facts, step) < m->from)
        return mwn_method_plain(step, err);
    MWN_TRY(mwn_step_forward(step, err));
    for (size_t i = 0; i < n; i++)
        step->weight[i] = m->weight[step->train->label[i]];
    if (step->meta) {
        MWN_TRY(mwn_step_hypergradient(step, step->weight, &scale, err));
        for (size_t i = 0; i < n; i++)
            step->weight[i] -= m->eta * scale * step->d[i];
    }
    status = mwn_method_update(step, err);
out:
    return status;
}

static void mcw_end(void *self)
{
    struct mcw *m = self;
    mwn_free(m->weight);
    m->weight = NULL;
}

const struct mwn_method mwn_method_mcw = {
    .name = "mcw",
    .summary = "class-balanced weights, corrected sample by sample by the meta set",
    .reference = "Jamal et al., Rethinking Class-Balanced Methods for Long-Tailed Visual "
                 "Recognition from a Domain Adaptation Perspective, CVPR 2020",
    .needs =
        MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_CLASSES | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct mcw_options),
    .self_size = sizeof(struct mcw),
    .options = mcw_rows,
    .begin = mcw_begin,
    .step = mcw_step,
    .end = mcw_end,
};
