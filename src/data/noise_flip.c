/* noise_flip.c - a label becomes one other class, which is drawn once for each class. */
#include "base/base.h"
#include "data/noise.h"

static mwn_status flip_matrix(const struct mwn_noise_options *options, int classes,
                              struct mwn_rng *map, double *T, struct mwn_error *err)
{
    double rate = options->rate;
    size_t k = (size_t)classes;
    mwn_status status = mwn_noise_need_classes("flip", classes, 2, err);
    if (status != MWN_OK)
        return status;
    mwn_noise_diagonal(classes, rate, T);
    for (size_t i = 0; i < k; i++) {
        size_t other = (size_t)mwn_rng_below(map, k - 1);
        other += other >= i;
        T[i * k + other] += rate;
    }
    return MWN_OK;
}

const struct mwn_noise mwn_noise_flip = {
    .name = "flip",
    .summary = "one other class, drawn for each class",
    .reads = MWN_NOISE_RATE,
    .matrix = flip_matrix,
};
