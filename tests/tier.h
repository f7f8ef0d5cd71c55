/* tier.h - what a test leaves for ./dev test full, which takes minutes. */
#ifndef MWN_TESTS_TIER_H
#define MWN_TESTS_TIER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether this is ./dev test fast; a program called by itself tests everything. */
static inline bool tier_is_fast(void)
{
    const char *tier = getenv("MWNET_TIER");
    return tier && strcmp(tier, "fast") == 0;
}

#endif
