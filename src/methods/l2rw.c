/* l2rw.c - learning to reweight: a sample counts as far as its gradient agrees with that of the
 * meta batch.
 *
 * Ren, Zeng, Yang, Urtasun: Learning to Reweight Examples for Robust Deep Learning, ICML 2018,
 * equations 12 to 14. With w^(eps) = w - lr sum_i eps_i grad l_i(w), at eps = 0,
 *
 *     eps_i = -eta d L_meta(w^(eps)) / d eps_i = eta lr d_i,    d_i = <grad l_i(w), grad L_meta(w)>
 *     v_i = max(d_i, 0),   c_i = v_i / sum v,   w <- Opt_w( sum_i c_i grad l_i(w) ).
 *
 * eta and lr cancel. A batch in which no gradient agrees leaves all c_i at 0: momentum and weight
 * decay alone move w then. The weights of samples are shown as n c_i, 1 being plain training.
 * An iteration without a meta batch (meta.every) is plain training. */
#include "methods/method.h"

static mwn_status l2rw_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t n = step->train->n;
    double scale = 0, sum = 0;
    (void)self;
    if (!step->meta)
        return mwn_method_plain(step, err);
    MWN_TRY(mwn_step_forward(step, err));
    MWN_TRY(mwn_step_hypergradient(step, NULL, &scale, err));
    for (size_t i = 0; i < n; i++)
        sum += step->d[i] > 0 ? step->d[i] : 0;
    for (size_t i = 0; i < n; i++)
        step->weight[i] = step->d[i] > 0 ? (double)n * step->d[i] / sum : 0;
    status = mwn_method_update(step, err);
out:
    return status;
}

const struct mwn_method mwn_method_l2rw = {
    .name = "l2rw",
    .summary =
        "learning to reweight, a sample counts as its gradient agrees with the meta set's",
    .reference =
        "Ren et al., Learning to Reweight Examples for Robust Deep Learning, ICML 2018",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT,
    .believes = true,
    .step = l2rw_step,
};
