/* joint.h - how many labels are wrong, and which class is taken for which: the confident joint
 * of Northcutt, Jiang, Chuang: Confident Learning, JAIR 2021, or the labels of anchors. */
#ifndef MWN_AUDIT_JOINT_H
#define MWN_AUDIT_JOINT_H

#include "base/base.h"

/* Writes the class probabilities of sample i; false if there are none. */
typedef bool mwn_row_fn(const void *user, size_t i, double *row);

struct mwn_joint {
    size_t classes;
    double *threshold; /* owned [classes]: mean p of a class over the samples labelled so */
    double *count;     /* owned [given][true]: calibrated; rows sum to the class counts   */
    double *total;     /* owned [classes]: samples labelled so                            */
};

/* The samples that a joint is estimated from. */
struct mwn_joint_samples {
    size_t n;
    const int32_t *given; /* borrowed [n]: their labels */
    mwn_row_fn *row;
    const void *user; /* for row */
    bool
        unseen; /* the probabilities are of models that have not seen the sample: anchors */
};

/* Fills a zeroed joint. */
MWN_MUST_CHECK mwn_status mwn_joint_init(struct mwn_joint *joint, size_t classes,
                                         const struct mwn_joint_samples *samples,
                                         struct mwn_error *err);
void mwn_joint_release(struct mwn_joint *joint);
/* Estimated share of wrong labels, of all and of those of one given class (NaN: none). */
double mwn_joint_noise(const struct mwn_joint *joint);
double mwn_joint_class_noise(const struct mwn_joint *joint, size_t given);
/* Estimated chance that a sample of class `true_class` is labelled `given`. */
double mwn_joint_transition(const struct mwn_joint *joint, size_t true_class, size_t given);

#endif
