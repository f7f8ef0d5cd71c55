/* loss.h - softmax cross-entropy, one loss a sample, with hard or soft targets. */
#ifndef MWN_NN_LOSS_H
#define MWN_NN_LOSS_H

#include "base/base.h"

/* What forward keeps: probabilities and targets, [n][classes] each. */
struct mwn_loss {
    size_t n, classes;
    enum mwn_dtype dtype; /* of the logits */
    double *prob;         /* owned [max_n][classes] */
    double *target;       /* owned [max_n][classes] */
    double *margin; /* owned [max_n]: logit of the given class minus the largest other */
    int32_t *rival; /* owned [max_n]: the class of that other; -1 if there is none     */
};

MWN_MUST_CHECK mwn_status mwn_loss_init(struct mwn_loss *loss, enum mwn_dtype dtype,
                                        size_t max_n, size_t classes,
                                        struct mwn_error *err);
void mwn_loss_release(struct mwn_loss *loss);

/* loss_i = -sum_k t_ik log softmax(z_i)_k. A label outside 0..classes-1 is MWN_ERR_DATA. The
 * given class of a soft target is its largest. */
MWN_MUST_CHECK mwn_status mwn_loss_forward(struct mwn_loss *loss, const void *logits,
                                           const struct mwn_batch *batch, double *out,
                                           struct mwn_error *err);
/* Gradient of sum_i coef_i loss_i by the logits: coef_i (p_ik sum_j t_ij - t_ik). */
void mwn_loss_backward(const struct mwn_loss *loss, const double *coef, void *glogits);
/* Derivatives by the logits that someone else has worked out: slope[n][classes]. */
void mwn_loss_pull(const struct mwn_loss *loss, const double *slope, void *glogits);
/* dloss_i = sum_k zdot_ik (p_ik sum_j t_ij - t_ik). */
void mwn_loss_jvp(const struct mwn_loss *loss, const void *tlogits, double *dloss);

#endif
