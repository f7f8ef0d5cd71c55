/* meta_class_weight.c - one weight a class, learned by the meta set.
 *
 * Meta-Weight-Net (mwnet.c) with the class in place of the loss: V_i = theta_(y_i), and in the same
 * three steps
 *
 *     virtual   w^(theta) = w - lr (1/n) sum_i theta_(y_i) grad l_i(w)
 *     meta      theta <- max(0, theta - eta dL_meta(w^)/dtheta),  then scaled to the mean 1
 *               over the classes that have samples,
 *               dL_meta/dtheta_c = -lr s (1/n) sum over y_i = c of d_i
 *     actual    w <- Opt_w( (1/n) sum_i theta_(y_i) grad l_i(w) )
 *
 * theta begins at 1. The scaling leaves the size of steps to the learning rate. What is left of
 * mwnet without the loss: the gap between the two is what looking at single samples is worth. */
#include "methods/method.h"

#include "base/mem.h"
#include "base/status.h"

struct meta_class_options {
    double lr;
};

struct meta_class {
    size_t classes;
    double lr;
    double *theta, *grad, *has; /* owned [classes]; has: samples of the class */
};

static const struct mwn_option meta_class_rows[] = {
    {"class_lr", MWN_OPT_REAL, offsetof(struct meta_class_options, lr), "0.1", 0, 1e6, NULL,
     "Learning rate of the class weights; it does not follow train.schedule."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void meta_class_end(void *self)
{
    struct meta_class *m = self;
    mwn_free(m->theta);
    mwn_free(m->grad);
    mwn_free(m->has);
    m->theta = m->grad = m->has = NULL;
}

static mwn_status meta_class_begin(void *self, const void *options,
                                   const struct mwn_method_context *context,
                                   struct mwn_error *err)
{
    struct meta_class *m = self;
    m->classes = context->facts.classes;
    m->lr = ((const struct meta_class_options *)options)->lr;
    m->theta = mwn_alloc(m->classes, sizeof *m->theta);
    m->grad = mwn_alloc(m->classes, sizeof *m->grad);
    m->has = mwn_alloc(m->classes, sizeof *m->has);
    if (!m->theta || !m->grad || !m->has) {
        meta_class_end(m);
        return mwn_fail_memory(err, 3 * m->classes * sizeof *m->theta, "class weights");
    }
    for (size_t c = 0; c < m->classes; c++) {
        m->theta[c] = 1;
        m->has[c] = context->facts.class_count[c];
    }
    return MWN_OK;
}

static void weigh_batch(const struct meta_class *m, struct mwn_step *step)
{
    for (size_t i = 0; i < step->train->n; i++) {
        step->weight[i] = m->theta[step->train->label[i]];
        step->coef[i] = step->weight[i] / (double)step->train->n;
    }
}

static mwn_status learn_weights(struct meta_class *m, struct mwn_step *step,
                                struct mwn_error *err)
{
    size_t n = step->train->n;
    double scale = 0, sum = 0, present = 0;
    mwn_status status = mwn_step_hypergradient(step, step->coef, &scale, err);
    if (status != MWN_OK)
        return status;
    for (size_t c = 0; c < m->classes; c++)
        m->grad[c] = 0;
    for (size_t i = 0; i < n; i++)
        m->grad[step->train->label[i]] += scale * step->d[i] / (double)n;
    for (size_t c = 0; c < m->classes; c++) {
        double moved = m->theta[c] - m->lr * m->grad[c];
        m->theta[c] = moved > 0 ? moved : 0;
        sum += m->has[c] > 0 ? m->theta[c] : 0;
        present += m->has[c] > 0;
    }
    if (!(sum > 0)) {
        mwn_fail(err, MWN_ERR_DIVERGED, "iteration %llu: all class weights are zero",
                 (unsigned long long)step->iteration);
        return mwn_hint(err, "lower method.class_lr (it is %g)", m->lr);
    }
    for (size_t c = 0; c < m->classes; c++)
        m->theta[c] *= m->has[c] > 0 ? present / sum : 1;
    return MWN_OK;
}

static mwn_status meta_class_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct meta_class *m = self;
    MWN_TRY(mwn_step_forward(step, err));
    weigh_batch(m, step);
    if (step->meta) {
        MWN_TRY(learn_weights(m, step, err));
        weigh_batch(m, step);
    }
    status = mwn_step_update(step, step->coef, err);
out:
    return status;
}

static int meta_class_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct meta_class *m = self;
    items[0] = (struct mwn_state_item){"theta", m->theta, m->classes};
    return 1;
}

const struct mwn_method mwn_method_meta_class_weight = {
    .name = "meta_class_weight",
    .summary = "one weight a class, learned by the meta set as Meta-Weight-Net learns V",
    .reference = "Shu et al., NeurIPS 2019, with the class in place of the loss",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_CLASSES,
    .options_size = sizeof(struct meta_class_options),
    .self_size = sizeof(struct meta_class),
    .options = meta_class_rows,
    .begin = meta_class_begin,
    .step = meta_class_step,
    .state = meta_class_state,
    .end = meta_class_end,
};
