/* peak.c - measures the FMA peak. */
#include "nn/peak.h"

#include "base/clock.h"
#include "nn/simd.h"

#include <omp.h>

static double run_all(const struct mwn_simd *set, int threads, size_t rounds)
{
    double flops = 0;
#pragma omp parallel num_threads(threads) reduction(+ : flops)
    flops += set->peak(rounds);
    return flops;
}

double mwn_peak_measure(const char *backend, enum mwn_precision precision, int threads,
                        double seconds)
{
    const struct mwn_simd *set = mwn_simd_named(backend, precision);
    double best = 0, end = mwn_clock_now() + seconds;
    while (set && mwn_clock_now() < end) {
        double start = mwn_clock_now();
        double flops = run_all(set, threads, 1 << 20);
        double rate = flops / (mwn_clock_now() - start) / 1e9;
        if (rate > best)
            best = rate;
    }
    return best;
}
