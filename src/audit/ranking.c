/* ranking.c - ranks, and how well a score finds wrong labels. */
#include "audit/ranking.h"
#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *left, const void *right, void *user)
{
    const double *const *score = user;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    double x = (*score)[a], y = (*score)[b];
    int order = isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
    return order ? order : (a > b) - (a < b);
}

void mwn_rank_order(size_t n, const double *score, uint32_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, n, sizeof(*order), compare, &score);
}

/* Samples before the first NaN in this order. */
static size_t count_numbers(size_t n, const double *score, const uint32_t *order)
{
    while (n > 0 && isnan(score[order[n - 1]]))
        n--;
    return n;
}

/* The end of the group of equal scores that begins at `from`. */
static size_t group_end(const double *score, const uint32_t *order, size_t from, size_t n)
{
    size_t end = from;
    while (end < n && score[order[end]] <= score[order[from]])
        end++;
    return end;
}

mwn_status mwn_rank_shares(size_t n, const double *score, double *out,
                           struct mwn_error *err)
{
    uint32_t *order = mwn_alloc(n, sizeof(*order));
    if (!order)
        return mwn_fail_memory(err, n * sizeof(*order), "the ranks of samples");
    mwn_rank_order(n, score, order);
    size_t count = count_numbers(n, score, order);
    for (size_t i = count; i < n; i++)
        out[order[i]] = (double)NAN;
    for (size_t i = 0, end = 0; i < count; i = end) {
        end = group_end(score, order, i, count);
        for (size_t k = i; k < end; k++)
            out[order[k]] = (double)(i + end) / 2 / (double)count;
    }
    mwn_free(order);
    return MWN_OK;
}

/* Wrong labels among the `room` lowest scores. */
static double found_in(size_t room, size_t n, const double *score,
                       const unsigned char *wrong, const uint32_t *order)
{
    double found = 0, left = (double)room;
    for (size_t i = 0, end = 0; i < n && left > 0; i = end) {
        double hits = 0;
        end = group_end(score, order, i, n);
        for (size_t k = i; k < end; k++)
            hits += wrong[order[k]];
        double size = (double)(end - i), taken = fmin(left, size);
        found += hits * taken / size;
        left -= taken;
    }
    return found;
}

static void judge(struct mwn_ranking *out, const double *score, const unsigned char *wrong,
                  const uint32_t *order)
{
    size_t n = out->samples, right = n - out->wrong;
    double found = 0, pairs = 0, area = 0;
    for (size_t i = 0, end = 0; i < n; i = end) {
        double hits = 0;
        end = group_end(score, order, i, n);
        for (size_t k = i; k < end; k++)
            hits += wrong[order[k]];
        pairs += ((double)(end - i) - hits) * (found + hits / 2);
        found += hits;
        area += hits * found / (double)end;
    }
    size_t few = n < 100 ? n : 100;
    if (n > 0)
        out->precision_100 = found_in(few, n, score, wrong, order) / (double)few;
    if (out->wrong == 0)
        return;
    out->auprc = area / (double)out->wrong;
    out->precision = found_in(out->wrong, n, score, wrong, order) / (double)out->wrong;
    if (right > 0)
        out->auroc = pairs / ((double)out->wrong * (double)right);
}

mwn_status mwn_rank_against(struct mwn_ranking *out, size_t n, const double *score,
                            const unsigned char *wrong, struct mwn_error *err)
{
    const double none = (double)NAN;
    struct mwn_ranking result = {0, 0, none, none, none, none};
    uint32_t *order = mwn_alloc(n, sizeof(*order));
    if (!order)
        return mwn_fail_memory(err, n * sizeof(*order), "the ranks of samples");
    mwn_rank_order(n, score, order);
    result.samples = count_numbers(n, score, order);
    for (size_t i = 0; i < result.samples; i++)
        result.wrong += wrong[order[i]];
    judge(&result, score, wrong, order);
    mwn_free(order);
    *out = result;
    return MWN_OK;
}
