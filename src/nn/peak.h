/* peak.h - the machine's ceiling: how many multiply-adds it can do. */
#ifndef MWN_NN_PEAK_H
#define MWN_NN_PEAK_H

#include "nn/backend.h"

/* Floating-point operations a second of a loop of multiply-adds in registers on so many
 * threads, measured now for about `seconds`, in GFLOP/s; 0 where this build has no vector
 * kernels for the CPU. `backend` is a net's backend name. */
double mwn_peak_measure(const char *backend, enum mwn_precision precision, int threads,
                        double seconds);

#endif
