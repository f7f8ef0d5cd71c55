/* npy_labels.h - the labels that go with an array of samples. */
#ifndef MWN_DATA_NPY_LABELS_H
#define MWN_DATA_NPY_LABELS_H

#include "base/base.h"
#include "data/label_set.h"
#include "tensor/npy.h"

/* What labels are read into. */
struct mwn_npy_labels {
    size_t n;                     /* samples that there are                          */
    bool known;                   /* classes are given, else they are found          */
    struct mwn_label_set classes; /* owned: mwn_label_set_release()                  */
    int32_t *label;               /* owned [n]                                       */
};

/* From an array of whole numbers, [n] or [n][1]. `path` is for messages. */
MWN_MUST_CHECK mwn_status mwn_npy_labels_use(struct mwn_npy_labels *labels,
                                             const char *path, const struct mwn_npy *array,
                                             struct mwn_error *err);
/* From a file: .npy, or the last column of a .csv, numbers or texts. */
MWN_MUST_CHECK mwn_status mwn_npy_labels_read(struct mwn_npy_labels *labels,
                                              const char *path, struct mwn_error *err);

#endif
