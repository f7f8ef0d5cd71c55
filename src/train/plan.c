/* plan.c - what a run would be, without training: options, sets, memory, time. */
#include "base/base.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/status.h"
#include "tensor/vec.h"
#include "train/meta_source.h"
#include "train/run.h"

#include <math.h>

/* Seconds that were measured. */
struct times {
    double step, evaluation; /* of a mean step, of all evaluations after an epoch */
};

/* Trains the step with number `iteration` and measures it. */
static mwn_status time_step(struct mwn_run *run, uint64_t iteration, double *seconds,
                            struct mwn_error *err)
{
    run->iteration = iteration;
    run->epoch = iteration / mwn_run_steps(run);
    run->epoch_step = 0;
    mwn_status status = mwn_loader_seek(run->train, 0, 0, err);
    if (status != MWN_OK)
        return status;
    double start = mwn_clock_now();
    status = mwn_run_step(run, err);
    *seconds = mwn_clock_now() - start;
    return status;
}

/* The median of a few such steps: one alone may be disturbed by whatever else the machine does.
 * Long ones are not repeated. */
static mwn_status time_few(struct mwn_run *run, uint64_t iteration, double *seconds,
                           struct mwn_error *err)
{
    enum { FEW = 5 };
    const double enough = 2;
    double each[FEW] = {0}, sum = 0;
    size_t n = 0;
    while (n < FEW && sum < enough) {
        double now = 0;
        mwn_status status = time_step(run, iteration, &now, err);
        if (status != MWN_OK)
            return status;
        sum += now;
        each[n++] = now;
    }
    *seconds = mwn_median(n, each);
    return MWN_OK;
}

/* A mean step there: one with a meta update, and one without where only every k-th has one. */
static mwn_status time_mean(struct mwn_run *run, uint64_t iteration, double *seconds,
                            struct mwn_error *err)
{
    uint64_t every = mwn_run_meta_every(run);
    double without = 0;
    mwn_status status = time_few(run, iteration, seconds, err);
    if (status != MWN_OK || every == 1 || !run->meta)
        return status;
    status = time_few(run, iteration + 1, &without, err);
    *seconds = (*seconds + (double)(every - 1) * without) / (double)every;
    return status;
}

/* A first step warms the caches up and is not counted. Methods begin plainly, or without a meta
 * batch, so steps in the middle of the last epoch are timed as well as first ones. */
static mwn_status time_steps(struct mwn_run *run, struct times *times,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    uint64_t every = mwn_run_meta_every(run), steps = mwn_run_steps(run);
    uint64_t before = (uint64_t)(run->settings.train.epochs - 1) * steps;
    double early = 0, late = 0;

    run->step.timed = true;
    MWN_TRY(time_step(run, 0, &early, err));
    mwn_meta_source_choose(run);
    MWN_TRY(time_mean(run, every, &early, err));
    if (before > 0)
        MWN_TRY(time_mean(run, (before + steps / 2) / every * every, &late, err));
    times->step = fmax(early, late);
out:
    return status;
}

static mwn_status time_evaluation(struct mwn_run *run, struct times *times,
                                  struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_loader *const loaders[] = {run->valid, run->test};
    struct mwn_batch batch = {0};

    for (size_t i = 0; i < MWN_COUNT(loaders); i++) {
        if (!loaders[i])
            continue;
        size_t room = mwn_loader_batch(loaders[i]) * (size_t)run->sets.classes;
        MWN_TRY(mwn_loader_seek(loaders[i], 0, 0, err));
        MWN_TRY(mwn_loader_next(loaders[i], &batch, err));
        double *logits = mwn_alloc(room, sizeof(*logits));
        if (!logits)
            return mwn_fail_memory(err, room * sizeof(*logits), "an evaluation");
        double start = mwn_clock_now();
        status = mwn_net_infer(run->net, &batch, logits, err);
        times->evaluation +=
            (mwn_clock_now() - start) * (double)mwn_loader_steps(loaders[i]);
        mwn_free(logits);
        if (status != MWN_OK)
            goto out;
    }
out:
    return status;
}

/* What samples in memory take. */
static size_t source_bytes(const struct mwn_source *source)
{
    return source->samples ? source->n * mwn_source_stride(source) : 0;
}

static size_t set_bytes(const struct mwn_set *set)
{
    size_t sample = sizeof *set->id + sizeof *set->given;
    return set->n * (set->truth ? sample + sizeof *set->truth : sample);
}

static size_t data_bytes(const struct mwn_sets *sets)
{
    return source_bytes(&sets->train_source) + source_bytes(&sets->test_source) +
           source_bytes(&sets->meta_source) + source_bytes(&sets->valid_source) +
           set_bytes(&sets->train) + set_bytes(&sets->meta) + set_bytes(&sets->valid) +
           set_bytes(&sets->test);
}

static size_t vector_bytes(const struct mwn_run *run)
{
    const void *const held[] = {run->step.sgd.buffer, run->step.grad, run->step.direction,
                                run->step.shifted};
    struct mwn_vector_item items[MWN_VECTORS_MAX];
    const struct mwn_method *method = run->settings.method;
    size_t vectors = method->vectors ? (size_t)method->vectors(run->method_self, items) : 0;
    for (size_t i = 0; i < MWN_COUNT(held); i++)
        vectors += held[i] != NULL;
    return vectors * mwn_net_vector(run->net) * mwn_dtype_size(mwn_net_dtype(run->net));
}

/* What is planned, and as "program" the rest of what this process took at most while it read
 * the data, trained and evaluated. A run does the same and, on top, writes checkpoints. */
static void add_memory(struct mwn_json *json, const struct mwn_run *run)
{
    const struct {
        const char *key;
        size_t bytes;
    } parts[] = {
        {"network", mwn_net_memory(run->net)},
        {"vectors", vector_bytes(run)},
        {"data", data_bytes(&run->sets)},
        {"batches", mwn_loader_bytes(run->train) + mwn_loader_bytes(run->meta) +
                        mwn_loader_bytes(run->valid) + mwn_loader_bytes(run->test)},
        {"weights",
         (run->weights.n * run->weights.slots + run->journal.n * MWN_JOURNAL_COLUMNS) *
             sizeof(float)},
    };
    size_t checkpoint = mwn_checkpoint_bytes(run), planned = 0;
    size_t peak = mwn_record_peak_memory();

    mwn_json_object(json, "memory");
    for (size_t i = 0; i < MWN_COUNT(parts); i++) {
        mwn_json_size(json, parts[i].key, parts[i].bytes);
        planned += parts[i].bytes;
    }
    size_t program = peak > planned ? peak - planned : 0;
    mwn_json_size(json, "checkpoint", checkpoint);
    mwn_json_size(json, "program", program);
    mwn_json_size(json, "total", planned + checkpoint + program);
    mwn_json_end_object(json);
}

static void add_time(struct mwn_json *json, const struct mwn_run *run,
                     const struct times *times)
{
    double steps = (double)mwn_run_steps(run);
    double epoch = steps * times->step + times->evaluation;
    mwn_json_object(json, "time");
    mwn_json_size(json, "steps_per_epoch", (size_t)mwn_run_steps(run));
    mwn_json_real(json, "seconds_per_step", times->step, 4);
    mwn_json_real(json, "seconds_per_evaluation", times->evaluation, 4);
    mwn_json_real(json, "seconds_per_epoch", epoch, 4);
    mwn_json_real(json, "seconds", epoch * (double)run->settings.train.epochs, 4);
    mwn_json_end_object(json);
}

mwn_status mwn_plan(const mwn_config *config, char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_run run = {0};
    struct mwn_json out = {0};
    struct times times = {0, 0};

    MWN_TRY(mwn_settings_resolve(&run.settings, config, err));
    MWN_TRY(mwn_run_setup(&run, err));
    MWN_TRY(mwn_run_begin(&run, err));
    MWN_TRY(mwn_run_seek(&run, err));
    MWN_TRY(time_steps(&run, &times, err));
    MWN_TRY(time_evaluation(&run, &times, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "version", mwn_version());
    mwn_summary_options(&out, &run.settings);
    mwn_summary_sets(&out, &run.sets);
    mwn_summary_model(&out, &run);
    add_memory(&out, &run);
    add_time(&out, &run, &times);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    if (run.settings.method)
        mwn_run_release(&run);
    return status;
}
