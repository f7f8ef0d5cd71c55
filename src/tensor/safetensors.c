/* safetensors.c - reading and writing safetensors files, with jansson for the header. */
#include "tensor/safetensors.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "items are copied as they are");

#define FILE_LIMIT   (SIZE_MAX / 2)
#define HEADER_LIMIT ((size_t)100000000) /* as in the format's reference implementation */

enum { PREFIX = 8 }; /* bytes of the header's length */
static const char metadata_key[] = "__metadata__";

/* Every type of the format. A name's row is its enum value as far as we read it. */
static const struct {
    const char *name;
    size_t size;
} types[] = {
    [MWN_ST_F32] = {"F32", 4},
    [MWN_ST_F64] = {"F64", 8},
    [MWN_ST_I64] = {"I64", 8},
    [MWN_ST_I32] = {"I32", 4},
    [MWN_ST_U8] = {"U8", 1},
    [MWN_ST_U32] = {"U32", 4},
    [MWN_ST_F16] = {"F16", 2},
    [MWN_ST_BF16] = {"BF16", 2},
    {"BOOL", 1},
    {"I8", 1},
    {"F8_E5M2", 1},
    {"F8_E4M3", 1},
    {"I16", 2},
    {"U16", 2},
    {"U64", 8},
    {"C64", 8},
};

/* ---- Reading ------------------------------------------------------------------------ */

struct mwn_st_file {
    struct mwn_bytes bytes; /* owned */
    json_t *header;         /* owned; the names are in it */
    size_t count;
    struct mwn_st_tensor *tensor; /* owned: [count], in the header's order */
};

/* A file being opened. */
struct reading {
    mwn_st_file *file;         /* borrowed */
    const char *path;          /* borrowed */
    const unsigned char *data; /* where the tensors begin; borrowed */
    size_t size;               /* bytes of all tensors              */
    struct mwn_error *err;     /* borrowed; may be NULL             */
};

static mwn_status fail_file(const struct reading *r, const char *what)
{
    return mwn_fail(r->err, MWN_ERR_DATA, "%s: %s", r->path, what);
}

static mwn_status fail_tensor(const struct reading *r, const char *name, const char *what)
{
    return mwn_fail(r->err, MWN_ERR_DATA, "%s: tensor '%.100s' %s", r->path, name, what);
}

/* Reads a JSON integer that is not negative. */
static bool size_of_json(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

/* Reads dtype; *item is the size of an item. */
static mwn_status read_type(const struct reading *r, const json_t *info,
                            struct mwn_st_tensor *tensor, size_t *item)
{
    const char *name = json_string_value(json_object_get(info, "dtype"));
    if (name == NULL)
        return fail_tensor(r, tensor->name, "has no dtype");
    for (size_t i = 0; i < MWN_COUNT(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            tensor->dtype = types[i].name;
            tensor->type = i < MWN_ST_UNREADABLE ? (enum mwn_st_type)i : MWN_ST_UNREADABLE;
            *item = types[i].size;
            return MWN_OK;
        }
    }
    return mwn_fail(r->err, MWN_ERR_DATA,
                    "%s: tensor '%.100s' has the unknown dtype '%.20s'", r->path,
                    tensor->name, name);
}

static mwn_status read_shape(const struct reading *r, const json_t *info,
                             struct mwn_st_tensor *tensor, size_t item)
{
    const json_t *shape = json_object_get(info, "shape");
    if (!json_is_array(shape))
        return fail_tensor(r, tensor->name, "has no shape");
    if (json_array_size(shape) > MWN_ST_MAX_DIMS)
        return fail_tensor(r, tensor->name, "has more than 6 dimensions");
    tensor->dims = (int)json_array_size(shape);
    bool empty = false;
    for (int i = 0; i < tensor->dims; i++) {
        if (!size_of_json(json_array_get(shape, (size_t)i), &tensor->shape[i]))
            return fail_tensor(r, tensor->name, "has a shape that is not a list of sizes");
        empty = empty || tensor->shape[i] == 0;
    }
    size_t count = 1;
    for (int i = 0; i < tensor->dims && !empty; i++) {
        if (count > (size_t)PTRDIFF_MAX / item / tensor->shape[i])
            return fail_tensor(r, tensor->name, "has a shape larger than any memory");
        count *= tensor->shape[i];
    }
    tensor->count = empty ? 0 : count;
    return MWN_OK;
}

static mwn_status read_offsets(const struct reading *r, const json_t *info,
                               struct mwn_st_tensor *tensor, size_t item)
{
    const json_t *offsets = json_object_get(info, "data_offsets");
    size_t begin = 0, end = 0;
    if (json_array_size(offsets) != 2 ||
        !size_of_json(json_array_get(offsets, 0), &begin) ||
        !size_of_json(json_array_get(offsets, 1), &end))
        return fail_tensor(r, tensor->name, "has no data_offsets");
    if (begin > end)
        return fail_tensor(r, tensor->name, "ends before it begins");
    if (end > r->size)
        return mwn_fail(
            r->err, MWN_ERR_DATA,
            "%s: tensor '%.100s' ends at byte %zu of %zu (the file is truncated)", r->path,
            tensor->name, end, r->size);
    if (end - begin != tensor->count * item)
        return mwn_fail(r->err, MWN_ERR_DATA,
                        "%s: tensor '%.100s' takes %zu bytes, its shape and dtype %zu",
                        r->path, tensor->name, end - begin, tensor->count * item);
    tensor->data = r->data + begin;
    return MWN_OK;
}

static mwn_status read_tensor(const struct reading *r, const char *name, const json_t *info,
                              struct mwn_st_tensor *tensor)
{
    size_t item = 1;
    mwn_status status = MWN_OK;
    tensor->name = name;
    if (!json_is_object(info) || json_object_size(info) != 3)
        return fail_tensor(r, name, "is not described by dtype, shape and data_offsets");
    MWN_TRY(read_type(r, info, tensor, &item));
    MWN_TRY(read_shape(r, info, tensor, item));
    MWN_TRY(read_offsets(r, info, tensor, item));
out:
    return status;
}

static mwn_status check_metadata(const struct reading *r, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return fail_file(r, "__metadata__ is not a JSON object");
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return mwn_fail(r->err, MWN_ERR_DATA, "%s: __metadata__ '%.100s' is not a text",
                            r->path, key);
    }
    return MWN_OK;
}

static size_t type_size(const struct mwn_st_tensor *tensor)
{
    for (size_t i = 0; i < MWN_COUNT(types); i++)
        if (strcmp(tensor->dtype, types[i].name) == 0)
            return types[i].size;
    return 0;
}

static const unsigned char *end_of(const struct mwn_st_tensor *tensor)
{
    return (const unsigned char *)tensor->data + tensor->count * type_size(tensor);
}

static int compare_places(const void *a, const void *b)
{
    const struct mwn_st_tensor *x = *(const struct mwn_st_tensor *const *)a;
    const struct mwn_st_tensor *y = *(const struct mwn_st_tensor *const *)b;
    const unsigned char *p = x->data, *q = y->data;
    if (p == q) {
        p = end_of(x);
        q = end_of(y);
    }
    return (p > q) - (p < q);
}

/* The tensors must fill the file without a gap and without sharing a byte. */
static mwn_status check_places(const struct reading *r)
{
    const mwn_st_file *file = r->file;
    const struct mwn_st_tensor **order = mwn_alloc(file->count, sizeof(*order));
    if (order == NULL)
        return mwn_fail_memory(r->err, file->count * sizeof(*order), "a safetensors file");
    for (size_t i = 0; i < file->count; i++)
        order[i] = &file->tensor[i];
    qsort(order, file->count, sizeof(*order), compare_places);
    mwn_status status = MWN_OK;
    const unsigned char *at = r->data;
    for (size_t i = 0; i < file->count && status == MWN_OK; i++) {
        const unsigned char *start = order[i]->data;
        if (start < at)
            status = fail_tensor(r, order[i]->name, "overlaps another one");
        else if (start > at)
            status = fail_tensor(r, order[i]->name, "leaves a gap before it");
        at = end_of(order[i]);
    }
    if (status == MWN_OK && at != r->data + r->size)
        status = mwn_fail(r->err, MWN_ERR_DATA, "%s: %zu bytes belong to no tensor",
                          r->path, (size_t)(r->data + r->size - at));
    mwn_free(order);
    return status;
}

/* Finds the header by its length and parses its JSON. */
static mwn_status parse_header(struct reading *r)
{
    const struct mwn_bytes *bytes = &r->file->bytes;
    if (bytes->size < PREFIX)
        return fail_file(r, "is too short for a safetensors file");
    uint64_t length = 0;
    memcpy(&length, bytes->data, PREFIX);
    if (length > HEADER_LIMIT || length > bytes->size - PREFIX)
        return mwn_fail(r->err, MWN_ERR_DATA,
                        "%s: is not a safetensors file or is truncated (a header of %llu "
                        "bytes in a file of %zu)",
                        r->path, (unsigned long long)length, bytes->size);
    const char *text = (const char *)bytes->data + PREFIX;
    if (length == 0 || text[0] != '{')
        return fail_file(r, "is not a safetensors file (its header is not a JSON object)");
    json_error_t error;
    r->file->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (r->file->header == NULL && json_error_code(&error) == json_error_out_of_memory)
        return mwn_fail_memory(r->err, (size_t)length, "the header of a safetensors file");
    if (r->file->header == NULL)
        return mwn_fail(r->err, MWN_ERR_DATA, "%s: the header is not valid JSON: %s",
                        r->path, error.text);
    r->data = bytes->data + PREFIX + length;
    r->size = bytes->size - PREFIX - (size_t)length;
    return MWN_OK;
}

static mwn_status read_header(struct reading *r)
{
    mwn_st_file *file = r->file;
    mwn_status status = parse_header(r);
    if (status != MWN_OK)
        return status;
    size_t entries = json_object_size(file->header);
    file->tensor = mwn_alloc(entries, sizeof(*file->tensor));
    if (file->tensor == NULL)
        return mwn_fail_memory(r->err, entries * sizeof(*file->tensor),
                               "a safetensors file");
    const char *name;
    json_t *value;
    json_object_foreach(file->header, name, value)
    {
        if (strcmp(name, metadata_key) == 0) {
            status = check_metadata(r, value);
        } else {
            status = read_tensor(r, name, value, &file->tensor[file->count]);
            file->count++;
        }
        if (status != MWN_OK)
            return status;
    }
    return check_places(r);
}

mwn_status mwn_st_open(mwn_st_file **out, const char *path, struct mwn_error *err)
{
    mwn_st_file *file = mwn_alloc(1, sizeof(*file));
    if (file == NULL)
        return mwn_fail_memory(err, sizeof(*file), "a safetensors file");
    /* Not unpacked: a header length may begin with the two bytes that mark gzip. */
    mwn_status status = mwn_file_read_plain(path, FILE_LIMIT, &file->bytes, err);
    if (status == MWN_OK) {
        struct reading r = {.file = file, .path = path, .err = err};
        status = read_header(&r);
    }
    if (status == MWN_OK)
        *out = file;
    else
        mwn_st_close(file);
    return status;
}

size_t mwn_st_count(const mwn_st_file *file)
{
    return file->count;
}

const struct mwn_st_tensor *mwn_st_at(const mwn_st_file *file, size_t i)
{
    return &file->tensor[i];
}

const struct mwn_st_tensor *mwn_st_find(const mwn_st_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensor[i].name, name) == 0)
            return &file->tensor[i];
    return NULL;
}

bool mwn_st_is_real(const struct mwn_st_tensor *tensor)
{
    return tensor->type == MWN_ST_F32 || tensor->type == MWN_ST_F64 ||
           tensor->type == MWN_ST_F16 || tensor->type == MWN_ST_BF16;
}

/* IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
static double half_to_real(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

double mwn_st_real(const struct mwn_st_tensor *tensor, size_t i)
{
    double wide = 0;
    float single = 0;
    uint16_t half = 0;
    const char *bytes = tensor->data;
    if (tensor->type == MWN_ST_F64) {
        memcpy(&wide, bytes + i * sizeof(wide), sizeof(wide));
        return wide;
    }
    if (tensor->type == MWN_ST_F32) {
        memcpy(&single, bytes + i * sizeof(single), sizeof(single));
        return (double)single;
    }
    memcpy(&half, bytes + i * sizeof(half), sizeof(half));
    if (tensor->type == MWN_ST_F16)
        return half_to_real(half);
    /* bfloat16 is the upper half of a single. */
    uint32_t upper = (uint32_t)half << 16;
    memcpy(&single, &upper, sizeof(single));
    return (double)single;
}

const char *mwn_st_metadata(const mwn_st_file *file, const char *key)
{
    const json_t *metadata = json_object_get(file->header, metadata_key);
    return json_string_value(json_object_get(metadata, key));
}

void mwn_st_close(mwn_st_file *file)
{
    if (file == NULL)
        return;
    json_decref(file->header);
    mwn_bytes_release(&file->bytes);
    mwn_free(file->tensor);
    mwn_free(file);
}

/* ---- Writing ------------------------------------------------------------------------ */

struct entry {
    char *name; /* owned */
    enum mwn_st_type type;
    int dims;
    size_t shape[MWN_ST_MAX_DIMS];
    size_t bytes, begin;
    const void *data; /* borrowed */
};

struct mwn_st_builder {
    struct entry *entry; /* owned: [room] */
    size_t count, room;
    json_t *metadata;         /* owned; NULL if there is none */
    struct mwn_error failure; /* the first one; status MWN_OK: none */
};

mwn_st_builder *mwn_st_builder_create(void)
{
    return mwn_alloc(1, sizeof(mwn_st_builder));
}

static void fail_builder(mwn_st_builder *builder, const char *name, const char *what)
{
    if (builder->failure.status == MWN_OK)
        (void)mwn_fail(&builder->failure, MWN_ERR_RUNTIME, "cannot write '%.100s': %s",
                       name, what);
}

static void fail_builder_memory(mwn_st_builder *builder)
{
    if (builder->failure.status == MWN_OK)
        (void)mwn_fail_memory(&builder->failure, sizeof(struct entry),
                              "a safetensors file");
}

static struct entry *next_entry(mwn_st_builder *builder)
{
    if (builder->count == builder->room) {
        size_t room = builder->room * 2 + 16;
        struct entry *more = mwn_resize(builder->entry, room, sizeof(*more));
        if (more == NULL)
            return NULL;
        builder->entry = more;
        builder->room = room;
    }
    struct entry *entry = &builder->entry[builder->count];
    *entry = (struct entry){0};
    return entry;
}

void mwn_st_builder_add(mwn_st_builder *builder, const char *name, enum mwn_st_type type,
                        int dims, const size_t *shape, const void *data)
{
    if (type >= MWN_ST_UNREADABLE || dims < 0 || dims > MWN_ST_MAX_DIMS) {
        fail_builder(builder, name, "a type or shape that cannot be written");
        return;
    }
    if (strcmp(name, metadata_key) == 0) {
        fail_builder(builder, name, "the name is reserved");
        return;
    }
    struct entry *entry = next_entry(builder);
    char *copy = entry == NULL ? NULL : mwn_strdup(name);
    if (copy == NULL) {
        fail_builder_memory(builder);
        return;
    }
    *entry = (struct entry){.name = copy, .type = type, .dims = dims, .data = data};
    entry->bytes = types[type].size;
    for (int i = 0; i < dims; i++) {
        entry->shape[i] = shape[i];
        entry->bytes *= shape[i];
    }
    builder->count++;
}

void mwn_st_builder_metadata(mwn_st_builder *builder, const char *key, const char *value)
{
    json_t *text = json_string(value);
    if (text == NULL) {
        fail_builder(builder, key, "the text is not UTF-8");
        return;
    }
    if (builder->metadata == NULL)
        builder->metadata = json_object();
    if (json_object_get(builder->metadata, key) != NULL) {
        fail_builder(builder, key, "the key is there twice");
        json_decref(text);
    } else if (json_object_set_new(builder->metadata, key, text) != 0) {
        fail_builder(builder, key, "the key is not UTF-8");
    }
}

/* Gives every tensor its place: larger items first, otherwise in the order of adding. */
static void place(mwn_st_builder *builder)
{
    size_t begin = 0;
    for (size_t size = 8; size > 0; size /= 2) {
        for (size_t i = 0; i < builder->count; i++) {
            struct entry *entry = &builder->entry[i];
            if (types[entry->type].size != size)
                continue;
            entry->begin = begin;
            begin += entry->bytes;
        }
    }
}

/* The JSON of one tensor; NULL if memory is out. */
static json_t *describe(const struct entry *entry)
{
    json_t *shape = json_array();
    int failed = shape == NULL;
    for (int i = 0; i < entry->dims && !failed; i++)
        failed = json_array_append_new(shape, json_integer((json_int_t)entry->shape[i]));
    if (failed) {
        json_decref(shape);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[entry->type].name, "shape",
                     shape, "data_offsets", (json_int_t)entry->begin,
                     (json_int_t)entry->begin + (json_int_t)entry->bytes);
}

static json_t *make_header(mwn_st_builder *builder)
{
    json_t *header = json_object();
    if (builder->metadata != NULL &&
        json_object_set(header, metadata_key, builder->metadata) != 0)
        fail_builder_memory(builder);
    for (size_t i = 0; i < builder->count; i++) {
        const struct entry *entry = &builder->entry[i];
        if (json_object_get(header, entry->name) != NULL)
            fail_builder(builder, entry->name, "the name is there twice");
        else if (json_object_set_new(header, entry->name, describe(entry)) != 0)
            fail_builder(builder, entry->name, "the name is not UTF-8, or memory is out");
    }
    return header;
}

static int add_to_buf(const char *text, size_t size, void *user)
{
    struct mwn_buf *buf = user;
    mwn_buf_add(buf, text, size);
    return buf->failed ? -1 : 0;
}

/* The file's beginning: the length and the header, padded by spaces to 8 bytes. */
static mwn_status print_header(mwn_st_builder *builder, struct mwn_buf *out,
                               struct mwn_error *err)
{
    json_t *header = make_header(builder);
    mwn_buf_add(out, "\0\0\0\0\0\0\0", PREFIX);
    if (header == NULL || json_dump_callback(header, add_to_buf, out, JSON_COMPACT) != 0)
        fail_builder_memory(builder);
    json_decref(header);
    while (!out->failed && out->size % 8 != 0)
        mwn_buf_add(out, " ", 1);
    if (out->failed)
        fail_builder_memory(builder);
    if (builder->failure.status != MWN_OK)
        return mwn_fail(err, builder->failure.status, "%s", builder->failure.text);
    uint64_t length = out->size - PREFIX;
    memcpy(out->text, &length, PREFIX);
    return MWN_OK;
}

mwn_status mwn_st_builder_write(mwn_st_builder *builder, const char *path,
                                struct mwn_error *err)
{
    struct mwn_buf header = {0};
    struct mwn_writer writer = {0};
    mwn_status status = MWN_OK;
    place(builder);
    MWN_TRY(print_header(builder, &header, err));
    MWN_TRY(mwn_writer_open(&writer, path, err));
    mwn_writer_add(&writer, header.text, header.size);
    for (size_t size = 8; size > 0; size /= 2)
        for (size_t i = 0; i < builder->count; i++)
            if (types[builder->entry[i].type].size == size)
                mwn_writer_add(&writer, builder->entry[i].data, builder->entry[i].bytes);
    status = mwn_writer_commit(&writer, err);
out:
    mwn_buf_release(&header);
    return status;
}

void mwn_st_builder_free(mwn_st_builder *builder)
{
    if (builder == NULL)
        return;
    for (size_t i = 0; i < builder->count; i++)
        mwn_free(builder->entry[i].name);
    json_decref(builder->metadata);
    mwn_free(builder->entry);
    mwn_free(builder);
}
