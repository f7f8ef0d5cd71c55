/* info.c - describes a file: safetensors, csv, npy, npz, IDX, CIFAR binary, or a run's folder. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/guess.h"
#include "tensor/safetensors.h"
#include "train/info_table.h"
#include "train/json_writer.h"
#include "train/model_file.h"
#include "train/run.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { INFO_LIMIT = 1 << 30, IDX_MAX_DIMS = 8 };

/* ---- A run's folder ----------------------------------------------------------------- */

/* Adds a file of JSON as it is, if it is there and valid; `last_line` takes its last line. */
static mwn_status add_file(struct mwn_json *json, const char *dir, const char *name,
                           const char *key, bool last_line, struct mwn_error *err)
{
    struct mwn_bytes bytes = {0};
    char *path = mwn_path_join(dir, name);
    json_t *value = NULL;
    mwn_status status = MWN_OK;

    if (!path)
        return mwn_fail_memory(err, strlen(dir) + strlen(name), "a path");
    if (mwn_path_exists(path))
        status = mwn_file_read(path, INFO_LIMIT, &bytes, err);
    char *text = (char *)bytes.data;
    size_t size = bytes.size;
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    if (last_line && size > 0 && strrchr(text, '\n'))
        text = strrchr(text, '\n') + 1;
    if (status == MWN_OK && size > 0)
        value = json_loads(text, 0, NULL);
    if (value)
        mwn_json_raw(json, key, text);
    json_decref(value);
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

static mwn_status describe_run(const char *dir, struct mwn_json *json,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    struct mwn_settings settings = {0};
    char *path = NULL;

    MWN_TRY(mwn_folder_path(dir, "recipe.yaml", &path, err));
    if (!mwn_path_exists(path)) {
        status = mwn_fail(err, MWN_ERR_IO, "%s: the folder holds no run", dir);
        goto out;
    }
    MWN_TRY(mwn_config_create(&config, err));
    MWN_TRY(mwn_config_read(config, path, err));
    MWN_TRY(mwn_settings_resolve(&settings, config, err));
    mwn_json_text(json, "kind", "run");
    mwn_summary_options(json, &settings);
    MWN_TRY(add_file(json, dir, "record.jsonl", "record", true, err));
    MWN_TRY(add_file(json, dir, "weight_net.json", "curve", false, err));
    MWN_TRY(add_file(json, dir, "summary.json", "summary", false, err));
out:
    if (settings.method)
        mwn_settings_release(&settings);
    mwn_config_free(config);
    mwn_free(path);
    return status;
}

/* ---- safetensors -------------------------------------------------------------------- */

/* Adds a text of the metadata if the file has it. */
static void add_note(struct mwn_json *json, const mwn_st_file *file, const char *key)
{
    const char *text = mwn_st_metadata(file, key);
    if (text)
        mwn_json_text(json, key, text);
}

static mwn_status describe_safetensors(const char *path, struct mwn_json *json,
                                       struct mwn_error *err)
{
    static const char *const types[] = {"F32", "F64", "I64", "I32", "U8", "U32"};
    static const char *const notes[] = {"format",         "model",  "model.name",
                                        "classes",        "sample", "data.reader",
                                        "data.normalize", "method"};
    mwn_st_file *file = NULL;
    size_t numbers = 0;
    mwn_status status = mwn_st_open(&file, path, err);
    if (status != MWN_OK)
        return status;
    mwn_json_text(json, "kind", "safetensors");
    mwn_json_object(json, "metadata");
    for (size_t i = 0; i < MWN_COUNT(notes); i++)
        add_note(json, file, notes[i]);
    mwn_json_end_object(json);
    mwn_json_array(json, "tensors");
    for (size_t i = 0; i < mwn_st_count(file); i++) {
        const struct mwn_st_tensor *t = mwn_st_at(file, i);
        mwn_json_object(json, NULL);
        mwn_json_text(json, "name", t->name);
        mwn_json_text(json, "type",
                      (size_t)t->type < MWN_COUNT(types) ? types[t->type] : "other");
        mwn_info_shape(json, t->dims, t->shape);
        mwn_json_end_object(json);
        numbers += t->count;
    }
    mwn_json_end_array(json);
    mwn_json_size(json, "numbers", numbers);
    mwn_st_close(file);
    return MWN_OK;
}

/* ---- IDX and CIFAR ------------------------------------------------------------------ */

static size_t big_endian(const unsigned char *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 |
           (size_t)bytes[3];
}

/* IDX: two zero bytes, a type (8: unsigned byte), the number of dimensions, the sizes. */
static bool is_idx(const struct mwn_bytes *bytes)
{
    const unsigned char *d = bytes->data;
    return bytes->size >= 8 && d[0] == 0 && d[1] == 0 && d[2] >= 8 && d[2] <= 14 &&
           d[3] >= 1 && d[3] <= IDX_MAX_DIMS && bytes->size >= 4 + 4 * (size_t)d[3];
}

/* The content of an IDX label file or of CIFAR's label bytes: samples of each class. */
static void add_classes(struct mwn_json *json, const unsigned char *label, size_t n,
                        size_t stride)
{
    size_t count[256] = {0}, classes = 0;
    for (size_t i = 0; i < n; i++)
        count[label[i * stride]]++;
    for (size_t c = 0; c < 256; c++)
        classes = count[c] ? c + 1 : classes;
    mwn_json_array(json, "samples_of_class");
    for (size_t c = 0; c < classes; c++)
        mwn_json_size(json, NULL, count[c]);
    mwn_json_end_array(json);
}

static mwn_status describe_idx(const char *path, const struct mwn_bytes *bytes,
                               struct mwn_json *json, struct mwn_error *err)
{
    static const size_t sizes[] = {1, 1, 0, 2, 4, 4, 8};
    size_t shape[IDX_MAX_DIMS] = {0};
    int dims = bytes->data[3];
    size_t head = 4 + 4 * (size_t)dims, item = sizes[bytes->data[2] - 8];
    size_t room = bytes->size - head, want = item;

    for (int d = 0; d < dims; d++) {
        shape[d] = big_endian(bytes->data + 4 + 4 * (size_t)d);
        if (shape[d] != 0 && want > SIZE_MAX / shape[d])
            return mwn_fail(err, MWN_ERR_DATA, "%s: the IDX header's sizes are too large",
                            path);
        want *= shape[d];
    }
    if (want != room)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: %zu bytes follow the IDX header, which promises %zu", path,
                        room, want);
    mwn_json_text(json, "kind", "idx");
    mwn_json_int(json, "type", bytes->data[2]);
    mwn_info_shape(json, dims, shape);
    if (dims == 1 && item == 1)
        add_classes(json, bytes->data + head, shape[0], 1);
    return MWN_OK;
}

static bool labels_below(const struct mwn_bytes *bytes, size_t stride, size_t at,
                         unsigned classes)
{
    for (size_t i = at; i < bytes->size; i += stride)
        if (bytes->data[i] >= classes)
            return false;
    return bytes->size > 0 && bytes->size % stride == 0;
}

/* Images of 3x32x32 bytes behind one label (CIFAR-10) or two (CIFAR-100). */
static mwn_status describe_cifar(const char *path, const struct mwn_bytes *bytes,
                                 struct mwn_json *json, struct mwn_error *err)
{
    bool is_10 = labels_below(bytes, 3073, 0, 10);
    bool is_100 = labels_below(bytes, 3074, 0, 20) && labels_below(bytes, 3074, 1, 100);
    size_t stride = is_10 ? 3073 : 3074;
    size_t shape[4] = {bytes->size / stride, 3, 32, 32};

    if (!is_10 && !is_100)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: is not safetensors, csv, npy, npz, IDX or a CIFAR binary",
                        path);
    mwn_json_text(json, "kind", is_10 ? "cifar10" : "cifar100");
    mwn_info_shape(json, 4, shape);
    add_classes(json, bytes->data + (is_10 ? 0 : 1), shape[0], stride);
    return MWN_OK;
}

/* ---- */

static mwn_status describe_file(const char *path, struct mwn_json *json,
                                struct mwn_error *err)
{
    struct mwn_bytes bytes = {0};
    const char *reader = "";
    mwn_status status = mwn_reader_guess(path, &reader, NULL);
    if (status == MWN_OK && strcmp(reader, "csv") == 0)
        return mwn_info_csv(path, json, err);
    status = mwn_file_read(path, INFO_LIMIT, &bytes, err);
    if (status != MWN_OK)
        return status;
    if (bytes.size >= 6 && memcmp(bytes.data, "\x93NUMPY", 6) == 0)
        status = mwn_info_npy(path, json, err);
    else if (bytes.size >= 4 && memcmp(bytes.data, "PK", 2) == 0 && bytes.data[2] < ' ')
        status = mwn_info_npz(path, json, err);
    else if (bytes.size >= 9 && bytes.data[8] == '{')
        status = describe_safetensors(path, json, err);
    else if (is_idx(&bytes))
        status = describe_idx(path, &bytes, json, err);
    else
        status = describe_cifar(path, &bytes, json, err);
    mwn_bytes_release(&bytes);
    return status;
}

mwn_status mwn_info(const char *path, char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json out = {0};

    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "path", path);
    if (mwn_path_is_dir(path))
        MWN_TRY(describe_run(path, &out, err));
    else
        MWN_TRY(describe_file(path, &out, err));
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    return status;
}
