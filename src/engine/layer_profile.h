/* layer_profile.h - for meta.chances=learned: how much of d_i the layers from the input on
 * make, measured from time to time, and the chances that follow from it (formulas:
 * layer_cut.c). */
#ifndef MWN_ENGINE_LAYER_PROFILE_H
#define MWN_ENGINE_LAYER_PROFILE_H

#include "engine/step.h"

/* Meta updates from one measurement to the next. */
enum { MWN_LAYER_PROFILE_EVERY = 500 };

/* How many numbers step->profile has: they are part of a run's state. 0 unless layers are
 * sampled by learned chances. */
size_t mwn_layer_profile_size(const struct mwn_step *step);
/* Whether this iteration measures. Its d_i are the exact ones. */
bool mwn_layer_profile_is_due(const struct mwn_step *step);
/* The law of the cut in this iteration. */
struct mwn_layer_cut mwn_layer_profile_cut(const struct mwn_step *step);
/* Measures by u, whole and not weighted, in step->direction. Changes step->d and
 * step->work. */
MWN_MUST_CHECK mwn_status mwn_layer_profile_measure(struct mwn_step *step,
                                                    struct mwn_error *err);
#endif
