/* plan_memory.h - the memory plan: a simulated allocator hands out offsets. */
#ifndef MWN_NN_PLAN_MEMORY_H
#define MWN_NN_PLAN_MEMORY_H

#include "nn/plan.h"

/* Decides where every output, gradient and tangent of a plan lies and the order of the
 * backward pass. layers[].node, backend and n are set before. */
MWN_MUST_CHECK mwn_status mwn_plan_memory(struct mwn_plan *plan, struct mwn_error *err);

const struct mwn_op_impl *mwn_layer_impl(const struct mwn_layer *layer);

/* Whether backward or tangent read the layer's output. */
bool mwn_layer_reads_y(const struct mwn_layer *layer);

/* Bytes of node i's output. */
size_t mwn_plan_output_bytes(const struct mwn_plan *plan, int i);

/* Whether node i of a training plan writes its output over its first input. */
bool mwn_plan_is_in_place(const struct mwn_plan *plan, int i);

/* Adds an action to the backward pass; if memory runs out, the pool has failed. */
void mwn_plan_push(struct mwn_plan *plan, struct mwn_pool *pool, struct mwn_action action);

/* Whether node i is a batch-norm that the convolution before it applies as well. */
bool mwn_plan_is_fused(const struct mwn_plan *plan, int i);

#endif
