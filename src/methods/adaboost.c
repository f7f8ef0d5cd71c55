/* adaboost.c - boosting within one training: samples that were missed count more from epoch to
 * epoch.
 *
 * Freund, Schapire: A Decision-Theoretic Generalization of On-Line Learning and an Application to
 * Boosting, JCSS 1997, for C classes as in SAMME: Zhu, Zou, Rosset, Hastie: Multi-class AdaBoost,
 * Statistics and Its Interface 2009, algorithm 2. With the weights v_s of the training samples,
 * 1 at first, and miss_s whether a sample's label was not the likeliest class when it last came by
 * in the epoch,
 *
 *     within an epoch   w <- Opt_w( (1/n) sum_i v_i grad l_i(w) )
 *     after it          err = sum_s g_s v_s miss_s / sum_s g_s v_s
 *                       alpha = log((1 - err) / err) + log(C - 1)
 *                       v_s <- v_s exp(rate alpha miss_s),  then scaled to sum_s g_s v_s = sum_s g_s;
 *                       nothing happens if alpha <= 0 or nothing was missed,
 *
 * g_s being the weight that the data gives, 1 without. The one network goes on instead of a new one
 * for every round; the published comparison does not say how its boosting was done. A sample that
 * did not come by is taken as it was. */
#include "methods/formulas.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>

struct adaboost_options {
    double rate;
};

struct adaboost {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    double rate, epoch;            /* the epoch that miss is of */
    double *weight, *miss, *given; /* owned [facts.n]           */
};

static const struct mwn_option adaboost_rows[] = {
    {"rate", MWN_OPT_REAL, offsetof(struct adaboost_options, rate), "1", 0, 1, NULL,
     "Share of the change that the weights make from epoch to epoch."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void adaboost_end(void *self)
{
    struct adaboost *m = self;
    mwn_output_room_release(&m->room);
    mwn_free(m->weight);
    mwn_free(m->miss);
    mwn_free(m->given);
    m->weight = m->miss = m->given = NULL;
}

static mwn_status adaboost_begin(void *self, const void *options,
                                 const struct mwn_method_context *context,
                                 struct mwn_error *err)
{
    struct adaboost *m = self;
    size_t n = context->facts.n;
    m->facts = context->facts;
    m->rate = ((const struct adaboost_options *)options)->rate;
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    m->weight = mwn_alloc(n, sizeof *m->weight);
    m->miss = mwn_alloc(n, sizeof *m->miss);
    m->given = mwn_alloc(n, sizeof *m->given);
    bool whole = m->weight && m->miss && m->given;
    if (status == MWN_OK && !whole)
        status = mwn_fail_memory(err, 3 * n * sizeof *m->weight, "sample weights");
    if (status != MWN_OK || !whole) {
        adaboost_end(m);
        return status;
    }
    for (size_t s = 0; s < n; s++)
        m->weight[s] = m->given[s] = 1;
    return MWN_OK;
}

static void close_epoch(struct adaboost *m)
{
    double sum = 0, missed = 0, moved = 0, all = 0;
    size_t n = m->facts.n;
    for (size_t s = 0; s < n; s++) {
        sum += m->given[s] * m->weight[s];
        missed += m->given[s] * m->weight[s] * m->miss[s];
        all += m->given[s];
    }
    double error = missed / sum;
    double alpha = log((1 - error) / error) + log((double)m->room.classes - 1);
    if (!(error > 0) || !(alpha > 0))
        return;
    for (size_t s = 0; s < n; s++) {
        m->weight[s] *= m->miss[s] > 0 ? exp(m->rate * alpha) : 1;
        moved += m->given[s] * m->weight[s];
    }
    for (size_t s = 0; s < n; s++)
        m->weight[s] *= all / moved;
}

static mwn_status adaboost_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct adaboost *m = self;
    const struct mwn_batch *batch = step->train;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    double epoch = (double)mwn_method_epoch(&m->facts, step);
    if (epoch > m->epoch)
        close_epoch(m);
    m->epoch = epoch;
    for (size_t i = 0; i < batch->n; i++) {
        const double *p = m->room.prob + i * m->room.classes;
        m->miss[batch->index[i]] =
            mwn_argmax(m->room.classes, p) != (size_t)batch->label[i];
        m->given[batch->index[i]] = mwn_step_given(step, i);
        step->weight[i] = m->weight[batch->index[i]];
    }
    return mwn_method_update(step, err);
}

static int adaboost_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct adaboost *m = self;
    items[0] = (struct mwn_state_item){"weight", m->weight, m->facts.n};
    items[1] = (struct mwn_state_item){"miss", m->miss, m->facts.n};
    items[2] = (struct mwn_state_item){"epoch", &m->epoch, 1};
    items[3] = (struct mwn_state_item){"given", m->given, m->facts.n};
    return 4;
}

const struct mwn_method mwn_method_adaboost = {
    .name = "adaboost",
    .summary = "boosting, samples that were missed count more from epoch to epoch",
    .reference = "Zhu et al., Multi-class AdaBoost, Statistics and Its Interface 2009",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_INDEX | MWN_NEEDS_STEPS,
    .options_size = sizeof(struct adaboost_options),
    .self_size = sizeof(struct adaboost),
    .options = adaboost_rows,
    .begin = adaboost_begin,
    .step = adaboost_step,
    .state = adaboost_state,
    .end = adaboost_end,
};
