/* noise_uniform.c - a label is redrawn among all classes, the true one included: T = rate/K
 * everywhere, plus (1 - rate) on the diagonal. */
#include "base/base.h"
#include "data/noise.h"

static mwn_status uniform_matrix(const struct mwn_noise_options *options, int classes,
                                 struct mwn_rng *map, double *T, struct mwn_error *err)
{
    double rate = options->rate;
    size_t k = (size_t)classes;
    (void)map;
    (void)err;
    mwn_noise_diagonal(classes, rate, T);
    for (size_t i = 0; i < k * k; i++)
        T[i] += rate / classes;
    return MWN_OK;
}

const struct mwn_noise mwn_noise_uniform = {
    .name = "uniform",
    .summary = "any class, the true one included",
    .reads = MWN_NOISE_RATE,
    .matrix = uniform_matrix,
};
