/* resnet_cifar.c - the CIFAR ResNets of He et al. 2016 (section 4.2): a 3x3 convolution with
 * 16 channels, three stages of (depth - 2)/6 basic blocks with 16, 32 and 64 channels, global
 * average, a linear layer. Shortcuts of option A (subsample, zero channels on both sides) or
 * B (1x1 convolution and batch-norm). Kaiming-normal initialisation (fan-in) of convolutions
 * and of the linear weight, as in the published Meta-Weight-Net code. */
#include "models/model.h"

#include "base/status.h"
#include "models/blocks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int depth_of(const char *name)
{
    static const int depths[] = {8, 20, 32, 44, 56, 110};
    for (size_t i = 0; i < MWN_COUNT(depths); i++) {
        char known[16];
        snprintf(known, sizeof known, "resnet%d", depths[i]);
        if (strcmp(name, known) == 0)
            return depths[i];
    }
    return 0;
}

static bool resnet_matches(const char *name)
{
    return depth_of(name) != 0;
}

/* One basic block with `out` channels. */
static int basic_block(struct mwn_block *block, int x, int out, int stride, bool option_a)
{
    int residual = x;
    if (!block->graph->failed && (stride != 1 || block->graph->nodes[x].shape.c != out)) {
        residual = option_a ? mwn_graph_shortcut(block->graph, x, out, stride)
                            : mwn_block_project(block, x, "shortcut", out, stride);
    }
    x = mwn_block_conv(block, x, "conv1", out, 3, stride);
    x = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn1");
    x = mwn_block_conv(block, x, "conv2", out, 3, 1);
    return mwn_block_norm(block, x, residual, true, "bn2");
}

static mwn_status resnet_build(struct mwn_graph *graph,
                               const struct mwn_model_options *options,
                               struct mwn_shape sample, int classes, struct mwn_error *err)
{
    bool option_a = strcmp(options->shortcut, "A") == 0;
    if (!option_a && strcmp(options->shortcut, "B") != 0)
        return mwn_fail(err, MWN_ERR_CONFIG, "model.shortcut: '%s' is not A or B",
                        options->shortcut);
    int blocks = (depth_of(options->name) - 2) / 6;
    struct mwn_block block = {.graph = graph, .init = MWN_CONV_FAN_IN};
    int x = mwn_graph_input(graph, sample);
    x = mwn_block_conv(&block, x, "conv1", 16, 3, 1);
    x = mwn_block_norm(&block, x, MWN_NO_NODE, true, "bn1");
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < blocks; i++) {
            snprintf(block.prefix, sizeof block.prefix, "layer%d.%d", stage + 1, i);
            x = basic_block(&block, x, 16 << stage, stage && !i ? 2 : 1, option_a);
        }
    x = mwn_graph_gpool(graph, x);
    struct mwn_linear_spec head = {
        .out = classes, .init = MWN_INIT_NORMAL, .scale = sqrt(2.0 / 64)};
    mwn_graph_output(graph, mwn_graph_linear(graph, x, "linear", &head));
    return MWN_OK;
}

const struct mwn_model mwn_model_resnet_cifar = {
    .pattern = "resnet20|32|44|56",
    .summary = "ResNet for 32x32 images, 16-32-64 channels, shortcuts A or B (also 8, 110)",
    .matches = resnet_matches,
    .build = resnet_build,
};
