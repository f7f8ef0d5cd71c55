/* glc.c - gold loss correction: the meta set shows how labels go wrong, and losses allow for it.
 *
 * Hendrycks, Mazeika, Wilson, Gimpel: Using Trusted Data to Train Deep Networks on Labels Corrupted
 * by Severe Noise, NeurIPS 2018, equations 1 to 3. The first epochs are plain training on the
 * labels as they are. In the last of them the meta batches give
 *
 *     C_kj = mean of p_j(x) over the meta samples x of class k,
 *
 * and from then on, with n samples of the train batch and m of the meta batch,
 *
 *     w <- Opt_w( (sum_i grad f_i + sum_j grad l_j^meta) / (n + m) ),  f_i = -log sum_k p_ik C_k,y_i
 *     df_i/dz_ik = p_ik - p_ik C_k,y_i / sum_j p_ij C_j,y_i.
 *
 * Unlike the authors' two trainings there is one: w goes on instead of being set back to its
 * initial value, and C is a mean over the passes of an epoch, in training mode. An iteration
 * without a meta batch (meta.every) leaves its sum out and has m = 0. */
#include "methods/formulas.h"
#include "methods/output_room.h"
#include "methods/transition.h"

#include "base/mem.h"
#include "base/status.h"
#include "tensor/vec.h"

struct glc_options {
    double share;
};

struct glc {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    uint64_t from;        /* the first corrected epoch             */
    double *sum, *matrix; /* owned [classes][classes]              */
    double *posterior;    /* owned [classes]                       */
};

static const struct mwn_option glc_rows[] = {
    {"share", MWN_OPT_REAL, offsetof(struct glc_options, share), "0.5", 0, 1, NULL,
     "Share of the epochs, at the end, with the corrected loss; one at least is plain."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void glc_end(void *self)
{
    struct glc *m = self;
    mwn_output_room_release(&m->room);
    mwn_free(m->sum);
    mwn_free(m->matrix);
    mwn_free(m->posterior);
    m->sum = m->matrix = m->posterior = NULL;
}

static mwn_status glc_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    struct glc *m = self;
    size_t classes = context->outputs, square = classes * classes;
    m->facts = context->facts;
    m->from =
        mwn_last_epochs(m->facts.epochs, ((const struct glc_options *)options)->share);
    m->from = m->from > 0 ? m->from : 1;
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    m->sum = mwn_alloc(square, sizeof *m->sum);
    m->matrix = mwn_alloc(square, sizeof *m->matrix);
    m->posterior = mwn_alloc(classes, sizeof *m->posterior);
    if (status == MWN_OK && (!m->sum || !m->matrix || !m->posterior))
        status = mwn_fail_memory(err, 2 * square * sizeof *m->sum, "the noise matrix");
    if (status != MWN_OK)
        glc_end(m);
    return status;
}

/* Adds the predictions of the meta batch to their classes' rows. */
static mwn_status look_at_meta(struct glc *m, struct mwn_step *step, struct mwn_error *err)
{
    size_t classes = m->room.classes;
    mwn_status status = mwn_step_forward_meta(step, err);
    if (status == MWN_OK)
        status = mwn_step_output(step, step->meta, m->room.slope, m->room.prob, err);
    if (status != MWN_OK)
        return status;
    for (size_t j = 0; j < step->meta->n; j++)
        for (size_t k = 0; k < classes; k++)
            m->sum[(size_t)step->meta->label[j] * classes + k] +=
                m->room.prob[j * classes + k];
    return MWN_OK;
}

/* step->grad = sum_i grad f_i / (n + m). */
static mwn_status corrected_gradient(struct glc *m, struct mwn_step *step, double by,
                                     struct mwn_error *err)
{
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * classes;
        mwn_transition_posterior(classes, m->matrix, p, (size_t)batch->label[i],
                                 m->posterior);
        for (size_t k = 0; k < classes; k++)
            m->room.slope[i * classes + k] = (p[k] - m->posterior[k]) / by;
    }
    return mwn_step_pull(step, m->room.slope, err);
}

/* step->direction = sum_j grad l_j^meta / (n + m). */
static mwn_status meta_gradient(struct mwn_step *step, double by, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    mwn_status status = mwn_step_forward_meta(step, err);
    if (status != MWN_OK)
        return status;
    for (size_t j = 0; j < step->meta->n; j++)
        step->coef[j] = 1 / by;
    return learner->backward(learner->self, step->coef, step->direction, err);
}

/* Without a sample the matrix would say that no label is wrong. */
static mwn_status check_seen(const struct glc *m, const struct mwn_step *step,
                             struct mwn_error *err)
{
    for (size_t k = 0; k < m->room.classes * m->room.classes; k++)
        if (m->sum[k] > 0)
            return MWN_OK;
    return mwn_method_fail_unseen(step, "glc", "the last plain epoch", err);
}

static mwn_status glc_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct glc *m = self;
    uint64_t epoch = mwn_method_epoch(&m->facts, step);
    double by = (double)(step->train->n + (step->meta ? step->meta->n : 0));
    if (epoch < m->from) {
        if (step->meta && epoch + 1 == m->from)
            MWN_TRY(look_at_meta(m, step, err));
        return mwn_method_plain(step, err);
    }
    MWN_TRY(check_seen(m, step, err));
    mwn_transition_of_counts(m->room.classes, m->sum, m->matrix);
    if (step->meta)
        MWN_TRY(meta_gradient(step, by, err));
    MWN_TRY(corrected_gradient(m, step, by, err));
    if (step->meta)
        mwn_vec_add(step->learner->dtype, step->learner->n_params, step->grad, 1,
                    step->direction, step->grad);
    mwn_sgd_update(&step->sgd, step->lr, step->learner->params, step->grad);
out:
    return status;
}

static int glc_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct glc *m = self;
    items[0] = (struct mwn_state_item){"matrix", m->sum, m->room.classes * m->room.classes};
    return 1;
}

const struct mwn_method mwn_method_glc = {
    .name = "glc",
    .summary = "gold loss correction, the meta set shows how labels go wrong",
    .reference = "Hendrycks et al., Using Trusted Data to Train Deep Networks on Labels "
                 "Corrupted by Severe Noise, NeurIPS 2018",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_OUTPUT | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct glc_options),
    .self_size = sizeof(struct glc),
    .options = glc_rows,
    .begin = glc_begin,
    .step = glc_step,
    .state = glc_state,
    .end = glc_end,
};
