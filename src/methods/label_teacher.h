/* label_teacher.h - the teacher of mlc: from what the last layer sees of a sample and its label to
 * a soft label. See mlc.c for its form. */
#ifndef MWN_METHODS_LABEL_TEACHER_H
#define MWN_METHODS_LABEL_TEACHER_H

#include "base/base.h"

struct mwn_label_teacher {
    size_t features, embedding, hidden, classes;
    size_t width[4]; /* of the input, the two hidden layers, the output                  */
    size_t at[7]; /* in theta: embedding [classes][embedding]; weight [out][in], bias of the
                     three layers                                                        */
    size_t n_params;
    double *theta, *grad; /* owned [n_params]                                            */
    double *value[3]; /* owned [max_n][width]: what the layers got in the last forward */
    double *target;   /* owned [max_n][classes]: the soft labels                     */
    double *delta[2]; /* owned [max_n][the widest]: work space of backward           */
};

/* Fills a zeroed *t, whose sizes are set, with its initial values. MWN_ERR_MEMORY; release it
 * then too. */
MWN_MUST_CHECK mwn_status mwn_label_teacher_init(struct mwn_label_teacher *t, size_t max_n,
                                                 uint64_t seed, struct mwn_error *err);
void mwn_label_teacher_release(struct mwn_label_teacher *t);
/* t->target of feature[n][features] and label[n]. */
void mwn_label_teacher_forward(struct mwn_label_teacher *t, size_t n, const double *feature,
                               const int32_t *label);
/* t->grad = sum_ik by[i][k] dtarget_ik/dtheta of the last forward. */
void mwn_label_teacher_backward(struct mwn_label_teacher *t, size_t n, const int32_t *label,
                                const double *by);

#endif
