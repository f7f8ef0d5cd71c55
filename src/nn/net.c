/* net.c - a graph with parameters, memory and plans: the learner of our own networks. */
#include "nn/net.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "nn/backend.h"
#include "nn/plan.h"
#include "tensor/vec.h"

#include <omp.h>
#include <string.h>

enum slot { SLOT_TRAIN, SLOT_META, SLOT_EVAL, SLOT_COUNT };
enum { PLANS_MAX = 16 };

struct region {
    char *bytes; /* owned */
    size_t size;
};

struct mwn_net {
    struct mwn_graph graph;
    struct mwn_backend backend;      /* owns what the two others share           */
    struct mwn_backend precision[2]; /* train and evaluation; meta               */
    struct mwn_plan_shared shared, shared_meta;
    bool gamma_uniform;
    size_t item;    /* bytes of a number            */
    size_t vector;  /* numbers in a flat vector     */
    size_t head;    /* first number of the last layer */
    size_t *layers; /* owned [layer_count]: first number of each conv or linear layer */
    size_t layer_count;
    struct region params;
    struct region activation[2]; /* train; meta and evaluation */
    struct region scratch, work;
    bool pretrained; /* the parameters were not drawn but come from a file */
    struct mwn_plan *plans[SLOT_COUNT][PLANS_MAX]; /* owned; the latest first */
    struct mwn_plan *last; /* borrowed: the plan of the last training forward */
};

static mwn_status region_grow(struct region *region, size_t size, const char *what,
                              struct mwn_error *err)
{
    if (size <= region->size)
        return MWN_OK;
    char *bytes = mwn_arena_alloc(size);
    if (!bytes)
        return mwn_fail_memory(err, size, what);
    if (region->bytes)
        mwn_arena_free(region->bytes, region->size);
    region->bytes = bytes;
    region->size = size;
    return MWN_OK;
}

static void region_release(struct region *region)
{
    if (region->bytes)
        mwn_arena_free(region->bytes, region->size);
    *region = (struct region){0};
}

/* ---- creation ---- */

/* Places every parameter in the flat vector, 64-byte aligned. */
static mwn_status place_params(struct mwn_net *net, struct mwn_error *err)
{
    size_t at = 0;
    net->shared.param_at = mwn_alloc((size_t)net->graph.param_count + 1, sizeof(ptrdiff_t));
    net->layers = mwn_alloc((size_t)net->graph.param_count + 1, sizeof *net->layers);
    if (!net->shared.param_at || !net->layers)
        return mwn_fail_memory(err, sizeof(ptrdiff_t), "the parameters' places");
    for (int p = 0; p < net->graph.param_count; p++) {
        size_t size = 0;
        mwn_status status =
            net->backend.param_size(&net->backend, &net->graph, p, &size, err);
        if (status != MWN_OK)
            return status;
        net->shared.param_at[p] = (ptrdiff_t)at;
        if (p == net->graph.nodes[net->graph.output].param[0])
            net->head = at / net->item;
        if (p == 0 || net->graph.params[p].dims > 1)
            net->layers[net->layer_count++] = at / net->item;
        at += (size * net->item + MWN_VECTOR_ALIGNMENT - 1) / MWN_VECTOR_ALIGNMENT *
              MWN_VECTOR_ALIGNMENT;
    }
    net->vector = at / net->item;
    return region_grow(&net->params, at ? at : MWN_VECTOR_ALIGNMENT, "the parameters", err);
}

static mwn_status make_stats(struct mwn_net *net, struct mwn_error *err)
{
    size_t count = (size_t)net->graph.stats_count;
    net->shared.mean = mwn_alloc(count, sizeof(double *));
    net->shared.variance = mwn_alloc(count, sizeof(double *));
    if (!net->shared.mean || !net->shared.variance)
        return mwn_fail_memory(err, count * sizeof(double *), "the running statistics");
    for (int i = 0; i < net->graph.node_count; i++) {
        int s = net->graph.nodes[i].stats;
        if (s < 0)
            continue;
        size_t c = (size_t)net->graph.nodes[i].shape.c;
        net->shared.mean[s] = mwn_alloc(c, sizeof(double));
        net->shared.variance[s] = mwn_alloc(c, sizeof(double));
        if (!net->shared.mean[s] || !net->shared.variance[s])
            return mwn_fail_memory(err, c * sizeof(double), "the running statistics");
        for (size_t k = 0; k < c; k++)
            net->shared.variance[s][k] = 1;
    }
    return MWN_OK;
}

static double initial(const struct mwn_param *param, bool gamma_uniform,
                      struct mwn_rng *rng)
{
    switch (param->init) {
    case MWN_INIT_ZERO:
        return 0;
    case MWN_INIT_ONE:
        return 1;
    case MWN_INIT_GAMMA:
        return gamma_uniform ? mwn_rng_unit(rng) : 1;
    case MWN_INIT_UNIFORM:
        return param->scale * (2 * mwn_rng_unit(rng) - 1);
    case MWN_INIT_NORMAL:
        return param->scale * mwn_rng_normal(rng);
    }
    return 0;
}

/* Initial values of the parameters from `first` on, for network number `which`. */
static mwn_status initialise(const struct mwn_net *net, void *vector, uint64_t which,
                             int first, struct mwn_error *err)
{
    for (int p = first; p < net->graph.param_count; p++) {
        const struct mwn_param *param = &net->graph.params[p];
        struct mwn_rng rng =
            mwn_rng_at(net->shared.seed, MWN_STREAM_INIT, which, (uint64_t)p);
        double *values = mwn_alloc(param->count, sizeof *values);
        if (!values)
            return mwn_fail_memory(err, param->count * sizeof *values, param->name);
        for (size_t i = 0; i < param->count; i++)
            values[i] = initial(param, net->gamma_uniform, &rng);
        mwn_net_set(net, vector, p, values);
        mwn_free(values);
    }
    return MWN_OK;
}

mwn_status mwn_net_create(mwn_net **out, struct mwn_graph *graph_taken,
                          const struct mwn_net_options *options, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_net *net = mwn_alloc(1, sizeof *net);
    if (!net) {
        mwn_graph_release(graph_taken);
        return mwn_fail_memory(err, sizeof *net, "the network");
    }
    net->graph = *graph_taken;
    memset(graph_taken, 0, sizeof *graph_taken);
    net->gamma_uniform = options->gamma_uniform;
    net->item = mwn_dtype_size(options->dtype);
    net->shared.graph = &net->graph;
    net->shared.backend = &net->precision[0];
    net->shared.bn_eps = options->bn_eps;
    net->shared.bn_momentum = options->bn_momentum;
    net->shared.seed = options->seed;
    net->shared.low_memory = options->low_memory;
    MWN_TRY(mwn_graph_check(&net->graph, err));
    MWN_TRY(mwn_backend_open(&net->backend, options->backend, options->dtype,
                             options->threads, err));
    MWN_TRY(place_params(net, err));
    MWN_TRY(make_stats(net, err));
    MWN_TRY(initialise(net, net->params.bytes, 0, 0, err));
    MWN_TRY(
        mwn_backend_variant(&net->backend, options->precision, &net->precision[0], err));
    MWN_TRY(mwn_backend_variant(&net->backend, options->meta_precision, &net->precision[1],
                                err));
    net->shared_meta = net->shared;
    net->shared_meta.backend = &net->precision[1];
    *out = net;
    net = NULL;
out:
    mwn_net_free(net);
    return status;
}

void mwn_net_free(mwn_net *net)
{
    if (!net)
        return;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        for (int i = 0; i < PLANS_MAX; i++)
            mwn_plan_free(net->plans[slot][i]);
    for (int s = 0; s < net->graph.stats_count; s++) {
        if (net->shared.mean)
            mwn_free(net->shared.mean[s]);
        if (net->shared.variance)
            mwn_free(net->shared.variance[s]);
    }
    mwn_free(net->shared.mean);
    mwn_free(net->shared.variance);
    mwn_free(net->shared.param_at);
    mwn_free(net->layers);
    region_release(&net->params);
    region_release(&net->activation[0]);
    region_release(&net->activation[1]);
    region_release(&net->scratch);
    region_release(&net->work);
    mwn_backend_close(&net->backend);
    mwn_graph_release(&net->graph);
    mwn_free(net);
}

/* ---- what it holds ---- */

const struct mwn_graph *mwn_net_graph(const mwn_net *net)
{
    return &net->graph;
}

enum mwn_dtype mwn_net_dtype(const mwn_net *net)
{
    return net->backend.dtype;
}

const char *mwn_net_backend(const mwn_net *net)
{
    return net->precision[0].name;
}

int mwn_net_threads(const mwn_net *net)
{
    return net->backend.threads;
}

bool mwn_net_has(const mwn_net *net, enum mwn_precision precision)
{
    struct mwn_backend variant;
    return mwn_backend_variant(&net->backend, precision, &variant, NULL) == MWN_OK;
}

int mwn_net_classes(const mwn_net *net)
{
    return net->graph.nodes[net->graph.output].shape.c;
}

size_t mwn_net_count(const mwn_net *net)
{
    size_t count = 0;
    for (int p = 0; p < net->graph.param_count; p++)
        count += net->graph.params[p].count;
    return count;
}

size_t mwn_net_vector(const mwn_net *net)
{
    return net->vector;
}

void *mwn_net_params(mwn_net *net)
{
    return net->params.bytes;
}

void mwn_net_get(const mwn_net *net, const void *vector, int p, double *out)
{
    net->backend.param_get(&net->backend, &net->graph, p,
                           (const char *)vector + net->shared.param_at[p], out);
}

void mwn_net_set(const mwn_net *net, void *vector, int p, const double *in)
{
    net->backend.param_set(&net->backend, &net->graph, p,
                           (char *)vector + net->shared.param_at[p], in);
}

static const struct mwn_node *stats_node(const mwn_net *net, int s)
{
    const struct mwn_node *node = net->graph.nodes;
    while (node->stats != s)
        node++;
    return node;
}

const char *mwn_net_stats_name(const mwn_net *net, int s, int *channels)
{
    const struct mwn_node *node = stats_node(net, s);
    *channels = node->shape.c;
    return node->name;
}

void mwn_net_get_stats(const mwn_net *net, int s, double *mean, double *variance)
{
    size_t bytes = (size_t)stats_node(net, s)->shape.c * sizeof(double);
    memcpy(mean, net->shared.mean[s], bytes);
    memcpy(variance, net->shared.variance[s], bytes);
}

void mwn_net_set_stats(mwn_net *net, int s, const double *mean, const double *variance)
{
    size_t bytes = (size_t)stats_node(net, s)->shape.c * sizeof(double);
    memcpy(net->shared.mean[s], mean, bytes);
    memcpy(net->shared.variance[s], variance, bytes);
}

double mwn_net_flops(const mwn_net *net)
{
    double flops = 0;
    for (int p = 0; p < net->graph.param_count; p++) {
        const struct mwn_param *param = &net->graph.params[p];
        const struct mwn_shape *out = &net->graph.nodes[param->node].shape;
        if (param->dims > 1)
            flops += 2.0 * (double)param->count * out->h * out->w;
    }
    return flops;
}

size_t mwn_net_memory(const mwn_net *net)
{
    return net->params.size + net->activation[0].size + net->activation[1].size +
           net->scratch.size + net->work.size;
}

void mwn_net_trace(mwn_net *net, const struct mwn_trace *trace)
{
    net->shared.trace = trace;
    net->shared_meta.trace = trace;
}

/* ---- plans ---- */

/* The plan for n samples in a slot; made if it is not there, the oldest one gives way. */
static mwn_status find_plan(mwn_net *net, enum slot slot, size_t n, struct mwn_plan **out,
                            struct mwn_error *err)
{
    struct mwn_plan **plans = net->plans[slot];
    for (int i = 0; i < PLANS_MAX && plans[i]; i++)
        if (plans[i]->n == n) {
            *out = plans[i];
            return MWN_OK;
        }
    struct mwn_plan *plan = NULL;
    mwn_status status = MWN_OK;
    omp_set_num_threads(net->backend.threads);
    MWN_TRY(mwn_plan_create(&plan, slot == SLOT_META ? &net->shared_meta : &net->shared, n,
                            slot != SLOT_EVAL, err));
    MWN_TRY(region_grow(&net->activation[slot != SLOT_TRAIN], plan->activation_bytes,
                        "the activations", err));
    MWN_TRY(region_grow(&net->scratch, plan->scratch_bytes, "the gradients", err));
    MWN_TRY(region_grow(&net->work, plan->work_bytes, "the work space", err));
    mwn_plan_free(plans[PLANS_MAX - 1]);
    memmove(plans + 1, plans, (PLANS_MAX - 1) * sizeof *plans);
    plans[0] = plan;
    *out = plan;
    plan = NULL;
out:
    mwn_plan_free(plan);
    return status;
}

mwn_status mwn_net_plan(mwn_net *net, size_t n, size_t m, struct mwn_error *err)
{
    struct mwn_plan *plan;
    mwn_status status = n ? find_plan(net, SLOT_TRAIN, n, &plan, err) : MWN_OK;
    if (status == MWN_OK && m)
        status = find_plan(net, SLOT_META, m, &plan, err);
    return status;
}

mwn_status mwn_net_plan_eval(mwn_net *net, size_t n, struct mwn_error *err)
{
    struct mwn_plan *plan;
    return find_plan(net, SLOT_EVAL, n, &plan, err);
}

static struct mwn_binding binding(const mwn_net *net, enum slot slot, const void *params)
{
    return (struct mwn_binding){.activation = net->activation[slot != SLOT_TRAIN].bytes,
                                .scratch = net->scratch.bytes,
                                .work = net->work.bytes,
                                .params = params};
}

/* ---- the learner ---- */

static mwn_status net_forward(void *self, const struct mwn_batch *batch, double *loss,
                              struct mwn_error *err)
{
    mwn_net *net = self;
    mwn_status status = MWN_OK;
    MWN_TRY(find_plan(net, SLOT_TRAIN, batch->n, &net->last, err));
    omp_set_num_threads(net->backend.threads);
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    MWN_TRY(mwn_plan_forward(
        net->last, &at, &(struct mwn_input){batch->x, MWN_PASS_TRAIN, batch->key}, err));
    MWN_TRY(mwn_loss_forward(&net->last->loss, mwn_plan_logits(net->last, &at), batch, loss,
                             err));
out:
    return status;
}

static mwn_status net_backward(void *self, const double *coef, void *grad,
                               struct mwn_error *err)
{
    mwn_net *net = self;
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    at.grad = grad;
    return mwn_plan_backward(net->last, &at, coef, err);
}

static mwn_status net_jvp(void *self, const void *dir, size_t from, double *dloss,
                          struct mwn_error *err)
{
    mwn_net *net = self;
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    at.dir = dir;
    return mwn_plan_jvp(net->last, &at, (ptrdiff_t)(from * net->item), dloss, err);
}

static mwn_status net_meta(void *self, const void *params, const struct mwn_batch *batch,
                           const struct mwn_meta_pass *pass, struct mwn_error *err)
{
    mwn_net *net = self;
    mwn_status status = MWN_OK;
    struct mwn_plan *plan;
    MWN_TRY(find_plan(net, SLOT_META, batch->n, &plan, err));
    struct mwn_binding at = binding(net, SLOT_META, params);
    MWN_TRY(mwn_plan_forward(
        plan, &at, &(struct mwn_input){batch->x, MWN_PASS_META, batch->key}, err));
    MWN_TRY(
        mwn_loss_forward(&plan->loss, mwn_plan_logits(plan, &at), batch, pass->loss, err));
    if (pass->grad) {
        at.grad = pass->grad;
        if (pass->slope)
            pass->slope(batch->n, pass->loss, pass->coef);
        MWN_TRY(mwn_plan_backward_from(plan, &at, pass->slope ? pass->coef : NULL,
                                       (ptrdiff_t)(pass->from * net->item), err));
    }
out:
    return status;
}

static mwn_status net_output(void *self, double *out, struct mwn_error *err)
{
    (void)err;
    mwn_net_logits(self, out);
    return MWN_OK;
}

static mwn_status net_pull_both(void *self, const double *slope, const double *by_feature,
                                void *grad, struct mwn_error *err)
{
    mwn_net *net = self;
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    at.grad = grad;
    at.by_feature = by_feature;
    return mwn_plan_pull(net->last, &at, slope, err);
}

static mwn_status net_pull(void *self, const double *slope, void *grad,
                           struct mwn_error *err)
{
    return net_pull_both(self, slope, NULL, grad, err);
}

/* The numbers that the last layer gets of a sample; 0 if it is not a linear one, which alone
 * reads the plain layout. */
static size_t feature_count(const mwn_net *net)
{
    const struct mwn_graph *graph = &net->graph;
    const struct mwn_node *last = &graph->nodes[graph->output];
    if (last->op != MWN_OP_linear)
        return 0;
    struct mwn_shape in = graph->nodes[last->input[0]].shape;
    return (size_t)in.c * (size_t)in.h * (size_t)in.w;
}

static mwn_status net_feature(void *self, double *out, struct mwn_error *err)
{
    mwn_net *net = self;
    (void)err;
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    mwn_vec_to_double(net->backend.dtype, net->last->n * feature_count(net),
                      mwn_plan_features(net->last, &at), out);
    return MWN_OK;
}

static mwn_status net_tangent(void *self, const void *dir, size_t from, double *dout,
                              struct mwn_error *err)
{
    mwn_net *net = self;
    size_t count = net->last->n * (size_t)mwn_net_classes(net);
    const void *tangent = NULL;
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    at.dir = dir;
    mwn_status status =
        mwn_plan_tangent(net->last, &at, (ptrdiff_t)(from * net->item), &tangent, err);
    if (status == MWN_OK && tangent)
        mwn_vec_to_double(net->backend.dtype, count, tangent, dout);
    else if (status == MWN_OK)
        memset(dout, 0, count * sizeof *dout);
    return status;
}

static size_t input_size(const mwn_net *net)
{
    const struct mwn_shape *shape = &net->graph.nodes[0].shape;
    return (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
}

/* All running means and variances, norm after norm. */
static size_t stats_count(const mwn_net *net)
{
    size_t count = 0;
    for (int i = 0; i < net->graph.node_count; i++)
        if (net->graph.nodes[i].stats >= 0)
            count += 2 * (size_t)net->graph.nodes[i].shape.c;
    return count;
}

static void swap_numbers(size_t n, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void net_exchange(void *self, void **params, double *stats)
{
    mwn_net *net = self;
    void *own = net->params.bytes;
    net->params.bytes = *params;
    *params = own;
    for (int s = 0; s < net->graph.stats_count; s++) {
        size_t c = (size_t)stats_node(net, s)->shape.c;
        swap_numbers(c, net->shared.mean[s], stats);
        swap_numbers(c, net->shared.variance[s], stats + c);
        stats += 2 * c;
    }
}

/* What was learned elsewhere is shared; then only the last layer, which is drawn anew, tells
 * the two apart. */
static mwn_status net_another(void *self, void *params, double *stats,
                              struct mwn_error *err)
{
    mwn_net *net = self;
    int first = net->pretrained ? net->graph.nodes[net->graph.output].param[0] : 0;
    memset(params, 0, net->vector * net->item);
    if (net->pretrained)
        memcpy(params, net->params.bytes, net->vector * net->item);
    for (int s = 0; s < net->graph.stats_count; s++) {
        size_t c = (size_t)stats_node(net, s)->shape.c;
        for (size_t k = 0; k < c; k++) {
            stats[k] = net->pretrained ? net->shared.mean[s][k] : 0;
            stats[c + k] = net->pretrained ? net->shared.variance[s][k] : 1;
        }
        stats += 2 * c;
    }
    return initialise(net, params, 1, first, err);
}

void mwn_net_set_pretrained(mwn_net *net)
{
    net->pretrained = true;
}

void mwn_net_learner(mwn_net *net, struct mwn_learner *out)
{
    *out = (struct mwn_learner){.self = net,
                                .dtype = net->backend.dtype,
                                .n_params = net->vector,
                                .params = net->params.bytes,
                                .head = net->head,
                                .forward = net_forward,
                                .backward = net_backward,
                                .jvp = net_jvp,
                                .meta = net_meta,
                                .layers = net->layers,
                                .layer_count = net->layer_count,
                                .classes = (size_t)mwn_net_classes(net),
                                .output = net_output,
                                .pull = net_pull,
                                .features = feature_count(net),
                                .feature = net_feature,
                                .tangent = net_tangent,
                                .n_stats = stats_count(net),
                                .exchange = net_exchange,
                                .another = net_another,
                                .inputs = input_size(net),
                                .pull_both = net_pull_both};
}

mwn_status mwn_net_infer(mwn_net *net, const struct mwn_batch *batch, double *logits,
                         struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_plan *plan;
    MWN_TRY(find_plan(net, SLOT_EVAL, batch->n, &plan, err));
    omp_set_num_threads(net->backend.threads);
    struct mwn_binding at = binding(net, SLOT_EVAL, net->params.bytes);
    MWN_TRY(mwn_plan_forward(
        plan, &at, &(struct mwn_input){batch->x, MWN_PASS_EVAL, batch->key}, err));
    mwn_vec_to_double(net->backend.dtype, batch->n * (size_t)mwn_net_classes(net),
                      mwn_plan_logits(plan, &at), logits);
out:
    return status;
}

void mwn_net_logits(const mwn_net *net, double *logits)
{
    struct mwn_binding at = binding(net, SLOT_TRAIN, net->params.bytes);
    mwn_vec_to_double(net->backend.dtype, net->last->n * (size_t)mwn_net_classes(net),
                      mwn_plan_logits(net->last, &at), logits);
}

void mwn_net_margins(const mwn_net *net, double *margin, int32_t *rival)
{
    const struct mwn_loss *loss = &net->last->loss;
    memcpy(margin, loss->margin, loss->n * sizeof *margin);
    memcpy(rival, loss->rival, loss->n * sizeof *rival);
}
