/* mentor.c - the iteration of mentornet and mentornet_dd; their formula is in mentornet.c. */
#include "methods/mentor.h"

#include "base/mem.h"
#include "base/status.h"
#include "methods/formulas.h"

#include <math.h>

enum { FIRST_UNTIL = 17, LAST_FROM = 95 };

void mwn_mentor_end(struct mwn_mentor *m)
{
    mwn_theta_optimizer_release(&m->optimizer);
    mwn_free(m->order);
    m->order = NULL;
}

mwn_status mwn_mentor_begin(struct mwn_mentor *m, const struct mwn_mentor_options *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    m->options = *options;
    m->facts = context->facts;
    m->facts.class_count = NULL;
    m->seed = context->seed;
    mwn_mentor_net_init(&m->net, m->seed);
    mwn_status status = mwn_theta_optimizer_init(&m->optimizer, MWN_MENTOR_PARAMS, err);
    if (status != MWN_OK)
        return status;
    m->order = mwn_alloc(context->max_n, sizeof *m->order);
    if (m->order)
        return MWN_OK;
    mwn_mentor_end(m);
    return mwn_fail_memory(err, context->max_n * sizeof *m->order, "a batch's order");
}

int mwn_mentor_percent(const struct mwn_mentor *m, const struct mwn_step *step)
{
    double all = (double)m->facts.epochs * (double)m->facts.steps;
    double percent = floor(100 * (double)step->iteration / all);
    return percent < 99 ? (int)percent : 99;
}

static int burn_in_percent(const struct mwn_mentor *m)
{
    return (int)lround(100 * m->options.burn_in);
}

bool mwn_mentor_burns_in(const struct mwn_mentor *m, int percent)
{
    return percent < burn_in_percent(m) - 1;
}

mwn_status mwn_mentor_forward(struct mwn_mentor *m, struct mwn_step *step,
                              struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    size_t n = mwn_method_counting(step, step->coef);
    double now = n > 0 ? mwn_quantile(n, step->coef, m->options.percentile, step->work)
                       : m->number[0];
    m->number[0] = m->options.decay * m->number[0] + (1 - m->options.decay) * now;
    m->number[2] = mwn_mentor_percent(m, step);
    return MWN_OK;
}

void mwn_mentor_teach(struct mwn_mentor *m, struct mwn_mentor_lesson lesson)
{
    if (m->number[1] > 0)
        return;
    lesson.steps = (uint64_t)m->options.steps;
    lesson.seed = m->seed;
    lesson.lr = m->options.lr;
    mwn_mentor_net_train(&m->net, &m->optimizer, &lesson);
    m->number[1] = 1;
}

void mwn_mentor_weigh(const struct mwn_mentor *m, size_t n, const double *loss,
                      double *weight)
{
    int percent = (int)m->number[2], end = burn_in_percent(m);
    if (m->frozen && percent > end)
        percent = end < 99 ? end : 99;
    for (size_t i = 0; i < n; i++)
        weight[i] =
            m->number[1] > 0
                ? mwn_mentor_net_weight(
                      &m->net, &(struct mwn_mentor_sample){loss[i], loss[i] - m->number[0],
                                                           percent, 0})
                : 1;
}

/* coef_i = weight_i / n of those that stay, a random share of the batch; 0 of the others. */
static void drop(struct mwn_mentor *m, struct mwn_step *step)
{
    size_t n = step->train->n;
    double rate = m->number[2] < FIRST_UNTIL ? m->options.first_drop
                  : m->number[2] < LAST_FROM ? m->options.drop
                                             : m->options.last_drop;
    size_t stay = (size_t)((double)n * (1 - rate));
    stay = stay == 0 && rate < 1 ? 1 : stay;
    struct mwn_rng rng = mwn_rng_at(m->seed, MWN_STREAM_MENTOR, 1 + step->iteration, 0);
    mwn_rng_permutation(&rng, m->order, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = m->order[i];
        step->coef[at] = i < stay ? step->weight[at] / (double)n : 0;
    }
}

mwn_status mwn_mentor_update(struct mwn_mentor *m, struct mwn_step *step,
                             struct mwn_error *err)
{
    double mean = 0, decay = step->sgd.weight_decay;
    mwn_mentor_weigh(m, step->train->n, step->loss, step->weight);
    drop(m, step);
    for (size_t i = 0; i < step->train->n; i++)
        mean += step->coef[i] * mwn_step_given(step, i);
    step->sgd.weight_decay = decay * mean;
    mwn_status status = mwn_step_update(step, step->coef, err);
    step->sgd.weight_decay = decay;
    return status;
}

int mwn_mentor_state(struct mwn_mentor *m, struct mwn_state_item items[MWN_STATE_MAX])
{
    items[0] = (struct mwn_state_item){"theta", m->net.theta, MWN_MENTOR_PARAMS};
    items[1] = (struct mwn_state_item){"mentor", m->number, MWN_COUNT(m->number)};
    return 2;
}
