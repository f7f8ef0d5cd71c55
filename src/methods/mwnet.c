/* mwnet.c - Meta-Weight-Net: a small network V learns, while the classifier trains, how much
 * a sample with a given loss should count.
 *
 * Shu, Xie, Yi, Zhao, Zhou, Xu, Meng: Meta-Weight-Net: Learning an Explicit Mapping For Sample
 * Weighting, NeurIPS 2019, equations 3 to 5. For a batch with losses l_i(w), i = 1..n, and
 * V_i = V(l_i; Theta), the loss being a constant for V:
 *
 *     virtual   w^(Theta) = w - lr sum_i c_i(Theta) grad l_i(w)
 *     meta      Theta <- Opt_Theta( grad_Theta (1/m) sum_j l_j^meta(w^(Theta)) )
 *     actual    w <- Opt_w( sum_i c_i(Theta_new) grad l_i(w) )     same batch, same w
 *
 * with c_i = V_i/n (mean) or V_i / sum V (sum, sum_detached: weighting.h). The meta-gradient is
 * the exact one, by forward mode: step.c. In passes of the network: forward 1, virtual backward
 * 2, meta forward and backward 3, tangent 2, actual backward 2, so 10 against 3 of plain SGD.
 * An iteration without a meta batch (meta.every) leaves the first two lines out and costs 3. */
#include "methods/method.h"

#include "base/mem.h"
#include "base/status.h"
#include "engine/weighting.h"

#include <inttypes.h>
#include <math.h>

struct mwnet_options {
    struct mwn_int_list hidden;
    int weights;   /* enum mwn_weighting  */
    int optimizer; /* enum mwn_theta_rule */
    double lr, momentum, weight_decay;
    bool nesterov;
};

struct mwnet {
    enum mwn_weighting form;
    struct mwn_weight_net net;
    struct mwn_theta_optimizer optimizer;
    double steps; /* of the optimiser: the number that a checkpoint keeps */
    double *dv;   /* owned [max_n]: dL_meta/dV_i                          */
};

static const char *const weights_choices[] = {"mean", "sum", "sum_detached", NULL};
static const char *const optimizer_choices[] = {"sgd", "adam", NULL};

#define FIELD(name) offsetof(struct mwnet_options, name)
static const struct mwn_option mwnet_rows[] = {
    {"hidden", MWN_OPT_LIST, FIELD(hidden), "100", 1, 4096, NULL,
     "Sizes of the hidden layers of the weight net V, at most seven."},
    {"weights", MWN_OPT_CHOICE, FIELD(weights), "mean", 0, 0, weights_choices,
     "Coefficient of a loss: V/n, V/sum(V), or V/sum(V) with the sum a constant for the "
     "meta-gradient."},
    {"optimizer", MWN_OPT_CHOICE, FIELD(optimizer), "adam", 0, 0, optimizer_choices,
     "Optimiser of the weight net."},
    {"lr", MWN_OPT_REAL, FIELD(lr), "1e-3", 0, 100, NULL,
     "Learning rate of the weight net; it does not follow train.schedule."},
    {"momentum", MWN_OPT_REAL, FIELD(momentum), "0.9", 0, 1, NULL,
     "Momentum of the weight net's optimiser, for sgd."},
    {"nesterov", MWN_OPT_BOOL, FIELD(nesterov), "false", 0, 0, NULL,
     "Nesterov momentum for the weight net, for sgd."},
    {"weight_decay", MWN_OPT_REAL, FIELD(weight_decay), "1e-4", 0, 1, NULL,
     "Weight decay (L2) of the weight net."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef FIELD

static void mwnet_end(void *self)
{
    struct mwnet *m = self;
    mwn_weight_net_release(&m->net);
    mwn_theta_optimizer_release(&m->optimizer);
    mwn_free(m->dv);
    m->dv = NULL;
}

static mwn_status mwnet_begin(void *self, const void *options, size_t max_n, uint64_t seed,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwnet *m = self;
    const struct mwnet_options *o = options;
    m->form = (enum mwn_weighting)o->weights;
    m->optimizer.rule = (enum mwn_theta_rule)o->optimizer;
    m->optimizer.lr = o->lr;
    m->optimizer.momentum = o->momentum;
    m->optimizer.nesterov = o->nesterov;
    m->optimizer.weight_decay = o->weight_decay;
    MWN_TRY(mwn_weight_net_init(&m->net, &o->hidden, 1, max_n, seed, err));
    MWN_TRY(mwn_theta_optimizer_init(&m->optimizer, m->net.n_params, err));
    m->dv = mwn_alloc(max_n, sizeof *m->dv);
    if (!m->dv)
        status = mwn_fail_memory(err, max_n * sizeof *m->dv, "the weight net's gradient");
out:
    if (status != MWN_OK)
        mwnet_end(m);
    return status;
}

/* V_i into step->weight and c_i into step->coef. */
static mwn_status weigh_batch(struct mwnet *m, struct mwn_step *step, struct mwn_error *err)
{
    size_t n = step->train->n;
    double sum = 0;
    mwn_weight_net_forward(&m->net, n, step->loss, NULL, step->weight);
    for (size_t i = 0; i < n; i++)
        sum += step->weight[i];
    mwn_weighting_coef(m->form, n, step->weight, step->coef);
    if (sum >= 1e-12 * (double)n)
        return MWN_OK;
    if (isnan(sum))
        mwn_fail(err, MWN_ERR_DIVERGED,
                 "iteration %" PRIu64 ": the weight net gives weights "
                 "that are not numbers",
                 step->iteration);
    else
        mwn_fail(err, MWN_ERR_DIVERGED,
                 "iteration %" PRIu64 ": all %zu weights of the batch "
                 "are zero, so nothing can be learned from it",
                 step->iteration, n);
    return mwn_hint(err,
                    "lower method.lr (it is %g) or set method.weights to sum, which keeps "
                    "the size of a step; see that the meta samples are labelled right",
                    m->optimizer.lr);
}

/* The meta step: Theta moves along the meta loss at the virtual parameters. */
static mwn_status learn_weights(struct mwnet *m, struct mwn_step *step,
                                struct mwn_error *err)
{
    size_t n = step->train->n;
    double scale = 0;
    mwn_status status = mwn_step_hypergradient(step, step->coef, &scale, err);
    if (status != MWN_OK)
        return status;
    mwn_weighting_gradient(m->form, n, step->weight, step->d, scale, m->dv);
    mwn_weight_net_backward(&m->net, n, step->loss, NULL, m->dv);
    m->optimizer.steps = (uint64_t)m->steps;
    mwn_theta_optimizer_update(&m->optimizer, m->net.theta, m->net.grad);
    m->steps = (double)m->optimizer.steps;
    return MWN_OK;
}

static mwn_status mwnet_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwnet *m = self;
    MWN_TRY(mwn_step_forward(step, err));
    MWN_TRY(weigh_batch(m, step, err));
    if (step->meta) {
        MWN_TRY(learn_weights(m, step, err));
        MWN_TRY(weigh_batch(m, step, err));
    }
    MWN_TRY(mwn_step_update(step, step->coef, err));
out:
    return status;
}

static int mwnet_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct mwnet *m = self;
    size_t n = m->net.n_params;
    items[0] = (struct mwn_state_item){"theta", m->net.theta, n};
    items[1] = (struct mwn_state_item){"theta.first", m->optimizer.first, n};
    items[2] = (struct mwn_state_item){"theta.second", m->optimizer.second, n};
    items[3] = (struct mwn_state_item){"theta.steps", &m->steps, 1};
    return 4;
}

static void mwnet_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    const struct mwnet *m = self;
    mwn_weight_net_apply(&m->net, n, loss, weight);
}

const struct mwn_method mwn_method_mwnet = {
    .name = "mwnet",
    .summary = "Meta-Weight-Net, a learned function from a sample's loss to its weight",
    .reference = "Shu et al., Meta-Weight-Net: Learning an Explicit Mapping For Sample "
                 "Weighting, NeurIPS 2019",
    .needs = MWN_NEEDS_META,
    .options_size = sizeof(struct mwnet_options),
    .self_size = sizeof(struct mwnet),
    .options = mwnet_rows,
    .begin = mwnet_begin,
    .step = mwnet_step,
    .state = mwnet_state,
    .weigh = mwnet_weigh,
    .end = mwnet_end,
};
