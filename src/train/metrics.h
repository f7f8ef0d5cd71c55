/* metrics.h - how good a classifier is, and how well sample weights find wrong labels. */
#ifndef MWN_TRAIN_METRICS_H
#define MWN_TRAIN_METRICS_H

#include "base/base.h"
#include "train/json_writer.h"

enum {
    MWN_ECE_BINS = 15,
    MWN_MANY_SHOT = 100, /* a class with more training samples than that is a "many" one */
    MWN_FEW_SHOT = 20    /* with fewer than that a "few" one                             */
};

/* Counts of an evaluation. Zero-initialise, then mwn_score_init(). */
struct mwn_score {
    int classes;
    size_t samples;
    double loss;     /* sum of the negative log-likelihoods           */
    size_t *count;   /* owned [classes] samples of each class         */
    size_t *right;   /* owned [classes] of them classified correctly  */
    size_t *guessed; /* owned [classes] samples taken for that class  */
    /* By the probability of the likeliest class, in bins of the same width: samples, those
     * classified correctly, sum of the probabilities. */
    double bin[MWN_ECE_BINS], bin_right[MWN_ECE_BINS], bin_sure[MWN_ECE_BINS];
    unsigned char
        *hit; /* borrowed room for one a sample: 1 if classified correctly; or NULL */
};

MWN_MUST_CHECK mwn_status mwn_score_init(struct mwn_score *score, int classes,
                                         struct mwn_error *err);
void mwn_score_release(struct mwn_score *score);
/* Adds n samples: logits[n][classes]. Logits that are not numbers count as wrong. */
void mwn_score_add(struct mwn_score *score, size_t n, const double *logits,
                   const int32_t *label);

/* What an evaluation found; all double, so that a checkpoint can hold it as numbers. Shares are
 * 0..1; accuracy is negative if there was no evaluation; NaN: not defined. */
struct mwn_result {
#define MWN_METRIC(field, key, scale) double field;
#include "train/metric_list.h"
#undef MWN_METRIC
};
enum { MWN_RESULT_NUMBERS = sizeof(struct mwn_result) / sizeof(double) };

/* accuracy; balanced: mean of the accuracies of the classes that occur; macro_f1: mean F1 of the
 * classes that occur or were guessed; worst: the lowest accuracy of a class; many, medium, few:
 * balanced over the classes with more than MWN_MANY_SHOT, in between, and fewer than MWN_FEW_SHOT
 * training samples, where train_count[classes] is known (NULL: not); ece: expected
 * calibration error; loss: mean. */
struct mwn_result mwn_score_result(const struct mwn_score *score,
                                   const double *train_count);
/* Adds them to an object under their keys with a prefix ("test_"), as far as they are defined. */
void mwn_result_add(struct mwn_json *json, const char *prefix,
                    const struct mwn_result *result);

/* How weights are spread. */
enum { MWN_WEIGHT_QUANTILES = 5 };
struct mwn_weight_health {
    size_t samples;
    double mean, effective; /* (sum w)^2 / sum w^2, in samples; NaN if all are 0          */
    double quantile[MWN_WEIGHT_QUANTILES]; /* at 5, 25, 50, 75 and 95 %              */
};
/* Of those of weight[n] that are not negative or NaN; sorts them. */
void mwn_weigh_health(struct mwn_weight_health *out, size_t n, float *weight);

/* How well low weights point at wrong labels. Samples whose weight is NaN are left out. */
struct mwn_detection {
    size_t samples, wrong; /* samples with a weight; of them with a wrong label       */
    double auroc;          /* chance that a wrong label weighs less than a right one  */
    double precision;      /* share of wrong labels among the `wrong` lowest weights  */
};

/* What a network has made of wrong labels; all double, for checkpoints. */
struct mwn_memory {
    double wrong; /* wrongly labelled samples that were looked at                        */
    double given, truth; /* share predicted as labelled; as is true; NaN if wrong is 0 */
};

/* Ties count half (auroc) or with their share (precision). NaN where nothing is defined. */
MWN_MUST_CHECK mwn_status mwn_detect(struct mwn_detection *out, size_t n,
                                     const float *weight, const int32_t *given,
                                     const int32_t *truth, struct mwn_error *err);

#endif
