/* graph.c - builders of the static network: shapes, parameters and their names. */
#include "nn/graph.h"

#include "base/mem.h"
#include "base/status.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of a node's output: products of its sides fit into an int, with room for borders. */
enum { NUMBERS_MAX = 1 << 30 };

__attribute__((format(printf, 2, 3))) static int graph_fail(struct mwn_graph *g,
                                                            const char *format, ...)
{
    if (!g->failed) {
        va_list args;
        va_start(args, format);
        vsnprintf(g->reason, sizeof g->reason, format, args);
        va_end(args);
    }
    g->failed = true;
    return MWN_NO_NODE;
}

/* Grows an owned array so that one more item fits. */
static bool graph_grow(struct mwn_graph *g, void **items, int count, int *room, size_t size)
{
    if (count < *room)
        return true;
    int wanted = *room ? 2 * *room : 32;
    void *grown = mwn_resize(*items, (size_t)wanted, size);
    if (!grown) {
        graph_fail(g, "out of memory");
        return false;
    }
    *items = grown;
    *room = wanted;
    return true;
}

static int graph_node(struct mwn_graph *g, enum mwn_op op, int a, int b,
                      struct mwn_shape shape)
{
    if (g->failed)
        return MWN_NO_NODE;
    if (shape.c < 1 || shape.h < 1 || shape.w < 1)
        return graph_fail(g, "node %d would have the shape %d x %d x %d", g->node_count,
                          shape.c, shape.h, shape.w);
    if ((double)shape.c * shape.h * shape.w > NUMBERS_MAX)
        return graph_fail(g, "node %d would have %d x %d x %d numbers, which is too many",
                          g->node_count, shape.c, shape.h, shape.w);
    void *items = g->nodes;
    if (!graph_grow(g, &items, g->node_count, &g->node_room, sizeof *g->nodes))
        return MWN_NO_NODE;
    g->nodes = items;
    struct mwn_node *node = &g->nodes[g->node_count];
    memset(node, 0, sizeof *node);
    node->op = op;
    node->input[0] = a;
    node->input[1] = b;
    node->shape = shape;
    node->param[0] = node->param[1] = -1;
    node->stats = -1;
    return g->node_count++;
}

static struct mwn_shape graph_shape(const struct mwn_graph *g, int x)
{
    if (g->failed || x < 0 || x >= g->node_count)
        return (struct mwn_shape){0, 0, 0};
    return g->nodes[x].shape;
}

/* Adds parameter `slot` of a node. */
static void graph_param(struct mwn_graph *g, int node, int slot, const char *suffix,
                        const int *shape, int dims)
{
    if (g->failed)
        return;
    void *items = g->params;
    if (!graph_grow(g, &items, g->param_count, &g->param_room, sizeof *g->params))
        return;
    g->params = items;
    struct mwn_param *p = &g->params[g->param_count];
    memset(p, 0, sizeof *p);
    int length = snprintf(p->name, sizeof p->name, "%s.%s", g->nodes[node].name, suffix);
    if (length < 0 || (size_t)length >= sizeof p->name) {
        graph_fail(g, "the name of module %s is too long", g->nodes[node].name);
        return;
    }
    p->dims = dims;
    p->count = 1;
    for (int i = 0; i < dims; i++) {
        p->shape[i] = shape[i];
        p->count *= (size_t)shape[i];
    }
    p->node = node;
    g->nodes[node].param[slot] = g->param_count++;
}

static void graph_init(struct mwn_graph *g, int node, int slot, enum mwn_init init,
                       double scale)
{
    if (g->failed)
        return;
    struct mwn_param *p = &g->params[g->nodes[node].param[slot]];
    p->init = init;
    p->scale = scale;
}

static void graph_name(struct mwn_graph *g, int node, const char *name)
{
    if (g->failed)
        return;
    size_t size = strlen(name) + 1;
    if (size > sizeof g->nodes[node].name)
        graph_fail(g, "the module name %s is too long", name);
    else
        memcpy(g->nodes[node].name, name, size);
}

mwn_status mwn_graph_check(const struct mwn_graph *graph, struct mwn_error *err)
{
    if (graph->failed && strcmp(graph->reason, "out of memory") == 0)
        return mwn_fail_memory(err, sizeof *graph->nodes, "a network's graph");
    if (graph->failed)
        return mwn_fail(err, MWN_ERR_CONFIG, "the network does not fit the samples: %s",
                        graph->reason);
    return MWN_OK;
}

void mwn_graph_release(struct mwn_graph *graph)
{
    mwn_free(graph->nodes);
    mwn_free(graph->params);
    memset(graph, 0, sizeof *graph);
}

int mwn_graph_input(struct mwn_graph *g, struct mwn_shape shape)
{
    return graph_node(g, MWN_OP_input, MWN_NO_NODE, MWN_NO_NODE, shape);
}

int mwn_graph_conv(struct mwn_graph *g, int x, const char *name,
                   const struct mwn_conv_spec *spec)
{
    struct mwn_shape in = graph_shape(g, x);
    if (spec->stride < 1 || spec->kernel_h < 1 || spec->kernel_w < 1 || spec->pad < 0)
        return graph_fail(g, "convolution %s has no valid kernel", name);
    if (in.h + 2 * spec->pad < spec->kernel_h || in.w + 2 * spec->pad < spec->kernel_w)
        return graph_fail(g, "the kernel of %s is larger than its input", name);
    struct mwn_shape out = {spec->out,
                            (in.h + 2 * spec->pad - spec->kernel_h) / spec->stride + 1,
                            (in.w + 2 * spec->pad - spec->kernel_w) / spec->stride + 1};
    int node = graph_node(g, MWN_OP_conv, x, MWN_NO_NODE, out);
    graph_name(g, node, name);
    if (g->failed)
        return MWN_NO_NODE;
    struct mwn_node *n = &g->nodes[node];
    n->kernel_h = spec->kernel_h;
    n->kernel_w = spec->kernel_w;
    n->stride = spec->stride;
    n->pad = spec->pad;
    int shape[4] = {spec->out, in.c, spec->kernel_h, spec->kernel_w};
    double bound = 1.0 / sqrt((double)in.c * spec->kernel_h * spec->kernel_w);
    graph_param(g, node, 0, "weight", shape, 4);
    graph_init(g, node, 0, spec->scale > 0 ? spec->init : MWN_INIT_UNIFORM,
               spec->scale > 0 ? spec->scale : bound);
    if (spec->bias) {
        graph_param(g, node, 1, "bias", shape, 1);
        graph_init(g, node, 1, MWN_INIT_UNIFORM, bound);
    }
    return g->failed ? MWN_NO_NODE : node;
}

int mwn_graph_bnorm(struct mwn_graph *g, int x, int residual, bool relu, const char *name)
{
    struct mwn_shape in = graph_shape(g, x);
    if (residual != MWN_NO_NODE) {
        struct mwn_shape r = graph_shape(g, residual);
        if (r.c != in.c || r.h != in.h || r.w != in.w)
            return graph_fail(g, "the residual of %s has another shape", name);
    }
    int node = graph_node(g, MWN_OP_bnorm, x, residual, in);
    graph_name(g, node, name);
    graph_param(g, node, 0, "weight", &in.c, 1);
    graph_init(g, node, 0, MWN_INIT_GAMMA, 1);
    graph_param(g, node, 1, "bias", &in.c, 1);
    graph_init(g, node, 1, MWN_INIT_ZERO, 0);
    if (g->failed)
        return MWN_NO_NODE;
    g->nodes[node].relu = relu;
    g->nodes[node].stats = g->stats_count++;
    return node;
}

int mwn_graph_relu(struct mwn_graph *g, int x)
{
    return graph_node(g, MWN_OP_relu, x, MWN_NO_NODE, graph_shape(g, x));
}

int mwn_graph_add(struct mwn_graph *g, int a, int b)
{
    struct mwn_shape sa = graph_shape(g, a), sb = graph_shape(g, b);
    if (sa.c != sb.c || sa.h != sb.h || sa.w != sb.w)
        return graph_fail(g, "an addition of two shapes");
    return graph_node(g, MWN_OP_add, a, b, sa);
}

int mwn_graph_shortcut(struct mwn_graph *g, int x, int channels, int stride)
{
    struct mwn_shape in = graph_shape(g, x);
    if (stride < 1 || channels < in.c || (channels - in.c) % 2)
        return graph_fail(g, "a shortcut from %d to %d channels", in.c, channels);
    struct mwn_shape out = {channels, (in.h - 1) / stride + 1, (in.w - 1) / stride + 1};
    int node = graph_node(g, MWN_OP_shortcut, x, MWN_NO_NODE, out);
    if (!g->failed)
        g->nodes[node].stride = stride;
    return node;
}

static int graph_pool(struct mwn_graph *g, enum mwn_op op, int x, int kernel,
                      const int geometry[2])
{
    struct mwn_shape in = graph_shape(g, x);
    int stride = geometry[0], pad = geometry[1];
    if (kernel < 1 || kernel > 15 || stride < 1 || pad < 0 || 2 * pad > kernel ||
        in.h + 2 * pad < kernel || in.w + 2 * pad < kernel)
        return graph_fail(g, "a pooling window of %d over %d x %d", kernel, in.h, in.w);
    struct mwn_shape out = {in.c, (in.h + 2 * pad - kernel) / stride + 1,
                            (in.w + 2 * pad - kernel) / stride + 1};
    int node = graph_node(g, op, x, MWN_NO_NODE, out);
    if (g->failed)
        return MWN_NO_NODE;
    struct mwn_node *n = &g->nodes[node];
    n->kernel_h = n->kernel_w = kernel;
    n->stride = stride;
    n->pad = pad;
    return node;
}

int mwn_graph_avgpool(struct mwn_graph *g, int x, int kernel, int stride, int pad)
{
    return graph_pool(g, MWN_OP_avgpool, x, kernel, (int[2]){stride, pad});
}

int mwn_graph_maxpool(struct mwn_graph *g, int x, int kernel, int stride, int pad)
{
    return graph_pool(g, MWN_OP_maxpool, x, kernel, (int[2]){stride, pad});
}

int mwn_graph_gpool(struct mwn_graph *g, int x)
{
    return graph_node(g, MWN_OP_gpool, x, MWN_NO_NODE,
                      (struct mwn_shape){graph_shape(g, x).c, 1, 1});
}

int mwn_graph_flatten(struct mwn_graph *g, int x)
{
    struct mwn_shape in = graph_shape(g, x);
    return graph_node(g, MWN_OP_flatten, x, MWN_NO_NODE,
                      (struct mwn_shape){in.c * in.h * in.w, 1, 1});
}

int mwn_graph_linear(struct mwn_graph *g, int x, const char *name,
                     const struct mwn_linear_spec *spec)
{
    struct mwn_shape in = graph_shape(g, x);
    if (in.h != 1 || in.w != 1)
        return graph_fail(g, "the input of %s is not flat", name);
    int node =
        graph_node(g, MWN_OP_linear, x, MWN_NO_NODE, (struct mwn_shape){spec->out, 1, 1});
    graph_name(g, node, name);
    int shape[2] = {spec->out, in.c};
    double bound = 1.0 / sqrt((double)in.c);
    graph_param(g, node, 0, "weight", shape, 2);
    graph_init(g, node, 0, spec->scale > 0 ? spec->init : MWN_INIT_UNIFORM,
               spec->scale > 0 ? spec->scale : bound);
    graph_param(g, node, 1, "bias", shape, 1);
    graph_init(g, node, 1, spec->zero_bias ? MWN_INIT_ZERO : MWN_INIT_UNIFORM, bound);
    return g->failed ? MWN_NO_NODE : node;
}

int mwn_graph_dropout(struct mwn_graph *g, int x, double rate)
{
    if (rate < 0 || rate >= 1)
        return graph_fail(g, "a dropout rate of %g", rate);
    int node = graph_node(g, MWN_OP_dropout, x, MWN_NO_NODE, graph_shape(g, x));
    if (!g->failed)
        g->nodes[node].rate = rate;
    return node;
}

void mwn_graph_params_last(struct mwn_graph *g, int first, int count)
{
    if (g->failed)
        return;
    assert(first >= 0 && count >= 0 && first + count <= g->param_count);
    int behind = g->param_count - first - count;
    for (int k = 0; k < count; k++) {
        struct mwn_param moved = g->params[first];
        memmove(&g->params[first], &g->params[first + 1],
                (size_t)(g->param_count - first - 1) * sizeof moved);
        g->params[g->param_count - 1] = moved;
    }
    for (int i = 0; i < g->node_count; i++)
        for (int slot = 0; slot < 2; slot++) {
            int *p = &g->nodes[i].param[slot];
            if (*p >= first)
                *p += *p < first + count ? behind : -count;
        }
}

void mwn_graph_output(struct mwn_graph *g, int x)
{
    struct mwn_shape out = graph_shape(g, x);
    if (!g->failed && (out.h != 1 || out.w != 1))
        graph_fail(g, "the logits are not flat");
    g->output = x;
}
