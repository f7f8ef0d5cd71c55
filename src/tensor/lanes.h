/* lanes.h - eight sums side by side, which the vector unit takes two at a time, and the fixed
 * order in which they become one. In pairs by name, since an array of sums is kept in memory by
 * some compilers, and each step then waits for the one before. */
#ifndef MWN_TENSOR_LANES_H
#define MWN_TENSOR_LANES_H

#include <string.h>

enum { MWN_LANES = 8 };

typedef double mwn_pair __attribute__((vector_size(16)));

struct mwn_lanes {
    mwn_pair s01, s23, s45, s67;
};

static inline mwn_pair mwn_pair_of(const double *x)
{
    mwn_pair pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

static inline double mwn_lanes_total(const struct mwn_lanes *lanes)
{
    mwn_pair total = (lanes->s01 + lanes->s45) + (lanes->s23 + lanes->s67);
    return total[0] + total[1];
}

#endif
