/* cmwnet.c - CMW-Net: a weight net with a head for each family of classes of like size.
 *
 * Shu, Yuan, Meng, Xu: CMW-Net: Learning a Class-Aware Sample Weighting Mapping for Robust Deep
 * Learning, TPAMI 2023. As Meta-Weight-Net (mwnet.c), but
 *
 *     V_i = V(l_i; Theta, family of y_i),   c_i = V_i / sum V, the sum a constant,
 *
 * where hidden layers are shared and each family has a sigmoid unit of its own. The families are
 * the clusters of k-means on the number of training samples of the classes; its centres begin
 * evenly spaced from the smallest to the largest class, so that they are the same every time.
 * Families are numbered from small classes to large ones. Defaults are those of the authors' code
 * for long tails, without its soft labels (CMW-Net-SL). Left out of that code: AMSGrad, and plain
 * training up to epoch 160 of 200. The curve V(loss) that a run shows is of family 0. */
#include "methods/families.h"
#include "methods/learned_weights.h"

struct cmwnet_options {
    struct mwn_learned_options learned;
    int64_t families;
};

static const struct mwn_option cmwnet_rows[] = {
    MWN_LEARNED_ROWS(struct cmwnet_options, learned, "sum_detached", "1e-4", "1e-5"),
    {"families", MWN_OPT_INT, offsetof(struct cmwnet_options, families), "3", 1,
     MWN_FAMILIES_MAX, NULL,
     "Clusters of classes by size, each with a head of V; empty ones are "
     "left out."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status cmwnet_begin(void *self, const void *options,
                               const struct mwn_method_context *context,
                               struct mwn_error *err)
{
    const struct cmwnet_options *o = options;
    return mwn_learned_begin_by_size(self, &o->learned, context, (size_t)o->families, err);
}

const struct mwn_method mwn_method_cmwnet = {
    .name = "cmwnet",
    .summary =
        "CMW-Net, Meta-Weight-Net with a head for each family of classes of like size",
    .reference = "Shu et al., CMW-Net: Learning a Class-Aware Sample Weighting Mapping for "
                 "Robust Deep Learning, TPAMI 2023",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT | MWN_NEEDS_CLASSES,
    .options_size = sizeof(struct cmwnet_options),
    .self_size = sizeof(struct mwn_learned),
    .options = cmwnet_rows,
    .begin = cmwnet_begin,
    .believes = true,
    .step = mwn_learned_step,
    .state = mwn_learned_state,
    .weigh = mwn_learned_weigh,
    .end = mwn_learned_end,
};
