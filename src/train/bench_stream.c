/* bench_stream.c - a set of noise, its loaders, and steps on what they hand out. */
#include "train/bench_stream.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

#include <math.h>
#include <string.h>

/* Numbers of mean 0 and variance 1 that are cheap to draw. */
static void fill(float *x, size_t count, uint64_t which)
{
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 1, which);
    const double width = sqrt(12);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(width * (mwn_rng_unit(&rng) - 0.5));
}

/* Set k with n samples. */
static mwn_status make_set(struct mwn_bench_stream *stream, int k, size_t n,
                           const mwn_net *net, struct mwn_error *err)
{
    struct mwn_source *source = &stream->source[k];
    struct mwn_set *set = &stream->set[k];
    size_t sample = mwn_bench_sample(net);
    float *x = mwn_alloc(n, sample * sizeof *x);
    source->samples = x;
    source->label = mwn_alloc(n, sizeof *source->label);
    set->id = mwn_alloc(n, sizeof *set->id);
    if (!x || !source->label || !set->id)
        return mwn_fail_memory(err, n * sample * sizeof *x, "the data");
    fill(x, n * sample, (uint64_t)k);
    for (size_t i = 0; i < n; i++) {
        source->label[i] = (int32_t)(i % MWN_BENCH_CLASSES);
        set->id[i] = (uint32_t)i;
    }
    source->n = set->n = n;
    source->shape = mwn_net_graph(net)->nodes[0].shape;
    source->classes = MWN_BENCH_CLASSES;
    source->type = MWN_SAMPLE_F32;
    set->source = source;
    set->given = source->label;
    return MWN_OK;
}

/* A mean and a deviation for every number, as tables and embeddings have. */
static mwn_status make_normalize(struct mwn_normalize *normalize, const mwn_net *net,
                                 struct mwn_error *err)
{
    int channels = mwn_net_graph(net)->nodes[0].shape.c;
    normalize->channels = channels;
    normalize->mean = mwn_alloc((size_t)channels, sizeof *normalize->mean);
    normalize->std = mwn_alloc((size_t)channels, sizeof *normalize->std);
    if (!normalize->mean || !normalize->std)
        return mwn_fail_memory(err, (size_t)channels * sizeof(float), "the normalisation");
    for (int c = 0; c < channels; c++)
        normalize->std[c] = 1 + 1e-3F * (float)c;
    return MWN_OK;
}

mwn_status mwn_bench_stream_create(struct mwn_bench_stream *stream, const mwn_net *net,
                                   size_t n, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_loader_options options = {
        .batch = n,
        .order = MWN_ORDER_SHUFFLE,
        .threads = 1,
        .seed = 1,
        .order_stream = MWN_STREAM_ORDER,
        .augment_stream = MWN_STREAM_AUGMENT,
        .dtype = MWN_F32,
    };
    MWN_TRY(make_normalize(&stream->normalize, net, err));
    MWN_TRY(make_set(stream, 0, MWN_BENCH_STREAM_SAMPLES, net, err));
    MWN_TRY(make_set(stream, 1, MWN_BENCH_STREAM_META, net, err));
    MWN_TRY(mwn_loader_create(&stream->loader[0], &stream->set[0], &stream->normalize,
                              &options, err));
    options.order = MWN_ORDER_ENDLESS;
    options.order_stream = MWN_STREAM_META_ORDER;
    MWN_TRY(mwn_loader_create(&stream->loader[1], &stream->set[1], &stream->normalize,
                              &options, err));
out:
    return status;
}

void mwn_bench_stream_release(struct mwn_bench_stream *stream)
{
    for (int k = 0; k < 2; k++) {
        mwn_loader_free(stream->loader[k]);
        mwn_free((void *)(uintptr_t)stream->source[k].samples);
        mwn_free(stream->source[k].label);
        mwn_free(stream->set[k].id);
    }
    mwn_normalize_release(&stream->normalize);
    memset(stream, 0, sizeof *stream);
}

/* The next batch, of the next epoch where one has ended. */
static mwn_status next(mwn_loader *loader, struct mwn_batch *batch, struct mwn_error *err)
{
    mwn_status status = mwn_loader_next(loader, batch, err);
    return status == MWN_OK && batch->n == 0 ? mwn_loader_next(loader, batch, err) : status;
}

mwn_status mwn_bench_stream_steps(struct mwn_bench_stream *stream,
                                  struct mwn_bench_worker *worker, size_t steps,
                                  double *seconds, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_step *step = &worker->step;
    bool needs_meta = worker->method->needs & MWN_NEEDS_HYPERGRADIENT;
    struct mwn_batch train, meta;
    double start = mwn_clock_now();
    step->train = &train;
    step->meta = needs_meta ? &meta : NULL;
    for (size_t i = 0; i < steps; i++) {
        MWN_TRY(next(stream->loader[0], &train, err));
        if (needs_meta)
            MWN_TRY(next(stream->loader[1], &meta, err));
        MWN_TRY(worker->method->step(worker->self, step, err));
        step->iteration++;
    }
    *seconds = (mwn_clock_now() - start) / (double)steps;
out:
    step->train = step->meta = NULL;
    return status;
}
