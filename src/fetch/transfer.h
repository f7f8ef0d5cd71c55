/* transfer.h - brings one file over the network. What has come is kept in a part file beside
 * the final one, and gone on with: after a broken connection at once, after a killed process by
 * the next. */
#ifndef MWN_FETCH_TRANSFER_H
#define MWN_FETCH_TRANSFER_H

#include "base/base.h"

/* Told what has come, of how much (0: unknown); a return value other than 0 stops. */
typedef int mwn_transfer_tick(size_t bytes, size_t total, bool waiting, void *user);

struct mwn_transfer {
    const char *url;  /* http, https or file                                            */
    const char *part; /* the part file; beside it PART.tag says which version it is of  */
    size_t size;      /* bytes that the file has; 0: unknown                            */
    int retries;      /* attempts in a row that bring nothing new before it gives up    */
    mwn_transfer_tick *tick;
    void *user;
};

/* Fills the part file; *fresh counts the bytes that came now. On failure what has come stays.
 * Fails with MWN_ERR_IO (network, server, disk), MWN_ERR_CONFIG (not a URL), MWN_INTERRUPTED. */
MWN_MUST_CHECK mwn_status mwn_transfer_run(const struct mwn_transfer *transfer,
                                           size_t *fresh, struct mwn_error *err);

/* Removes the part file and its tag. */
mwn_status mwn_transfer_discard(const char *part, struct mwn_error *err);

#endif
