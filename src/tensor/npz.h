/* npz.h - NumPy's .npz: a zip file of .npy files, stored or deflated. */
#ifndef MWN_TENSOR_NPZ_H
#define MWN_TENSOR_NPZ_H

#include "base/base.h"
#include "base/file.h"
#include "tensor/npy.h"

struct mwn_npz_entry {
    char *name; /* owned; without ".npy" */
    unsigned method;
    size_t packed, size, offset; /* bytes; of its local header */
    uint32_t crc;
};

/* Zero-initialise it. */
struct mwn_npz {
    struct mwn_input input;
    struct mwn_npz_entry *entry; /* owned [count] */
    size_t count;
};

/* Reads the directory. MWN_ERR_DATA if it is no zip file or is damaged. */
MWN_MUST_CHECK mwn_status mwn_npz_open(struct mwn_npz *npz, const char *path,
                                       struct mwn_error *err);
/* NULL if there is no array of that name. */
const struct mwn_npz_entry *mwn_npz_find(const struct mwn_npz *npz, const char *name);
/* Unpacks an array and checks its sum. */
MWN_MUST_CHECK mwn_status mwn_npz_read(const struct mwn_npz *npz,
                                       const struct mwn_npz_entry *entry,
                                       struct mwn_npy *out, struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_npz_close(struct mwn_npz *npz);

#endif
