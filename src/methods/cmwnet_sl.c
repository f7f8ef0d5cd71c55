/* cmwnet_sl.c - CMW-Net-SL: what the weight takes from a label goes to the prediction of the network's
 * running mean.
 *
 * Shu, Yuan, Meng, Xu: CMW-Net: Learning a Class-Aware Sample Weighting Mapping for Robust Deep
 * Learning, TPAMI 2023, as in the authors' code for label noise. With V of cmwnet.c, w- the running
 * mean of w, z_i its softmax at x_i, in training mode, y_i the label as a vector, and mixup by
 * l = max(b, 1 - b), b ~ Beta(mixup, mixup), and an order j(i), both of one batch,
 *
 *     x_i' = l x_i + (1 - l) x_j(i),   l_i = -log p_i,y_i at x_i',   v_i = V(l_i; Theta, family of y_i)
 *     q_i = v_i y_i + (1 - v_i) z_i,   T_i = l q_i + (1 - l) q_j(i)
 *     f_i = -sum_k T_ik log p_ik,      df_i/dlogit_ik = p_ik - T_ik,   T_i a constant for w
 *     virtual   w^(Theta) = w - lr (1/n) sum_i grad f_i(w)
 *     meta      Theta <- Opt( grad (1/m) sum_j l_j^meta(w^) ), the meta batch mixed as well, b ~ U(0, 1)
 *     actual    w <- Opt_w( (1/n) sum_i grad f_i(w) ) with the new v
 *     w- <- decay w- + (1 - decay) w,  in the plain epochs too; the first w- is w.
 *
 * With t_ik = <grad logit_ik(w), u> (step.c), c_ik = y_ik - z_ik and scale = -lr s the gradient is
 * dL/dv_i = -(scale/n) sum_k c_ik (l t_ik + (1 - l) sum_(r: j(r) = i) t_rk).
 *
 * Published: decay 0.997; mixup 1 (0.1 for CIFAR-100 with 80 % symmetric noise, 0.4 for 20 and 40 %,
 * 4 for 60 % asymmetric noise); 10 plain epochs of 300 on CIFAR-10, 30 on CIFAR-100; Adam, 1e-4, decay
 * 1e-4; meta.every=10; meta samples of lowest loss (meta.source=lowest_loss without a set). Not as
 * published: the network w is evaluated and saved, not w-, and asymmetric noise does not stop w- in
 * the middle of the training; losses and margins that are kept, by which meta samples of lowest loss
 * are chosen, too, are those of the mixed images. With meta.loss=mae, which is for labels, the meta
 * batch is not mixed. The weight shown is v_i. An iteration costs one forward pass more than those
 * of cmwnet. */
#include "methods/formulas.h"
#include "methods/learned_weights.h"
#include "methods/mixup.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"
#include "engine/second.h"
#include "tensor/vec.h"

#include <string.h>

struct sl_options {
    struct mwn_learned_options learned;
    int64_t families;
    double share, decay, mixup;
};

struct sl {
    struct sl_options options;
    struct mwn_data_facts facts;
    uint64_t seed, from; /* the first epoch with soft labels          */
    struct mwn_output_room room;
    struct mwn_learned learned;
    struct mwn_second mean;       /* w-                                        */
    struct mwn_mixup train, meta; /* room; not used without mixup              */
    double begun;                 /* 1 once there is a w-                      */
    double *said;                 /* owned [max_n][classes]: z                 */
    double *soft;                 /* owned [max_n][classes]: q, then tangents  */
    size_t stats;
};

static const struct mwn_option sl_rows[] = {
    MWN_LEARNED_HIDDEN_ROW(struct sl_options, learned),
    MWN_LEARNED_OPTIMIZER_ROWS(struct sl_options, learned, "1e-4", "1e-4"),
    {"families", MWN_OPT_INT, offsetof(struct sl_options, families), "3", 1, 16, NULL,
     "Clusters of classes by size, each with a head of V; empty ones are left out."},
    {"share", MWN_OPT_REAL, offsetof(struct sl_options, share), "0.967", 0, 1, NULL,
     "Share of the epochs, at the end, with soft labels; the ones before are plain."},
    {"decay", MWN_OPT_REAL, offsetof(struct sl_options, decay), "0.997", 0, 1, NULL,
     "Share of the old value in the running mean of the network."},
    {"mixup", MWN_OPT_REAL, offsetof(struct sl_options, mixup), "1", 0, 100, NULL,
     "Parameter of the Beta distribution of mixup; 0: samples are not mixed."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void sl_end(void *self)
{
    struct sl *m = self;
    mwn_output_room_release(&m->room);
    mwn_learned_end(&m->learned);
    mwn_second_release(&m->mean);
    mwn_mixup_release(&m->train);
    mwn_mixup_release(&m->meta);
    mwn_free(m->said);
    mwn_free(m->soft);
    m->said = m->soft = NULL;
}

static mwn_status sl_begin(void *self, const void *options,
                           const struct mwn_method_context *context, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct sl *m = self;
    const struct mwn_learner *learner = context->step->learner;
    size_t max_n = context->max_n, row = context->outputs;
    m->options = *(const struct sl_options *)options;
    m->facts = context->facts;
    m->seed = context->seed;
    m->stats = learner->n_stats;
    m->from = mwn_last_epochs(m->facts.epochs, m->options.share);
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_learned_begin_by_size(&m->learned, &m->options.learned, context,
                                      (size_t)m->options.families, err));
    MWN_TRY(mwn_second_init(&m->mean, learner, err));
    if (m->options.mixup > 0) {
        MWN_TRY(mwn_mixup_init(&m->train, learner, max_n, err));
        MWN_TRY(mwn_mixup_init(&m->meta, learner, max_n, err));
    }
    m->said = mwn_alloc(max_n, row * sizeof *m->said);
    m->soft = mwn_alloc(max_n, row * sizeof *m->soft);
    if (!m->said || !m->soft)
        status = mwn_fail_memory(err, 2 * max_n * row * sizeof *m->said, "soft labels");
out:
    if (status != MWN_OK)
        sl_end(m);
    return status;
}

/* w- moves on, or begins. */
static void follow(struct sl *m, struct mwn_step *step)
{
    const struct mwn_learner *learner = step->learner;
    size_t n = learner->n_params;
    mwn_vec_add(learner->dtype, n, learner->params, -1, m->mean.params, step->grad);
    mwn_vec_add(learner->dtype, n, m->mean.params, 1 - m->options.decay, step->grad,
                m->mean.params);
}

/* z of the batch. */
static mwn_status ask_mean(struct sl *m, struct mwn_step *step, struct mwn_error *err)
{
    mwn_second_exchange(&m->mean, step->learner);
    mwn_status status = mwn_step_forward(step, err);
    if (status == MWN_OK)
        status = mwn_step_output(step, step->train, m->room.slope, m->said, err);
    mwn_second_exchange(&m->mean, step->learner);
    if (status != MWN_OK)
        mwn_context(err, "the running mean of the network");
    return status;
}

/* The place whose q a row takes the rest from. */
static size_t partner(const struct sl *m, size_t i)
{
    return m->options.mixup > 0 ? m->train.order[i] : i;
}

static double share_of(const struct sl *m)
{
    return m->options.mixup > 0 ? m->train.share : 1;
}

/* v_i, and the derivatives of (1/n) sum_i f_i by the logits. */
static void weigh(struct sl *m, struct mwn_step *step)
{
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes, n = batch->n;
    double share = share_of(m);
    mwn_learned_values(&m->learned, n, step->loss, batch->label, step->weight);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < classes; k++) {
            double v = step->weight[i], y = (size_t)batch->label[i] == k ? 1 : 0;
            m->soft[i * classes + k] = v * y + (1 - v) * m->said[i * classes + k];
        }
    for (size_t i = 0; i < n; i++) {
        const double *own = m->soft + i * classes;
        const double *other = m->soft + partner(m, i) * classes;
        for (size_t k = 0; k < classes; k++)
            m->room.slope[i * classes + k] =
                (m->room.prob[i * classes + k] - share * own[k] - (1 - share) * other[k]) /
                (double)n;
    }
}

/* dL/dv from the tangents. */
static void pull_back(struct sl *m, const struct mwn_batch *batch, const double *tangent,
                      double scale)
{
    size_t classes = m->room.classes, n = batch->n;
    double share = share_of(m), *dv = m->learned.dv;
    memset(dv, 0, n * sizeof *dv);
    for (size_t r = 0; r < n; r++) {
        const size_t at[2] = {r, partner(m, r)};
        for (int j = 0; j < 2; j++) {
            const double *z = m->said + at[j] * classes;
            double sum = 0;
            for (size_t k = 0; k < classes; k++)
                sum += tangent[r * classes + k] *
                       (((size_t)batch->label[at[j]] == k ? 1 : 0) - z[k]);
            dv[at[j]] -= scale / (double)n * (j == 0 ? share : 1 - share) * sum;
        }
    }
}

/* The meta step, with the meta batch mixed. */
static mwn_status learn(struct sl *m, struct mwn_step *step, struct mwn_error *err)
{
    const struct mwn_batch *meta = step->meta;
    double scale = 0;
    if (m->options.mixup > 0 && step->options.loss == MWN_META_LOSS_CE) {
        struct mwn_rng rng = mwn_rng_at(m->seed, MWN_STREAM_MIXUP, step->iteration, 1);
        mwn_mixup_mix(&m->meta, meta, 1, &rng);
        mwn_mixup_labels(&m->meta);
        step->meta = &m->meta.batch;
    }
    mwn_status status =
        mwn_step_hypergradient_output(step, m->room.slope, m->soft, &scale, err);
    step->meta = meta;
    if (status != MWN_OK)
        return status;
    pull_back(m, step->train, m->soft, scale);
    mwn_learned_move(&m->learned, step->train->n, step->loss);
    return MWN_OK;
}

/* An iteration with soft labels; step->train is the batch to learn, mixed or not. */
static mwn_status learn_softly(struct sl *m, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_output_room_forward(&m->room, step, err));
    weigh(m, step);
    if (step->meta) {
        MWN_TRY(learn(m, step, err));
        weigh(m, step);
    }
    MWN_TRY(mwn_step_update_output(step, m->room.slope, err));
out:
    return status;
}

static mwn_status sl_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct sl *m = self;
    const struct mwn_batch *train = step->train;
    struct mwn_learner *learner = step->learner;
    if (m->begun <= 0) {
        MWN_TRY(learner->another(learner->self, m->mean.params, m->mean.stats, err));
        mwn_vec_copy(learner->dtype, learner->n_params, learner->params, m->mean.params);
    }
    if (mwn_method_epoch(&m->facts, step) < m->from) {
        MWN_TRY(mwn_method_plain(step, err));
    } else {
        MWN_TRY(ask_mean(m, step, err));
        if (m->options.mixup > 0) {
            struct mwn_rng rng = mwn_rng_at(m->seed, MWN_STREAM_MIXUP, step->iteration, 0);
            mwn_mixup_mix(&m->train, train, m->options.mixup, &rng);
            step->train = &m->train.batch;
        }
        status = learn_softly(m, step, err);
        step->train = train;
        if (status != MWN_OK)
            goto out;
    }
    follow(m, step);
    m->begun = 1;
out:
    return status;
}

static int sl_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct sl *m = self;
    int count = mwn_learned_state(&m->learned, items);
    items[count++] = (struct mwn_state_item){"begun", &m->begun, 1};
    items[count++] = (struct mwn_state_item){"mean.stats", m->mean.stats, m->stats};
    return count;
}

static int sl_vectors(void *self, struct mwn_vector_item items[MWN_VECTORS_MAX])
{
    items[0] = (struct mwn_vector_item){"mean.params", ((struct sl *)self)->mean.params};
    return 1;
}

static void sl_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    mwn_learned_weigh(&((const struct sl *)self)->learned, n, loss, weight);
}

const struct mwn_method mwn_method_cmwnet_sl = {
    .name = "cmwnet_sl",
    .summary = "CMW-Net-SL, CMW-Net with soft labels of the network's running mean",
    .reference = "Shu et al., CMW-Net: Learning a Class-Aware Sample Weighting Mapping for "
                 "Robust Deep Learning, TPAMI 2023",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_CLASSES |
             MWN_NEEDS_OUTPUT | MWN_NEEDS_TANGENT | MWN_NEEDS_SECOND | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct sl_options),
    .self_size = sizeof(struct sl),
    .options = sl_rows,
    .begin = sl_begin,
    .believes = true,
    .step = sl_step,
    .state = sl_state,
    .vectors = sl_vectors,
    .weigh = sl_weigh,
    .end = sl_end,
};
