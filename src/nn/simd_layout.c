/* simd_layout.c - how the flat vectors hold the parameters for the vector kernels. */
#include "nn/simd_layout.h"

static const struct mwn_node *node_of(const struct mwn_graph *graph, int p)
{
    return &graph->nodes[graph->params[p].node];
}

static bool is_linear_weight(const struct mwn_graph *graph, int p)
{
    return node_of(graph, p)->op == MWN_OP_linear && graph->params[p].dims == 2;
}

/* Of a convolution between blocked activations. */
static bool is_blocked_weight(const struct mwn_graph *graph, int p)
{
    const struct mwn_node *node = node_of(graph, p);
    return node->op == MWN_OP_conv && graph->params[p].dims == 4 &&
           graph->nodes[node->input[0]].op != MWN_OP_input;
}

size_t mwn_simd_channels(int block, int channels)
{
    size_t size = (size_t)block;
    return ((size_t)channels + size - 1) / size * size;
}

size_t mwn_simd_param_size(int block, const struct mwn_graph *graph, int p)
{
    const struct mwn_param *param = &graph->params[p];
    size_t out = mwn_simd_channels(block, param->shape[0]);
    if (is_linear_weight(graph, p))
        return out * (size_t)param->shape[1];
    if (is_blocked_weight(graph, p))
        return out * mwn_simd_channels(block, param->shape[1]) * (size_t)param->shape[2] *
               (size_t)param->shape[3];
    return node_of(graph, p)->op == MWN_OP_conv && param->dims == 1 ? out : param->count;
}

size_t mwn_simd_param_place(int block, const struct mwn_graph *graph, int p, size_t i)
{
    const struct mwn_param *param = &graph->params[p];
    size_t b = (size_t)block, in, window, o, c;
    if (is_linear_weight(graph, p)) {
        in = (size_t)param->shape[1];
        o = i / in;
        return (o / b * in + i % in) * b + o % b;
    }
    if (!is_blocked_weight(graph, p))
        return i;
    window = (size_t)param->shape[2] * (size_t)param->shape[3];
    in = (size_t)param->shape[1];
    o = i / window / in;
    c = i / window % in;
    return (((o / b * ((in + b - 1) / b) + c / b) * window + i % window) * b + c % b) * b +
           o % b;
}
