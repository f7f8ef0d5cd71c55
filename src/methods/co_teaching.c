/* co_teaching.c - two networks, each of which learns from the samples that the other finds easy.
 *
 * Han, Yao, Yu, Niu, Xu, Hu, Tsang, Sugiyama: Co-teaching: Robust Training of Deep Neural Networks
 * with Extremely Noisy Labels, NeurIPS 2018, algorithm 1, with the schedule of the authors' code.
 * In epoch t = 0, 1, .. networks w_1 and w_2, which begin at different values, see the same batch:
 *
 *     F(t) = rate^exponent t / (gradual - 1) for t < gradual, then rate
 *     R_j  = the k = int((1 - F(t)) n) samples with the smallest losses under w_j, 1 at least
 *     w_1 <- Opt( (1/k) sum_(i in R_2) grad l_i(w_1) ),   w_2 <- Opt( (1/k) sum_(i in R_1) grad l_i(w_2) ).
 *
 * rate is the share of wrong labels, as far as it is known. Of equal losses those earlier in the
 * batch are kept. Both networks have the optimiser of the run and its learning rate (published: Adam,
 * 1e-3, whose beta_1 drops from 0.9 to 0.1; the code's division by k of a mean, which Adam does not
 * notice, is left out) and momentum of their own. The first network is the one that is evaluated and
 * saved; the weight shown is 1 for the samples that it chose, 0 for the others.
 *
 * In passes of a network: two forward of the first, whose activations the second one's pass takes
 * the place of, one of the second, two backward, so 7 against 3 of plain training. */
#include "methods/formulas.h"
#include "methods/method.h"

#include "base/mem.h"
#include "base/status.h"
#include "engine/second.h"

#include <math.h>
#include <string.h>

struct co_options {
    double rate, exponent;
    int64_t gradual;
};

struct co_teaching {
    struct co_options options;
    struct mwn_data_facts facts;
    struct mwn_second second;
    struct mwn_sgd sgd; /* of the second network                                        */
    double begun;       /* 1 once the second network has its initial values             */
    size_t stats;
    double *before; /* owned [stats] of the first network before a pass that is repeated */
    double *choice; /* owned [max_n] 1/k for the samples that the other one chose        */
};

static const struct mwn_option co_rows[] = {
    {"rate", MWN_OPT_REAL, offsetof(struct co_options, rate), "0.2", 0, 0.999, NULL,
     "Share of a batch, the largest losses, that is left out in the end: the share of "
     "wrong "
     "labels, if it is known."},
    {"gradual", MWN_OPT_INT, offsetof(struct co_options, gradual), "10", 1, 1000000, NULL,
     "Epochs in which that share grows from 0."},
    {"exponent", MWN_OPT_REAL, offsetof(struct co_options, exponent), "1", 0.01, 100, NULL,
     "Power of the share that it grows to in those epochs."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void co_end(void *self)
{
    struct co_teaching *m = self;
    mwn_second_release(&m->second);
    mwn_sgd_release(&m->sgd);
    mwn_free(m->before);
    mwn_free(m->choice);
    m->before = m->choice = NULL;
}

static mwn_status co_begin(void *self, const void *options,
                           const struct mwn_method_context *context, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct co_teaching *m = self;
    const struct mwn_learner *learner = context->step->learner;
    m->options = *(const struct co_options *)options;
    m->facts = context->facts;
    m->stats = learner->n_stats;
    m->sgd.momentum = context->step->sgd.momentum;
    m->sgd.dampening = context->step->sgd.dampening;
    m->sgd.weight_decay = context->step->sgd.weight_decay;
    m->sgd.nesterov = context->step->sgd.nesterov;
    MWN_TRY(mwn_second_init(&m->second, learner, err));
    MWN_TRY(mwn_sgd_init(&m->sgd, learner->dtype, learner->n_params, err));
    m->before = mwn_alloc(m->stats, sizeof *m->before);
    m->choice = mwn_alloc(context->max_n, sizeof *m->choice);
    if (!m->before || !m->choice)
        status = mwn_fail_memory(err, (m->stats + context->max_n) * sizeof *m->choice,
                                 "the choice of samples");
out:
    if (status != MWN_OK)
        co_end(m);
    return status;
}

/* How many samples of a batch are kept in an epoch. */
static size_t kept_of(const struct co_options *options, uint64_t epoch, size_t n)
{
    double share = options->rate, gradual = (double)options->gradual;
    if (epoch < (uint64_t)options->gradual)
        share = pow(options->rate, options->exponent) *
                (gradual > 1 ? (double)epoch / (gradual - 1) : 0);
    size_t kept = (size_t)((1 - share) * (double)n);
    return kept > 0 ? kept : 1;
}

/* 1/k for the k samples with the smallest losses, of those that the data does not give the weight
 * 0; 0 for the others. */
static void choose(const struct co_teaching *m, const struct mwn_step *step, double *choice)
{
    size_t n = mwn_method_counting(step, choice), below = 0, equal = 0;
    size_t k = kept_of(&m->options, mwn_method_epoch(&m->facts, step), n);
    double most = n > 0 ? mwn_quantile(n, choice, (double)k / (double)n, step->work) : -1;
    for (size_t i = 0; i < n; i++)
        below += choice[i] < most;
    for (size_t i = 0; i < step->train->n; i++) {
        bool counts = mwn_step_given(step, i) > 0;
        bool kept = counts && step->loss[i] < most;
        if (!kept && counts && step->loss[i] <= most)
            kept = below + equal++ < k;
        choice[i] = kept ? 1 / (double)k : 0;
    }
}

/* Puts the second network with its optimiser in the place of the first, or the first back. */
static void exchange(struct co_teaching *m, struct mwn_step *step)
{
    struct mwn_sgd sgd = step->sgd;
    step->sgd = m->sgd;
    m->sgd = sgd;
    mwn_second_exchange(&m->second, step->learner);
}

/* The second network's iteration, by the choice of the first; leaves its own in m->choice. */
static mwn_status teach_second(struct co_teaching *m, struct mwn_step *step,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_batch *train = step->train;
    struct mwn_batch same = *train;
    same.key++; /* other dropout masks than the first network's */
    exchange(m, step);
    memcpy(m->second.stats, m->before, m->stats * sizeof *m->before);
    step->train = &same;
    MWN_TRY(mwn_step_forward(step, err));
    memcpy(step->coef, m->choice, train->n * sizeof *step->coef);
    choose(m, step, m->choice);
    MWN_TRY(mwn_step_update(step, step->coef, err));
out:
    step->train = train;
    exchange(m, step);
    if (status != MWN_OK)
        mwn_context(err, "the second network");
    return status;
}

static mwn_status co_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct co_teaching *m = self;
    struct mwn_learner *learner = step->learner;
    size_t n = step->train->n;
    if (m->begun <= 0)
        MWN_TRY(learner->another(learner->self, m->second.params, m->second.stats, err));
    m->sgd.has_buffer = m->sgd.buffer && m->begun > 0;
    exchange(m, step);
    memcpy(m->before, m->second.stats, m->stats * sizeof *m->before);
    exchange(m, step);
    MWN_TRY(mwn_step_forward(step, err));
    choose(m, step, m->choice);
    for (size_t i = 0; i < n; i++)
        step->weight[i] = m->choice[i] > 0;
    MWN_TRY(teach_second(m, step, err));
    MWN_TRY(mwn_step_forward(step, err));
    MWN_TRY(mwn_step_update(step, m->choice, err));
    m->begun = 1;
out:
    return status;
}

static int co_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct co_teaching *m = self;
    items[0] = (struct mwn_state_item){"begun", &m->begun, 1};
    items[1] = (struct mwn_state_item){"second.stats", m->second.stats, m->stats};
    return 2;
}

static int co_vectors(void *self, struct mwn_vector_item items[MWN_VECTORS_MAX])
{
    struct co_teaching *m = self;
    items[0] = (struct mwn_vector_item){"second.params", m->second.params};
    items[1] = (struct mwn_vector_item){"second.momentum", m->sgd.buffer};
    return m->sgd.buffer ? 2 : 1;
}

const struct mwn_method mwn_method_co_teaching = {
    .name = "co_teaching",
    .summary = "two networks, each learns from what the other finds easy",
    .reference = "Han et al., Co-teaching: Robust Training of Deep Neural Networks with "
                 "Extremely Noisy Labels, NeurIPS 2018",
    .needs = MWN_NEEDS_SECOND | MWN_NEEDS_STEPS,
    .options_size = sizeof(struct co_options),
    .self_size = sizeof(struct co_teaching),
    .options = co_rows,
    .begin = co_begin,
    .believes = true,
    .step = co_step,
    .state = co_state,
    .vectors = co_vectors,
    .end = co_end,
};
