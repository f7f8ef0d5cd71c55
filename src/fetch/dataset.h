/* dataset.h - the data sets that can be fetched: where they are, what they must be. */
#ifndef MWN_FETCH_DATASET_H
#define MWN_FETCH_DATASET_H

#include "base/base.h"

/* A file that is published. */
struct mwn_remote_file {
    const char *name;
    size_t size;     /* bytes; 0: unknown */
    const char *sum; /* SHA-256           */
};

struct mwn_dataset {
    const char *name, *summary;
    const char *reader; /* data.reader                                                 */
    const char *url;    /* of the folder with the files                                */
    const char *folder; /* in the archive that the one file is; NULL: plain files      */
    const struct mwn_remote_file *files; /* ends with a NULL name */
};

/* All of them; ends with a NULL name. */
extern const struct mwn_dataset mwn_datasets[];

/* NULL and MWN_ERR_CONFIG, with the nearest name, if there is none. */
const struct mwn_dataset *mwn_dataset_find(const char *name, struct mwn_error *err);

#endif
