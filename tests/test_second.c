/* test_second.c - methods with a second network: the exchange of the two, and what each learns. */
#include "method_bench.h"

#include "engine/second.h"
#include "models/model.h"
#include "nn/net.h"

#include <stdlib.h>

/* ---- The exchange ---------------------------------------------------------------------- */

enum { SIDE = 8, IMAGES = 4 };

static mwn_net *open_net(void)
{
    const struct mwn_net_options options = {
        .backend = "auto", .threads = 1, .bn_eps = 1e-5, .bn_momentum = 0.1, .seed = 3};
    const struct mwn_model_options model = {.name = (char[]){"smallconv"}};
    struct mwn_error err = {0};
    struct mwn_graph graph = {0};
    mwn_net *net = NULL;
    assert_int_equal(
        mwn_model_build(&graph, &model, (struct mwn_shape){1, SIDE, SIDE}, 3, &err),
        MWN_OK);
    if (mwn_net_create(&net, &graph, &options, &err) != MWN_OK)
        fail_msg("%s", err.text);
    return net;
}

static void pass(struct mwn_learner *learner, double *loss)
{
    static float x[IMAGES * SIDE * SIDE];
    static const int32_t label[IMAGES] = {0, 1, 2, 1};
    const struct mwn_batch batch = {.n = IMAGES, .x = x, .label = label};
    for (size_t i = 0; i < MWN_COUNT(x); i++)
        x[i] = (float)sin(0.7 * (double)i);
    assert_int_equal(learner->forward(learner->self, &batch, loss, NULL), MWN_OK);
}

static void stats_of(const mwn_net *net, double mean[16])
{
    double variance[16];
    mwn_net_get_stats(net, 0, mean, variance);
}

static void test_a_net_works_on_either_of_two(void **state)
{
    (void)state;
    mwn_net *net = open_net();
    struct mwn_learner learner;
    struct mwn_second second = {0};
    double first[IMAGES], other[IMAGES], again[IMAGES], before[16], after[16];
    mwn_net_learner(net, &learner);
    assert_int_equal(mwn_second_init(&second, &learner, NULL), MWN_OK);
    assert_int_equal(learner.another(learner.self, second.params, second.stats, NULL),
                     MWN_OK);
    const void *own = learner.params, *its = second.params;
    pass(&learner, first);
    stats_of(net, before);
    mwn_second_exchange(&second, &learner);
    assert_ptr_equal(learner.params, its);
    assert_ptr_equal(second.params, own);
    stats_of(net, after);
    for (size_t c = 0; c < 16; c++)
        assert_true(after[c] >= 0 && after[c] <= 0);
    pass(&learner, other);
    mwn_second_exchange(&second, &learner);
    assert_ptr_equal(learner.params, own);
    stats_of(net, after);
    assert_memory_equal(before, after, sizeof before);
    pass(&learner, again);
    assert_memory_equal(first, again, sizeof first);
    for (size_t i = 0; i < IMAGES; i++)
        assert_true(fabs(first[i] - other[i]) > 1e-6);
    mwn_second_release(&second);
    mwn_net_free(net);
}

static void test_a_pretrained_net_shares_all_but_its_last_layer(void **state)
{
    (void)state;
    mwn_net *net = open_net();
    struct mwn_learner learner;
    struct mwn_second second = {0};
    mwn_net_learner(net, &learner);
    assert_int_equal(mwn_second_init(&second, &learner, NULL), MWN_OK);
    for (int pretrained = 0; pretrained < 2; pretrained++) {
        if (pretrained)
            mwn_net_set_pretrained(net);
        assert_int_equal(learner.another(learner.self, second.params, second.stats, NULL),
                         MWN_OK);
        const float *a = learner.params, *b = second.params;
        size_t head = learner.head, body = learner.n_params - head;
        assert_int_equal(memcmp(a, b, head * sizeof *a) == 0, pretrained);
        assert_memory_not_equal(a + head, b + head, body * sizeof *a);
        assert_true(second.stats[16] >= 1 && second.stats[16] <= 1);
    }
    mwn_second_release(&second);
    mwn_net_free(net);
}

/* ---- Co-teaching ----------------------------------------------------------------------- */

/* A network as the test follows it. */
struct peer {
    double w[TOY_PARAMS], momentum[TOY_PARAMS], loss[TRAIN], grad[TOY_PARAMS];
    struct toy_pass pass;
    double chosen[TRAIN];
};

static void look(struct peer *peer, const struct toy_data *data, size_t k)
{
    toy_run(&peer->pass, peer->w, &data->batch, peer->loss);
    for (size_t i = 0; i < TRAIN; i++) {
        size_t smaller = 0;
        for (size_t j = 0; j < TRAIN; j++)
            smaller += peer->loss[j] < peer->loss[i];
        peer->chosen[i] = smaller < k ? 1 / (double)k : 0;
    }
}

static void learn(struct peer *peer, const double *chosen, bool has_momentum)
{
    toy_back(&peer->pass, peer->w, chosen, peer->grad);
    for (size_t i = 0; i < TOY_PARAMS; i++) {
        peer->momentum[i] = (has_momentum ? 0.9 * peer->momentum[i] : 0) + peer->grad[i];
        peer->w[i] -= 0.1 * peer->momentum[i];
    }
}

/* With momentum, which mwn_step_init() has to know first. */
static void open_co_teaching(struct bench *b)
{
    static const char *const options[] = {"rate", "0.5", "gradual", "3", NULL};
    const struct mwn_meta_options meta = {.every = 1, .layers = 1};
    bench_open(b, "co_teaching", options);
    b->method->end(b->self);
    memset(b->self, 0, b->method->self_size);
    mwn_step_release(&b->step);
    b->step.sgd.momentum = 0.9;
    assert_int_equal(mwn_step_init(&b->step, &b->learner, &meta, TOY_BATCH, false, NULL),
                     MWN_OK);
    const struct mwn_method_context context = context_of(b);
    assert_int_equal(b->method->begin(b->self, b->options, &context, NULL), MWN_OK);
    b->step.train = &b->train.batch;
    b->step.lr = 0.1;
}

static void test_each_network_learns_what_the_other_chose(void **state)
{
    (void)state;
    /* rate 1/2 after epochs with 0, 1/4: int(7), int(5.25), int(3.5), int(3.5). */
    static const size_t kept[EPOCHS] = {7, 5, 3, 3};
    struct bench b;
    static struct peer peers[2];
    struct peer *one = &peers[0], *two = &peers[1];
    double stats = 0;
    open_co_teaching(&b);
    memcpy(one->w, b.toy.params, sizeof one->w);
    assert_int_equal(toy_another(&b.toy, two->w, &stats, NULL), MWN_OK);
    for (uint64_t t = 0; t < STEPS_ALL; t++) {
        struct mwn_vector_item items[MWN_VECTORS_MAX];
        size_t k = kept[t / STEPS];
        look(one, &b.train, k);
        look(two, &b.train, k);
        learn(one, two->chosen, t > 0);
        learn(two, one->chosen, t > 0);
        step_at(&b, t);
        assert_int_equal(b.method->vectors(b.self, items), 2);
        for (size_t i = 0; i < TOY_PARAMS; i++) {
            assert_near(b.toy.params[i], one->w[i], 1e-12);
            assert_near(((const double *)items[0].data)[i], two->w[i], 1e-12);
        }
        for (size_t i = 0; i < TRAIN; i++)
            assert_int_equal(b.step.weight[i] > 0, one->chosen[i] > 0);
    }
    bench_close(&b);
}

/* Each of the two counts every batch once, though the first looks twice. */
static void test_running_numbers_are_moved_once_a_step(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item items[MWN_STATE_MAX];
    bench_open(&b, "co_teaching", NULL);
    steps_until(&b, 0, 5);
    b.method->state(b.self, items);
    assert_near(b.toy.stat, 5 * TRAIN, 0);
    assert_near(items[1].data[0], 5 * TRAIN, 0);
    bench_close(&b);
}

/* ---- What may go wrong ----------------------------------------------------------------- */

static void test_a_failing_step_leaves_the_learner_its_own(void **state)
{
    (void)state;
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        if (!((*m)->needs & MWN_NEEDS_SECOND))
            continue;
        mwn_status status = MWN_ERR_RUNTIME;
        for (int n = 1; status != MWN_OK; n++) {
            struct bench b;
            bench_open(&b, (*m)->name, NULL);
            b.step.meta = (*m)->needs & MWN_NEEDS_META ? &b.meta.batch : NULL;
            b.toy.fail_in = n;
            status = (*m)->step(b.self, &b.step, NULL);
            assert_ptr_equal(b.learner.params, b.toy.params);
            assert_null(b.toy.other);
            assert_true(n < 30);
            bench_close(&b);
        }
    }
}

static void test_a_learner_without_exchange_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    bench_open(&b, "co_teaching", NULL);
    const struct mwn_data_facts facts = context_of(&b).facts;
    b.learner.exchange = NULL;
    assert_int_equal(mwn_method_check(b.method, b.options, &facts, &b.learner, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "exchange and another"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_net_works_on_either_of_two),
        cmocka_unit_test(test_a_pretrained_net_shares_all_but_its_last_layer),
        cmocka_unit_test(test_each_network_learns_what_the_other_chose),
        cmocka_unit_test(test_running_numbers_are_moved_once_a_step),
        cmocka_unit_test(test_a_failing_step_leaves_the_learner_its_own),
        cmocka_unit_test(test_a_learner_without_exchange_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
