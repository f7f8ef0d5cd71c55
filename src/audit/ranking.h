/* ranking.h - ranks, and how well a score finds wrong labels. Low scores are suspicious; samples
 * whose score is NaN are left out everywhere. */
#ifndef MWN_AUDIT_RANKING_H
#define MWN_AUDIT_RANKING_H

#include "base/base.h"

/* out[i]: share of the samples that score lower than sample i, ties counting half, so (rank -
 * 1/2)/n, between 0 and 1; NaN where the score is. */
MWN_MUST_CHECK mwn_status mwn_rank_shares(size_t n, const double *score, double *out,
                                          struct mwn_error *err);
/* order[n]: the samples, the lowest score first; ties in the order of the samples, NaN last. */
void mwn_rank_order(size_t n, const double *score, uint32_t *order);

/* Numbers 0..1 of one score; NaN where they are not defined. */
struct mwn_ranking {
    size_t samples, wrong;
    double auroc; /* chance that a wrong label scores lower than a right one; ties half  */
    double auprc; /* average precision: sum over distinct scores of the gain in recall times
                     the precision there                                              */
    double precision;     /* share of wrong labels among the `wrong` lowest scores       */
    double precision_100; /* among the 100 lowest (all if there are fewer)               */
};

/* Ties at the end of a list count with their share. */
MWN_MUST_CHECK mwn_status mwn_rank_against(struct mwn_ranking *out, size_t n,
                                           const double *score, const unsigned char *wrong,
                                           struct mwn_error *err);

#endif
