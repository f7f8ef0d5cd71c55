/* ids_file.h - a file that names samples, one id a line. */
#ifndef MWN_DATA_IDS_FILE_H
#define MWN_DATA_IDS_FILE_H

#include "base/base.h"
#include "data/reader.h"

/* Sets named[i] of the samples that the file names; named[n] starts zeroed. An id is what
 * the source calls the sample (source->id) or, if it has no names, its number from 0. Blanks
 * around it, a byte-order mark, empty lines and lines that begin with '#' and are no ids do not count. MWN_ERR_DATA names the
 * line with an id that the source does not have, or has twice. */
MWN_MUST_CHECK mwn_status mwn_ids_read(const char *path, const struct mwn_source *source,
                                       unsigned char *named, struct mwn_error *err);

/* The id of sample i as text: its name, or its number in `number`. */
const char *mwn_source_id(const struct mwn_source *source, size_t i, char number[24]);

/* From a sample's id to its number. */
struct mwn_id_index {
    const struct mwn_source *source; /* borrowed                        */
    uint32_t *order;                 /* owned [n]: sorted by id, or NULL */
};

MWN_MUST_CHECK mwn_status mwn_id_index_init(struct mwn_id_index *index,
                                            const struct mwn_source *source,
                                            struct mwn_error *err);
/* Which samples have that id: how many, at most 2, and these. */
size_t mwn_id_index_find(const struct mwn_id_index *index, const char *id, size_t out[2]);
/* How many samples have the id of an earlier one; first: the first such pair by id. */
size_t mwn_id_index_repeats(const struct mwn_id_index *index, size_t first[2]);
void mwn_id_index_release(struct mwn_id_index *index);

#endif
