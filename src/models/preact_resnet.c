/* preact_resnet.c - PreAct-ResNet-18 for 32x32 images (He et al. 2016, identity mappings): a
 * 3x3 convolution with 64 channels, four stages of two pre-activation blocks with 64 to 512
 * channels, global average, a linear layer. PyTorch's default initialisation, as the code
 * bases of label-noise papers use it. */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

static bool preact_matches(const char *name)
{
    return strcmp(name, "preact-resnet18") == 0;
}

static int conv_of(struct mwn_graph *graph, int x, const char *name, const int size[3])
{
    struct mwn_conv_spec spec = {.out = size[0],
                                 .kernel_h = size[1],
                                 .kernel_w = size[1],
                                 .stride = size[2],
                                 .pad = size[1] / 2};
    return mwn_graph_conv(graph, x, name, &spec);
}

static int block_of(struct mwn_graph *graph, int x, const char *prefix, const int size[3])
{
    char name[64];
#define NAMED(suffix) (snprintf(name, sizeof name, "%s.%s", prefix, suffix), name)
    int active = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, NAMED("bn1"));
    int shortcut = x;
    if (size[0] != size[1] || size[2] != 1)
        shortcut = conv_of(graph, active, NAMED("shortcut.0"), (int[3]){size[1], 1, size[2]});
    x = conv_of(graph, active, NAMED("conv1"), (int[3]){size[1], 3, size[2]});
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, NAMED("bn2"));
    x = conv_of(graph, x, NAMED("conv2"), (int[3]){size[1], 3, 1});
    return mwn_graph_add(graph, x, shortcut);
#undef NAMED
}

static mwn_status preact_build(struct mwn_graph *graph,
                               const struct mwn_model_options *options,
                               struct mwn_shape sample, int classes, struct mwn_error *err)
{
    (void)options;
    (void)err;
    int x = mwn_graph_input(graph, sample), in = 64;
    x = conv_of(graph, x, "conv1", (int[3]){64, 3, 1});
    for (int stage = 0; stage < 4; stage++) {
        int out = 64 << stage;
        for (int i = 0; i < 2; i++, in = out) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, i);
            x = block_of(graph, x, prefix, (int[3]){in, out, stage && !i ? 2 : 1});
        }
    }
    x = mwn_graph_gpool(graph, x);
    mwn_graph_output(
        graph, mwn_graph_linear(graph, x, "linear", &(struct mwn_linear_spec){.out = classes}));
    return MWN_OK;
}

const struct mwn_model mwn_model_preact_resnet = {
    .pattern = "preact-resnet18",
    .summary = "PreAct-ResNet-18 for 32x32 images",
    .matches = preact_matches,
    .build = preact_build,
};
