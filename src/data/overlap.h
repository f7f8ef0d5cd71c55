/* overlap.h - samples that two sets share. */
#ifndef MWN_DATA_OVERLAP_H
#define MWN_DATA_OVERLAP_H

#include "base/base.h"
#include "data/reader.h"

/* What a sample of a source is for. Later ones keep a sample that two share. */
enum mwn_role {
    MWN_ROLE_NONE,
    MWN_ROLE_TRAIN,
    MWN_ROLE_META,
    MWN_ROLE_VALID,
    MWN_ROLE_TEST,
    MWN_ROLES
};

/* A source and what its samples are for. */
struct mwn_roles {
    const struct mwn_source *source;
    unsigned char *role; /* [n]: enum mwn_role */
};

/* Sets role[i] to MWN_ROLE_NONE where a set of a later role has a sample of the same content;
 * *dropped counts them. MWN_ERR_DATA if more than half of a set's samples are in one other set,
 * but for checked samples (meta) out of the training set.
 * O(n log n). */
MWN_MUST_CHECK mwn_status mwn_overlap_drop(const struct mwn_roles *sources, size_t count,
                                           size_t *dropped, struct mwn_error *err);

/* The content hash of sample i. */
MWN_MUST_CHECK mwn_status mwn_source_hash(const struct mwn_source *source, size_t i,
                                          struct mwn_hash *out, struct mwn_error *err);

#endif
