/* kmeans.h - clusters by k-means, for methods that treat like things alike. */
#ifndef MWN_METHODS_KMEANS_H
#define MWN_METHODS_KMEANS_H

#include "base/base.h"

/* Lloyd's rounds from the given centres, until nothing changes or a thousand are over:
 * point[n][dims], centre[k][dims] in and out, cluster[n] out. A point goes to the nearest centre,
 * the first one of several; a centre without points stays. n, dims, k > 0. */
void mwn_kmeans(size_t n, size_t dims, const double *point, size_t k, double *centre,
                int32_t *cluster);

#endif
