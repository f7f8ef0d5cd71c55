/* sort.c - numbers in order, and the one in their middle. */
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void mwn_sort(size_t n, double *value)
{
    if (n > 1)
        qsort(value, n, sizeof *value, by_value);
}

double mwn_median(size_t n, double *value)
{
    mwn_sort(n, value);
    return n > 0 ? (value[(n - 1) / 2] + value[n / 2]) / 2 : (double)NAN;
}
