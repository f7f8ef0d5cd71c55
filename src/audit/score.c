/* score.c - what the evidence says of each sample, and the quality of its label.
 *
 *     aum_i        = mean over epochs of z_given - max_other z   (Pleiss et al., Identifying
 *                    Mislabeled Data using the Area Under the Margin Ranking, NeurIPS 2020)
 *     confidence_i = p_i(given) - max_other p_i                  (Northcutt et al., JAIR 2021:
 *                    normalized margin)
 *     forgetting_i = number of epochs in which a margin above 0 was followed by one of 0 or less
 *                    (Toneva et al., ICLR 2019)
 *     quality_i    = mean of the rank shares of aum, confidence and, where the method has learned
 *                    weights, of the mean weight; of those that are known
 *
 * Ranks and not values are averaged: the three have different scales, and a mean of ranks does
 * not change under any increasing function of one of them. docs/audit.md has the measurements
 * that this choice rests on. */
#include "audit/score.h"
#include "audit/ranking.h"
#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <string.h>

/* A mean that leaves out what is not a number. */
struct mean {
    double sum;
    size_t count;
};

static void mean_add(struct mean *mean, double value)
{
    if (isnan(value))
        return;
    mean->sum += value;
    mean->count++;
}

static double mean_get(const struct mean *mean)
{
    return mean->count ? mean->sum / (double)mean->count : (double)NAN;
}

static void score_journal(struct mwn_scores *s, const struct mwn_evidence *e, size_t i)
{
    const struct mwn_journal_map *journal = &e->journal;
    struct mean weight = {0, 0}, loss = {0, 0}, margin = {0, 0}, aum = {0, 0};
    struct mean trust = {0, 0};
    bool was_right = false;
    size_t late = journal->epochs > MWN_LATE_EPOCHS ? journal->epochs - MWN_LATE_EPOCHS : 0;

    for (size_t epoch = 0; epoch < journal->epochs; epoch++) {
        const float *at = mwn_journal_at(journal, epoch, i);
        if (isnan(at[MWN_JOURNAL_MARGIN]))
            continue;
        bool right = at[MWN_JOURNAL_MARGIN] > 0;
        s->forgetting[i] += was_right && !right;
        was_right = right;
        mean_add(&aum, (double)at[MWN_JOURNAL_MARGIN]);
        mean_add(&trust, (double)at[MWN_JOURNAL_WEIGHT]);
        if (epoch < late)
            continue;
        mean_add(&weight, (double)at[MWN_JOURNAL_WEIGHT]);
        mean_add(&loss, (double)at[MWN_JOURNAL_LOSS]);
        mean_add(&margin, (double)at[MWN_JOURNAL_MARGIN]);
    }
    s->weight[i] = mean_get(&weight);
    s->loss[i] = mean_get(&loss);
    s->margin[i] = mean_get(&margin);
    s->aum[i] = mean_get(&aum);
    s->trust[i] = mean_get(&trust);
}

static void score_row(struct mwn_scores *s, const struct mwn_evidence *e, size_t i,
                      double *row)
{
    size_t given = (size_t)e->given[i], other = e->classes;
    s->suggested[i] = -1;
    s->p_given[i] = s->p_suggested[i] = s->confidence[i] = (double)NAN;
    if (!mwn_evidence_row(e, i, row))
        return;
    for (size_t c = 0; c < e->classes; c++)
        if (c != given && (other == e->classes || row[c] > row[other]))
            other = c;
    bool doubted = other < e->classes && row[other] > row[given];
    s->suggested[i] = (int32_t)(doubted ? other : given);
    s->p_given[i] = row[given];
    s->p_suggested[i] = row[s->suggested[i]];
    s->confidence[i] = other < e->classes ? row[given] - row[other] : row[given];
}

/* Whether a score tells any two samples apart. */
static bool varies(size_t n, const double *score)
{
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        low = score[i] < low ? score[i] : low;
        high = score[i] > high ? score[i] : high;
    }
    return high > low;
}

/* The weight counts where it says how far a label is believed. */
static mwn_status find_quality(struct mwn_scores *s, bool believes, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const double *const parts[] = {s->aum, s->confidence, believes ? s->trust : NULL};
    double *share = mwn_alloc(s->n, sizeof(*share));
    double *count = mwn_alloc(s->n, sizeof(*count));

    if (!share || !count) {
        status = mwn_fail_memory(err, 2 * s->n * sizeof(*share), "the scores of samples");
        goto out;
    }
    for (size_t k = 0; k < MWN_COUNT(parts) && status == MWN_OK; k++) {
        if (!parts[k] || !varies(s->n, parts[k]))
            continue;
        status = mwn_rank_shares(s->n, parts[k], share, err);
        for (size_t i = 0; i < s->n && status == MWN_OK; i++) {
            if (isnan(share[i]))
                continue;
            s->quality[i] += share[i];
            count[i]++;
        }
    }
    for (size_t i = 0; i < s->n && status == MWN_OK; i++)
        s->quality[i] = count[i] > 0 ? s->quality[i] / count[i] : (double)NAN;
out:
    mwn_free(share);
    mwn_free(count);
    return status;
}

static mwn_status alloc_scores(struct mwn_scores *s, size_t n, struct mwn_error *err)
{
    double **const reals[] = {&s->weight,     &s->loss,    &s->margin,
                              &s->aum,        &s->p_given, &s->p_suggested,
                              &s->confidence, &s->trust,   &s->quality};
    bool whole = true;
    s->n = n;
    for (size_t k = 0; k < MWN_COUNT(reals); k++) {
        *reals[k] = mwn_alloc(n, sizeof(double));
        whole = whole && *reals[k];
    }
    s->suggested = mwn_alloc(n, sizeof(*s->suggested));
    s->forgetting = mwn_alloc(n, sizeof(*s->forgetting));
    s->order = mwn_alloc(n, sizeof(*s->order));
    s->rank = mwn_alloc(n, sizeof(*s->rank));
    if (whole && s->suggested && s->forgetting && s->order && s->rank)
        return MWN_OK;
    return mwn_fail_memory(err, n * 10 * sizeof(double), "the scores of samples");
}

mwn_status mwn_scores_init(struct mwn_scores *s, const struct mwn_evidence *e,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    double *row = NULL;

    if (e->journal.epochs == 0 && e->probs.count == 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: holds neither journal.npy nor pred_probs.npy",
                 e->dir);
        return mwn_hint(err, "train with train.journal=true, or make probabilities by "
                             "mwnet cv");
    }
    MWN_TRY(alloc_scores(s, e->n, err));
    row = mwn_alloc(e->classes, sizeof(*row));
    if (!row) {
        status = mwn_fail_memory(err, e->classes * sizeof(*row), "class probabilities");
        goto out;
    }
    for (size_t i = 0; i < e->n; i++) {
        score_journal(s, e, i);
        score_row(s, e, i, row);
        if (e->journal.epochs == 0 && e->weight)
            s->weight[i] = s->trust[i] = (double)e->weight[i];
    }
    MWN_TRY(find_quality(s, e->believes, err));
    mwn_rank_order(s->n, s->quality, s->order);
    for (size_t k = 0; k < s->n; k++)
        s->rank[s->order[k]] = (uint32_t)k + 1;
out:
    mwn_free(row);
    return status;
}

void mwn_scores_release(struct mwn_scores *s)
{
    double *const reals[] = {s->weight,     s->loss,    s->margin,
                             s->aum,        s->p_given, s->p_suggested,
                             s->confidence, s->trust,   s->quality};
    for (size_t k = 0; k < MWN_COUNT(reals); k++)
        mwn_free(reals[k]);
    mwn_free(s->suggested);
    mwn_free(s->forgetting);
    mwn_free(s->order);
    mwn_free(s->rank);
    memset(s, 0, sizeof(*s));
}
