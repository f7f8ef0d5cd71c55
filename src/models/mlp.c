/* mlp.c - multilayer perceptron: linear and ReLU layers over a flattened sample, a linear
 * head; with model.norm=batch a batch-norm between each linear layer and its ReLU. PyTorch's
 * default initialisation. Modules in PyTorch's order: fc1, bn1, fc2, bn2, ... */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

static bool mlp_matches(const char *name)
{
    return strcmp(name, "mlp") == 0;
}

static mwn_status mlp_build(struct mwn_graph *graph,
                            const struct mwn_model_options *options,
                            struct mwn_shape sample, int classes, struct mwn_error *err)
{
    (void)err;
    bool norm = options->norm == MWN_MODEL_NORM_BATCH;
    int x = mwn_graph_input(graph, sample);
    if (sample.h > 1 || sample.w > 1)
        x = mwn_graph_flatten(graph, x);
    size_t layers = options->hidden.count + 1;
    for (size_t i = 0; i < layers; i++) {
        char name[32];
        bool last = i + 1 == layers;
        snprintf(name, sizeof name, "fc%zu", i + 1);
        struct mwn_linear_spec spec = {.out =
                                           last ? classes : (int)options->hidden.item[i]};
        x = mwn_graph_linear(graph, x, name, &spec);
        snprintf(name, sizeof name, "bn%zu", i + 1);
        if (!last)
            x = norm ? mwn_graph_bnorm(graph, x, MWN_NO_NODE, true, name)
                     : mwn_graph_relu(graph, x);
        if (!last && options->dropout > 0)
            x = mwn_graph_dropout(graph, x, options->dropout);
    }
    mwn_graph_output(graph, x);
    return MWN_OK;
}

const struct mwn_model mwn_model_mlp = {
    .pattern = "mlp",
    .summary = "multilayer perceptron for tables, embeddings and small images",
    .matches = mlp_matches,
    .build = mlp_build,
};
