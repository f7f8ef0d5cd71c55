/* mslc.c - meta soft label corrector: a label gives way to what the network said and says, as far
 * as two learned functions of the loss have it.
 *
 * Wu, Shu, Xie, Zhao, Meng: Learning to Purify Noisy Labels via Meta Soft Label Corrector, AAAI 2021.
 * With the softmax p_i, the label y_i as a vector, the soft label t_i that the sample had when it last
 * came by, and two weight nets as in mwnet.c,
 *
 *     a_i = V(l_i; Theta),   b_i = V'(m_i; Theta'),   l_i = -log p_i,y_i,   m_i = -sum_k T_ik log p_ik
 *     q_i = a_i y_i + (1 - a_i) (b_i T_i + (1 - b_i) P_i)
 *     f_i = -sum_k q_ik log p_ik,   df_i/dz_ik = p_ik - q_ik,   q_i a constant for w
 *     virtual   w^(Theta, Theta') = w - lr (1/n) sum_i grad f_i(w)
 *     meta      Theta, Theta' <- Adam( grad (1/m) sum_j l_j^meta(w^) )
 *     actual    w <- Opt_w( (1/n) sum_i grad f_i(w) ) with the new a, b, q
 *     t_i <- a_i y_i + (1 - a_i) (b_i t_i + (1 - b_i) p_i).
 *
 * method.target=hard is the authors' code, behind the published numbers: T_i and P_i are the likeliest
 * classes of t_i and of p_i as vectors. method.target=soft is the paper's formula: T_i = t_i, P_i = p_i.
 * The first epochs (80 of 120) are plain training, in which t_i = p_i; a sample that has not come by
 * has t_i = p_i as well. With t_ik' = <grad z_ik(w), u> (step.c) the gradients are
 *
 *     dL/da_i = -lr s (1/n) sum_k t_ik' (b_i T_i + (1 - b_i) P_i - y_i)_k,
 *     dL/db_i = -lr s (1/n) sum_k t_ik' (1 - a_i) (P_i - T_i)_k.
 *
 * The weight shown is a_i: how far the given label is believed. Costs are those of mwnet. */
#include "methods/formulas.h"
#include "methods/learned_weights.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

enum { SOFT, HARD };

struct mslc_options {
    struct mwn_learned_options learned;
    double share;
    int target;
};

struct mslc {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    struct mwn_learned alpha, beta;
    bool hard;
    uint64_t from; /* the first epoch with soft labels        */
    size_t numbers;
    double *target;      /* owned [numbers]: t, [samples][classes]; 0: not seen */
    double *tangent;     /* owned [max_n][classes]                              */
    double *past;        /* owned [max_n][classes]: t_i of the batch            */
    double *loss, *b_of; /* owned [max_n]: m_i, b_i                             */
};

static const char *const target_choices[] = {"soft", "hard", NULL};

static const struct mwn_option mslc_rows[] = {
    MWN_LEARNED_HIDDEN_ROW(struct mslc_options, learned),
    MWN_LEARNED_OPTIMIZER_ROWS(struct mslc_options, learned, "1e-3", "1e-4"),
    {"share", MWN_OPT_REAL, offsetof(struct mslc_options, share), "0.334", 0, 1, NULL,
     "Share of the epochs, at the end, with soft labels; the ones before are plain."},
    {"target", MWN_OPT_CHOICE, offsetof(struct mslc_options, target), "hard", 0, 0,
     target_choices,
     "What stands for the earlier and the present prediction: the likeliest class, as in "
     "the "
     "authors' code, or the probabilities, as in the paper."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void mslc_end(void *self)
{
    struct mslc *m = self;
    double *const all[] = {m->target, m->tangent, m->loss, m->b_of, m->past};
    mwn_output_room_release(&m->room);
    mwn_learned_end(&m->alpha);
    mwn_learned_end(&m->beta);
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        mwn_free(all[i]);
    m->target = m->tangent = m->loss = m->b_of = m->past = NULL;
}

static mwn_status mslc_begin(void *self, const void *options,
                             const struct mwn_method_context *context,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mslc *m = self;
    const struct mslc_options *o = options;
    struct mwn_method_context other = *context;
    size_t n = context->facts.n, max_n = context->max_n, row = context->outputs;
    m->facts = context->facts;
    m->hard = o->target == HARD;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    m->numbers = n * row;
    other.seed++;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    MWN_TRY(mwn_learned_begin(&m->alpha, &o->learned, context, NULL, err));
    MWN_TRY(mwn_learned_begin(&m->beta, &o->learned, &other, NULL, err));
    m->target = mwn_alloc(n, row * sizeof *m->target);
    m->tangent = mwn_alloc(max_n, row * sizeof *m->tangent);
    m->past = mwn_alloc(max_n, row * sizeof *m->past);
    m->loss = mwn_alloc(max_n, sizeof *m->loss);
    m->b_of = mwn_alloc(max_n, sizeof *m->b_of);
    if (!m->target || !m->tangent || !m->past || !m->loss || !m->b_of)
        status = mwn_fail_memory(err, (m->numbers + 2 * max_n * row) * sizeof *m->target,
                                 "the soft labels of all samples");
out:
    if (status != MWN_OK)
        mslc_end(m);
    return status;
}

/* A sample of the batch. */
struct sample {
    const double *t, *p; /* [classes] */
    size_t label, t_top, p_top;
    double a, b;
};

static struct sample sample_of(const struct mslc *m, const struct mwn_step *step, size_t i)
{
    size_t classes = m->room.classes;
    struct sample s = {.t = m->past + i * classes, .p = m->room.prob + i * classes};
    s.label = (size_t)step->train->label[i];
    s.t_top = mwn_argmax(classes, s.t);
    s.p_top = mwn_argmax(classes, s.p);
    s.a = step->weight[i];
    s.b = m->b_of[i];
    return s;
}

/* T_k and P_k. */
static double earlier(const struct mslc *m, const struct sample *s, size_t k)
{
    return !m->hard ? s->t[k] : k == s->t_top ? 1 : 0;
}

static double present(const struct mslc *m, const struct sample *s, size_t k)
{
    return !m->hard ? s->p[k] : k == s->p_top ? 1 : 0;
}

/* t_i of the batch into m->past and m_i into m->loss; the logits are in the room's slope. */
static void look_back(struct mslc *m, const struct mwn_step *step)
{
    size_t classes = m->room.classes;
    for (size_t i = 0; i < step->train->n; i++) {
        const double *t = m->target + step->train->index[i] * classes;
        const double *z = m->room.slope + i * classes;
        double sum = 0, *past = m->past + i * classes;
        double log_sum = step->loss[i] + z[step->train->label[i]];
        for (size_t k = 0; k < classes; k++)
            sum += t[k];
        for (size_t k = 0; k < classes; k++)
            past[k] = sum > 0 ? t[k] : m->room.prob[i * classes + k];
        struct sample s = sample_of(m, step, i);
        m->loss[i] = 0;
        for (size_t k = 0; k < classes; k++)
            m->loss[i] += earlier(m, &s, k) * (log_sum - z[k]);
    }
}

/* a_i, b_i and the derivatives of (1/n) sum_i f_i by the logits. */
static void correct(struct mslc *m, struct mwn_step *step)
{
    size_t classes = m->room.classes, n = step->train->n;
    mwn_learned_values(&m->alpha, n, step->loss, NULL, step->weight);
    mwn_learned_values(&m->beta, n, m->loss, NULL, m->b_of);
    for (size_t i = 0; i < n; i++) {
        struct sample s = sample_of(m, step, i);
        for (size_t k = 0; k < classes; k++) {
            double q =
                (1 - s.a) * (s.b * earlier(m, &s, k) + (1 - s.b) * present(m, &s, k));
            q += k == s.label ? s.a : 0;
            m->room.slope[i * classes + k] = (s.p[k] - q) / (double)n;
        }
    }
}

/* The meta step of both nets. */
static mwn_status learn(struct mslc *m, struct mwn_step *step, struct mwn_error *err)
{
    size_t classes = m->room.classes, n = step->train->n;
    double scale = 0;
    mwn_status status =
        mwn_step_hypergradient_output(step, m->room.slope, m->tangent, &scale, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        struct sample s = sample_of(m, step, i);
        double da = 0, db = 0;
        for (size_t k = 0; k < classes; k++) {
            double t = m->tangent[i * classes + k];
            double T = earlier(m, &s, k), P = present(m, &s, k);
            da += t * (s.b * T + (1 - s.b) * P - (k == s.label ? 1 : 0));
            db += t * (1 - s.a) * (P - T);
        }
        m->alpha.dv[i] = scale / (double)n * da;
        m->beta.dv[i] = scale / (double)n * db;
    }
    mwn_learned_move(&m->alpha, n, step->loss);
    mwn_learned_move(&m->beta, n, m->loss);
    return MWN_OK;
}

/* The soft labels of the batch for the next time. */
static void keep(struct mslc *m, const struct mwn_step *step, bool plain)
{
    size_t classes = m->room.classes;
    for (size_t i = 0; i < step->train->n; i++) {
        double *t = m->target + step->train->index[i] * classes;
        struct sample s = sample_of(m, step, i);
        for (size_t k = 0; k < classes; k++) {
            double soft = s.b * s.t[k] + (1 - s.b) * s.p[k];
            t[k] = plain ? s.p[k] : (k == s.label ? s.a : 0) + (1 - s.a) * soft;
        }
    }
}

static mwn_status mslc_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mslc *m = self;
    bool plain = mwn_method_epoch(&m->facts, step) < m->from;
    MWN_TRY(mwn_output_room_forward(&m->room, step, err));
    if (plain) {
        mwn_output_room_plain(&m->room, step->train);
    } else {
        look_back(m, step);
        correct(m, step);
        if (step->meta) {
            MWN_TRY(learn(m, step, err));
            correct(m, step);
        }
    }
    MWN_TRY(mwn_step_update_output(step, m->room.slope, err));
    keep(m, step, plain);
out:
    return status;
}

static int mslc_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    static const char *const names[] = {"beta", "beta.first", "beta.second", "beta.steps"};
    struct mslc *m = self;
    int count = mwn_learned_state(&m->alpha, items);
    int more = mwn_learned_state(&m->beta, items + count);
    for (int i = 0; i < more; i++)
        items[count + i].name = names[i];
    items[count + more] = (struct mwn_state_item){"target", m->target, m->numbers};
    return count + more + 1;
}

static void mslc_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    mwn_learned_weigh(&((const struct mslc *)self)->alpha, n, loss, weight);
}

const struct mwn_method mwn_method_mslc = {
    .name = "mslc",
    .summary = "meta soft label corrector, labels give way to predictions by learned rules",
    .reference =
        "Wu et al., Learning to Purify Noisy Labels via Meta Soft Label Corrector, "
        "AAAI 2021",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_OUTPUT |
             MWN_NEEDS_TANGENT | MWN_NEEDS_INDEX | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct mslc_options),
    .self_size = sizeof(struct mslc),
    .options = mslc_rows,
    .begin = mslc_begin,
    .believes = true,
    .step = mslc_step,
    .state = mslc_state,
    .weigh = mslc_weigh,
    .end = mslc_end,
};
