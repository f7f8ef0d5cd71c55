/* mlc.c - meta label correction: a teacher gives soft labels and learns from the meta set.
 *
 * Zheng, Awadallah, Dumais: Meta Label Correction for Noisy Label Learning, AAAI 2021. The teacher
 * q_i = g(h_i, y_i; Theta) sees what the last layer sees of a sample, h_i (a constant for it), and
 * its label as given:
 *
 *     g = softmax(W3 tanh(W2 tanh(W1 [h, E_y] + b1) + b2) + b3),  E_y an embedding of the label,
 *     f_i = -sum_k q_ik log p_ik,   df_i/dz_ik = p_ik - q_ik
 *     w^(Theta) = w - lr s (1/n) sum_i grad f_i(w) + ..
 *     Theta <- Adam( grad_Theta L_meta(w^(Theta)) ),   w <- Opt_w( (1/n) sum_i grad f_i(w) )
 *
 * where both steps of w are by the same soft labels, those before Theta moves. With u = grad L_meta
 * at w^ and dz_ik = <grad z_ik(w), u>, one tangent pass, the meta-gradient is
 *
 *     d L_meta / d q_ik = (lr s / n) dz_ik.
 *
 * Left out of the authors' code: AMSGrad, the sum over several steps of w (their default is one),
 * and the half of each meta batch that trains w too in their variant "mix". Published: two
 * hidden layers of 128, embedding of 128, learning rate 3e-4, 2 % of clean labels. The weight that
 * a run shows is q of the label as given. */
#include "methods/label_teacher.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

struct mlc_options {
    int64_t hidden, embedding;
    double lr, weight_decay;
};

struct mlc {
    struct mwn_output_room room;
    struct mwn_label_teacher teacher;
    struct mwn_theta_optimizer optimizer;
    double steps;    /* of the optimiser: the number that a checkpoint keeps */
    double *feature; /* owned [max_n][features]                              */
    double *tangent; /* owned [max_n][classes]                               */
};

static const struct mwn_option mlc_rows[] = {
    {"hidden", MWN_OPT_INT, offsetof(struct mlc_options, hidden), "128", 1, 4096, NULL,
     "Width of the teacher's two hidden layers."},
    {"embedding", MWN_OPT_INT, offsetof(struct mlc_options, embedding), "128", 1, 4096,
     NULL, "Numbers that stand for a label in the teacher's input."},
    {"lr", MWN_OPT_REAL, offsetof(struct mlc_options, lr), "3e-4", 0, 100, NULL,
     "Learning rate of the teacher, by Adam; it does not follow train.schedule."},
    {"weight_decay", MWN_OPT_REAL, offsetof(struct mlc_options, weight_decay), "0", 0, 1,
     NULL, "Weight decay (L2) of the teacher."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void mlc_end(void *self)
{
    struct mlc *m = self;
    mwn_output_room_release(&m->room);
    mwn_label_teacher_release(&m->teacher);
    mwn_theta_optimizer_release(&m->optimizer);
    mwn_free(m->feature);
    mwn_free(m->tangent);
    m->feature = m->tangent = NULL;
}

static mwn_status mlc_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mlc *m = self;
    const struct mlc_options *o = options;
    size_t row = context->features * sizeof(double);
    m->teacher.features = context->features;
    m->teacher.classes = context->outputs;
    m->teacher.hidden = (size_t)o->hidden;
    m->teacher.embedding = (size_t)o->embedding;
    m->optimizer.rule = MWN_THETA_ADAM;
    m->optimizer.lr = o->lr;
    m->optimizer.weight_decay = o->weight_decay;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_label_teacher_init(&m->teacher, context->max_n, context->seed, err));
    MWN_TRY(mwn_theta_optimizer_init(&m->optimizer, m->teacher.n_params, err));
    m->feature = mwn_alloc(context->max_n, row);
    m->tangent = mwn_alloc(context->max_n, context->outputs * sizeof *m->tangent);
    if (!m->feature || !m->tangent)
        status = mwn_fail_memory(err, context->max_n * row, "the features of a batch");
out:
    if (status != MWN_OK)
        mlc_end(m);
    return status;
}

/* Forward of the train batch; its soft labels, and the slopes towards them. */
static mwn_status correct_labels(struct mlc *m, struct mwn_step *step,
                                 struct mwn_error *err)
{
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status == MWN_OK)
        status = step->learner->feature(step->learner->self, m->feature, err);
    if (status != MWN_OK)
        return status;
    mwn_label_teacher_forward(&m->teacher, batch->n, m->feature, batch->label);
    for (size_t i = 0; i < batch->n; i++) {
        const double *q = m->teacher.target + i * classes;
        step->weight[i] = q[batch->label[i]];
        for (size_t k = 0; k < classes; k++) {
            size_t at = i * classes + k;
            m->room.slope[at] = (m->room.prob[at] - q[k]) / (double)batch->n;
        }
    }
    return MWN_OK;
}

static mwn_status mlc_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mlc *m = self;
    const struct mwn_batch *batch = step->train;
    double scale = 0;
    MWN_TRY(correct_labels(m, step, err));
    if (!step->meta)
        return mwn_step_update_output(step, m->room.slope, err);
    MWN_TRY(mwn_step_hypergradient_output(step, m->room.slope, m->tangent, &scale, err));
    for (size_t k = 0; k < batch->n * m->room.classes; k++)
        m->tangent[k] *= -scale / (double)batch->n;
    mwn_label_teacher_backward(&m->teacher, batch->n, batch->label, m->tangent);
    m->optimizer.steps = (uint64_t)m->steps;
    mwn_theta_optimizer_update(&m->optimizer, m->teacher.theta, m->teacher.grad);
    m->steps = (double)m->optimizer.steps;
    /* step->grad still is the gradient at w, by the same soft labels. */
    mwn_sgd_update(&step->sgd, step->lr, step->learner->params, step->grad);
out:
    return status;
}

static int mlc_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct mlc *m = self;
    size_t n = m->teacher.n_params;
    items[0] = (struct mwn_state_item){"teacher", m->teacher.theta, n};
    items[1] = (struct mwn_state_item){"teacher.first", m->optimizer.first, n};
    items[2] = (struct mwn_state_item){"teacher.second", m->optimizer.second, n};
    items[3] = (struct mwn_state_item){"teacher.steps", &m->steps, 1};
    return 4;
}

const struct mwn_method mwn_method_mlc = {
    .name = "mlc",
    .summary =
        "meta label correction, a teacher gives soft labels and learns from the meta "
        "set",
    .reference = "Zheng et al., Meta Label Correction for Noisy Label Learning, AAAI 2021",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_OUTPUT |
             MWN_NEEDS_FEATURES | MWN_NEEDS_TANGENT,
    .options_size = sizeof(struct mlc_options),
    .self_size = sizeof(struct mlc),
    .options = mlc_rows,
    .begin = mlc_begin,
    .believes = true,
    .step = mlc_step,
    .state = mlc_state,
    .end = mlc_end,
};
