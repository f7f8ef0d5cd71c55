/* schedule.c - the learning rate of w: constant, in steps or along half cosines, times a
 * linear warm-up.
 *
 * With W steps of warm-up of T in all, and t the steps done: the warm-up multiplies by
 * (t + 1) / W while t < W, so its first step is 1/W and its last is whole. H steps later the
 * cosine begins: with s = t - W - H and n = T - W - H
 *
 *     lr_min + (lr - lr_min) (1 + cos(pi s / n)) / 2.
 *
 * With restarts (Loshchilov, Hutter: SGDR, ICLR 2017, eq. 5) n is the length of the cycle that
 * t is in, c, c f, c f^2, .., and s counts from its start. */
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

/* The share of lr - lr_min after `done` steps since the warm-up, `left` of the run from there. */
static double cosines(const struct mwn_schedule *schedule, double per_epoch, double done,
                      double left)
{
    double hold = (double)schedule->hold * per_epoch;
    double cycle = (double)schedule->cycle * per_epoch;
    double factor = (double)schedule->cycle_factor;
    done -= hold;
    if (cycle <= 0)
        return cosine(done, left - hold);
    if (factor <= 1)
        return cosine(fmod(fmax(done, 0), cycle), cycle);
    while (done >= cycle) {
        done -= cycle;
        cycle *= factor;
    }
    return cosine(done, cycle);
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
        lr = schedule->lr_min + (lr - schedule->lr_min) *
                                    cosines(schedule, per_epoch, t - warmup,
                                            (double)schedule->epochs * per_epoch - warmup);
    return t < warmup ? lr * (t + 1) / warmup : lr;
}
