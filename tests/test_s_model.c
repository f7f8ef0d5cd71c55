/* test_s_model.c - the noise layer that is a function of the sample: its loss by hand, all
 * its derivatives by differences, and where it begins. */
#include "method_bench.h"
#include "methods/noise_layer.h"

enum { K = 3, H = 2, N = 4, SQUARE = K * K, PARAMS = SQUARE * (1 + H) };

#define TOY_PAIRS ((size_t)TOY_CLASSES * TOY_CLASSES)

static const int32_t some_label[N] = {1, 0, 2, 1};
static const double some_feature[N][H] = {{0.4, -0.7}, {1.1, 0.2}, {-0.5, 0.9}, {0, -1.3}};
static const double some_logit[N][K] = {
    {0.3, -0.2, 0.9}, {1.4, 0.1, -0.6}, {-0.8, 0.5, 0.2}, {0, 2.1, -1}};

static void softmax_of(size_t n, const double *z, double *p)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += exp(z[k]);
    for (size_t k = 0; k < n; k++)
        p[k] = exp(z[k]) / sum;
}

/* -log sum_k p_k theta_k,y of one sample, as it is written. */
static double loss_of(const double *param, const double *feature, const double *logit,
                      int32_t label)
{
    double p[K], sum = 0;
    softmax_of(K, logit, p);
    for (size_t k = 0; k < K; k++) {
        double a[K], theta[K];
        for (size_t j = 0; j < K; j++) {
            size_t at = k * K + j;
            a[j] = param[at];
            for (size_t h = 0; h < H; h++)
                a[j] += param[SQUARE + at * H + h] * feature[h];
        }
        softmax_of(K, a, theta);
        sum += p[k] * theta[label];
    }
    return -log(sum);
}

/* What the derivatives are taken at, and those that the layer finds. */
struct point {
    double param[PARAMS], feature[N][H], logit[N][K], prob[N][K];
    double slope[N][K], by_feature[N][H];
};

static double mean_loss(const struct point *at)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        sum += loss_of(at->param, at->feature[i], at->logit[i], some_label[i]);
    return sum / N;
}

static double difference(struct point *at, double *number)
{
    double kept = *number, f[2];
    for (int k = 0; k < 2; k++) {
        *number = kept + (k ? 1e-5 : -1e-5);
        f[k] = mean_loss(at);
    }
    *number = kept;
    return (f[1] - f[0]) / 2e-5;
}

static void test_the_layer_has_the_derivatives_of_its_loss(void **state)
{
    (void)state;
    struct point at;
    struct mwn_noise_layer layer = {.classes = K, .features = H};
    const struct mwn_noise_batch batch = {N, some_label, &at.prob[0][0], &at.feature[0][0],
                                          NULL};
    memcpy(at.feature, some_feature, sizeof at.feature);
    memcpy(at.logit, some_logit, sizeof at.logit);
    for (size_t p = 0; p < PARAMS; p++)
        at.param[p] = 1.5 * sin(2.3 * (double)p + 0.4);
    for (size_t i = 0; i < N; i++)
        softmax_of(K, at.logit[i], at.prob[i]);
    assert_int_equal(mwn_noise_layer_init(&layer, N, NULL), MWN_OK);
    assert_int_equal(layer.n_params, PARAMS);
    memcpy(layer.param, at.param, sizeof at.param);
    for (int twice = 0; twice < 2; twice++) /* Nothing is left of the first time. */
        mwn_noise_layer_differentiate(&layer, &batch, &at.slope[0][0],
                                      &at.by_feature[0][0]);
    for (size_t p = 0; p < PARAMS; p++)
        assert_near(layer.grad[p], difference(&at, &at.param[p]), 1e-10);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < K; k++)
            assert_near(at.slope[i][k], difference(&at, &at.logit[i][k]), 1e-10);
        for (size_t h = 0; h < H; h++)
            assert_near(at.by_feature[i][h], difference(&at, &at.feature[i][h]), 1e-10);
    }
    mwn_noise_layer_release(&layer);
}

/* Two classes, one feature h = 2, p = (1/4, 3/4), label 1. With a_0 = (0, log 3) theta_01
 * is 3/4, with a_1 = (log 4, 0) theta_11 is 1/5: the loss is -log(3/16 + 3/20), and r =
 * (5/9, 4/9). */
static void test_a_sample_by_hand(void **state)
{
    (void)state;
    const double prob[2] = {0.25, 0.75}, feature = 2;
    const double param[8] = {0, log(3) - 2, log(4), 1, 0, 1, 0, -0.5};
    const double by_a[4] = {5.0 / 9 / 4, -5.0 / 9 / 4, 4.0 / 9 * 0.8, -4.0 / 9 * 0.8};
    const int32_t label = 1;
    struct mwn_noise_batch batch = {1, &label, prob, &feature, NULL};
    struct mwn_noise_layer layer = {.classes = 2, .features = 1};
    double slope[2], by_feature;
    assert_int_equal(mwn_noise_layer_init(&layer, 1, NULL), MWN_OK);
    memcpy(layer.param, param, sizeof param);
    mwn_noise_layer_differentiate(&layer, &batch, slope, &by_feature);
    assert_near(slope[0], 0.25 - 5.0 / 9, 1e-15);
    assert_near(slope[1], 0.75 - 4.0 / 9, 1e-15);
    for (int k = 0; k < 4; k++) {
        assert_near(layer.grad[k], by_a[k], 1e-15);
        assert_near(layer.grad[4 + k], 2 * by_a[k], 1e-15);
    }
    assert_near(by_feature, by_a[1] - 0.5 * by_a[3], 1e-15);
    const double twice =
        2; /* weighs the layer's gradient; what goes to w is weighed later */
    batch.given = &twice;
    mwn_noise_layer_differentiate(&layer, &batch, slope, &by_feature);
    assert_near(slope[0], 0.25 - 5.0 / 9, 1e-15);
    for (int k = 0; k < 4; k++) {
        assert_near(layer.grad[k], 2 * by_a[k], 1e-15);
        assert_near(layer.grad[4 + k], 4 * by_a[k], 1e-15);
    }
    assert_near(by_feature, by_a[1] - 0.5 * by_a[3], 1e-15);
    mwn_noise_layer_release(&layer);
}

static const char *const from_the_start[] = {"share",    "1",    "form", "complex",
                                             "layer_lr", "0.01", NULL};

/* u begins at zero: the first step of w is that of the simple layer. */
static void test_the_complex_layer_begins_as_the_simple_one(void **state)
{
    (void)state;
    const char *const simple[] = {"share", "1", "layer_lr", "0.01", NULL};
    struct bench a, b;
    struct mwn_state_item item[MWN_STATE_MAX];
    bench_open(&a, "s_model", simple);
    bench_open(&b, "s_model", from_the_start);
    step_at(&a, 0);
    step_at(&b, 0);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b.toy.params[p], a.toy.params[p], 1e-15);
    assert_int_equal(b.method->state(b.self, item), 8);
    assert_int_equal(item[5].n, TOY_PAIRS * TOY_HIDDEN);
    for (size_t i = 0; i < item[5].n;
         i++) /* Adam's first step: nearly lr times the sign. */
        assert_near(fabs(item[5].data[i]), 0.01, 5e-4);
    step_at(&a, 1);
    step_at(&b, 1);
    assert_memory_not_equal(a.toy.params, b.toy.params, sizeof a.toy.params);
    bench_close(&a);
    bench_close(&b);
}

/* The mean of given_i times the loss of the layer of the toy with parameters w. */
static double toy_mean(struct bench *b, const double *w, const double *b_and_u)
{
    struct toy_pass pass = {0};
    double ce[TOY_BATCH], sum = 0;
    toy_run(&pass, w, &b->train.batch, ce);
    for (size_t i = 0; i < TRAIN; i++) {
        double p[TOY_CLASSES], chance = 0;
        softmax_of(TOY_CLASSES, pass.z[i], p);
        for (size_t k = 0; k < TOY_CLASSES; k++) {
            double a[TOY_CLASSES], theta[TOY_CLASSES];
            for (size_t j = 0; j < TOY_CLASSES; j++) {
                size_t at = k * TOY_CLASSES + j;
                a[j] = b_and_u[at];
                for (size_t h = 0; h < TOY_HIDDEN; h++)
                    a[j] += b_and_u[TOY_PAIRS + at * TOY_HIDDEN + h] * pass.r *
                            (pass.h[i][h] - pass.mean[h]);
            }
            softmax_of(TOY_CLASSES, a, theta);
            chance += p[k] * theta[b->train.label[i]];
        }
        sum -= some_weights[i] * log(chance) / TRAIN;
    }
    return sum;
}

/* End to end: w moves along the gradient of the loss through both the logits and the
 * features. */
static void test_w_goes_down_the_loss_through_the_features_too(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double param[TOY_PAIRS * (1 + TOY_HIDDEN)];
    double w[TOY_PARAMS], expected[TOY_PARAMS];
    bench_open(&b, "s_model", from_the_start);
    b.step.given = some_weights;
    step_at(&b, 0);
    assert_int_equal(b.method->state(b.self, item), 8);
    for (size_t i = 0; i < item[5].n; i++)
        item[5].data[i] = 0.9 * cos(1.9 * (double)i);
    memcpy(param, item[0].data, item[0].n * sizeof *param);
    memcpy(param + item[0].n, item[5].data, item[5].n * sizeof *param);
    memcpy(w, b.toy.params, sizeof w);
    for (size_t p = 0; p < TOY_PARAMS; p++) {
        double kept = w[p], f[2];
        for (int k = 0; k < 2; k++) {
            w[p] = kept + (k ? 1e-5 : -1e-5);
            f[k] = toy_mean(&b, w, param);
        }
        w[p] = kept;
        expected[p] = kept - b.step.lr * (f[1] - f[0]) / 2e-5;
    }
    step_at(&b, 1);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b.toy.params[p], expected[p], 1e-10);
    bench_close(&b);
}

static void test_too_large_a_layer_is_refused(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_noise_layer layer = {.classes = 1000, .features = 2048};
    assert_int_equal(mwn_noise_layer_init(&layer, 1, &err), MWN_ERR_CONFIG);
    assert_string_equal(err.text,
                        "method.form: the complex noise layer of 1000 classes and 2048 "
                        "features takes 16392000000 bytes (expected at most 268435456)");
    mwn_noise_layer_release(&layer);
    layer = (struct mwn_noise_layer){.classes = SIZE_MAX / 2, .features = SIZE_MAX / 2};
    assert_int_equal(mwn_noise_layer_init(&layer, 1, NULL), MWN_ERR_CONFIG);
    layer = (struct mwn_noise_layer){.classes = 1000};
    assert_int_equal(mwn_noise_layer_init(&layer, 1, NULL), MWN_OK);
    mwn_noise_layer_release(&layer);
}

/* The simple form asks a learner for less. */
static void test_only_the_complex_form_needs_features(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct bench a, b;
    bench_open(&a, "s_model", NULL);
    bench_open(&b, "s_model", from_the_start);
    const struct mwn_data_facts facts = context_of(&a).facts;
    a.learner.pull_both = b.learner.pull_both = NULL;
    assert_int_equal(mwn_method_check(a.method, a.options, &facts, &a.learner, &err),
                     MWN_OK);
    assert_int_equal(mwn_method_check(b.method, b.options, &facts, &b.learner, &err),
                     MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "pull_both"));
    bench_close(&a);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layer_has_the_derivatives_of_its_loss),
        cmocka_unit_test(test_a_sample_by_hand),
        cmocka_unit_test(test_the_complex_layer_begins_as_the_simple_one),
        cmocka_unit_test(test_w_goes_down_the_loss_through_the_features_too),
        cmocka_unit_test(test_too_large_a_layer_is_refused),
        cmocka_unit_test(test_only_the_complex_form_needs_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
