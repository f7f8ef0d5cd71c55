/* test_hypergradient.c - the meta-gradient of Meta-Weight-Net in double, against brute force:
 * w^(Theta) written out once more, the meta loss there, differences by every entry of Theta. */
#include "base/base.h"
#include "base/mem.h"
#include "engine/step.h"
#include "engine/weighting.h"
#include "methods/method.h"
#include "toy_learner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TRAIN = 7, META = 5 };

/* One case: how the virtual step is made and how the weights are formed. */
struct setting {
    const char *weights; /* method.weights              */
    int virtual_step;    /* enum mwn_virtual            */
    double momentum, dampening, weight_decay;
    bool nesterov;
    bool warm; /* a momentum buffer exists               */
    const char *hidden;
    bool mae, given;
};

/* Everything that an iteration needs. */
struct bench {
    struct toy toy;
    struct mwn_learner learner;
    struct toy_data train, meta;
    struct mwn_step step;
    void *options, *self;
};

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", actual, tolerance, expected);
}

/* Differences relative to the largest entry of what is expected. */
static void assert_close(size_t n, const double *actual, const double *expected,
                         double tolerance)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(expected[i]));
    assert_true(most > 0);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(actual[i] - expected[i]) <= tolerance * most))
            fail_msg("entry %zu: %.12g is not %.12g", i, actual[i], expected[i]);
}

static void set_option(struct bench *b, const char *name, const char *value)
{
    struct mwn_error err = {0};
    const struct mwn_option *row = mwn_option_find(mwn_method_mwnet.options, name);
    assert_non_null(row);
    if (mwn_option_set(row, "method", b->options, value, &err) != MWN_OK)
        fail_msg("%s", err.text);
}

static const double some_weights[TRAIN] = {1, 0.5, 2, 0, 1.5, 0.25, 3};

/* The method with plain SGD at the rate 1, so that Theta - Theta_new is the gradient. */
static void bench_open(struct bench *b, const struct setting *s)
{
    const struct mwn_method *method = &mwn_method_mwnet;
    const struct mwn_meta_options meta = {
        .loss = s->mae, .every = 1, .virtual_step = s->virtual_step, .layers = 0.25};
    struct mwn_error err = {0};
    memset(b, 0, sizeof *b);
    b->learner = toy_learner(&b->toy);
    toy_data(&b->train, TRAIN, 0.2);
    toy_data(&b->meta, META, 1.1);
    b->step.sgd = (struct mwn_sgd){.momentum = s->momentum,
                                   .dampening = s->dampening,
                                   .weight_decay = s->weight_decay,
                                   .nesterov = s->nesterov};
    assert_int_equal(mwn_step_init(&b->step, &b->learner, &meta, TOY_BATCH, true, &err),
                     MWN_OK);
    b->options = mwn_alloc(1, method->options_size);
    b->self = mwn_alloc(1, method->self_size);
    assert_true(b->options && b->self);
    assert_int_equal(mwn_options_default(method->options, b->options, &err), MWN_OK);
    set_option(b, "hidden", s->hidden ? s->hidden : "5");
    set_option(b, "weights", s->weights);
    set_option(b, "optimizer", "sgd");
    set_option(b, "lr", "1");
    set_option(b, "momentum", "0");
    set_option(b, "weight_decay", "0");
    assert_int_equal(
        method->begin(b->self, b->options,
                      &(struct mwn_method_context){.max_n = TOY_BATCH, .seed = 5}, &err),
        MWN_OK);
    if (s->warm) {
        double grad[TOY_PARAMS];
        for (size_t i = 0; i < TOY_PARAMS; i++)
            grad[i] = 0.3 * cos(0.9 * (double)i);
        mwn_sgd_update(&b->step.sgd, 0.01, b->toy.params, grad);
    }
    b->step.train = &b->train.batch;
    b->step.meta = &b->meta.batch;
    b->step.given = s->given ? some_weights : NULL;
    b->step.lr = 0.7;
}

static void bench_close(struct bench *b)
{
    mwn_method_mwnet.end(b->self);
    mwn_options_release(mwn_method_mwnet.options, b->options);
    mwn_free(b->self);
    mwn_free(b->options);
    mwn_step_release(&b->step);
}

static struct mwn_state_item state_item(struct bench *b, const char *name)
{
    struct mwn_state_item items[MWN_STATE_MAX];
    int count = mwn_method_mwnet.state(b->self, items);
    for (int i = 0; i < count; i++)
        if (strcmp(items[i].name, name) == 0)
            return items[i];
    fail_msg("no state item %s", name);
    return items[0];
}

/* ---- brute force ---- */

/* V_i at Theta as it now is, of the losses at w. */
static void brute_weights(struct bench *b, double v[TRAIN])
{
    struct toy_pass pass = {0};
    double loss[TRAIN];
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    mwn_method_mwnet.weigh(b->self, TRAIN, loss, v);
}

/* Mean meta loss at the virtual step along grad. */
static double brute_meta_loss_along(struct bench *b, const struct setting *s,
                                    const double *grad)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], moved[TOY_PARAMS], sum = 0;
    const double *w = b->toy.params, *buffer = b->step.sgd.buffer;
    for (size_t i = 0; i < TOY_PARAMS; i++) {
        double g = grad[i], direction = g;
        if (s->virtual_step == MWN_VIRTUAL_FULL) {
            g += s->weight_decay * w[i];
            direction = g;
            if (s->momentum > 0) {
                double moving = g;
                if (b->step.sgd.has_buffer)
                    moving = s->momentum * buffer[i] + (1 - s->dampening) * g;
                direction = s->nesterov ? g + s->momentum * moving : moving;
            }
        }
        moved[i] = w[i] - b->step.lr * direction;
    }
    toy_run(&pass, moved, &b->meta.batch, loss);
    for (size_t i = 0; i < META; i++)
        sum += s->mae ? 2 * (1 - exp(-loss[i])) : loss[i];
    return sum / META;
}

/* The same for coefficients c of the losses. */
static double brute_meta_loss(struct bench *b, const struct setting *s, const double *coef)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], grad[TOY_PARAMS], by_data[TRAIN];
    for (size_t i = 0; i < TRAIN; i++)
        by_data[i] = coef[i] * (s->given ? some_weights[i] : 1);
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    toy_back(&pass, b->toy.params, by_data, grad);
    return brute_meta_loss_along(b, s, grad);
}

/* The same for slopes by the logits. */
static double brute_meta_loss_of_slopes(struct bench *b, const struct setting *s,
                                        const double *slope)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], grad[TOY_PARAMS], by_data[TRAIN * TOY_CLASSES];
    for (size_t k = 0; k < (size_t)TRAIN * TOY_CLASSES; k++)
        by_data[k] = slope[k] * (s->given ? some_weights[k / TOY_CLASSES] : 1);
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    toy_back_from(&pass, b->toy.params, by_data, grad);
    return brute_meta_loss_along(b, s, grad);
}

/* Meta loss as a function of Theta. `by` divides V where it is above 0 (a sum that stands
 * still); else the form says. */
static double brute_objective(struct bench *b, const struct setting *s, double by)
{
    double v[TRAIN], coef[TRAIN], sum = 0;
    brute_weights(b, v);
    for (size_t i = 0; i < TRAIN; i++)
        sum += v[i];
    if (by <= 0)
        by = strcmp(s->weights, "mean") == 0 ? TRAIN : sum;
    for (size_t i = 0; i < TRAIN; i++)
        coef[i] = v[i] / by;
    return brute_meta_loss(b, s, coef);
}

static void brute_gradient(struct bench *b, const struct setting *s, double *out)
{
    struct mwn_state_item theta = state_item(b, "theta");
    double v[TRAIN], by = 0;
    const double h = 1e-4;
    if (strcmp(s->weights, "sum_detached") == 0) {
        brute_weights(b, v);
        for (size_t i = 0; i < TRAIN; i++)
            by += v[i];
    }
    for (size_t p = 0; p < theta.n; p++) {
        const double kept = theta.data[p];
        double f[4];
        const double at[4] = {-2, -1, 1, 2};
        for (size_t k = 0; k < 4; k++) {
            theta.data[p] = kept + at[k] * h;
            f[k] = brute_objective(b, s, by);
        }
        theta.data[p] = kept;
        out[p] = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
    }
}

static void check_setting(const struct setting *s)
{
    struct bench b;
    struct mwn_error err = {0};
    bench_open(&b, s);
    struct mwn_state_item theta = state_item(&b, "theta");
    double *expected = mwn_alloc(theta.n, sizeof(double));
    double *before = mwn_alloc(theta.n, sizeof(double));
    assert_true(expected && before);
    brute_gradient(&b, s, expected);
    memcpy(before, theta.data, theta.n * sizeof(double));
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, &err), MWN_OK);
    for (size_t p = 0; p < theta.n; p++)
        before[p] -= theta.data[p];
    assert_close(theta.n, before, expected, 1e-8);
    mwn_free(expected);
    mwn_free(before);
    bench_close(&b);
}

static void test_toy_learner_is_right(void **state)
{
    (void)state;
    struct toy toy;
    struct mwn_learner learner = toy_learner(&toy);
    struct toy_data data;
    double loss[TRAIN], up[TRAIN], dloss[TRAIN], grad[TOY_PARAMS], dir[TOY_PARAMS];
    double coef[TRAIN], left = 0, right = 0;
    const double h = 1e-6;
    toy_data(&data, TRAIN, 0.2);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        dir[i] = cos(3.3 * (double)i);
    for (size_t i = 0; i < TRAIN; i++)
        coef[i] = sin(1.1 * (double)i);
    assert_int_equal(learner.forward(&toy, &data.batch, loss, NULL), MWN_OK);
    assert_int_equal(learner.backward(&toy, coef, grad, NULL), MWN_OK);
    assert_int_equal(learner.jvp(&toy, dir, 0, dloss, NULL), MWN_OK);
    for (size_t i = 0; i < TRAIN; i++)
        left += coef[i] * dloss[i];
    for (size_t i = 0; i < TOY_PARAMS; i++)
        right += grad[i] * dir[i];
    assert_near(left, right, 1e-14);
    struct toy other = toy;
    for (size_t i = 0; i < TOY_PARAMS; i++)
        toy.params[i] += h * dir[i];
    for (size_t i = 0; i < TOY_PARAMS; i++)
        other.params[i] -= h * dir[i];
    assert_int_equal(learner.forward(&toy, &data.batch, up, NULL), MWN_OK);
    assert_int_equal(learner.forward(&other, &data.batch, loss, NULL), MWN_OK);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near((up[i] - loss[i]) / (2 * h), dloss[i], 1e-8);
}

static void test_meta_gradient_with_plain_virtual_sgd(void **state)
{
    (void)state;
    const char *const forms[] = {"mean", "sum", "sum_detached"};
    for (size_t i = 0; i < MWN_COUNT(forms); i++) {
        check_setting(&(struct setting){.weights = forms[i]});
        check_setting(&(struct setting){.weights = forms[i], .hidden = "4,3"});
        /* The optimiser of the actual step does not matter here. */
        check_setting(&(struct setting){.weights = forms[i],
                                        .momentum = 0.9,
                                        .weight_decay = 0.05,
                                        .nesterov = true,
                                        .warm = true});
    }
}

static void test_meta_gradient_of_the_absolute_error_and_with_given_weights(void **state)
{
    (void)state;
    const char *const forms[] = {"mean", "sum", "sum_detached"};
    for (size_t i = 0; i < MWN_COUNT(forms); i++) {
        check_setting(&(struct setting){.weights = forms[i], .mae = true});
        check_setting(&(struct setting){.weights = forms[i], .given = true});
        check_setting(&(struct setting){.weights = forms[i], .mae = true, .given = true});
    }
}

static void check_full(struct setting s)
{
    const char *const forms[] = {"mean", "sum", "sum_detached"};
    s.virtual_step = MWN_VIRTUAL_FULL;
    for (size_t i = 0; i < MWN_COUNT(forms); i++) {
        s.weights = forms[i];
        check_setting(&s);
    }
}

static void test_meta_gradient_with_the_full_virtual_step(void **state)
{
    (void)state;
    check_full((struct setting){.weight_decay = 0.05});
    check_full((struct setting){.momentum = 0.9, .weight_decay = 0.05});
    check_full((struct setting){.momentum = 0.9, .weight_decay = 0.05, .warm = true});
    check_full((struct setting){.momentum = 0.9, .dampening = 0.3, .warm = true});
    check_full((struct setting){.momentum = 0.9, .dampening = 0.3});
    check_full((struct setting){.momentum = 0.8, .nesterov = true});
    check_full((struct setting){
        .momentum = 0.8, .weight_decay = 0.02, .nesterov = true, .warm = true});
    check_full((struct setting){
        .momentum = 0.8, .dampening = 0.4, .nesterov = true, .warm = true});
    check_full((struct setting){.dampening = 0.4, .nesterov = true});
}

/* ---- the other ways to d_i ---- */

/* d_i by one backward pass a sample; entries of u before `from` count as zero. */
static void brute_d(struct bench *b, size_t from, double d[TRAIN])
{
    const double *u = b->step.direction;
    double grad[TOY_PARAMS], coef[TRAIN];
    for (size_t i = 0; i < TRAIN; i++) {
        memset(coef, 0, sizeof coef);
        coef[i] = 1;
        toy_back(&b->toy.pass, b->toy.params, coef, grad);
        d[i] = 0;
        for (size_t p = from; p < TOY_PARAMS; p++)
            d[i] += grad[p] * u[p];
    }
}

static const double some_coef[TRAIN] = {0.1, 0.2, 0.05, 0.1, 0.3, 0.15, 0.1};

static void hypergradient(struct bench *b, int gradient, const double *coef, double *scale)
{
    struct mwn_error err = {0};
    b->step.options.gradient = gradient;
    assert_int_equal(mwn_step_forward(&b->step, &err), MWN_OK);
    assert_int_equal(mwn_step_hypergradient(&b->step, coef, scale, &err), MWN_OK);
}

static void test_d_by_jvp_difference_and_last_layer(void **state)
{
    (void)state;
    struct bench b;
    double d[TRAIN], scale = 0;
    bench_open(&b, &(struct setting){.weights = "mean"});
    hypergradient(&b, MWN_GRADIENT_JVP, some_coef, &scale);
    brute_d(&b, 0, d);
    assert_close(TRAIN, b.step.d, d, 1e-13);
    assert_near(scale, -0.7, 0);
    hypergradient(&b, MWN_GRADIENT_LAST_LAYER, some_coef, &scale);
    brute_d(&b, TOY_AT_HEAD, d);
    assert_close(TRAIN, b.step.d, d, 1e-13);
    hypergradient(&b, MWN_GRADIENT_FD, some_coef, &scale);
    brute_d(&b, 0, d);
    assert_close(TRAIN, b.step.d, d, 1e-3);
    bench_close(&b);
}

/* d_i of iteration number `iteration`, sampled; the layer from which on there is one. */
static size_t sample(struct bench *b, uint64_t iteration, const double *coef)
{
    double scale = 0;
    size_t layer = 0;
    b->step.iteration = iteration;
    memset(b->step.direction, 0, TOY_PARAMS * sizeof(double));
    hypergradient(b, MWN_GRADIENT_SAMPLED, coef, &scale);
    assert_near(scale, -0.7, 0);
    const double *u = b->step.direction; /* the toy marks what was not asked for */
    while (layer + 1 < MWN_COUNT(toy_layers) && isnan(u[toy_layers[layer]]))
        layer++;
    return layer;
}

/* The mean over the law of the cut, with the d_i that each cut gives. */
static void test_sampled_d_is_unbiased(void **state)
{
    (void)state;
    const double shares[] = {0.05, 0.3, 0.9};
    for (size_t k = 0; k < MWN_COUNT(shares); k++) {
        struct bench b;
        double d[TRAIN], mean[TRAIN] = {0}, scale = 0;
        bool seen[MWN_COUNT(toy_layers)] = {false};
        bench_open(&b, &(struct setting){.weights = "mean"});
        b.step.cut = mwn_layer_cut_of(MWN_COUNT(toy_layers), shares[k]);
        hypergradient(&b, MWN_GRADIENT_JVP, some_coef, &scale);
        memcpy(d, b.step.d, sizeof d);
        for (uint64_t i = 0; i < 1000; i++) {
            size_t layer = sample(&b, i, some_coef);
            if (seen[layer])
                continue;
            seen[layer] = true;
            double below = layer ? mwn_layer_cut_chance(&b.step.cut, layer - 1) : 0;
            double chance = mwn_layer_cut_chance(&b.step.cut, layer) - below;
            for (size_t j = 0; j < TRAIN; j++)
                mean[j] += chance * b.step.d[j];
        }
        for (size_t layer = 0; layer < MWN_COUNT(toy_layers); layer++)
            assert_true(seen[layer]);
        assert_close(TRAIN, mean, d, 1e-12);
        bench_close(&b);
    }
}

static void test_samples_depend_on_seed_and_iteration_alone(void **state)
{
    (void)state;
    struct bench b;
    size_t first[64], same = 0, other = 0;
    double d[TRAIN];
    bench_open(&b, &(struct setting){.weights = "mean"});
    b.step.cut = mwn_layer_cut_of(MWN_COUNT(toy_layers), 0.5);
    for (uint64_t i = 0; i < 64; i++)
        first[i] = sample(&b, i, some_coef);
    memcpy(d, b.step.d, sizeof d);
    for (uint64_t i = 64; i-- > 0;)
        same += sample(&b, i, some_coef) == first[i];
    assert_int_equal(same, 64);
    sample(&b, 63, some_coef);
    assert_memory_equal(b.step.d, d, sizeof d);
    b.step.seed = 2;
    for (uint64_t i = 0; i < 64; i++)
        other += sample(&b, i, some_coef) == first[i];
    assert_true(other < 50);
    bench_close(&b);
}

/* With all layers it is the exact one, and a learner without layers has two. */
static void test_sampling_everything_is_exact(void **state)
{
    (void)state;
    struct bench b;
    double d[TRAIN], scale = 0;
    bench_open(&b, &(struct setting){.weights = "mean"});
    hypergradient(&b, MWN_GRADIENT_JVP, some_coef, &scale);
    memcpy(d, b.step.d, sizeof d);
    b.step.cut = mwn_layer_cut_of(MWN_COUNT(toy_layers), 1);
    assert_int_equal(sample(&b, 5, some_coef), 0);
    assert_memory_equal(b.step.d, d, sizeof d);
    b.learner.layers = NULL;
    assert_int_equal(mwn_layer_count(&b.learner), 2);
    assert_int_equal(mwn_layer_first(&b.learner, 1), TOY_AT_HEAD);
    assert_int_equal(mwn_layer_first(&b.learner, 2), TOY_PARAMS);
    b.step.cut = mwn_layer_cut_of(2, 0.25);
    assert_near(mwn_layer_cut_chance(&b.step.cut, 0), 0.25, 1e-12);
    for (uint64_t i = 0; i < 40; i++) {
        size_t layer = sample(&b, i, some_coef);
        assert_true(layer == 0 || layer == 2); /* head is the third of the toy's own */
    }
    bench_close(&b);
}

static void test_without_coefficients_the_meta_loss_is_taken_at_w(void **state)
{
    (void)state;
    struct bench b;
    double d[TRAIN], loss[META] = {0}, grad[TOY_PARAMS], scale = 0, mean = 0;
    bench_open(&b, &(struct setting){.weights = "mean",
                                     .virtual_step = MWN_VIRTUAL_FULL,
                                     .momentum = 0.9,
                                     .nesterov = true,
                                     .warm = true});
    hypergradient(&b, MWN_GRADIENT_JVP, NULL, &scale);
    const struct mwn_meta_pass pass = {.loss = loss, .grad = grad};
    assert_int_equal(toy_meta(&b.toy, b.toy.params, &b.meta.batch, &pass, NULL), MWN_OK);
    for (size_t i = 0; i < META; i++)
        mean += loss[i] / META;
    assert_memory_equal(b.step.direction, grad, sizeof grad);
    assert_near(b.step.meta_mean, mean, 1e-15);
    brute_d(&b, 0, d);
    assert_close(TRAIN, b.step.d, d, 1e-13);
    assert_near(scale, -0.7, 0);
    bench_close(&b);
}

/* ---- the iteration as a whole ---- */

static void test_actual_step_uses_the_new_weights(void **state)
{
    (void)state;
    struct bench b;
    double before[TOY_PARAMS], grad[TOY_PARAMS], coef[TRAIN], v[TRAIN], old[TRAIN];
    bench_open(&b, &(struct setting){.weights = "mean"});
    memcpy(before, b.toy.params, sizeof before);
    brute_weights(&b, old);
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, NULL), MWN_OK);
    mwn_method_mwnet.weigh(b.self, TRAIN, b.step.loss, v);
    assert_memory_equal(v, b.step.weight, sizeof v);
    assert_memory_not_equal(v, old, sizeof v);
    for (size_t i = 0; i < TRAIN; i++)
        coef[i] = v[i] / TRAIN;
    toy_back(&b.toy.pass, before, coef, grad);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        assert_near(b.toy.params[i], before[i] - 0.7 * grad[i], 1e-15);
    bench_close(&b);
}

static void test_without_a_meta_batch_theta_stays(void **state)
{
    (void)state;
    struct bench b;
    double kept[16], v[TRAIN];
    bench_open(&b, &(struct setting){.weights = "sum"});
    b.step.meta = NULL;
    struct mwn_state_item theta = state_item(&b, "theta");
    assert_int_equal(theta.n, 16);
    memcpy(kept, theta.data, sizeof kept);
    brute_weights(&b, v);
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, NULL), MWN_OK);
    assert_memory_equal(kept, theta.data, sizeof kept);
    assert_memory_equal(v, b.step.weight, sizeof v);
    bench_close(&b);
}

static void test_a_restored_state_goes_on_with_the_same_bytes(void **state)
{
    (void)state;
    struct bench a, b;
    struct mwn_state_item from[MWN_STATE_MAX], to[MWN_STATE_MAX];
    bench_open(&a, &(struct setting){.weights = "mean"});
    bench_open(&b, &(struct setting){.weights = "mean"});
    mwn_method_mwnet.end(a.self);
    mwn_method_mwnet.end(b.self);
    memset(a.self, 0, mwn_method_mwnet.self_size);
    memset(b.self, 0, mwn_method_mwnet.self_size);
    set_option(&a, "optimizer", "adam");
    set_option(&b, "optimizer", "adam");
    assert_int_equal(mwn_method_mwnet.begin(
                         a.self, a.options,
                         &(struct mwn_method_context){.max_n = TOY_BATCH, .seed = 1}, NULL),
                     MWN_OK);
    assert_int_equal(mwn_method_mwnet.begin(
                         b.self, b.options,
                         &(struct mwn_method_context){.max_n = TOY_BATCH, .seed = 2}, NULL),
                     MWN_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mwn_method_mwnet.step(a.self, &a.step, NULL), MWN_OK);
    memcpy(b.toy.params, a.toy.params, sizeof a.toy.params);
    int count = mwn_method_mwnet.state(a.self, from);
    assert_int_equal(mwn_method_mwnet.state(b.self, to), count);
    for (int i = 0; i < count; i++)
        memcpy(to[i].data, from[i].data, from[i].n * sizeof(double));
    assert_near(state_item(&b, "theta.steps").data[0], 3, 0);
    assert_int_equal(mwn_method_mwnet.step(a.self, &a.step, NULL), MWN_OK);
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, NULL), MWN_OK);
    for (int i = 0; i < count; i++)
        assert_memory_equal(to[i].data, from[i].data, from[i].n * sizeof(double));
    assert_memory_equal(b.toy.params, a.toy.params, sizeof a.toy.params);
    bench_close(&a);
    bench_close(&b);
}

static void test_a_step_allocates_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, &(struct setting){.weights = "sum"});
    uint64_t before = mwn_mem_count();
    for (int gradient = MWN_GRADIENT_JVP; gradient <= MWN_GRADIENT_SAMPLED; gradient++) {
        b.step.options.gradient = gradient;
        assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, NULL), MWN_OK);
    }
    assert_int_equal(mwn_method_ce.step(NULL, &b.step, NULL), MWN_OK);
    assert_int_equal(mwn_mem_count(), before);
    bench_close(&b);
}

static void test_plain_training_is_the_mean_gradient(void **state)
{
    (void)state;
    struct bench b;
    struct toy_pass pass = {0};
    double before[TOY_PARAMS], grad[TOY_PARAMS], coef[TRAIN], loss[TRAIN];
    bench_open(&b, &(struct setting){.weights = "mean"});
    memcpy(before, b.toy.params, sizeof before);
    assert_int_equal(mwn_method_ce.step(NULL, &b.step, NULL), MWN_OK);
    toy_run(&pass, before, &b.train.batch, loss);
    for (size_t i = 0; i < TRAIN; i++)
        coef[i] = 1.0 / TRAIN;
    toy_back(&pass, before, coef, grad);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        assert_near(b.toy.params[i], before[i] - 0.7 * grad[i], 1e-15);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i], 1, 0);
    bench_close(&b);
}

/* ---- what goes wrong ---- */

static void test_weights_that_are_all_zero_are_reported(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    bench_open(&b, &(struct setting){.weights = "sum"});
    struct mwn_state_item theta = state_item(&b, "theta");
    theta.data[theta.n - 1] = -1e4;
    b.step.iteration = 41;
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, &err), MWN_ERR_DIVERGED);
    assert_non_null(strstr(err.text, "iteration 41"));
    assert_non_null(strstr(err.text, "weights"));
    assert_true(err.hint[0] != '\0');
    theta.data[theta.n - 1] = (double)NAN;
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, &err), MWN_ERR_DIVERGED);
    assert_non_null(strstr(err.text, "not numbers"));
    bench_close(&b);
}

static void test_losses_that_are_not_finite_name_the_sample(void **state)
{
    (void)state;
    const uint32_t index[TRAIN] = {10, 11, 12, 13, 14, 15, 16};
    struct bench b;
    struct mwn_error err = {0};
    bench_open(&b, &(struct setting){.weights = "mean"});
    b.step.iteration = 7;
    b.train.batch.index = index;
    b.meta.x[3] = (double)NAN;
    assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, &err), MWN_ERR_DIVERGED);
    assert_non_null(strstr(err.text, "iteration 7"));
    assert_non_null(strstr(err.text, "meta sample 0 of the batch"));
    b.toy.params[TOY_PARAMS - 1] = 1e4;
    assert_int_equal(mwn_method_ce.step(NULL, &b.step, &err), MWN_ERR_DIVERGED);
    assert_non_null(strstr(err.text, "training sample 10"));
    bench_close(&b);
}

/* d meta loss / d slope_ik is scale times the tangent. */
static void check_output_setting(const struct setting *s)
{
    enum { ALL = TRAIN * TOY_CLASSES };
    struct bench b;
    double slope[ALL], given[ALL], tangent[ALL], expected[ALL], scale = 0;
    const double h = 1e-4, at[4] = {-2, -1, 1, 2};
    bench_open(&b, s);
    for (size_t k = 0; k < ALL; k++)
        slope[k] = 0.2 * sin(2.3 * (double)k + 1);
    for (size_t p = 0; p < ALL; p++) {
        double kept = slope[p], f[4];
        for (size_t k = 0; k < 4; k++) {
            slope[p] = kept + at[k] * h;
            f[k] = brute_meta_loss_of_slopes(&b, s, slope);
        }
        slope[p] = kept;
        expected[p] = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
    }
    memcpy(given, slope, sizeof given);
    assert_int_equal(mwn_step_forward(&b.step, NULL), MWN_OK);
    assert_int_equal(mwn_step_hypergradient_output(&b.step, given, tangent, &scale, NULL),
                     MWN_OK);
    for (size_t k = 0; k < ALL; k++)
        tangent[k] *= scale;
    assert_close(ALL, tangent, expected, 1e-8);
    bench_close(&b);
}

static void test_meta_gradient_by_slopes_of_the_output(void **state)
{
    (void)state;
    check_output_setting(&(struct setting){.weights = "mean"});
    check_output_setting(&(struct setting){.weights = "mean", .mae = true, .given = true});
    check_output_setting(&(struct setting){.weights = "mean",
                                           .virtual_step = MWN_VIRTUAL_FULL,
                                           .momentum = 0.9,
                                           .dampening = 0.2,
                                           .weight_decay = 0.01,
                                           .warm = true});
    check_output_setting(&(struct setting){.weights = "mean",
                                           .virtual_step = MWN_VIRTUAL_FULL,
                                           .momentum = 0.9,
                                           .weight_decay = 0.01,
                                           .nesterov = true});
}

/* Entry (i, k) of the tangent is the gradient of z_ik along what u holds from `from` on. */
static void test_tangents_of_the_output_by_kind_of_gradient(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    double slope[TRAIN * TOY_CLASSES] = {0.1, -0.2}, tangent[TRAIN * TOY_CLASSES];
    double one[TRAIN * TOY_CLASSES], grad[TOY_PARAMS], scale = 0;
    bench_open(&b, &(struct setting){.weights = "mean"});
    b.step.options.gradient = MWN_GRADIENT_LAST_LAYER;
    assert_int_equal(mwn_step_forward(&b.step, &err), MWN_OK);
    assert_int_equal(mwn_step_hypergradient_output(&b.step, slope, tangent, &scale, &err),
                     MWN_OK);
    const double *u = b.step.direction;
    for (size_t k = 0; k < MWN_COUNT(one); k++) {
        double sum = 0;
        memset(one, 0, sizeof one);
        one[k] = 1;
        toy_back_from(&b.toy.pass, b.toy.params, one, grad);
        for (size_t p = TOY_AT_HEAD; p < TOY_PARAMS; p++)
            sum += grad[p] * u[p];
        assert_near(tangent[k], sum, 1e-13);
    }
    b.step.options.gradient = MWN_GRADIENT_FD;
    assert_int_equal(mwn_step_hypergradient_output(&b.step, slope, tangent, &scale, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.hint, "meta.gradient"));
    bench_close(&b);
}

static void test_a_failing_learner_stops_the_step(void **state)
{
    (void)state;
    const struct setting s = {.weights = "mean"};
    for (int gradient = MWN_GRADIENT_JVP; gradient <= MWN_GRADIENT_FD; gradient++) {
        int calls = gradient == MWN_GRADIENT_FD ? 6 : 5;
        for (int n = 1; n <= calls + 1; n++) {
            struct bench b;
            bench_open(&b, &s);
            b.step.options.gradient = gradient;
            b.toy.fail_in = n;
            assert_int_equal(mwn_method_mwnet.step(b.self, &b.step, NULL),
                             n <= calls ? MWN_ERR_RUNTIME : MWN_OK);
            bench_close(&b);
        }
    }
}

static void test_memory_that_runs_out_leaves_nothing_behind(void **state)
{
    (void)state;
    struct toy toy;
    struct mwn_learner learner = toy_learner(&toy);
    const struct mwn_meta_options meta = {.every = 1};
    mwn_status status = MWN_ERR_MEMORY;
    for (uint64_t n = 1; status == MWN_ERR_MEMORY; n++) {
        struct mwn_step step = {.sgd = {.momentum = 0.9}};
        mwn_mem_fail_after(n);
        status = mwn_step_init(&step, &learner, &meta, 4, true, NULL);
        mwn_mem_fail_after(0);
        assert_true(n < 30);
        mwn_step_release(&step);
    }
    assert_int_equal(status, MWN_OK);
    status = MWN_ERR_MEMORY;
    for (uint64_t n = 1; status == MWN_ERR_MEMORY; n++) {
        struct bench b;
        bench_open(&b, &(struct setting){.weights = "mean"});
        mwn_method_mwnet.end(b.self);
        memset(b.self, 0, mwn_method_mwnet.self_size);
        mwn_mem_fail_after(n);
        status = mwn_method_mwnet.begin(
            b.self, b.options, &(struct mwn_method_context){.max_n = 4, .seed = 1}, NULL);
        mwn_mem_fail_after(0);
        assert_true(n < 30);
        bench_close(&b);
    }
    assert_int_equal(status, MWN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toy_learner_is_right),
        cmocka_unit_test(test_meta_gradient_with_plain_virtual_sgd),
        cmocka_unit_test(test_meta_gradient_of_the_absolute_error_and_with_given_weights),
        cmocka_unit_test(test_meta_gradient_with_the_full_virtual_step),
        cmocka_unit_test(test_d_by_jvp_difference_and_last_layer),
        cmocka_unit_test(test_sampled_d_is_unbiased),
        cmocka_unit_test(test_samples_depend_on_seed_and_iteration_alone),
        cmocka_unit_test(test_sampling_everything_is_exact),
        cmocka_unit_test(test_without_coefficients_the_meta_loss_is_taken_at_w),
        cmocka_unit_test(test_actual_step_uses_the_new_weights),
        cmocka_unit_test(test_without_a_meta_batch_theta_stays),
        cmocka_unit_test(test_a_restored_state_goes_on_with_the_same_bytes),
        cmocka_unit_test(test_a_step_allocates_nothing),
        cmocka_unit_test(test_plain_training_is_the_mean_gradient),
        cmocka_unit_test(test_weights_that_are_all_zero_are_reported),
        cmocka_unit_test(test_losses_that_are_not_finite_name_the_sample),
        cmocka_unit_test(test_meta_gradient_by_slopes_of_the_output),
        cmocka_unit_test(test_tangents_of_the_output_by_kind_of_gradient),
        cmocka_unit_test(test_a_failing_learner_stops_the_step),
        cmocka_unit_test(test_memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
