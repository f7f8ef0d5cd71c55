/* learned_weights.c - a weight net that learns while the classifier trains: what Meta-Weight-Net
 * and its class-aware kin (mwnet.c, cmwnet.c) have in common. */
#include "methods/learned_weights.h"
#include "methods/families.h"

#include "base/mem.h"
#include "base/status.h"
#include "engine/weight_net_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *const mwn_learned_forms[] = {"mean", "sum", "sum_detached", NULL};
const char *const mwn_learned_rules[] = {"sgd", "adam", NULL};

void mwn_learned_end(void *self)
{
    struct mwn_learned *m = self;
    mwn_weight_net_release(&m->net);
    mwn_theta_optimizer_release(&m->optimizer);
    mwn_free(m->dv);
    mwn_free(m->family);
    mwn_free(m->head);
    m->dv = NULL;
    m->family = m->head = NULL;
}

static mwn_status copy_families(struct mwn_learned *m, size_t max_n,
                                const struct mwn_families *families, struct mwn_error *err)
{
    m->family = mwn_alloc(families->classes, sizeof *m->family);
    m->head = mwn_alloc(max_n, sizeof *m->head);
    if (!m->family || !m->head)
        return mwn_fail_memory(err, (families->classes + max_n) * sizeof *m->head,
                               "the families of classes");
    memcpy(m->family, families->family, families->classes * sizeof *m->family);
    return MWN_OK;
}

/* V as a file has it, or at random. */
static mwn_status make_net(struct mwn_weight_net *net, const struct mwn_learned_options *o,
                           const struct mwn_method_context *context, size_t heads,
                           struct mwn_error *err)
{
    if (o->weight_net && *o->weight_net)
        return mwn_weight_net_read(net, o->weight_net, context->max_n, err);
    if (!o->freeze)
        return mwn_weight_net_init(net, &o->hidden, heads, context->max_n, context->seed,
                                   err);
    mwn_fail(err, MWN_ERR_CONFIG,
             "method.freeze: true needs method.weight_net, the file of a weight net");
    return mwn_hint(err, "make one by mwnet export RUN --weight-net FILE.json");
}

mwn_status mwn_learned_begin(struct mwn_learned *m, const struct mwn_learned_options *o,
                             const struct mwn_method_context *context,
                             const struct mwn_families *families, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t max_n = context->max_n;
    m->form = (enum mwn_weighting)o->weights;
    m->frozen = o->freeze;
    m->optimizer.rule = (enum mwn_theta_rule)o->optimizer;
    m->optimizer.lr = o->lr;
    m->optimizer.momentum = o->momentum;
    m->optimizer.nesterov = o->nesterov;
    m->optimizer.weight_decay = o->weight_decay;
    MWN_TRY(make_net(&m->net, o, context, families ? families->count : 1, err));
    MWN_TRY(mwn_theta_optimizer_init(&m->optimizer, m->net.n_params, err));
    if (families)
        MWN_TRY(copy_families(m, max_n, families, err));
    m->dv = mwn_alloc(max_n, sizeof *m->dv);
    if (!m->dv)
        status = mwn_fail_memory(err, max_n * sizeof *m->dv, "the weight net's gradient");
out:
    if (status != MWN_OK)
        mwn_learned_end(m);
    return status;
}

mwn_status mwn_learned_begin_by_size(struct mwn_learned *m,
                                     const struct mwn_learned_options *options,
                                     const struct mwn_method_context *context, size_t count,
                                     struct mwn_error *err)
{
    const struct mwn_data_facts *facts = &context->facts;
    int32_t *family = mwn_alloc(facts->classes, sizeof *family);
    if (!family)
        return mwn_fail_memory(err, facts->classes * sizeof *family, "class families");
    struct mwn_families families = {.classes = facts->classes, .family = family};
    families.count =
        mwn_families_cluster(facts->classes, facts->class_count, count, family);
    mwn_status status = mwn_learned_begin(m, options, context, &families, err);
    mwn_free(family);
    return status;
}

void mwn_learned_values(struct mwn_learned *m, size_t n, const double *loss,
                        const int32_t *label, double *v)
{
    for (size_t i = 0; m->head && i < n; i++)
        m->head[i] = m->family[label[i]];
    mwn_weight_net_forward(&m->net, n, loss, m->head, v);
}

void mwn_learned_move(struct mwn_learned *m, size_t n, const double *loss)
{
    mwn_weight_net_backward(&m->net, n, loss, m->head, m->dv);
    m->optimizer.steps = (uint64_t)m->steps;
    mwn_theta_optimizer_update(&m->optimizer, m->net.theta, m->net.grad);
    m->steps = (double)m->optimizer.steps;
}

/* V_i into step->weight and c_i into step->coef. */
static mwn_status weigh_batch(struct mwn_learned *m, struct mwn_step *step,
                              struct mwn_error *err)
{
    size_t n = step->train->n;
    double sum = 0;
    mwn_learned_values(m, n, step->loss, step->train->label, step->weight);
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
    if (m->frozen)
        return mwn_hint(err, "the losses here are larger than where the weight net was "
                             "learned");
    return mwn_hint(err,
                    "lower method.lr (it is %g) or set method.weights to sum, which keeps "
                    "the size of a step; see that the meta samples are labelled right",
                    m->optimizer.lr);
}

/* The meta step: Theta moves along the meta loss at the virtual parameters. */
static mwn_status learn_weights(struct mwn_learned *m, struct mwn_step *step,
                                struct mwn_error *err)
{
    size_t n = step->train->n;
    double scale = 0;
    mwn_status status = mwn_step_hypergradient(step, step->coef, &scale, err);
    if (status != MWN_OK)
        return status;
    mwn_weighting_gradient(m->form, n, step->weight, step->d, scale, m->dv);
    mwn_learned_move(m, n, step->loss);
    return MWN_OK;
}

mwn_status mwn_learned_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_learned *m = self;
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

int mwn_learned_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct mwn_learned *m = self;
    size_t n = m->net.n_params;
    items[0] = (struct mwn_state_item){"theta", m->net.theta, n};
    items[1] = (struct mwn_state_item){"theta.first", m->optimizer.first, n};
    items[2] = (struct mwn_state_item){"theta.second", m->optimizer.second, n};
    items[3] = (struct mwn_state_item){"theta.steps", &m->steps, 1};
    return 4;
}

void mwn_learned_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    const struct mwn_learned *m = self;
    mwn_weight_net_apply(&m->net, n, loss, weight);
}
