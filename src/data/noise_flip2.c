/* noise_flip2.c - a label becomes one of two other classes, each with half the rate; the two
 * are drawn once for each class. The "flip noise" of the Meta-Weight-Net paper. */
#include "base/base.h"
#include "data/noise.h"

static mwn_status flip2_matrix(const struct mwn_noise_options *options, int classes,
                               struct mwn_rng *map, double *T, struct mwn_error *err)
{
    double rate = options->rate;
    size_t k = (size_t)classes;
    mwn_status status = mwn_noise_need_classes("flip2", classes, 3, err);
    if (status != MWN_OK)
        return status;
    mwn_noise_diagonal(classes, rate, T);
    for (size_t i = 0; i < k; i++) {
        size_t first = (size_t)mwn_rng_below(map, k - 1);
        size_t second = (size_t)mwn_rng_below(map, k - 2);
        second += second >= first;
        first += first >= i;
        second += second >= i;
        T[i * k + first] += rate / 2;
        T[i * k + second] += rate / 2;
    }
    return MWN_OK;
}

const struct mwn_noise mwn_noise_flip2 = {
    .name = "flip2",
    .summary = "one of two other classes, drawn for each class, with equal probability",
    .reads = MWN_NOISE_RATE,
    .matrix = flip2_matrix,
};
