/* idx.c - reader of IDX files, the format of MNIST and Fashion-MNIST, plain or gzip. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bounds on what a header may ask for: a side of 4096 pixels, 3 GiB of samples. */
#define SIDE_MAX 4096
#define FILE_MAX ((size_t)3 << 30)

enum { NAME_SIZE = 256 };

/* What a file of one part and kind may be called: PREFIX*KIND-TAIL or PREFIX*KIND.TAIL,
 * with or without ".gz". */
struct idx_file {
    const char *standard;    /* the published name                        */
    const char *prefixes[2]; /* second may be NULL                        */
    const char *kind, *tail; /* "images", "idx3-ubyte"                    */
    int dims;
};

static const struct idx_file image_files[] = {
    [MWN_PART_TRAIN] =
        {"train-images-idx3-ubyte", {"train", NULL}, "images", "idx3-ubyte", 3},
    [MWN_PART_TEST] =
        {"t10k-images-idx3-ubyte", {"t10k", "test"}, "images", "idx3-ubyte", 3},
};
static const struct idx_file label_files[] = {
    [MWN_PART_TRAIN] =
        {"train-labels-idx1-ubyte", {"train", NULL}, "labels", "idx1-ubyte", 1},
    [MWN_PART_TEST] =
        {"t10k-labels-idx1-ubyte", {"t10k", "test"}, "labels", "idx1-ubyte", 1},
};

/* ---- Finding the files -------------------------------------------------------------- */

/* Copies name without a final ".gz". False if it is too long. */
static bool stem_of(const char *name, char stem[NAME_SIZE])
{
    size_t length = strlen(name);
    if (length >= NAME_SIZE)
        return false;
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
        length -= 3;
    memcpy(stem, name, length);
    stem[length] = '\0';
    return true;
}

static bool ends_in(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

static bool stem_matches(const char *stem, const struct idx_file *file)
{
    size_t tail = strlen(file->tail), length = strlen(stem);
    bool begins = false;
    for (size_t i = 0; i < MWN_COUNT(file->prefixes) && file->prefixes[i]; i++)
        begins = begins || strncmp(stem, file->prefixes[i], strlen(file->prefixes[i])) == 0;
    if (!begins || length < tail + 1 || !ends_in(stem, length, file->tail))
        return false;
    length -= tail + 1;
    return (stem[length] == '-' || stem[length] == '.') &&
           ends_in(stem, length, file->kind);
}

/* Keeps the two first different stems in alphabetical order. */
static void keep_stem(char found[2][NAME_SIZE], const char *stem)
{
    for (int i = 0; i < 2; i++) {
        int order = found[i][0] ? strcmp(stem, found[i]) : -1;
        if (order == 0)
            return;
        if (order < 0) {
            if (i == 0)
                memcpy(found[1], found[0], NAME_SIZE);
            snprintf(found[i], NAME_SIZE, "%s", stem);
            return;
        }
    }
}

/* "dir/stem" or "dir/stem.gz", whichever there is (plain first); NULL if none, or memory is
 * out, which *failed then says. */
static char *existing_path(const char *dir, const char *stem, bool *failed)
{
    static const char *const ends[] = {"", ".gz"};
    char name[NAME_SIZE + 4];
    for (size_t i = 0; i < MWN_COUNT(ends) && !*failed; i++) {
        snprintf(name, sizeof(name), "%s%s", stem, ends[i]);
        char *path = mwn_path_join(dir, name);
        *failed = path == NULL;
        if (path && mwn_path_exists(path))
            return path;
        mwn_free(path);
    }
    return NULL;
}

static mwn_status scan_folder(const char *dir, const struct idx_file *file,
                              char found[2][NAME_SIZE], struct mwn_error *err)
{
    char stem[NAME_SIZE];
    DIR *folder = opendir(dir);
    if (!folder) {
        mwn_fail(err, MWN_ERR_IO, "%s: cannot open the folder: %s", dir, strerror(errno));
        return mwn_hint(err, "data.path is the folder that holds the data files");
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (stem_of(entry->d_name, stem) && stem_matches(stem, file))
            keep_stem(found, stem);
    closedir(folder);
    return MWN_OK;
}

/* The path of a part's file; *path is freed by mwn_free(). */
static mwn_status find_file(const char *dir, const struct idx_file *file, char **path,
                            struct mwn_error *err)
{
    char found[2][NAME_SIZE] = {"", ""};
    bool failed = false;
    *path = existing_path(dir, file->standard, &failed);
    if (!*path && !failed) {
        mwn_status status = scan_folder(dir, file, found, err);
        if (status != MWN_OK)
            return status;
        if (!found[0][0]) {
            mwn_fail(err, MWN_ERR_IO, "%s: no file %s or %s.gz", dir, file->standard,
                     file->standard);
            return mwn_hint(err, "a name like %s-5000-%s-%s.gz does as well",
                            file->prefixes[0], file->kind, file->tail);
        }
        if (found[1][0]) {
            mwn_fail(err, MWN_ERR_IO, "%s: both %s and %s could be the %s file", dir,
                     found[0], found[1], file->standard);
            return mwn_hint(err, "leave one of them in the folder, or name it %s",
                            file->standard);
        }
        *path = existing_path(dir, found[0], &failed);
    }
    if (failed)
        return mwn_fail_memory(err, strlen(dir) + NAME_SIZE, "a path");
    if (!*path)
        return mwn_fail(err, MWN_ERR_IO, "%s: %s has gone", dir, found[0]);
    return MWN_OK;
}

/* ---- Reading them ------------------------------------------------------------------- */

static size_t big_endian(const unsigned char *p)
{
    return ((size_t)p[0] << 24) | ((size_t)p[1] << 16) | ((size_t)p[2] << 8) | (size_t)p[3];
}

/* Checks the header against the file's size and gives the sizes of the dimensions. */
static mwn_status check_idx(const char *path, int dims, const struct mwn_bytes *bytes,
                            size_t shape[3], struct mwn_error *err)
{
    const unsigned char *data = bytes->data;
    size_t header = 4 + 4 * (size_t)dims, content = 1;
    if (bytes->size < header)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: truncated: %zu bytes, its header alone has %zu", path,
                        bytes->size, header);
    if (data[0] != 0 || data[1] != 0 || data[2] != 8 || data[3] != dims) {
        return mwn_fail(
            err, MWN_ERR_DATA,
            "%s: begins with %02x%02x%02x%02x, expected 000008%02x (an IDX file of "
            "bytes, %d dimension%s)",
            path, data[0], data[1], data[2], data[3], dims, dims, dims == 1 ? "" : "s");
    }
    for (int d = 0; d < dims; d++) {
        shape[d] = big_endian(data + 4 + 4 * (size_t)d);
        if (shape[d] == 0 || (d > 0 && shape[d] > SIDE_MAX))
            return mwn_fail(err, MWN_ERR_DATA, "%s: dimension %d is %zu, expected 1 .. %zu",
                            path, d, shape[d], d > 0 ? (size_t)SIDE_MAX : UINT32_MAX);
        if (content > FILE_MAX / shape[d])
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: its header asks for more than %zu bytes", path, FILE_MAX);
        content *= shape[d];
    }
    if (bytes->size - header != content)
        return mwn_fail(err, MWN_ERR_DATA, "%s: %s: %zu bytes, expected %zu for %zu items",
                        path, bytes->size - header < content ? "truncated" : "oversized",
                        bytes->size, header + content, shape[0]);
    return MWN_OK;
}

static mwn_status read_idx(const char *path, int dims, struct mwn_bytes *bytes,
                           size_t shape[3], struct mwn_error *err)
{
    mwn_status status = mwn_file_read(path, FILE_MAX + 16, bytes, err);
    if (status == MWN_OK)
        status = check_idx(path, dims, bytes, shape, err);
    return status;
}

/* Reads the labels of a part: *label is owned by the caller, classes grows to fit. */
static mwn_status read_labels(const char *dir, enum mwn_part part, int32_t **label,
                              size_t *n, int *classes, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};
    char *path = NULL;
    size_t shape[3] = {0};

    MWN_TRY(find_file(dir, &label_files[part], &path, err));
    MWN_TRY(read_idx(path, label_files[part].dims, &bytes, shape, err));
    *n = shape[0];
    *label = mwn_alloc(*n, sizeof(**label));
    if (!*label) {
        status = mwn_fail_memory(err, *n * sizeof(**label), "labels");
        goto out;
    }
    for (size_t i = 0; i < *n; i++) {
        (*label)[i] = bytes.data[8 + i];
        if ((*label)[i] >= *classes)
            *classes = (*label)[i] + 1;
    }
out:
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

/* A test set may lack the last class: the labels of the other part, if they can be read,
 * count too. That they cannot is no error here, unless memory is out. */
static mwn_status see_other_labels(const char *dir, enum mwn_part part, int *classes,
                                   struct mwn_error *err)
{
    struct mwn_error unused = {0};
    enum mwn_part other = part == MWN_PART_TRAIN ? MWN_PART_TEST : MWN_PART_TRAIN;
    int32_t *label = NULL;
    size_t n = 0;
    int seen = *classes;
    mwn_status status = read_labels(dir, other, &label, &n, &seen, &unused);
    if (status == MWN_OK)
        *classes = seen;
    mwn_free(label);
    return status == MWN_ERR_MEMORY ? mwn_fail_memory(err, n, "labels") : MWN_OK;
}

static mwn_status idx_open(struct mwn_source *source, const struct mwn_request *request,
                           struct mwn_error *err)
{
    mwn_status status;
    enum mwn_part part = mwn_part_files(request->part);
    struct mwn_bytes *bytes = mwn_alloc(1, sizeof(*bytes));
    char *path = NULL;
    size_t shape[3] = {0}, labels = 0;

    source->store = bytes;
    if (!bytes)
        return mwn_fail_memory(err, sizeof(*bytes), "a data file");
    MWN_TRY(find_file(request->path, &image_files[part], &path, err));
    MWN_TRY(read_idx(path, image_files[part].dims, bytes, shape, err));
    source->n = shape[0];
    source->shape = (struct mwn_shape){1, (int)shape[1], (int)shape[2]};
    source->samples = bytes->data + 16;
    MWN_TRY(
        read_labels(request->path, part, &source->label, &labels, &source->classes, err));
    MWN_TRY(see_other_labels(request->path, part, &source->classes, err));
    if (labels != source->n)
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has %zu images, but there are %zu labels",
                          path, source->n, labels);
out:
    mwn_free(path);
    return status;
}

static void idx_close(struct mwn_source *source)
{
    struct mwn_bytes *bytes = source->store;
    if (bytes)
        mwn_bytes_release(bytes);
    mwn_free(bytes);
}

const struct mwn_reader mwn_reader_idx = {
    .name = "idx",
    .summary = "IDX files, plain or .gz, named as those of MNIST and Fashion-MNIST",
    .normalize = "mean",
    .open = idx_open,
    .close = idx_close,
};
