/* metrics.c - how good a classifier is, and how well sample weights find wrong labels.
 *
 * With n_c samples of class c, r_c of them classified correctly, g_c samples taken for class c:
 *
 *     accuracy sum r_c / n,   balanced mean r_c / n_c,   F1_c = 2 r_c / (n_c + g_c)
 *     ECE = sum_b (n_b / n) |acc_b - conf_b|   over 15 bins of the largest probability
 *
 * (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017). Classes are
 * many-, medium- and few-shot with more than 100, 20 to 100, and fewer than 20 training samples
 * (Liu et al.: Large-Scale Long-Tailed Recognition in an Open World, CVPR 2019). */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mwn_status mwn_score_init(struct mwn_score *score, int classes, struct mwn_error *err)
{
    unsigned char *hit = score->hit;
    *score = (struct mwn_score){.classes = classes, .hit = hit};
    score->count = mwn_alloc((size_t)classes, sizeof(*score->count));
    score->right = mwn_alloc((size_t)classes, sizeof(*score->right));
    score->guessed = mwn_alloc((size_t)classes, sizeof(*score->guessed));
    if (score->count && score->right && score->guessed)
        return MWN_OK;
    mwn_score_release(score);
    return mwn_fail_memory(err, (size_t)classes * sizeof(*score->count), "an evaluation");
}

void mwn_score_release(struct mwn_score *score)
{
    mwn_free(score->count);
    mwn_free(score->right);
    mwn_free(score->guessed);
    score->count = NULL;
    score->right = NULL;
    score->guessed = NULL;
}

/* ---- Samples ------------------------------------------------------------------------ */

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

/* log(sum exp(logits)) above the largest of them. */
static double log_sum(const double *logits, int classes, double top)
{
    double sum = 0;
    for (int c = 0; c < classes; c++)
        sum += exp(logits[c] - top);
    return log(sum);
}

/* Notes how sure the network was, p being the probability of its choice. Bins are open below. */
static void note_sure(struct mwn_score *score, double p, bool hit)
{
    double at = ceil(p * MWN_ECE_BINS) - 1;
    size_t b = at > 0 ? (size_t)at : 0;
    b = b < MWN_ECE_BINS ? b : MWN_ECE_BINS - 1;
    score->bin[b] += 1;
    score->bin_right[b] += hit;
    score->bin_sure[b] += p;
}

static void add_sample(struct mwn_score *score, const double *logits, int32_t label)
{
    int best = sample_class(logits, score->classes);
    bool hit = best == label;
    score->count[label]++;
    score->right[label] += hit;
    if (best < 0) {
        score->loss += (double)NAN;
        note_sure(score, 0, false);
        return;
    }
    double above = log_sum(logits, score->classes, logits[best]);
    score->guessed[best]++;
    score->loss += above - (logits[label] - logits[best]);
    note_sure(score, exp(-above), hit);
}

void mwn_score_add(struct mwn_score *score, size_t n, const double *logits,
                   const int32_t *label)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = score->right[label[i]];
        add_sample(score, logits + i * (size_t)score->classes, label[i]);
        if (score->hit)
            score->hit[score->samples + i] = score->right[label[i]] > before;
    }
    score->samples += n;
}

/* ---- Results ------------------------------------------------------------------------ */

static double class_accuracy(const struct mwn_score *score, int c)
{
    return (double)score->right[c] / (double)score->count[c];
}

/* Mean of the accuracies of the classes with low <= training samples <= high. */
static double mean_accuracy(const struct mwn_score *score, const double *train_count,
                            double low, double high)
{
    double sum = 0, classes = 0;
    for (int c = 0; c < score->classes; c++) {
        if (score->count[c] == 0 ||
            (train_count && !(train_count[c] >= low && train_count[c] <= high)))
            continue;
        sum += class_accuracy(score, c);
        classes += 1;
    }
    return classes > 0 ? sum / classes : (double)NAN;
}

static double macro_f1(const struct mwn_score *score)
{
    double sum = 0, classes = 0;
    for (int c = 0; c < score->classes; c++) {
        double all = (double)(score->count[c] + score->guessed[c]);
        if (!(all > 0))
            continue;
        sum += 2 * (double)score->right[c] / all;
        classes += 1;
    }
    return sum / classes;
}

static double calibration_error(const struct mwn_score *score)
{
    double sum = 0;
    for (size_t b = 0; b < MWN_ECE_BINS; b++)
        sum += fabs(score->bin_right[b] - score->bin_sure[b]);
    return sum / (double)score->samples;
}

struct mwn_result mwn_score_result(const struct mwn_score *score, const double *train_count)
{
    const double none = (double)NAN, all = (double)INFINITY;
    struct mwn_result result = {.accuracy = -1, .many = none, .medium = none, .few = none};
    size_t right = 0;

    if (score->samples == 0)
        return result;
    result.worst = 1;
    for (int c = 0; c < score->classes; c++) {
        right += score->right[c];
        if (score->count[c] > 0)
            result.worst = fmin(result.worst, class_accuracy(score, c));
    }
    result.accuracy = (double)right / (double)score->samples;
    result.balanced = mean_accuracy(score, NULL, 0, all);
    result.macro_f1 = macro_f1(score);
    result.ece = calibration_error(score);
    result.loss = score->loss / (double)score->samples;
    if (!train_count)
        return result;
    result.many = mean_accuracy(score, train_count, MWN_MANY_SHOT + 1, all);
    result.medium = mean_accuracy(score, train_count, MWN_FEW_SHOT, MWN_MANY_SHOT);
    result.few = mean_accuracy(score, train_count, 0, MWN_FEW_SHOT - 1);
    return result;
}

void mwn_result_add(struct mwn_json *json, const char *prefix,
                    const struct mwn_result *result)
{
    static const struct {
        const char *key;
        double scale;
    } metrics[] = {
#define MWN_METRIC(field, key, scale) {key, scale},
#include "train/metric_list.h"
#undef MWN_METRIC
    };
    double value[MWN_RESULT_NUMBERS];
    char key[64];
    memcpy(value, result, sizeof(value));
    for (size_t i = 0; i < MWN_RESULT_NUMBERS; i++) {
        bool is_share = metrics[i].scale > 1;
        if (is_share && isnan(value[i]))
            continue;
        snprintf(key, sizeof(key), "%s%s", prefix, metrics[i].key);
        if (is_share)
            mwn_json_fixed(json, key, metrics[i].scale * value[i], 2);
        else
            mwn_json_real(json, key, value[i], 6);
    }
}

/* ---- Weights ------------------------------------------------------------------------ */

static int float_compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest of the sorted value[n], n > 0. */
static double quantile(const float *value, size_t n, double share)
{
    double at = share * (double)(n - 1), below = floor(at);
    double low = (double)value[(size_t)below];
    double high = (double)value[below + 1 < (double)n ? (size_t)below + 1 : n - 1];
    return low + (at - below) * (high - low);
}

void mwn_weigh_health(struct mwn_weight_health *out, size_t n, float *weight)
{
    static const double shares[MWN_WEIGHT_QUANTILES] = {0.05, 0.25, 0.5, 0.75, 0.95};
    double sum = 0, squares = 0;
    *out = (struct mwn_weight_health){0};
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] >= 0))
            continue;
        sum += (double)weight[i];
        squares += (double)weight[i] * (double)weight[i];
        weight[out->samples++] = weight[i];
    }
    out->mean = out->samples ? sum / (double)out->samples : (double)NAN;
    out->effective = squares > 0 ? sum * sum / squares : (double)NAN;
    qsort(weight, out->samples, sizeof(*weight), float_compare);
    for (size_t q = 0; q < MWN_WEIGHT_QUANTILES; q++)
        out->quantile[q] =
            out->samples ? quantile(weight, out->samples, shares[q]) : (double)NAN;
}

/* ---- Wrong labels ------------------------------------------------------------------- */

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
