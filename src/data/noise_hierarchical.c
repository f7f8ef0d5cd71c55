/* noise_hierarchical.c - a label becomes one of the four other classes of its superclass in
 * CIFAR-100. */
#include "base/base.h"
#include "base/status.h"
#include "data/noise.h"

static mwn_status hierarchical_matrix(const struct mwn_noise_options *options, int classes,
                                      struct mwn_rng *map, double *T, struct mwn_error *err)
{
    double rate = options->rate;
    const int *superclass = mwn_cifar100_superclass;
    (void)map;
    if (classes != 100)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.noise: 'hierarchical' is for the 100 classes of CIFAR-100, "
                        "the data has %d",
                        classes);
    mwn_noise_diagonal(classes, rate, T);
    for (size_t i = 0; i < 100; i++)
        for (size_t j = 0; j < 100; j++)
            if (i != j && superclass[i] == superclass[j])
                T[i * 100 + j] = rate / 4;
    return MWN_OK;
}

const struct mwn_noise mwn_noise_hierarchical = {
    .name = "hierarchical",
    .summary = "another class of the same superclass (CIFAR-100)",
    .reads = MWN_NOISE_RATE,
    .matrix = hierarchical_matrix,
};
