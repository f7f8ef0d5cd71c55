/* plan_memory.h - the memory plan: a simulated allocator hands out offsets. */
#ifndef MWN_NN_PLAN_MEMORY_H
#define MWN_NN_PLAN_MEMORY_H

#include "nn/plan.h"

/* Decides where every output, gradient and tangent of a plan lies and the order of the
 * backward pass. layers[].node, backend and n are set before. */
MWN_MUST_CHECK mwn_status mwn_plan_memory(struct mwn_plan *plan, struct mwn_error *err);

const struct mwn_op_impl *mwn_layer_impl(const struct mwn_layer *layer);

/* Whether node i is a batch-norm that the convolution before it applies as well. */
bool mwn_plan_is_fused(const struct mwn_plan *plan, int i);

#endif
