/* metrics.c - how good a classifier is, and how well sample weights find wrong labels. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>

mwn_status mwn_score_init(struct mwn_score *score, int classes, struct mwn_error *err)
{
    score->classes = classes;
    score->samples = 0;
    score->loss = 0;
    score->count = mwn_alloc((size_t)classes, sizeof(*score->count));
    score->right = mwn_alloc((size_t)classes, sizeof(*score->right));
    if (score->count && score->right)
        return MWN_OK;
    mwn_score_release(score);
    return mwn_fail_memory(err, (size_t)classes * sizeof(*score->count), "an evaluation");
}

void mwn_score_release(struct mwn_score *score)
{
    mwn_free(score->count);
    mwn_free(score->right);
    score->count = NULL;
    score->right = NULL;
}

/* Negative log-likelihood of a class, by the log-sum-exp of the shifted logits. */
static double sample_loss(const double *logits, int classes, int32_t label)
{
    double top = logits[0], sum = 0;
    for (int c = 1; c < classes; c++)
        top = fmax(top, logits[c]);
    for (int c = 0; c < classes; c++)
        sum += exp(logits[c] - top);
    return log(sum) - (logits[label] - top);
}

/* The first class with the largest logit; -1 if a logit is not a number. */
static int sample_class(const double *logits, int classes)
{
    int best = 0;
    for (int c = 0; c < classes; c++) {
        if (isnan(logits[c]))
            return -1;
        if (logits[c] > logits[best])
            best = c;
    }
    return best;
}

void mwn_score_add(struct mwn_score *score, size_t n, const double *logits,
                   const int32_t *label)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = logits + i * (size_t)score->classes;
        size_t y = (size_t)label[i];
        score->count[y]++;
        bool hit = sample_class(row, score->classes) == label[i];
        score->right[y] += hit;
        if (score->hit)
            score->hit[score->samples + i] = hit;
        score->loss += sample_loss(row, score->classes, label[i]);
    }
    score->samples += n;
}

double mwn_score_accuracy(const struct mwn_score *score)
{
    size_t right = 0;
    for (int c = 0; c < score->classes; c++)
        right += score->right[c];
    return score->samples ? (double)right / (double)score->samples : -1.0;
}

double mwn_score_balanced(const struct mwn_score *score)
{
    double sum = 0;
    size_t classes = 0;
    for (int c = 0; c < score->classes; c++) {
        if (score->count[c] == 0)
            continue;
        sum += (double)score->right[c] / (double)score->count[c];
        classes++;
    }
    return classes ? sum / (double)classes : -1.0;
}

double mwn_score_loss(const struct mwn_score *score)
{
    return score->samples ? score->loss / (double)score->samples : (double)NAN;
}

struct ranked {
    float weight;
    bool wrong;
};

static int ranked_compare(const void *a, const void *b)
{
    float x = ((const struct ranked *)a)->weight;
    float y = ((const struct ranked *)b)->weight;
    return (x > y) - (x < y);
}

/* Goes through groups of equal weight from the lowest on. */
static void detect_sorted(struct mwn_detection *out, const struct ranked *item)
{
    double below_wrong = 0; /* wrong labels of lower weight                     */
    double pairs = 0;       /* pairs (wrong, right) with the wrong one below    */
    double found = 0, room = (double)out->wrong;

    for (size_t i = 0, end = 0; i < out->samples; i = end) {
        double wrong = 0, right = 0;
        for (end = i; end < out->samples && item[end].weight <= item[i].weight; end++) {
            wrong += item[end].wrong;
            right += !item[end].wrong;
        }
        double taken = fmin(room, wrong + right);
        found += wrong * taken / (wrong + right);
        room -= taken;
        pairs += right * (below_wrong + wrong / 2);
        below_wrong += wrong;
    }
    size_t right_labels = out->samples - out->wrong;
    if (out->wrong > 0)
        out->precision = found / (double)out->wrong;
    if (out->wrong > 0 && right_labels > 0)
        out->auroc = pairs / ((double)out->wrong * (double)right_labels);
}

mwn_status mwn_detect(struct mwn_detection *out, size_t n, const float *weight,
                      const int32_t *given, const int32_t *truth, struct mwn_error *err)
{
    struct mwn_detection result = {0, 0, (double)NAN, (double)NAN};
    struct ranked *item = mwn_alloc(n, sizeof(*item));

    if (!item)
        return mwn_fail_memory(err, n * sizeof(*item), "the search for wrong labels");
    for (size_t i = 0; i < n; i++) {
        if (isnan(weight[i]))
            continue;
        item[result.samples].weight = weight[i];
        item[result.samples].wrong = given[i] != truth[i];
        result.wrong += item[result.samples].wrong;
        result.samples++;
    }
    qsort(item, result.samples, sizeof(*item), ranked_compare);
    detect_sorted(&result, item);
    mwn_free(item);
    *out = result;
    return MWN_OK;
}
