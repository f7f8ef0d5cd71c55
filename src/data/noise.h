/* noise.h - label noise. A kind of noise is one file and one line in noise_list.h. */
#ifndef MWN_DATA_NOISE_H
#define MWN_DATA_NOISE_H

#include "base/base.h"
#include "base/rng.h"

/* What noise is asked for. All borrowed. */
struct mwn_noise_options {
    const char *name;           /* "none" or the name of a noise                      */
    double rate;                /* 0..1                                               */
    const char *matrix, *probs; /* files, for the noises that read them; "" or NULL: none */
};

/* Labels of n samples of a source. */
struct mwn_labels {
    int classes;
    size_t n;
    const uint32_t *id; /* [n] sample's number in the source */
    int32_t *label;     /* [n] 0..classes-1                  */
    size_t samples;     /* of the source: ids are below it   */
};

/* Which options a noise reads; the others must not be given. */
enum { MWN_NOISE_RATE = 1, MWN_NOISE_MATRIX = 2, MWN_NOISE_PROBS = 4 };

/* A noise gives each sample a row of probabilities: its label becomes j with row[j]. The row is
 * that of the sample's class in a matrix, or the sample's own. */
struct mwn_noise {
    const char *name, *summary;
    unsigned reads;
    /* Fills T[classes][classes], whose rows sum to 1. `map` is a generator for the random
     * choice of classes. MWN_ERR_CONFIG if the number of classes does not suit. */
    mwn_status (*matrix)(const struct mwn_noise_options *options, int classes,
                         struct mwn_rng *map, double *T, struct mwn_error *err);
    /* Without matrix(): prepare() looks at all labels, before any has changed, and makes
     * *self, which release() frees; row() fills the zeroed row[classes] of labels->id[i]. */
    mwn_status (*prepare)(void **self, const struct mwn_noise_options *options,
                          const struct mwn_labels *labels, struct mwn_error *err);
    void (*row)(const void *self, size_t i, double *row);
    void (*release)(void *self);
};

#define MWN_NOISE(name) extern const struct mwn_noise mwn_noise_##name;
#include "data/noise_list.h"
#undef MWN_NOISE

/* All of them, NULL-terminated. */
extern const struct mwn_noise *const mwn_noises[];

/* Replaces the labels in place: a sample draws from (seed, noise, id). T (may be NULL)
 * receives the matrix, if the noise has one. name "none" does nothing. */
MWN_MUST_CHECK mwn_status mwn_noise_apply(const struct mwn_noise_options *options,
                                          uint64_t seed, const struct mwn_labels *labels,
                                          double *T, struct mwn_error *err);

/* MWN_ERR_CONFIG, with the nearest known name, unless the name ("none" too) is known, the rate
 * in 0..1, and what is given is what the noise reads. For use before the data is read. */
MWN_MUST_CHECK mwn_status mwn_noise_check(const struct mwn_noise_options *options,
                                          struct mwn_error *err);

/* Superclass, 0..19, of each fine class of CIFAR-100 (in the order of the data's labels). */
extern const int mwn_cifar100_superclass[100];

/* For a matrix(): T = (1 - rate) * identity. */
void mwn_noise_diagonal(int classes, double rate, double *T);
/* For a matrix(): MWN_ERR_CONFIG unless there are at least that many classes. */
MWN_MUST_CHECK mwn_status mwn_noise_need_classes(const char *name, int classes, int least,
                                                 struct mwn_error *err);
#endif
