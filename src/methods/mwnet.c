/* mwnet.c - Meta-Weight-Net: a small network V learns, while the classifier trains, how much
 * a sample with a given loss should count.
 *
 * Shu, Xie, Yi, Zhao, Zhou, Xu, Meng: Meta-Weight-Net: Learning an Explicit Mapping For Sample
 * Weighting, NeurIPS 2019, equations 3 to 5. For a batch with losses l_i(w), i = 1..n, and
 * V_i = V(l_i; Theta), the loss being a constant for V:
 *
 *     virtual   w^(Theta) = w - lr sum_i c_i(Theta) grad l_i(w)
 *     meta      Theta <- Opt_Theta( grad_Theta (1/m) sum_j l_j^meta(w^(Theta)) )
 *     actual    w <- Opt_w( sum_i c_i(Theta_new) grad l_i(w) )     same batch, same w
 *
 * with c_i = V_i/n (mean) or V_i / sum V (sum, sum_detached: weighting.h). The meta-gradient is
 * the exact one, by forward mode: step.c. In passes of the network: forward 1, virtual backward
 * 2, meta forward and backward 3, tangent 2, actual backward 2, so 10 against 3 of plain SGD.
 * An iteration without a meta batch (meta.every) leaves the first two lines out and costs 3. The
 * iteration itself is in learned_weights.c.
 *
 * What is learned is an explicit function of the loss, so it can be taken from one task to
 * another (section 4.3 there): method.weight_net starts V from a file, and with method.freeze
 * it stays so. Then only the last line is left: no meta set, the cost of plain training. */
#include "methods/learned_weights.h"

struct mwnet_options {
    struct mwn_learned_options learned;
};

static const struct mwn_option mwnet_rows[] = {
    MWN_LEARNED_ROWS(struct mwnet_options, learned, "mean", "1e-3", "1e-4"),
    {"weight_net", MWN_OPT_TEXT,
     MWN_LEARNED_FIELD(struct mwnet_options, learned, weight_net), "", 0, 0, NULL,
     "File that V starts from, JSON by mwnet export --weight-net, whose sizes count then; "
     "empty to start at random."},
    {"freeze", MWN_OPT_BOOL, MWN_LEARNED_FIELD(struct mwnet_options, learned, freeze),
     "false", 0, 0, NULL,
     "V stays as method.weight_net has it: no meta set is needed, a step costs as much as "
     "a "
     "plain one."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static unsigned mwnet_spares(const void *options)
{
    const struct mwnet_options *o = options;
    return o->learned.freeze ? MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT : 0;
}

static mwn_status mwnet_begin(void *self, const void *options,
                              const struct mwn_method_context *context,
                              struct mwn_error *err)
{
    const struct mwnet_options *o = options;
    return mwn_learned_begin(self, &o->learned, context, NULL, err);
}

const struct mwn_method mwn_method_mwnet = {
    .name = "mwnet",
    .summary = "Meta-Weight-Net, a learned function from a sample's loss to its weight",
    .reference = "Shu et al., Meta-Weight-Net: Learning an Explicit Mapping For Sample "
                 "Weighting, NeurIPS 2019",
    .needs = MWN_NEEDS_META | MWN_NEEDS_HYPERGRADIENT,
    .options_size = sizeof(struct mwnet_options),
    .self_size = sizeof(struct mwn_learned),
    .options = mwnet_rows,
    .spares = mwnet_spares,
    .begin = mwnet_begin,
    .believes = true,
    .step = mwn_learned_step,
    .state = mwn_learned_state,
    .weigh = mwn_learned_weigh,
    .end = mwn_learned_end,
};
