/* labels_file.h - training labels from a file of their own. */
#ifndef MWN_DATA_LABELS_FILE_H
#define MWN_DATA_LABELS_FILE_H

#include "base/base.h"

/* The samples that a file is to label. */
struct mwn_labelled {
    int classes;
    size_t n;
    char *const *id; /* [n]; NULL: not looked at */
};

/* Replaces label[n] by what the file says; labels must be in 0..classes-1, or '-' in a .csv file:
 * the sample is to be left out, its label becomes -1.
 *   .npy   n integers
 *   .csv   n lines of one label; or lines "index,label", in any order, each index 0..n-1 at
 *          most once: samples without a line keep their label. A first line that is not
 *          numbers is a header. Empty lines do not count. With the header "..,..,id" a third
 *          field, unless empty, must be the sample's id[index].
 * *corrected (may be NULL) is whether the header says "corrected": the labels are better than the
 * data's own, as those that mwnet apply writes, and not labels with noise.
 * MWN_ERR_DATA names file and line; MWN_ERR_MISMATCH if a sample has another id; MWN_ERR_CONFIG
 * for another kind of file. */
MWN_MUST_CHECK mwn_status mwn_labels_read(const char *path,
                                          const struct mwn_labelled *samples,
                                          int32_t *label, bool *corrected,
                                          struct mwn_error *err);

/* How many samples there must be for all of the file's labels: one more than the largest index, or
 * the number of labels where there are no indices. */
MWN_MUST_CHECK mwn_status mwn_labels_span(const char *path, size_t *out,
                                          struct mwn_error *err);

#endif
