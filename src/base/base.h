/* base.h - what every source file includes first: the public types and small macros. */
#ifndef MWN_BASE_H
#define MWN_BASE_H

#include "mwnet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MWN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Runs a call that returns mwn_status in a function that has `mwn_status status` and a label
 * `out`, and leaves by that label unless it returned MWN_OK. */
#define MWN_TRY(call)                                                                      \
    do {                                                                                   \
        status = (call);                                                                   \
        if (status != MWN_OK)                                                              \
            goto out;                                                                      \
    } while (0)

#endif
