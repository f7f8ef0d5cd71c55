/* clock.h - monotonic time. */
#ifndef MWN_BASE_CLOCK_H
#define MWN_BASE_CLOCK_H

/* Seconds since some fixed point; never goes back. */
double mwn_clock_now(void);

#endif
