/* test_embed.c - networks on features: a linear head against its closed form, and steps in a
 * stream that allocate nothing. */
#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"
#include "models/model.h"
#include "tensor/vec.h"
#include "train/bench_stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLASSES_MOST = 20 };

struct head_case {
    int features, classes;
    size_t n;
};

/* Features with and without whole vectors, few and many outputs, rows left over, work for one
 * thread and for two. */
static const struct head_case cases[] = {
    {512, 10, 100}, {512, 10, 7}, {512, 5, 13},   {64, 15, 9},  {80, 2, 11},
    {37, 3, 12},    {48, 16, 21}, {512, 20, 100}, {96, 6, 230}, {512, 10, 303},
};

static const char *const backends[] = {"ref", "auto"};

/* A head, a batch, and vectors of the net and the same in PyTorch's layout. */
struct head {
    struct head_case c;
    mwn_net *net;
    struct mwn_learner learner;
    double *x;       /* [n][features] */
    void *converted; /* the same in the net's type */
    int32_t *label;
    struct mwn_batch batch;
    double *loss, *dloss, *coef, *delta;
    void *vector;                /* the direction, then the gradient */
    double *weight[2], *bias[2]; /* of w and of the direction */
};

static void *room(size_t count, size_t size)
{
    void *block = mwn_alloc(count, size);
    assert_non_null(block);
    return block;
}

static bool make_net(struct head *h, const char *backend, enum mwn_dtype dtype, int threads)
{
    struct mwn_error err = {0};
    struct mwn_graph graph = {0};
    struct mwn_model_options options = {0};
    const struct mwn_option *rows = mwn_model_option_rows;
    const struct mwn_net_options net = {.backend = backend,
                                        .dtype = dtype,
                                        .threads = threads,
                                        .bn_eps = 1e-5,
                                        .bn_momentum = 0.1,
                                        .seed = 3};
    assert_int_equal(mwn_options_default(rows, &options, &err), MWN_OK);
    assert_int_equal(
        mwn_option_set(mwn_option_find(rows, "name"), "model", &options, "mlp", &err),
        MWN_OK);
    assert_int_equal(
        mwn_option_set(mwn_option_find(rows, "hidden"), "model", &options, "", &err),
        MWN_OK);
    assert_int_equal(mwn_model_build(&graph, &options,
                                     (struct mwn_shape){h->c.features, 1, 1}, h->c.classes,
                                     &err),
                     MWN_OK);
    mwn_options_release(rows, &options);
    return mwn_net_create(&h->net, &graph, &net, &err) == MWN_OK;
}

static void make_data(struct head *h, enum mwn_dtype dtype)
{
    struct mwn_rng rng = mwn_rng_at(5, MWN_STREAM_BENCH, 0, 0);
    size_t n = h->c.n, f = (size_t)h->c.features, k = (size_t)h->c.classes;
    h->x = room(n * f, sizeof(double));
    h->converted = room(n * f, mwn_dtype_size(dtype));
    h->label = room(n, sizeof *h->label);
    h->loss = room(n, sizeof(double));
    h->dloss = room(n, sizeof(double));
    h->coef = room(n, sizeof(double));
    h->delta = room(n * k, sizeof(double));
    for (size_t i = 0; i < n * f; i++)
        h->x[i] = (double)(float)mwn_rng_normal(&rng);
    mwn_vec_from_double(dtype, n * f, h->x, h->converted);
    for (size_t i = 0; i < n; i++) {
        h->label[i] = (int32_t)(i * 7 % k);
        h->coef[i] = mwn_rng_unit(&rng);
    }
    h->batch = (struct mwn_batch){.n = n, .x = h->converted, .label = h->label};
    for (int v = 0; v < 2; v++) {
        h->weight[v] = room(k * f, sizeof(double));
        h->bias[v] = room(k, sizeof(double));
    }
    for (size_t i = 0; i < k * f; i++)
        h->weight[1][i] = (double)(float)(0.1 * mwn_rng_normal(&rng));
    for (size_t i = 0; i < k; i++)
        h->bias[1][i] = (double)(float)mwn_rng_normal(&rng);
}

static bool head_open(struct head *h, const struct head_case *c, const char *backend,
                      int threads)
{
    enum mwn_dtype dtype = strcmp(backend, "ref") == 0 ? MWN_F64 : MWN_F32;
    memset(h, 0, sizeof *h);
    h->c = *c;
    if (!make_net(h, backend, dtype, threads))
        return false;
    make_data(h, dtype);
    mwn_net_learner(h->net, &h->learner);
    h->vector = mwn_arena_alloc(mwn_net_vector(h->net) * mwn_dtype_size(dtype));
    assert_non_null(h->vector);
    mwn_net_get(h->net, mwn_net_params(h->net), 0, h->weight[0]);
    mwn_net_get(h->net, mwn_net_params(h->net), 1, h->bias[0]);
    mwn_net_set(h->net, h->vector, 0, h->weight[1]);
    mwn_net_set(h->net, h->vector, 1, h->bias[1]);
    return true;
}

static void head_close(struct head *h)
{
    void *blocks[] = {h->x,     h->converted, h->label,     h->loss,    h->dloss,  h->coef,
                      h->delta, h->weight[0], h->weight[1], h->bias[0], h->bias[1]};
    mwn_arena_free(h->vector, mwn_net_vector(h->net) * mwn_dtype_size(h->learner.dtype));
    for (size_t i = 0; i < MWN_COUNT(blocks); i++)
        mwn_free(blocks[i]);
    mwn_net_free(h->net);
}

/* W x_i + b of output k, for w (0) or for the direction (1). */
static double output(const struct head *h, int v, size_t i, size_t k)
{
    size_t f = (size_t)h->c.features;
    double sum = h->bias[v][k];
    for (size_t j = 0; j < f; j++)
        sum += h->weight[v][k * f + j] * h->x[i * f + j];
    return sum;
}

/* delta_i = softmax(W x_i + b) - onehot into h->delta; the cross-entropy. */
static double written_loss(struct head *h, size_t i)
{
    size_t classes = (size_t)h->c.classes;
    double z[CLASSES_MOST], sum = 0, *delta = h->delta + i * classes;
    for (size_t k = 0; k < classes; k++)
        sum += exp(z[k] = output(h, 0, i, k));
    for (size_t k = 0; k < classes; k++)
        delta[k] = exp(z[k]) / sum - (k == (size_t)h->label[i]);
    return log(sum) - z[h->label[i]];
}

static void expect(const struct head *h, const char *what, double actual, double expected,
                   double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%s %d x %d, %zu samples: %s is %.12g, not %.12g", mwn_net_backend(h->net),
                 h->c.features, h->c.classes, h->c.n, what, actual, expected);
}

/* d_i = delta_i' (U x_i + b_u), and the gradient sum_i c_i delta_i x_i'. */
static void check_head(struct head *h, double tolerance)
{
    struct mwn_error err = {0};
    size_t n = h->c.n, f = (size_t)h->c.features, classes = (size_t)h->c.classes;
    void *self = h->learner.self;
    assert_int_equal(h->learner.forward(self, &h->batch, h->loss, &err), MWN_OK);
    assert_int_equal(h->learner.jvp(self, h->vector, 0, h->dloss, &err), MWN_OK);
    for (size_t i = 0; i < n; i++) {
        double d = 0;
        expect(h, "a loss", h->loss[i], written_loss(h, i), tolerance);
        for (size_t k = 0; k < classes; k++)
            d += h->delta[i * classes + k] * output(h, 1, i, k);
        expect(h, "d", h->dloss[i], d, tolerance);
    }
    assert_int_equal(h->learner.backward(self, h->coef, h->vector, &err), MWN_OK);
    mwn_net_get(h->net, h->vector, 0, h->weight[1]);
    mwn_net_get(h->net, h->vector, 1, h->bias[1]);
    for (size_t k = 0; k < classes; k++) {
        double bias = 0;
        for (size_t i = 0; i < n; i++)
            bias += h->coef[i] * h->delta[i * classes + k];
        expect(h, "the bias's gradient", h->bias[1][k], bias, tolerance);
        for (size_t j = 0; j < f; j++) {
            double slope = 0;
            for (size_t i = 0; i < n; i++)
                slope += h->coef[i] * h->delta[i * classes + k] * h->x[i * f + j];
            expect(h, "a weight's gradient", h->weight[1][k * f + j], slope, tolerance);
        }
    }
}

static void test_a_linear_head_is_its_closed_form(void **state)
{
    (void)state;
    for (size_t b = 0; b < MWN_COUNT(backends); b++)
        for (size_t i = 0; i < MWN_COUNT(cases); i++) {
            struct head h;
            assert_true(head_open(&h, &cases[i], backends[b], 2));
            check_head(&h, h.learner.dtype == MWN_F64 ? 1e-12 : 2e-5);
            head_close(&h);
        }
}

static void test_a_linear_head_is_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < MWN_COUNT(cases); i++) {
        struct head h[2];
        for (int k = 0; k < 2; k++) {
            assert_true(head_open(&h[k], &cases[i], "auto", k + 1));
            check_head(&h[k], 2e-5);
        }
        size_t bytes = mwn_net_vector(h[0].net) * sizeof(float);
        assert_memory_equal(h[0].dloss, h[1].dloss, cases[i].n * sizeof(double));
        assert_memory_equal(h[0].vector, h[1].vector, bytes);
        head_close(&h[0]);
        head_close(&h[1]);
    }
}

static void test_steps_in_a_stream_allocate_nothing(void **state)
{
    (void)state;
    static const char *const models[] = {"linear", "mlp"};
    enum { BATCH = 50 };
    for (size_t i = 0; i < MWN_COUNT(models); i++) {
        mwn_net *net = NULL;
        struct mwn_learner learner;
        struct mwn_bench_stream stream = {0};
        struct mwn_bench_worker worker = {0};
        struct mwn_error err = {0};
        double seconds = 0;
        assert_int_equal(
            mwn_bench_net(&net, models[i], (struct mwn_net_options){.threads = 2}, &err),
            MWN_OK);
        mwn_net_learner(net, &learner);
        assert_int_equal(mwn_net_plan(net, BATCH, BATCH, &err), MWN_OK);
        assert_int_equal(mwn_bench_worker_begin(&worker, "mwnet", &learner, BATCH, &err),
                         MWN_OK);
        assert_int_equal(mwn_bench_stream_create(&stream, net, BATCH, &err), MWN_OK);
        uint64_t before = mwn_mem_count();
        size_t steps = i == 0 ? MWN_BENCH_STREAM_SAMPLES / BATCH + 2 : 30; /* two epochs */
        assert_int_equal(mwn_bench_stream_steps(&stream, &worker, steps, &seconds, &err),
                         MWN_OK);
        assert_int_equal(mwn_mem_count() - before, 0);
        assert_int_equal(worker.step.iteration, steps);
        assert_true(seconds > 0);
        mwn_bench_stream_release(&stream);
        mwn_bench_worker_release(&worker);
        mwn_net_free(net);
    }
}

static void test_a_stream_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    mwn_net *net = NULL;
    struct mwn_error err = {0};
    assert_int_equal(
        mwn_bench_net(&net, "linear", (struct mwn_net_options){.threads = 1}, &err),
        MWN_OK);
    for (uint64_t n = 1; n <= 10; n++) {
        struct mwn_bench_stream stream = {0};
        mwn_mem_fail_after(n);
        mwn_status status = mwn_bench_stream_create(&stream, net, 10, NULL);
        mwn_mem_fail_after(0);
        assert_int_equal(status, MWN_ERR_MEMORY);
        mwn_bench_stream_release(&stream);
    }
    mwn_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_linear_head_is_its_closed_form),
        cmocka_unit_test(test_a_linear_head_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(test_steps_in_a_stream_allocate_nothing),
        cmocka_unit_test(test_a_stream_without_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
