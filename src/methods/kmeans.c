/* kmeans.c - clusters by k-means. */
#include "methods/kmeans.h"

#include "tensor/dense.h"

enum { ROUNDS_MAX = 1000 };

/* Each point to its centre; whether one changed. */
static bool assign(size_t n, size_t dims, const double *point, size_t k,
                   const double *centre, int32_t *cluster)
{
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        int32_t best = 0;
        double least = mwn_dense_square_distance(dims, point + i * dims, centre);
        for (size_t j = 1; j < k; j++) {
            double d = mwn_dense_square_distance(dims, point + i * dims, centre + j * dims);
            best = d < least ? (int32_t)j : best;
            least = d < least ? d : least;
        }
        changed = changed || cluster[i] != best;
        cluster[i] = best;
    }
    return changed;
}

/* A centre to the mean of its points. */
static void move_centre(size_t n, size_t dims, const double *point, const int32_t *cluster,
                        int32_t j, double *centre)
{
    double members = 0;
    for (size_t i = 0; i < n; i++)
        members += cluster[i] == j;
    for (size_t f = 0; f < dims && members > 0; f++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += cluster[i] == j ? point[i * dims + f] : 0;
        centre[f] = sum / members;
    }
}

void mwn_kmeans(size_t n, size_t dims, const double *point, size_t k, double *centre,
                int32_t *cluster)
{
    for (size_t i = 0; i < n; i++)
        cluster[i] = -1;
    for (int r = 0; r < ROUNDS_MAX && assign(n, dims, point, k, centre, cluster); r++)
        for (size_t j = 0; j < k; j++)
            move_centre(n, dims, point, cluster, (int32_t)j, centre + j * dims);
}
