/* bench_count.h - counts on the command lines of the bench programs. */
#ifndef MWN_BENCH_COUNT_H
#define MWN_BENCH_COUNT_H

#include "base/status.h"

#include <errno.h>
#include <stdlib.h>

/* A count from `least` to `most` in argument `what`. */
static inline mwn_status bench_count_from(int *out, const char *text, int least, int most,
                                          const char *what, struct mwn_error *err)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        return mwn_fail(err, MWN_ERR_CONFIG, "%s: '%s' is not a number from %d to %d", what,
                        text, least, most);
    *out = (int)value;
    return MWN_OK;
}

static inline mwn_status bench_count(int *out, const char *text, int most, const char *what,
                                     struct mwn_error *err)
{
    return bench_count_from(out, text, 1, most, what, err);
}

#endif
