/* interval.c - means, deviations and 95 % intervals of a few runs.
 *
 * The difference of two means with variances v1, v2 on f1, f2 degrees of freedom has the interval
 * +- t sqrt(v1 + v2), t being Student's quantile at (v1 + v2)^2 / (v1^2/f1 + v2^2/f2) degrees
 * (Welch 1947, Satterthwaite 1946). */
#include "tables/interval.h"

#include <math.h>

struct mwn_stat mwn_stat_of(const double *value, size_t n)
{
    struct mwn_stat stat = {0, 0, 0};
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i]))
            continue;
        stat.n++;
        stat.mean += value[i];
    }
    stat.mean = stat.n ? stat.mean / (double)stat.n : (double)NAN;
    for (size_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            squares += (value[i] - stat.mean) * (value[i] - stat.mean);
    stat.sd = stat.n > 1 ? sqrt(squares / (double)(stat.n - 1)) : (double)NAN;
    return stat;
}

double mwn_t_quantile(double df)
{
    static const struct {
        double df, t;
    } table[] = {
        {1, 12.706},  {1.1, 10.277}, {1.25, 8.028}, {1.5, 6.017}, {1.75, 4.949},
        {2, 4.303},   {2.5, 3.575},  {3, 3.182},    {4, 2.776},   {5, 2.571},
        {6, 2.447},   {7, 2.365},    {8, 2.306},    {9, 2.262},   {10, 2.228},
        {12, 2.179},  {15, 2.131},   {20, 2.086},   {30, 2.042},  {60, 2.000},
        {120, 1.980},
    };
    const size_t last = MWN_COUNT(table) - 1;
    const double limit = 1.960;
    if (!(df > table[0].df))
        return table[0].t;
    if (df >= table[last].df)
        return limit + (table[last].t - limit) * table[last].df / df;
    size_t i = 0;
    while (df > table[i + 1].df)
        i++;
    /* The quantile is nearly linear in 1/df. */
    double share = (1 / table[i].df - 1 / df) / (1 / table[i].df - 1 / table[i + 1].df);
    return table[i].t + share * (table[i + 1].t - table[i].t);
}

struct mwn_spread mwn_spread_of(const struct mwn_stat *stat, double tested)
{
    struct mwn_spread spread = {0, (double)INFINITY};
    double p = stat->mean / 100;
    if (stat->n > 1) {
        spread.variance = stat->sd * stat->sd / (double)stat->n;
        spread.df = (double)(stat->n - 1);
    } else if (tested > 0) {
        spread.variance = 1e4 * p * (1 - p) / tested;
    }
    return spread;
}

struct mwn_span mwn_span_of(double difference, struct mwn_spread a, struct mwn_spread b)
{
    double sum = a.variance + b.variance;
    double freedom = a.variance * a.variance / a.df + b.variance * b.variance / b.df;
    double t = mwn_t_quantile(freedom > 0 ? sum * sum / freedom : (double)INFINITY);
    double half = t * sqrt(sum);
    return (struct mwn_span){true, difference, difference - half, difference + half};
}
