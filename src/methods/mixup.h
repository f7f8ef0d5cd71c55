/* mixup.h - samples of a batch mixed with each other: x_i' = l x_i + (1 - l) x_order(i). */
#ifndef MWN_METHODS_MIXUP_H
#define MWN_METHODS_MIXUP_H

#include "base/base.h"
#include "base/rng.h"

struct mwn_mixup {
    size_t max_n, inputs, classes, bytes; /* bytes: of x                                 */
    enum mwn_dtype dtype;
    double share;    /* l, 1/2 .. 1                                                      */
    uint32_t *order; /* owned [max_n]                                                    */
    void *x;         /* owned [max_n][inputs]                                            */
    void *target;    /* owned [max_n][classes]: mixed labels                             */
    struct mwn_batch batch; /* the mixed batch: label, index and key of the original     */
};

/* Fills a zeroed one; the learner must know its inputs. MWN_ERR_CONFIG, MWN_ERR_MEMORY; release it
 * then too. */
MWN_MUST_CHECK mwn_status mwn_mixup_init(struct mwn_mixup *mixup,
                                         const struct mwn_learner *learner, size_t max_n,
                                         struct mwn_error *err);
void mwn_mixup_release(struct mwn_mixup *mixup);

/* Mixes a batch with l = max(b, 1 - b), b ~ Beta(alpha, alpha), and a random order, both drawn from
 * rng. */
void mwn_mixup_mix(struct mwn_mixup *mixup, const struct mwn_batch *batch, double alpha,
                   struct mwn_rng *rng);
/* The labels mixed alike, as target of the mixed batch in place of its label. */
void mwn_mixup_labels(struct mwn_mixup *mixup);

/* A number of the distribution Beta(alpha, alpha), alpha > 0. */
double mwn_mixup_beta(double alpha, struct mwn_rng *rng);

#endif
