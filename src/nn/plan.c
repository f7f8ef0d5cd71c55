/* plan.c - runs a graph forward, backward and along a direction, as planned. */
#include "nn/plan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "nn/plan_memory.h"
#include "nn/plan_recompute.h"
#include "nn/pool.h"
#include "tensor/vec.h"

#include <string.h>

size_t mwn_layout_count(const struct mwn_backend *backend, struct mwn_shape shape,
                        bool blocked, size_t n)
{
    size_t c = (size_t)shape.c, block = (size_t)backend->block;
    if (blocked)
        c = (c + block - 1) / block * block;
    return n * c * (size_t)shape.h * (size_t)shape.w;
}

size_t mwn_layout_bytes(const struct mwn_backend *backend, struct mwn_shape shape,
                        bool blocked, size_t n)
{
    size_t size = blocked && backend->precision == MWN_PRECISION_BF16
                      ? sizeof(uint16_t)
                      : mwn_dtype_size(backend->dtype);
    return mwn_layout_count(backend, shape, blocked, n) * size;
}

/* Whether a node's output is in the blocked layout: convolutions, and what follows them as
 * long as it keeps the channels. */
static bool is_blocked(const struct mwn_plan *plan, const struct mwn_node *node)
{
    if (plan->shared->backend->block == 1)
        return false;
    switch (node->op) {
    case MWN_OP_conv:
        return true;
    case MWN_OP_input:
    case MWN_OP_gpool:
    case MWN_OP_flatten:
    case MWN_OP_linear:
        return false;
    default:
        return plan->layers[node->input[0]].blocked;
    }
}

/* Room behind the work space for the sums that a convolution leaves its batch-norm. */
static void place_sums(struct mwn_plan *plan)
{
    size_t most = 0;
    plan->sums = mwn_pool_align(plan->work_bytes);
    for (int i = 0; i < plan->shared->graph->node_count; i++) {
        const struct mwn_layer *layer = &plan->layers[i];
        struct mwn_shape one = {layer->node->shape.c, 1, 1};
        size_t channels = mwn_layout_count(layer->backend, one, layer->blocked, layer->n);
        size_t bytes = 2 * layer->sum_parts * channels * sizeof(double);
        most = bytes > most ? bytes : most;
    }
    if (most)
        plan->work_bytes = plan->sums + most;
}

static mwn_status prepare_layers(struct mwn_plan *plan, struct mwn_error *err)
{
    const struct mwn_plan_shared *shared = plan->shared;
    for (int i = 0; i < shared->graph->node_count; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        const struct mwn_node *node = &shared->graph->nodes[i];
        layer->graph = shared->graph;
        layer->node = node;
        layer->backend = shared->backend;
        layer->n = plan->n;
        layer->trains = plan->trains;
        layer->bn_eps = shared->bn_eps;
        layer->bn_momentum = shared->bn_momentum;
        layer->seed = shared->seed;
        if (node->stats >= 0) {
            layer->mean = shared->mean[node->stats];
            layer->variance = shared->variance[node->stats];
        }
        layer->blocked = is_blocked(plan, node);
        if (node->input[0] != MWN_NO_NODE) {
            layer->in = shared->graph->nodes[node->input[0]].shape;
            layer->in_blocked = plan->layers[node->input[0]].blocked;
        }
    }
    mwn_status status = mwn_plan_memory(plan, err);
    for (int i = 0; i < shared->graph->node_count && status == MWN_OK; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        const struct mwn_op_impl *impl = mwn_layer_impl(layer);
        if (impl->prepare)
            status = impl->prepare(layer, err);
        size_t work = status == MWN_OK && impl->work_size ? impl->work_size(layer) : 0;
        if (work > plan->work_bytes)
            plan->work_bytes = work;
    }
    place_sums(plan);
    return status;
}

/* Coefficients of the mean loss. */
static mwn_status make_mean(struct mwn_plan *plan, struct mwn_error *err)
{
    plan->mean = mwn_alloc(plan->n, sizeof *plan->mean);
    if (!plan->mean)
        return mwn_fail_memory(err, plan->n * sizeof *plan->mean, "a plan");
    for (size_t i = 0; i < plan->n; i++)
        plan->mean[i] = 1.0 / (double)plan->n;
    return MWN_OK;
}

mwn_status mwn_plan_create(struct mwn_plan **out, const struct mwn_plan_shared *shared,
                           size_t n, bool trains, struct mwn_error *err)
{
    size_t count = (size_t)shared->graph->node_count;
    size_t classes = (size_t)shared->graph->nodes[shared->graph->output].shape.c;
    mwn_status status = MWN_OK;
    struct mwn_plan *plan = mwn_alloc(1, sizeof *plan);
    if (!plan)
        return mwn_fail_memory(err, sizeof *plan, "a plan");
    plan->shared = shared;
    plan->n = n;
    plan->trains = trains;
    plan->layers = mwn_alloc(count, sizeof *plan->layers);
    plan->places = mwn_alloc(count, sizeof *plan->places);
    if (!plan->layers || !plan->places) {
        status = mwn_fail_memory(err, count * sizeof *plan->layers, "a plan");
        goto out;
    }
    MWN_TRY(make_mean(plan, err));
    if (trains)
        MWN_TRY(mwn_loss_init(&plan->loss, shared->backend->dtype, n, classes, err));
    MWN_TRY(prepare_layers(plan, err));
    *out = plan;
    plan = NULL;
out:
    mwn_plan_free(plan);
    return status;
}

void mwn_plan_free(struct mwn_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; plan->layers && i < plan->shared->graph->node_count; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        if (layer->node && mwn_layer_impl(layer)->release)
            mwn_layer_impl(layer)->release(layer);
    }
    mwn_loss_release(&plan->loss);
    mwn_free(plan->layers);
    mwn_free(plan->places);
    mwn_free(plan->actions);
    mwn_free(plan->mean);
    mwn_free(plan);
}

static void *at_offset(char *base, ptrdiff_t offset)
{
    return offset == MWN_NOWHERE ? NULL : base + offset;
}

/* A passing output is where it was put last; nobody reads it when it is not there. */
static const void *output_of(const struct mwn_plan *plan, const struct mwn_binding *at,
                             int node)
{
    if (node == MWN_NO_NODE)
        return NULL;
    if (plan->shared->graph->nodes[node].op == MWN_OP_input)
        return plan->x;
    if (plan->places[node].passing)
        return plan->layers[node].y;
    return at_offset(at->activation, plan->places[node].y);
}

/* Sets the pointers that every pass needs, but where a passing output is. */
static void bind(struct mwn_plan *plan, const struct mwn_binding *at, int i)
{
    struct mwn_layer *layer = &plan->layers[i];
    for (int k = 0; k < 2; k++) {
        layer->x[k] = output_of(plan, at, layer->node->input[k]);
        int p = layer->node->param[k];
        layer->w[k] = p < 0 ? NULL : at->params + plan->shared->param_at[p];
    }
    if (!plan->places[i].passing)
        layer->y = at_offset(at->activation, plan->places[i].y);
    layer->save = at_offset(at->activation, plan->places[i].save);
    layer->work = at->work;
    layer->sums = layer->sum_parts ? (double *)(void *)(at->work + plan->sums) : NULL;
}

/* The same in forward order, where a passing output has its place. */
static void bind_in_order(struct mwn_plan *plan, const struct mwn_binding *at, int i)
{
    if (plan->places[i].passing)
        plan->layers[i].y = at_offset(at->scratch, plan->places[i].y);
    bind(plan, at, i);
}

/* What a convolution needs of the batch-norm that follows. */
static void bind_norm(struct mwn_plan *plan, const struct mwn_binding *at, int i)
{
    if (plan->layers[i].norm)
        bind(plan, at, (int)(plan->layers[i].norm - plan->layers));
}

static mwn_status failed_at(const struct mwn_plan *plan, int i, struct mwn_error *err)
{
    const char *name = plan->shared->graph->nodes[i].name;
    return mwn_fail(err, MWN_ERR_RUNTIME, "the backend failed in node %d %s", i, name);
}

/* Runs one of a node's functions, and takes the time if there is a trace. */
static mwn_status run_node(struct mwn_plan *plan, int i, enum mwn_trace_pass pass,
                           mwn_status (*run)(struct mwn_layer *))
{
    const struct mwn_trace *trace = plan->shared->trace;
    if (!trace)
        return run(&plan->layers[i]);
    double start = mwn_clock_now();
    mwn_status status = run(&plan->layers[i]);
    trace->seconds[pass][i] += mwn_clock_now() - start;
    return status;
}

mwn_status mwn_plan_forward(struct mwn_plan *plan, const struct mwn_binding *at,
                            const struct mwn_input *input, struct mwn_error *err)
{
    plan->x = input->x;
    for (int i = 0; i < plan->shared->graph->node_count; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        if (layer->node->op == MWN_OP_input)
            continue;
        if (mwn_plan_is_fused(plan, i))
            continue;
        bind_in_order(plan, at, i);
        bind_norm(plan, at, i);
        layer->pass = input->pass;
        layer->key = input->key;
        if (run_node(plan, i, MWN_TRACE_FORWARD, mwn_layer_impl(layer)->forward) != MWN_OK)
            return failed_at(plan, i, err);
    }
    return MWN_OK;
}

const void *mwn_plan_logits(const struct mwn_plan *plan, const struct mwn_binding *at)
{
    return output_of(plan, at, plan->shared->graph->output);
}

const void *mwn_plan_features(const struct mwn_plan *plan, const struct mwn_binding *at)
{
    const struct mwn_graph *graph = plan->shared->graph;
    return output_of(plan, at, graph->nodes[graph->output].input[0]);
}

/* Adds at->by_feature to the gradient that the output node just wrote for its input. */
static void add_by_feature(struct mwn_plan *plan, const struct mwn_binding *at)
{
    const struct mwn_layer *last = &plan->layers[plan->shared->graph->output];
    size_t count = mwn_layout_count(last->backend, last->in, false, plan->n);
    if (at->by_feature && last->gx)
        mwn_vec_add_double(last->backend->dtype, count, at->by_feature, last->gx);
}

/* Node i backward; if it is the last one, nobody wants the gradient of its input. */
static mwn_status backward_node(struct mwn_plan *plan, const struct mwn_binding *at, int i,
                                bool is_last)
{
    struct mwn_layer *layer = &plan->layers[i];
    const struct mwn_place *place = &plan->places[i];
    bind(plan, at, i);
    for (int k = 0; k < 2; k++) {
        layer->gy[k] = at_offset(at->scratch, place->gy[k]);
        int p = layer->node->param[k];
        layer->gw[k] = p < 0 ? NULL : at->grad + plan->shared->param_at[p];
    }
    layer->gx = is_last ? NULL : at_offset(at->scratch, place->gx);
    layer->gx_add = place->gx_add;
    mwn_status status =
        run_node(plan, i, MWN_TRACE_BACKWARD, mwn_layer_impl(layer)->backward);
    if (status == MWN_OK && i == plan->shared->graph->output)
        add_by_feature(plan, at);
    return status;
}

static mwn_status recompute_node(struct mwn_plan *plan, int i, enum mwn_trace_pass pass)
{
    return run_node(plan, i, pass, mwn_layer_impl(&plan->layers[i])->recompute);
}

/* Computes a passing output once more, at an offset in the scratch region. */
static mwn_status recompute_at(struct mwn_plan *plan, const struct mwn_binding *at, int i,
                               ptrdiff_t offset)
{
    plan->layers[i].y = at_offset(at->scratch, offset);
    bind(plan, at, i);
    return recompute_node(plan, i, MWN_TRACE_BACKWARD);
}

static mwn_status run_action(struct mwn_plan *plan, const struct mwn_binding *at,
                             const struct mwn_action *a, bool is_last)
{
    char *dst = at->scratch + a->dst, *src = at->scratch + a->src;
    switch (a->kind) {
    case MWN_ACTION_ADD:
        if (plan->layers[a->node].blocked)
            plan->shared->backend->add(a->count, src, dst);
        else
            mwn_vec_add(plan->shared->backend->dtype, a->count, dst, 1, src, dst);
        return MWN_OK;
    case MWN_ACTION_COPY:
        memcpy(dst, src, a->bytes);
        return MWN_OK;
    case MWN_ACTION_RECOMPUTE:
        return recompute_at(plan, at, a->node, a->dst);
    case MWN_ACTION_NODE:
        break;
    }
    return backward_node(plan, at, a->node, is_last);
}

static void *output_gradient(const struct mwn_plan *plan, const struct mwn_binding *at)
{
    return at_offset(at->scratch, plan->places[plan->shared->graph->output].gy[0]);
}

/* From the gradient of the output, which is in place, down to node `last`, which has parameters,
 * or through all (MWN_NO_NODE). */
static mwn_status backward_to(struct mwn_plan *plan, const struct mwn_binding *at, int last,
                              struct mwn_error *err)
{
    for (size_t k = 0; k < plan->action_count; k++) {
        const struct mwn_action *a = &plan->actions[k];
        if (run_action(plan, at, a, a->node == last) != MWN_OK)
            return failed_at(plan, a->node, err);
        if (a->kind == MWN_ACTION_NODE && a->node == last)
            break;
    }
    return MWN_OK;
}

mwn_status mwn_plan_backward(struct mwn_plan *plan, const struct mwn_binding *at,
                             const double *coef, struct mwn_error *err)
{
    mwn_loss_backward(&plan->loss, coef, output_gradient(plan, at));
    return backward_to(plan, at, MWN_NO_NODE, err);
}

mwn_status mwn_plan_pull(struct mwn_plan *plan, const struct mwn_binding *at,
                         const double *slope, struct mwn_error *err)
{
    mwn_loss_pull(&plan->loss, slope, output_gradient(plan, at));
    return backward_to(plan, at, MWN_NO_NODE, err);
}

/* Nodes run in falling order, so the lowest one with a wanted parameter is the last. */
mwn_status mwn_plan_backward_from(struct mwn_plan *plan, const struct mwn_binding *at,
                                  const double *coef, ptrdiff_t from, struct mwn_error *err)
{
    const struct mwn_graph *graph = plan->shared->graph;
    int last = graph->output;
    for (int p = 0; p < graph->param_count; p++)
        if (plan->shared->param_at[p] >= from && graph->params[p].node < last)
            last = graph->params[p].node;
    mwn_loss_backward(&plan->loss, coef ? coef : plan->mean, output_gradient(plan, at));
    return backward_to(plan, at, last, err);
}

/* Points tw at a node's part of the direction; false if all of it counts as zero. */
static bool bind_direction(struct mwn_plan *plan, const struct mwn_binding *at,
                           ptrdiff_t from, struct mwn_layer *layer)
{
    bool any = false;
    for (int k = 0; k < 2; k++) {
        int p = layer->node->param[k];
        bool moves = p >= 0 && plan->shared->param_at[p] >= from;
        layer->tw[k] = moves ? at->dir + plan->shared->param_at[p] : NULL;
        any = any || moves;
    }
    return any;
}

/* Finds out which tangents are not zero: they have a place, the others are NULL. */
static void bind_tangents(struct mwn_plan *plan, const struct mwn_binding *at,
                          ptrdiff_t from)
{
    for (int i = 0; i < plan->shared->graph->node_count; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        layer->ty = NULL;
        if (!plan->places[i].needs_grad)
            continue;
        bool moves = bind_direction(plan, at, from, layer);
        for (int k = 0; k < 2; k++) {
            int in = layer->node->input[k];
            layer->tx[k] = in == MWN_NO_NODE ? NULL : plan->layers[in].ty;
            moves = moves || layer->tx[k];
        }
        layer->ty = moves ? at_offset(at->scratch, plan->places[i].ty) : NULL;
    }
}

mwn_status mwn_plan_tangent(struct mwn_plan *plan, const struct mwn_binding *at,
                            ptrdiff_t from, const void **tangent, struct mwn_error *err)
{
    const struct mwn_graph *graph = plan->shared->graph;
    bind_tangents(plan, at, from);
    mwn_recompute_mark_wanted(plan);
    for (int i = 0; i < graph->node_count; i++) {
        struct mwn_layer *layer = &plan->layers[i];
        bool wanted = plan->places[i].wanted;
        if (!wanted && !layer->ty)
            continue;
        bind_in_order(plan, at, i);
        bind_norm(plan, at, i);
        if (wanted && recompute_node(plan, i, MWN_TRACE_JVP) != MWN_OK)
            return failed_at(plan, i, err);
        if (layer->ty &&
            run_node(plan, i, MWN_TRACE_JVP, mwn_layer_impl(layer)->jvp) != MWN_OK)
            return failed_at(plan, i, err);
    }
    *tangent = plan->layers[graph->output].ty;
    return MWN_OK;
}

mwn_status mwn_plan_jvp(struct mwn_plan *plan, const struct mwn_binding *at, ptrdiff_t from,
                        double *dloss, struct mwn_error *err)
{
    const void *tangent = NULL;
    mwn_status status = mwn_plan_tangent(plan, at, from, &tangent, err);
    if (status != MWN_OK)
        return status;
    if (tangent)
        mwn_loss_jvp(&plan->loss, tangent, dloss);
    else
        memset(dloss, 0, plan->loss.n * sizeof *dloss);
    return MWN_OK;
}
