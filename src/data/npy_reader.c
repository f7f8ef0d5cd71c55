/* npy_reader.c - reader of NumPy's arrays: .npy files, which stay on the disk and may be larger
 * than memory, and .npz. docs/tables.md says how files are found. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/npy_labels.h"
#include "data/reader.h"
#include "data/schema.h"
#include "tensor/npy.h"
#include "tensor/npz.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bytes that the check of a file that is not mapped reads at once. */
#define CHUNK ((size_t)1 << 20)

/* Names of a part in files (X_train.npy) and in archives (x_train, train_images). */
static const char *const part_names[][2] = {
    [MWN_PART_TRAIN] = {"train", NULL},
    [MWN_PART_TEST] = {"test", NULL},
    [MWN_PART_META] = {"meta", NULL},
    [MWN_PART_VALID] = {"valid", "val"},
};

/* The reader's own: one of both. */
struct store {
    struct mwn_npy_file file;
    struct mwn_npy array;
};

/* ---- Finding the files -------------------------------------------------------------- */

/* "dir/name" if there is such a file, else NULL; *failed says that memory is out. */
static char *existing(const char *dir, const char *name, bool *failed)
{
    char *path = mwn_path_join(dir, name);
    *failed = *failed || !path;
    if (path && mwn_path_exists(path))
        return path;
    mwn_free(path);
    return NULL;
}

/* The samples of a part in a folder: X_train.npy, x_train.npy; NULL if there are none. */
static char *find_in_folder(const char *dir, enum mwn_part part, bool *failed)
{
    char name[64], *path = NULL;
    for (int i = 0; i < 2 && part_names[part][i] && !path; i++) {
        snprintf(name, sizeof(name), "X_%s.npy", part_names[part][i]);
        path = existing(dir, name, failed);
        name[0] = 'x';
        path = path ? path : existing(dir, name, failed);
    }
    return path;
}

/* Replaces the end ".npy" of a name by another. */
static void change_end(const char *name, const char *end, char *out, size_t size)
{
    size_t length = strlen(name);
    size_t stem = mwn_path_has_end(name, ".npy") ? length - 4 : length;
    snprintf(out, size, "%.*s%s", (int)stem, name, end);
}

/* Whether y.npy and labels.npy, names that could be of any samples in the folder, are of these:
 * they are the training part's, or alone in another folder than that one. */
static bool has_folder(const char *samples, const struct mwn_request *request, bool *failed)
{
    const char *train = request->options->path;
    if (request->part == MWN_PART_TRAIN)
        return true;
    if (request->unlabelled || !train || !*train)
        return false;
    char *own = mwn_path_beside(samples, "."), *other = mwn_path_beside(train, ".");
    *failed = *failed || !own || !other;
    bool alone =
        own && other && !mwn_path_is_same(own, other) && !mwn_path_is_same(own, train);
    mwn_free(own);
    mwn_free(other);
    return alone;
}

/* The labels beside the samples: y_train.npy for X_train.npy, NAME_labels.npy for NAME.npy, else
 * y.npy or labels.npy; .csv does as well. NULL if there are none. */
static char *find_labels(const char *samples, const struct mwn_request *request,
                         bool *failed)
{
    static const char *const ends[] = {".npy", ".csv"};
    static const char *const others[] = {"y", "labels"};
    const char *slash = strrchr(samples, '/'), *name = slash ? slash + 1 : samples;
    char *dir = mwn_strdup(samples), *path = NULL, other[512];
    *failed = *failed || !dir;
    if (!dir)
        return NULL;
    dir[name - samples] = '\0';
    for (size_t e = 0; e < MWN_COUNT(ends) && !path; e++) {
        change_end(name, ends[e], other, sizeof(other));
        other[0] = 'y';
        if (*name == 'x' || *name == 'X')
            path = existing(dir, other, failed);
        snprintf(other, sizeof(other), "_labels%s", ends[e]);
        char whole[520];
        change_end(name, other, whole, sizeof(whole));
        path = path ? path : existing(dir, whole, failed);
    }
    bool plain = !path && has_folder(samples, request, failed);
    for (size_t i = 0; plain && i < 4 && !path; i++) {
        snprintf(other, sizeof(other), "%s%s", others[i / 2], ends[i % 2]);
        path = existing(dir, other, failed);
    }
    mwn_free(dir);
    return path;
}

/* ---- Samples ------------------------------------------------------------------------ */

static mwn_status fail_dims(const char *path, const struct mwn_npy *array,
                            struct mwn_error *err)
{
    return mwn_fail(err, MWN_ERR_DATA,
                    "%s: has %d dimensions, expected 2 to 4: [n][features], [n][h][w] or "
                    "[n][c][h][w]",
                    path, array->dims);
}

/* The type and shape of the samples. */
static mwn_status use_shape(struct mwn_source *source, const char *path,
                            const struct mwn_npy *array, struct mwn_error *err)
{
    const size_t *shape = array->shape;
    int dims = array->dims;
    if (dims < 2 || dims > 4)
        return fail_dims(path, array, err);
    if (array->type != MWN_NPY_F32 && array->type != MWN_NPY_F64 &&
        array->type != MWN_NPY_U8) {
        mwn_fail(err, MWN_ERR_DATA, "%s: holds integers, expected reals or bytes", path);
        return mwn_hint(err, "save it again from NumPy after array.astype('<f4')");
    }
    for (int d = 0; d < dims; d++)
        if (shape[d] < 1 || shape[d] > (d > 0 ? INT_MAX : UINT32_MAX))
            return mwn_fail(err, MWN_ERR_DATA, "%s: dimension %d is %zu", path, d,
                            shape[d]);
    if (dims == 4 && array->type == MWN_NPY_U8 && shape[1] > 4 &&
        (shape[3] == 1 || shape[3] == 3 || shape[3] == 4)) {
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: images of %zu x %zu x %zu seem to have their channels last", path,
                 shape[1], shape[2], shape[3]);
        return mwn_hint(err,
                        "save them after np.ascontiguousarray(x.transpose(0, 3, 1, 2))");
    }
    source->n = shape[0];
    source->type = array->type == MWN_NPY_F32   ? MWN_SAMPLE_F32
                   : array->type == MWN_NPY_F64 ? MWN_SAMPLE_F64
                                                : MWN_SAMPLE_U8;
    source->shape = dims == 2 ? (struct mwn_shape){(int)shape[1], 1, 1}
                    : dims == 3
                        ? (struct mwn_shape){1, (int)shape[1], (int)shape[2]}
                        : (struct mwn_shape){(int)shape[1], (int)shape[2], (int)shape[3]};
    source->samples = array->data;
    return MWN_OK;
}

/* The first of n numbers that is not finite; n if all are. */
static size_t find_odd(const void *numbers, size_t n, enum mwn_sample_type type)
{
    const float *single = numbers;
    const double *wide = numbers;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(type == MWN_SAMPLE_F64 ? wide[i] : (double)single[i]))
            return i;
    return n;
}

/* What mwn_source_check() does for samples in memory, a piece at a time. */
static mwn_status check_finite(const struct mwn_source *source,
                               const struct mwn_npy_file *file, const char *path,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t item = mwn_npy_item(file->npy.type), piece = CHUNK / item;
    size_t size = mwn_source_numbers(source);
    void *numbers = mwn_alloc(piece, item);
    if (!numbers)
        return mwn_fail_memory(err, CHUNK, "a piece of a file");
    for (size_t at = 0; at < file->npy.count && source->type != MWN_SAMPLE_U8;
         at += piece) {
        size_t left = file->npy.count - at, n = left < piece ? left : piece;
        MWN_TRY(mwn_npy_file_read(file, at, n, numbers, err));
        size_t odd = find_odd(numbers, n, source->type);
        if (odd == n)
            continue;
        status = mwn_fail(err, MWN_ERR_DATA,
                          "%s: value %zu of sample %zu is not a finite number", path,
                          (at + odd) % size, (at + odd) / size);
        goto out;
    }
out:
    mwn_free(numbers);
    return status;
}

static mwn_status open_samples(struct mwn_source *source, const char *path,
                               struct mwn_error *err)
{
    mwn_status status;
    struct store *store = source->store;
    if (mwn_path_has_end(path, ".gz")) {
        MWN_TRY(mwn_npy_read(path, &store->array, err));
        return use_shape(source, path, &store->array, err);
    }
    MWN_TRY(mwn_npy_file_open(&store->file, path, err));
    MWN_TRY(use_shape(source, path, &store->file.npy, err));
    if (!source->samples)
        status = check_finite(source, &store->file, path, err);
out:
    return status;
}

/* ---- Labels ------------------------------------------------------------------------- */

/* Classes of the training part, if they are known. */
static mwn_status use_schema(struct mwn_npy_labels *labels,
                             const struct mwn_request *request, struct mwn_error *err)
{
    struct mwn_schema schema = {.reader = "npy"};
    if (!request->schema)
        return MWN_OK;
    mwn_status status = mwn_schema_parse(&schema, request->schema, err);
    labels->classes = schema.classes;
    labels->known = true;
    return status;
}

static mwn_status take_labels(struct mwn_source *source, struct mwn_npy_labels *labels,
                              struct mwn_error *err)
{
    const struct mwn_schema schema = {"npy", 0, mwn_source_numbers(source),
                                      labels->classes};
    mwn_status status;
    source->label = labels->label;
    labels->label = NULL;
    if (!source->label) {
        source->label = mwn_alloc(source->n, sizeof(*source->label));
        if (!source->label)
            return mwn_fail_memory(err, source->n * sizeof(*source->label), "labels");
        for (size_t i = 0; i < source->n; i++)
            source->label[i] = -1;
    }
    MWN_TRY(mwn_schema_print(&schema, &source->schema, err));
    source->classes = labels->classes.count > 0 ? labels->classes.count : 1;
    if (labels->classes.count > 0)
        status = mwn_label_set_names(&labels->classes, &source->class_names, err);
out:
    return status;
}

static mwn_status fail_labels(const char *path, enum mwn_part part, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_IO, "%s: has no labels beside it", path);
    if (part != MWN_PART_TRAIN)
        return mwn_hint(err,
                        "labels of NAME.npy are in NAME_labels.npy, those of X_test.npy "
                        "in y_test.npy");
    return mwn_hint(err, "put them into y.npy or y_train.npy in the same folder, or name "
                         "their file by data.y");
}

static mwn_status read_file_labels(struct mwn_npy_labels *labels, const char *samples,
                                   const struct mwn_request *request, struct mwn_error *err)
{
    const char *y = request->options->y;
    bool failed = false;
    char *path = NULL;
    mwn_status status = MWN_OK;
    if (y && *y && request->part == MWN_PART_TRAIN)
        return mwn_npy_labels_read(labels, y, err);
    path = find_labels(samples, request, &failed);
    if (failed)
        status = mwn_fail_memory(err, strlen(samples), "a path");
    else if (path)
        status = mwn_npy_labels_read(labels, path, err);
    else if (!request->unlabelled)
        status = fail_labels(samples, request->part, err);
    mwn_free(path);
    return status;
}

/* ---- .npz --------------------------------------------------------------------------- */

/* The array of a part: "x_train", "train_images", or without a part's name in a file that is one
 * part. kind is 'x' or 'y'. */
static const struct mwn_npz_entry *find_array(const struct mwn_npz *npz, enum mwn_part part,
                                              bool alone, char kind)
{
    const struct mwn_npz_entry *entry = NULL;
    const char *long_name = kind == 'x' ? "images" : "labels";
    char name[64];
    for (int i = 0; i < 2 && part_names[part][i] && !entry; i++) {
        snprintf(name, sizeof(name), "%c_%s", kind, part_names[part][i]);
        entry = mwn_npz_find(npz, name);
        name[0] = kind == 'x' ? 'X' : 'Y';
        entry = entry ? entry : mwn_npz_find(npz, name);
        snprintf(name, sizeof(name), "%s_%s", part_names[part][i], long_name);
        entry = entry ? entry : mwn_npz_find(npz, name);
    }
    if (entry || !alone)
        return entry;
    entry = mwn_npz_find(npz, kind == 'x' ? "X" : "y");
    return entry ? entry : mwn_npz_find(npz, kind == 'x' ? "x" : "Y");
}

static mwn_status fail_key(const char *path, const struct mwn_npz *npz, const char *keys,
                           struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: has no array %s", path, keys);
    if (npz->count == 0)
        return mwn_hint(err, "it has no arrays at all");
    return mwn_hint(err,
                    "it has %zu, '%.40s' to '%.40s'; np.savez(path, X=.., y=..) names "
                    "them",
                    npz->count, npz->entry[0].name, npz->entry[npz->count - 1].name);
}

static mwn_status read_npz_labels(struct mwn_npy_labels *labels, const struct mwn_npz *npz,
                                  const struct mwn_npz_entry *entry, struct mwn_error *err)
{
    struct mwn_npy array = {0};
    mwn_status status = mwn_npz_read(npz, entry, &array, err);
    if (status == MWN_OK)
        status = mwn_npy_labels_use(labels, npz->input.path, &array, err);
    mwn_npy_release(&array);
    return status;
}

static mwn_status open_npz(struct mwn_source *source, struct mwn_npy_labels *labels,
                           const struct mwn_request *request, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_npz npz = {0};
    struct store *store = source->store;
    const char *y = request->options->y, *path = request->path;
    bool train = request->part == MWN_PART_TRAIN;
    bool alone = train || strcmp(path, request->options->path) != 0;

    MWN_TRY(mwn_npz_open(&npz, path, err));
    const struct mwn_npz_entry *x = find_array(&npz, request->part, alone, 'x');
    const struct mwn_npz_entry *label = find_array(&npz, request->part, alone, 'y');
    if (!x) {
        status = fail_key(path, &npz, "X or x_train", err);
        goto out;
    }
    MWN_TRY(mwn_npz_read(&npz, x, &store->array, err));
    MWN_TRY(use_shape(source, path, &store->array, err));
    labels->n = source->n;
    if (train && y && *y)
        status = mwn_npy_labels_read(labels, y, err);
    else if (label)
        status = read_npz_labels(labels, &npz, label, err);
    else if (!request->unlabelled)
        status = fail_key(path, &npz, "y or y_train", err);
out:
    mwn_npz_close(&npz);
    return status;
}

/* ---- The reader --------------------------------------------------------------------- */

static mwn_status open_npy(struct mwn_source *source, struct mwn_npy_labels *labels,
                           const struct mwn_request *request, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    bool failed = false;
    const char *path = request->path;
    char *found = NULL;
    if (mwn_path_is_dir(path)) {
        found = find_in_folder(path, request->part, &failed);
        if (failed)
            return mwn_fail_memory(err, strlen(path), "a path");
        if (!found)
            return mwn_fail(err, MWN_ERR_IO, "%s: has no file X_%s.npy", path,
                            part_names[request->part][0]);
        path = found;
    }
    MWN_TRY(open_samples(source, path, err));
    labels->n = source->n;
    MWN_TRY(read_file_labels(labels, path, request, err));
out:
    mwn_free(found);
    return status;
}

static mwn_status npy_open(struct mwn_source *source, const struct mwn_request *request,
                           struct mwn_error *err)
{
    mwn_status status;
    struct mwn_npy_labels labels = {0};
    source->store = mwn_alloc(1, sizeof(struct store));
    if (!source->store)
        return mwn_fail_memory(err, sizeof(struct store), "a data file");
    MWN_TRY(use_schema(&labels, request, err));
    if (mwn_path_has_end(request->path, ".npz"))
        MWN_TRY(open_npz(source, &labels, request, err));
    else
        MWN_TRY(open_npy(source, &labels, request, err));
    MWN_TRY(take_labels(source, &labels, err));
out:
    mwn_free(labels.label);
    mwn_label_set_release(&labels.classes);
    return status;
}

static void npy_close(struct mwn_source *source)
{
    struct store *store = source->store;
    if (!store)
        return;
    mwn_npy_file_close(&store->file);
    mwn_npy_release(&store->array);
    mwn_free(store);
}

static mwn_status npy_load(const struct mwn_source *source, size_t i, struct mwn_rng *rng,
                           void *out, struct mwn_error *err)
{
    const struct store *store = source->store;
    size_t size = mwn_source_numbers(source);
    (void)rng; /* the loader varies the samples of a plain reader */
    return mwn_npy_file_read(&store->file, i * size, size, out, err);
}

static mwn_status npy_hash(const struct mwn_source *source, size_t i, struct mwn_hash *out,
                           struct mwn_error *err)
{
    size_t stride = mwn_source_stride(source);
    void *sample = mwn_alloc(1, stride);
    if (!sample)
        return mwn_fail_memory(err, stride, "a sample");
    mwn_status status = npy_load(source, i, NULL, sample, err);
    if (status == MWN_OK)
        *out = mwn_hash_bytes(sample, stride);
    mwn_free(sample);
    return status;
}

/* Whether an archive has the samples of a part. One that cannot be read has all: opening it says
 * why. */
static bool npz_has(const char *path, enum mwn_part part)
{
    struct mwn_npz npz = {0};
    if (mwn_npz_open(&npz, path, NULL) != MWN_OK)
        return true;
    bool has = find_array(&npz, part, false, 'x') != NULL;
    mwn_npz_close(&npz);
    return has;
}

static bool npy_has(const struct mwn_data_options *options, enum mwn_part part)
{
    bool failed = false;
    if (part == MWN_PART_TRAIN)
        return true;
    if (mwn_path_has_end(options->path, ".npz"))
        return npz_has(options->path, part);
    char *path = mwn_path_is_dir(options->path)
                     ? find_in_folder(options->path, part, &failed)
                     : NULL;
    mwn_free(path);
    return path != NULL || failed;
}

const struct mwn_reader mwn_reader_npy = {
    .name = "npy",
    .summary = "NumPy arrays: X_train.npy and y_train.npy in a folder, .npy or .npz",
    .normalize = "mean",
    .plain = true,
    .open = npy_open,
    .close = npy_close,
    .load = npy_load,
    .hash = npy_hash,
    .has = npy_has,
};
