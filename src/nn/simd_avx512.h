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

/* Turns a 16 x 16 matrix around. */
static inline void transpose(vf r[B])
{
    __m512 a[B], b[B];
    for (int i = 0; i < B; i += 2) {
        a[i] = _mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
    }
    for (int i = 0; i < B; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d lo = _mm512_castps_pd(a[i + j]), hi = _mm512_castps_pd(a[i + 2 + j]);
            b[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(lo, hi));
            b[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(lo, hi));
        }
    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_shuffle_f32x4(b[i], b[4 + i], 0x88);
        a[4 + i] = _mm512_shuffle_f32x4(b[i], b[4 + i], 0xdd);
        a[8 + i] = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0x88);
        a[12 + i] = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = (vf)_mm512_shuffle_f32x4(a[i], a[8 + i], 0x88);
        r[4 + i] = (vf)_mm512_shuffle_f32x4(a[4 + i], a[12 + i], 0x88);
        r[8 + i] = (vf)_mm512_shuffle_f32x4(a[i], a[8 + i], 0xdd);
        r[12 + i] = (vf)_mm512_shuffle_f32x4(a[4 + i], a[12 + i], 0xdd);
    }
}

/* Samples, or inputs, of a tile of a linear layer. */
enum { ROWS = 12 };
#define MANY_ROWS 1

#endif
