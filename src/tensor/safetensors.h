/* safetensors.h - the safetensors file format: a u64 header length, a JSON header, raw
 * little-endian tensors. Reading checks every bound; writing is atomic and gives the same
 * bytes for the same content (header and metadata in the order they were added, data with
 * the types of 8 bytes first, so that each tensor is aligned as other readers expect). */
#ifndef MWN_TENSOR_SAFETENSORS_H
#define MWN_TENSOR_SAFETENSORS_H

#include "base/base.h"

enum mwn_st_type {
    MWN_ST_F32,
    MWN_ST_F64,
    MWN_ST_I64,
    MWN_ST_I32,
    MWN_ST_U8,
    MWN_ST_U32,
    MWN_ST_F16,
    MWN_ST_BF16,
    MWN_ST_UNREADABLE /* BOOL, I8, C64, ...: known to the format, not to us */
};

enum { MWN_ST_MAX_DIMS = 6 };

struct mwn_st_tensor {
    const char *name;  /* borrowed from the file                    */
    const char *dtype; /* name of the type, e.g. "F32"; static      */
    enum mwn_st_type type;
    int dims;
    size_t shape[MWN_ST_MAX_DIMS];
    size_t count;     /* product of shape                          */
    const void *data; /* borrowed from the file; may be unaligned  */
};

typedef struct mwn_st_file mwn_st_file;

/* Errors: MWN_ERR_IO, MWN_ERR_DATA (not a safetensors file, truncated, overlapping or
 * oversized tensors, duplicate names), MWN_ERR_MEMORY. Tensors of a type that we do not
 * read are there as MWN_ST_UNREADABLE; whoever needs their numbers reports that. */
MWN_MUST_CHECK mwn_status mwn_st_open(mwn_st_file **out, const char *path,
                                      struct mwn_error *err);
size_t mwn_st_count(const mwn_st_file *file);
const struct mwn_st_tensor *mwn_st_at(const mwn_st_file *file, size_t i);
const struct mwn_st_tensor *mwn_st_find(const mwn_st_file *file, const char *name);
/* Whether the numbers are F32, F64, F16 or BF16; number i of such a tensor. */
bool mwn_st_is_real(const struct mwn_st_tensor *tensor);
double mwn_st_real(const struct mwn_st_tensor *tensor, size_t i);
/* A text of the header's __metadata__, or NULL. */
const char *mwn_st_metadata(const mwn_st_file *file, const char *key);
void mwn_st_close(mwn_st_file *file);

typedef struct mwn_st_builder mwn_st_builder;

mwn_st_builder *mwn_st_builder_create(void); /* NULL if memory is out */
/* Data is borrowed until write or free. Failures are remembered and reported by write. */
void mwn_st_builder_add(mwn_st_builder *builder, const char *name, enum mwn_st_type type,
                        int dims, const size_t *shape, const void *data);
void mwn_st_builder_metadata(mwn_st_builder *builder, const char *key, const char *value);
MWN_MUST_CHECK mwn_status mwn_st_builder_write(mwn_st_builder *builder, const char *path,
                                               struct mwn_error *err);
void mwn_st_builder_free(mwn_st_builder *builder);

#endif
