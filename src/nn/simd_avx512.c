/* simd_avx512.c - the vector kernels for AVX-512: blocks of 16 channels, activations float. */
#include "nn/simd_avx512.inc"

typedef float st;
typedef vf vs;

static inline float s_get(st v)
{
    return v;
}

static inline st s_put(float v)
{
    return v;
}

static inline vf v_get(const vs *at)
{
    return *at;
}

static inline void v_put(vs *at, vf v)
{
    *at = v;
}

/* A tap of a convolution takes one channel of an input pixel. */
enum { TAP = 1 };

static inline vf v_tap(const st *at)
{
    return (vf)_mm512_set1_ps(*at);
}

static inline vf v_dot(vf w, vf x, vf sum)
{
    return v_fma(w, x, sum);
}

/* Packs 16 rows of a weight, one an input channel. */
static inline void store_taps(const vf r[B], vf *to)
{
    for (int t = 0; t < B; t++)
        to[t] = r[t];
}

#include "nn/simd_kernels.inc"
#include "nn/simd_conv_input.inc"
#include "nn/simd_linear.inc"
#include "nn/simd_conv3.inc"
#include "nn/simd_conv3_weights_f32.inc"
#include "nn/simd_conv3_weights.inc"

static const struct mwn_conv3 conv3 = {
    .fits = conv3_fits,
    .work_size = conv3_work,
    .forward = conv3_forward,
    .jvp = conv3_jvp,
    .input_gradient = conv3_input_gradient,
    .weight_gradient = conv3_weight_gradient,
};

#define SIMD_SET   mwn_simd_avx512
#define SIMD_CONV3 &conv3
#include "nn/simd_set.inc"
