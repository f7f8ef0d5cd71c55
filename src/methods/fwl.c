/* fwl.c - fidelity-weighted learning: a teacher that has seen the meta set labels the training set
 * anew and says how sure it is, and the network learns more from what is sure.
 *
 * Dehghani, Mehrjou, Gouws, Kamps, Schoelkopf: Fidelity-Weighted Learning, ICLR 2018. The first
 * epochs are plain training on the labels as they are (the student on weak labels). In the last of
 * them the meta samples give the teacher its points: h_j, what the last layer sees of a sample, and
 * its label (the strong data). The teacher has a Gaussian process for each cluster (k-means) of
 * them: of a cluster with the points h_1 .. h_N and the one-hot labels Y,
 *
 *     k(a, b) = exp(-|a - b|^2 / 2 s^2),   s^2 = mean |h_i - h_j|^2,    K = k(h, h) + noise I
 *     mean(h) = 1/C + k(h, .) K^-1 (Y - 1/C),   var(h) = 1 - k(h, .) K^-1 k(., h),
 *
 * by a Cholesky factorisation (LAPACK). In the next epoch w stands still, and each training sample
 * x gets t = mean(h) of the nearest cluster, negative numbers cut off, scaled to the sum 1, and
 * var(h). In the epochs that are left
 *
 *     w <- Opt_w( (1/n) sum_i exp(-beta var_i) grad f_i(w) ),   f_i = -sum_k t_ik log p_ik,
 *
 * so that a sample moves w by its own step size lr exp(-beta var_i). The weight that a run shows is
 * exp(-beta var_i). Not as published: kernel and noise are fixed instead of fitted, the meta
 * samples are not trained on again, one cluster's mean is not squashed by a softmax, features are
 * those of passes in training mode, and the learning rate follows train.schedule. The authors choose
 * beta by validation. */
#include "methods/formulas.h"
#include "methods/gp_teacher.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>

struct fwl_options {
    double share, beta, noise;
    int64_t clusters, points;
};

struct fwl {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    struct mwn_gp_teacher teacher;
    double beta;
    uint64_t from;    /* the epoch in which samples are labelled                     */
    bool fitted;      /* by the points that there are; not in a checkpoint           */
    double *feature;  /* owned [max_n][features]                                     */
    double *target;   /* owned [samples][classes]: the teacher's labels              */
    double *fidelity; /* owned [samples]: exp(-beta var); 0: not labelled           */
};

#define FIELD(name) offsetof(struct fwl_options, name)
static const struct mwn_option fwl_rows[] = {
    {"share", MWN_OPT_REAL, FIELD(share), "0.5", 0, 1, NULL,
     "Share of the epochs, at the end, that begin with labelling; one at least is plain."},
    {"beta", MWN_OPT_REAL, FIELD(beta), "1", 0, 1000, NULL,
     "How much a step shrinks with the teacher's variance, which is 0 .. 1."},
    {"noise", MWN_OPT_REAL, FIELD(noise), "0.1", 1e-6, 100, NULL,
     "Variance of a meta sample's label, beside the kernel's 1."},
    {"clusters", MWN_OPT_INT, FIELD(clusters), "4", 1, 1000, NULL,
     "Clusters of meta samples, each with a Gaussian process."},
    {"points", MWN_OPT_INT, FIELD(points), "1000", 1, 20000, NULL,
     "Meta samples that the teacher learns from at most, the latest ones."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef FIELD

static void fwl_end(void *self)
{
    struct fwl *m = self;
    mwn_output_room_release(&m->room);
    mwn_gp_teacher_release(&m->teacher);
    mwn_free(m->feature);
    mwn_free(m->target);
    mwn_free(m->fidelity);
    m->feature = m->target = m->fidelity = NULL;
}

static mwn_status fwl_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct fwl *m = self;
    const struct fwl_options *o = options;
    size_t n = context->facts.n, row = context->outputs * sizeof(double);
    m->facts = context->facts;
    m->facts.class_count = NULL;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    if (m->facts.epochs > 2 && m->from > m->facts.epochs - 2)
        m->from = m->facts.epochs - 2; /* one to label, one to learn from that */
    m->from = m->from > 0 ? m->from : 1;
    m->beta = o->beta;
    m->teacher.features = context->features;
    m->teacher.classes = context->outputs;
    m->teacher.points = (size_t)o->points;
    m->teacher.clusters = (size_t)o->clusters;
    m->teacher.noise = o->noise;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_gp_teacher_init(&m->teacher, err));
    m->feature = mwn_alloc(context->max_n, context->features * sizeof *m->feature);
    m->target = mwn_alloc(n, row);
    m->fidelity = mwn_alloc(n, sizeof *m->fidelity);
    if (!m->feature || !m->target || !m->fidelity)
        status = mwn_fail_memory(err, n * row, "the teacher's labels");
out:
    if (status != MWN_OK)
        fwl_end(m);
    return status;
}

/* Adds the meta batch to the teacher's points. */
static mwn_status look_at_meta(struct fwl *m, struct mwn_step *step, struct mwn_error *err)
{
    const struct mwn_learner *learner = step->learner;
    const struct mwn_batch *meta = step->meta;
    mwn_status status = mwn_step_forward_meta(step, err);
    if (status == MWN_OK)
        status = learner->feature(learner->self, m->feature, err);
    for (size_t j = 0; j < meta->n && status == MWN_OK; j++)
        mwn_gp_teacher_add(&m->teacher, m->feature + j * m->teacher.features,
                           meta->label[j], meta->index ? (double)meta->index[j] : -1.0);
    m->fitted = false;
    return status;
}

/* The teacher's labels of the batch; w stands still. */
static mwn_status label_batch(struct fwl *m, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_learner *learner = step->learner;
    if (!(m->teacher.count[0] > 0))
        MWN_TRY(mwn_method_fail_unseen(step, "fwl", "the last plain epoch", err));
    if (!m->fitted)
        MWN_TRY(mwn_gp_teacher_fit(&m->teacher, err));
    m->fitted = true;
    MWN_TRY(mwn_step_forward(step, err));
    MWN_TRY(learner->feature(learner->self, m->feature, err));
    for (size_t i = 0; i < step->train->n; i++) {
        size_t sample = step->train->index[i];
        double variance =
            mwn_gp_teacher_predict(&m->teacher, m->feature + i * m->teacher.features,
                                   m->target + sample * m->teacher.classes);
        m->fidelity[sample] = step->weight[i] = exp(-m->beta * variance);
    }
out:
    return status;
}

/* A step by the teacher's labels; samples that it has not seen keep theirs, as unsure ones. */
static mwn_status learn(struct fwl *m, struct mwn_step *step, struct mwn_error *err)
{
    const struct mwn_batch *batch = step->train;
    size_t classes = m->room.classes;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    mwn_output_room_plain(&m->room, batch);
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * classes;
        const double *t = m->target + batch->index[i] * classes;
        double *slope = m->room.slope + i * classes;
        bool labelled = m->fidelity[batch->index[i]] > 0;
        step->weight[i] = labelled ? m->fidelity[batch->index[i]] : exp(-m->beta);
        for (size_t k = 0; k < classes; k++) {
            if (labelled)
                slope[k] = (p[k] - t[k]) / (double)batch->n;
            slope[k] *= step->weight[i];
        }
    }
    return mwn_step_update_output(step, m->room.slope, err);
}

static mwn_status fwl_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct fwl *m = self;
    uint64_t epoch = mwn_method_epoch(&m->facts, step);
    if (epoch == m->from)
        return label_batch(m, step, err);
    if (epoch > m->from)
        return learn(m, step, err);
    if (step->meta && epoch + 1 == m->from) {
        mwn_status status = look_at_meta(m, step, err);
        if (status != MWN_OK)
            return status;
    }
    return mwn_method_plain(step, err);
}

static int fwl_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct fwl *m = self;
    const struct mwn_gp_teacher *t = &m->teacher;
    items[0] = (struct mwn_state_item){"points", t->point, t->points * t->features};
    items[1] = (struct mwn_state_item){"points.known", t->known, 2 * t->points};
    items[2] = (struct mwn_state_item){"points.count", m->teacher.count, 2};
    items[3] = (struct mwn_state_item){"target", m->target, m->facts.n * t->classes};
    items[4] = (struct mwn_state_item){"fidelity", m->fidelity, m->facts.n};
    return 5;
}

const struct mwn_method mwn_method_fwl = {
    .name = "fwl",
    .summary =
        "fidelity-weighted learning, a teacher from the meta set labels anew and says "
        "how sure it is",
    .reference = "Dehghani et al., Fidelity-Weighted Learning, ICLR 2018",
    .needs = MWN_NEEDS_META | MWN_NEEDS_OUTPUT | MWN_NEEDS_FEATURES | MWN_NEEDS_INDEX |
             MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct fwl_options),
    .self_size = sizeof(struct fwl),
    .options = fwl_rows,
    .begin = fwl_begin,
    .believes = true,
    .step = fwl_step,
    .state = fwl_state,
    .end = fwl_end,
};
