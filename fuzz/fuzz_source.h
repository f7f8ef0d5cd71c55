/* fuzz_source.h - opens what a target asks for: it is used, or there is an error that says why. */
#ifndef MWN_FUZZ_SOURCE_H
#define MWN_FUZZ_SOURCE_H

#include "data/reader.h"

#include <stdlib.h>

static inline void read_source(const struct mwn_request *request,
                               void (*use)(const struct mwn_source *source))
{
    struct mwn_source source;
    struct mwn_error err = {0};
    if (mwn_source_open(&source, request, &err) == MWN_OK)
        use(&source);
    else if (err.status == MWN_OK || err.text[0] == '\0')
        abort();
    mwn_source_close(&source);
}

#endif
