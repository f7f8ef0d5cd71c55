/* plan_recompute.c - low memory: outputs that are not kept.
 *
 * An output is passing, that is not kept for backward and tangent, if its operator can compute
 * it once more from its inputs and from what forward saved (batch-norm, shortcuts, dropout).
 * Forward and tangent meet the nodes in the same order: there an output is computed at its turn
 * and dies after its last reader. Backward meets them from the end, and an output may hang on a
 * chain of others: the sums of residual blocks, each made from the one before.
 *
 * With the depth of an output counted in recomputations, `spacing` divides the chains into
 * segments of that many. The first wish computes a chain from its start and leaves only the
 * first output of each segment (their posts), and every later wish starts from the post below
 * and leaves all of its own segment, for the wishes that come next. So an output is computed at
 * most twice in a backward pass, whatever the spacing is, and about depth / spacing + spacing
 * of them are there at a time. */
#include "nn/plan_recompute.h"

#include "base/mem.h"
#include "nn/plan_memory.h"

#include <string.h>

static const struct mwn_node *node_at(const struct mwn_plan *plan, int i)
{
    return &plan->shared->graph->nodes[i];
}

static bool reads_x(const struct mwn_plan *plan, int i)
{
    return !mwn_layer_impl(&plan->layers[i])->ignores_x;
}

/* Whether a reader of node i writes its own output over it. */
static bool is_written_over(const struct mwn_plan *plan, int i)
{
    for (int j = i + 1; j < plan->shared->graph->node_count; j++)
        if (node_at(plan, j)->input[0] == i && mwn_plan_is_in_place(plan, j))
            return true;
    return false;
}

/* What the last layer reads stays: a learner's features are asked for at any time. */
static void choose(struct mwn_recompute *r)
{
    struct mwn_plan *plan = r->plan;
    int output = plan->shared->graph->output, features = node_at(plan, output)->input[0];
    for (int i = 1; i < plan->shared->graph->node_count; i++) {
        struct mwn_place *place = &plan->places[i];
        place->passing = mwn_layer_impl(&plan->layers[i])->recompute && i != output &&
                         i != features && !is_written_over(plan, i);
        for (int k = 0; k < 2 && place->passing; k++) {
            int in = node_at(plan, i)->input[k];
            int depth = in == MWN_NO_NODE ? 1 : r->depth[in] + 1;
            r->depth[i] = depth > r->depth[i] ? depth : r->depth[i];
        }
        r->deepest = r->depth[i] > r->deepest ? r->depth[i] : r->deepest;
    }
}

bool mwn_recompute_init(struct mwn_recompute *r, struct mwn_plan *plan,
                        struct mwn_pool *pool)
{
    size_t count = (size_t)plan->shared->graph->node_count;
    *r = (struct mwn_recompute){.plan = plan, .pool = pool, .spacing = 1};
    r->depth = mwn_alloc(count, sizeof *r->depth);
    r->id = mwn_alloc(count, sizeof *r->id);
    r->left = mwn_alloc(count, sizeof *r->left);
    r->dies = mwn_alloc(count, sizeof *r->dies);
    if (!r->depth || !r->id || !r->left || !r->dies)
        return false;
    if (plan->shared->low_memory)
        choose(r);
    return true;
}

void mwn_recompute_release(struct mwn_recompute *r)
{
    mwn_free(r->depth);
    mwn_free(r->id);
    mwn_free(r->left);
    mwn_free(r->dies);
}

void mwn_recompute_begin(struct mwn_recompute *r, int spacing)
{
    r->spacing = spacing;
    for (int i = 0; i < r->plan->shared->graph->node_count; i++)
        r->id[i] = MWN_NO_BUFFER;
}

static bool is_there(const struct mwn_recompute *r, int i)
{
    return !r->plan->places[i].passing || r->id[i] != MWN_NO_BUFFER;
}

static void forget(struct mwn_recompute *r, int i)
{
    mwn_pool_drop(r->pool, r->id[i]);
    r->id[i] = MWN_NO_BUFFER;
}

/* Whether output i, computed on the way to `target`, stays for later. */
static bool stays(const struct mwn_recompute *r, int i, int target)
{
    int depth = r->depth[i];
    return depth % r->spacing == 0 || depth / r->spacing == r->depth[target] / r->spacing;
}

/* Computes output i, whose inputs are there. */
static void compute(struct mwn_recompute *r, int i)
{
    r->id[i] = mwn_pool_alloc(r->pool, mwn_plan_output_bytes(r->plan, i));
    mwn_plan_push(r->plan, r->pool,
                  (struct mwn_action){.kind = MWN_ACTION_RECOMPUTE,
                                      .node = i,
                                      .dst = mwn_pool_offset(r->pool, r->id[i])});
    for (int k = 0; k < 2; k++) {
        int in = node_at(r->plan, i)->input[k];
        if (in != MWN_NO_NODE && --r->left[in] == 0 && r->dies[in])
            forget(r, in);
    }
}

/* Computes `target`, and before it what is missing for that. */
static void wish(struct mwn_recompute *r, int target)
{
    if (is_there(r, target))
        return;
    memset(r->left, 0, (size_t)(target + 1) * sizeof *r->left);
    r->left[target] = 1;
    for (int i = target; i > 0; i--) {
        bool missing = r->left[i] && !is_there(r, i);
        r->dies[i] = missing && i != target && !stays(r, i, target);
        for (int k = 0; k < 2 && missing; k++)
            if (node_at(r->plan, i)->input[k] != MWN_NO_NODE)
                r->left[node_at(r->plan, i)->input[k]]++;
    }
    for (int i = 1; i <= target && !r->pool->failed; i++)
        if (r->left[i] && !is_there(r, i))
            compute(r, i);
}

void mwn_recompute_before(struct mwn_recompute *r, int i)
{
    if (mwn_layer_reads_y(&r->plan->layers[i]))
        wish(r, i);
    if (reads_x(r->plan, i) && node_at(r->plan, i)->input[0] != MWN_NO_NODE)
        wish(r, node_at(r->plan, i)->input[0]);
}

void mwn_recompute_after(struct mwn_recompute *r, int i)
{
    if (r->id[i] != MWN_NO_BUFFER)
        forget(r, i);
}

static void want(struct mwn_plan *plan, int i)
{
    if (i != MWN_NO_NODE)
        plan->places[i].wanted = plan->places[i].passing;
}

void mwn_recompute_mark_wanted(struct mwn_plan *plan)
{
    for (int i = 0; i < plan->shared->graph->node_count; i++)
        plan->places[i].wanted = false;
    for (int i = plan->shared->graph->node_count - 1; i > 0; i--) {
        const int *input = node_at(plan, i)->input;
        bool runs = plan->layers[i].ty != NULL;
        if (runs && mwn_layer_reads_y(&plan->layers[i]))
            want(plan, i);
        if (runs && reads_x(plan, i))
            want(plan, input[0]);
        for (int k = 0; k < 2 && plan->places[i].wanted; k++)
            want(plan, input[k]);
    }
}
