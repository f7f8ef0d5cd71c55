/* second.h - the state of a second network of the learner's kind: a peer that learns beside it, or
 * its running mean. */
#ifndef MWN_ENGINE_SECOND_H
#define MWN_ENGINE_SECOND_H

#include "base/base.h"

struct mwn_second {
    void *params;  /* owned [n_params] of the learner's type, or the learner's own while the
                     two are exchanged                                                   */
    double *stats; /* owned [n_stats]                                                     */
    size_t bytes;  /* of params                                                           */
};

/* Fills a zeroed one with zeros. MWN_ERR_MEMORY; release it then too. */
MWN_MUST_CHECK mwn_status mwn_second_init(struct mwn_second *second,
                                          const struct mwn_learner *learner,
                                          struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_second_release(struct mwn_second *second);

/* Lets the learner work on the second network and keeps the first in its place; called again,
 * the other way round. */
void mwn_second_exchange(struct mwn_second *second, struct mwn_learner *learner);

#endif
