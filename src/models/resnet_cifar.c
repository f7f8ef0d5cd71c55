/* resnet_cifar.c - the CIFAR ResNets of He et al. 2016 (section 4.2): a 3x3 convolution with
 * 16 channels, three stages of (depth - 2)/6 basic blocks with 16, 32 and 64 channels, global
 * average, a linear layer. Shortcuts of option A (subsample, zero channels on both sides) or
 * B (1x1 convolution and batch-norm). Kaiming-normal initialisation (fan-in) of convolutions
 * and of the linear weight, as in the published Meta-Weight-Net code. */
#include "models/model.h"

#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 64 };

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

static int conv_of(struct mwn_graph *graph, int x, const char *name, const int size[4])
{
    struct mwn_conv_spec spec = {.out = size[1],
                                 .kernel_h = size[2],
                                 .kernel_w = size[2],
                                 .stride = size[3],
                                 .pad = size[2] / 2,
                                 .init = MWN_INIT_NORMAL,
                                 .scale = sqrt(2.0 / (size[0] * size[2] * size[2]))};
    return mwn_graph_conv(graph, x, name, &spec);
}

/* One basic block; in and out are channels. */
static int block_of(struct mwn_graph *graph, int x, const char *prefix, const int size[3],
                    bool option_a)
{
    int in = size[0], out = size[1], stride = size[2], residual = x;
    char name[NAME_MAX_LENGTH];
#define NAMED(suffix) (snprintf(name, sizeof name, "%s.%s", prefix, suffix), name)
    if (stride != 1 || in != out) {
        if (option_a) {
            residual = mwn_graph_shortcut(graph, x, out, stride);
        } else {
            residual = conv_of(graph, x, NAMED("shortcut.0"), (int[4]){in, out, 1, stride});
            residual = mwn_graph_bnorm(graph, residual, MWN_NO_NODE, false,
                                       NAMED("shortcut.1"));
        }
    }
    x = conv_of(graph, x, NAMED("conv1"), (int[4]){in, out, 3, stride});
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, NAMED("bn1"));
    x = conv_of(graph, x, NAMED("conv2"), (int[4]){out, out, 3, 1});
    return mwn_graph_bnorm(graph, x, residual, true, NAMED("bn2"));
#undef NAMED
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
    int x = mwn_graph_input(graph, sample);
    x = conv_of(graph, x, "conv1", (int[4]){sample.c, 16, 3, 1});
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, "bn1");
    for (int stage = 0, in = 16; stage < 3; stage++) {
        int out = 16 << stage;
        for (int i = 0; i < blocks; i++, in = out) {
            char prefix[NAME_MAX_LENGTH / 2];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, i);
            x = block_of(graph, x, prefix, (int[3]){in, out, stage && !i ? 2 : 1}, option_a);
        }
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
