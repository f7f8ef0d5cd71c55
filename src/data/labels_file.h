/* labels_file.h - training labels from a file of their own. */
#ifndef MWN_DATA_LABELS_FILE_H
#define MWN_DATA_LABELS_FILE_H

#include "base/base.h"

/* Replaces label[n] by what the file says; labels must be in 0..classes-1, or '-' in a .csv file:
 * the sample is to be left out, its label becomes -1.
 *   .npy   n integers
 *   .csv   n lines of one label; or lines "index,label", in any order, each index 0..n-1 at
 *          most once: samples without a line keep their label. A first line that is not
 *          numbers is a header. Empty lines do not count.
 * *corrected (may be NULL) is whether the header says "corrected": the labels are better than the
 * data's own, as those that mwnet apply writes, and not labels with noise.
 * MWN_ERR_DATA names file and line; MWN_ERR_CONFIG for another kind of file. */
MWN_MUST_CHECK mwn_status mwn_labels_read(const char *path, int classes, size_t n,
                                          int32_t *label, bool *corrected,
                                          struct mwn_error *err);

/* How many samples there must be for all of the file's labels: one more than the largest index, or
 * the number of labels where there are no indices. */
MWN_MUST_CHECK mwn_status mwn_labels_span(const char *path, size_t *out,
                                          struct mwn_error *err);

#endif
