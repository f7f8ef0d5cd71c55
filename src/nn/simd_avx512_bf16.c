/* simd_avx512_bf16.c - the vector kernels for AVX-512 with bfloat16 (Cooper Lake, Zen 4 and
 * later): blocks of 16 channels, activations bfloat16, sums float. */
#include "nn/simd_avx512.inc"

#include <string.h>

typedef uint16_t st;
typedef uint16_t vs __attribute__((vector_size(32), aligned(32)));

static inline float s_get(st v)
{
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To the nearest, ties to even; NaN stays NaN. */
static inline st s_put(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (st)(v == v ? rounded : (bits >> 16 | 0x40));
}

static inline vf v_get(const vs *at)
{
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)*at), 16);
}

static inline void v_put(vs *at, vf v)
{
    *at = (vs)_mm512_cvtneps_pbh((__m512)v);
}

/* A tap of a convolution takes two channels of an input pixel. */
enum { TAP = 2 };

/* Written out, since compilers like to go through a general register, which is slower. */
static inline vf v_tap(const st *at)
{
    typedef int32_t pair __attribute__((may_alias, aligned(2)));
    vf all;
    __asm__("vpbroadcastd %1, %0" : "=v"(all) : "m"(*(const pair *)(const void *)at));
    return all;
}

static inline vf v_dot(vf w, vf x, vf sum)
{
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(__m512)w, (__m512bh)(__m512)x);
}

/* Packs 16 rows of a weight, one an input channel: rows 2t and 2t + 1 become the low and the
 * high halves of the lanes of vector t. */
static inline void store_taps(const vf r[B], vf *to)
{
    for (size_t t = 0; t < B / TAP; t++) {
        __m256i low = (__m256i)_mm512_cvtneps_pbh((__m512)r[2 * t]);
        __m256i high = (__m256i)_mm512_cvtneps_pbh((__m512)r[2 * t + 1]);
        __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16);
        to[t] = (vf)_mm512_or_si512(wide, _mm512_cvtepu16_epi32(low));
    }
}

#include "nn/simd_kernels.inc"
#include "nn/simd_conv_input.inc"
#include "nn/simd_linear.inc"
#include "nn/simd_conv.inc"
#include "nn/simd_conv_gradient_bf16.inc"
#include "nn/simd_conv3.inc"
#include "nn/simd_conv3_stride2.inc"
#include "nn/simd_conv1.inc"

#define CONV_KINDS &conv3, &conv3_stride2, &conv1
#include "nn/simd_conv_passes.inc"

#define SIMD_SET  mwn_simd_avx512_bf16
#define SIMD_ISA  "avx512"
#define SIMD_CONV &conv
#include "nn/simd_set.inc"
