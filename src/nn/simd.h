/* simd.h - the vector kernels, one set for each instruction set and type of activations:
 * every operator, on blocks of 16, 8 or 4 channels or, linear, on plain ones. */
#ifndef MWN_NN_SIMD_H
#define MWN_NN_SIMD_H

#include "nn/backend.h"

/* Convolutions between blocked activations. Weights lie in the flat vectors as
 * [out/B][in/B][kh][kw][B in][B out], floats. */
struct mwn_simd_conv {
    /* Whether there are kernels for the layer's window, stride and width. `refused`: oneDNN
     * has no fast ones, so that slower ones will do. */
    bool (*fits)(const struct mwn_layer *l, bool refused);
    size_t (*work_size)(const struct mwn_layer *l); /* bytes */
    /* Parts of an image's sums: struct mwn_op_impl. */
    size_t (*sum_parts)(const struct mwn_layer *l);
    mwn_status (*forward)(struct mwn_layer *l);
    mwn_status (*jvp)(struct mwn_layer *l);
    mwn_status (*input_gradient)(struct mwn_layer *l);
    mwn_status (*weight_gradient)(struct mwn_layer *l);
};

struct mwn_simd {
    const char *isa; /* "avx2", ... */
    enum mwn_precision precision;
    int block;
    const struct mwn_op_impl *ops[MWN_OP_COUNT]; /* conv is NULL                          */
    const struct mwn_op_impl *conv_input; /* convolution of a plain input, few channels   */
    const struct mwn_simd_conv *conv;
    void (*add)(size_t count, const void *a, void *y); /* y += a, numbers of activations  */
    void (*narrow)(size_t count, const float *x, void *y); /* y = x, to that type         */
    /* Runs `rounds` rounds of independent multiply-adds in registers on the calling thread;
     * returns the floating-point operations done. */
    double (*peak)(size_t rounds);
};

/* Those for other processors than the program is built for are not there. */
extern const struct mwn_simd mwn_simd_avx512, mwn_simd_avx512_bf16, mwn_simd_avx2,
    mwn_simd_neon;

/* Whether this CPU has a set's instructions. */
bool mwn_simd_runs(const struct mwn_simd *set);
/* The set that has kernels for every layer, where no other library helps; NULL: this CPU does not
 * run it. */
const struct mwn_simd *mwn_simd_complete(void);
/* The set whose instructions a backend's name says, for a precision; NULL: none. */
const struct mwn_simd *mwn_simd_named(const char *backend, enum mwn_precision precision);

/* Fills ops and plain_ops[MWN_OP_COUNT]: the set's operators with `conv` for convolutions and, on
 * plain activations, those of `plain`, a set of full precision, or the reference's. */
void mwn_simd_operators(const struct mwn_simd *set, const struct mwn_simd *plain,
                        const struct mwn_op_impl *conv, const struct mwn_op_impl **ops,
                        const struct mwn_op_impl **plain_ops);

#endif
