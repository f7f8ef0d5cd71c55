/* bench_methods.c - what a step costs by method, the first one named being the unit. The methods'
 * steps take turns on one network and noise for data, so that all meet the same clock rate and
 * the same neighbours; what they do once an epoch is left out.
 *
 *   bench_methods NETWORK BATCH ROUNDS METHOD METHOD...   e.g. bench_methods resnet20 100 20 ce mwnet
 *
 * Prints each one's median milliseconds, and the median and the quartiles of its time by that of
 * the first in the same round. */
#include "base/sort.h"
#include "bench_net.h"

#include <stdio.h>

enum { METHODS_MAX = 32, ROUNDS_MAX = 1000, BATCH_MAX = 1 << 16, WARM_ROUNDS = 2 };

struct entry {
    struct mwn_bench_worker at;
    double seconds[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

struct bench {
    mwn_net *net;
    struct mwn_learner learner;
    struct mwn_bench_data data;
    size_t rounds, count;
    struct entry entry[METHODS_MAX];
};

static void bench_release(struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i++)
        mwn_bench_worker_release(&bench->entry[i].at);
    mwn_bench_data_release(&bench->data);
    mwn_net_free(bench->net);
}

static mwn_status begin(struct bench *bench, char **argv, size_t methods,
                        struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    int batch = 0, rounds = 0;
    MWN_TRY(bench_count(&batch, argv[2], BATCH_MAX, "BATCH", err));
    MWN_TRY(bench_count(&rounds, argv[3], ROUNDS_MAX, "ROUNDS", err));
    size_t n = (size_t)batch;
    bench->rounds = (size_t)rounds;
    MWN_TRY(bench_net_create(&bench->net, argv[1], MWN_PRECISION_F32, 0, err));
    mwn_net_learner(bench->net, &bench->learner);
    MWN_TRY(mwn_net_plan(bench->net, n, n, err));
    MWN_TRY(mwn_bench_data_create(&bench->data, bench->net, n, err));
    for (size_t i = 0; i < methods; i++) {
        bench->count = i + 1;
        MWN_TRY(mwn_bench_worker_begin(&bench->entry[i].at, argv[4 + i], &bench->learner, n,
                                       err));
    }
out:
    return status;
}

/* Every other round goes the other way round. */
static mwn_status measure(struct bench *bench, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (size_t k = 0; k < WARM_ROUNDS + bench->rounds; k++) {
        size_t round = k < WARM_ROUNDS ? 0 : k - WARM_ROUNDS;
        for (size_t i = 0; i < bench->count; i++) {
            struct entry *e = &bench->entry[k % 2 ? bench->count - 1 - i : i];
            MWN_TRY(mwn_bench_worker_step(&e->at, &bench->data, &e->seconds[round], err));
        }
        for (size_t i = 0; i < bench->count; i++)
            bench->entry[i].ratio[round] =
                bench->entry[i].seconds[round] / bench->entry[0].seconds[round];
    }
out:
    return status;
}

static void report(struct bench *bench)
{
    size_t n = bench->rounds;
    printf("%-20s %9s %7s  quartiles\n", "method", "ms", "ratio");
    for (size_t i = 0; i < bench->count; i++) {
        struct entry *e = &bench->entry[i];
        mwn_sort(n, e->seconds);
        mwn_sort(n, e->ratio);
        printf("%-20s %9.2f %7.3f  %.3f to %.3f\n", e->at.method->name,
               1000 * e->seconds[n / 2], e->ratio[n / 2], e->ratio[n / 4],
               e->ratio[3 * n / 4]);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct mwn_error err = {0};
    if (argc < 5 || argc > 4 + METHODS_MAX) {
        fprintf(stderr, "usage: bench_methods NETWORK BATCH ROUNDS METHOD METHOD...\n");
        return MWN_ERR_CONFIG;
    }
    mwn_status status = begin(&bench, argv, (size_t)argc - 4, &err);
    if (status == MWN_OK)
        status = measure(&bench, &err);
    if (status == MWN_OK)
        report(&bench);
    else
        fprintf(stderr, "bench_methods: %s%s%s\n", err.text, err.hint[0] ? "\nhint: " : "",
                err.hint);
    bench_release(&bench);
    return (int)status;
}
