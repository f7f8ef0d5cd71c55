/* vec.h - what the bilevel core and the optimisers do with a flat parameter vector, for
 * float and for double. Sums are double and in a fixed order that does not depend on the
 * number of threads. */
#ifndef MWN_TENSOR_VEC_H
#define MWN_TENSOR_VEC_H

#include "base/base.h"

size_t mwn_dtype_size(enum mwn_dtype dtype);

/* out = x + a*y; out may be x. */
void mwn_vec_add(enum mwn_dtype dtype, size_t n, const void *x, double a, const void *y,
                 void *out);
void mwn_vec_copy(enum mwn_dtype dtype, size_t n, const void *x, void *out);
double mwn_vec_dot(enum mwn_dtype dtype, size_t n, const void *x, const void *y);
bool mwn_vec_is_finite(enum mwn_dtype dtype, size_t n, const void *x);
/* Between the type of a vector and double. */
void mwn_vec_to_double(enum mwn_dtype dtype, size_t n, const void *x, double *out);
void mwn_vec_from_double(enum mwn_dtype dtype, size_t n, const double *x, void *out);
/* out += x. */
void mwn_vec_add_double(enum mwn_dtype dtype, size_t n, const double *x, void *out);

#endif
