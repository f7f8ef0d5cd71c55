/* npz.c - the directory of a zip file (with the 64-bit sizes that NumPy writes) and its entries,
 * unpacked by zlib. */
#include "tensor/npz.h"
#include "base/mem.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* Sizes of the records, without what follows them, and the most that is read at once. */
enum { END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, HEAD_SIZE = 46, LOCAL_SIZE = 30 };
#define DIRECTORY_MAX ((size_t)64 << 20)
#define ENTRY_MAX     ((size_t)64 << 30)

/* Deflate makes at most so many bytes out of one. */
#define MOST_PACKED ((size_t)1032)

static size_t little(const unsigned char *p, size_t bytes)
{
    size_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | p[bytes];
    return value;
}

static mwn_status fail_zip(const struct mwn_npz *npz, const char *what,
                           struct mwn_error *err)
{
    return mwn_fail(err, MWN_ERR_DATA, "%s: the .npz file %s", npz->input.path, what);
}

/* ---- The directory ------------------------------------------------------------------ */

/* Where the directory is. */
struct directory {
    size_t offset, size, count;
};

/* The end record with 64-bit sizes, to which a locator in front of the usual one points. */
static mwn_status read_end64(const struct mwn_npz *npz, const unsigned char *locator,
                             struct directory *out, struct mwn_error *err)
{
    unsigned char end[END64_SIZE];
    size_t at = little(locator + 8, 8);
    if (at > npz->input.size || npz->input.size - at < END64_SIZE)
        return fail_zip(npz, "is damaged at its end", err);
    mwn_status status = mwn_input_read(&npz->input, at, end, sizeof(end), err);
    if (status != MWN_OK)
        return status;
    if (memcmp(end, "PK\6\6", 4) != 0)
        return fail_zip(npz, "is damaged at its end", err);
    *out =
        (struct directory){little(end + 48, 8), little(end + 40, 8), little(end + 32, 8)};
    return MWN_OK;
}

/* Finds the record at the end, behind which a comment may follow. */
static mwn_status find_directory(const struct mwn_npz *npz, struct directory *out,
                                 struct mwn_error *err)
{
    mwn_status status;
    size_t size = npz->input.size, most = END_SIZE + 65535 + LOCATOR_SIZE;
    size_t tail = size < most ? size : most;
    unsigned char *bytes = mwn_alloc(tail + 1, 1);
    if (!bytes)
        return mwn_fail_memory(err, tail, "the end of a .npz file");
    MWN_TRY(mwn_input_read(&npz->input, size - tail, bytes, tail, err));
    size_t at = tail < END_SIZE ? 0 : tail - END_SIZE + 1;
    while (at > 0 && memcmp(bytes + at - 1, "PK\5\6", 4) != 0)
        at--;
    if (at == 0) {
        status = fail_zip(npz, "is not a zip file, or is truncated", err);
        goto out;
    }
    const unsigned char *end = bytes + at - 1;
    *out =
        (struct directory){little(end + 16, 4), little(end + 12, 4), little(end + 10, 2)};
    if (at > LOCATOR_SIZE && memcmp(end - LOCATOR_SIZE, "PK\6\7", 4) == 0)
        MWN_TRY(read_end64(npz, end - LOCATOR_SIZE, out, err));
    if (out->size > DIRECTORY_MAX || out->offset > size || out->size > size - out->offset ||
        out->count > out->size / HEAD_SIZE)
        status = fail_zip(npz, "has a damaged directory", err);
out:
    mwn_free(bytes);
    return status;
}

/* Takes the sizes that do not fit 32 bits from the extra field. */
static void use_extra(struct mwn_npz_entry *entry, const unsigned char *extra, size_t size)
{
    size_t *const fields[] = {&entry->size, &entry->packed, &entry->offset};
    while (size >= 4) {
        size_t length = little(extra + 2, 2), at = 4;
        if (length > size - 4)
            return;
        for (size_t i = 0; i < 3 && little(extra, 2) == 1; i++)
            if (*fields[i] == UINT32_MAX && at + 8 <= length + 4) {
                *fields[i] = little(extra + at, 8);
                at += 8;
            }
        extra += length + 4;
        size -= length + 4;
    }
}

static bool is_sound(const struct mwn_npz *npz, const struct mwn_npz_entry *entry)
{
    size_t size = npz->input.size;
    return entry->offset <= size && entry->packed <= size - entry->offset &&
           entry->size <= ENTRY_MAX && entry->size / MOST_PACKED <= entry->packed;
}

/* One entry of the directory; *at moves behind it. */
static mwn_status take_entry(struct mwn_npz *npz, const unsigned char *bytes, size_t size,
                             size_t *at, struct mwn_error *err)
{
    const unsigned char *head = bytes + *at;
    struct mwn_npz_entry *entry = &npz->entry[npz->count];
    if (size - *at < HEAD_SIZE || memcmp(head, "PK\1\2", 4) != 0)
        return fail_zip(npz, "has a damaged directory", err);
    size_t name = little(head + 28, 2), extra = little(head + 30, 2);
    size_t whole = HEAD_SIZE + name + extra + little(head + 32, 2);
    if (whole > size - *at)
        return fail_zip(npz, "has a damaged directory", err);
    *entry = (struct mwn_npz_entry){.method = (unsigned)little(head + 10, 2),
                                    .packed = little(head + 20, 4),
                                    .size = little(head + 24, 4),
                                    .offset = little(head + 42, 4),
                                    .crc = (uint32_t)little(head + 16, 4)};
    use_extra(entry, head + HEAD_SIZE + name, extra);
    *at += whole;
    if (!is_sound(npz, entry))
        return fail_zip(npz, "has an entry larger than the file", err);
    if (little(head + 8, 2) & 1)
        return fail_zip(npz, "is encrypted", err);
    entry->name = mwn_alloc(name + 1, 1);
    if (!entry->name)
        return mwn_fail_memory(err, name, "a name");
    memcpy(entry->name, head + HEAD_SIZE, name);
    if (name > 4 && strcmp(entry->name + name - 4, ".npy") == 0)
        entry->name[name - 4] = '\0';
    npz->count++;
    return MWN_OK;
}

mwn_status mwn_npz_open(struct mwn_npz *npz, const char *path, struct mwn_error *err)
{
    mwn_status status;
    struct directory directory = {0};
    unsigned char *bytes = NULL;
    size_t at = 0;

    MWN_TRY(mwn_input_open(&npz->input, path, err));
    MWN_TRY(find_directory(npz, &directory, err));
    bytes = mwn_alloc(directory.size, 1);
    npz->entry = mwn_alloc(directory.count, sizeof(*npz->entry));
    if (!bytes || !npz->entry) {
        status = mwn_fail_memory(err, directory.size, "the directory of a .npz file");
        goto out;
    }
    MWN_TRY(mwn_input_read(&npz->input, directory.offset, bytes, directory.size, err));
    for (size_t i = 0; i < directory.count; i++)
        MWN_TRY(take_entry(npz, bytes, directory.size, &at, err));
out:
    mwn_free(bytes);
    if (status != MWN_OK)
        mwn_npz_close(npz);
    return status;
}

const struct mwn_npz_entry *mwn_npz_find(const struct mwn_npz *npz, const char *name)
{
    for (size_t i = 0; i < npz->count; i++)
        if (strcmp(npz->entry[i].name, name) == 0)
            return &npz->entry[i];
    return NULL;
}

void mwn_npz_close(struct mwn_npz *npz)
{
    for (size_t i = 0; i < npz->count; i++)
        mwn_free(npz->entry[i].name);
    mwn_free(npz->entry);
    mwn_input_close(&npz->input);
    memset(npz, 0, sizeof(*npz));
}

/* ---- Entries ------------------------------------------------------------------------ */

/* Where the entry's bytes begin, behind its local header. */
static mwn_status find_start(const struct mwn_npz *npz, const struct mwn_npz_entry *entry,
                             size_t *start, struct mwn_error *err)
{
    unsigned char head[LOCAL_SIZE];
    size_t size = npz->input.size;
    if (size - entry->offset < LOCAL_SIZE)
        return fail_zip(npz, "is truncated", err);
    mwn_status status = mwn_input_read(&npz->input, entry->offset, head, sizeof(head), err);
    if (status != MWN_OK)
        return status;
    *start = entry->offset + LOCAL_SIZE + little(head + 26, 2) + little(head + 28, 2);
    if (memcmp(head, "PK\3\4", 4) != 0 || *start > size || entry->packed > size - *start)
        return fail_zip(npz, "has a damaged entry", err);
    return MWN_OK;
}

static mwn_status unpack(const struct mwn_npz *npz, const struct mwn_npz_entry *entry,
                         unsigned char *packed, unsigned char *out, struct mwn_error *err)
{
    size_t start = 0;
    bool good = true;
    mwn_status status;

    MWN_TRY(find_start(npz, entry, &start, err));
    MWN_TRY(mwn_input_read(&npz->input, start, packed ? packed : out, entry->packed, err));
    if (packed)
        MWN_TRY(mwn_inflate(packed, entry->packed, out, entry->size, &good, err));
    if (!good || mwn_crc32(out, entry->size) != entry->crc)
        status = fail_zip(npz, "has a damaged entry (wrong checksum)", err);
out:
    return status;
}

mwn_status mwn_npz_read(const struct mwn_npz *npz, const struct mwn_npz_entry *entry,
                        struct mwn_npy *out, struct mwn_error *err)
{
    bool stored = entry->method == 0;
    char name[512];
    mwn_status status;
    if ((!stored && entry->method != 8) || (stored && entry->packed != entry->size))
        return fail_zip(npz, "has an entry that is neither stored nor deflated", err);
    unsigned char *packed = stored ? NULL : mwn_alloc(entry->packed, 1);
    unsigned char *bytes = mwn_alloc(entry->size + 1, 1);
    if (!bytes || (!stored && !packed)) {
        status = mwn_fail_memory(err, entry->size, "an array of a .npz file");
        goto out;
    }
    MWN_TRY(unpack(npz, entry, packed, bytes, err));
    snprintf(name, sizeof(name), "%s:%s", npz->input.path, entry->name);
    status = mwn_npy_parse(name, bytes, entry->size, out, err);
out:
    mwn_free(packed);
    mwn_free(bytes);
    return status;
}
