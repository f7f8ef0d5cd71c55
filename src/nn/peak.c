/* peak.c - measures the FMA peak. */
#include "nn/peak.h"

#include "base/clock.h"
#include "nn/simd.h"

#include <omp.h>
#include <string.h>

#ifdef MWN_HAVE_DNNL

typedef double fma_fn(size_t rounds);

static double run_all(fma_fn *run, int threads, size_t rounds)
{
    double flops = 0;
#    pragma omp parallel num_threads(threads) reduction(+ : flops)
    flops += run(rounds);
    return flops;
}

double mwn_peak_measure(const char *backend, enum mwn_precision precision, int threads,
                        double seconds)
{
    fma_fn *run = NULL;
    if (strstr(backend, "avx512"))
        run = precision == MWN_PRECISION_BF16 ? mwn_simd_avx512_bf16.peak
                                              : mwn_simd_avx512.peak;
    else if (strstr(backend, "avx2"))
        run = mwn_simd_avx2.peak;
    double best = 0, end = mwn_clock_now() + seconds;
    while (run && mwn_clock_now() < end) {
        double start = mwn_clock_now();
        double flops = run_all(run, threads, 1 << 20);
        double rate = flops / (mwn_clock_now() - start) / 1e9;
        if (rate > best)
            best = rate;
    }
    return best;
}

#else

double mwn_peak_measure(const char *backend, enum mwn_precision precision, int threads,
                        double seconds)
{
    (void)backend;
    (void)precision;
    (void)threads;
    (void)seconds;
    return 0;
}

#endif
