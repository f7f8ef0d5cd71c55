/* dnnl_engine.h - what the files of the oneDNN backend share: the engine, calls of primitives
 * whose arguments change, reorders between layouts. Only files named dnnl_* and
 * backend_dnnl.c see a oneDNN header. */
#ifndef MWN_NN_DNNL_ENGINE_H
#define MWN_NN_DNNL_ENGINE_H

#include "nn/backend.h"
#include "nn/dnnl_shim.h"
#include "nn/simd.h"

enum { MWN_DNNL_ARGS_MAX = 5 };

/* A primitive with its arguments; their addresses are set at each run. */
struct mwn_dnnl_call {
    dnnl_primitive_t primitive;
    int count;
    dnnl_exec_arg_t args[MWN_DNNL_ARGS_MAX + 1];
};

/* A reorder, if one is needed at all, and the bytes of its larger side. */
struct mwn_dnnl_reorder {
    struct mwn_dnnl_call call;
    size_t bytes;
};

/* How a convolution's weight lives in the flat vectors: always floats. */
struct mwn_dnnl_weight {
    shim_md native;     /* owned; NULL: OIHW, computed by conv_input                  */
    bool refused;       /* oneDNN has no fast kernel for the layer                    */
    dnnl_dim_t dims[4]; /* OIHW with the channels rounded up as in the native layout  */
    struct mwn_dnnl_reorder to_native, to_plain; /* from and to that OIHW                 */
};

/* The operators for one precision. */
struct mwn_dnnl_variant {
    const struct mwn_simd *simd;
    const struct mwn_op_impl *ops[MWN_OP_COUNT];
    const struct mwn_op_impl *plain_ops[MWN_OP_COUNT];
};

/* What the backend keeps for a network. */
struct mwn_dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_format_tag_t tag; /* of activations                                        */
    struct mwn_dnnl_weight
        *weight; /* owned [count]: zero where no convolution's weight is  */
    int count;
    float *plain; /* owned [plain_bytes]: room for any one weight as OIHW          */
    size_t plain_bytes;
    struct mwn_dnnl_variant variant[MWN_PRECISION_COUNT];
};

void mwn_dnnl_call_release(struct mwn_dnnl_call *call);
/* Adds an argument with its layout. */
dnnl_status_t mwn_dnnl_call_arg(struct mwn_dnnl_call *call, const struct mwn_dnnl *e,
                                int arg, shim_md md);
/* pointers: one for each argument, in the order they were added. */
mwn_status mwn_dnnl_call_run(const struct mwn_dnnl_call *call, const struct mwn_dnnl *e,
                             const void *const *pointers, int count);
#define MWN_DNNL_RUN(call, e, ...)                                                         \
    mwn_dnnl_call_run(call, e, (const void *[]){__VA_ARGS__},                              \
                      (int)MWN_COUNT(((const void *[]){__VA_ARGS__})))

shim_md mwn_dnnl_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what);
size_t mwn_dnnl_bytes(shim_md md);
/* Whether a primitive would be oneDNN's slow reference kernel. */
bool mwn_dnnl_is_slow(const_dnnl_primitive_desc_t pd);
/* Leaves *r without a primitive if the layouts are the same. */
dnnl_status_t mwn_dnnl_reorder_make(struct mwn_dnnl_reorder *r, const struct mwn_dnnl *e,
                                    shim_md from, shim_md to);
/* Channels rounded up to whole blocks, as the activations have them; the rest is zero. */
dnnl_dim_t mwn_dnnl_whole_blocks(const struct mwn_dnnl *e, int channels);

/* Convolution (dnnl_conv.c). */
extern const struct mwn_op_impl mwn_dnnl_conv_ops;
/* How the flat vectors hold a convolution's weight: as oneDNN likes it for a batch of usual
 * size, or as our own kernels want it. *out stays NULL for a first layer that oneDNN has no
 * fast kernel for. `self` is in full precision. */
dnnl_status_t mwn_dnnl_conv_layout(const struct mwn_backend *self,
                                   const struct mwn_graph *graph,
                                   const struct mwn_node *node, shim_md *out);

#endif
