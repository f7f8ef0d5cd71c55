/* s_model.c - S-model: a noise layer behind the softmax learns how labels go wrong.
 *
 * Goldberger, Ben-Reuven: Training Deep Neural-Networks Using a Noise Adaptation Layer,
 * ICLR 2017. In the simple model theta_k. = softmax(b_k.) are the chances of the labels of
 * class k, and with p_i the softmax of the network
 *
 *     f_i = -log sum_k p_ik theta_k,y_i,     r_ik = p_ik theta_k,y_i / sum_j p_ij theta_j,y_i
 *     df_i/dz_ik = p_ik - r_ik,              df_i/db_kj = -r_ik (1[j = y_i] - theta_kj)
 *     w <- Opt_w( (1/n) sum_i grad f_i ),    b <- Adam( (1/n) sum_i df_i/db ).
 *
 * In the complex model (form=complex) the chances are a function of the sample too, by what
 * the last layer sees of it, h_i. With a_ikj what the softmax is taken of,
 *
 *     theta_ik. = softmax(a_ik.),            a_ikj = <u_kj, h_i> + b_kj
 *     df_i/da_ikj = -r_ik (1[j = y_i] - theta_ikj)
 *     df_i/du_kj = df_i/da_ikj h_i,          df_i/dh_i = sum_kj df_i/da_ikj u_kj,
 *
 * the last beside what reaches h_i through the logits: all is learned end to end, as
 * published. h_i is that of a pass in training mode, and u begins at zero, so that the
 * complex model begins as the simple one and goes on from there.
 *
 * The first epochs are plain training. The confusion of the last of them, counts of (likeliest
 * class, label) or the sums of the probabilities, begins b: b_kj = log(row-normalised count_kj +
 * 1e-8). Without plain epochs b_kk = log(1 - eps), b_kj = log(eps / (C - 1)), eps = 0.46, as in the
 * authors' code but for its small random numbers. The network is evaluated without the layer. */
#include "methods/formulas.h"
#include "methods/noise_layer.h"
#include "methods/output_room.h"
#include "methods/transition.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>

static const double first_noise = 0.46, least_chance = 1e-8;

enum s_model_form { FORM_SIMPLE, FORM_COMPLEX };
static const char *const form_choices[] = {"simple", "complex", NULL};

struct s_model_options {
    int form; /* enum s_model_form */
    double share, lr;
    bool soft;
};

struct s_model {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    struct mwn_noise_layer layer;
    struct mwn_theta_optimizer optimizer;
    bool soft;
    uint64_t from;      /* the first epoch with the layer                            */
    double number[2];   /* steps of the optimiser; 1 once b has begun                */
    double *count;      /* owned [classes][classes]                                  */
    double *feature;    /* owned [max_n][features], complex only                     */
    double *by_feature; /* owned [max_n][features], complex only                     */
};

static const struct mwn_option s_model_rows[] = {
    {"form", MWN_OPT_CHOICE, offsetof(struct s_model_options, form), "simple", 0, 0,
     form_choices,
     "Noise layer: simple, one matrix for all samples, or complex, a function of what the "
     "last layer sees of a sample."},
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
    mwn_output_room_release(&m->room);
    mwn_noise_layer_release(&m->layer);
    mwn_theta_optimizer_release(&m->optimizer);
    mwn_free(m->count);
    mwn_free(m->feature);
    mwn_free(m->by_feature);
    m->count = m->feature = m->by_feature = NULL;
}

/* Of the learner the simple form needs the output alone. */
static unsigned s_model_spares(const void *options)
{
    const struct s_model_options *o = options;
    return o->form == FORM_SIMPLE ? MWN_NEEDS_FEATURES | MWN_NEEDS_BOTH : 0U;
}

static mwn_status allocate_rooms(struct s_model *m, size_t max_n, struct mwn_error *err)
{
    size_t square = mwn_noise_layer_biases(&m->layer);
    size_t row = m->layer.features * sizeof(double);
    m->count = mwn_alloc(square, sizeof *m->count);
    if (!m->count)
        return mwn_fail_memory(err, square * sizeof *m->count, "the noise layer");
    if (m->layer.features == 0)
        return MWN_OK;
    m->feature = mwn_alloc(max_n, row);
    m->by_feature = mwn_alloc(max_n, row);
    if (!m->feature || !m->by_feature)
        return mwn_fail_memory(err, 2 * max_n * row, "the features of a batch");
    return MWN_OK;
}

static mwn_status s_model_begin(void *self, const void *options,
                                const struct mwn_method_context *context,
                                struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct s_model *m = self;
    const struct s_model_options *o = options;
    m->facts = context->facts;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    m->soft = o->soft;
    m->layer.classes = context->outputs;
    m->layer.features = o->form == FORM_COMPLEX ? context->features : 0;
    m->optimizer.rule = MWN_THETA_ADAM;
    m->optimizer.lr = o->lr;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_noise_layer_init(&m->layer, context->max_n, err));
    MWN_TRY(mwn_theta_optimizer_init(&m->optimizer, m->layer.n_params, err));
    MWN_TRY(allocate_rooms(m, context->max_n, err));
out:
    if (status != MWN_OK)
        s_model_end(m);
    return status;
}

static void begin_layer(struct s_model *m)
{
    size_t classes = m->room.classes;
    double off = classes > 1 ? first_noise / (double)(classes - 1) : 1;
    mwn_transition_of_counts(classes, m->count, m->layer.param);
    for (size_t k = 0; k < classes; k++)
        for (size_t j = 0; j < classes; j++) {
            double *b = &m->layer.param[k * classes + j];
            *b =
                m->from == 0 ? log(k == j ? 1 - first_noise : off) : log(*b + least_chance);
        }
}

/* Counts the predictions of a plain step's batch, in the last plain epoch alone. */
static void count_batch(struct s_model *m, const struct mwn_step *step)
{
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes;
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * classes;
        double given = mwn_step_given(step, i);
        size_t label = (size_t)batch->label[i], top = mwn_argmax(classes, p);
        for (size_t k = 0; k < classes; k++)
            m->count[k * classes + label] += given * (m->soft ? p[k] : k == top);
    }
}

/* A step of the network and of the layer, both from where the forward pass was. */
static mwn_status learn(struct s_model *m, struct mwn_step *step, struct mwn_error *err)
{
    const struct mwn_learner *learner = step->learner;
    bool is_complex = m->layer.features > 0;
    const struct mwn_noise_batch batch = {step->train->n, step->train->label, m->room.prob,
                                          m->feature, step->given};
    mwn_status status = MWN_OK;
    if (is_complex)
        status = learner->feature(learner->self, m->feature, err);
    if (status != MWN_OK)
        return status;
    mwn_noise_layer_differentiate(&m->layer, &batch, m->room.slope, m->by_feature);
    m->optimizer.steps = (uint64_t)m->number[0];
    mwn_theta_optimizer_update(&m->optimizer, m->layer.param, m->layer.grad);
    m->number[0] = (double)m->optimizer.steps;
    if (is_complex)
        return mwn_step_update_both(step, m->room.slope, m->by_feature, err);
    return mwn_step_update_output(step, m->room.slope, err);
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
            count_batch(m, step);
        return mwn_method_update(step, err);
    }
    if (!(m->number[1] > 0))
        begin_layer(m);
    m->number[1] = 1;
    return learn(m, step, err);
}

static int s_model_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct s_model *m = self;
    double *const vector[] = {m->layer.param, m->optimizer.first, m->optimizer.second};
    static const char *const name[2][3] = {{"b", "b.first", "b.second"},
                                           {"u", "u.first", "u.second"}};
    size_t square = mwn_noise_layer_biases(&m->layer), more = m->layer.n_params - square;
    for (int k = 0; k < 3; k++) {
        items[k] = (struct mwn_state_item){name[0][k], vector[k], square};
        items[5 + k] = (struct mwn_state_item){name[1][k], vector[k] + square, more};
    }
    items[3] = (struct mwn_state_item){"b.steps", m->number, MWN_COUNT(m->number)};
    items[4] = (struct mwn_state_item){"count", m->count, square};
    return more > 0 ? 8 : 5;
}

const struct mwn_method mwn_method_s_model = {
    .name = "s_model",
    .summary = "S-model, a noise layer behind the softmax learns how labels go wrong",
    .reference = "Goldberger and Ben-Reuven, Training Deep Neural-Networks Using a Noise "
                 "Adaptation Layer, ICLR 2017",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_FEATURES | MWN_NEEDS_BOTH | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct s_model_options),
    .self_size = sizeof(struct s_model),
    .options = s_model_rows,
    .spares = s_model_spares,
    .begin = s_model_begin,
    .step = s_model_step,
    .state = s_model_state,
    .end = s_model_end,
};
