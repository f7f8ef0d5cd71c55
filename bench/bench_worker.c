/* bench_worker.c - one training step at a time, when asked: a worker that takes turns with
 * others, so that all of them meet the same clock rate and the same neighbours. bench/peer/
 * compare.py drives it; bench/peer/peer.py --serve is its like in PyTorch.
 *
 *   bench_worker NETWORK BATCH METHOD PRECISION [THREADS]   e.g. bench_worker mlp 100 mwnet f32
 *
 * Prints `ready` once warm, answers each line `step` with the seconds of one step, and ends at
 * `quit` or at the end of its input. The step is that of mwnet bench: momentum 0.9, weight
 * decay 5e-4, the method's options by their defaults, a meta batch as large as the batch. */
#include "bench_net.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARM_STEPS = 3, COUNT_MAX = 1 << 20 };
static const double warm_seconds = 0.3;

struct worker {
    mwn_net *net;
    struct mwn_learner learner;
    struct mwn_bench_data data;
    struct mwn_bench_worker at;
};

static void worker_release(struct worker *w)
{
    mwn_bench_worker_release(&w->at);
    mwn_bench_data_release(&w->data);
    mwn_net_free(w->net);
}

static mwn_status warm_up(struct worker *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    double seconds = 0, sum = 0;
    for (int i = 0; i < WARM_STEPS || sum < warm_seconds; i++) {
        MWN_TRY(mwn_bench_worker_step(&w->at, &w->data, &seconds, err));
        sum += seconds;
    }
out:
    return status;
}

static mwn_status worker_init(struct worker *w, int argc, char **argv,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    enum mwn_precision precision = MWN_PRECISION_F32;
    int count = 0, threads = 0;
    MWN_TRY(bench_count(&count, argv[2], COUNT_MAX, "BATCH", err));
    if (argc > 5)
        MWN_TRY(bench_count(&threads, argv[5], COUNT_MAX, "THREADS", err));
    size_t batch = (size_t)count;
    MWN_TRY(bench_precision(&precision, argv[4], err));
    MWN_TRY(bench_net_create(&w->net, argv[1], precision, threads, err));
    mwn_net_learner(w->net, &w->learner);
    MWN_TRY(mwn_bench_worker_begin(&w->at, argv[3], &w->learner, batch, err));
    bool learns = w->at.method->needs & MWN_NEEDS_HYPERGRADIENT;
    MWN_TRY(mwn_net_plan(w->net, batch, learns ? batch : 0, err));
    MWN_TRY(mwn_bench_data_create(&w->data, w->net, batch, err));
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
        MWN_TRY(mwn_bench_worker_step(&w->at, &w->data, &seconds, err));
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
