/* dense.h - small dense layers in double: what the methods' own networks, noise layers and
 * distances are made of. Sums are in a fixed order that does not depend on the number of
 * threads, and of the same bytes on all processors of one architecture. */
#ifndef MWN_TENSOR_DENSE_H
#define MWN_TENSOR_DENSE_H

#include "base/base.h"

double mwn_dense_dot(size_t n, const double *a, const double *b);
/* |a - b|^2. */
double mwn_dense_square_distance(size_t n, const double *a, const double *b);

/* y[out] = W x[in] + b; both borrowed. */
struct mwn_dense {
    size_t in, out;
    const double *w, *b; /* [out][in], [out] */
};

/* y[n][out] of x[n][in]. */
void mwn_dense_forward(const struct mwn_dense *layer, size_t n, const double *x, double *y);
/* For dy[n][out], the derivatives by y: adds those by W to dw, and sets dx[n][in]. That by b is the
 * sum of the rows of dy. */
void mwn_dense_backward(const struct mwn_dense *layer, size_t n, const double *x,
                        const double *dy, double *dw, double *dx);

#endif
