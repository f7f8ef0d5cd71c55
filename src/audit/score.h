/* score.h - what the evidence says of each sample, and the quality of its label. */
#ifndef MWN_AUDIT_SCORE_H
#define MWN_AUDIT_SCORE_H

#include "audit/evidence.h"
#include "base/base.h"

/* All arrays are owned [n]; NaN where nothing is known. */
struct mwn_scores {
    size_t n;
    /* Of the journal's last epochs: weight, loss, margin. */
    double *weight, *loss, *margin;
    double *trust;        /* mean weight of all epochs */
    double *aum;          /* mean margin of all epochs (area under the margin)         */
    double *p_given;      /* probability of the given label                            */
    double *p_suggested;  /* and of the most probable one                              */
    double *confidence;   /* p_given minus the largest other probability               */
    double *quality;      /* 0..1: how well the label agrees with all that is known    */
    int32_t *suggested;   /* the most probable class; -1: unknown                      */
    uint32_t *forgetting; /* times that it went from classified right to wrong        */
    uint32_t *order;      /* samples, the most suspicious first                        */
    uint32_t *rank;       /* place in order, from 1                                    */
};

enum { MWN_LATE_EPOCHS = 5 };

/* Fills a zeroed struct; release it after a failure too. MWN_ERR_CONFIG if the folder has neither
 * a journal nor probabilities. */
MWN_MUST_CHECK mwn_status mwn_scores_init(struct mwn_scores *scores,
                                          const struct mwn_evidence *evidence,
                                          struct mwn_error *err);
void mwn_scores_release(struct mwn_scores *scores);

#endif
