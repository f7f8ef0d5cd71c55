/* backend.h - what a backend gives the plan: the layout of activations and parameters, and
 * for every operator its forward, backward and tangent. */
#ifndef MWN_NN_BACKEND_H
#define MWN_NN_BACKEND_H

#include "base/base.h"
#include "nn/graph.h"

enum mwn_pass {
    MWN_PASS_TRAIN, /* batch statistics, running statistics move           */
    MWN_PASS_META,  /* batch statistics, running statistics stay           */
    MWN_PASS_EVAL   /* running statistics, no dropout                      */
};

/* How activations, gradients and tangents in the blocked layout are stored. Parameters,
 * statistics, losses and everything in the plain layout have the backend's dtype. */
enum mwn_precision { MWN_PRECISION_F32, MWN_PRECISION_BF16, MWN_PRECISION_COUNT };

struct mwn_backend;

/* One node in one plan, as the operators see it. Pointers are set before each call. */
struct mwn_layer {
    const struct mwn_graph *graph;
    const struct mwn_node *node;
    struct mwn_shape in; /* shape of the first input                                 */
    const struct mwn_backend *backend;
    void *state;              /* the backend's own, made by prepare                       */
    size_t n;                 /* samples                                                  */
    bool in_blocked, blocked; /* layout of the first input and of the output              */
    bool trains;              /* whether backward and jvp will be asked for               */
    bool needs_gx;            /* whether the first input's gradient is wanted             */
    bool keeps_gy; /* bnorm: the masked gradient in gy[0] goes on to the residual */
    const struct mwn_layer *norm; /* the batch-norm that follows, its pointers set, or NULL.
                                     In evaluation forward applies it, its output is this
                                     one's; in training forward and jvp leave it its sums */
    double *sums; /* both: such sums [n][blocks][sum_parts][2][block], or NULL; forward: of
                     x and x^2; jvp: of tx and tx (x - mean)                              */
    size_t sum_parts;

    const void *x[2];  /* inputs                                                   */
    void *y;           /* output                                                   */
    void *save;        /* [save_size] what forward leaves for backward and jvp     */
    void *gy[2];       /* gradient of the output, in one or two pieces             */
    void *gx;          /* gradient of the first input; may be gy[0] where allowed  */
    bool gx_add;       /* add to gx instead of writing it                          */
    const void *tx[2]; /* tangents of the inputs; NULL is zero                     */
    void *ty;          /* tangent of the output; may be tx[0] where allowed        */

    const void *w[2]; /* parameters of the node, in the vectors in use            */
    void *gw[2];
    const void *tw[2];
    double *mean, *variance; /* bnorm: running statistics [c]                            */
    double bn_eps, bn_momentum;
    void *work; /* [work_size] scratch memory                               */
    enum mwn_pass pass;
    uint64_t seed, key; /* dropout                                                  */
};

struct mwn_op_impl {
    /* Makes `state` and says how much memory the node needs; optional. */
    mwn_status (*prepare)(struct mwn_layer *layer, struct mwn_error *err);
    void (*release)(struct mwn_layer *layer);
    size_t (*save_size)(const struct mwn_layer *layer); /* bytes; optional */
    size_t (*work_size)(const struct mwn_layer *layer); /* bytes; optional */
    mwn_status (*forward)(struct mwn_layer *layer);
    mwn_status (*backward)(struct mwn_layer *layer);
    mwn_status (*jvp)(struct mwn_layer *layer);
    /* Writes y once more, the bytes that forward wrote, from x, w and save, and nothing else;
     * optional: then y is kept. For what is cheap beside a convolution. */
    mwn_status (*recompute)(struct mwn_layer *layer);
    /* Whether forward can apply a batch-norm that follows, in evaluation; optional. */
    bool (*applies_norm)(const struct mwn_layer *layer);
    /* In how many parts an image's sums come, when forward and jvp can leave them to a
     * batch-norm that follows; 0: they cannot; optional. */
    size_t (*sum_parts)(const struct mwn_layer *layer);
    /* Whether backward or jvp reads y; optional: they do not. */
    bool (*reads_y)(const struct mwn_layer *layer);
    bool ignores_x;   /* neither backward nor jvp reads x[0]                        */
    bool takes_two;   /* backward reads a gradient in two pieces                    */
    bool adds;        /* backward can add to gx                                     */
    bool gx_in_place; /* backward may write gx over gy[0]                           */
    bool ty_in_place; /* jvp may write ty over tx[0]                                */
    bool y_in_place;  /* forward may write y over x[0] (backward needs no x)        */
};

struct mwn_backend {
    char name[32];
    enum mwn_dtype dtype;
    enum mwn_precision precision;
    int block; /* channels of a block of the blocked layout; 1: all is NCHW */
    int threads;
    void *engine;                         /* the backend's own */
    const struct mwn_op_impl *const *ops; /* [MWN_OP_COUNT]; blocked output layout       */
    const struct mwn_op_impl *const *plain_ops; /* for nodes that are not blocked        */
    void (*add)(size_t count, const void *a, void *y); /* y += a, blocked activations    */
    /* Numbers that parameter p takes in a flat vector, and its way between the vector (at
     * the parameter's place) and the PyTorch layout. */
    mwn_status (*param_size)(struct mwn_backend *self, const struct mwn_graph *graph, int p,
                             size_t *size, struct mwn_error *err);
    void (*param_get)(const struct mwn_backend *self, const struct mwn_graph *graph, int p,
                      const void *native, double *out);
    void (*param_set)(const struct mwn_backend *self, const struct mwn_graph *graph, int p,
                      void *native, const double *in);
    void (*close)(struct mwn_backend *self);
};

/* Opens a backend by name: "auto" (the fastest this machine has), "ref", "simd", "dnnl",
 * "dnnl-avx2", "dnnl-avx512". MWN_ERR_CONFIG if it is not built in, not for this CPU, or
 * not for this type. */
MWN_MUST_CHECK mwn_status mwn_backend_open(struct mwn_backend *backend, const char *name,
                                           enum mwn_dtype dtype, int threads,
                                           struct mwn_error *err);
void mwn_backend_close(struct mwn_backend *backend);

/* Makes *out work on the same vectors as `of`, with activations stored in another precision.
 * It lives as long as `of` and is not closed. MWN_ERR_CONFIG if this CPU cannot. */
MWN_MUST_CHECK mwn_status mwn_backend_variant(const struct mwn_backend *of,
                                              enum mwn_precision precision,
                                              struct mwn_backend *out,
                                              struct mwn_error *err);

/* The backends; each fills *backend or fails. */
mwn_status mwn_backend_ref_open(struct mwn_backend *backend, enum mwn_dtype dtype);
mwn_status mwn_backend_simd_open(struct mwn_backend *backend, struct mwn_error *err);
/* isa: "avx512" or "avx2"; unless exact, a lesser one will do. */
mwn_status mwn_backend_dnnl_open(struct mwn_backend *backend, const char *isa, bool exact,
                                 struct mwn_error *err);
void mwn_backend_dnnl_variant(struct mwn_backend *backend, enum mwn_precision precision);

/* Operators on NCHW floats of the reference backend, for what another one leaves to it. */
extern const struct mwn_op_impl *const mwn_ref_ops_f32[MWN_OP_COUNT];
extern const struct mwn_op_impl *const mwn_ref_ops_f64[MWN_OP_COUNT];

/* Numbers, and bytes, that a node's output takes for n samples. */
size_t mwn_layout_count(const struct mwn_backend *backend, struct mwn_shape shape,
                        bool blocked, size_t n);
size_t mwn_layout_bytes(const struct mwn_backend *backend, struct mwn_shape shape,
                        bool blocked, size_t n);

#endif
