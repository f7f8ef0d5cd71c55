/* status.h - how errors are made: one status, one sentence, one hint. */
#ifndef MWN_BASE_STATUS_H
#define MWN_BASE_STATUS_H

#include "base/base.h"

/* Fills *err (may be NULL) with a sentence without a final stop, clears the hint, and
 * returns status, so that a caller writes `return mwn_fail(err, MWN_ERR_DATA, ...)`. */
__attribute__((format(printf, 3, 4))) mwn_status
mwn_fail(struct mwn_error *err, mwn_status status, const char *format, ...);

/* Adds a hint to the error just made: what the user can do. Returns err->status. */
__attribute__((format(printf, 2, 3))) mwn_status mwn_hint(struct mwn_error *err,
                                                          const char *format, ...);

/* Puts "context: " in front of the error's text. Returns err->status. */
__attribute__((format(printf, 2, 3))) mwn_status mwn_context(struct mwn_error *err,
                                                             const char *format, ...);

/* MWN_ERR_MEMORY, "out of memory (N bytes for WHAT)". */
mwn_status mwn_fail_memory(struct mwn_error *err, size_t bytes, const char *what);

/* Name of a status: "ok", "config", ...; static storage. */
const char *mwn_status_name(mwn_status status);

/* The candidate nearest to word by edit distance, or NULL if none is near. */
const char *mwn_nearest(const char *word, const char *const *candidates, size_t count);

#endif
