/* test_feature_methods.c - methods that look at what the last layer sees: their formulas on
 * numbers worked out by hand. */
#include "method_bench.h"
#include "methods/formulas.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_local_dimension_by_hand),
        cmocka_unit_test(test_d2l_measures_the_features_of_an_epoch),
        cmocka_unit_test(test_d2l_turns_when_the_dimension_rises),
    };
    return cmocka_run_group_tests_name("feature methods", tests, NULL, NULL);
}
