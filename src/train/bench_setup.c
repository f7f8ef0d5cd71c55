/* bench_setup.c - networks, data and methods for measurements. */
#include "train/bench_setup.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "models/model.h"

#include <string.h>

struct mwn_shape mwn_bench_shape(const char *model)
{
    if (strcmp(model, "smallconv") == 0)
        return (struct mwn_shape){1, 28, 28};
    if (strcmp(model, "mlp") == 0 || strcmp(model, "linear") == 0)
        return (struct mwn_shape){512, 1, 1};
    if (strcmp(model, "resnet50") == 0 || strcmp(model, "resnet18") == 0)
        return (struct mwn_shape){3, 224, 224};
    return (struct mwn_shape){3, 32, 32};
}

size_t mwn_bench_sample(const mwn_net *net)
{
    struct mwn_shape s = mwn_net_graph(net)->nodes[0].shape;
    return (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

/* The model's options at their defaults but for its name; linear is an mlp without hidden
 * layers. */
static mwn_status choose_model(struct mwn_model_options *options, const char *model,
                               struct mwn_error *err)
{
    bool linear = strcmp(model, "linear") == 0;
    const struct mwn_option *rows = mwn_model_option_rows;
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_options_default(rows, options, err));
    MWN_TRY(mwn_option_set(mwn_option_find(rows, "name"), "model", options,
                           linear ? "mlp" : model, err));
    if (linear)
        MWN_TRY(mwn_option_set(mwn_option_find(rows, "hidden"), "model", options, "", err));
out:
    return status;
}

mwn_status mwn_bench_net(mwn_net **out, const char *model, struct mwn_net_options options,
                         struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_model_options model_options = {0};
    struct mwn_graph graph = {0};
    options.backend = "auto";
    options.bn_eps = 1e-5;
    options.bn_momentum = 0.1;
    options.seed = 1;
    MWN_TRY(choose_model(&model_options, model, err));
    MWN_TRY(mwn_model_build(&graph, &model_options, mwn_bench_shape(model),
                            MWN_BENCH_CLASSES, err));
    MWN_TRY(mwn_net_create(out, &graph, &options, err));
out:
    mwn_options_release(mwn_model_option_rows, &model_options);
    return status;
}

mwn_status mwn_bench_data_create(struct mwn_bench_data *data, const mwn_net *net, size_t n,
                                 struct mwn_error *err)
{
    size_t sample = mwn_bench_sample(net), count = 2 * n * sample;
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 0);
    data->x = mwn_alloc(count, sizeof *data->x);
    data->label = mwn_alloc(n, sizeof *data->label);
    data->index = mwn_alloc(n, sizeof *data->index);
    if (!data->x || !data->label || !data->index)
        return mwn_fail_memory(err, count * sizeof *data->x, "the data");
    for (size_t i = 0; i < count; i++)
        data->x[i] = (float)mwn_rng_normal(&rng);
    for (size_t i = 0; i < n; i++) {
        data->label[i] = (int32_t)(i % MWN_BENCH_CLASSES);
        data->index[i] = (uint32_t)i;
    }
    for (size_t k = 0; k < 2; k++)
        data->batch[k] = (struct mwn_batch){.n = n,
                                            .x = data->x + k * n * sample,
                                            .label = data->label,
                                            .index = data->index};
    return MWN_OK;
}

void mwn_bench_data_release(struct mwn_bench_data *data)
{
    mwn_free(data->x);
    mwn_free(data->label);
    mwn_free(data->index);
    memset(data, 0, sizeof *data);
}

/* As if the batch were the training set, every class in turn, in one epoch after another. */
static mwn_status begin_method(struct mwn_bench_worker *worker,
                               const struct mwn_learner *learner, size_t n,
                               struct mwn_error *err)
{
    double count[MWN_BENCH_CLASSES] = {0};
    const struct mwn_method_context context = {.max_n = n,
                                               .seed = 1,
                                               .step = &worker->step,
                                               .outputs = learner->classes,
                                               .features = learner->features,
                                               .facts = {.n = n,
                                                         .classes = MWN_BENCH_CLASSES,
                                                         .class_count = count,
                                                         .epochs = 100,
                                                         .steps = 1}};
    for (size_t i = 0; i < n; i++)
        count[i % MWN_BENCH_CLASSES] += 1;
    mwn_status status =
        mwn_method_check(worker->method, worker->options, &context.facts, learner, err);
    if (status != MWN_OK || !worker->method->begin)
        return status;
    return worker->method->begin(worker->self, worker->options, &context, err);
}

mwn_status mwn_bench_worker_begin(struct mwn_bench_worker *worker, const char *method,
                                  struct mwn_learner *learner, size_t n,
                                  struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_meta_options meta = {.batch = (int64_t)n, .every = 1, .layers = 1};
    worker->method = mwn_method_find(method);
    if (!worker->method) {
        mwn_fail(err, MWN_ERR_CONFIG, "there is no method '%s'", method);
        return mwn_hint(err, "'mwnet list methods' shows them");
    }
    worker->self = mwn_alloc(1, worker->method->self_size);
    worker->options = mwn_alloc(1, worker->method->options_size);
    if (!worker->self || !worker->options)
        return mwn_fail_memory(err, worker->method->self_size, "a method's state");
    if (worker->method->options)
        MWN_TRY(mwn_options_default(worker->method->options, worker->options, err));
    worker->step.sgd.momentum = 0.9;
    worker->step.sgd.weight_decay = 5e-4;
    MWN_TRY(mwn_step_init(&worker->step, learner, &meta, n,
                          worker->method->needs & MWN_NEEDS_HYPERGRADIENT, err));
    worker->step.lr = 1e-4;
    MWN_TRY(begin_method(worker, learner, n, err));
out:
    return status;
}

mwn_status mwn_bench_worker_step(struct mwn_bench_worker *worker,
                                 const struct mwn_bench_data *data, double *seconds,
                                 struct mwn_error *err)
{
    struct mwn_step *step = &worker->step;
    double start = mwn_clock_now();
    step->train = &data->batch[0];
    step->meta = worker->method->needs & MWN_NEEDS_META ? &data->batch[1] : NULL;
    mwn_status status = worker->method->step(worker->self, step, err);
    *seconds = mwn_clock_now() - start;
    step->iteration++;
    return status;
}

void mwn_bench_worker_release(struct mwn_bench_worker *worker)
{
    const struct mwn_method *method = worker->method;
    if (method && method->end && worker->self)
        method->end(worker->self);
    if (method && method->options && worker->options)
        mwn_options_release(method->options, worker->options);
    mwn_step_release(&worker->step);
    mwn_free(worker->self);
    mwn_free(worker->options);
    memset(worker, 0, sizeof *worker);
}
