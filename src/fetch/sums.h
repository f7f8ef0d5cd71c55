/* sums.h - lists of checksums as sha256sum and md5sum write and check them: one line a file, the
 * sum, two spaces (or a space and a star), the name. Lines that begin with '#' are notes. */
#ifndef MWN_FETCH_SUMS_H
#define MWN_FETCH_SUMS_H

#include "base/base.h"
#include "fetch/digest.h"

/* The sum of the file `name` in a list, in small letters; MWN_ERR_DATA if it is not in there. `path`
 * is for the message. */
MWN_MUST_CHECK mwn_status mwn_sums_find(const char *text, const char *path,
                                        const char *name, char out[MWN_DIGEST_TEXT],
                                        struct mwn_error *err);

/* Calls fn for each line with a sum; stops at the first failure and returns it. Any other line but
 * a note is MWN_ERR_DATA. */
typedef mwn_status mwn_sums_fn(const char *sum, const char *name, void *user,
                               struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_sums_each(const char *text, const char *path, mwn_sums_fn *fn,
                                        void *user, struct mwn_error *err);

#endif
