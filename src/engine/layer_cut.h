/* layer_cut.h - for meta.gradient=sampled: the random layer from which on the layers take part
 * in d_i, and how much each of them counts (formulas: layer_cut.c). */
#ifndef MWN_ENGINE_LAYER_CUT_H
#define MWN_ENGINE_LAYER_CUT_H

#include "base/base.h"

/* Layers of a learner, at least 1, and the index of the first parameter of layer k; for k =
 * layer count, the end of the vector. Layer 0 is the one nearest to the input. */
size_t mwn_layer_count(const struct mwn_learner *learner);
size_t mwn_layer_first(const struct mwn_learner *learner, size_t k);

/* The law of the cut for a net of so many layers. share, in (0, 1]: how many of the layers
 * below the last one take part on average; 1: all of them, always. */
struct mwn_layer_cut {
    size_t layers;
    double reach;         /* a of the formulas; infinite for share 1 */
    const double *chance; /* borrowed [layers], in place of the law; NULL: the law */
};
struct mwn_layer_cut mwn_layer_cut_of(size_t layers, double share);

/* The first layer that takes part, for a number in [0, 1) that was drawn evenly. */
size_t mwn_layer_cut_draw(const struct mwn_layer_cut *cut, double unit);
/* The chance that layer k takes part; it counts 1/chance times as much when it does. */
double mwn_layer_cut_chance(const struct mwn_layer_cut *cut, size_t k);
/* The chances with the least variance for square[layers], T_k of the formulas; their mean
 * below the last layer is share, as far as none is above 1 or below share / 4. */
void mwn_layer_cut_fit(const struct mwn_layer_cut *cut, double share, const double *square,
                       double *chance);
#endif
