/* data_files.h - small data sets in the formats of the readers, made by the tests in a temporary
 * folder. */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include "base/base.h"
#include "base/mem.h"
#include "data/reader.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { DATA_PATH = 512 };

#define CIFAR_PICTURE ((size_t)3 * 32 * 32)

static char data_folder[64];

static inline int data_make_folder(void **state)
{
    (void)state;
    (void)snprintf(data_folder, sizeof(data_folder), "/tmp/mwn-data-XXXXXX");
    return mkdtemp(data_folder) == NULL;
}

static inline int data_remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", data_folder);
    return system(command);
}

static inline mwn_status data_open(struct mwn_source *source,
                                   const struct mwn_data_options *options,
                                   enum mwn_part part, struct mwn_error *err)
{
    const struct mwn_request request = {.options = options, .part = part};
    return mwn_source_open(source, &request, err);
}

/* A path in the folder; the last eight are kept. */
static inline char *data_path(const char *name)
{
    static char path[8][DATA_PATH];
    static size_t next;
    next = (next + 1) % 8;
    (void)snprintf(path[next], DATA_PATH, "%s/%s", data_folder, name);
    return path[next];
}

static inline void data_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(data_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void data_write_text(const char *name, const char *text)
{
    data_write(name, text, strlen(text));
}

static inline void data_write_gz(const char *name, const void *bytes, size_t size)
{
    gzFile file = gzopen(data_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

static inline void data_remove(const char *name)
{
    assert_int_equal(unlink(data_path(name)), 0);
}

/* Byte j of picture i: pictures of different i or salt differ. */
static inline unsigned char data_byte(uint32_t salt, size_t i, size_t j)
{
    uint64_t x = salt * UINT64_C(0x9E3779B97F4A7C15) + i * UINT64_C(0xD1B54A32D192ED03) + j;
    x = (x ^ (x >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (unsigned char)((x ^ (x >> 32)) >> 8);
}

/* A file of IDX: header and content in one block, freed by free(). */
struct data_idx {
    unsigned char *bytes;
    size_t size, header;
};

static inline struct data_idx data_idx_new(int dims, const size_t *shape)
{
    struct data_idx idx = {.header = 4 + 4 * (size_t)dims};
    size_t content = 1;
    for (int d = 0; d < dims; d++)
        content *= shape[d];
    idx.size = idx.header + content;
    idx.bytes = calloc(1, idx.size);
    assert_non_null(idx.bytes);
    idx.bytes[2] = 8;
    idx.bytes[3] = (unsigned char)dims;
    for (int d = 0; d < dims; d++)
        for (int b = 0; b < 4; b++)
            idx.bytes[4 + 4 * d + b] = (unsigned char)(shape[d] >> (24 - 8 * b));
    return idx;
}

/* n pictures of side x side. */
static inline struct data_idx data_idx_images(size_t n, size_t side, uint32_t salt)
{
    const size_t shape[] = {n, side, side};
    struct data_idx idx = data_idx_new(3, shape);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < side * side; j++)
            idx.bytes[idx.header + i * side * side + j] = data_byte(salt, i, j);
    return idx;
}

/* Labels 0, 1, .., classes-1, 0, 1, .. */
static inline struct data_idx data_idx_labels(size_t n, size_t classes)
{
    struct data_idx idx = data_idx_new(1, &n);
    for (size_t i = 0; i < n; i++)
        idx.bytes[idx.header + i] = (unsigned char)(i % classes);
    return idx;
}

static inline void data_put_idx(const char *name, struct data_idx idx)
{
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
        data_write_gz(name, idx.bytes, idx.size);
    else
        data_write(name, idx.bytes, idx.size);
    free(idx.bytes);
}

/* The four files of a data set with pictures of 6 x 6. */
static inline void data_put_set(size_t train, size_t test, size_t classes)
{
    data_put_idx("train-images-idx3-ubyte", data_idx_images(train, 6, 1));
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(train, classes));
    data_put_idx("t10k-images-idx3-ubyte", data_idx_images(test, 6, 2));
    data_put_idx("t10k-labels-idx1-ubyte", data_idx_labels(test, classes));
}

/* n rows of CIFAR: `head` label bytes, the last one i % classes, and a picture. Freed by
 * free(). */
static inline unsigned char *data_cifar(size_t n, size_t head, int classes, uint32_t salt)
{
    size_t row = head + CIFAR_PICTURE;
    unsigned char *bytes = calloc(n, row);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        bytes[i * row + head - 1] = (unsigned char)(i % (size_t)classes);
        for (size_t j = 0; j < CIFAR_PICTURE; j++)
            bytes[i * row + head + j] = data_byte(salt, i, j);
    }
    return bytes;
}

static inline void data_put_cifar(const char *name, size_t n, size_t head, int classes,
                                  uint32_t salt)
{
    unsigned char *bytes = data_cifar(n, head, classes, salt);
    data_write(name, bytes, n * (head + CIFAR_PICTURE));
    free(bytes);
}

/* The options' defaults with this reader and the folder as path. */
static inline struct mwn_data_options data_options(const char *reader)
{
    struct mwn_data_options options = {0};
    struct mwn_error err = {0};
    assert_int_equal(mwn_options_default(mwn_data_option_rows, &options, &err), MWN_OK);
    mwn_free(options.reader);
    mwn_free(options.path);
    options.reader = mwn_strdup(reader);
    options.path = mwn_strdup(data_folder);
    return options;
}

static inline void data_set_text(char **field, const char *text)
{
    mwn_free(*field);
    *field = mwn_strdup(text);
    assert_non_null(*field);
}

static inline void data_release(struct mwn_data_options *options)
{
    mwn_options_release(mwn_data_option_rows, options);
}

/* Fails the test unless the error has the status and its text each of the words (NULL-ended). */
static inline void data_expect(const struct mwn_error *err, mwn_status got,
                               mwn_status wanted, ...)
{
    va_list words;
    if (got != wanted)
        print_error("status %d, expected %d: %s\n", (int)got, (int)wanted, err->text);
    assert_int_equal(got, wanted);
    va_start(words, wanted);
    for (const char *word = va_arg(words, const char *); word;
         word = va_arg(words, const char *)) {
        if (!strstr(err->text, word) && !strstr(err->hint, word))
            print_error("'%s' is not in: %s (%s)\n", word, err->text, err->hint);
        assert_true(strstr(err->text, word) || strstr(err->hint, word));
    }
    va_end(words);
}

/* The folder with real data. */
static inline const char *data_shared(void)
{
    const char *folder = getenv("MWNET_SHARED");
    return folder ? folder : "../shared";
}

#endif
