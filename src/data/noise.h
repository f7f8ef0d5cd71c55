/* noise.h - label noise. A kind of noise is one file and one line in noise_list.h. */
#ifndef MWN_DATA_NOISE_H
#define MWN_DATA_NOISE_H

#include "base/base.h"
#include "base/rng.h"

/* A noise is a row-stochastic matrix: a label y becomes j with probability T[y][j]. */
struct mwn_noise {
    const char *name, *summary;
    /* Fills T[classes][classes] for noise of this rate. `map` is a generator for the random
     * choice of classes. MWN_ERR_CONFIG if the number of classes does not suit. */
    mwn_status (*matrix)(int classes, double rate, struct mwn_rng *map, double *T,
                         struct mwn_error *err);
};

#define MWN_NOISE(name) extern const struct mwn_noise mwn_noise_##name;
#include "data/noise_list.h"
#undef MWN_NOISE

/* All of them, NULL-terminated. */
extern const struct mwn_noise *const mwn_noises[];

/* Labels of n samples of a source. */
struct mwn_labels {
    int classes;
    size_t n;
    const uint32_t *id; /* [n] sample's number in the source */
    int32_t *label;     /* [n] 0..classes-1                  */
};

/* Replaces the labels in place: a sample draws from (seed, noise, id). T (may be NULL)
 * receives the matrix. name "none" does nothing. */
MWN_MUST_CHECK mwn_status mwn_noise_apply(const char *name, double rate, uint64_t seed,
                                          const struct mwn_labels *labels, double *T,
                                          struct mwn_error *err);

/* MWN_ERR_CONFIG, with the nearest known name, unless the name ("none" too) is known and
 * 0 <= rate <= 1. For use before the data is read. */
MWN_MUST_CHECK mwn_status mwn_noise_check(const char *name, double rate,
                                          struct mwn_error *err);

/* Superclass, 0..19, of each fine class of CIFAR-100 (in the order of the data's labels). */
extern const int mwn_cifar100_superclass[100];

/* For a matrix(): T = (1 - rate) * identity. */
void mwn_noise_diagonal(int classes, double rate, double *T);
/* For a matrix(): MWN_ERR_CONFIG unless there are at least that many classes. */
MWN_MUST_CHECK mwn_status mwn_noise_need_classes(const char *name, int classes, int least,
                                                 struct mwn_error *err);
#endif
