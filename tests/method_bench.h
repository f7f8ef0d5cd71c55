/* method_bench.h - a method at work on the hand-written learner, iteration by iteration. */
#ifndef MWN_TESTS_METHOD_BENCH_H
#define MWN_TESTS_METHOD_BENCH_H

#include "base/base.h"
#include "base/mem.h"
#include "engine/step.h"
#include "methods/method.h"
#include "toy_learner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TRAIN = 7, META = 5, EPOCHS = 4 };
#define STEPS     UINT64_C(3)
#define STEPS_ALL (EPOCHS * STEPS)

static const double some_weights[TRAIN] = {1, 0.5, 2, 0, 1.5, 0.25, 3};
static const uint32_t some_index[TOY_BATCH] = {3, 0, 6, 2, 5, 1, 4};

/* A method at work on the toy. */
struct bench {
    const struct mwn_method *method;
    struct toy toy;
    struct mwn_learner learner;
    struct toy_data train, meta;
    struct mwn_step step;
    void *options, *self;
    double count[TOY_CLASSES];
};

static inline void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", actual, tolerance, expected);
}

static inline void set_option(struct bench *b, const char *name, const char *value)
{
    struct mwn_error err = {0};
    const struct mwn_option *row = mwn_option_find(b->method->options, name);
    assert_non_null(row);
    if (mwn_option_set(row, "method", b->options, value, &err) != MWN_OK)
        fail_msg("%s", err.text);
}

static inline struct mwn_method_context context_of(const struct bench *b)
{
    return (struct mwn_method_context){.max_n = TOY_BATCH,
                                       .seed = 5,
                                       .outputs = TOY_CLASSES,
                                       .features = TOY_HIDDEN,
                                       .facts = {.n = TRAIN,
                                                 .classes = TOY_CLASSES,
                                                 .class_count = b->count,
                                                 .epochs = EPOCHS,
                                                 .steps = STEPS},
                                       .step = &b->step};
}

/* Options as name, value, ..., NULL (NULL: none). */
static inline void bench_open(struct bench *b, const char *name, const char *const *options)
{
    const struct mwn_meta_options meta = {.every = 1, .layers = 1};
    struct mwn_error err = {0};
    memset(b, 0, sizeof *b);
    b->method = mwn_method_find(name);
    assert_non_null(b->method);
    b->learner = toy_learner(&b->toy);
    toy_data(&b->train, TRAIN, 0.2);
    toy_data(&b->meta, META, 1.1);
    b->train.batch.index = some_index;
    for (size_t i = 0; i < TRAIN; i++)
        b->count[b->train.label[i]] += 1;
    assert_int_equal(mwn_step_init(&b->step, &b->learner, &meta, TOY_BATCH,
                                   b->method->needs & MWN_NEEDS_HYPERGRADIENT, &err),
                     MWN_OK);
    b->options = mwn_alloc(1, b->method->options_size);
    b->self = mwn_alloc(1, b->method->self_size);
    assert_true(b->options && b->self);
    if (b->method->options)
        assert_int_equal(mwn_options_default(b->method->options, b->options, &err), MWN_OK);
    if (b->method->options && mwn_option_find(b->method->options, "steps"))
        set_option(b, "steps", "200"); /* MentorNet's own training */
    for (; options && *options; options += 2)
        set_option(b, options[0], options[1]);
    const struct mwn_method_context context = context_of(b);
    assert_int_equal(
        mwn_method_check(b->method, b->options, &context.facts, &b->learner, &err), MWN_OK);
    if (b->method->begin)
        assert_int_equal(b->method->begin(b->self, b->options, &context, &err), MWN_OK);
    b->step.train = &b->train.batch;
    b->step.lr = 0.1;
}

static inline void bench_close(struct bench *b)
{
    if (b->method->end)
        b->method->end(b->self);
    if (b->method->options)
        mwn_options_release(b->method->options, b->options);
    mwn_free(b->self);
    mwn_free(b->options);
    mwn_step_release(&b->step);
}

/* Mean meta loss at w - lr grad. */
static inline double meta_loss_along(const struct bench *b, const double *grad)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], moved[TOY_PARAMS], sum = 0;
    for (size_t p = 0; p < TOY_PARAMS; p++)
        moved[p] = b->toy.params[p] - b->step.lr * grad[p];
    toy_run(&pass, moved, &b->meta.batch, loss);
    for (size_t j = 0; j < META; j++)
        sum += loss[j] / META;
    return sum;
}

/* Iteration number i. */
static inline void step_at(struct bench *b, uint64_t i)
{
    struct mwn_error err = {0};
    bool learns = mwn_method_needs(b->method, b->options) & MWN_NEEDS_META;
    b->step.meta = learns ? &b->meta.batch : NULL;
    b->step.iteration = i;
    if (b->method->step(b->self, &b->step, &err) != MWN_OK)
        fail_msg("%s: %s", b->method->name, err.text);
}

static inline void steps_until(struct bench *b, uint64_t from, uint64_t end)
{
    for (uint64_t i = from; i < end; i++)
        step_at(b, i);
}

#endif
