/* overlap.h - samples that two sets share. */
#ifndef MWN_DATA_OVERLAP_H
#define MWN_DATA_OVERLAP_H

#include "base/base.h"
#include "data/reader.h"

/* What a training sample of the source is for. Later ones keep a sample that two share. */
enum mwn_role {
    MWN_ROLE_NONE,
    MWN_ROLE_TRAIN,
    MWN_ROLE_META,
    MWN_ROLE_VALID,
    MWN_ROLE_TEST
};

/* Sets role[i] (of train's samples) to MWN_ROLE_NONE where a set of a later role, or test, has
 * a sample of the same content; *dropped counts them. MWN_ERR_DATA if more than half of a
 * set's samples are in one other set. O(n log n). */
MWN_MUST_CHECK mwn_status mwn_overlap_drop(const struct mwn_source *train,
                                           const struct mwn_source *test,
                                           unsigned char *role, size_t *dropped,
                                           struct mwn_error *err);

#endif
