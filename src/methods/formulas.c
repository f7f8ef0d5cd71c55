/* formulas.c - small formulas that several methods share. */
#include "methods/formulas.h"

#include "base/sort.h"

#include <math.h>
#include <string.h>

double mwn_focal_slope(double loss, double gamma)
{
    double p = exp(-loss), miss = -expm1(-loss);
    if (!(miss > 0)) /* l / (1 - p) goes to 1 */
        return gamma > 0 ? 0 : 1;
    return pow(miss, gamma) * (1 + gamma * p * loss / miss);
}

void mwn_effective_weights(size_t classes, const double *count, double beta, double *weight)
{
    double sum = 0, present = 0;
    for (size_t c = 0; c < classes; c++) {
        weight[c] = 0;
        if (!(count[c] > 0))
            continue;
        weight[c] = beta < 1 ? (1 - beta) / -expm1(count[c] * log(beta)) : 1 / count[c];
        sum += weight[c];
        present += 1;
    }
    for (size_t c = 0; c < classes; c++)
        weight[c] *= present / sum;
}

double mwn_quantile(size_t n, const double *value, double q, double *work)
{
    memcpy(work, value, n * sizeof *work);
    mwn_sort(n, work);
    double place = ceil(q * (double)n - 1e-9) - 1;
    size_t at = place > 0 ? (size_t)place : 0;
    return work[at < n ? at : n - 1];
}

size_t mwn_argmax(size_t n, const double *value)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        best = value[k] > value[best] ? k : best;
    return best;
}

void mwn_softmax(size_t n, const double *z, double *out)
{
    double top = z[mwn_argmax(n, z)], sum = 0;
    for (size_t k = 0; k < n; k++) {
        out[k] = exp(z[k] - top);
        sum += out[k];
    }
    for (size_t k = 0; k < n; k++)
        out[k] /= sum;
}

double mwn_local_dimension(size_t k, const double *distance)
{
    double sum = 0, most = distance[k - 1];
    if (!(most > 0) || !isfinite(most))
        return 0;
    for (size_t i = 0; i + 1 < k; i++)
        sum += log(distance[i] / most + 1e-8);
    return sum < -1e-12 ? -(double)k / sum : 0;
}

uint64_t mwn_last_epochs(uint64_t epochs, double share)
{
    uint64_t first = (uint64_t)ceil((double)epochs * (1 - share) - 1e-9);
    return first == epochs && epochs > 1 && share > 0 ? epochs - 1 : first;
}
