/* simd_avx512.c - the vector kernels for AVX-512: blocks of 16 channels, activations float. */
#include "nn/simd_avx512.inc"

#include "nn/simd_f32.inc"

static inline vf v_tap(const st *at)
{
    return (vf)_mm512_set1_ps(*at);
}

#include "nn/simd_kernels.inc"
#include "nn/simd_conv_input.inc"
#include "nn/simd_linear.inc"
#include "nn/simd_conv.inc"
#include "nn/simd_conv_gradient_f32.inc"
#include "nn/simd_conv3.inc"
#include "nn/simd_conv3_stride2.inc"
#include "nn/simd_conv1.inc"

#define CONV_KINDS &conv3, &conv3_stride2, &conv1
#include "nn/simd_conv_passes.inc"

#define SIMD_SET  mwn_simd_avx512
#define SIMD_ISA  "avx512"
#define SIMD_CONV &conv
#include "nn/simd_set.inc"
