/* meta_only.c - plain cross-entropy on the meta set alone.
 *
 *     w <- Opt_w( (1/m) sum_j grad l_j^meta(w) )
 *
 * What the clean samples are worth by themselves: the other twin that a comparison needs. A step
 * is made for every batch of the training set, which is not looked at. Where there is no meta batch
 * yet (meta.source=lowest_loss, in the first epoch) the step is one of plain training; that epoch's
 * choice stays. */
#include "methods/method.h"

static mwn_status meta_only_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    (void)self;
    return step->meta ? mwn_step_learn_meta(step, err) : mwn_method_plain(step, err);
}

const struct mwn_method mwn_method_meta_only = {
    .name = "meta_only",
    .summary = "plain cross-entropy on the meta set alone",
    .reference = "the baseline of comparisons with a clean set",
    .needs = MWN_NEEDS_META,
    .step = meta_only_step,
};
