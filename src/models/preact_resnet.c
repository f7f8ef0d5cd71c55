/* preact_resnet.c - PreAct-ResNet-18 and 34 for 32x32 images (He et al. 2016, identity
 * mappings): a 3x3 convolution with 64 channels, four stages of two to six pre-activation
 * blocks with 64 to 512 channels, global average, a linear layer. PyTorch's default
 * initialisation, as the code bases of label-noise papers use it. */
#include "models/model.h"

#include "base/status.h"
#include "models/blocks.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 4 };

/* Blocks in each stage; NULL for other names. */
static const int *blocks_of(const char *name)
{
    static const int of18[STAGES] = {2, 2, 2, 2}, of34[STAGES] = {3, 4, 6, 3};
    if (strcmp(name, "preact-resnet18") == 0)
        return of18;
    return strcmp(name, "preact-resnet34") == 0 ? of34 : NULL;
}

static bool preact_matches(const char *name)
{
    return blocks_of(name) != NULL;
}

/* One pre-activation block with `out` channels. */
static int preact_block(struct mwn_block *block, int x, int out, int stride)
{
    int active = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn1");
    int shortcut = x;
    if (!block->graph->failed && (stride != 1 || block->graph->nodes[x].shape.c != out))
        shortcut = mwn_block_conv(block, active, "shortcut.0", out, 1, stride);
    x = mwn_block_conv(block, active, "conv1", out, 3, stride);
    x = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn2");
    x = mwn_block_conv(block, x, "conv2", out, 3, 1);
    return mwn_graph_add(block->graph, x, shortcut);
}

static mwn_status preact_build(struct mwn_graph *graph,
                               const struct mwn_model_options *options,
                               struct mwn_shape sample, int classes, struct mwn_error *err)
{
    const int *blocks = blocks_of(options->name);
    if (!blocks)
        return mwn_fail(err, MWN_ERR_CONFIG, "model.name: %s is no PreAct-ResNet",
                        options->name);
    struct mwn_block block = {.graph = graph, .init = MWN_CONV_DEFAULT};
    int x = mwn_graph_input(graph, sample);
    x = mwn_block_conv(&block, x, "conv1", 64, 3, 1);
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < blocks[stage]; i++) {
            snprintf(block.prefix, sizeof block.prefix, "layer%d.%d", stage + 1, i);
            x = preact_block(&block, x, 64 << stage, stage && !i ? 2 : 1);
        }
    x = mwn_graph_gpool(graph, x);
    mwn_graph_output(graph, mwn_graph_linear(graph, x, "linear",
                                             &(struct mwn_linear_spec){.out = classes}));
    return MWN_OK;
}

const struct mwn_model mwn_model_preact_resnet = {
    .pattern = "preact-resnet18|34",
    .summary = "PreAct-ResNet for 32x32 images, 64 to 512 channels",
    .matches = preact_matches,
    .build = preact_build,
};
