/* digest.h - checksums of files: MD5 and SHA-256, as hexadecimal text. */
#ifndef MWN_FETCH_DIGEST_H
#define MWN_FETCH_DIGEST_H

#include "base/base.h"

enum { MWN_DIGEST_TEXT = 65 }; /* the longest sum and a zero byte */

typedef struct mwn_digest mwn_digest;

/* The kind is that of `like`, a sum: 32 digits are MD5, 64 are SHA-256. NULL if memory is out. */
mwn_digest *mwn_digest_begin(const char *like);
void mwn_digest_add(mwn_digest *digest, const void *bytes, size_t size);
/* Writes the sum in small letters and frees the digest. False if memory ran out on the way. */
bool mwn_digest_end(mwn_digest *digest, char out[MWN_DIGEST_TEXT]);

/* Whether text begins with a sum of either kind, and nothing of one follows; its length. */
size_t mwn_digest_length(const char *text);
/* "MD5" or "SHA-256". */
const char *mwn_digest_kind(const char *sum);

/* The sum of a file, of the kind of `like`. */
MWN_MUST_CHECK mwn_status mwn_digest_file(const char *path, const char *like,
                                          char out[MWN_DIGEST_TEXT], struct mwn_error *err);

#endif
