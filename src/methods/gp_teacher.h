/* gp_teacher.h - the teacher of fwl: Gaussian processes, one a cluster of points, from what the last
 * layer sees of a sample to its class, with the variance of what they say. See fwl.c. */
#ifndef MWN_METHODS_GP_TEACHER_H
#define MWN_METHODS_GP_TEACHER_H

#include "base/base.h"

struct mwn_gp_teacher {
    size_t features, classes, points, clusters; /* the most of the latter two             */
    double noise;    /* variance that a label has beside the kernel's 1                   */
    double *point;   /* owned [points][features]                                          */
    double *known;   /* owned [points][2]: class and number of the sample, or -1          */
    double count[2]; /* points that there are; where the next one goes                    */
    size_t used;     /* clusters in use, by the last fit                                  */
    int32_t
        *cluster;    /* owned [points]                                                    */
    size_t *member;  /* owned [points]: points in the order of their clusters             */
    size_t *first;   /* owned [clusters + 1]: where a cluster begins in member            */
    double *centre;  /* owned [clusters][features]                                        */
    double *width;   /* owned [clusters]: mean squared distance of two points             */
    double **factor; /* owned [clusters] places in room: Cholesky factors, by columns     */
    double *room;    /* owned [points * points]                                           */
    double *alpha;   /* owned [points][classes]: of a cluster [classes][members]          */
    double *work;    /* owned [points]                                                    */
};

/* Fills a zeroed *t, whose sizes and noise are set. MWN_ERR_MEMORY; release it then too. */
MWN_MUST_CHECK mwn_status mwn_gp_teacher_init(struct mwn_gp_teacher *t,
                                              struct mwn_error *err);
void mwn_gp_teacher_release(struct mwn_gp_teacher *t);
/* Adds a sample of that number (negative: unknown). It takes the place of what was added of the
 * same number before, or of the oldest when there is no more room. */
void mwn_gp_teacher_add(struct mwn_gp_teacher *t, const double *feature, int32_t label,
                        double number);
/* Clusters the points and factorises their covariances. MWN_ERR_DIVERGED for points that are not
 * finite. Allocates nothing. */
MWN_MUST_CHECK mwn_status mwn_gp_teacher_fit(struct mwn_gp_teacher *t,
                                             struct mwn_error *err);
/* target[classes], which sums to 1, and the variance, 0..1, at a point. */
double mwn_gp_teacher_predict(const struct mwn_gp_teacher *t, const double *feature,
                              double *target);

#endif
