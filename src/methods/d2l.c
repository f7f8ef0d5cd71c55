/* d2l.c - dimensionality-driven learning: when the representation begins to spread out to fit wrong
 * labels, the labels give way to the predictions.
 *
 * Ma, Wang, Houle, Zhou, Erfani, Xia, Wijewickrema, Bailey: Dimensionality-Driven Learning with
 * Noisy Labels, ICML 2018. With r_1 <= .. <= r_k the distances of a sample to its nearest
 * neighbours in the batch, by what the last layer gets of them (k = 20),
 *
 *     LID = -k / sum_j log(r_j / r_k),     LID_e = mean of the samples looked at in epoch e.
 *
 * The turning point is the first epoch after the wait and a window of 5 more that has LID_e -
 * mean > 2 standard deviations, both of the five epochs before it. From then on, in epoch e of T,
 *
 *     alpha = exp( -(e/T) LID_(e-1) / min LID )
 *     t_i = alpha onehot(y_i) + (1 - alpha) onehot(argmax p_i),   df_i/dz_ik = p_ik - t_ik
 *     w <- Opt_w( (1/n) sum_i grad f_i(w) ).
 *
 * The authors measure before each epoch, on 1280 random training samples in batches of 128 and in
 * evaluation mode. Here the features are those of the last ten training batches of the epoch
 * before, in training mode and while w moves; k is n - 1 in smaller batches. They wait 40 of 120
 * epochs for CIFAR-10, 60 of 200 for CIFAR-100. The paper goes back to the w of the turning point;
 * their code loads its latest checkpoint, which is no change, and so it is here. */
#include "methods/formulas.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/sort.h"
#include "base/status.h"
#include "tensor/dense.h"

#include <math.h>

enum { LOOKS = 10 };

struct d2l_options {
    int64_t neighbours, window;
    double wait;
};

struct d2l {
    struct d2l_options options;
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    size_t features;
    double *feature;  /* owned [max_n][features]                                          */
    double *distance; /* owned [max_n]                                                    */
    double *lid;      /* owned [epochs]: LID of each epoch that is over                   */
    double number[4]; /* of lid; sum and count in the epoch so far; 1 after the turning   */
};

static const struct mwn_option d2l_rows[] = {
    {"neighbours", MWN_OPT_INT, offsetof(struct d2l_options, neighbours), "20", 2, 4096,
     NULL, "Nearest neighbours in the batch that the dimension is estimated from."},
    {"window", MWN_OPT_INT, offsetof(struct d2l_options, window), "5", 2, 1000, NULL,
     "Epochs whose mean and deviation the next one's dimension is compared with."},
    {"wait", MWN_OPT_REAL, offsetof(struct d2l_options, wait), "0.33", 0, 1, NULL,
     "Share of the epochs before the first window."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void d2l_end(void *self)
{
    struct d2l *m = self;
    mwn_output_room_release(&m->room);
    mwn_free(m->feature);
    mwn_free(m->distance);
    mwn_free(m->lid);
    m->feature = m->distance = m->lid = NULL;
}

static mwn_status d2l_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    struct d2l *m = self;
    m->options = *(const struct d2l_options *)options;
    m->facts = context->facts;
    m->facts.class_count = NULL;
    m->features = context->features;
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    m->feature = mwn_alloc(context->max_n, m->features * sizeof *m->feature);
    m->distance = mwn_alloc(context->max_n, sizeof *m->distance);
    m->lid = mwn_alloc((size_t)m->facts.epochs, sizeof *m->lid);
    if (status == MWN_OK && (!m->feature || !m->distance || !m->lid))
        status = mwn_fail_memory(err, context->max_n * m->features * sizeof *m->feature,
                                 "the features of a batch");
    if (status != MWN_OK)
        d2l_end(m);
    return status;
}

/* The local dimension at sample i among the n of the batch; 0 if there is none. */
static double dimension_at(struct d2l *m, size_t n, size_t i)
{
    size_t k = (size_t)m->options.neighbours, count = 0;
    for (size_t j = 0; j < n; j++) {
        const double *a = m->feature + i * m->features, *b = m->feature + j * m->features;
        if (j != i)
            m->distance[count++] = sqrt(mwn_dense_square_distance(m->features, a, b));
    }
    if (count == 0)
        return 0;
    mwn_sort(count, m->distance);
    return mwn_local_dimension(k < count ? k : count, m->distance);
}

/* Adds the batch of the last forward to the epoch's mean. */
static mwn_status look(struct d2l *m, const struct mwn_step *step, struct mwn_error *err)
{
    const struct mwn_learner *learner = step->learner;
    mwn_status status = learner->feature(learner->self, m->feature, err);
    for (size_t i = 0; i < step->train->n && status == MWN_OK; i++) {
        double lid = dimension_at(m, step->train->n, i);
        m->number[1] += lid;
        m->number[2] += lid > 0;
    }
    return status;
}

static bool turns(const struct d2l *m, size_t count)
{
    size_t window = (size_t)m->options.window;
    double wait = round(m->options.wait * (double)m->facts.epochs), mean = 0, square = 0;
    if (!((double)count > wait + (double)window))
        return false;
    const double *before = m->lid + count - 1 - window;
    for (size_t i = 0; i < window; i++)
        mean += before[i] / (double)window;
    for (size_t i = 0; i < window; i++)
        square += (before[i] - mean) * (before[i] - mean) / (double)window;
    return m->lid[count - 1] - mean > 2 * sqrt(square);
}

/* What an epoch that is over leaves behind. */
static void close_epoch(struct d2l *m)
{
    size_t count = (size_t)m->number[0];
    if (count >= m->facts.epochs)
        return;
    double lid = m->number[2] > 0 ? m->number[1] / m->number[2]
                 : count > 0      ? m->lid[count - 1]
                                  : 1;
    m->lid[count] = lid;
    m->number[0] = (double)(count + 1);
    m->number[1] = m->number[2] = 0;
    if (turns(m, count + 1))
        m->number[3] = 1;
}

/* Share of the labels in the targets of an epoch. */
static double label_share(const struct d2l *m, uint64_t epoch)
{
    size_t count = (size_t)m->number[0];
    if (!(m->number[3] > 0))
        return 1;
    double least = m->lid[0];
    for (size_t e = 1; e < count; e++)
        least = fmin(least, m->lid[e]);
    return exp(-(double)epoch / (double)m->facts.epochs * m->lid[count - 1] / least);
}

static mwn_status d2l_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct d2l *m = self;
    size_t classes = m->room.classes, n = step->train->n;
    uint64_t epoch = mwn_method_epoch(&m->facts, step);
    uint64_t place = step->iteration % m->facts.steps;
    if (place == 0 && epoch > 0)
        close_epoch(m);
    MWN_TRY(mwn_output_room_forward(&m->room, step, err));
    if (place + LOOKS >= m->facts.steps)
        MWN_TRY(look(m, step, err));
    double alpha = label_share(m, epoch);
    for (size_t i = 0; i < n; i++) {
        const double *p = m->room.prob + i * classes;
        size_t label = (size_t)step->train->label[i], top = mwn_argmax(classes, p);
        for (size_t k = 0; k < classes; k++) {
            double target = (k == label ? alpha : 0) + (k == top ? 1 - alpha : 0);
            m->room.slope[i * classes + k] = (p[k] - target) / (double)n;
        }
    }
    status = mwn_step_update_output(step, m->room.slope, err);
out:
    return status;
}

static int d2l_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct d2l *m = self;
    items[0] = (struct mwn_state_item){"lid", m->lid, (size_t)m->facts.epochs};
    items[1] = (struct mwn_state_item){"lid.count", m->number, MWN_COUNT(m->number)};
    return 2;
}

const struct mwn_method mwn_method_d2l = {
    .name = "d2l",
    .summary =
        "dimensionality-driven learning, predictions replace labels as features spread",
    .reference = "Ma et al., Dimensionality-Driven Learning with Noisy Labels, ICML 2018",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_FEATURES | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct d2l_options),
    .self_size = sizeof(struct d2l),
    .options = d2l_rows,
    .begin = d2l_begin,
    .step = d2l_step,
    .state = d2l_state,
    .end = d2l_end,
};
