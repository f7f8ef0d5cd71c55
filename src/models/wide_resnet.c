/* wide_resnet.c - Wide ResNets of Zagoruyko and Komodakis 2016, wrn-DEPTH-WIDTH: a 3x3
 * convolution with 16 channels, three groups of (depth - 4)/6 pre-activation blocks with
 * 16k, 32k and 64k channels, batch-norm, ReLU, global average, a linear layer. Where the width
 * changes, the shortcut is a 1x1 convolution of the activated input. Convolutions start as
 * N(0, 2/(k*k*out)), the head's bias at 0. Modules are named as in the published code:
 * block1.layer.0.conv1, ..., bn1, fc. */
#include "models/model.h"

#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool parse(const char *name, int *depth, int *width)
{
    int end = 0;
    return sscanf(name, "wrn-%3d-%3d%n", depth, width, &end) == 2 && name[end] == '\0' &&
           *depth >= 10 && *depth % 6 == 4 && *width >= 1;
}

static bool wrn_matches(const char *name)
{
    int depth, width;
    return parse(name, &depth, &width);
}

static int conv_of(struct mwn_graph *graph, int x, const char *name, const int size[3])
{
    struct mwn_conv_spec spec = {.out = size[0],
                                 .kernel_h = size[1],
                                 .kernel_w = size[1],
                                 .stride = size[2],
                                 .pad = size[1] / 2,
                                 .init = MWN_INIT_NORMAL,
                                 .scale = sqrt(2.0 / (size[1] * size[1] * size[0]))};
    return mwn_graph_conv(graph, x, name, &spec);
}

static int block_of(struct mwn_graph *graph, int x, const char *prefix, const int size[3],
                    double dropout)
{
    char name[64];
    bool same = size[0] == size[1];
#define NAMED(suffix) (snprintf(name, sizeof name, "%s.%s", prefix, suffix), name)
    int active = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, NAMED("bn1"));
    int shortcut = x;
    if (!same)
        shortcut =
            conv_of(graph, active, NAMED("convShortcut"), (int[3]){size[1], 1, size[2]});
    x = conv_of(graph, active, NAMED("conv1"), (int[3]){size[1], 3, size[2]});
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, NAMED("bn2"));
    if (dropout > 0)
        x = mwn_graph_dropout(graph, x, dropout);
    x = conv_of(graph, x, NAMED("conv2"), (int[3]){size[1], 3, 1});
    return mwn_graph_add(graph, x, shortcut);
#undef NAMED
}

static mwn_status wrn_build(struct mwn_graph *graph, const struct mwn_model_options *options,
                            struct mwn_shape sample, int classes, struct mwn_error *err)
{
    int depth, width;
    if (!parse(options->name, &depth, &width))
        return mwn_fail(err, MWN_ERR_CONFIG, "model.name: %s is no Wide ResNet",
                        options->name);
    int x = mwn_graph_input(graph, sample), in = 16;
    x = conv_of(graph, x, "conv1", (int[3]){16, 3, 1});
    for (int group = 0; group < 3; group++) {
        int out = (16 << group) * width;
        for (int i = 0; i < (depth - 4) / 6; i++, in = out) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "block%d.layer.%d", group + 1, i);
            x = block_of(graph, x, prefix, (int[3]){in, out, group && !i ? 2 : 1},
                         options->dropout);
        }
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
