/* bench.c - mwn_bench: seconds of a plain and of a Meta-Weight-Net step on the usual
 * networks, in f32 and, where the CPU has it, in bf16, and once in low memory. Steps of both
 * kinds take turns, medians are reported; the data is noise, which costs what real data costs.
 *
 * On a shared machine the clock rate drifts: the FMA peak is measured before every step, and
 * shares and speed-ups are medians of what a step reached of the peak beside it.
 *
 * Networks on features are so fast that what lies between the steps counts: their steps are also
 * measured in a stream, on batches that come out of a set of 50,000 through the loader. */
#include "base/base.h"
#include "base/clock.h"
#include "base/sort.h"
#include "base/status.h"
#include "nn/peak.h"
#include "train/bench_setup.h"
#include "train/bench_stream.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MIN = 3, ROUNDS_MAX = 400, STREAM_STEPS = 100 };

struct subject {
    const char *key, *model; /* name in the report, model.name */
    size_t batch;
    double seconds; /* to measure for, in each variant             */
    bool low;       /* whether low memory is a variant             */
    bool streams;   /* whether it is also measured in a stream     */
};

static const struct subject subjects[] = {
    {"resnet32", "resnet32", 100, 4, true, false},
    {"wrn28_10", "wrn-28-10", 8, 7, false, false},
    {"resnet50", "resnet50", 4, 4, false, false},
    {"smallconv", "smallconv", 100, 1, false, false},
    {"mlp", "mlp", 100, 1, false, true},
    {"linear", "linear", 100, 1, false, true},
};

/* A method at work on a net. */
struct worker {
    struct mwn_bench_worker at;
    double seconds[ROUNDS_MAX];
    double share[ROUNDS_MAX]; /* of the f32 peak, if a plain step were 3 forwards, a
                                 Meta-Weight-Net step 10                            */
};

struct bench {
    const struct subject *subject;
    enum mwn_precision precision;
    bool low_memory;
    size_t rounds;
    double peak; /* the best of all measured */
    mwn_net *net;
    struct mwn_learner learner;
    struct worker plain, meta;
    struct mwn_bench_data data;
};

static void bench_release(struct bench *bench)
{
    mwn_bench_worker_release(&bench->plain.at);
    mwn_bench_worker_release(&bench->meta.at);
    mwn_net_free(bench->net);
    mwn_bench_data_release(&bench->data);
    memset(bench, 0, sizeof *bench);
}

/* A step beside a measurement of the peak, which is short against it. */
static mwn_status timed_step(struct bench *bench, struct worker *w, struct mwn_error *err)
{
    bool is_meta = w->at.method->needs & MWN_NEEDS_HYPERGRADIENT;
    double flops = mwn_net_flops(bench->net) * (double)bench->subject->batch / 1e9;
    double peak = mwn_peak_measure(mwn_net_backend(bench->net), MWN_PRECISION_F32,
                                   mwn_net_threads(bench->net), 0.004);
    double seconds = 0;
    mwn_status status = mwn_bench_worker_step(&w->at, &bench->data, &seconds, err);
    w->seconds[bench->rounds] = seconds;
    w->share[bench->rounds] = peak > 0 ? (is_meta ? 10 : 3) * flops / seconds / peak : 0;
    bench->peak = peak > bench->peak ? peak : bench->peak;
    return status;
}

/* Whether another round is due, which must be over at about the time `end`. */
static bool goes_on(const struct bench *bench, double end)
{
    return bench->rounds < ROUNDS_MAX &&
           (bench->rounds < ROUNDS_MIN || mwn_clock_now() < end);
}

/* Steps of both kinds in turn; the first ones only warm up. */
static mwn_status run_rounds(struct bench *bench, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(timed_step(bench, &bench->plain, err));
    MWN_TRY(timed_step(bench, &bench->meta, err));
    double end = mwn_clock_now() + bench->subject->seconds;
    for (; goes_on(bench, end); bench->rounds++) {
        MWN_TRY(timed_step(bench, &bench->plain, err));
        MWN_TRY(timed_step(bench, &bench->meta, err));
    }
out:
    return status;
}

/* What the report says of one variant. */
struct figures {
    double plain, meta, share, planned, peak_memory;
};

static struct figures figures_of(struct bench *bench)
{
    return (struct figures){.plain = mwn_median(bench->rounds, bench->plain.seconds),
                            .meta = mwn_median(bench->rounds, bench->meta.seconds),
                            .share = mwn_median(bench->rounds, bench->meta.share),
                            .planned = (double)mwn_net_memory(bench->net) / 1e6,
                            .peak_memory = (double)mwn_record_peak_memory() / 1e6};
}

static void report_f32(struct mwn_json *json, const struct bench *bench,
                       const struct figures *f)
{
    double batch = (double)bench->subject->batch;
    mwn_json_size(json, "batch", bench->subject->batch);
    mwn_json_size(json, "meta_batch", bench->subject->batch);
    mwn_json_size(json, "parameters", mwn_net_count(bench->net));
    mwn_json_real(json, "plain_step_seconds", f->plain, 5);
    mwn_json_real(json, "mwnet_step_seconds", f->meta, 5);
    mwn_json_fixed(json, "step_ratio", f->meta / f->plain, 3);
    if (!bench->subject->streams)
        mwn_json_real(json, "samples_per_second", batch / f->meta, 5);
    mwn_json_real(json, "gflops", 10 * mwn_net_flops(bench->net) * batch / f->meta / 1e9,
                  5);
    mwn_json_fixed(json, "peak_share", f->share, 4);
    mwn_json_fixed(json, "planned_mb", f->planned, 1);
    mwn_json_fixed(json, "peak_rss_mb", f->peak_memory, 1);
}

static void report_bf16(struct mwn_json *json, const struct figures *f,
                        const struct figures *f32)
{
    mwn_json_real(json, "bf16_plain_step_seconds", f->plain, 5);
    mwn_json_real(json, "bf16_mwnet_step_seconds", f->meta, 5);
    mwn_json_fixed(json, "bf16_step_ratio", f->meta / f->plain, 3);
    mwn_json_fixed(json, "bf16_speedup", f->share / f32->share, 3);
    mwn_json_fixed(json, "bf16_planned_mb", f->planned, 1);
    mwn_json_fixed(json, "bf16_peak_rss_mb", f->peak_memory, 1);
}

static void report_low_memory(struct mwn_json *json, const struct figures *f, double cost)
{
    mwn_json_real(json, "low_memory_mwnet_step_seconds", f->meta, 5);
    mwn_json_fixed(json, "low_memory_cost", cost, 3);
    mwn_json_fixed(json, "low_memory_planned_mb", f->planned, 1);
    mwn_json_fixed(json, "low_memory_peak_rss_mb", f->peak_memory, 1);
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

static mwn_status begin(struct bench *bench, int threads, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t batch = bench->subject->batch;
    MWN_TRY(mwn_bench_net(&bench->net, bench->subject->model,
                          (struct mwn_net_options){.precision = bench->precision,
                                                   .meta_precision = bench->precision,
                                                   .low_memory = bench->low_memory,
                                                   .threads = threads},
                          err));
    mwn_net_learner(bench->net, &bench->learner);
    MWN_TRY(mwn_net_plan(bench->net, batch, batch, err));
    MWN_TRY(mwn_bench_data_create(&bench->data, bench->net, batch, err));
    MWN_TRY(mwn_bench_worker_begin(&bench->plain.at, "ce", &bench->learner, batch, err));
    MWN_TRY(mwn_bench_worker_begin(&bench->meta.at, "mwnet", &bench->learner, batch, err));
out:
    return status;
}

/* Measures a subject in one variant; the caller releases the bench. */
static mwn_status measure(struct bench *bench, int threads, struct mwn_error *err)
{
    reset_peak_memory();
    mwn_status status = begin(bench, threads, err);
    return status == MWN_OK ? run_rounds(bench, err) : status;
}

/* How many times as long as a Meta-Weight-Net step in full memory one in low memory takes:
 * the median over pairs of steps, one right after the other. */
static mwn_status measure_cost(struct bench *low, int threads, double *cost,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct bench full = {.subject = low->subject};
    double ratio[ROUNDS_MAX];
    MWN_TRY(begin(&full, threads, err));
    MWN_TRY(timed_step(&full, &full.meta, err));
    double end = mwn_clock_now() + full.subject->seconds;
    for (; goes_on(&full, end); full.rounds++) {
        size_t i = low->rounds = full.rounds;
        MWN_TRY(timed_step(&full, &full.meta, err));
        MWN_TRY(timed_step(low, &low->meta, err));
        ratio[i] = low->meta.seconds[i] / full.meta.seconds[i];
    }
    *cost = mwn_median(full.rounds, ratio);
out:
    bench_release(&full);
    return status;
}

/* Steps of both kinds in turn, STREAM_STEPS at a time, and their medians. */
static mwn_status measure_stream(struct bench *bench, struct figures *out,
                                 struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bench_stream stream = {0};
    struct worker *both[] = {&bench->plain, &bench->meta};
    MWN_TRY(mwn_bench_stream_create(&stream, bench->net, bench->subject->batch, err));
    double end = mwn_clock_now() + 2 * bench->subject->seconds;
    for (bench->rounds = 0; goes_on(bench, end); bench->rounds++)
        for (size_t k = 0; k < MWN_COUNT(both); k++)
            MWN_TRY(mwn_bench_stream_steps(&stream, &both[k]->at, STREAM_STEPS,
                                           &both[k]->seconds[bench->rounds], err));
    out->plain = mwn_median(bench->rounds, bench->plain.seconds);
    out->meta = mwn_median(bench->rounds, bench->meta.seconds);
out:
    mwn_bench_stream_release(&stream);
    return status;
}

static void report_stream(struct mwn_json *json, const struct bench *bench,
                          const struct figures *f)
{
    mwn_json_real(json, "plain_step_us", 1e6 * f->plain, 5);
    mwn_json_real(json, "mwnet_step_us", 1e6 * f->meta, 5);
    mwn_json_real(json, "samples_per_second", (double)bench->subject->batch / f->meta, 5);
}

static void report_machine(struct mwn_json *json, const struct bench *bench)
{
    mwn_json_text(json, "backend", mwn_net_backend(bench->net));
    mwn_json_int(json, "threads", mwn_net_threads(bench->net));
    mwn_json_real(json, "fma_peak_gflops", bench->peak, 5);
}

/* Measures another variant of the same subject. */
static mwn_status measure_variant(struct bench *bench, enum mwn_precision precision,
                                  bool low_memory, int threads, struct figures *out,
                                  struct mwn_error *err)
{
    const struct subject *subject = bench->subject;
    bench_release(bench);
    *bench = (struct bench){
        .subject = subject, .precision = precision, .low_memory = low_memory};
    mwn_status status = measure(bench, threads, err);
    if (status == MWN_OK)
        *out = figures_of(bench);
    return status;
}

static mwn_status bench_one(struct mwn_json *json, const struct subject *subject,
                            int threads, bool first, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct bench bench = {.subject = subject};
    struct figures other;
    double cost;
    MWN_TRY(measure(&bench, threads, err));
    if (first)
        report_machine(json, &bench);
    struct figures f32 = figures_of(&bench);
    mwn_json_object(json, subject->key);
    report_f32(json, &bench, &f32);
    if (subject->streams) {
        MWN_TRY(measure_stream(&bench, &other, err));
        report_stream(json, &bench, &other);
    }
    if (subject->low) {
        MWN_TRY(measure_variant(&bench, MWN_PRECISION_F32, true, threads, &other, err));
        MWN_TRY(measure_cost(&bench, threads, &cost, err));
        report_low_memory(json, &other, cost);
    }
    if (mwn_net_has(bench.net, MWN_PRECISION_BF16)) {
        MWN_TRY(measure_variant(&bench, MWN_PRECISION_BF16, false, threads, &other, err));
        report_bf16(json, &other, &f32);
    }
    mwn_json_end_object(json);
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

/* Every name of the list must be a subject's. */
static mwn_status check_names(const char *only, struct mwn_error *err)
{
    while (only && *only) {
        size_t length = strcspn(only, ","), i = 0;
        while (i < MWN_COUNT(subjects) && (strlen(subjects[i].key) != length ||
                                           strncmp(subjects[i].key, only, length) != 0))
            i++;
        if (i == MWN_COUNT(subjects)) {
            mwn_fail(err, MWN_ERR_CONFIG, "there is no benchmark '%.*s'", (int)length,
                     only);
            return mwn_hint(err,
                            "choose from resnet32, wrn28_10, resnet50, smallconv, mlp, "
                            "linear");
        }
        only += length + (only[length] == ',');
    }
    return MWN_OK;
}

mwn_status mwn_bench(const char *only, int threads, char **json, struct mwn_error *err)
{
    struct mwn_json out = {0};
    bool first = true;
    mwn_status status = MWN_OK;
    MWN_TRY(check_names(only, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "version", mwn_version());
    for (size_t i = 0; i < MWN_COUNT(subjects); i++) {
        if (only && !is_named(only, subjects[i].key))
            continue;
        MWN_TRY(bench_one(&out, &subjects[i], threads, first, err));
        first = false;
    }
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    return status;
}
