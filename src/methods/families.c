/* families.c - families of classes of like size, for weight nets with a head for each. */
#include "methods/families.h"

#include <math.h>

enum { ROUNDS_MAX = 1000 };

/* Each class to the nearest centre, the lower one if two are as near; whether one changed. */
static bool assign(size_t classes, const double *count, size_t k, const double *centre,
                   int32_t *family)
{
    bool changed = false;
    for (size_t c = 0; c < classes; c++) {
        int32_t best = 0;
        for (size_t j = 1; j < k; j++)
            if (fabs(count[c] - centre[j]) < fabs(count[c] - centre[best]))
                best = (int32_t)j;
        changed = changed || family[c] != best;
        family[c] = best;
    }
    return changed;
}

/* Centres to the means of their classes; those of none stay. */
static void move_centres(size_t classes, const double *count, size_t k, double *centre,
                         const int32_t *family)
{
    for (size_t j = 0; j < k; j++) {
        double sum = 0, members = 0;
        for (size_t c = 0; c < classes; c++) {
            sum += family[c] == (int32_t)j ? count[c] : 0;
            members += family[c] == (int32_t)j;
        }
        centre[j] = members > 0 ? sum / members : centre[j];
    }
}

size_t mwn_families_cluster(size_t classes, const double *count, size_t k, int32_t *family)
{
    double centre[MWN_FAMILIES_MAX], low = count[0], high = count[0];
    int32_t number[MWN_FAMILIES_MAX] = {0}, used = 0;
    for (size_t c = 0; c < classes; c++) {
        low = fmin(low, count[c]);
        high = fmax(high, count[c]);
        family[c] = -1;
    }
    for (size_t j = 0; j < k; j++)
        centre[j] = k > 1 ? low + (high - low) * (double)j / (double)(k - 1) : low;
    for (int i = 0; i < ROUNDS_MAX && assign(classes, count, k, centre, family); i++)
        move_centres(classes, count, k, centre, family);
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
