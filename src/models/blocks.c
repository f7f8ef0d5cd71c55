/* blocks.c - convolutions and batch-norms with the names and initial values of their network. */
#include "models/blocks.h"

#include <math.h>
#include <stdio.h>

static const char *full_name(const struct mwn_block *block, const char *name, char out[64])
{
    snprintf(out, 64, "%s%s%s", block->prefix, block->prefix[0] ? "." : "", name);
    return out;
}

int mwn_block_conv(struct mwn_block *block, int x, const char *name, int out, int kernel,
                   int stride)
{
    char full[64];
    if (block->graph->failed)
        return MWN_NO_NODE;
    int in = block->graph->nodes[x].shape.c;
    int fan = kernel * kernel * (block->init == MWN_CONV_FAN_IN ? in : out);
    struct mwn_conv_spec spec = {.out = out,
                                 .kernel_h = kernel,
                                 .kernel_w = kernel,
                                 .stride = stride,
                                 .pad = kernel / 2,
                                 .init = MWN_INIT_NORMAL,
                                 .scale =
                                     block->init == MWN_CONV_DEFAULT ? 0 : sqrt(2.0 / fan)};
    return mwn_graph_conv(block->graph, x, full_name(block, name, full), &spec);
}

int mwn_block_norm(struct mwn_block *block, int x, int residual, bool relu,
                   const char *name)
{
    char full[64];
    return mwn_graph_bnorm(block->graph, x, residual, relu, full_name(block, name, full));
}

int mwn_block_project(struct mwn_block *block, int x, const char *name, int out, int stride)
{
    char part[2][16];
    for (int i = 0; i < 2; i++)
        snprintf(part[i], sizeof part[i], "%s.%d", name, i);
    x = mwn_block_conv(block, x, part[0], out, 1, stride);
    return mwn_block_norm(block, x, MWN_NO_NODE, false, part[1]);
}
