/* test_trainer.c - the public trainer on a learner of the caller's own: that it makes the
 * method's iterations, and what it refuses. */
#include "base/base.h"
#include "base/mem.h"
#include "engine/step.h"
#include "methods/method.h"
#include "toy_learner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TRAIN = 7, META = 5 };

struct world {
    struct toy toy;
    struct mwn_learner learner;
    struct toy_data train, meta;
};

static void world_open(struct world *world)
{
    world->learner = toy_learner(&world->toy);
    toy_data(&world->train, TRAIN, 0.2);
    toy_data(&world->meta, META, 1.1);
}

/* Options as key, value, key, value, ..., NULL. */
static mwn_config *options(const char *const *pairs)
{
    mwn_config *config = NULL;
    struct mwn_error err = {0};
    assert_int_equal(mwn_config_create(&config, &err), MWN_OK);
    for (; *pairs; pairs += 2)
        if (mwn_config_set(config, pairs[0], pairs[1], &err) != MWN_OK)
            fail_msg("%s", err.text);
    return config;
}

static mwn_trainer *open_trainer(struct world *world, const char *const *pairs)
{
    mwn_trainer *trainer = NULL;
    struct mwn_error err = {0};
    mwn_config *config = options(pairs);
    if (mwn_trainer_create(&trainer, &world->learner, config, TOY_BATCH, &err) != MWN_OK)
        fail_msg("%s", err.text);
    mwn_config_free(config);
    return trainer;
}

/* The same by the engine's own calls. */
static void train_by_hand(struct world *world, int steps, double weight[TRAIN])
{
    const struct mwn_method *method = &mwn_method_mwnet;
    const struct mwn_meta_options meta = {.every = 2, .virtual_step = MWN_VIRTUAL_FULL};
    struct mwn_step step = {
        .sgd = {.momentum = 0.5, .weight_decay = 0.01, .nesterov = true}};
    void *self = mwn_alloc(1, method->self_size);
    void *fields = mwn_alloc(1, method->options_size);
    assert_true(self && fields);
    assert_int_equal(mwn_options_default(method->options, fields, NULL), MWN_OK);
    assert_int_equal(
        method->begin(self, fields,
                      &(struct mwn_method_context){.max_n = TOY_BATCH, .seed = 3}, NULL),
        MWN_OK);
    assert_int_equal(mwn_step_init(&step, &world->learner, &meta, TOY_BATCH, true, NULL),
                     MWN_OK);
    for (int i = 0; i < steps; i++) {
        step.train = &world->train.batch;
        step.meta = i % 2 == 0 ? &world->meta.batch : NULL;
        step.lr = 0.3;
        assert_int_equal(method->step(self, &step, NULL), MWN_OK);
    }
    memcpy(weight, step.weight, TRAIN * sizeof *weight);
    method->end(self);
    mwn_options_release(method->options, fields);
    mwn_free(self);
    mwn_free(fields);
    mwn_step_release(&step);
}

static void test_trainer_makes_the_iterations_of_the_method(void **state)
{
    (void)state;
    const char *const pairs[] = {"method.name",
                                 "mwnet",
                                 "meta.every",
                                 "2",
                                 "meta.virtual",
                                 "full",
                                 "train.momentum",
                                 "0.5",
                                 "train.nesterov",
                                 "true",
                                 "train.weight_decay",
                                 "0.01",
                                 "train.seed",
                                 "3",
                                 NULL};
    struct world a, b;
    double weight[TRAIN], other[TRAIN];
    world_open(&a);
    world_open(&b);
    mwn_trainer *trainer = open_trainer(&a, pairs);
    for (int i = 0; i < 6; i++)
        assert_int_equal(mwn_trainer_step(trainer, &a.train.batch,
                                          i % 2 == 0 ? &a.meta.batch : NULL, 0.3, weight,
                                          NULL),
                         MWN_OK);
    train_by_hand(&b, 6, other);
    assert_memory_equal(a.toy.params, b.toy.params, sizeof a.toy.params);
    assert_memory_equal(weight, other, sizeof weight);
    mwn_trainer_free(trainer);
}

/* ---- costs ---- */

/* A learner around another one that adds up forward passes: a forward and the losses at other
 * parameters are 1, a gradient and a tangent 2 more; of passes cut at the head nothing but the
 * losses counts. */
struct counter {
    struct mwn_learner inner;
    double forwards;
};

static mwn_status count_forward(void *self, const struct mwn_batch *batch, double *loss,
                                struct mwn_error *err)
{
    struct counter *c = self;
    c->forwards += 1;
    return c->inner.forward(c->inner.self, batch, loss, err);
}

static mwn_status count_backward(void *self, const double *coef, void *grad,
                                 struct mwn_error *err)
{
    struct counter *c = self;
    c->forwards += 2;
    return c->inner.backward(c->inner.self, coef, grad, err);
}

static mwn_status count_jvp(void *self, const void *dir, size_t from, double *dloss,
                            struct mwn_error *err)
{
    struct counter *c = self;
    c->forwards += from < c->inner.head ? 2 : 0;
    return c->inner.jvp(c->inner.self, dir, from, dloss, err);
}

static mwn_status count_meta(void *self, const void *params, const struct mwn_batch *batch,
                             const struct mwn_meta_pass *pass, struct mwn_error *err)
{
    struct counter *c = self;
    c->forwards += pass->grad && pass->from < c->inner.head ? 3 : 1;
    return c->inner.meta(c->inner.self, params, batch, pass, err);
}

/* Forward passes of so many iterations. */
static double count_forwards(const char *gradient, const char *every, int iterations)
{
    const char *const pairs[] = {"method.name",   "mwnet",  "meta.every", every,
                                 "meta.gradient", gradient, NULL};
    struct world world;
    world_open(&world);
    struct counter counter = {.inner = world.learner};
    world.learner.self = &counter;
    world.learner.forward = count_forward;
    world.learner.backward = count_backward;
    world.learner.jvp = count_jvp;
    world.learner.meta = count_meta;
    mwn_trainer *trainer = open_trainer(&world, pairs);
    for (int i = 0; i < iterations; i++)
        assert_int_equal(mwn_trainer_step(trainer, &world.train.batch, &world.meta.batch,
                                          0.1, NULL, NULL),
                         MWN_OK);
    mwn_trainer_free(trainer);
    return counter.forwards;
}

static void test_k_iterations_cost_three_forwards_each_and_one_of_them_ten(void **state)
{
    (void)state;
    const char *const every[] = {"1", "2", "3", "7"};
    const int k[] = {1, 2, 3, 7};
    for (int i = 0; i < 4; i++) {
        assert_true(count_forwards("jvp", every[i], k[i]) == 3 * (k[i] - 1) + 10);
        assert_true(count_forwards("fd", every[i], k[i]) == 3 * (k[i] - 1) + 10);
        assert_true(count_forwards("last_layer", every[i], k[i]) == 3 * (k[i] - 1) + 6);
        assert_true(count_forwards("jvp", every[i], 4 * k[i]) == 4 * (3 * (k[i] - 1) + 10));
    }
    double sampled = count_forwards("sampled", "1", 40);
    assert_true(sampled > 40 * 6 && sampled < 40 * 10);
}

static void test_weights_are_between_0_and_1_and_one_for_plain_training(void **state)
{
    (void)state;
    const double loss[4] = {0, 0.7, 3, 20};
    const char *const plain[] = {"method.name", "ce", NULL};
    const char *const learned[] = {"method.name", "mwnet", NULL};
    struct world world;
    double weight[TRAIN];
    world_open(&world);
    mwn_trainer *trainer = open_trainer(&world, plain);
    assert_int_equal(mwn_trainer_step(trainer, &world.train.batch, NULL, 0.1, weight, NULL),
                     MWN_OK);
    for (size_t i = 0; i < TRAIN; i++)
        assert_true(weight[i] == 1);
    mwn_trainer_weigh(trainer, 4, loss, weight);
    assert_true(weight[0] == 1 && weight[3] == 1);
    mwn_trainer_free(trainer);
    trainer = open_trainer(&world, learned);
    mwn_trainer_weigh(trainer, 4, loss, weight);
    for (size_t i = 0; i < 4; i++)
        assert_true(weight[i] > 0 && weight[i] < 1);
    mwn_trainer_free(trainer);
}

static void test_differences_do_without_a_tangent_pass(void **state)
{
    (void)state;
    const char *const pairs[] = {"method.name", "mwnet", "meta.gradient", "fd", NULL};
    struct world world;
    struct mwn_error err = {0};
    mwn_trainer *trainer = NULL;
    world_open(&world);
    world.learner.jvp = NULL;
    assert_int_equal(mwn_trainer_create(&trainer, &world.learner, NULL, TOY_BATCH, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "jvp"));
    assert_non_null(strstr(err.hint, "meta.gradient=fd"));
    trainer = open_trainer(&world, pairs);
    assert_int_equal(
        mwn_trainer_step(trainer, &world.train.batch, &world.meta.batch, 0.1, NULL, &err),
        MWN_OK);
    mwn_trainer_free(trainer);
}

static const char *const boosting[] = {"method.name", "adaboost", NULL};

static void test_facts_of_the_data_reach_the_method(void **state)
{
    (void)state;
    const char *const pairs[] = {"method.name", "class_balanced", "method.beta", "1", NULL};
    const double count[TOY_CLASSES] = {1, 2, 4};
    const struct mwn_data_facts facts = {.classes = TOY_CLASSES, .class_count = count};
    struct world world;
    struct mwn_error err = {0};
    mwn_trainer *trainer = NULL;
    double weight[TRAIN];
    world_open(&world);
    mwn_config *config = options(pairs);
    assert_int_equal(mwn_trainer_create(&trainer, &world.learner, config, TOY_BATCH, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "class_count"));
    assert_null(trainer);
    assert_int_equal(
        mwn_trainer_create_for(&trainer, &world.learner, config, TOY_BATCH, &facts, &err),
        MWN_OK);
    assert_int_equal(mwn_trainer_step(trainer, &world.train.batch, NULL, 0.1, weight, &err),
                     MWN_OK);
    for (size_t i = 0; i < TRAIN; i++)
        assert_true(fabs(weight[i] - 3 / 1.75 / count[world.train.label[i]]) < 1e-14);
    mwn_trainer_free(trainer);
    mwn_config_free(config);
}

static mwn_status boost(struct world *world, const struct mwn_batch *batch,
                        struct mwn_error *err)
{
    const struct mwn_data_facts facts = {.n = TRAIN, .steps = 2};
    mwn_config *config = options(boosting);
    mwn_trainer *trainer = NULL;
    assert_int_equal(
        mwn_trainer_create_for(&trainer, &world->learner, config, TOY_BATCH, &facts, err),
        MWN_OK);
    mwn_status status = mwn_trainer_step(trainer, batch, NULL, 0.1, NULL, err);
    mwn_trainer_free(trainer);
    mwn_config_free(config);
    return status;
}

static void test_batches_that_a_method_cannot_use_are_refused(void **state)
{
    (void)state;
    uint32_t index[TRAIN] = {0, 1, 2, 3, 4, 5, 6};
    int32_t label[TRAIN] = {0};
    struct world world;
    struct mwn_error err = {0};
    world_open(&world);
    struct mwn_batch batch = world.train.batch;
    assert_int_equal(boost(&world, &batch, &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "index"));
    batch.index = index;
    assert_int_equal(boost(&world, &batch, &err), MWN_OK);
    index[4] = TRAIN;
    assert_int_equal(boost(&world, &batch, &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "index 7"));
    index[4] = 0;
    batch.label = label;
    label[6] = TOY_CLASSES;
    assert_int_equal(boost(&world, &batch, &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "label 3"));
    batch.label = NULL;
    assert_int_equal(boost(&world, &batch, &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "labels"));
}

static void test_a_method_that_draws_samples_is_refused(void **state)
{
    (void)state;
    const char *const pairs[] = {"method.name", "resampling", NULL};
    struct world world;
    struct mwn_error err = {0};
    mwn_trainer *trainer = NULL;
    world_open(&world);
    mwn_config *config = options(pairs);
    assert_int_equal(mwn_trainer_create(&trainer, &world.learner, config, TOY_BATCH, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "'resampling' chooses the samples"));
    mwn_config_free(config);
}

static void refuse(struct mwn_learner learner, size_t max_batch, const char *word)
{
    mwn_trainer *trainer = NULL;
    struct mwn_error err = {0};
    assert_int_equal(mwn_trainer_create(&trainer, &learner, NULL, max_batch, &err),
                     MWN_ERR_CONFIG);
    if (!strstr(err.text, word))
        fail_msg("'%s' does not say '%s'", err.text, word);
    assert_null(trainer);
}

static void test_unfit_learners_are_refused(void **state)
{
    (void)state;
    struct toy toy;
    const struct mwn_learner good = toy_learner(&toy);
    struct mwn_learner bad = good;
    refuse(good, 0, "max_batch");
    bad.head = TOY_PARAMS;
    refuse(bad, 4, "head");
    bad = good;
    bad.forward = NULL;
    refuse(bad, 4, "forward");
    bad = good;
    bad.params = NULL;
    refuse(bad, 4, "params");
    bad = good;
    bad.meta = NULL;
    refuse(bad, 4, "meta");
    bad = good;
    bad.layer_count = 0;
    refuse(bad, 4, "layers");
    bad = good;
    bad.layers = (const size_t[]){0, 3, 3};
    bad.layer_count = 3;
    refuse(bad, 4, "layers");
    bad.layers = (const size_t[]){1, 3, 4};
    refuse(bad, 4, "layers");
    bad.layers = (const size_t[]){0, 3, TOY_PARAMS};
    refuse(bad, 4, "layers");
    bad = good;
    bad.dtype = (enum mwn_dtype)7;
    refuse(bad, 4, "dtype");
}

static void test_unfit_steps_are_refused_and_do_not_count(void **state)
{
    (void)state;
    const char *const pairs[] = {"method.name", "mwnet", "meta.every", "3", NULL};
    struct world world;
    struct mwn_error err = {0};
    world_open(&world);
    mwn_trainer *trainer = open_trainer(&world, pairs);
    struct mwn_batch large = world.train.batch, *train = &world.train.batch;
    large.n = TOY_BATCH + 1;
    assert_int_equal(mwn_trainer_step(trainer, train, NULL, 0.1, NULL, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "iteration 0: method 'mwnet' needs a meta batch"));
    assert_int_equal(mwn_trainer_step(trainer, &large, &large, 0.1, NULL, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "9 samples"));
    assert_int_equal(mwn_trainer_step(trainer, train, &large, 0.1, NULL, &err),
                     MWN_ERR_CONFIG);
    assert_int_equal(mwn_trainer_step(trainer, NULL, train, 0.1, NULL, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "the training batch is missing"));
    assert_int_equal(mwn_trainer_step(trainer, train, train, (double)NAN, NULL, &err),
                     MWN_ERR_CONFIG);
    world.toy.fail_in = 2;
    assert_int_equal(mwn_trainer_step(trainer, train, &world.meta.batch, 0.1, NULL, &err),
                     MWN_ERR_RUNTIME);
    assert_int_equal(mwn_trainer_step(trainer, train, &world.meta.batch, 0.1, NULL, &err),
                     MWN_OK);
    for (int i = 1; i < 3; i++) /* Only every third iteration needs a meta batch. */
        assert_int_equal(mwn_trainer_step(trainer, train, NULL, 0.1, NULL, &err), MWN_OK);
    assert_int_equal(mwn_trainer_step(trainer, train, NULL, 0.1, NULL, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "iteration 3"));
    mwn_trainer_free(trainer);
    mwn_trainer_free(NULL);
}

static void test_wrong_options_are_reported(void **state)
{
    (void)state;
    struct world world;
    struct mwn_error err = {0};
    mwn_trainer *trainer = NULL;
    const char *const pairs[] = {"method.name", "mwnet", "method.hidden",
                                 "1,1,1,1,1,1,1,1,1", NULL};
    world_open(&world);
    mwn_config *config = options(pairs);
    assert_int_equal(mwn_trainer_create(&trainer, &world.learner, config, 4, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "hidden layers"));
    assert_null(trainer);
    mwn_config_free(config);
}

static void test_memory_that_runs_out_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    mwn_status status = MWN_ERR_MEMORY;
    for (uint64_t n = 1; status == MWN_ERR_MEMORY; n++) {
        mwn_trainer *trainer = NULL;
        mwn_mem_fail_after(n);
        status = mwn_trainer_create(&trainer, &world.learner, NULL, 4, NULL);
        mwn_mem_fail_after(0);
        assert_true(n < 200);
        mwn_trainer_free(trainer);
    }
    assert_int_equal(status, MWN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trainer_makes_the_iterations_of_the_method),
        cmocka_unit_test(test_k_iterations_cost_three_forwards_each_and_one_of_them_ten),
        cmocka_unit_test(test_weights_are_between_0_and_1_and_one_for_plain_training),
        cmocka_unit_test(test_differences_do_without_a_tangent_pass),
        cmocka_unit_test(test_facts_of_the_data_reach_the_method),
        cmocka_unit_test(test_batches_that_a_method_cannot_use_are_refused),
        cmocka_unit_test(test_a_method_that_draws_samples_is_refused),
        cmocka_unit_test(test_unfit_learners_are_refused),
        cmocka_unit_test(test_unfit_steps_are_refused_and_do_not_count),
        cmocka_unit_test(test_wrong_options_are_reported),
        cmocka_unit_test(test_memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
