/* gp_teacher.c - Gaussian processes on clusters of points; LAPACK factorises. */
#include "methods/gp_teacher.h"

#include "base/mem.h"
#include "base/status.h"
#include "methods/kmeans.h"
#include "tensor/dense.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

mwn_status mwn_gp_teacher_init(struct mwn_gp_teacher *t, struct mwn_error *err)
{
    size_t row = t->points * sizeof(double);
    t->point = mwn_alloc(t->points, t->features * sizeof(double));
    t->known = mwn_alloc(t->points, 2 * sizeof(double));
    t->cluster = mwn_alloc(t->points, sizeof *t->cluster);
    t->member = mwn_alloc(t->points, sizeof *t->member);
    t->first = mwn_alloc(t->clusters + 1, sizeof *t->first);
    t->centre = mwn_alloc(t->clusters, t->features * sizeof(double));
    t->width = mwn_alloc(t->clusters, sizeof *t->width);
    t->factor = mwn_alloc(t->clusters, sizeof *t->factor);
    t->room = mwn_alloc(t->points, row);
    t->alpha = mwn_alloc(t->classes, row);
    t->work = mwn_alloc(1, row);
    if (t->point && t->known && t->cluster && t->member && t->first && t->centre &&
        t->width && t->factor && t->room && t->alpha && t->work)
        return MWN_OK;
    return mwn_fail_memory(err, t->points * row, "the covariances of method.points points");
}

void mwn_gp_teacher_release(struct mwn_gp_teacher *t)
{
    void *const all[] = {t->point, t->known,  t->cluster, t->member,
                         t->first, t->centre, t->width,   (void *)t->factor,
                         t->room,  t->alpha,  t->work};
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        mwn_free(all[i]);
    *t = (struct mwn_gp_teacher){0};
}

void mwn_gp_teacher_add(struct mwn_gp_teacher *t, const double *feature, int32_t label,
                        double number)
{
    size_t count = (size_t)t->count[0], at = (size_t)t->count[1];
    for (size_t i = 0; i < count && number >= 0; i++)
        if (t->known[2 * i + 1] >= number && t->known[2 * i + 1] <= number)
            at = i;
    if (at == (size_t)t->count[1]) {
        t->count[0] = (double)(count < t->points ? count + 1 : count);
        t->count[1] = (double)(at + 1 < t->points ? at + 1 : 0);
    }
    memcpy(t->point + at * t->features, feature, t->features * sizeof *feature);
    t->known[2 * at] = label;
    t->known[2 * at + 1] = number;
}

static double kernel(const struct mwn_gp_teacher *t, size_t c, const double *a, size_t i)
{
    const double *b = t->point + t->member[i] * t->features;
    return exp(-mwn_dense_square_distance(t->features, a, b) / (2 * t->width[c]));
}

/* Clusters, and their members one after another. */
static void gather(struct mwn_gp_teacher *t, size_t count)
{
    size_t at = 0;
    t->used = t->clusters < count ? t->clusters : count;
    for (size_t c = 0; c < t->used; c++)
        memcpy(t->centre + c * t->features, t->point + c * count / t->used * t->features,
               t->features * sizeof *t->centre);
    mwn_kmeans(count, t->features, t->point, t->used, t->centre, t->cluster);
    for (size_t c = 0; c < t->used; c++) {
        t->first[c] = at;
        for (size_t i = 0; i < count; i++)
            if (t->cluster[i] == (int32_t)c)
                t->member[at++] = i;
    }
    t->first[t->used] = at;
}

/* The mean squared distance of two of a cluster's points. */
static double width_of(const struct mwn_gp_teacher *t, size_t c)
{
    double sum = 0, pairs = 0;
    for (size_t i = t->first[c]; i < t->first[c + 1]; i++)
        for (size_t j = t->first[c]; j < i; j++) {
            sum += mwn_dense_square_distance(t->features,
                                             t->point + t->member[i] * t->features,
                                             t->point + t->member[j] * t->features);
            pairs += 1;
        }
    return sum > 0 ? sum / pairs : 1;
}

/* Factor and alpha = (K + noise I)^-1 (Y - 1/classes) of a cluster. */
static bool factorise(struct mwn_gp_teacher *t, size_t c)
{
    size_t from = t->first[c], n = t->first[c + 1] - from;
    double *k = t->factor[c], *alpha = t->alpha + from * t->classes;
    t->width[c] = width_of(t, c);
    for (size_t j = 0; j < n; j++) {
        const double *x = t->point + t->member[from + j] * t->features;
        for (size_t i = j; i < n; i++)
            k[i + j * n] = kernel(t, c, x, from + i) + (i == j ? t->noise : 0);
        for (size_t y = 0; y < t->classes; y++)
            alpha[y * n + j] = (t->known[2 * t->member[from + j]] == (double)y ? 1 : 0) -
                               1 / (double)t->classes;
    }
    lapack_int size = (lapack_int)n, columns = (lapack_int)t->classes;
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', size, k, size) == 0 &&
           LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', size, columns, k, size, alpha,
                               size) == 0;
}

mwn_status mwn_gp_teacher_fit(struct mwn_gp_teacher *t, struct mwn_error *err)
{
    size_t count = (size_t)t->count[0];
    double *room = t->room;
    t->used = 0;
    for (size_t i = 0; i < count * t->features; i++)
        if (!isfinite(t->point[i]))
            return mwn_fail(err, MWN_ERR_DIVERGED,
                            "the features of a meta sample are not finite");
    if (count > 0)
        gather(t, count);
    for (size_t c = 0; c < t->used; c++) {
        size_t n = t->first[c + 1] - t->first[c];
        t->factor[c] = room;
        room += n * n;
        if (n > 0 && !factorise(t, c))
            return mwn_fail(err, MWN_ERR_DIVERGED,
                            "the covariance of %zu meta samples cannot be factorised", n);
    }
    return MWN_OK;
}

/* The nearest cluster that has points; t->used if there is none. */
static size_t nearest(const struct mwn_gp_teacher *t, const double *feature)
{
    size_t best = t->used;
    double least = HUGE_VAL;
    for (size_t c = 0; c < t->used; c++) {
        double d =
            mwn_dense_square_distance(t->features, feature, t->centre + c * t->features);
        bool has_points = t->first[c + 1] > t->first[c];
        if (has_points && (best == t->used || d < least)) {
            best = c;
            least = d;
        }
    }
    return best;
}

double mwn_gp_teacher_predict(const struct mwn_gp_teacher *t, const double *feature,
                              double *target)
{
    size_t c = nearest(t, feature), from = 0, n = 0;
    double sum = 0, variance = 1;
    if (c < t->used) {
        from = t->first[c];
        n = t->first[c + 1] - from;
    }
    for (size_t i = 0; i < n; i++)
        t->work[i] = kernel(t, c, feature, from + i);
    for (size_t y = 0; y < t->classes; y++) {
        const double *alpha = t->alpha + from * t->classes + y * n;
        double mean = 1 / (double)t->classes + mwn_dense_dot(n, alpha, t->work);
        target[y] = mean > 0 ? mean : 0;
        sum += target[y];
    }
    for (size_t y = 0; y < t->classes; y++)
        target[y] = sum > 0 ? target[y] / sum : 1 / (double)t->classes;
    if (n > 0)
        (void)LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'L', 'N', 'N', (lapack_int)n, 1,
                                  t->factor[c], (lapack_int)n, t->work, (lapack_int)n);
    for (size_t i = 0; i < n; i++)
        variance -= t->work[i] * t->work[i];
    return variance > 0 ? variance : 0;
}
