/* bench_run.h - what the bench programs share that measure on a run: its options from the
 * command line, and steps beyond the end of an epoch. */
#ifndef MWN_BENCH_RUN_H
#define MWN_BENCH_RUN_H

#include "bench_count.h"

#include "base/base.h"
#include "base/status.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

/* A recipe, and count settings KEY=VALUE on top of it. */
static inline mwn_status bench_configure(mwn_config *config, const char *recipe, int count,
                                         char *const *settings, struct mwn_error *err)
{
    mwn_status status = mwn_config_read(config, recipe, err);
    for (int i = 0; i < count && status == MWN_OK; i++) {
        char key[64];
        const char *value = strchr(settings[i], '=');
        if (!value || value - settings[i] >= (ptrdiff_t)sizeof key)
            return mwn_fail(err, MWN_ERR_CONFIG, "'%s' is not KEY=VALUE", settings[i]);
        snprintf(key, sizeof key, "%.*s", (int)(value - settings[i]), settings[i]);
        status = mwn_config_set(config, key, value + 1, err);
    }
    return status;
}

/* One step, of the next epoch where one ends. Nothing is evaluated or written. */
static inline mwn_status bench_run_step(struct mwn_run *run, struct mwn_error *err)
{
    if (run->epoch_step == mwn_run_steps(run)) {
        run->epoch++;
        run->epoch_step = 0;
    }
    mwn_status status = mwn_loader_seek(run->train, run->epoch, run->epoch_step, err);
    return status == MWN_OK ? mwn_run_step(run, err) : status;
}

#endif
