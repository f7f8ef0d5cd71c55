/* schedule.h - the learning rate of w over the run. */
#ifndef MWN_ENGINE_SCHEDULE_H
#define MWN_ENGINE_SCHEDULE_H

#include "base/base.h"
#include "base/option.h"

enum mwn_schedule_kind { MWN_SCHEDULE_STEP, MWN_SCHEDULE_COSINE, MWN_SCHEDULE_CONSTANT };

struct mwn_schedule {
    int kind; /* enum mwn_schedule_kind                               */
    double lr;
    struct mwn_int_list drops; /* epochs (0-based) from which lr is multiplied         */
    double factor;             /* by this                                              */
    double lr_min;             /* where a cosine ends                                  */
    int64_t warmup;            /* epochs of linear warm-up from 0                      */
    int64_t hold;              /* epochs at lr between warm-up and cosine              */
    int64_t cycle;             /* epochs of the first cosine, then restarts; 0: none   */
    int64_t cycle_factor;      /* each further cosine is as many times as long         */
    int64_t epochs;            /* length of the run                                    */
};

/* Learning rate at step `step` of `steps` in epoch `epoch` (0-based). Step and constant
 * schedules change at epoch boundaries (warm-up and cosine at every step). */
double mwn_schedule_lr(const struct mwn_schedule *schedule, size_t epoch, size_t step,
                       size_t steps);
#endif
