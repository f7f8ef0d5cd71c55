/* ids_file.h - a file that names samples, one id a line. */
#ifndef MWN_DATA_IDS_FILE_H
#define MWN_DATA_IDS_FILE_H

#include "base/base.h"
#include "data/reader.h"

/* Sets named[i] of the samples that the file names; named[n] starts zeroed. An id is what
 * the source calls the sample (source->id) or, if it has no names, its number from 0. Blanks
 * around it, empty lines and lines that begin with '#' do not count. MWN_ERR_DATA names the
 * line with an id that the source does not have. */
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
/* False if there is none; of several with one id the first. */
bool mwn_id_index_find(const struct mwn_id_index *index, const char *id, size_t *out);
void mwn_id_index_release(struct mwn_id_index *index);

#endif
