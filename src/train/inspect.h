/* inspect.h - the insides of mwn_inspect(): parts of the data and equal samples in them. */
#ifndef MWN_TRAIN_INSPECT_H
#define MWN_TRAIN_INSPECT_H

#include "base/base.h"
#include "base/hash.h"
#include "data/reader.h"

enum { MWN_INSPECT_PARTS = 4, MWN_INSPECT_SHOWN = 10, MWN_INSPECT_IN_GROUP = 8 };

/* A sample: where it is. */
struct mwn_place {
    int part; /* enum mwn_part */
    uint32_t sample;
};

/* Equal samples with different labels. */
struct mwn_conflict {
    size_t n; /* samples; the first MWN_INSPECT_IN_GROUP are kept */
    struct mwn_place place[MWN_INSPECT_IN_GROUP];
};

/* What equal samples there are. */
struct mwn_equals {
    size_t copies[MWN_INSPECT_PARTS]; /* samples that equal an earlier one of their part */
    /* shared[a][b]: samples of part a that part b has as well */
    size_t shared[MWN_INSPECT_PARTS][MWN_INSPECT_PARTS];
    size_t conflicts, conflicting; /* groups, samples in them */
    struct mwn_conflict first[MWN_INSPECT_SHOWN];
    size_t unreadable;                   /* samples whose content cannot be read ..  */
    char unread[MWN_INSPECT_SHOWN][256]; /* .. and why, of the first */
};

/* Looks for equal samples in all parts; sources[part]->n = 0: there is no such part. */
MWN_MUST_CHECK mwn_status mwn_inspect_equals(const struct mwn_source *sources,
                                             struct mwn_equals *out, struct mwn_error *err);

#endif
