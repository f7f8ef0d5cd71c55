/* interval.h - means, deviations and 95 % intervals of a few runs. */
#ifndef MWN_TABLES_INTERVAL_H
#define MWN_TABLES_INTERVAL_H

#include "base/base.h"

/* Some numbers; the deviation is NaN for less than two, the mean for none. */
struct mwn_stat {
    size_t n;
    double mean, sd;
};

/* Of those of value[n] that are not NaN. */
struct mwn_stat mwn_stat_of(const double *value, size_t n);

/* The 97.5 % quantile of Student's t, to three digits; df may be infinite. */
double mwn_t_quantile(double df);

/* What a mean is worth: its variance, and how many degrees of freedom that one has. */
struct mwn_spread {
    double variance, df;
};

/* Of the mean of some runs. With one run, that of a share of `tested` samples, in percent: what
 * the test set alone makes of it. */
struct mwn_spread mwn_spread_of(const struct mwn_stat *stat, double tested);

/* A difference and its 95 % interval. */
struct mwn_span {
    bool given;
    double value, low, high;
};

/* Welch's interval of a - b. */
struct mwn_span mwn_span_of(double difference, struct mwn_spread a, struct mwn_spread b);

#endif
