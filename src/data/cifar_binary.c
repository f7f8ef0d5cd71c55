/* cifar_binary.c - reads the binary version of CIFAR-10 and CIFAR-100. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/cifar_binary.h"

#include <string.h>

enum { SIDE = 32, PICTURE = 3 * SIDE * SIDE };

/* A published file has at most 154 MB. */
#define FILE_MAX  ((size_t)1 << 30)
#define NAMES_MAX ((size_t)1 << 16)

/* Appends the rows of one file to the source. */
static mwn_status add_rows(struct mwn_source *source, const struct mwn_cifar_format *format,
                           const char *path, const struct mwn_bytes *bytes,
                           struct mwn_error *err)
{
    size_t head = format->superclasses > 0 ? 2 : 1, row = head + PICTURE;
    size_t n = bytes->size / row;
    if (bytes->size % row != 0 || n == 0)
        return mwn_fail(
            err, MWN_ERR_DATA,
            "%s: truncated or oversized: %zu bytes are %zu rows of %zu bytes and "
            "%zu more",
            path, bytes->size, n, row, bytes->size % row);
    unsigned char *samples = mwn_resize(source->store, source->n + n, PICTURE);
    if (samples)
        source->samples = source->store = samples;
    int32_t *label = mwn_resize(source->label, source->n + n, sizeof(*label));
    if (label)
        source->label = label;
    if (!samples || !label)
        return mwn_fail_memory(err, (source->n + n) * PICTURE, "the samples");
    for (size_t i = 0; i < n; i++) {
        const unsigned char *from = bytes->data + i * row;
        if (head == 2 && from[0] >= format->superclasses)
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: superclass of row %zu is %d, expected 0 .. %d", path, i,
                            from[0], format->superclasses - 1);
        if (from[head - 1] >= format->classes)
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: label of row %zu is %d, expected 0 .. %d", path, i,
                            from[head - 1], format->classes - 1);
        source->label[source->n + i] = from[head - 1];
        memcpy(samples + (source->n + i) * PICTURE, from + head, PICTURE);
    }
    source->n += n;
    return MWN_OK;
}

/* Splits text in place into lines without spaces at their end; how many are not empty. */
static size_t split_lines(char *text, char **line, size_t room)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *part = strtok_r(text, "\r\n", &rest); part;
         part = strtok_r(NULL, "\r\n", &rest)) {
        size_t length = strlen(part);
        while (length > 0 && (part[length - 1] == ' ' || part[length - 1] == '\t'))
            part[--length] = '\0';
        if (length > 0 && count < room)
            line[count] = part;
        count += length > 0;
    }
    return count;
}

static mwn_status read_names(struct mwn_source *source, const char *path,
                             struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};
    size_t classes = (size_t)source->classes, count;
    char **line = mwn_alloc(classes, sizeof(*line));

    source->class_names = mwn_alloc(classes, sizeof(*source->class_names));
    if (!line || !source->class_names) {
        status = mwn_fail_memory(err, classes * sizeof(*line), "class names");
        goto out;
    }
    MWN_TRY(mwn_file_read(path, NAMES_MAX, &bytes, err));
    count = split_lines((char *)bytes.data, line, classes);
    if (count != classes) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has %zu class names, expected %zu", path,
                          count, classes);
        goto out;
    }
    for (size_t c = 0; c < classes; c++) {
        source->class_names[c] = mwn_strdup(line[c]);
        if (!source->class_names[c]) {
            status = mwn_fail_memory(err, strlen(line[c]) + 1, "class names");
            goto out;
        }
    }
out:
    mwn_free(line);
    mwn_bytes_release(&bytes);
    return status;
}

/* The folder that has the part's first file: path itself or the archive's sub-folder in it.
 * NULL if memory is out. */
static char *find_folder(const struct mwn_cifar_format *format, const char *path,
                         const char *first)
{
    char *file = mwn_path_join(path, first);
    char *folder = mwn_path_join(path, format->folder);
    bool here = file && (mwn_path_exists(file) || !folder || !mwn_path_is_dir(folder));
    bool failed = !file || !folder;
    mwn_free(file);
    if (!here && !failed)
        return folder;
    mwn_free(folder);
    return failed ? NULL : mwn_strdup(path);
}

static mwn_status read_part(struct mwn_source *source,
                            const struct mwn_cifar_format *format, const char *folder,
                            const char *name, struct mwn_error *err)
{
    struct mwn_bytes bytes = {0};
    char *path = mwn_path_join(folder, name);
    if (!path)
        return mwn_fail_memory(err, strlen(folder), "a path");
    mwn_status status = mwn_file_read(path, FILE_MAX, &bytes, err);
    if (status == MWN_OK)
        status = add_rows(source, format, path, &bytes, err);
    else if (status == MWN_ERR_IO)
        mwn_hint(err, "data.path is the folder that holds %s or %s", name, format->folder);
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

mwn_status mwn_cifar_open(struct mwn_source *source, const struct mwn_cifar_format *format,
                          const char *path, enum mwn_part part, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *const *files = part == MWN_PART_TRAIN ? format->train : format->test;
    char *names = NULL;
    char *folder = find_folder(format, path, files[0]);

    source->classes = format->classes;
    source->shape = (struct mwn_shape){3, SIDE, SIDE};
    if (folder)
        names = mwn_path_join(folder, format->names);
    if (!folder || !names) {
        status = mwn_fail_memory(err, strlen(path), "a path");
        goto out;
    }
    for (; *files; files++)
        MWN_TRY(read_part(source, format, folder, *files, err));
    if (mwn_path_exists(names))
        MWN_TRY(read_names(source, names, err));
out:
    mwn_free(names);
    mwn_free(folder);
    return status;
}

void mwn_cifar_close(struct mwn_source *source)
{
    mwn_free(source->store);
}
