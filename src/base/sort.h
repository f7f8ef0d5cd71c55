/* sort.h - numbers in order, and the one in their middle. */
#ifndef MWN_BASE_SORT_H
#define MWN_BASE_SORT_H

#include "base/base.h"

/* In rising order. No value may be NaN. */
void mwn_sort(size_t n, double *value);

/* Sorts them, and returns the median: NaN of none. */
double mwn_median(size_t n, double *value);

#endif
