/* test_feature_methods.c - methods that look at what the last layer sees: their formulas on
 * numbers worked out by hand. */
#include "method_bench.h"
#include "methods/formulas.h"
#include "methods/label_teacher.h"

static void test_the_local_dimension_by_hand(void **state)
{
    (void)state;
    /* -3 / (log 1/4 + log 1/2) = 3 / (3 log 2). */
    assert_near(mwn_local_dimension(3, (const double[]){1, 2, 4}), 1 / log(2), 1e-7);
    assert_near(mwn_local_dimension(2, (const double[]){5, 5}), 0, 0);
    assert_near(mwn_local_dimension(2, (const double[]){0, 0}), 0, 0);
    assert_near(mwn_local_dimension(2, (const double[]){0, 1}), -2 / log(1e-8), 1e-12);
}

/* w - lr grad for slopes by the logits at w. */
static void expect_slopes(struct bench *b, const double *before, const double *slope)
{
    double loss[TOY_BATCH], grad[TOY_PARAMS];
    struct toy_pass pass = {0};
    toy_run(&pass, before, &b->train.batch, loss);
    toy_back_from(&pass, before, slope, grad);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b->toy.params[p], before[p] - b->step.lr * grad[p], 1e-13);
}

/* Probabilities of the training batch at w. */
static void probabilities(struct bench *b, const double *w, double p[TRAIN][TOY_CLASSES])
{
    double loss[TOY_BATCH];
    struct toy_pass pass = {0};
    toy_run(&pass, w, &b->train.batch, loss);
    for (size_t i = 0; i < TRAIN; i++)
        for (int k = 0; k < TOY_CLASSES; k++)
            p[i][k] = pass.p[i][k] + (k == b->train.label[i]);
}

static void test_d2l_measures_the_features_of_an_epoch(void **state)
{
    (void)state;
    const char *const options[] = {"neighbours", "2", NULL};
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double feature[TRAIN][TOY_HIDDEN], sum = 0;
    bench_open(&b, "d2l", options);
    assert_int_equal(b.method->state(b.self, item), 2);
    for (uint64_t s = 0; s < STEPS; s++) {
        step_at(&b, s); /* The pass is that of before the update. */
        toy_feature(&b.toy, &feature[0][0], NULL);
        for (size_t i = 0; i < TRAIN; i++) {
            double near[2] = {HUGE_VAL, HUGE_VAL};
            for (size_t j = 0; j < TRAIN; j++) {
                double square = 0;
                for (size_t k = 0; k < TOY_HIDDEN; k++)
                    square += pow(feature[i][k] - feature[j][k], 2);
                double r = j == i ? HUGE_VAL : sqrt(square);
                near[1] = fmin(near[1], fmax(r, near[0]));
                near[0] = fmin(near[0], r);
            }
            sum += -2 / log(near[0] / near[1] + 1e-8);
        }
    }
    step_at(&b, STEPS);
    assert_near(item[1].data[0], 1, 0);
    assert_near(item[0].data[0], sum / (double)(TRAIN * STEPS), 1e-9);
    bench_close(&b);
}

/* Dimensions 2, 3, then the third: it turns if that is above 2.5 + 2 * 0.5. */
static void check_turning(double third, bool turned)
{
    const char *const options[] = {"window", "2", "wait", "0", NULL};
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double before[TOY_PARAMS], p[TRAIN][TOY_CLASSES], slope[TRAIN][TOY_CLASSES];
    bench_open(&b, "d2l", options);
    b.method->state(b.self, item);
    item[0].data[0] = 2;
    item[0].data[1] = 3;
    item[1].data[0] = 2;
    item[1].data[1] = 10 * third;
    item[1].data[2] = 10;
    memcpy(before, b.toy.params, sizeof before);
    probabilities(&b, before, p);
    step_at(&b, 3 * STEPS); /* epoch 3 of 4 */
    double alpha = turned ? exp(-0.75 * third / 2) : 1;
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++) {
            double target = alpha * (k == (size_t)b.train.label[i]) +
                            (1 - alpha) * (k == mwn_argmax(TOY_CLASSES, p[i]));
            slope[i][k] = (p[i][k] - target) / TRAIN;
        }
    expect_slopes(&b, before, &slope[0][0]);
    bench_close(&b);
}

static void test_d2l_turns_when_the_dimension_rises(void **state)
{
    (void)state;
    check_turning(3.51, true);
    check_turning(3.49, false);
}

/* ---- MLC ---- */

static void test_the_teacher_by_hand_and_by_differences(void **state)
{
    (void)state;
    const double feature[2] = {0.4, -0.7};
    const int32_t label[2] = {1, 0};
    struct mwn_label_teacher t = {.features = 1, .embedding = 2, .hidden = 1, .classes = 2};
    assert_int_equal(mwn_label_teacher_init(&t, 2, 5, NULL), MWN_OK);
    assert_int_equal(t.n_params, 2 * 2 + 3 + 1 + 1 + 1 + 2 + 2);
    /* E_0, E_1, W1, b1, W2, b2, W3, b3 */
    const double theta[14] = {0.1,  0.2, 0.3, -0.4, 1,   0.5,  -0.6,
                              0.05, 0.9, 0.1, 0.25, 1.2, -0.8, 0.3};
    memcpy(t.theta, theta, t.n_params * sizeof *theta);
    mwn_label_teacher_forward(&t, 2, feature, label);
    double h = tanh(0.4 + 0.5 * 0.3 - 0.6 * -0.4 + 0.05), g = tanh(0.9 * h + 0.1);
    double z = (0.25 * g - 0.8) - (1.2 * g + 0.3);
    assert_near(t.target[0], 1 / (1 + exp(-z)), 1e-15);
    assert_near(t.target[0] + t.target[1], 1, 1e-15);
    const double by[4] = {0.7, -0.2, 0.4, 1.1};
    mwn_label_teacher_backward(&t, 2, label, by);
    for (size_t p = 0; p < t.n_params; p++) {
        double kept = t.theta[p], f[2] = {0, 0};
        for (int k = 0; k < 2; k++) {
            t.theta[p] = kept + (k ? 1e-6 : -1e-6);
            mwn_label_teacher_forward(&t, 2, feature, label);
            for (int j = 0; j < 4; j++)
                f[k] += by[j] * t.target[j];
        }
        t.theta[p] = kept;
        assert_near(t.grad[p], (f[1] - f[0]) / 2e-6, 1e-9);
    }
    mwn_label_teacher_release(&t);
}

/* (p - t) / n of the training batch at w, for targets t. */
static void slopes_to(struct bench *b, const double *w, const double *target, double *slope)
{
    double p[TRAIN][TOY_CLASSES];
    probabilities(b, w, p);
    for (size_t k = 0; k < TRAIN * TOY_CLASSES; k++)
        slope[k] = (p[k / TOY_CLASSES][k % TOY_CLASSES] - target[k]) / TRAIN;
}

/* The meta loss at w^ for the soft labels of the teacher at theta, with h as it is. */
static double meta_loss_of(struct bench *b, struct mwn_label_teacher *t,
                           const double *feature)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], slope[TRAIN * TOY_CLASSES], grad[TOY_PARAMS], sum = 0;
    double moved[TOY_PARAMS];
    mwn_label_teacher_forward(t, TRAIN, feature, b->train.label);
    slopes_to(b, b->toy.params, t->target, slope);
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    toy_back_from(&pass, b->toy.params, slope, grad);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        moved[p] = b->toy.params[p] - b->step.lr * grad[p];
    toy_run(&pass, moved, &b->meta.batch, loss);
    for (size_t j = 0; j < META; j++)
        sum += loss[j] / META;
    return sum;
}

/* Adam's first moment after one step is a tenth of the gradient. */
static void test_mlc_goes_down_the_meta_gradient_by_the_soft_labels(void **state)
{
    (void)state;
    const char *const options[] = {"hidden", "3", "embedding", "2", NULL};
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    struct mwn_label_teacher t = {
        .features = TOY_HIDDEN, .embedding = 2, .hidden = 3, .classes = TOY_CLASSES};
    double feature[TRAIN * TOY_HIDDEN], loss[TOY_BATCH], before[TOY_PARAMS];
    double slope[TRAIN * TOY_CLASSES], expected[128];
    bench_open(&b, "mlc", options);
    assert_int_equal(b.method->state(b.self, item), 4);
    assert_int_equal(mwn_label_teacher_init(&t, TRAIN, 5, NULL), MWN_OK);
    assert_int_equal(item[0].n, t.n_params);
    assert_true(t.n_params <= MWN_COUNT(expected));
    assert_memory_equal(item[0].data, t.theta, t.n_params * sizeof(double));
    toy_forward(&b.toy, &b.train.batch, loss, NULL);
    toy_feature(&b.toy, feature, NULL);
    for (size_t k = 0; k < t.n_params; k++) {
        double kept = t.theta[k], f[2];
        for (int side = 0; side < 2; side++) {
            t.theta[k] = kept + (side ? 1e-4 : -1e-4);
            f[side] = meta_loss_of(&b, &t, feature);
        }
        t.theta[k] = kept;
        expected[k] = (f[1] - f[0]) / 2e-4;
    }
    memcpy(before, b.toy.params, sizeof before);
    mwn_label_teacher_forward(&t, TRAIN, feature, b.train.label);
    slopes_to(&b, before, t.target, slope);
    step_at(&b, 0);
    for (size_t k = 0; k < t.n_params; k++)
        assert_near(10 * item[1].data[k], expected[k], 1e-9);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i], t.target[i * TOY_CLASSES + (size_t)b.train.label[i]],
                    1e-13);
    expect_slopes(&b, before, slope);
    mwn_label_teacher_release(&t);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_local_dimension_by_hand),
        cmocka_unit_test(test_d2l_measures_the_features_of_an_epoch),
        cmocka_unit_test(test_d2l_turns_when_the_dimension_rises),
        cmocka_unit_test(test_the_teacher_by_hand_and_by_differences),
        cmocka_unit_test(test_mlc_goes_down_the_meta_gradient_by_the_soft_labels),
    };
    return cmocka_run_group_tests_name("feature methods", tests, NULL, NULL);
}
