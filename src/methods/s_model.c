/* s_model.c - S-model: a noise layer behind the softmax learns how labels go wrong.
 *
 * Goldberger, Ben-Reuven: Training Deep Neural-Networks Using a Noise Adaptation Layer, ICLR 2017,
 * the simple model. With p_i the softmax of the network and theta_k. = softmax(b_k.) the chances
 * of the labels of class k,
 *
 *     f_i = -log sum_k p_ik theta_k,y_i,     r_ik = p_ik theta_k,y_i / sum_j p_ij theta_j,y_i
 *     df_i/dz_ik = p_ik - r_ik,              df_i/db_kj = -r_ik (1[j = y_i] - theta_kj)
 *     w <- Opt_w( (1/n) sum_i grad f_i ),    b <- Adam( (1/n) sum_i df_i/db ).
 *
 * The first epochs are plain training. The confusion of the last of them, counts of (likeliest
 * class, label) or the sums of the probabilities, begins b: b_kj = log(row-normalised count_kj +
 * 1e-8). Without plain epochs b_kk = log(1 - eps), b_kj = log(eps / (C - 1)), eps = 0.46, as in the
 * authors' code but for its small random numbers. The network is evaluated without the layer. */
#include "methods/formulas.h"
#include "methods/output_room.h"
#include "methods/transition.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <string.h>

static const double first_noise = 0.46, least_chance = 1e-8;

struct s_model_options {
    double share, lr;
    bool soft;
};

struct s_model {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    struct mwn_theta_optimizer optimizer;
    bool soft;
    uint64_t from;        /* the first epoch with the layer                          */
    double number[2];     /* steps of the optimiser; 1 once b has begun              */
    double *b, *count;    /* owned [classes][classes]                                */
    double *theta, *grad; /* owned [classes][classes]                               */
    double *posterior;    /* owned [classes]                                         */
};

static const struct mwn_option s_model_rows[] = {
    {"share", MWN_OPT_REAL, offsetof(struct s_model_options, share), "0.5", 0, 1, NULL,
     "Share of the epochs, at the end, with the noise layer; the ones before are plain."},
    {"layer_lr", MWN_OPT_REAL, offsetof(struct s_model_options, lr), "1e-3", 0, 100, NULL,
     "Learning rate of the noise layer, by Adam; it does not follow train.schedule."},
    {"soft", MWN_OPT_BOOL, offsetof(struct s_model_options, soft), "false", 0, 0, NULL,
     "Begin the layer from probabilities instead of the likeliest classes."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void s_model_end(void *self)
{
    struct s_model *m = self;
    double *const all[] = {m->b, m->count, m->theta, m->grad, m->posterior};
    mwn_output_room_release(&m->room);
    mwn_theta_optimizer_release(&m->optimizer);
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        mwn_free(all[i]);
    m->b = m->count = m->theta = m->grad = m->posterior = NULL;
}

static mwn_status s_model_begin(void *self, const void *options,
                                const struct mwn_method_context *context,
                                struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct s_model *m = self;
    const struct s_model_options *o = options;
    size_t classes = context->outputs, square = classes * classes;
    m->facts = context->facts;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    m->soft = o->soft;
    m->optimizer.rule = MWN_THETA_ADAM;
    m->optimizer.lr = o->lr;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_theta_optimizer_init(&m->optimizer, square, err));
    double **const all[] = {&m->b, &m->count, &m->theta, &m->grad, &m->posterior};
    for (size_t i = 0; i < MWN_COUNT(all) && status == MWN_OK; i++) {
        *all[i] = mwn_alloc(square, sizeof(double));
        if (!*all[i])
            status = mwn_fail_memory(err, square * sizeof(double), "the noise layer");
    }
out:
    if (status != MWN_OK)
        s_model_end(m);
    return status;
}

static void begin_layer(struct s_model *m)
{
    size_t classes = m->room.classes;
    double off = classes > 1 ? first_noise / (double)(classes - 1) : 1;
    mwn_transition_of_counts(classes, m->count, m->b);
    for (size_t k = 0; k < classes; k++)
        for (size_t j = 0; j < classes; j++) {
            double *b = &m->b[k * classes + j];
            *b =
                m->from == 0 ? log(k == j ? 1 - first_noise : off) : log(*b + least_chance);
        }
}

/* Counts the predictions of a plain step's batch, in the last plain epoch alone. */
static void count_batch(struct s_model *m, const struct mwn_batch *batch)
{
    size_t classes = m->room.classes;
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * classes;
        size_t label = (size_t)batch->label[i], top = mwn_argmax(classes, p);
        for (size_t k = 0; k < classes; k++)
            m->count[k * classes + label] += m->soft ? p[k] : k == top;
    }
}

static void set_theta(struct s_model *m)
{
    size_t classes = m->room.classes;
    for (size_t k = 0; k < classes; k++) {
        const double *b = m->b + k * classes;
        double top = b[mwn_argmax(classes, b)], sum = 0;
        for (size_t j = 0; j < classes; j++)
            sum += exp(b[j] - top);
        for (size_t j = 0; j < classes; j++)
            m->theta[k * classes + j] = exp(b[j] - top) / sum;
    }
}

/* Slopes of the batch and the gradient of b. */
static void differentiate(struct s_model *m, const struct mwn_batch *batch)
{
    size_t classes = m->room.classes;
    memset(m->grad, 0, classes * classes * sizeof *m->grad);
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * classes;
        size_t label = (size_t)batch->label[i];
        mwn_transition_posterior(classes, m->theta, p, label, m->posterior);
        for (size_t k = 0; k < classes; k++) {
            double r = m->posterior[k] / (double)batch->n;
            m->room.slope[i * classes + k] = p[k] / (double)batch->n - r;
            m->grad[k * classes + label] -= r;
            for (size_t j = 0; j < classes; j++)
                m->grad[k * classes + j] += r * m->theta[k * classes + j];
        }
    }
}

static mwn_status s_model_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct s_model *m = self;
    uint64_t epoch = mwn_method_epoch(&m->facts, step);
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    if (epoch < m->from) {
        if (epoch + 1 == m->from)
            count_batch(m, step->train);
        return mwn_method_update(step, err);
    }
    if (!(m->number[1] > 0))
        begin_layer(m);
    m->number[1] = 1;
    set_theta(m);
    differentiate(m, step->train);
    m->optimizer.steps = (uint64_t)m->number[0];
    mwn_theta_optimizer_update(&m->optimizer, m->b, m->grad);
    m->number[0] = (double)m->optimizer.steps;
    return mwn_step_update_output(step, m->room.slope, err);
}

static int s_model_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct s_model *m = self;
    size_t square = m->optimizer.n;
    items[0] = (struct mwn_state_item){"b", m->b, square};
    items[1] = (struct mwn_state_item){"b.first", m->optimizer.first, square};
    items[2] = (struct mwn_state_item){"b.second", m->optimizer.second, square};
    items[3] = (struct mwn_state_item){"b.steps", m->number, MWN_COUNT(m->number)};
    items[4] = (struct mwn_state_item){"count", m->count, square};
    return 5;
}

const struct mwn_method mwn_method_s_model = {
    .name = "s_model",
    .summary = "S-model, a noise layer behind the softmax learns how labels go wrong",
    .reference = "Goldberger and Ben-Reuven, Training Deep Neural-Networks Using a Noise "
                 "Adaptation Layer, ICLR 2017",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct s_model_options),
    .self_size = sizeof(struct s_model),
    .options = s_model_rows,
    .begin = s_model_begin,
    .step = s_model_step,
    .state = s_model_state,
    .end = s_model_end,
};
