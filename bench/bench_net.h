/* bench_net.h - what the bench programs share: a network by its name, for the samples that it
 * usually gets, and data of that shape. The data is noise, which costs what real data costs. */
#ifndef MWN_BENCH_NET_H
#define MWN_BENCH_NET_H

#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "models/model.h"
#include "nn/net.h"

#include <string.h>

enum { BENCH_CLASSES = 10 };

/* Batches of the same size, one after the other in memory. */
struct bench_data {
    float *x;       /* owned [batches][batch][sample]             */
    int32_t *label; /* owned [batch], the same for every batch    */
};

static inline struct mwn_shape bench_shape(const char *name)
{
    if (strcmp(name, "smallconv") == 0)
        return (struct mwn_shape){1, 28, 28};
    if (strcmp(name, "mlp") == 0)
        return (struct mwn_shape){512, 1, 1};
    if (strcmp(name, "resnet50") == 0 || strcmp(name, "resnet18") == 0)
        return (struct mwn_shape){3, 224, 224};
    return (struct mwn_shape){3, 32, 32};
}

/* "f32" or "bf16". */
static inline mwn_status bench_precision(enum mwn_precision *out, const char *name,
                                         struct mwn_error *err)
{
    *out = strcmp(name, "bf16") == 0 ? MWN_PRECISION_BF16 : MWN_PRECISION_F32;
    if (*out == MWN_PRECISION_BF16 || strcmp(name, "f32") == 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "there is no precision '%s'", name);
    return mwn_hint(err, "it is f32 or bf16");
}

/* `name` is a model.name; threads 0: as many as the process may use. */
static inline mwn_status bench_net_create(mwn_net **net, const char *name,
                                          enum mwn_precision precision, int threads,
                                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_model_options model = {0};
    struct mwn_graph graph = {0};
    const struct mwn_net_options options = {.backend = "auto",
                                            .precision = precision,
                                            .meta_precision = precision,
                                            .threads = threads,
                                            .bn_eps = 1e-5,
                                            .bn_momentum = 0.1,
                                            .seed = 1};
    MWN_TRY(mwn_options_default(mwn_model_option_rows, &model, err));
    MWN_TRY(mwn_option_set(mwn_option_find(mwn_model_option_rows, "name"), "model", &model,
                           name, err));
    MWN_TRY(mwn_model_build(&graph, &model, bench_shape(name), BENCH_CLASSES, err));
    MWN_TRY(mwn_net_create(net, &graph, &options, err));
out:
    mwn_options_release(mwn_model_option_rows, &model);
    return status;
}

static inline size_t bench_sample(const mwn_net *net)
{
    struct mwn_shape s = mwn_net_graph(net)->nodes[0].shape;
    return (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

/* Released by bench_data_release(), after a failure too. */
static inline mwn_status bench_data_create(struct bench_data *data, const mwn_net *net,
                                           size_t batches, size_t batch,
                                           struct mwn_error *err)
{
    size_t count = batches * batch * bench_sample(net);
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 0);
    data->x = mwn_alloc(count, sizeof *data->x);
    data->label = mwn_alloc(batch, sizeof *data->label);
    if (!data->x || !data->label)
        return mwn_fail_memory(err, count * sizeof *data->x, "the data");
    for (size_t i = 0; i < count; i++)
        data->x[i] = (float)mwn_rng_normal(&rng);
    for (size_t i = 0; i < batch; i++)
        data->label[i] = (int32_t)(i % BENCH_CLASSES);
    return MWN_OK;
}

static inline void bench_data_release(struct bench_data *data)
{
    mwn_free(data->x);
    mwn_free(data->label);
    memset(data, 0, sizeof *data);
}

#endif
