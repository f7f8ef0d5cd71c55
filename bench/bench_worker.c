/* bench_worker.c - one training step at a time, when asked: a worker that takes turns with
 * others, so that all of them meet the same clock rate and the same neighbours. bench/peer/
 * compare.py drives it; bench/peer/peer.py --serve is its like in PyTorch.
 *
 *   bench_worker NETWORK BATCH METHOD PRECISION [THREADS]   e.g. bench_worker mlp 100 mwnet f32
 *
 * Prints `ready` once warm, answers each line `step` with the seconds of one step, and ends at
 * `quit` or at the end of its input. The step is that of mwnet bench: momentum 0.9, weight
 * decay 5e-4, the method's options by their defaults, a meta batch as large as the batch. */
#include "base/clock.h"
#include "bench_net.h"
#include "engine/step.h"
#include "methods/method.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { WARM_STEPS = 3, COUNT_MAX = 1 << 20 };
static const double warm_seconds = 0.3;

struct worker {
    mwn_net *net;
    struct mwn_learner learner;
    struct bench_data data;
    struct mwn_batch batch[2]; /* train, meta */
    const struct mwn_method *method;
    void *options, *self; /* owned */
    struct mwn_step step;
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
    bench_data_release(&w->data);
    mwn_net_free(w->net);
}

static mwn_status find_method(struct worker *w, const char *name, struct mwn_error *err)
{
    w->method = mwn_method_find(name);
    if (w->method)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "there is no method '%s'", name);
    return mwn_hint(err, "'mwnet list methods' shows them");
}

static mwn_status begin_method(struct worker *w, size_t batch, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_meta_options meta = {.batch = (int64_t)batch, .every = 1};
    bool needs_meta = w->method->needs & MWN_NEEDS_META;
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
    MWN_TRY(mwn_step_init(&w->step, &w->learner, &meta, batch, needs_meta, err));
    w->step.lr = 1e-4;
    w->step.train = &w->batch[0];
    w->step.meta = needs_meta ? &w->batch[1] : NULL;
out:
    return status;
}

static mwn_status take_step(struct worker *w, double *seconds, struct mwn_error *err)
{
    double start = mwn_clock_now();
    mwn_status status = w->method->step(w->self, &w->step, err);
    *seconds = mwn_clock_now() - start;
    w->step.iteration++;
    return status;
}

static mwn_status warm_up(struct worker *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    double seconds = 0, sum = 0;
    for (int i = 0; i < WARM_STEPS || sum < warm_seconds; i++) {
        MWN_TRY(take_step(w, &seconds, err));
        sum += seconds;
    }
out:
    return status;
}

/* A count of at least 1 in argument `what`. */
static mwn_status read_count(int *out, const char *text, const char *what,
                             struct mwn_error *err)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > COUNT_MAX)
        return mwn_fail(err, MWN_ERR_CONFIG, "%s: '%s' is not a number from 1 to %d", what,
                        text, COUNT_MAX);
    *out = (int)value;
    return MWN_OK;
}

static mwn_status worker_init(struct worker *w, int argc, char **argv,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    enum mwn_precision precision = MWN_PRECISION_F32;
    int count = 0, threads = 0;
    MWN_TRY(read_count(&count, argv[2], "BATCH", err));
    if (argc > 5)
        MWN_TRY(read_count(&threads, argv[5], "THREADS", err));
    size_t batch = (size_t)count;
    MWN_TRY(find_method(w, argv[3], err));
    MWN_TRY(bench_precision(&precision, argv[4], err));
    MWN_TRY(bench_net_create(&w->net, argv[1], precision, threads, err));
    MWN_TRY(
        mwn_net_plan(w->net, batch, w->method->needs & MWN_NEEDS_META ? batch : 0, err));
    MWN_TRY(bench_data_create(&w->data, w->net, 2, batch, err));
    mwn_net_learner(w->net, &w->learner);
    for (size_t i = 0; i < 2; i++)
        w->batch[i] = (struct mwn_batch){.n = batch,
                                         .x = w->data.x + i * batch * bench_sample(w->net),
                                         .label = w->data.label};
    MWN_TRY(begin_method(w, batch, err));
    MWN_TRY(warm_up(w, err));
out:
    return status;
}

static mwn_status serve(struct worker *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char line[64];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double seconds = 0;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "quit") == 0)
            break;
        if (strcmp(line, "step") != 0)
            return mwn_fail(err, MWN_ERR_CONFIG, "what is '%s'?", line);
        MWN_TRY(take_step(w, &seconds, err));
        printf("%.9f\n", seconds);
        fflush(stdout);
    }
out:
    return status;
}

int main(int argc, char **argv)
{
    struct mwn_error err = {0};
    struct worker w = {0};
    mwn_status status = MWN_OK;
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: bench_worker NETWORK BATCH METHOD PRECISION [THREADS]\n");
        return MWN_ERR_CONFIG;
    }
    status = worker_init(&w, argc, argv, &err);
    if (status == MWN_OK)
        status = serve(&w, &err);
    if (status != MWN_OK)
        fprintf(stderr, "bench_worker: %s%s%s\n", err.text, err.hint[0] ? "\nhint: " : "",
                err.hint);
    worker_release(&w);
    return (int)status;
}
