/* imbalance.c - class sizes of a long tail. */
#include "base/base.h"
#include "data/split.h"

#include <math.h>

void mwn_imbalance_sizes(size_t n_max, double factor, int classes, size_t *out)
{
    for (int c = 0; c < classes; c++) {
        double place = classes > 1 ? (double)c / (classes - 1.0) : 0;
        out[c] = (size_t)((double)n_max * pow(1 / factor, place));
    }
}
