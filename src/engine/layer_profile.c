/* layer_profile.c - measures T_k = |sum_(j <= k) d_j|^2 of all layers k by their tangents.
 *
 * step->profile holds T_k / T_(L-1), [layers], and the chances that follow, [layers]. The
 * sum of the layers up to k is d less the tangent along u cut off below layer k + 1, so
 * that a measurement costs about L forward passes, L layers being as costly one as another:
 * every 500 meta updates, less than a tenth of a forward pass an iteration for L up to 50.
 * Half of what is kept is the latest measurement, a quarter the one before, and so on. */
#include "engine/layer_profile.h"

#include <math.h>

size_t mwn_layer_profile_size(const struct mwn_step *step)
{
    bool is_kept = step->profile && step->options.gradient == MWN_GRADIENT_SAMPLED &&
                   step->options.chances == MWN_CHANCES_LEARNED;
    return is_kept && !isinf(step->cut.reach) ? 2 * step->cut.layers : 0;
}

/* The last T is 1 once there was a measurement. */
static bool has_measured(const struct mwn_step *step)
{
    return mwn_layer_profile_size(step) > 0 && step->profile[step->cut.layers - 1] > 0;
}

bool mwn_layer_profile_is_due(const struct mwn_step *step)
{
    uint64_t update = step->iteration / (uint64_t)step->options.every;
    return mwn_layer_profile_size(step) > 0 &&
           (!has_measured(step) || update % MWN_LAYER_PROFILE_EVERY == 0);
}

struct mwn_layer_cut mwn_layer_profile_cut(const struct mwn_step *step)
{
    struct mwn_layer_cut cut = step->cut;
    cut.chance = has_measured(step) ? step->profile + cut.layers : NULL;
    return cut;
}

/* |d - above|^2 of the samples as they are given; above NULL: |d|^2. */
static double square_of(const struct mwn_step *step, const double *above)
{
    double sum = 0;
    for (size_t i = 0; i < step->train->n; i++) {
        double d = step->d[i] - (above ? above[i] : 0);
        d *= step->given ? step->given[i] : 1;
        sum += d * d;
    }
    return sum;
}

mwn_status mwn_layer_profile_measure(struct mwn_step *step, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    size_t layers = step->cut.layers;
    double *kept = step->profile, old = has_measured(step) ? 0.5 : 0;
    mwn_status status = learner->jvp(learner->self, step->direction, 0, step->d, err);
    double whole = status == MWN_OK ? square_of(step, NULL) : 0;
    if (!(whole > 0) || !isfinite(whole))
        return status;
    for (size_t k = 0; k + 1 < layers; k++) {
        size_t from = mwn_layer_first(learner, k + 1);
        status = learner->jvp(learner->self, step->direction, from, step->work, err);
        if (status != MWN_OK)
            return status;
        kept[k] = old * kept[k] + (1 - old) * square_of(step, step->work) / whole;
    }
    kept[layers - 1] = 1;
    mwn_layer_cut_fit(&step->cut, step->options.layers, kept, kept + layers);
    return MWN_OK;
}
