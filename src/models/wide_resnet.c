/* wide_resnet.c - Wide ResNets of Zagoruyko and Komodakis 2016, wrn-DEPTH-WIDTH: a 3x3
 * convolution with 16 channels, three groups of (depth - 4)/6 pre-activation blocks with
 * 16k, 32k and 64k channels, batch-norm, ReLU, global average, a linear layer. Where the width
 * changes, the shortcut is a 1x1 convolution of the activated input. Convolutions start as
 * N(0, 2/(k*k*out)), the head's bias at 0. Modules are named as in the published code:
 * block1.layer.0.conv1, ..., bn1, fc. */
#include "models/model.h"

#include "base/status.h"
#include "models/blocks.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads "wrn-DEPTH-WIDTH". */
static bool parse(const char *name, int *depth, int *width)
{
    char *end;
    if (strncmp(name, "wrn-", 4) != 0 || !isdigit((unsigned char)name[4]))
        return false;
    long d = strtol(name + 4, &end, 10);
    if (*end != '-' || !isdigit((unsigned char)end[1]))
        return false;
    long k = strtol(end + 1, &end, 10);
    if (*end || d < 10 || d > 1000 || d % 6 != 4 || k < 1 || k > 100)
        return false;
    *depth = (int)d;
    *width = (int)k;
    return true;
}

static bool wrn_matches(const char *name)
{
    int depth, width;
    return parse(name, &depth, &width);
}

/* One pre-activation block with `out` channels. */
static int wide_block(struct mwn_block *block, int x, int out, int stride, double dropout)
{
    int active = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn1");
    int shortcut = x;
    if (!block->graph->failed && block->graph->nodes[x].shape.c != out)
        shortcut = mwn_block_conv(block, active, "convShortcut", out, 1, stride);
    x = mwn_block_conv(block, active, "conv1", out, 3, stride);
    x = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn2");
    if (dropout > 0)
        x = mwn_graph_dropout(block->graph, x, dropout);
    x = mwn_block_conv(block, x, "conv2", out, 3, 1);
    return mwn_graph_add(block->graph, x, shortcut);
}

static mwn_status wrn_build(struct mwn_graph *graph,
                            const struct mwn_model_options *options,
                            struct mwn_shape sample, int classes, struct mwn_error *err)
{
    int depth, width;
    if (!parse(options->name, &depth, &width))
        return mwn_fail(err, MWN_ERR_CONFIG, "model.name: %s is no Wide ResNet",
                        options->name);
    struct mwn_block block = {.graph = graph, .init = MWN_CONV_FAN_OUT};
    int x = mwn_graph_input(graph, sample);
    x = mwn_block_conv(&block, x, "conv1", 16, 3, 1);
    for (int group = 0; group < 3; group++)
        for (int i = 0; i < (depth - 4) / 6; i++) {
            snprintf(block.prefix, sizeof block.prefix, "block%d.layer.%d", group + 1, i);
            x = wide_block(&block, x, (16 << group) * width, group && !i ? 2 : 1,
                           options->dropout);
        }
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, "bn1");
    x = mwn_graph_gpool(graph, x);
    struct mwn_linear_spec head = {.out = classes, .zero_bias = true};
    mwn_graph_output(graph, mwn_graph_linear(graph, x, "fc", &head));
    return MWN_OK;
}

const struct mwn_model mwn_model_wide_resnet = {
    .pattern = "wrn-D-K",
    .summary = "Wide ResNet of depth D = 6n + 4 and width K, for 32x32 images: wrn-28-10",
    .matches = wrn_matches,
    .build = wrn_build,
};
