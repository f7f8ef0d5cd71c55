/* weighting.c - coefficients c_i of the weights V_i and their gradient.
 *
 *   mean          dc_i/dV_i = 1/n                   dv_i = scale d_i / n
 *   sum           dc_i/dV_k = (1[i=k] - c_i) / S    dv_i = scale (d_i - D) / S, D = sum c_i d_i
 *   sum_detached  dc_i/dV_i = 1/S                   dv_i = scale d_i / S
 */
#include "engine/weighting.h"

static double total(size_t n, const double *v)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

/* What V is divided by. */
static double divisor(enum mwn_weighting form, size_t n, const double *v)
{
    if (form == MWN_WEIGHTING_MEAN)
        return (double)n;
    double sum = total(n, v);
    return sum > 0 ? sum : 1;
}

void mwn_weighting_coef(enum mwn_weighting form, size_t n, const double *v, double *coef)
{
    double by = divisor(form, n, v);
    for (size_t i = 0; i < n; i++)
        coef[i] = v[i] / by;
}

void mwn_weighting_gradient(enum mwn_weighting form, size_t n, const double *v,
                            const double *d, double scale, double *dv)
{
    double by = divisor(form, n, v), centre = 0;
    if (form == MWN_WEIGHTING_SUM)
        for (size_t i = 0; i < n; i++)
            centre += v[i] * d[i] / by;
    for (size_t i = 0; i < n; i++)
        dv[i] = scale * (d[i] - centre) / by;
}
