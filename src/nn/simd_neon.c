/* simd_neon.c - the vector kernels for NEON, Arm's vectors of 128 bits: blocks of 4 channels,
 * activations float. */
#include "nn/simd.h"

#include <arm_neon.h>

enum { B = 4 };
typedef float vf __attribute__((vector_size(16), aligned(16)));
typedef int32_t vi __attribute__((vector_size(16), aligned(16)));

static inline vf v_zero(void)
{
    return (vf)vdupq_n_f32(0);
}

/* g where m > 0, else 0. */
static inline vf v_where(vf m, vf g)
{
    return (vf)vandq_u32(vcgtzq_f32((float32x4_t)m), (uint32x4_t)g);
}

/* max(v, 0), and NaN for NaN. */
static inline vf v_relu(vf v)
{
    return (vf)vmaxq_f32((float32x4_t)v, vdupq_n_f32(0));
}

static inline vf v_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

#include "nn/simd_f32.inc"

static inline vf v_tap(const st *at)
{
    return (vf)vdupq_n_f32(*at);
}

/* Turns a 4 x 4 matrix around. */
static inline void transpose(vf r[B])
{
    const float64x2_t a = (float64x2_t)vtrn1q_f32((float32x4_t)r[0], (float32x4_t)r[1]);
    const float64x2_t b = (float64x2_t)vtrn2q_f32((float32x4_t)r[0], (float32x4_t)r[1]);
    const float64x2_t c = (float64x2_t)vtrn1q_f32((float32x4_t)r[2], (float32x4_t)r[3]);
    const float64x2_t d = (float64x2_t)vtrn2q_f32((float32x4_t)r[2], (float32x4_t)r[3]);
    r[0] = (vf)vtrn1q_f64(a, c);
    r[1] = (vf)vtrn1q_f64(b, d);
    r[2] = (vf)vtrn2q_f64(a, c);
    r[3] = (vf)vtrn2q_f64(b, d);
}

/* There are 32 registers, as with AVX-512: tiles are of its sizes. */
enum { ROWS = 12 };
#define MANY_ROWS 1

enum { PIECE = 4 };
#define CHANNELS(X) X(0) X(1) X(2) X(3)

enum { SPARE1 = 0 };
#define PIXELS1(X) X(14) X(8) X(7) X(4) X(2) X(1)

enum { MULTIPLY_MOST = 12 };
#define MULTIPLY_COUNTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#include "nn/simd_kernels.inc"
#include "nn/simd_conv_input.inc"
#include "nn/simd_linear.inc"
#include "nn/simd_conv.inc"
#include "nn/simd_conv_gradient_f32.inc"
#include "nn/simd_conv3_stride2.inc"
#include "nn/simd_conv1.inc"
#include "nn/simd_conv3_winograd.inc"
#include "nn/simd_conv_any.inc"

#define CONV_KINDS &conv3_winograd, &conv3_stride2, &conv1, &conv_any
#include "nn/simd_conv_passes.inc"

#define SIMD_SET  mwn_simd_neon
#define SIMD_ISA  "neon"
#define SIMD_CONV &conv
#include "nn/simd_set.inc"
