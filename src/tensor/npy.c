/* npy.c - reading and writing NumPy's .npy files: a magic text, a version, the text of a
 * Python dictionary and the raw items. */
#include "tensor/npy.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "items are copied as they are");

#define FILE_LIMIT ((size_t)64 << 30)

enum { MAGIC_SIZE = 6, TEXT_MAX = 32, HEAD_SIZE = 1 << 17 };
static const char magic[] = "\x93NUMPY";

static const struct {
    const char *descr;
    size_t size;
} types[] = {
    [MWN_NPY_F32] = {"<f4", 4}, [MWN_NPY_F64] = {"<f8", 8},  [MWN_NPY_U8] = {"|u1", 1},
    [MWN_NPY_I32] = {"<i4", 4}, [MWN_NPY_I64] = {"<i8", 8},  [MWN_NPY_U32] = {"<u4", 4},
    [MWN_NPY_I8] = {"|i1", 1},  [MWN_NPY_I16] = {"<i2", 2},  [MWN_NPY_U16] = {"<u2", 2},
    [MWN_NPY_U64] = {"<u8", 8}, [MWN_NPY_BOOL] = {"|b1", 1},
};

/* ---- The header's dictionary -------------------------------------------------------- */

/* A place in the header's text, and what was found so far. */
struct parse {
    const char *path; /* borrowed */
    const char *at, *end;
    char descr[TEXT_MAX];
    bool fortran;
    bool has_descr, has_order, has_shape;
};

static mwn_status fail_header(const struct parse *p, struct mwn_error *err,
                              const char *what)
{
    return mwn_fail(err, MWN_ERR_DATA, "%s: the .npy header %s", p->path, what);
}

static void skip_spaces(struct parse *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t'))
        p->at++;
}

/* Steps over one character if it is the next one. */
static bool take(struct parse *p, char wanted)
{
    skip_spaces(p);
    if (p->at >= p->end || *p->at != wanted)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parse *p, const char *word)
{
    skip_spaces(p);
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
        return false;
    p->at += size;
    return true;
}

/* Reads a quoted text without escapes, of at most TEXT_MAX - 1 characters. */
static bool take_text(struct parse *p, char *out)
{
    skip_spaces(p);
    if (p->at >= p->end || (*p->at != '\'' && *p->at != '"'))
        return false;
    char quote = *p->at++;
    const char *close = memchr(p->at, quote, (size_t)(p->end - p->at));
    if (close == NULL || close - p->at >= TEXT_MAX ||
        memchr(p->at, '\\', (size_t)(close - p->at)) != NULL)
        return false;
    size_t size = (size_t)(close - p->at);
    memcpy(out, p->at, size);
    out[size] = '\0';
    p->at = close + 1;
    return true;
}

static bool take_size(struct parse *p, size_t *out)
{
    skip_spaces(p);
    size_t value = 0;
    const char *start = p->at;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        size_t digit = (size_t)(*p->at - '0');
        if (value > (SIZE_MAX / 2 - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return p->at > start;
}

/* Reads "()", "(3,)" or "(3, 4)". */
static mwn_status take_shape(struct parse *p, struct mwn_npy *npy, struct mwn_error *err)
{
    if (!take(p, '('))
        return fail_header(p, err, "has a shape that is not a tuple");
    bool comma = true;
    while (!take(p, ')')) {
        if (npy->dims == MWN_NPY_MAX_DIMS)
            return fail_header(p, err, "has more than 6 dimensions");
        if (!comma || !take_size(p, &npy->shape[npy->dims]))
            return fail_header(p, err, "has a shape that is not a tuple of sizes");
        npy->dims++;
        comma = take(p, ',');
    }
    if (npy->dims == 1 && !comma)
        return fail_header(p, err, "has a shape that is not a tuple");
    return MWN_OK;
}

/* Reads the value that belongs to a key. */
static mwn_status take_value(struct parse *p, const char *key, struct mwn_npy *npy,
                             struct mwn_error *err)
{
    bool *seen = strcmp(key, "descr") == 0           ? &p->has_descr
                 : strcmp(key, "fortran_order") == 0 ? &p->has_order
                 : strcmp(key, "shape") == 0         ? &p->has_shape
                                                     : NULL;
    if (seen == NULL)
        return fail_header(p, err, "has a key other than descr, fortran_order and shape");
    if (*seen)
        return fail_header(p, err, "has a key twice");
    *seen = true;
    if (seen == &p->has_shape)
        return take_shape(p, npy, err);
    if (seen == &p->has_descr) {
        if (!take_text(p, p->descr))
            return fail_header(p, err, "describes items that are not plain numbers");
        return MWN_OK;
    }
    p->fortran = take_word(p, "True");
    if (!p->fortran && !take_word(p, "False"))
        return fail_header(p, err, "has a fortran_order that is neither True nor False");
    return MWN_OK;
}

static mwn_status parse_dictionary(struct parse *p, struct mwn_npy *npy,
                                   struct mwn_error *err)
{
    if (!take(p, '{'))
        return fail_header(p, err, "is not a Python dictionary");
    bool comma = true;
    while (!take(p, '}')) {
        char key[TEXT_MAX];
        if (!comma || !take_text(p, key) || !take(p, ':'))
            return fail_header(p, err, "is not a well-formed Python dictionary");
        mwn_status status = take_value(p, key, npy, err);
        if (status != MWN_OK)
            return status;
        comma = take(p, ',');
    }
    skip_spaces(p);
    if (p->at != p->end)
        return fail_header(p, err, "goes on after the dictionary");
    if (!p->has_descr || !p->has_order || !p->has_shape)
        return fail_header(p, err, "lacks descr, fortran_order or shape");
    return MWN_OK;
}

/* ---- Reading ------------------------------------------------------------------------ */

/* Which type the header's descr means; types[].descr is what NumPy itself writes. */
static mwn_status find_type(const struct parse *p, enum mwn_npy_type *out,
                            struct mwn_error *err)
{
    for (size_t i = 0; i < MWN_COUNT(types); i++) {
        bool one_byte = types[i].size == 1 && strchr("<>|=", p->descr[0]) != NULL &&
                        strcmp(p->descr + (p->descr[0] != '\0'), types[i].descr + 1) == 0;
        if (one_byte || strcmp(p->descr, types[i].descr) == 0) {
            *out = (enum mwn_npy_type)i;
            return MWN_OK;
        }
    }
    if (strcmp(p->descr, "|O") == 0 || strcmp(p->descr, "O") == 0) {
        (void)mwn_fail(err, MWN_ERR_DATA,
                       "%s: holds pickled Python objects, which are not read", p->path);
        return mwn_hint(err, "np.save(path, np.array(list(a)).astype('<f4'), "
                             "allow_pickle=False) saves plain numbers");
    }
    (void)mwn_fail(
        err, MWN_ERR_DATA,
        "%s: items of type '%s' are not supported (expected f4, f8, i1 to i8, u1 "
        "to u8 or b1, little-endian)",
        p->path, p->descr);
    return mwn_hint(err, "save it again from NumPy after array.astype('<f4') for features "
                         "or .astype('<i8') for labels");
}

/* Sets count and checks that the items fill the rest of the file: exactly, unless it grows. */
static mwn_status check_size(const struct parse *p, struct mwn_npy *npy, size_t rest,
                             bool grows, struct mwn_error *err)
{
    size_t count = 1, size = types[npy->type].size;
    bool empty = false;
    for (int i = 0; i < npy->dims; i++)
        empty = empty || npy->shape[i] == 0;
    for (int i = 0; i < npy->dims && !empty; i++) {
        if (npy->shape[i] > (size_t)PTRDIFF_MAX / size / count)
            return fail_header(p, err, "states a shape larger than any memory");
        count *= npy->shape[i];
    }
    npy->count = empty ? 0 : count;
    if (npy->count * size == rest || (grows && npy->count * size < rest))
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_DATA,
                    "%s: holds %zu bytes of items, its header promises %zu (%s)", p->path,
                    rest, npy->count * size,
                    rest < npy->count * size ? "the file is truncated" : "too long");
}

/* Finds the header's text; *start is where the items begin. */
static mwn_status find_header(struct parse *p, const struct mwn_mapping *file,
                              size_t *start, struct mwn_error *err)
{
    const unsigned char *data = file->data;
    if (file->size < MAGIC_SIZE || memcmp(data, magic, MAGIC_SIZE) != 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s: is not a .npy file", p->path);
    size_t major = file->size > 6 ? data[6] : 0, first = major == 1 ? 10 : 12;
    if (file->size < first)
        return mwn_fail(err, MWN_ERR_DATA, "%s: is truncated in its header", p->path);
    if (major < 1 || major > 3 || data[7] != 0)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: is of .npy version %u.%u (expected 1.0 to 3.0)", p->path,
                        (unsigned)data[6], (unsigned)data[7]);
    size_t size = 0;
    for (size_t i = first; i > 8; i--)
        size = size << 8 | data[i - 1];
    if (size > file->size - first)
        return mwn_fail(err, MWN_ERR_DATA, "%s: is truncated in its header", p->path);
    p->at = (const char *)data + first;
    p->end = p->at + size;
    *start = first + size;
    return MWN_OK;
}

/* What the header says; *start is where the items begin. */
static mwn_status read_header(struct parse *p, const struct mwn_mapping *file,
                              struct mwn_npy *npy, size_t *start, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(find_header(p, file, start, err));
    MWN_TRY(parse_dictionary(p, npy, err));
    MWN_TRY(find_type(p, &npy->type, err));
    if (p->fortran) {
        (void)fail_header(p, err, "says Fortran order (expected C order)");
        status =
            mwn_hint(err, "save it again from NumPy after np.ascontiguousarray(array)");
    }
out:
    return status;
}

/* Everything of a file but its items; *start is where they begin. */
static mwn_status read_head(const char *path, const struct mwn_mapping *file, bool grows,
                            struct mwn_npy *npy, size_t *start, struct mwn_error *err)
{
    struct parse p = {.path = path};
    mwn_status status = read_header(&p, file, npy, start, err);
    if (status == MWN_OK)
        status = check_size(&p, npy, file->size - *start, grows, err);
    return status;
}

mwn_status mwn_npy_map(const char *path, struct mwn_npy_map *out, struct mwn_error *err)
{
    struct mwn_npy_map map = {0};
    size_t start = 0;
    mwn_status status = mwn_file_map(path, &map.mapping, err);
    if (status == MWN_OK)
        status = read_head(path, &map.mapping, true, &map.npy, &start, err);
    if (status != MWN_OK) {
        mwn_file_unmap(&map.mapping);
        return status;
    }
    const union {
        const unsigned char *bytes;
        void *items;
    } data = {.bytes = map.mapping.data + start};
    map.npy.data = data.items;
    *out = map;
    return MWN_OK;
}

void mwn_npy_unmap(struct mwn_npy_map *map)
{
    mwn_file_unmap(&map->mapping);
    map->npy = (struct mwn_npy){0};
}

mwn_status mwn_npy_parse(const char *path, const void *bytes, size_t size,
                         struct mwn_npy *out, struct mwn_error *err)
{
    const struct mwn_mapping content = {bytes, size};
    struct mwn_npy npy = {0};
    size_t start = 0;
    mwn_status status = read_head(path, &content, false, &npy, &start, err);
    if (status != MWN_OK)
        return status;
    npy.data = mwn_arena_alloc(size - start);
    if (npy.data == NULL)
        return mwn_fail_memory(err, size - start, "the items of a .npy file");
    memcpy(npy.data, content.data + start, size - start);
    *out = npy;
    return MWN_OK;
}

mwn_status mwn_npy_read(const char *path, struct mwn_npy *out, struct mwn_error *err)
{
    struct mwn_bytes file = {0};
    mwn_status status = mwn_file_read(path, FILE_LIMIT, &file, err);
    if (status == MWN_OK)
        status = mwn_npy_parse(path, file.data, file.size, out, err);
    mwn_bytes_release(&file);
    return status;
}

void mwn_npy_release(struct mwn_npy *npy)
{
    if (npy == NULL)
        return;
    mwn_arena_free(npy->data, npy->count * types[npy->type].size);
    *npy = (struct mwn_npy){0};
}

double mwn_npy_real(const struct mwn_npy *npy, size_t i)
{
    if (npy->type == MWN_NPY_F32)
        return (double)((const float *)npy->data)[i];
    if (npy->type == MWN_NPY_F64)
        return ((const double *)npy->data)[i];
    if (npy->type == MWN_NPY_U64)
        return (double)((const uint64_t *)npy->data)[i];
    return (double)mwn_npy_int(npy, i);
}

/* The nearest integer that int64_t holds; 0 for NaN. */
static int64_t clamp_to_int(double value)
{
    if (value >= 0x1p63)
        return INT64_MAX;
    if (value <= -0x1p63)
        return INT64_MIN;
    return value < 0.0 || value >= 0.0 ? (int64_t)value : 0;
}

int64_t mwn_npy_int(const struct mwn_npy *npy, size_t i)
{
    switch (npy->type) {
    case MWN_NPY_F32:
    case MWN_NPY_F64:
        break;
    case MWN_NPY_U8:
    case MWN_NPY_BOOL:
        return ((const uint8_t *)npy->data)[i];
    case MWN_NPY_I8:
        return ((const int8_t *)npy->data)[i];
    case MWN_NPY_I16:
        return ((const int16_t *)npy->data)[i];
    case MWN_NPY_U16:
        return ((const uint16_t *)npy->data)[i];
    case MWN_NPY_U64: {
        uint64_t value = ((const uint64_t *)npy->data)[i];
        return value > INT64_MAX ? INT64_MAX : (int64_t)value;
    }
    case MWN_NPY_I32:
        return ((const int32_t *)npy->data)[i];
    case MWN_NPY_I64:
        return ((const int64_t *)npy->data)[i];
    case MWN_NPY_U32:
        return ((const uint32_t *)npy->data)[i];
    }
    return clamp_to_int(mwn_npy_real(npy, i));
}

/* ---- Files that stay on the disk ---------------------------------------------------- */

size_t mwn_npy_item(enum mwn_npy_type type)
{
    return types[type].size;
}

/* Reads the header; the file's beginning is enough for it. */
static mwn_status open_header(struct mwn_npy_file *file, const char *path,
                              struct mwn_error *err)
{
    mwn_status status;
    struct parse p = {.path = path};
    size_t size = file->input.size < HEAD_SIZE ? file->input.size : HEAD_SIZE;
    unsigned char *bytes = mwn_alloc(size, 1);
    const struct mwn_mapping head = {bytes, size};
    if (bytes == NULL)
        return mwn_fail_memory(err, size, "the header of a .npy file");
    MWN_TRY(mwn_input_read(&file->input, 0, bytes, size, err));
    MWN_TRY(read_header(&p, &head, &file->npy, &file->start, err));
    status = check_size(&p, &file->npy, file->input.size - file->start, false, err);
out:
    mwn_free(bytes);
    return status;
}

mwn_status mwn_npy_file_open(struct mwn_npy_file *file, const char *path,
                             struct mwn_error *err)
{
    const unsigned char *bytes = NULL;
    *file = (struct mwn_npy_file){0};
    mwn_status status = mwn_input_open(&file->input, path, err);
    if (status == MWN_OK)
        status = open_header(file, path, err);
    if (status != MWN_OK) {
        mwn_npy_file_close(file);
        return status;
    }
    if (file->start % types[file->npy.type].size == 0)
        bytes = mwn_input_map(&file->input);
    const union {
        const unsigned char *bytes;
        void *items;
    } data = {.bytes = bytes == NULL ? NULL : bytes + file->start};
    file->npy.data = data.items;
    return MWN_OK;
}

mwn_status mwn_npy_file_read(const struct mwn_npy_file *file, size_t first, size_t count,
                             void *out, struct mwn_error *err)
{
    size_t item = types[file->npy.type].size;
    return mwn_input_read(&file->input, file->start + first * item, out, count * item, err);
}

void mwn_npy_file_close(struct mwn_npy_file *file)
{
    mwn_input_close(&file->input);
    *file = (struct mwn_npy_file){0};
}

/* ---- Writing ------------------------------------------------------------------------ */

/* Padded as NumPy does. */
void mwn_npy_header(struct mwn_buf *buf, enum mwn_npy_type type, int dims,
                    const size_t *shape)
{
    mwn_buf_add(buf, magic, MAGIC_SIZE);
    mwn_buf_add(buf, "\1\0\0\0", 4);
    mwn_buf_printf(buf, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                   types[type].descr);
    for (int i = 0; i < dims; i++)
        mwn_buf_printf(buf, "%s%zu", i == 0 ? "" : ", ", shape[i]);
    mwn_buf_printf(buf, "%s), }", dims == 1 ? "," : "");
    while (!buf->failed && (buf->size + 1) % 64 != 0)
        mwn_buf_add(buf, " ", 1);
    mwn_buf_add(buf, "\n", 1);
    if (buf->failed)
        return;
    size_t size = buf->size - 10;
    buf->text[8] = (char)(size & 0xFF);
    buf->text[9] = (char)(size >> 8);
}

mwn_status mwn_npy_write(const char *path, enum mwn_npy_type type, int dims,
                         const size_t *shape, const void *data, struct mwn_error *err)
{
    struct mwn_buf header = {0};
    struct mwn_writer writer = {0};
    size_t bytes = types[type].size;
    for (int i = 0; i < dims; i++)
        bytes *= shape[i];
    mwn_npy_header(&header, type, dims, shape);
    mwn_status status = MWN_OK;
    if (header.failed) {
        status = mwn_fail_memory(err, 128, "the header of a .npy file");
        goto out;
    }
    MWN_TRY(mwn_writer_open(&writer, path, err));
    mwn_writer_add(&writer, header.text, header.size);
    mwn_writer_add(&writer, data, bytes);
    status = mwn_writer_commit(&writer, err);
out:
    mwn_buf_release(&header);
    return status;
}
