/* simd_avx512.h - vectors of 16 floats, for the two sets of kernels that use AVX-512. */
#ifndef MWN_NN_SIMD_AVX512_H
#define MWN_NN_SIMD_AVX512_H

#include "nn/simd.h"

#include <immintrin.h>

enum { B = 16 };
typedef float vf __attribute__((vector_size(64), aligned(64)));
typedef int32_t vi __attribute__((vector_size(64), aligned(64)));

static inline vf v_zero(void)
{
    return (vf)_mm512_setzero_ps();
}

/* g where m > 0, else 0. */
static inline vf v_where(vf m, vf g)
{
    __mmask16 k = _mm512_cmp_ps_mask((__m512)m, _mm512_setzero_ps(), _CMP_GT_OQ);
    return (vf)_mm512_maskz_mov_ps(k, (__m512)g);
}

/* max(v, 0), and NaN for NaN. */
static inline vf v_relu(vf v)
{
    return (vf)_mm512_max_ps(_mm512_setzero_ps(), (__m512)v);
}

static inline vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

#endif
