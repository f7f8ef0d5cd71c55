/* families.c - families of classes of like size, for weight nets with a head for each. */
#include "methods/families.h"
#include "methods/kmeans.h"

#include <math.h>

size_t mwn_families_cluster(size_t classes, const double *count, size_t k, int32_t *family)
{
    double centre[MWN_FAMILIES_MAX], low = count[0], high = count[0];
    int32_t number[MWN_FAMILIES_MAX] = {0}, used = 0;
    for (size_t c = 0; c < classes; c++) {
        low = fmin(low, count[c]);
        high = fmax(high, count[c]);
    }
    for (size_t j = 0; j < k; j++)
        centre[j] = k > 1 ? low + (high - low) * (double)j / (double)(k - 1) : low;
    mwn_kmeans(classes, 1, count, k, centre, family);
    for (size_t j = 0; j < k; j++) {
        bool any = false;
        for (size_t c = 0; c < classes; c++)
            any = any || family[c] == (int32_t)j;
        number[j] = used;
        used += any;
    }
    for (size_t c = 0; c < classes; c++)
        family[c] = number[family[c]];
    return (size_t)used;
}
