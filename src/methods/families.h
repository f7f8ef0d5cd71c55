/* families.h - families of classes of like size, for weight nets with a head for each. */
#ifndef MWN_METHODS_FAMILIES_H
#define MWN_METHODS_FAMILIES_H

#include "base/base.h"

enum { MWN_FAMILIES_MAX = 16 };

/* family[classes] by k-means on the classes' sizes count[classes], whose k <= MWN_FAMILIES_MAX centres
 * begin evenly spaced from the smallest to the largest; numbered from small classes to large ones
 * without gaps. Returns how many there are. */
size_t mwn_families_cluster(size_t classes, const double *count, size_t k, int32_t *family);

#endif
