/* clock.c - monotonic time. */
#include "base/clock.h"

#include <time.h>

double mwn_clock_now(void)
{
    struct timespec now = {0};
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0.0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
