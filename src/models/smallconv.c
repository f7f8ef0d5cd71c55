/* smallconv.c - a small convolutional network for 28x28 images: two 3x3 convolutions with
 * batch-norm, ReLU and 2x2 maximum pooling, a hidden layer of 128, a linear head. PyTorch's
 * default initialisation. Modules: conv1, bn1, conv2, bn2, fc1, fc2. */
#include "models/model.h"

#include <string.h>

static bool smallconv_matches(const char *name)
{
    return strcmp(name, "smallconv") == 0;
}

static mwn_status smallconv_build(struct mwn_graph *graph,
                                  const struct mwn_model_options *options,
                                  struct mwn_shape sample, int classes,
                                  struct mwn_error *err)
{
    (void)err;
    struct mwn_conv_spec conv = {
        .out = 16, .kernel_h = 3, .kernel_w = 3, .stride = 1, .pad = 1};
    int x = mwn_graph_input(graph, sample);
    x = mwn_graph_conv(graph, x, "conv1", &conv);
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, "bn1");
    x = mwn_graph_maxpool(graph, x, 2, 2, 0);
    conv.out = 32;
    x = mwn_graph_conv(graph, x, "conv2", &conv);
    x = mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, "bn2");
    x = mwn_graph_maxpool(graph, x, 2, 2, 0);
    x = mwn_graph_flatten(graph, x);
    x = mwn_graph_linear(graph, x, "fc1", &(struct mwn_linear_spec){.out = 128});
    x = mwn_graph_relu(graph, x);
    if (options->dropout > 0)
        x = mwn_graph_dropout(graph, x, options->dropout);
    x = mwn_graph_linear(graph, x, "fc2", &(struct mwn_linear_spec){.out = classes});
    mwn_graph_output(graph, x);
    return MWN_OK;
}

const struct mwn_model mwn_model_smallconv = {
    .pattern = "smallconv",
    .summary = "two convolutions and two linear layers, for 28x28 images",
    .matches = smallconv_matches,
    .build = smallconv_build,
};
