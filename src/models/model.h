/* model.h - the list of networks. A model is one file and one line in model_list.h. */
#ifndef MWN_MODELS_MODEL_H
#define MWN_MODELS_MODEL_H

#include "base/base.h"
#include "base/option.h"
#include "nn/graph.h"

/* What stands between a linear layer of mlp and its ReLU. */
enum mwn_model_norm { MWN_MODEL_NORM_NONE, MWN_MODEL_NORM_BATCH };

/* What an ImageNet ResNet begins with: a 7x7 convolution of stride 2 and pooling, or a 3x3
 * convolution. */
enum mwn_model_stem { MWN_MODEL_STEM_IMAGENET, MWN_MODEL_STEM_CIFAR };

/* Section "model" of the options. */
struct mwn_model_options {
    char *name;                 /* e.g. "resnet32", "wrn-28-10", "mlp" */
    struct mwn_int_list hidden; /* mlp: hidden sizes                   */
    int norm;                   /* mlp: enum mwn_model_norm            */
    double dropout; /* wrn: between the convolutions; mlp: after each hidden layer */
    char *shortcut; /* resnet: "A" or "B"                  */
    int stem;       /* ImageNet ResNets: enum mwn_model_stem */
    char *init;     /* file to load before training        */
};
extern const struct mwn_option mwn_model_option_rows[];

struct mwn_model {
    const char *pattern; /* how names look: "resnet20|32|44|56", "wrn-D-K" */
    const char *summary;
    /* Whether the name is one of this family's. */
    bool (*matches)(const char *name);
    /* Builds the graph for samples of a shape. */
    mwn_status (*build)(struct mwn_graph *graph, const struct mwn_model_options *options,
                        struct mwn_shape sample, int classes, struct mwn_error *err);
};

#define MWN_MODEL(name) extern const struct mwn_model mwn_model_##name;
#include "models/model_list.h"
#undef MWN_MODEL

/* All of them, NULL-terminated. */
extern const struct mwn_model *const mwn_models[];

/* Finds the family by options->name and builds; checks the graph. On failure the graph is
 * released. */
MWN_MUST_CHECK mwn_status mwn_model_build(struct mwn_graph *graph,
                                          const struct mwn_model_options *options,
                                          struct mwn_shape sample, int classes,
                                          struct mwn_error *err);
#endif
