/* bench.c - mwn_bench: seconds of a plain and of a Meta-Weight-Net step on the usual
 * networks, beside the FMA peak of the same minutes. Steps of both kinds take turns, medians
 * are reported; the data is noise, which costs what real data costs. */
#include "base/base.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "engine/step.h"
#include "methods/method.h"
#include "models/model.h"
#include "nn/net.h"
#include "nn/peak.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, ROUNDS_MAX = 301 };

struct subject {
    const char *key, *model; /* name in the report, model.name */
    size_t batch;
    struct mwn_shape shape;
    int rounds;
};

static const struct subject subjects[] = {
    {"resnet32", "resnet32", 100, {3, 32, 32}, 7},
    {"wrn28_10", "wrn-28-10", 8, {3, 32, 32}, 3},
    {"smallconv", "smallconv", 100, {1, 28, 28}, 9},
    {"mlp", "mlp", 100, {512, 1, 1}, 301},
};

/* A method at work on a net. */
struct worker {
    const struct mwn_method *method;
    void *options, *self; /* owned */
    struct mwn_step step;
    double seconds[ROUNDS_MAX];
};

struct bench {
    mwn_net *net;
    struct mwn_learner learner;
    struct worker plain, meta;
    float *x;       /* owned [2][batch][sample] */
    int32_t *label; /* owned [batch]            */
};

static void worker_release(struct worker *w)
{
    if (w->method && w->method->end && w->self)
        w->method->end(w->self);
    if (w->method && w->method->options && w->options)
        mwn_options_release(w->method->options, w->options);
    mwn_step_release(&w->step);
    mwn_free(w->self);
    mwn_free(w->options);
    memset(w, 0, sizeof *w);
}

static mwn_status worker_begin(struct worker *w, const char *method, struct bench *bench,
                               size_t batch, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_meta_options meta = {.batch = (int64_t)batch, .every = 1};
    w->method = mwn_method_find(method);
    w->self = mwn_alloc(1, w->method->self_size);
    w->options = mwn_alloc(1, w->method->options_size);
    if (!w->self || !w->options)
        return mwn_fail_memory(err, w->method->self_size, "a method's state");
    if (w->method->options)
        MWN_TRY(mwn_options_default(w->method->options, w->options, err));
    if (w->method->begin)
        MWN_TRY(w->method->begin(w->self, w->options, batch, 1, err));
    w->step.sgd.momentum = 0.9;
    w->step.sgd.weight_decay = 5e-4;
    MWN_TRY(mwn_step_init(&w->step, &bench->learner, &meta, batch,
                          w->method->needs & MWN_NEEDS_META, err));
    w->step.lr = 1e-4;
out:
    return status;
}

static void bench_release(struct bench *bench)
{
    worker_release(&bench->plain);
    worker_release(&bench->meta);
    mwn_net_free(bench->net);
    mwn_free(bench->x);
    mwn_free(bench->label);
    memset(bench, 0, sizeof *bench);
}

static mwn_status make_net(struct bench *bench, const struct subject *subject, int threads,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_model_options model = {0};
    struct mwn_graph graph = {0};
    const struct mwn_net_options options = {.backend = "auto",
                                            .threads = threads,
                                            .bn_eps = 1e-5,
                                            .bn_momentum = 0.1,
                                            .seed = 1};
    MWN_TRY(mwn_options_default(mwn_model_option_rows, &model, err));
    MWN_TRY(mwn_option_set(mwn_option_find(mwn_model_option_rows, "name"), "model", &model,
                           subject->model, err));
    MWN_TRY(mwn_model_build(&graph, &model, subject->shape, CLASSES, err));
    MWN_TRY(mwn_net_create(&bench->net, &graph, &options, err));
    MWN_TRY(mwn_net_plan(bench->net, subject->batch, subject->batch, err));
    mwn_net_learner(bench->net, &bench->learner);
out:
    mwn_options_release(mwn_model_option_rows, &model);
    return status;
}

static mwn_status make_data(struct bench *bench, const struct subject *subject,
                            struct mwn_error *err)
{
    struct mwn_shape s = subject->shape;
    size_t count = 2 * subject->batch * (size_t)s.c * (size_t)s.h * (size_t)s.w;
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 0);
    bench->x = mwn_alloc(count, sizeof *bench->x);
    bench->label = mwn_alloc(subject->batch, sizeof *bench->label);
    if (!bench->x || !bench->label)
        return mwn_fail_memory(err, count * sizeof *bench->x, "the data");
    for (size_t i = 0; i < count; i++)
        bench->x[i] = (float)mwn_rng_normal(&rng);
    for (size_t i = 0; i < subject->batch; i++)
        bench->label[i] = (int32_t)(i % CLASSES);
    return MWN_OK;
}

static mwn_status timed_step(struct worker *w, const struct mwn_batch batch[2],
                             double *seconds, struct mwn_error *err)
{
    double start = mwn_clock_now();
    w->step.train = &batch[0];
    w->step.meta = w->method->needs & MWN_NEEDS_META ? &batch[1] : NULL;
    mwn_status status = w->method->step(w->self, &w->step, err);
    w->step.iteration++;
    *seconds = mwn_clock_now() - start;
    return status;
}

/* Steps of both kinds in turn; the first ones only warm up. */
static mwn_status run_rounds(struct bench *bench, const struct subject *subject,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_shape s = subject->shape;
    size_t sample = (size_t)s.c * (size_t)s.h * (size_t)s.w;
    const struct mwn_batch batch[2] = {
        {.n = subject->batch, .x = bench->x, .label = bench->label},
        {.n = subject->batch,
         .x = bench->x + subject->batch * sample,
         .label = bench->label}};
    for (int round = -1; round < subject->rounds; round++) {
        size_t at = round < 0 ? 0 : (size_t)round;
        MWN_TRY(timed_step(&bench->plain, batch, &bench->plain.seconds[at], err));
        MWN_TRY(timed_step(&bench->meta, batch, &bench->meta.seconds[at], err));
    }
out:
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void report(struct mwn_json *json, struct bench *bench,
                   const struct subject *subject, double peak)
{
    double plain = median(bench->plain.seconds, subject->rounds);
    double meta = median(bench->meta.seconds, subject->rounds);
    double forward = mwn_net_flops(bench->net) * (double)subject->batch;
    double rate = 10 * forward / meta / 1e9;
    mwn_json_object(json, subject->key);
    mwn_json_size(json, "batch", subject->batch);
    mwn_json_size(json, "meta_batch", subject->batch);
    mwn_json_size(json, "parameters", mwn_net_count(bench->net));
    mwn_json_real(json, "plain_step_seconds", plain, 5);
    mwn_json_real(json, "mwnet_step_seconds", meta, 5);
    mwn_json_fixed(json, "step_ratio", meta / plain, 3);
    mwn_json_real(json, "samples_per_second", (double)subject->batch / meta, 5);
    mwn_json_real(json, "gflops", rate, 5);
    if (peak > 0)
        mwn_json_fixed(json, "peak_share", rate / peak, 4);
    mwn_json_fixed(json, "planned_mb", (double)mwn_net_memory(bench->net) / 1e6, 1);
    mwn_json_fixed(json, "peak_rss_mb", (double)mwn_record_peak_memory() / 1e6, 1);
    mwn_json_end_object(json);
}

/* Lets the process's peak memory start anew, where the system can do that. */
static void reset_peak_memory(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

static mwn_status bench_one(struct mwn_json *json, const struct subject *subject,
                            int threads, double *peak, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct bench bench = {0};
    reset_peak_memory();
    MWN_TRY(make_net(&bench, subject, threads, err));
    MWN_TRY(make_data(&bench, subject, err));
    MWN_TRY(worker_begin(&bench.plain, "ce", &bench, subject->batch, err));
    MWN_TRY(worker_begin(&bench.meta, "mwnet", &bench, subject->batch, err));
    const char *backend = mwn_net_backend(bench.net);
    if (*peak < 0) {
        *peak = mwn_peak_measure(backend, mwn_net_threads(bench.net), 1.0);
        mwn_json_text(json, "backend", backend);
        mwn_json_int(json, "threads", mwn_net_threads(bench.net));
        mwn_json_real(json, "fma_peak_gflops", *peak, 5);
    }
    MWN_TRY(run_rounds(&bench, subject, err));
    report(json, &bench, subject, *peak);
out:
    bench_release(&bench);
    return status;
}

/* Whether the comma-separated list names the subject. */
static bool is_named(const char *only, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = only; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, key, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static mwn_status check_names(const char *only, struct mwn_error *err)
{
    bool any = !only;
    for (size_t i = 0; i < MWN_COUNT(subjects) && !any; i++)
        any = is_named(only, subjects[i].key);
    if (any)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "there is no benchmark %s", only);
    return mwn_hint(err, "choose from resnet32, wrn28_10, smallconv, mlp");
}

mwn_status mwn_bench(const char *only, int threads, char **json, struct mwn_error *err)
{
    struct mwn_json out = {0};
    double peak = -1;
    mwn_status status = MWN_OK;
    MWN_TRY(check_names(only, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "version", mwn_version());
    for (size_t i = 0; i < MWN_COUNT(subjects); i++)
        if (!only || is_named(only, subjects[i].key))
            MWN_TRY(bench_one(&out, &subjects[i], threads, &peak, err));
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    return status;
}
