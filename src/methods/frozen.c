/* frozen.c - weights by a weight net that was learned elsewhere and stays as it is.
 *
 *     w <- Opt_w( sum_i c_i grad l_i(w) ),   c_i = V(l_i)/n  or  V(l_i) / sum V
 *
 * What Meta-Weight-Net learns is an explicit function of the loss, so it can be taken from one
 * task to another (Shu et al., NeurIPS 2019, section 4.3): no meta set, the cost of plain
 * training. */
#include "base/mem.h"
#include "base/status.h"
#include "engine/weight_net_file.h"
#include "engine/weighting.h"
#include "methods/method.h"

#include <inttypes.h>

struct frozen_options {
    char *weight_net;
    int weights; /* enum mwn_weighting */
};

struct frozen {
    enum mwn_weighting form;
    struct mwn_weight_net net;
};

static const char *const weights_choices[] = {"mean", "sum", NULL};

static const struct mwn_option frozen_rows[] = {
    {"weight_net", MWN_OPT_TEXT, offsetof(struct frozen_options, weight_net), "", 0, 0,
     NULL, "File of the weight net: JSON by mwnet export --weight-net."},
    {"weights", MWN_OPT_CHOICE, offsetof(struct frozen_options, weights), "mean", 0, 0,
     weights_choices, "Coefficient of a loss: V/n or V/sum(V)."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void frozen_end(void *self)
{
    struct frozen *f = self;
    mwn_weight_net_release(&f->net);
}

static mwn_status frozen_begin(void *self, const void *options,
                               const struct mwn_method_context *context,
                               struct mwn_error *err)
{
    struct frozen *f = self;
    const struct frozen_options *o = options;
    f->form = (enum mwn_weighting)o->weights;
    if (o->weight_net && *o->weight_net)
        return mwn_weight_net_read(&f->net, o->weight_net, context->max_n, err);
    mwn_fail(err, MWN_ERR_CONFIG, "method.weight_net: the file is not given");
    return mwn_hint(err, "make one by mwnet export RUN --weight-net FILE.json");
}

static mwn_status frozen_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct frozen *f = self;
    size_t n = step->train->n;
    double sum = 0;
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    mwn_weight_net_forward(&f->net, n, step->loss, NULL, step->weight);
    for (size_t i = 0; i < n; i++)
        sum += step->weight[i];
    if (!(sum >= 1e-12 * (double)n)) {
        mwn_fail(err, MWN_ERR_DIVERGED,
                 "iteration %" PRIu64 ": all %zu weights of the batch are zero, so nothing "
                 "can be learned from it",
                 step->iteration, n);
        return mwn_hint(err, "the losses here are larger than where the weight net was "
                             "learned");
    }
    mwn_weighting_coef(f->form, n, step->weight, step->coef);
    return mwn_step_update(step, step->coef, err);
}

static int frozen_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct frozen *f = self;
    items[0] = (struct mwn_state_item){"theta", f->net.theta, f->net.n_params};
    return 1;
}

static void frozen_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    const struct frozen *f = self;
    mwn_weight_net_apply(&f->net, n, loss, weight);
}

const struct mwn_method mwn_method_frozen = {
    .name = "frozen",
    .summary = "weights by a weight net that was learned elsewhere, no meta set",
    .reference = "Shu et al., Meta-Weight-Net: Learning an Explicit Mapping For Sample "
                 "Weighting, NeurIPS 2019, section 4.3",
    .needs = MWN_NEEDS_FILE,
    .options_size = sizeof(struct frozen_options),
    .self_size = sizeof(struct frozen),
    .options = frozen_rows,
    .begin = frozen_begin,
    .step = frozen_step,
    .state = frozen_state,
    .weigh = frozen_weigh,
    .end = frozen_end,
};
