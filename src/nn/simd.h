/* simd.h - the vector kernels: every operator but convolution and linear, on floats in blocks
 * of 16 or 8 channels, one set for each instruction set. */
#ifndef MWN_NN_SIMD_H
#define MWN_NN_SIMD_H

#include "nn/backend.h"

/* [MWN_OP_COUNT]; conv and linear are NULL. Blocks of 16 (AVX-512) and of 8 (AVX2). */
extern const struct mwn_op_impl *const mwn_simd_ops_avx512[MWN_OP_COUNT];
extern const struct mwn_op_impl *const mwn_simd_ops_avx2[MWN_OP_COUNT];

/* Convolution of a plain input with few channels, for what oneDNN has no fast kernel for. */
extern const struct mwn_op_impl mwn_simd_conv_input_avx512;
extern const struct mwn_op_impl mwn_simd_conv_input_avx2;

/* Runs `rounds` rounds of independent multiply-adds in registers on the calling thread;
 * returns the floating-point operations done. */
double mwn_simd_fma_avx512(size_t rounds);
double mwn_simd_fma_avx2(size_t rounds);

#endif
