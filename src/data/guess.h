/* guess.h - which reader data is for, by the names of its files: what data.reader=auto means. */
#ifndef MWN_DATA_GUESS_H
#define MWN_DATA_GUESS_H

#include "base/base.h"
#include "data/reader.h"

/* *name is the reader for what is at path, a file or a folder; static storage. Only names are
 * looked at. MWN_ERR_IO if there is nothing or it cannot be looked at, MWN_ERR_CONFIG if it is like
 * nothing known. */
MWN_MUST_CHECK mwn_status mwn_reader_guess(const char *path, const char **name,
                                           struct mwn_error *err);

/* The reader that the options name, or that data.reader=auto finds for data.path. */
MWN_MUST_CHECK mwn_status mwn_reader_choose(const struct mwn_data_options *options,
                                            const struct mwn_reader **out,
                                            struct mwn_error *err);

#endif
