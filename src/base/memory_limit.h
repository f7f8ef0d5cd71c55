/* memory_limit.h - how much memory the system lets this process have. */
#ifndef MWN_BASE_MEMORY_LIMIT_H
#define MWN_BASE_MEMORY_LIMIT_H

#include "base/base.h"

/* Bytes: the machine's memory, or less where a control group (v1 or v2, any of those above the
 * process's own too) sets a limit. SIZE_MAX if nothing is known. `root` comes before /proc and
 * /sys: "" but in tests. */
size_t mwn_memory_limit(const char *root);

#endif
