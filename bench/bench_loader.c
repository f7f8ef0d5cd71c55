/* bench_loader.c - how fast batches are prepared (crop, flip, normalise, as the recipe says), and
 * how long a training step waits for its batches.
 *
 *   bench_loader RECIPE SECONDS STEPS [KEY=VALUE]...
 *
 * First the loader alone, its caller taking batches as fast as they come, SECONDS for each number
 * of threads; 0 threads: the caller prepares them itself. Then STEPS training steps of a run with
 * data.threads as set, in turn with steps on batches that are kept, so that the difference is what
 * the loader's threads take from the step; and what the steps waited for their batches. */
#include "bench_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sort.h"

#include <stdio.h>

enum { COUNT_MAX = 1 << 20 };

static mwn_status make_loader(mwn_loader **out, const struct mwn_run *run, int threads,
                              struct mwn_error *err)
{
    const struct mwn_settings *settings = &run->settings;
    const struct mwn_loader_options options = {
        .batch = (size_t)settings->train.batch,
        .order = MWN_ORDER_SHUFFLE,
        .augment = settings->data.augment,
        .flip = settings->data.flip,
        .pad = (int)settings->data.pad,
        .threads = threads,
        .seed = 1,
        .order_stream = MWN_STREAM_ORDER,
        .augment_stream = MWN_STREAM_AUGMENT,
        .dtype = MWN_F32,
    };
    return mwn_loader_create(out, &run->sets.train, &run->normalize, &options, err);
}

static mwn_status time_loader(const struct mwn_run *run, int threads, double seconds,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_loader *loader = NULL;
    size_t images = 0;
    struct mwn_shape s = run->sets.shape;
    MWN_TRY(make_loader(&loader, run, threads, err));
    double start = mwn_clock_now(), taken = 0;
    while (taken < seconds) {
        struct mwn_batch batch;
        MWN_TRY(mwn_loader_next(loader, &batch, err));
        images += batch.n;
        taken = mwn_clock_now() - start;
    }
    double rate = (double)images / taken;
    printf("%d threads: %9.0f images/s, %9.0f a thread, %6.2f us an image, %5.2f GB/s\n",
           threads, rate, rate / (threads > 1 ? threads : 1),
           1e6 / rate * (threads > 1 ? threads : 1),
           rate * (double)(s.c * s.h * s.w) * sizeof(float) / 1e9);
out:
    mwn_loader_free(loader);
    return status;
}

/* A batch that is kept, so that a step on it needs no loader. */
struct kept {
    struct mwn_batch batch;
    void *x;         /* owned */
    int32_t *label;  /* owned */
    uint32_t *index; /* owned */
};

static mwn_status keep_batch(struct kept *kept, mwn_loader *loader, size_t sample,
                             struct mwn_error *err)
{
    mwn_status status = mwn_loader_next(loader, &kept->batch, err);
    size_t n = kept->batch.n;
    if (status != MWN_OK)
        return status;
    kept->x = mwn_alloc(n * sample, sizeof(float));
    kept->label = mwn_alloc(n, sizeof *kept->label);
    kept->index = mwn_alloc(n, sizeof *kept->index);
    if (!kept->x || !kept->label || !kept->index)
        return mwn_fail_memory(err, n * sample * sizeof(float), "a batch");
    memcpy(kept->x, kept->batch.x, n * sample * sizeof(float));
    memcpy(kept->label, kept->batch.label, n * sizeof *kept->label);
    memcpy(kept->index, kept->batch.index, n * sizeof *kept->index);
    kept->batch.x = kept->x;
    kept->batch.label = kept->label;
    kept->batch.index = kept->index;
    return MWN_OK;
}

static void kept_release(struct kept *kept)
{
    mwn_free(kept->x);
    mwn_free(kept->label);
    mwn_free(kept->index);
}

static double waited(const struct mwn_run *run)
{
    return mwn_loader_waited(run->train) + (run->meta ? mwn_loader_waited(run->meta) : 0);
}

struct times {
    double *with, *without; /* owned [steps]: seconds of a step with and without loader */
    double wait, longest;   /* seconds of all steps, of one                           */
};

/* A step of the run, as it trains, and one on the kept batches, in turn. */
static mwn_status take_turns(struct mwn_run *run, const struct kept *kept, size_t steps,
                             struct times *times, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (size_t i = 0; i < steps; i++) {
        double before = waited(run), start = mwn_clock_now();
        MWN_TRY(bench_run_step(run, err));
        double wait = waited(run) - before;
        times->with[i] = mwn_clock_now() - start;
        times->wait += wait;
        times->longest = wait > times->longest ? wait : times->longest;
        start = mwn_clock_now();
        run->step.train = &kept[0].batch;
        run->step.meta = run->meta ? &kept[1].batch : NULL;
        MWN_TRY(run->settings.method->step(run->method_self, &run->step, err));
        times->without[i] = mwn_clock_now() - start;
    }
out:
    run->step.train = run->step.meta = NULL;
    return status;
}

/* A neighbour on the machine can only make a step longer: the lower quartile sees least of it. */
static void print_quantile(struct times *times, size_t steps, size_t part, const char *name)
{
    double with = times->with[steps * part / 4], without = times->without[steps * part / 4];
    printf("%-14s  %9.3f ms, on kept batches %9.3f ms, %+.2f %%\n", name, 1e3 * with,
           1e3 * without, 100 * (with / without - 1));
}

static void print_times(struct times *times, size_t steps)
{
    double sum = 0;
    for (size_t i = 0; i < steps; i++)
        sum += times->with[i];
    mwn_sort(steps, times->with);
    mwn_sort(steps, times->without);
    printf("%zu steps\n", steps);
    print_quantile(times, steps, 1, "lower quartile");
    print_quantile(times, steps, 2, "median");
    printf("waiting for batches: %.4f ms a step, %.3f %%, at most %.4f ms\n",
           1e3 * times->wait / (double)steps, 100 * times->wait / sum,
           1e3 * times->longest);
}

static mwn_status time_steps(struct mwn_run *run, size_t steps, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct kept kept[2] = {0};
    struct times times = {0};
    struct mwn_shape s = run->sets.shape;
    size_t sample = (size_t)s.c * (size_t)s.h * (size_t)s.w;
    times.with = mwn_alloc(steps, sizeof(double));
    times.without = mwn_alloc(steps, sizeof(double));
    if (!times.with || !times.without) {
        status = mwn_fail_memory(err, steps * sizeof(double), "the times");
        goto out;
    }
    MWN_TRY(keep_batch(&kept[0], run->train, sample, err));
    if (run->meta)
        MWN_TRY(keep_batch(&kept[1], run->meta, sample, err));
    MWN_TRY(bench_run_step(run, err)); /* which finds nothing prepared */
    MWN_TRY(take_turns(run, kept, steps, &times, err));
    print_times(&times, steps);
out:
    for (int k = 0; k < 2; k++)
        kept_release(&kept[k]);
    mwn_free(times.with);
    mwn_free(times.without);
    return status;
}

static mwn_status measure(mwn_run **run, int argc, char **argv, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    int seconds = 0, steps = 0;
    MWN_TRY(bench_count(&seconds, argv[2], COUNT_MAX, "SECONDS", err));
    MWN_TRY(bench_count_from(&steps, argv[3], 0, COUNT_MAX, "STEPS", err));
    MWN_TRY(mwn_config_create(&config, err));
    MWN_TRY(bench_configure(config, argv[1], argc - 4, argv + 4, err));
    MWN_TRY(mwn_run_create(run, config, NULL, err));
    struct mwn_shape s = (*run)->sets.shape;
    printf("%zu samples of %d x %d x %d, batches of %zu, %s\n", (*run)->sets.train.n, s.c,
           s.h, s.w, mwn_loader_batch((*run)->train),
           (*run)->settings.data.augment ? "augmented" : "not augmented");
    for (int threads = 0; threads <= 2; threads++)
        MWN_TRY(time_loader(*run, threads, seconds, err));
    if (steps > 0)
        MWN_TRY(time_steps(*run, (size_t)steps, err));
out:
    mwn_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: bench_loader RECIPE SECONDS STEPS [KEY=VALUE]...\n");
        return MWN_ERR_CONFIG;
    }
    mwn_status status = measure(&run, argc, argv, &err);
    if (status != MWN_OK)
        fprintf(stderr, "bench_loader: %s\n%s\n", err.text, err.hint);
    mwn_run_free(run);
    return (int)status;
}
