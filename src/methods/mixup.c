/* mixup.c - samples of a batch mixed with each other.
 *
 * Zhang, Cisse, Dauphin, Lopez-Paz: mixup: Beyond Empirical Risk Minimization, ICLR 2018, with
 * l = max(l, 1 - l) so that a sample stays nearer to itself. Beta(alpha, alpha) is G/(G + G') of two
 * numbers of the gamma distribution, which come from Marsaglia, Tsang: A Simple Method for Generating
 * Gamma Variables, 2000. */
#include "methods/mixup.h"

#include "base/mem.h"
#include "base/status.h"
#include "tensor/vec.h"

#include <math.h>
#include <string.h>

mwn_status mwn_mixup_init(struct mwn_mixup *mixup, const struct mwn_learner *learner,
                          size_t max_n, struct mwn_error *err)
{
    size_t size = mwn_dtype_size(learner->dtype);
    if (learner->inputs == 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "mixing samples needs a learner that knows its inputs");
    mixup->max_n = max_n;
    mixup->inputs = learner->inputs;
    mixup->classes = learner->classes;
    mixup->dtype = learner->dtype;
    mixup->share = 1;
    mixup->order = mwn_alloc(max_n, sizeof *mixup->order);
    mixup->target = mwn_alloc(max_n, mixup->classes * size);
    mixup->bytes =
        max_n <= SIZE_MAX / size / mixup->inputs ? max_n * mixup->inputs * size : 0;
    mixup->x = mixup->bytes > 0 ? mwn_arena_alloc(mixup->bytes) : NULL;
    if (mixup->order && mixup->target && mixup->x)
        return MWN_OK;
    return mwn_fail_memory(err, mixup->bytes, "mixed samples");
}

void mwn_mixup_release(struct mwn_mixup *mixup)
{
    if (mixup->x)
        mwn_arena_free(mixup->x, mixup->bytes);
    mwn_free(mixup->order);
    mwn_free(mixup->target);
    memset(mixup, 0, sizeof *mixup);
}

/* Of the gamma distribution with shape a >= 1. */
static double gamma_of(double a, struct mwn_rng *rng)
{
    double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = mwn_rng_normal(rng), v = 1 + c * x;
        double u = 1 - mwn_rng_unit(rng);
        v = v * v * v;
        if (v > 0 && log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double mwn_mixup_beta(double alpha, struct mwn_rng *rng)
{
    double log_of[2];
    for (int k = 0; k < 2; k++) {
        /* Below 1 a number of shape alpha + 1 times u^(1/alpha), as logarithms. */
        double u = 1 - mwn_rng_unit(rng);
        double g = gamma_of(alpha < 1 ? alpha + 1 : alpha, rng);
        log_of[k] = log(g) + (alpha < 1 ? log(u) / alpha : 0);
    }
    return 1 / (1 + exp(log_of[1] - log_of[0]));
}

void mwn_mixup_mix(struct mwn_mixup *mixup, const struct mwn_batch *batch, double alpha,
                   struct mwn_rng *rng)
{
    size_t inputs = mixup->inputs, row = inputs * mwn_dtype_size(mixup->dtype);
    double drawn = mwn_mixup_beta(alpha, rng);
    mixup->share = drawn > 0.5 ? drawn : 1 - drawn;
    mwn_rng_permutation(rng, mixup->order, batch->n);
    for (size_t i = 0; i < batch->n; i++) {
        const char *own = (const char *)batch->x + i * row;
        const char *other = (const char *)batch->x + mixup->order[i] * row;
        char *out = (char *)mixup->x + i * row;
        mwn_vec_add(mixup->dtype, inputs, own, mixup->share - 1, own, out);
        mwn_vec_add(mixup->dtype, inputs, out, 1 - mixup->share, other, out);
    }
    mixup->batch = *batch;
    mixup->batch.x = mixup->x;
}

static void add_to(enum mwn_dtype dtype, void *vector, size_t at, double value)
{
    if (dtype == MWN_F64)
        ((double *)vector)[at] += value;
    else
        ((float *)vector)[at] += (float)value;
}

void mwn_mixup_labels(struct mwn_mixup *mixup)
{
    struct mwn_batch *batch = &mixup->batch;
    size_t classes = mixup->classes;
    memset(mixup->target, 0, batch->n * classes * mwn_dtype_size(mixup->dtype));
    for (size_t i = 0; i < batch->n; i++) {
        size_t own = (size_t)batch->label[i];
        size_t other = (size_t)batch->label[mixup->order[i]];
        add_to(mixup->dtype, mixup->target, i * classes + own, mixup->share);
        add_to(mixup->dtype, mixup->target, i * classes + other, 1 - mixup->share);
    }
    batch->target = mixup->target;
    batch->label = NULL;
}
