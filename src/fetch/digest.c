/* digest.c - checksums of files by libcrypto. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/digest.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

enum { MD5_DIGITS = 32, SHA256_DIGITS = 64 };

struct mwn_digest {
    EVP_MD_CTX *context; /* owned */
    bool failed;
};

const char *mwn_digest_kind(const char *sum)
{
    return mwn_digest_length(sum) == MD5_DIGITS ? "MD5" : "SHA-256";
}

size_t mwn_digest_length(const char *text)
{
    size_t digits = 0;
    while (isxdigit((unsigned char)text[digits]))
        digits++;
    return digits == MD5_DIGITS || digits == SHA256_DIGITS ? digits : 0;
}

mwn_digest *mwn_digest_begin(const char *like)
{
    const EVP_MD *kind = mwn_digest_length(like) == MD5_DIGITS ? EVP_md5() : EVP_sha256();
    mwn_digest *digest = mwn_alloc(1, sizeof(*digest));
    if (!digest)
        return NULL;
    digest->context = EVP_MD_CTX_new();
    digest->failed =
        !digest->context || EVP_DigestInit_ex(digest->context, kind, NULL) != 1;
    return digest;
}

void mwn_digest_add(mwn_digest *digest, const void *bytes, size_t size)
{
    if (!digest->failed)
        digest->failed = EVP_DigestUpdate(digest->context, bytes, size) != 1;
}

bool mwn_digest_end(mwn_digest *digest, char out[MWN_DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    bool fine = !digest->failed && EVP_DigestFinal_ex(digest->context, sum, &size) == 1;
    for (size_t i = 0; fine && i < size && 2 * i + 2 < MWN_DIGEST_TEXT; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
        out[2 * i + 2] = '\0';
    }
    EVP_MD_CTX_free(digest->context);
    mwn_free(digest);
    return fine;
}

mwn_status mwn_digest_file(const char *path, const char *like, char out[MWN_DIGEST_TEXT],
                           struct mwn_error *err)
{
    struct mwn_mapping mapping = {0};
    mwn_status status = mwn_file_map(path, &mapping, err);
    if (status != MWN_OK)
        return status;
    mwn_digest *digest = mwn_digest_begin(like);
    if (digest)
        mwn_digest_add(digest, mapping.data, mapping.size);
    if (!digest || !mwn_digest_end(digest, out))
        status = mwn_fail_memory(err, 0, "a checksum");
    mwn_file_unmap(&mapping);
    return status;
}
