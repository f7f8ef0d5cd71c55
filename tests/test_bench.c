/* test_bench.c - what measurements are made on: every method at work on a network, and what is
 * refused. */
#include "base/base.h"
#include "base/mem.h"
#include "train/bench_setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

enum { BATCH = 12 };

struct bench {
    mwn_net *net;
    struct mwn_learner learner;
    struct mwn_bench_data data;
    struct mwn_bench_worker worker;
};

static mwn_status bench_open(struct bench *b, const char *model, const char *method,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    memset(b, 0, sizeof *b);
    MWN_TRY(mwn_bench_net(&b->net, model, (struct mwn_net_options){.threads = 1}, err));
    mwn_net_learner(b->net, &b->learner);
    MWN_TRY(mwn_bench_data_create(&b->data, b->net, BATCH, err));
    MWN_TRY(mwn_bench_worker_begin(&b->worker, method, &b->learner, BATCH, err));
out:
    return status;
}

static void bench_close(struct bench *b)
{
    mwn_bench_worker_release(&b->worker);
    mwn_bench_data_release(&b->data);
    mwn_net_free(b->net);
}

/* Of the batch that the last step learned from. */
static double mean_loss(const struct bench *b)
{
    double sum = 0;
    if (b->worker.step.passed_over)
        return b->worker.step.meta_mean;
    for (size_t i = 0; i < BATCH; i++)
        sum += b->worker.step.loss[i] / BATCH;
    return sum;
}

static void test_every_method_learns_the_batch(void **state)
{
    (void)state;
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        struct bench b;
        struct mwn_error err = {0};
        double seconds = 0, first = 0;
        if (bench_open(&b, "mlp", (*m)->name, &err) != MWN_OK)
            fail_msg("%s", err.text);
        b.worker.step.lr = 0.05;
        for (uint64_t i = 0; i < 20; i++) {
            assert_int_equal(b.worker.step.iteration, i);
            assert_int_equal(mwn_bench_worker_step(&b.worker, &b.data, &seconds, &err),
                             MWN_OK);
            assert_true(seconds > 0);
            first = i == 0 ? mean_loss(&b) : first;
        }
        /* mlc's teacher gives labels of its own, which say nothing in its first steps. */
        double least = strcmp((*m)->name, "mlc") == 0 ? 1.1 : 0.7;
        assert_true(fabs(mean_loss(&b) - first) > 0);
        if (!(mean_loss(&b) < least * first))
            fail_msg("%s: a mean loss of %g after %g", (*m)->name, mean_loss(&b), first);
        bench_close(&b);
    }
}

static void test_the_data_has_the_networks_shape_and_every_class(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    if (bench_open(&b, "smallconv", "mwnet", &err) != MWN_OK)
        fail_msg("%s", err.text);
    const size_t sample = 784;
    assert_int_equal(mwn_bench_sample(b.net), sample);
    assert_ptr_equal(b.data.batch[1].x, b.data.x + BATCH * sample);
    assert_memory_not_equal(b.data.batch[0].x, b.data.batch[1].x, sample * sizeof(float));
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(b.data.batch[0].label[i], i % MWN_BENCH_CLASSES);
    bench_close(&b);
    assert_int_equal(mwn_bench_shape("resnet50").h, 224);
    assert_int_equal(mwn_bench_shape("wrn-28-10").h, 32);
    assert_int_equal(mwn_bench_shape("mlp").c, 512);
}

static void test_unknown_names_are_refused(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    assert_int_equal(bench_open(&b, "mlp", "no-such", &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "no-such"));
    bench_close(&b);
    assert_int_equal(bench_open(&b, "no-net", "ce", &err), MWN_ERR_CONFIG);
    bench_close(&b);
}

static void test_memory_that_runs_out_leaves_nothing_behind(void **state)
{
    (void)state;
    mwn_status status = MWN_ERR_MEMORY;
    uint64_t n = 0;
    while (status == MWN_ERR_MEMORY) {
        struct bench b;
        mwn_mem_fail_after(++n);
        status = bench_open(&b, "mlp", "mwnet", NULL);
        mwn_mem_fail_after(0);
        assert_true(n < 500);
        bench_close(&b);
    }
    assert_int_equal(status, MWN_OK);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_method_learns_the_batch),
        cmocka_unit_test(test_the_data_has_the_networks_shape_and_every_class),
        cmocka_unit_test(test_unknown_names_are_refused),
        cmocka_unit_test(test_memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
