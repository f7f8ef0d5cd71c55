/* unpack.h - unpacks an archive that holds one folder of files. */
#ifndef MWN_FETCH_UNPACK_H
#define MWN_FETCH_UNPACK_H

#include "base/base.h"

enum { MWN_SUMS_LIMIT = 1 << 16 };
#define MWN_SUMS_NAME "SHA256SUMS"

struct mwn_unpack {
    const char *archive; /* .tar or .tar.gz                                               */
    const char *folder;  /* that all its files must be in, directly                       */
    const char *target;  /* the new folder to make: it must not be there                  */
    const char *note;    /* goes into the first line of its SHA256SUMS, behind "# "       */
    int (*tick)(size_t bytes, size_t total, void *user); /* not 0: stop                   */
    void *user;
};

/* Makes the folder `target`, with the files and a list of their checksums, SHA256SUMS, as
 * sha256sum -c reads it. The folder appears complete or not at all; TARGET.part is in use
 * meanwhile. Anything in the archive that is not a plain file right in `folder`, and
 * so every link and every path that leads elsewhere, is MWN_ERR_DATA. */
MWN_MUST_CHECK mwn_status mwn_unpack_run(const struct mwn_unpack *unpack,
                                         struct mwn_error *err);

/* Whether the folder is what mwn_unpack_run() made with this note, every byte of it: MWN_ERR_DATA
 * names what differs. */
MWN_MUST_CHECK mwn_status mwn_unpack_check(const char *target, const char *note,
                                           struct mwn_error *err);

#endif
