/* prob_file.h - a file of rows of probabilities, a column for each class. */
#ifndef MWN_DATA_PROB_FILE_H
#define MWN_DATA_PROB_FILE_H

#include "base/base.h"
#include "tensor/npy.h"

struct mwn_prob_file {
    const char *path;   /* borrowed                                               */
    struct mwn_npy npy; /* owned: [rows][classes]                                 */
    size_t *line;       /* owned [rows]: of a text, from 1; NULL: the file is .npy */
    size_t rows, classes;
};

/* Reads a .npy file, or text: numbers separated by blanks, commas, semicolons or tabs, nothing
 * else. MWN_ERR_DATA names the place: what is no number, another number of columns than
 * classes. Zero-initialise *file. */
MWN_MUST_CHECK mwn_status mwn_prob_file_read(struct mwn_prob_file *file, const char *path,
                                             int classes, struct mwn_error *err);
/* out[classes]: a row, divided by its sum. MWN_ERR_DATA names row and column of a number that is
 * not in 0..1, or the row whose sum is not within 0.001 of 1. */
MWN_MUST_CHECK mwn_status mwn_prob_file_row(const struct mwn_prob_file *file, size_t row,
                                            double *out, struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_prob_file_release(struct mwn_prob_file *file);

/* What row_of[] says of a sample without a row. */
#define MWN_PROB_FILE_NONE SIZE_MAX

/* row_of[samples]: the row of each sample of a source. If there are as many rows as samples, they
 * are in the same order; else ids.csv beside the file, as `mwnet cv` writes it, says in its first
 * column which sample each row belongs to. */
MWN_MUST_CHECK mwn_status mwn_prob_file_match(const struct mwn_prob_file *file,
                                              size_t samples, size_t *row_of,
                                              struct mwn_error *err);

#endif
