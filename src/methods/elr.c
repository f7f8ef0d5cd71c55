/* elr.c - early-learning regularisation: the network is held to what it said of a sample early on.
 *
 * Liu, Niles-Weed, Razavian, Fernandez-Granda: Early-Learning Regularization Prevents Memorization
 * of Noisy Labels, NeurIPS 2020, equations 6 and 9. Each training sample has a running mean t_i of
 * its probabilities p_i, 0 at first and not differentiated, that moves on before it is used:
 *
 *     t_i <- beta t_i + (1 - beta) p_i
 *     f_i = l_i + lambda log(1 - <t_i, p_i>)
 *     df_i/dz_ik = p_ik - y_ik - lambda p_ik (t_ik - <t_i, p_i>) / (1 - <t_i, p_i>)
 *     w <- Opt_w( (1/n) sum_i grad f_i(w) ).
 *
 * As in the authors' code p_i is kept within 1e-4 .. 1 - 1e-4, in t_i scaled to the sum 1 again;
 * where it is cut off it has no slope of its own. Published: (beta, lambda) = (0.7, 3) for
 * CIFAR-10, (0.9, 7) for CIFAR-100. */
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

static const double margin = 1e-4;

struct elr_options {
    double beta, lambda;
};

struct elr {
    struct elr_options options;
    struct mwn_output_room room;
    size_t numbers;
    double *target;  /* owned [numbers]: t, [samples][classes] */
    double *clamped; /* owned [classes]                       */
};

static const struct mwn_option elr_rows[] = {
    {"beta", MWN_OPT_REAL, offsetof(struct elr_options, beta), "0.7", 0, 1, NULL,
     "Share of the old value in the running mean of a sample's probabilities."},
    {"lambda", MWN_OPT_REAL, offsetof(struct elr_options, lambda), "3", 0, 1000, NULL,
     "Weight of the regularisation beside the cross-entropy."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void elr_end(void *self)
{
    struct elr *m = self;
    mwn_output_room_release(&m->room);
    mwn_free(m->target);
    mwn_free(m->clamped);
    m->target = m->clamped = NULL;
}

static mwn_status elr_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    struct elr *m = self;
    size_t n = context->facts.n;
    m->options = *(const struct elr_options *)options;
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    m->numbers = n * m->room.classes;
    m->target = mwn_alloc(n, m->room.classes * sizeof *m->target);
    m->clamped = mwn_alloc(m->room.classes, sizeof *m->clamped);
    if (status == MWN_OK && (!m->target || !m->clamped))
        status = mwn_fail_memory(err, m->numbers * sizeof *m->target,
                                 "the running means of all probabilities");
    if (status != MWN_OK)
        elr_end(m);
    return status;
}

/* Moves a sample's target on and adds the regularisation's slope times `share`. */
static void regularise(struct elr *m, size_t sample, const double *p, double share,
                       double *slope)
{
    size_t classes = m->room.classes;
    double *t = m->target + sample * classes, sum = 0, dot = 0, mean = 0;
    double *c = m->clamped;
    for (size_t k = 0; k < classes; k++) {
        c[k] = p[k] < margin ? margin : p[k] > 1 - margin ? 1 - margin : p[k];
        sum += c[k];
    }
    for (size_t k = 0; k < classes; k++) {
        t[k] = m->options.beta * t[k] + (1 - m->options.beta) * c[k] / sum;
        dot += t[k] * c[k];
    }
    /* By the clamped probabilities the slope is -t/(1 - dot); those cut off pass none on. */
    for (size_t k = 0; k < classes; k++) {
        bool moves = p[k] >= margin && p[k] <= 1 - margin;
        c[k] = moves ? -t[k] / (1 - dot) : 0;
        mean += c[k] * p[k];
    }
    for (size_t k = 0; k < classes; k++)
        slope[k] += share * p[k] * (c[k] - mean);
}

static mwn_status elr_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct elr *m = self;
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    mwn_output_room_plain(&m->room, batch);
    for (size_t i = 0; i < batch->n; i++)
        regularise(m, batch->index[i], m->room.prob + i * classes,
                   m->options.lambda / (double)batch->n, m->room.slope + i * classes);
    return mwn_step_update_output(step, m->room.slope, err);
}

static int elr_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct elr *m = self;
    items[0] = (struct mwn_state_item){"target", m->target, m->numbers};
    return 1;
}

const struct mwn_method mwn_method_elr = {
    .name = "elr",
    .summary = "early-learning regularisation towards the early predictions of a sample",
    .reference = "Liu et al., Early-Learning Regularization Prevents Memorization of Noisy "
                 "Labels, NeurIPS 2020",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_INDEX,
    .options_size = sizeof(struct elr_options),
    .self_size = sizeof(struct elr),
    .options = elr_rows,
    .begin = elr_begin,
    .step = elr_step,
    .state = elr_state,
    .end = elr_end,
};
