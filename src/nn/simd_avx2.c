/* simd_avx2.c - the vector kernels for AVX2: blocks of 8 channels, activations float. */
#include "nn/simd.h"

#include <immintrin.h>
#include <string.h>

enum { B = 8 };
typedef float vf __attribute__((vector_size(32), aligned(32)));
typedef int32_t vi __attribute__((vector_size(32), aligned(32)));

static inline vf v_zero(void)
{
    return (vf)_mm256_setzero_ps();
}

/* g where m > 0, else 0. */
static inline vf v_where(vf m, vf g)
{
    __m256 k = _mm256_cmp_ps((__m256)m, _mm256_setzero_ps(), _CMP_GT_OQ);
    return (vf)_mm256_and_ps(k, (__m256)g);
}

/* max(v, 0), and NaN for NaN. */
static inline vf v_relu(vf v)
{
    return (vf)_mm256_max_ps(_mm256_setzero_ps(), (__m256)v);
}

static inline vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

#include "nn/simd_f32.inc"

static inline vf v_tap(const st *at)
{
    return (vf)_mm256_set1_ps(*at);
}

/* Turns an 8 x 8 matrix around. */
static inline void transpose(vf r[B])
{
    float turned[B][B];
    for (int i = 0; i < B; i++)
        for (int j = 0; j < B; j++)
            turned[j][i] = r[i][j];
    memcpy(r, turned, sizeof turned);
}

/* Samples, or inputs, of a tile of a linear layer. */
enum { ROWS = 4 };
#define MANY_ROWS 0

/* Channels whose sums are in registers at once, in the gradient of a convolution's weights. */
enum { PIECE = 4 };
#define CHANNELS(X) X(0) X(1) X(2) X(3)

/* Pixels of a tile of a 1x1 convolution, and whether oneDNN's are faster. */
enum { SPARE1 = 1 };
#define PIXELS1(X) X(6) X(4) X(2) X(1)

/* Sums in registers of a product in simd_conv3_winograd.inc, for each of two blocks. */
enum { MULTIPLY_MOST = 6 };
#define MULTIPLY_COUNTS(X) X(1) X(2) X(3) X(4) X(5) X(6)

#include "nn/simd_kernels.inc"
#include "nn/simd_conv_input.inc"
#include "nn/simd_linear.inc"
#include "nn/simd_conv.inc"
#include "nn/simd_conv_gradient_f32.inc"
#include "nn/simd_conv1.inc"
#include "nn/simd_conv3_winograd.inc"
#include "nn/simd_conv_any.inc"

#define CONV_KINDS &conv3_winograd, &conv1, &conv_any
#include "nn/simd_conv_passes.inc"

#define SIMD_SET  mwn_simd_avx2
#define SIMD_ISA  "avx2"
#define SIMD_CONV &conv
#include "nn/simd_set.inc"
