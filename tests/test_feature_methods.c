/* test_feature_methods.c - methods that look at what the last layer sees: their formulas on
 * numbers worked out by hand. */
#include "method_bench.h"
#include "methods/formulas.h"
#include "methods/gp_teacher.h"
#include "methods/kmeans.h"
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
    for (size_t k = 0; k < (size_t)TRAIN * TOY_CLASSES; k++)
        slope[k] = (p[k / TOY_CLASSES][k % TOY_CLASSES] - target[k]) / TRAIN;
}

/* The meta loss at w^ for the soft labels of the teacher at theta, with h as it is. */
static double meta_loss_of(struct bench *b, struct mwn_label_teacher *t,
                           const double *feature)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], slope[TRAIN * TOY_CLASSES], grad[TOY_PARAMS];
    mwn_label_teacher_forward(t, TRAIN, feature, b->train.label);
    slopes_to(b, b->toy.params, t->target, slope);
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    toy_back_from(&pass, b->toy.params, slope, grad);
    return meta_loss_along(b, grad);
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
    double slope[TRAIN * TOY_CLASSES], expected[128] = {0};
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

/* ---- FWL ---- */

static void test_clusters_by_hand(void **state)
{
    (void)state;
    const double point[5][2] = {{0, 0}, {0, 1}, {9, 9}, {9, 8}, {1, 0}};
    double centre[3][2] = {{0, 0}, {1, 1}, {50, 50}};
    int32_t cluster[5];
    mwn_kmeans(5, 2, &point[0][0], 3, &centre[0][0], cluster);
    for (int i = 0; i < 5; i++)
        assert_int_equal(cluster[i], i == 2 || i == 3);
    assert_near(centre[0][0], 1.0 / 3, 1e-15);
    assert_near(centre[0][1], 1.0 / 3, 1e-15);
    assert_near(centre[1][0], 9, 0);
    assert_near(centre[1][1], 8.5, 0);
    assert_near(centre[2][0], 50, 0); /* nobody's: it stays */
}

/* Points 0 (class 0) and 2 (class 1): s^2 = 4, so their covariance is exp(-1/2). */
static void test_a_gaussian_process_by_hand(void **state)
{
    (void)state;
    struct mwn_gp_teacher t = {
        .features = 1, .classes = 2, .points = 4, .clusters = 1, .noise = 0.1};
    double target[2], e = exp(-0.5), det = 1.1 * 1.1 - e * e;
    assert_int_equal(mwn_gp_teacher_init(&t, NULL), MWN_OK);
    assert_int_equal(mwn_gp_teacher_fit(&t, NULL), MWN_OK);
    assert_near(mwn_gp_teacher_predict(&t, (const double[]){3}, target), 1, 0);
    assert_near(target[0], 0.5, 0);
    mwn_gp_teacher_add(&t, (const double[]){7}, 1, 40);
    mwn_gp_teacher_add(&t, (const double[]){2}, 1, 41);
    mwn_gp_teacher_add(&t, (const double[]){0}, 0, 40); /* once more, moved */
    assert_near(t.count[0], 2, 0);
    assert_int_equal(mwn_gp_teacher_fit(&t, NULL), MWN_OK);
    double a = exp(-0.5 * 0.5 / 8), b = exp(-1.5 * 1.5 / 8); /* to 0 and to 2, from 0.5 */
    double r0 = (1.1 * a - e * b) / det, r1 = (1.1 * b - e * a) / det;
    double variance = mwn_gp_teacher_predict(&t, (const double[]){0.5}, target);
    assert_near(variance, 1 - a * r0 - b * r1, 1e-14);
    assert_near(target[0], 0.5 + 0.5 * r0 - 0.5 * r1, 1e-14);
    assert_near(target[0] + target[1], 1, 1e-15);
    assert_true(mwn_gp_teacher_predict(&t, (const double[]){30}, target) > 0.999);
    t.point[0] = (double)NAN;
    assert_int_equal(mwn_gp_teacher_fit(&t, NULL), MWN_ERR_DIVERGED);
    mwn_gp_teacher_release(&t);
}

/* With two clusters, each point asks the nearest one alone. */
static void test_clusters_have_a_process_each(void **state)
{
    (void)state;
    struct mwn_gp_teacher both = {
        .features = 1, .classes = 2, .points = 8, .clusters = 2, .noise = 0.1};
    struct mwn_gp_teacher one = both;
    double a[2], b[2];
    one.clusters = 1;
    assert_int_equal(mwn_gp_teacher_init(&both, NULL), MWN_OK);
    assert_int_equal(mwn_gp_teacher_init(&one, NULL), MWN_OK);
    const double x[6] = {0, 100, 1, 101, 2, 103};
    for (int i = 0; i < 6; i++)
        mwn_gp_teacher_add(&both, &x[i], i % 4 == 0, -1);
    for (int i = 1; i < 6; i += 2)
        mwn_gp_teacher_add(&one, &x[i], i % 4 == 0, -1);
    assert_int_equal(mwn_gp_teacher_fit(&both, NULL), MWN_OK);
    assert_int_equal(mwn_gp_teacher_fit(&one, NULL), MWN_OK);
    const double at = 102;
    assert_near(mwn_gp_teacher_predict(&both, &at, a), mwn_gp_teacher_predict(&one, &at, b),
                1e-14);
    assert_near(a[0], b[0], 1e-14);
    mwn_gp_teacher_release(&both);
    mwn_gp_teacher_release(&one);
}

/* The teacher that the last plain epoch's meta batches make; the bench stands before it. */
static void teach(struct bench *b, struct mwn_gp_teacher *t)
{
    double loss[TOY_BATCH], feature[TOY_BATCH * TOY_HIDDEN];
    *t = (struct mwn_gp_teacher){.features = TOY_HIDDEN,
                                 .classes = TOY_CLASSES,
                                 .points = 20,
                                 .clusters = 2,
                                 .noise = 0.2};
    assert_int_equal(mwn_gp_teacher_init(t, NULL), MWN_OK);
    for (uint64_t s = STEPS; s < 2 * STEPS; s++) {
        toy_forward(&b->toy, &b->meta.batch, loss, NULL);
        toy_feature(&b->toy, feature, NULL);
        for (size_t j = 0; j < META; j++)
            mwn_gp_teacher_add(t, feature + j * TOY_HIDDEN, b->meta.label[j], -1);
        step_at(b, s);
    }
    assert_int_equal(mwn_gp_teacher_fit(t, NULL), MWN_OK);
}

static void test_fwl_learns_from_the_teachers_labels_by_their_fidelity(void **state)
{
    (void)state;
    const char *const options[] = {"clusters", "2", "noise", "0.2", "beta", "3", NULL};
    struct bench b;
    struct mwn_gp_teacher t;
    double before[TOY_PARAMS], loss[TOY_BATCH], feature[TRAIN][TOY_HIDDEN];
    double target[TRAIN][TOY_CLASSES], slope[TRAIN * TOY_CLASSES], fidelity[TRAIN];
    bench_open(&b, "fwl", options);
    steps_until(&b, 0, STEPS);
    teach(&b, &t);
    memcpy(before, b.toy.params, sizeof before);
    toy_forward(&b.toy, &b.train.batch, loss, NULL);
    toy_feature(&b.toy, &feature[0][0], NULL);
    for (size_t i = 0; i < TRAIN; i++)
        fidelity[i] = exp(-3 * mwn_gp_teacher_predict(&t, feature[i], target[i]));
    steps_until(&b, 2 * STEPS, 3 * STEPS);
    assert_memory_equal(before, b.toy.params, sizeof before);
    step_at(&b, 3 * STEPS);
    slopes_to(&b, before, &target[0][0], slope);
    for (size_t k = 0; k < MWN_COUNT(slope); k++)
        slope[k] *= fidelity[k / TOY_CLASSES];
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i], fidelity[i], 1e-12);
    expect_slopes(&b, before, slope);
    mwn_gp_teacher_release(&t);
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
        cmocka_unit_test(test_clusters_by_hand),
        cmocka_unit_test(test_a_gaussian_process_by_hand),
        cmocka_unit_test(test_clusters_have_a_process_each),
        cmocka_unit_test(test_fwl_learns_from_the_teachers_labels_by_their_fidelity),
    };
    return cmocka_run_group_tests_name("feature methods", tests, NULL, NULL);
}
