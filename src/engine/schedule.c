/* schedule.c - the learning rate of w: constant, in steps or along a half cosine, times a
 * linear warm-up.
 *
 * With W steps of warm-up of T in all, and t the steps done: the warm-up multiplies by
 * (t + 1) / W while t < W, so its first step is 1/W and its last is whole; the cosine is
 * (1 + cos(pi (t - W) / (T - W))) / 2 from there on. */
#include "engine/schedule.h"

#include <math.h>

static double drops(const struct mwn_schedule *schedule, size_t epoch)
{
    double factor = 1;
    for (size_t i = 0; i < schedule->drops.count; i++)
        if (schedule->drops.item[i] >= 0 && epoch >= (uint64_t)schedule->drops.item[i])
            factor *= schedule->factor;
    return factor;
}

static double cosine(double done, double total)
{
    const double pi = 3.14159265358979323846;
    if (done <= 0 || total <= 0)
        return 1;
    return done >= total ? 0 : (1 + cos(pi * done / total)) / 2;
}

double mwn_schedule_lr(const struct mwn_schedule *schedule, size_t epoch, size_t step,
                       size_t steps)
{
    double per_epoch = steps > 0 ? (double)steps : 1;
    double t = (double)epoch * per_epoch + (double)step;
    double warmup = (double)schedule->warmup * per_epoch;
    double lr = schedule->lr;
    if (schedule->kind == MWN_SCHEDULE_STEP)
        lr *= drops(schedule, epoch);
    if (schedule->kind == MWN_SCHEDULE_COSINE)
        lr *= cosine(t - warmup, (double)schedule->epochs * per_epoch - warmup);
    return t < warmup ? lr * (t + 1) / warmup : lr;
}
