/* noise_asymmetric.c - a label becomes the class it is commonly mistaken for. CIFAR-10: truck
 * to automobile, bird to airplane, deer to horse, cat to dog. CIFAR-100: the next class of the
 * superclass, round and round. */
#include "base/base.h"
#include "base/status.h"
#include "data/noise.h"

enum {
    AIRPLANE = 0,
    AUTOMOBILE = 1,
    BIRD = 2,
    CAT = 3,
    DEER = 4,
    DOG = 5,
    HORSE = 7,
    TRUCK = 9
};

static const int pairs[][2] = {
    {TRUCK, AUTOMOBILE},
    {BIRD, AIRPLANE},
    {DEER, HORSE},
    {CAT, DOG},
};

/* The class after `fine` in its superclass, by number, the first after the last. */
static size_t next_in_superclass(size_t fine)
{
    size_t next = fine;
    do
        next = (next + 1) % 100;
    while (mwn_cifar100_superclass[next] != mwn_cifar100_superclass[fine]);
    return next;
}

static mwn_status asymmetric_matrix(const struct mwn_noise_options *options, int classes,
                                    struct mwn_rng *map, double *T, struct mwn_error *err)
{
    double rate = options->rate;
    (void)map;
    if (classes == 10) {
        mwn_noise_diagonal(classes, 0, T);
        for (size_t p = 0; p < MWN_COUNT(pairs); p++) {
            T[pairs[p][0] * 10 + pairs[p][0]] = 1 - rate;
            T[pairs[p][0] * 10 + pairs[p][1]] = rate;
        }
        return MWN_OK;
    }
    if (classes != 100)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.noise: 'asymmetric' is for the classes of CIFAR-10 or "
                        "CIFAR-100, the data has %d",
                        classes);
    mwn_noise_diagonal(classes, rate, T);
    for (size_t i = 0; i < 100; i++)
        T[i * 100 + next_in_superclass(i)] = rate;
    return MWN_OK;
}

const struct mwn_noise mwn_noise_asymmetric = {
    .name = "asymmetric",
    .summary =
        "the class it is mistaken for (CIFAR-10), the next of the superclass (CIFAR-100)",
    .reads = MWN_NOISE_RATE,
    .matrix = asymmetric_matrix,
};
