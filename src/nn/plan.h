/* plan.h - a graph laid out in memory for one batch size: where every activation, gradient
 * and tangent lives is decided once, so that a step allocates nothing. */
#ifndef MWN_NN_PLAN_H
#define MWN_NN_PLAN_H

#include "base/base.h"
#include "nn/backend.h"
#include "nn/loss.h"
#include "nn/pool.h"

/* An action of the backward pass: run a node, add or copy one gradient to another, or compute
 * a node's output once more. */
struct mwn_action {
    enum { MWN_ACTION_NODE, MWN_ACTION_ADD, MWN_ACTION_COPY, MWN_ACTION_RECOMPUTE } kind;
    int node;
    ptrdiff_t dst, src; /* offsets in the scratch region */
    size_t count, bytes;
};

/* Offsets, in bytes. Outputs and saved values lie in the activation region, gradients and
 * tangents in the scratch region. An output that is passing is not kept for backward and
 * tangent: forward and tangent have it at y in the scratch region, until its last reader has
 * run; backward, where an action says. */
struct mwn_place {
    ptrdiff_t y, save;
    bool passing;
    bool wanted; /* the tangent in progress reads the passing output      */
    ptrdiff_t gy[2], gx;
    bool gx_add;
    ptrdiff_t ty;
    bool needs_grad; /* whether a parameter lies at or above it           */
};

/* Seconds that every node took, by kind of pass; added up as long as the net has one. */
enum mwn_trace_pass { MWN_TRACE_FORWARD, MWN_TRACE_BACKWARD, MWN_TRACE_JVP, MWN_TRACES };
struct mwn_trace {
    double *seconds[MWN_TRACES]; /* borrowed: [node_count] each */
};

/* What all plans of a net have in common. */
struct mwn_plan_shared {
    const struct mwn_graph *graph;
    const struct mwn_backend *backend;
    ptrdiff_t *param_at; /* owned by the net [param_count]: byte offsets in a flat vector */
    double **mean, **variance; /* owned by the net [stats_count][c]: running statistics   */
    double bn_eps, bn_momentum;
    uint64_t seed;
    bool low_memory; /* plans keep no output that is cheap to recompute; same results */
    const struct mwn_trace *trace; /* borrowed; NULL: times are not taken */
};

struct mwn_plan {
    size_t n;
    bool trains;                /* keeps outputs for backward; else only inference        */
    struct mwn_layer *layers;   /* owned [node_count]                                     */
    struct mwn_place *places;   /* owned [node_count]                                     */
    struct mwn_action *actions; /* owned: the backward pass                               */
    size_t action_count, action_room;
    struct mwn_loss loss;
    double *mean; /* owned [n]: 1/n                                         */
    size_t sums;  /* offset of layers' sums in the work region             */
    size_t activation_bytes, scratch_bytes, work_bytes; /* what it needs of each region  */
    const struct mwn_plan_shared *shared; /* borrowed                                   */
    const void *x; /* the batch of the last forward; borrowed                */
};

/* Memory and vectors that a pass works on. */
struct mwn_binding {
    char *activation, *scratch, *work;
    const char *params;
    char *grad;
    const char *dir;
    const double *by_feature; /* [n][its input's shape] that a pull adds to the gradient of
                                 what the output node gets; NULL: nothing */
};

MWN_MUST_CHECK mwn_status mwn_plan_create(struct mwn_plan **out,
                                          const struct mwn_plan_shared *shared, size_t n,
                                          bool trains, struct mwn_error *err);
void mwn_plan_free(struct mwn_plan *plan);

/* Passes. forward leaves the logits at mwn_plan_logits(); key is the pass's number. */
struct mwn_input {
    const void *x;
    enum mwn_pass pass;
    uint64_t key;
};
MWN_MUST_CHECK mwn_status mwn_plan_forward(struct mwn_plan *plan,
                                           const struct mwn_binding *at,
                                           const struct mwn_input *input,
                                           struct mwn_error *err);
/* From the loss's coefficients to at->grad, every parameter written. */
MWN_MUST_CHECK mwn_status mwn_plan_backward(struct mwn_plan *plan,
                                            const struct mwn_binding *at,
                                            const double *coef, struct mwn_error *err);
/* The same from derivatives by the logits, slope[n][classes], and at->by_feature. */
MWN_MUST_CHECK mwn_status mwn_plan_pull(struct mwn_plan *plan, const struct mwn_binding *at,
                                        const double *slope, struct mwn_error *err);
/* The same as mwn_plan_backward; coef NULL: for the mean of the losses; parameters before byte offset `from` may be
 * left out. */
MWN_MUST_CHECK mwn_status mwn_plan_backward_from(struct mwn_plan *plan,
                                                 const struct mwn_binding *at,
                                                 const double *coef, ptrdiff_t from,
                                                 struct mwn_error *err);
/* Directional derivative of the losses along at->dir, whose numbers before byte offset
 * `from` count as zero. */
MWN_MUST_CHECK mwn_status mwn_plan_jvp(struct mwn_plan *plan, const struct mwn_binding *at,
                                       ptrdiff_t from, double *dloss,
                                       struct mwn_error *err);
const void *mwn_plan_logits(const struct mwn_plan *plan, const struct mwn_binding *at);
/* The tangent of the logits along at->dir, as for mwn_plan_jvp; *tangent, valid until the next
 * pass, is NULL where it is zero. */
MWN_MUST_CHECK mwn_status mwn_plan_tangent(struct mwn_plan *plan,
                                           const struct mwn_binding *at, ptrdiff_t from,
                                           const void **tangent, struct mwn_error *err);
/* What the last forward gave the output node: [n][its input's shape]. */
const void *mwn_plan_features(const struct mwn_plan *plan, const struct mwn_binding *at);

#endif
