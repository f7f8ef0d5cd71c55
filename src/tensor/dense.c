/* dense.c - small dense layers in double. Eight sums side by side, or four rows at once, so that
 * the vector unit has something to do; threads share the outputs out, never a sum. */
#include "tensor/dense.h"

#include "tensor/lanes.h"

#include <string.h>

/* Rows of a tile stay in the nearest cache while others go by. */
enum { PARALLEL_FROM = 1 << 16, TILE = 16 };

static inline void add_products(struct mwn_lanes *s, const double *a, const double *b)
{
    s->s01 += mwn_pair_of(a) * mwn_pair_of(b);
    s->s23 += mwn_pair_of(a + 2) * mwn_pair_of(b + 2);
    s->s45 += mwn_pair_of(a + 4) * mwn_pair_of(b + 4);
    s->s67 += mwn_pair_of(a + 6) * mwn_pair_of(b + 6);
}

double mwn_dense_dot(size_t n, const double *a, const double *b)
{
    struct mwn_lanes sum = {0};
    double a_rest[MWN_LANES] = {0}, b_rest[MWN_LANES] = {0};
    size_t i = 0;
    for (; i + MWN_LANES <= n; i += MWN_LANES)
        add_products(&sum, a + i, b + i);
    if (i < n) {
        memcpy(a_rest, a + i, (n - i) * sizeof *a);
        memcpy(b_rest, b + i, (n - i) * sizeof *b);
        add_products(&sum, a_rest, b_rest);
    }
    return mwn_lanes_total(&sum);
}

double mwn_dense_square_distance(size_t n, const double *a, const double *b)
{
    struct mwn_lanes sum = {0};
    double rest[MWN_LANES] = {0};
    size_t i = 0;
    for (; i + MWN_LANES <= n; i += MWN_LANES) {
        double by[MWN_LANES];
        for (size_t j = 0; j < MWN_LANES; j++)
            by[j] = a[i + j] - b[i + j];
        add_products(&sum, by, by);
    }
    for (size_t j = 0; i + j < n; j++)
        rest[j] = a[i + j] - b[i + j];
    add_products(&sum, rest, rest);
    return mwn_lanes_total(&sum);
}

static size_t tiles_of(size_t rows)
{
    return rows / TILE + (rows % TILE != 0);
}

/* Where tile t ends. */
static size_t tile_end(size_t t, size_t rows)
{
    return rows < (t + 1) * TILE ? rows : (t + 1) * TILE;
}

void mwn_dense_forward(const struct mwn_dense *layer, size_t n, const double *x, double *y)
{
    size_t in = layer->in, out = layer->out;
#pragma omp parallel for schedule(static) if (n * in * out >= PARALLEL_FROM)
    for (size_t t = 0; t < tiles_of(n); t++)
        for (size_t o = 0; o < out; o++)
            for (size_t i = t * TILE; i < tile_end(t, n); i++)
                y[i * out + o] =
                    mwn_dense_dot(in, layer->w + o * in, x + i * in) + layer->b[o];
}

/* Rows of a matrix, each with its factor; the factors are `every` apart. */
struct rows {
    size_t count, width, every;
    const double *row, *factor;
};

/* out[width] += sum_k factor_k row_k. */
static void add_rows(const struct rows *r, double *restrict out)
{
    size_t width = r->width, k = 0;
    for (; k + 4 <= r->count; k += 4) {
        const double *x = r->row + k * width, *f = r->factor + k * r->every;
        double f0 = f[0], f1 = f[r->every], f2 = f[2 * r->every], f3 = f[3 * r->every];
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            out[j] += (f0 * x[j] + f1 * x[width + j]) +
                      (f2 * x[2 * width + j] + f3 * x[3 * width + j]);
    }
    for (; k < r->count; k++) {
        const double *x = r->row + k * width;
        double f = r->factor[k * r->every];
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            out[j] += f * x[j];
    }
}

/* to[m][width] += factor[m][count] row[count][width], where a row's factors are m_every apart and
 * those of one sum k_every; tile by tile of the rows for a tile of the sums. */
struct product {
    size_t m, count, width, m_every, k_every;
    const double *factor, *row;
    double *to;
};

static void add_product(const struct product *p)
{
#pragma omp parallel for schedule(static) if (p->m * p->count * p->width >= PARALLEL_FROM)
    for (size_t t = 0; t < tiles_of(p->m); t++)
        for (size_t k = 0; k < tiles_of(p->count); k++)
            for (size_t i = t * TILE; i < tile_end(t, p->m); i++) {
                const double *factor = p->factor + i * p->m_every + k * TILE * p->k_every;
                size_t count = tile_end(k, p->count) - k * TILE;
                const struct rows rows = {count, p->width, p->k_every,
                                          p->row + k * TILE * p->width, factor};
                add_rows(&rows, p->to + i * p->width);
            }
}

void mwn_dense_backward(const struct mwn_dense *layer, size_t n, const double *x,
                        const double *dy, double *dw, double *dx)
{
    size_t in = layer->in, out = layer->out;
    memset(dx, 0, n * in * sizeof *dx);
    add_product(&(struct product){out, n, in, 1, out, dy, x, dw});
    add_product(&(struct product){n, out, in, out, 1, dy, layer->w, dx});
}
