/* metrics.h - how good a classifier is, and how well sample weights find wrong labels. */
#ifndef MWN_TRAIN_METRICS_H
#define MWN_TRAIN_METRICS_H

#include "base/base.h"

/* Counts of an evaluation. Zero-initialise, then mwn_score_init(). */
struct mwn_score {
    int classes;
    size_t samples;
    double loss;   /* sum of the negative log-likelihoods          */
    size_t *count; /* owned [classes] samples of each class        */
    size_t *right; /* owned [classes] of them classified correctly */
    unsigned char
        *hit; /* borrowed room for one a sample: 1 if classified correctly; or NULL */
};

MWN_MUST_CHECK mwn_status mwn_score_init(struct mwn_score *score, int classes,
                                         struct mwn_error *err);
void mwn_score_release(struct mwn_score *score);
/* Adds n samples: logits[n][classes]. Logits that are not numbers count as wrong. */
void mwn_score_add(struct mwn_score *score, size_t n, const double *logits,
                   const int32_t *label);
double mwn_score_accuracy(const struct mwn_score *score); /* 0..1; negative if empty */
/* Mean of the accuracies of the classes that occur, 0..1. */
double mwn_score_balanced(const struct mwn_score *score);
double mwn_score_loss(const struct mwn_score *score); /* mean */

/* How well low weights point at wrong labels. Samples whose weight is NaN are left out. */
struct mwn_detection {
    size_t samples, wrong; /* samples with a weight; of them with a wrong label       */
    double auroc;          /* chance that a wrong label weighs less than a right one  */
    double precision;      /* share of wrong labels among the `wrong` lowest weights  */
};

/* Ties count half (auroc) or with their share (precision). NaN where nothing is defined. */
MWN_MUST_CHECK mwn_status mwn_detect(struct mwn_detection *out, size_t n,
                                     const float *weight, const int32_t *given,
                                     const int32_t *truth, struct mwn_error *err);

#endif
