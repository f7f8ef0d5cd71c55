/* info_table.h - what mwn_info() says of tables and arrays. Each function adds to an open JSON
 * object, "kind" first. */
#ifndef MWN_TRAIN_INFO_TABLE_H
#define MWN_TRAIN_INFO_TABLE_H

#include "base/base.h"
#include "train/json_writer.h"

/* Delimited text: its rows, and of each column the name, the type, how many fields are missing, and
 * the range or the number of different texts. Fails as mwn_csv_file_read() does. */
MWN_MUST_CHECK mwn_status mwn_info_csv(const char *path, struct mwn_json *json,
                                       struct mwn_error *err);
/* One array; fails as mwn_npy_read() does. */
MWN_MUST_CHECK mwn_status mwn_info_npy(const char *path, struct mwn_json *json,
                                       struct mwn_error *err);
/* An archive: each of its arrays, or why one cannot be read. Fails as mwn_npz_open() does. */
MWN_MUST_CHECK mwn_status mwn_info_npz(const char *path, struct mwn_json *json,
                                       struct mwn_error *err);
/* "shape": [...] */
void mwn_info_shape(struct mwn_json *json, int dims, const size_t *shape);

#endif
