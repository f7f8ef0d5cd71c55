/* model.c - the table of networks and the options of section model. */
#include "models/model.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"

#include <string.h>

#define FIELD(name) offsetof(struct mwn_model_options, name)

static const char *const norm_choices[] = {"none", "batch", NULL};
static const char *const stem_choices[] = {"imagenet", "cifar", NULL};

const struct mwn_option mwn_model_option_rows[] = {
    {"name", MWN_OPT_TEXT, FIELD(name), "resnet32", 0, 0, NULL,
     "Network; mwnet list models shows them all."},
    {"hidden", MWN_OPT_LIST, FIELD(hidden), "256", 1, 1 << 20, NULL,
     "Sizes of the hidden layers of mlp; empty for a linear classifier."},
    {"norm", MWN_OPT_CHOICE, FIELD(norm), "none", 0, 0, norm_choices,
     "Normalisation in mlp behind each hidden layer: batch-norm (its constants are those "
     "of "
     "section bn) or none."},
    {"dropout", MWN_OPT_REAL, FIELD(dropout), "0", 0, 0.95, NULL,
     "Dropout rate: in wrn between a block's convolutions, in mlp after a hidden layer."},
    {"shortcut", MWN_OPT_TEXT, FIELD(shortcut), "A", 0, 0, NULL,
     "Shortcut where a CIFAR ResNet changes its width: A (subsample and pad) or B (1x1 "
     "convolution)."},
    {"stem", MWN_OPT_CHOICE, FIELD(stem), "imagenet", 0, 0, stem_choices,
     "First layers of resnet18, 34 and 50: imagenet (a 7x7 convolution of stride 2, then "
     "maximum pooling) or cifar (a 3x3 convolution, for images of about 32x32)."},
    {"init", MWN_OPT_TEXT, FIELD(init), "", 0, 0, NULL,
     "Safetensors file with the parameters to start from; empty to start at random."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

const struct mwn_model *const mwn_models[] = {
#define MWN_MODEL(name) &mwn_model_##name,
#include "models/model_list.h"
#undef MWN_MODEL
    NULL,
};

static mwn_status unknown_model(const char *name, struct mwn_error *err)
{
    struct mwn_buf names = {0};
    for (size_t i = 0; mwn_models[i]; i++)
        mwn_buf_printf(&names, "%s%s", i ? ", " : "", mwn_models[i]->pattern);
    char *text = mwn_buf_take(&names);
    mwn_fail(err, MWN_ERR_CONFIG, "model.name: there is no network %s", name);
    mwn_hint(err, "the networks are %s", text ? text : "shown by mwnet list models");
    mwn_free(text);
    return MWN_ERR_CONFIG;
}

mwn_status mwn_model_build(struct mwn_graph *graph, const struct mwn_model_options *options,
                           struct mwn_shape sample, int classes, struct mwn_error *err)
{
    memset(graph, 0, sizeof *graph);
    if (classes < 2)
        return mwn_fail(err, MWN_ERR_DATA,
                        "a classifier needs two classes, the data has %d", classes);
    for (size_t i = 0; mwn_models[i]; i++) {
        if (!mwn_models[i]->matches(options->name))
            continue;
        mwn_status status = mwn_models[i]->build(graph, options, sample, classes, err);
        if (status == MWN_OK)
            status = mwn_graph_check(graph, err);
        if (status != MWN_OK)
            mwn_graph_release(graph);
        return status;
    }
    return unknown_model(options->name, err);
}
