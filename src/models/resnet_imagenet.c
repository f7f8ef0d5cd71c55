/* resnet_imagenet.c - the ImageNet ResNets of He et al. 2016 (table 1), resnet18, resnet34 and
 * resnet50, for 224x224 images or others of at least about 64x64: a 7x7 convolution with 64
 * channels and stride 2, 3x3 maximum pooling, four stages of basic blocks or of bottlenecks
 * (1x1, 3x3, 1x1 with four times the channels), global average, a linear layer. As in
 * torchvision, whose modules and order of parameters these are: stride in a bottleneck's 3x3
 * convolution, convolutions N(0, 2/(k*k*out)), PyTorch's default for the linear layer. With
 * model.stem=cifar a 3x3 convolution is all that stands before the stages: the form in which
 * papers on label noise train them on images of 32x32. */
#include "models/model.h"

#include "base/status.h"
#include "models/blocks.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 4 };

struct variant {
    const char *name;
    int blocks[STAGES];
    int expansion; /* 4: bottlenecks; 1: basic blocks */
};

static const struct variant variants[] = {
    {"resnet18", {2, 2, 2, 2}, 1},
    {"resnet34", {3, 4, 6, 3}, 1},
    {"resnet50", {3, 4, 6, 3}, 4},
};

static const struct variant *variant_of(const char *name)
{
    for (size_t i = 0; i < MWN_COUNT(variants); i++)
        if (strcmp(name, variants[i].name) == 0)
            return &variants[i];
    return NULL;
}

static bool imagenet_matches(const char *name)
{
    return variant_of(name) != NULL;
}

struct layer {
    int out, kernel, stride;
};

/* A projection to `out` channels and down by `stride`; x itself where both stay. */
static int shortcut(struct mwn_block *block, int x, int out, int stride)
{
    if (block->graph->failed || (stride == 1 && block->graph->nodes[x].shape.c == out))
        return x;
    return mwn_block_project(block, x, "downsample", out, stride);
}

/* One residual block: convolutions with batch-norm, the shortcut added before the last
 * ReLU. */
static int residual_block(struct mwn_block *block, int x, int width, int stride,
                          int expansion)
{
    const struct layer basic[] = {{width, 3, stride}, {width, 3, 1}};
    const struct layer bottleneck[] = {
        {width, 1, 1}, {width, 3, stride}, {expansion * width, 1, 1}};
    const struct layer *layers = expansion == 1 ? basic : bottleneck;
    const int last = expansion == 1 ? 1 : 2;
    char name[16];
    int y = x;
    for (int i = 0; i <= last; i++) {
        snprintf(name, sizeof name, "conv%d", i + 1);
        y = mwn_block_conv(block, y, name, layers[i].out, layers[i].kernel,
                           layers[i].stride);
        snprintf(name, sizeof name, "bn%d", i + 1);
        if (i < last)
            y = mwn_block_norm(block, y, MWN_NO_NODE, true, name);
    }
    int first = block->graph->param_count;
    int residual = shortcut(block, x, layers[last].out, stride);
    int projected = block->graph->param_count - first;
    y = mwn_block_norm(block, y, residual, true, name);
    mwn_graph_params_last(block->graph, first, projected);
    return y;
}

static int stem(struct mwn_block *block, int x, bool small)
{
    x = mwn_block_conv(block, x, "conv1", 64, small ? 3 : 7, small ? 1 : 2);
    x = mwn_block_norm(block, x, MWN_NO_NODE, true, "bn1");
    return small ? x : mwn_graph_maxpool(block->graph, x, 3, 2, 1);
}

static mwn_status imagenet_build(struct mwn_graph *graph,
                                 const struct mwn_model_options *options,
                                 struct mwn_shape sample, int classes,
                                 struct mwn_error *err)
{
    const struct variant *variant = variant_of(options->name);
    if (!variant)
        return mwn_fail(err, MWN_ERR_CONFIG, "model.name: %s is no ImageNet ResNet",
                        options->name);
    struct mwn_block block = {.graph = graph, .init = MWN_CONV_FAN_OUT};
    int x =
        stem(&block, mwn_graph_input(graph, sample), options->stem == MWN_MODEL_STEM_CIFAR);
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < variant->blocks[stage]; i++) {
            snprintf(block.prefix, sizeof block.prefix, "layer%d.%d", stage + 1, i);
            x = residual_block(&block, x, 64 << stage, stage && !i ? 2 : 1,
                               variant->expansion);
        }
    x = mwn_graph_gpool(graph, x);
    mwn_graph_output(
        graph, mwn_graph_linear(graph, x, "fc", &(struct mwn_linear_spec){.out = classes}));
    return MWN_OK;
}

const struct mwn_model mwn_model_resnet_imagenet = {
    .pattern = "resnet18|34|50",
    .summary = "ResNet for 224x224 images (model.stem=cifar: 32x32), torchvision's tensors",
    .matches = imagenet_matches,
    .build = imagenet_build,
};
