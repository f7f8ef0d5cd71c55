/* onnx_file.h - builds an ONNX model and writes it. Names and values are copied; a failure is
 * remembered and reported by mwn_onnx_write(). */
#ifndef MWN_TRAIN_ONNX_FILE_H
#define MWN_TRAIN_ONNX_FILE_H

#include "base/base.h"

enum { MWN_ONNX_OPSET = 13 };

typedef struct mwn_onnx mwn_onnx;

mwn_onnx *mwn_onnx_create(void); /* NULL if memory is out */
void mwn_onnx_free(mwn_onnx *onnx);

/* The graph's input or output: float [batch][shape[0]][..]. */
void mwn_onnx_input(mwn_onnx *onnx, const char *name, int dims, const int *shape);
void mwn_onnx_output(mwn_onnx *onnx, const char *name, int dims, const int *shape);

/* Constants: float of any shape, a vector of int64. */
void mwn_onnx_floats(mwn_onnx *onnx, const char *name, int dims, const int *shape,
                     const double *values);
void mwn_onnx_ints(mwn_onnx *onnx, const char *name, size_t count, const int64_t *values);

/* Adds a node with one output, which names the node too. Inputs end in NULL. */
void mwn_onnx_node(mwn_onnx *onnx, const char *op, const char *output,
                   const char *const *inputs);
/* Attributes of the node added last. */
void mwn_onnx_set_int(mwn_onnx *onnx, const char *name, int64_t value);
void mwn_onnx_set_real(mwn_onnx *onnx, const char *name, double value);
void mwn_onnx_set_ints(mwn_onnx *onnx, const char *name, size_t count,
                       const int64_t *values);

/* Metadata; NULL values are left out. */
void mwn_onnx_note(mwn_onnx *onnx, const char *key, const char *value);
void mwn_onnx_describe(mwn_onnx *onnx, const char *graph, const char *text);

/* Writes atomically; *bytes is the size of the file. */
MWN_MUST_CHECK mwn_status mwn_onnx_write(mwn_onnx *onnx, const char *path, size_t *bytes,
                                         struct mwn_error *err);

#endif
