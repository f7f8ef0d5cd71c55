/* npy.h - NumPy's .npy format, version 1.0 to 3.0, C order, little endian. */
#ifndef MWN_TENSOR_NPY_H
#define MWN_TENSOR_NPY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"

enum mwn_npy_type {
    MWN_NPY_F32,
    MWN_NPY_F64,
    MWN_NPY_U8,
    MWN_NPY_I32,
    MWN_NPY_I64,
    MWN_NPY_U32,
    MWN_NPY_I8,
    MWN_NPY_I16,
    MWN_NPY_U16,
    MWN_NPY_U64,
    MWN_NPY_BOOL /* a byte, 0 or 1 */
};

enum { MWN_NPY_MAX_DIMS = 6 };

struct mwn_npy {
    enum mwn_npy_type type;
    int dims;
    size_t shape[MWN_NPY_MAX_DIMS];
    size_t count; /* product of shape                       */
    void *data;   /* owned: [count] items of type; 64-byte aligned */
};

/* Reads a file. MWN_ERR_IO if it cannot be opened, MWN_ERR_DATA if it is not such a file,
 * is truncated, oversized, big-endian, Fortran-ordered or of another type. */
MWN_MUST_CHECK mwn_status mwn_npy_read(const char *path, struct mwn_npy *out,
                                       struct mwn_error *err);
/* The same out of memory; `path` is for messages. */
MWN_MUST_CHECK mwn_status mwn_npy_parse(const char *path, const void *bytes, size_t size,
                                        struct mwn_npy *out, struct mwn_error *err);
void mwn_npy_release(struct mwn_npy *npy);
/* Item i as a double, as the nearest integer that int64_t holds. */
double mwn_npy_real(const struct mwn_npy *npy, size_t i);
int64_t mwn_npy_int(const struct mwn_npy *npy, size_t i);

/* The same of a file that stays where it is: data is borrowed from the mapping. The file may be
 * longer than its header says: it is read while a run makes it grow. */
struct mwn_npy_map {
    struct mwn_npy npy;
    struct mwn_mapping mapping;
};
MWN_MUST_CHECK mwn_status mwn_npy_map(const char *path, struct mwn_npy_map *out,
                                      struct mwn_error *err);
/* Safe on a zeroed map. */
void mwn_npy_unmap(struct mwn_npy_map *map);

/* A file whose items stay on the disk and may be more than the address space holds. Zero-initialise
 * it. */
struct mwn_npy_file {
    struct mwn_npy
        npy; /* data: in the mapped file; NULL: it could not be mapped, or its items
                           are not aligned: mwn_npy_file_read() gives them           */
    struct mwn_input input;
    size_t start; /* where the items begin */
};

/* Checks the header and the size as mwn_npy_read() does; gzip is not unpacked. The file must not
 * be cut while it is open. */
MWN_MUST_CHECK mwn_status mwn_npy_file_open(struct mwn_npy_file *file, const char *path,
                                            struct mwn_error *err);
/* Items first .. first + count - 1, in whatever thread. */
MWN_MUST_CHECK mwn_status mwn_npy_file_read(const struct mwn_npy_file *file, size_t first,
                                            size_t count, void *out, struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_npy_file_close(struct mwn_npy_file *file);

/* Bytes of an item. */
size_t mwn_npy_item(enum mwn_npy_type type);

/* A file's beginning up to the items, padded to a multiple of 64 bytes. */
void mwn_npy_header(struct mwn_buf *buf, enum mwn_npy_type type, int dims,
                    const size_t *shape);

/* Writes atomically. */
MWN_MUST_CHECK mwn_status mwn_npy_write(const char *path, enum mwn_npy_type type, int dims,
                                        const size_t *shape, const void *data,
                                        struct mwn_error *err);
#endif
