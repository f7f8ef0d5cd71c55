/* vec.c - operations on flat parameter vectors of float or double. Long vectors are shared
 * among the threads; results do not depend on how many there are. */
#include "tensor/vec.h"

#include "tensor/dense.h"
#include "tensor/lanes.h"

#include <string.h>

/* From this length on the threads' help pays for waking them. */
#define PARALLEL_FROM ((size_t)65536)

size_t mwn_dtype_size(enum mwn_dtype dtype)
{
    return dtype == MWN_F64 ? sizeof(double) : sizeof(float);
}

void mwn_vec_add(enum mwn_dtype dtype, size_t n, const void *x, double a, const void *y,
                 void *out)
{
    if (dtype == MWN_F64) {
        const double *xs = x, *ys = y;
        double *to = out;
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
        for (size_t i = 0; i < n; i++)
            to[i] = xs[i] + a * ys[i];
    } else {
        const float *xs = x, *ys = y, factor = (float)a;
        float *to = out;
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
        for (size_t i = 0; i < n; i++)
            to[i] = xs[i] + factor * ys[i];
    }
}

void mwn_vec_copy(enum mwn_dtype dtype, size_t n, const void *x, void *out)
{
    if (n == 0 || x == out)
        return;
    size_t block = PARALLEL_FROM * mwn_dtype_size(dtype);
    size_t bytes = n * mwn_dtype_size(dtype), blocks = (bytes + block - 1) / block;
#pragma omp parallel for schedule(static) if (n >= PARALLEL_FROM)
    for (size_t i = 0; i < blocks; i++) {
        size_t start = i * block, size = bytes - start < block ? bytes - start : block;
        memcpy((unsigned char *)out + start, (const unsigned char *)x + start, size);
    }
}

/* ---- Sums in a fixed order ---------------------------------------------------------- */

/* A sum is made of blocks, a block of interleaved sums: the vector unit computes those, the threads
 * the blocks of a group, and the order of adding is fixed. */
enum { BLOCK = 4096, GROUP = 4096 };

static inline mwn_pair pair_of_floats(const float *x)
{
    return (mwn_pair){(double)x[0], (double)x[1]};
}

static inline void add_products(struct mwn_lanes *s, const float *x, const float *y)
{
    s->s01 += pair_of_floats(x) * pair_of_floats(y);
    s->s23 += pair_of_floats(x + 2) * pair_of_floats(y + 2);
    s->s45 += pair_of_floats(x + 4) * pair_of_floats(y + 4);
    s->s67 += pair_of_floats(x + 6) * pair_of_floats(y + 6);
}

static double dot_f32(size_t n, const float *x, const float *y)
{
    struct mwn_lanes sum = {0};
    float x_rest[MWN_LANES] = {0}, y_rest[MWN_LANES] = {0};
    size_t i = 0;
    for (; i + MWN_LANES <= n; i += MWN_LANES)
        add_products(&sum, x + i, y + i);
    if (i < n) {
        memcpy(x_rest, x + i, (n - i) * sizeof *x);
        memcpy(y_rest, y + i, (n - i) * sizeof *y);
        add_products(&sum, x_rest, y_rest);
    }
    return mwn_lanes_total(&sum);
}

double mwn_vec_dot(enum mwn_dtype dtype, size_t n, const void *x, const void *y)
{
    size_t blocks = n / BLOCK + (n % BLOCK != 0);
    double total = 0.0, sum[GROUP];
    for (size_t first = 0; first < blocks; first += GROUP) {
        size_t count = blocks - first < GROUP ? blocks - first : GROUP;
#pragma omp parallel for schedule(static) if (n >= PARALLEL_FROM)
        for (size_t i = 0; i < count; i++) {
            size_t start = (first + i) * BLOCK,
                   size = n - start < BLOCK ? n - start : BLOCK;
            sum[i] = dtype == MWN_F64 ? mwn_dense_dot(size, (const double *)x + start,
                                                      (const double *)y + start)
                                      : dot_f32(size, (const float *)x + start,
                                                (const float *)y + start);
        }
        for (size_t i = 0; i < count; i++)
            total += sum[i];
    }
    return total;
}

/* ---- Checks and conversions --------------------------------------------------------- */

bool mwn_vec_is_finite(enum mwn_dtype dtype, size_t n, const void *x)
{
    /* x - x is zero for finite numbers and NaN for all others. */
    unsigned bad = 0;
    size_t blocks = n / BLOCK + (n % BLOCK != 0);
#pragma omp parallel for schedule(static) reduction(| : bad) if (n >= PARALLEL_FROM)
    for (size_t b = 0; b < blocks; b++) {
        size_t start = b * BLOCK, end = n - start < BLOCK ? n : start + BLOCK;
        unsigned found = 0;
        if (dtype == MWN_F64) {
            const double *xs = x;
            for (size_t i = start; i < end; i++)
                found |= !(xs[i] - xs[i] <= 0.0);
        } else {
            const float *xs = x;
            for (size_t i = start; i < end; i++)
                found |= !(xs[i] - xs[i] <= 0.0F);
        }
        bad |= found;
    }
    return bad == 0;
}

void mwn_vec_to_double(enum mwn_dtype dtype, size_t n, const void *x, double *out)
{
    if (dtype == MWN_F64) {
        mwn_vec_copy(MWN_F64, n, x, out);
        return;
    }
    const float *xs = x;
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
    for (size_t i = 0; i < n; i++)
        out[i] = (double)xs[i];
}

void mwn_vec_from_double(enum mwn_dtype dtype, size_t n, const double *x, void *out)
{
    if (dtype == MWN_F64) {
        mwn_vec_copy(MWN_F64, n, x, out);
        return;
    }
    float *to = out;
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
    for (size_t i = 0; i < n; i++)
        to[i] = (float)x[i];
}

void mwn_vec_add_double(enum mwn_dtype dtype, size_t n, const double *x, void *out)
{
    if (dtype == MWN_F64) {
        mwn_vec_add(MWN_F64, n, out, 1, x, out);
        return;
    }
    float *to = out;
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
    for (size_t i = 0; i < n; i++)
        to[i] = (float)((double)to[i] + x[i]);
}
