/* plan_memory.c - where every activation, gradient and tangent lives.
 *
 * A pass is walked through once with a simulated allocator: a buffer is born when its first
 * writer runs, is shared where two readers may use the same numbers (the gradient of an
 * addition), and dies after its last reader; its room is then given to others. What comes
 * out are offsets, and for the backward pass a flat list of actions.
 *
 * The gradient of a node with several consumers comes in pieces, one a consumer. A consumer
 * that can add does so at once; the others (convolutions) leave a second piece, which an
 * operator that reads two (batch-norm) sums on its way, and an action sums for the rest. */
#include "nn/plan_memory.h"

#include "base/mem.h"
#include "base/status.h"
#include "nn/plan_recompute.h"
#include "nn/pool.h"

#include <string.h>

/* Pieces of a node's gradient. */
struct pieces {
    int id[2];
    int count;
};

const struct mwn_op_impl *mwn_layer_impl(const struct mwn_layer *layer)
{
    const struct mwn_backend *backend = layer->backend;
    bool blocked = layer->blocked || layer->in_blocked;
    return (blocked ? backend->ops : backend->plain_ops)[layer->node->op];
}

bool mwn_layer_reads_y(const struct mwn_layer *layer)
{
    const struct mwn_op_impl *impl = mwn_layer_impl(layer);
    return impl->reads_y && impl->reads_y(layer);
}

static size_t output_count(const struct mwn_plan *plan, int i)
{
    const struct mwn_layer *layer = &plan->layers[i];
    return mwn_layout_count(layer->backend, layer->node->shape, layer->blocked, plan->n);
}

size_t mwn_plan_output_bytes(const struct mwn_plan *plan, int i)
{
    const struct mwn_layer *layer = &plan->layers[i];
    return mwn_layout_bytes(layer->backend, layer->node->shape, layer->blocked, plan->n);
}

/* How many nodes read node i. */
static int readers(const struct mwn_graph *graph, int i)
{
    int count = 0;
    for (int j = i + 1; j < graph->node_count; j++)
        count += (graph->nodes[j].input[0] == i) + (graph->nodes[j].input[1] == i);
    return count;
}

bool mwn_plan_is_in_place(const struct mwn_plan *plan, int i)
{
    const struct mwn_graph *graph = plan->shared->graph;
    int x = graph->nodes[i].input[0];
    return mwn_layer_impl(&plan->layers[i])->y_in_place && x > 0 &&
           graph->nodes[x].op != MWN_OP_input && readers(graph, x) == 1 &&
           !mwn_layer_reads_y(&plan->layers[x]) &&
           mwn_plan_output_bytes(plan, x) == mwn_plan_output_bytes(plan, i);
}

/* Outputs of a training plan stay until the next forward; those that do not are placed
 * elsewhere. What forward saves always stays. */
static void place_outputs_kept(struct mwn_plan *plan)
{
    const struct mwn_graph *graph = plan->shared->graph;
    size_t at = 0;
    for (int i = 0; i < graph->node_count; i++) {
        struct mwn_place *place = &plan->places[i];
        const struct mwn_op_impl *impl = mwn_layer_impl(&plan->layers[i]);
        place->save = place->y = MWN_NOWHERE;
        if (graph->nodes[i].op == MWN_OP_input)
            continue;
        if (mwn_plan_is_in_place(plan, i)) {
            place->y = plan->places[graph->nodes[i].input[0]].y;
        } else if (!place->passing) {
            place->y = (ptrdiff_t)at;
            at += mwn_pool_align(mwn_plan_output_bytes(plan, i));
        }
        if (impl->save_size) {
            place->save = (ptrdiff_t)at;
            at += mwn_pool_align(impl->save_size(&plan->layers[i]));
        }
    }
    plan->activation_bytes = at;
}

/* In evaluation a convolution may apply the batch-norm that alone reads it, if the residual is
 * there by then. */
static void fuse_norms(struct mwn_plan *plan)
{
    const struct mwn_graph *graph = plan->shared->graph;
    for (int i = 0; i < graph->node_count; i++) {
        int x = graph->nodes[i].input[0];
        if (graph->nodes[i].op != MWN_OP_bnorm || readers(graph, x) != 1 ||
            graph->nodes[i].input[1] > x)
            continue;
        const struct mwn_op_impl *impl = mwn_layer_impl(&plan->layers[x]);
        if (impl->applies_norm && impl->applies_norm(&plan->layers[x]))
            plan->layers[x].norm = &plan->layers[i];
    }
}

/* In training a convolution may leave its sums to the batch-norm right behind it. */
static void share_sums(struct mwn_plan *plan)
{
    const struct mwn_graph *graph = plan->shared->graph;
    for (int i = 1; i < graph->node_count; i++) {
        struct mwn_layer *norm = &plan->layers[i], *layer = norm - 1;
        const struct mwn_op_impl *impl = mwn_layer_impl(layer);
        if (graph->nodes[i].op != MWN_OP_bnorm || graph->nodes[i].input[0] != i - 1 ||
            !impl->sum_parts || !impl->sum_parts(layer))
            continue;
        layer->norm = norm;
        layer->sum_parts = norm->sum_parts = impl->sum_parts(layer);
    }
}

/* Whether node i was done by the one before. */
bool mwn_plan_is_fused(const struct mwn_plan *plan, int i)
{
    int x = plan->shared->graph->nodes[i].input[0];
    return !plan->trains && x != MWN_NO_NODE && plan->layers[x].norm == &plan->layers[i];
}

/* Outputs of an evaluation plan die after their last reader. */
static void place_outputs_passing(struct mwn_plan *plan, struct mwn_pool *pool, int *left,
                                  int *id)
{
    const struct mwn_graph *graph = plan->shared->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const struct mwn_node *node = &graph->nodes[i];
        const struct mwn_op_impl *impl = mwn_layer_impl(&plan->layers[i]);
        left[i] = readers(graph, i) + (i == graph->output);
        id[i] = MWN_NO_BUFFER;
        plan->places[i].y = plan->places[i].save = MWN_NOWHERE;
        if (node->op == MWN_OP_input)
            continue;
        bool fused = mwn_plan_is_fused(plan, i);
        if (fused)
            mwn_pool_hold(pool, id[node->input[0]]);
        id[i] = fused ? id[node->input[0]]
                      : mwn_pool_alloc(pool, mwn_plan_output_bytes(plan, i));
        plan->places[i].y = mwn_pool_offset(pool, id[i]);
        if (impl->save_size) {
            int save = mwn_pool_alloc(pool, impl->save_size(&plan->layers[i]));
            plan->places[i].save = mwn_pool_offset(pool, save);
            mwn_pool_drop(pool, save);
        }
        if (pool->failed)
            return;
        for (int k = 0; k < 2; k++)
            if (node->input[k] != MWN_NO_NODE && --left[node->input[k]] == 0)
                mwn_pool_drop(pool, id[node->input[k]]);
    }
    plan->activation_bytes = pool->high;
}

/* Buffers of a walk in forward order [node_count]: outputs that are not kept, and tangents. */
struct passing {
    int *left; /* readers to come */
    int *y, *ty;
};

static void place_tangent(struct mwn_plan *plan, struct mwn_pool *pool,
                          struct passing *walk, int i)
{
    int x = plan->layers[i].node->input[0];
    bool over = mwn_layer_impl(&plan->layers[i])->ty_in_place && x != MWN_NO_NODE &&
                walk->ty[x] != MWN_NO_BUFFER && walk->left[x] == 1 &&
                mwn_plan_output_bytes(plan, x) == mwn_plan_output_bytes(plan, i);
    if (over)
        mwn_pool_hold(pool, walk->ty[x]);
    walk->ty[i] = over ? walk->ty[x] : mwn_pool_alloc(pool, mwn_plan_output_bytes(plan, i));
    plan->places[i].ty = mwn_pool_offset(pool, walk->ty[i]);
}

/* Forward order: outputs that are not kept, which forward and tangent put in the same place,
 * and tangents. Both are dead after the last reader. */
static void place_passing(struct mwn_plan *plan, struct mwn_pool *pool,
                          struct passing *walk)
{
    const struct mwn_graph *graph = plan->shared->graph;
    for (int i = 0; i < graph->node_count && !pool->failed; i++) {
        const struct mwn_node *node = &graph->nodes[i];
        walk->left[i] = readers(graph, i) + (i == graph->output);
        walk->y[i] = walk->ty[i] = MWN_NO_BUFFER;
        plan->places[i].ty = MWN_NOWHERE;
        if (plan->places[i].passing) {
            walk->y[i] = mwn_pool_alloc(pool, mwn_plan_output_bytes(plan, i));
            plan->places[i].y = mwn_pool_offset(pool, walk->y[i]);
        }
        if (plan->places[i].needs_grad)
            place_tangent(plan, pool, walk, i);
        for (int k = 0; k < 2; k++) {
            int in = node->input[k];
            if (in == MWN_NO_NODE || --walk->left[in] > 0)
                continue;
            mwn_pool_drop(pool, walk->y[in]);
            mwn_pool_drop(pool, walk->ty[in]);
        }
    }
}

/* ---- the backward pass ---- */

struct backward {
    struct mwn_plan *plan;
    struct mwn_pool *pool;
    struct pieces *pieces; /* [node_count] */
    struct mwn_recompute *recompute;
};

void mwn_plan_push(struct mwn_plan *plan, struct mwn_pool *pool, struct mwn_action action)
{
    if (plan->action_count == plan->action_room) {
        size_t room = plan->action_room ? 2 * plan->action_room : 64;
        void *grown = mwn_resize(plan->actions, room, sizeof *plan->actions);
        if (!grown) {
            pool->failed = true;
            return;
        }
        plan->actions = grown;
        plan->action_room = room;
    }
    plan->actions[plan->action_count++] = action;
}

/* Makes piece k of node i one that may be written. */
static void own(struct backward *b, int i, int k)
{
    int *id = &b->pieces[i].id[k];
    if (b->pool->failed || !mwn_pool_is_shared(b->pool, *id))
        return;
    int copy = mwn_pool_alloc(b->pool, mwn_plan_output_bytes(b->plan, i));
    mwn_plan_push(b->plan, b->pool,
                  (struct mwn_action){MWN_ACTION_COPY, i, mwn_pool_offset(b->pool, copy),
                                      mwn_pool_offset(b->pool, *id),
                                      output_count(b->plan, i),
                                      mwn_plan_output_bytes(b->plan, i)});
    mwn_pool_drop(b->pool, *id);
    *id = copy;
}

/* Sums the two pieces of node i into the first. */
static void merge(struct backward *b, int i)
{
    own(b, i, 0);
    if (b->pool->failed)
        return;
    struct pieces *p = &b->pieces[i];
    mwn_plan_push(b->plan, b->pool,
                  (struct mwn_action){MWN_ACTION_ADD, i, mwn_pool_offset(b->pool, p->id[0]),
                                      mwn_pool_offset(b->pool, p->id[1]),
                                      output_count(b->plan, i),
                                      mwn_plan_output_bytes(b->plan, i)});
    mwn_pool_drop(b->pool, p->id[1]);
    p->count = 1;
}

/* Hands a buffer (one reference) to node i as a piece of its gradient. */
static void give(struct backward *b, int i, int id)
{
    if (b->pieces[i].count == 2)
        merge(b, i);
    b->pieces[i].id[b->pieces[i].count++] = id;
}

/* Decides where node i writes the gradient of its first input. */
static void place_input_gradient(struct backward *b, int i)
{
    struct mwn_plan *plan = b->plan;
    struct mwn_layer *layer = &plan->layers[i];
    const struct mwn_op_impl *impl = mwn_layer_impl(layer);
    int x = layer->node->input[0];
    struct pieces *mine = &b->pieces[i], *theirs = &b->pieces[x];
    int last = theirs->count ? theirs->id[theirs->count - 1] : MWN_NO_BUFFER;
    if (impl->adds && last != MWN_NO_BUFFER && !mwn_pool_is_shared(b->pool, last)) {
        plan->places[i].gx = mwn_pool_offset(b->pool, last);
        plan->places[i].gx_add = true;
        return;
    }
    int id;
    if (impl->gx_in_place && !layer->keeps_gy) {
        id = mine->id[0];
        mwn_pool_hold(b->pool, id);
    } else {
        id = mwn_pool_alloc(b->pool, mwn_plan_output_bytes(plan, x));
    }
    if (b->pool->failed)
        return;
    plan->places[i].gx = mwn_pool_offset(b->pool, id);
    give(b, x, id);
}

static void place_gradients_of(struct backward *b, int i)
{
    struct mwn_plan *plan = b->plan;
    struct mwn_layer *layer = &plan->layers[i];
    struct mwn_place *place = &plan->places[i];
    const struct mwn_op_impl *impl = mwn_layer_impl(layer);
    struct pieces *p = &b->pieces[i];
    const int *input = layer->node->input;
    mwn_recompute_before(b->recompute, i);
    bool other = input[1] != MWN_NO_NODE && plan->places[input[1]].needs_grad;
    layer->needs_gx = input[0] != MWN_NO_NODE && plan->places[input[0]].needs_grad;
    layer->keeps_gy = other && layer->node->op == MWN_OP_bnorm;
    if (p->count == 2 && !impl->takes_two)
        merge(b, i);
    if (impl->gx_in_place)
        own(b, i, 0);
    if (b->pool->failed)
        return;
    for (int k = 0; k < p->count; k++)
        place->gy[k] = mwn_pool_offset(b->pool, p->id[k]);
    bool passes = layer->node->op == MWN_OP_add;
    if (layer->needs_gx && !passes)
        place_input_gradient(b, i);
    if (!passes)
        mwn_plan_push(plan, b->pool,
                      (struct mwn_action){.kind = MWN_ACTION_NODE, .node = i});
    for (int k = passes ? 0 : 1; k < 2; k++) {
        if (k == 0 ? layer->needs_gx : other) {
            mwn_pool_hold(b->pool, p->id[0]);
            give(b, input[k], p->id[0]);
        }
    }
    for (int k = 0; k < p->count; k++)
        mwn_pool_drop(b->pool, p->id[k]);
}

static void place_gradients(struct backward *b, int spacing)
{
    struct mwn_plan *plan = b->plan;
    const struct mwn_graph *graph = plan->shared->graph;
    mwn_pool_clear(b->pool);
    mwn_recompute_begin(b->recompute, spacing);
    plan->action_count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        plan->places[i].gy[0] = plan->places[i].gy[1] = plan->places[i].gx = MWN_NOWHERE;
        plan->places[i].gx_add = false;
        b->pieces[i].count = 0;
    }
    int out = mwn_pool_alloc(b->pool, mwn_plan_output_bytes(plan, graph->output));
    if (out == MWN_NO_BUFFER)
        return;
    give(b, graph->output, out);
    for (int i = graph->output; i > 0 && !b->pool->failed; i--) {
        if (plan->places[i].needs_grad && b->pieces[i].count)
            place_gradients_of(b, i);
        mwn_recompute_after(b->recompute, i);
    }
}

/* The backward pass in the least memory, but there is no gain in less than `least`: spacings
 * are tried in turn, and of equal ones the closest is taken. */
static size_t place_gradients_best(struct backward *b, size_t least)
{
    size_t best = SIZE_MAX;
    int best_spacing = 0, spacing = 1;
    for (; !b->pool->failed && best > least; spacing *= 2) {
        place_gradients(b, spacing);
        if (b->pool->high < best) {
            best = b->pool->high;
            best_spacing = spacing;
        }
        if (spacing >= b->recompute->deepest)
            break;
    }
    if (!b->pool->failed && b->recompute->spacing != best_spacing)
        place_gradients(b, best_spacing);
    return best > least ? best : least;
}

static void mark_trainable(struct mwn_plan *plan)
{
    const struct mwn_graph *graph = plan->shared->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const struct mwn_node *node = &graph->nodes[i];
        bool needs = node->param[0] >= 0;
        for (int k = 0; k < 2; k++)
            needs = needs || (node->input[k] != MWN_NO_NODE &&
                              plan->places[node->input[k]].needs_grad);
        plan->places[i].needs_grad = needs;
    }
}

static void place_evaluation(struct mwn_plan *plan, struct mwn_pool *pool,
                             struct passing *walk)
{
    fuse_norms(plan);
    place_outputs_passing(plan, pool, walk->left, walk->y);
}

static void place_training(struct mwn_plan *plan, struct mwn_pool *pool,
                           struct passing *walk, struct pieces *pieces)
{
    struct mwn_recompute recompute;
    struct backward backward = {plan, pool, pieces, &recompute};
    if (!mwn_recompute_init(&recompute, plan, pool)) {
        pool->failed = true;
    } else {
        share_sums(plan);
        place_outputs_kept(plan);
        mark_trainable(plan);
        place_passing(plan, pool, walk);
        /* Tangents and gradients never live at the same time. */
        plan->scratch_bytes = place_gradients_best(&backward, pool->high);
    }
    mwn_recompute_release(&recompute);
}

mwn_status mwn_plan_memory(struct mwn_plan *plan, struct mwn_error *err)
{
    size_t count = (size_t)plan->shared->graph->node_count;
    struct mwn_pool pool = {0};
    struct passing walk = {0};
    struct pieces *pieces = mwn_alloc(count, sizeof *pieces);
    int *room = mwn_alloc(3 * count, sizeof *room);
    bool failed = !room || !pieces;
    if (!failed) {
        walk = (struct passing){room, room + count, room + 2 * count};
        if (plan->trains)
            place_training(plan, &pool, &walk, pieces);
        else
            place_evaluation(plan, &pool, &walk);
        failed = pool.failed;
    }
    mwn_free(room);
    mwn_free(pieces);
    mwn_pool_release(&pool);
    return failed ? mwn_fail_memory(err, count * 64, "the memory plan") : MWN_OK;
}
