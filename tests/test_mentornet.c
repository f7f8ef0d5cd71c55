/* test_mentornet.c - MentorNet: its network by hand and by differences, what it learns, and the
 * iteration around it. */
#include "method_bench.h"
#include "methods/formulas.h"
#include "methods/mentor.h"

/* Only what a test sets is not zero. */
static struct mwn_mentor_net nothing(void)
{
    struct mwn_mentor_net net;
    memset(&net, 0, sizeof net);
    return net;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void test_the_network_by_hand(void **state)
{
    (void)state;
    struct mwn_mentor_net net = nothing();
    const struct mwn_mentor_sample s = {.loss = 2, .distance = -0.5, .percent = 7};
    assert_near(mwn_mentor_net_weight(&net, &s), 0.5, 0);
    double *cell = net.theta + MWN_MENTOR_AT_CELLS, *second = cell + 6;
    cell[0] = 0.3, cell[1] = 0.4, cell[2] = -0.1; /* gate: 0.6 - 0.2 - 0.1 = 0.3  */
    cell[3] = -0.2, cell[4] = 1, cell[5] = 0.7;   /* candidate: -0.4 - 0.5 + 0.7  */
    second[2] = 1, second[5] = 0.5;
    net.theta[1] = 0.25; /* the label */
    net.epoch[7][3] = -0.6;
    double *hidden = net.theta + MWN_MENTOR_AT_HIDDEN;
    hidden[7 * MWN_MENTOR_UNITS + 4] = 2;
    hidden[8 * MWN_MENTOR_UNITS + 4] = 3;
    hidden[1 * MWN_MENTOR_UNITS + 4] = -1;
    hidden[5 * MWN_MENTOR_UNITS + 4] = 0.5;
    net.theta[MWN_MENTOR_AT_BIAS + 4] = 0.1;
    net.theta[MWN_MENTOR_AT_OUT + 4] = 1.5;
    net.theta[MWN_MENTOR_AT_OUT + MWN_MENTOR_UNITS] = -0.25;
    double sum =
        2 * sigmoid(0.3) * tanh(-0.2) + 3 * sigmoid(1) * tanh(0.5) - 0.25 - 0.3 + 0.1;
    assert_near(mwn_mentor_net_weight(&net, &s), sigmoid(tanh(sum) * 1.25), 1e-15);
}

static void test_its_gradient_is_a_derivative(void **state)
{
    (void)state;
    const struct mwn_mentor_sample s = {
        .loss = 1.2, .distance = 0.4, .percent = 33, .target = 0.3};
    struct mwn_mentor_net net;
    mwn_mentor_net_init(&net, 3);
    for (int binary = 0; binary < 2; binary++) {
        double grad[MWN_MENTOR_PARAMS] = {0}, other[MWN_MENTOR_PARAMS];
        double loss = mwn_mentor_net_backward(&net, &s, binary, grad);
        double v = mwn_mentor_net_weight(&net, &s);
        assert_near(loss, binary ? -0.3 * log(v) - 0.7 * log(1 - v) : (v - 0.3) * (v - 0.3),
                    1e-12);
        for (size_t p = 0; p < MWN_MENTOR_PARAMS; p++) {
            double kept = net.theta[p], f[2];
            for (int k = 0; k < 2; k++) {
                net.theta[p] = kept + (k ? 1e-6 : -1e-6);
                f[k] = mwn_mentor_net_backward(&net, &s, binary, other);
            }
            net.theta[p] = kept;
            assert_near(grad[p], (f[1] - f[0]) / 2e-6, 1e-7);
        }
    }
}

/* The weight of a trained PD mentor at a distance from the percentile. */
static double taught_weight(const struct mwn_mentor *m, double distance, int percent)
{
    return mwn_mentor_net_weight(
        &m->net,
        &(struct mwn_mentor_sample){m->number[0] + distance, distance, percent, 0});
}

static void test_it_learns_the_predefined_curriculum(void **state)
{
    (void)state;
    const char *const options[] = {"steps", "30000", NULL};
    struct bench b;
    bench_open(&b, "mentornet", options);
    step_at(&b, STEPS); /* a quarter of the training: past the burn-in */
    const struct mwn_mentor *m = b.self;
    assert_near(m->number[1], 1, 0);
    double wrong = 0, points = 0;
    for (int percent = 20; percent < 90; percent += 10)
        for (int d = -20; d <= 20; d++) {
            double off = taught_weight(m, d / 10.0 + 0.05, percent) - (d < 0 ? 1 : 0);
            wrong += fabs(off);
            points += 1;
        }
    if (!(wrong / points < 0.06))
        fail_msg("the mentor is off by %g on the mean", wrong / points);
    bench_close(&b);
}

static void test_its_iteration_by_hand(void **state)
{
    (void)state;
    const char *const options[] = {"first_drop", "0.6", "drop", "0", NULL};
    struct bench b;
    double work[TRAIN], before[TOY_PARAMS], grad[TOY_PARAMS], coef[TRAIN] = {0}, kept = 0;
    bench_open(&b, "mentornet", options);
    b.step.sgd.weight_decay = 0.5;
    memcpy(before, b.toy.params, sizeof before);
    step_at(&b, 0);
    const struct mwn_mentor *m = b.self;
    double q = 0.5 * mwn_quantile(TRAIN, b.step.loss, 0.7, work);
    assert_near(m->number[0], q, 1e-15);
    for (size_t i = 0; i < TRAIN; i++) { /* 2 of 7 stay, with the weight 1 */
        assert_near(b.step.weight[i], 1, 0);
        kept += b.step.coef[i] > 0;
        coef[i] = b.step.coef[i] > 0 ? 1.0 / TRAIN : 0;
    }
    assert_near(kept, 2, 0);
    toy_run(&b.toy.pass, before, &b.train.batch, work);
    toy_back(&b.toy.pass, before, coef, grad);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b.toy.params[p],
                    before[p] - 0.1 * (grad[p] + 0.5 * 2 / TRAIN * before[p]), 1e-14);
    assert_near(b.step.sgd.weight_decay, 0.5, 0);
    step_at(&b, STEPS);
    q = 0.5 * q + 0.5 * mwn_quantile(TRAIN, b.step.loss, 0.7, work);
    for (size_t i = 0; i < TRAIN; i++) {
        const struct mwn_mentor_sample s = {b.step.loss[i], b.step.loss[i] - q, 25, 0};
        assert_near(b.step.weight[i], mwn_mentor_net_weight(&m->net, &s), 1e-14);
        assert_near(b.step.coef[i], b.step.weight[i] / TRAIN, 0);
    }
    bench_close(&b);
}

static void test_dropping_ends_late_and_hard(void **state)
{
    (void)state;
    const char *const options[] = {"last_drop", "1", "drop", "0.3", NULL};
    struct bench b;
    double kept = 0;
    bench_open(&b, "mentornet_dd", options);
    step_at(&b, STEPS);
    for (size_t i = 0; i < TRAIN; i++)
        kept += b.step.coef[i] > 0;
    assert_near(kept, 4, 0); /* of 7 */
    b.step.iteration = STEPS_ALL - 1;
    ((struct mwn_mentor *)b.self)->facts.steps = 100; /* so that this is 99 % */
    step_at(&b, 4 * 100 - 1);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.coef[i], 0, 0);
    bench_close(&b);
}

static void test_dd_learns_from_right_and_wrong_labels_of_the_meta_set(void **state)
{
    (void)state;
    const char *const options[] = {"steps", "2000", "burn_in", "0.5", NULL};
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double loss[TOY_BATCH] = {0};
    struct toy_pass pass = {0};
    bench_open(&b, "mentornet_dd", options);
    assert_int_equal(b.method->state(b.self, item), 4);
    steps_until(&b, 0, 5); /* 0 .. 33 %: before the last third of 50 % */
    assert_near(item[3].data[0], 0, 0);
    toy_run(&pass, b.toy.params, &b.meta.batch, loss);
    step_at(&b, 5); /* 41 % */
    assert_near(item[3].data[0], META, 0);
    for (size_t j = 0; j < META; j++) {
        bool is_another = false; /* the loss of another class */
        assert_near(item[2].data[2 * j], loss[j], 1e-14);
        for (int k = 0; k < TOY_CLASSES; k++)
            is_another =
                is_another || (k != b.meta.label[j] &&
                               fabs(item[2].data[2 * j + 1] + log(pass.p[j][k])) < 1e-12);
        assert_true(is_another);
    }
    for (size_t j = 0; j < META; j++) { /* Losses that tell right from wrong. */
        item[2].data[2 * j] = 0.1 + 0.1 * (double)j;
        item[2].data[2 * j + 1] = 2 + 0.4 * (double)j;
    }
    const double curve[2] = {0.3, 3};
    double weight[2];
    b.meta.batch.n = 0; /* nothing is added */
    step_at(&b, 6);
    b.method->weigh(b.self, 2, curve, weight);
    assert_true(weight[0] > 0.9 && weight[1] < 0.1);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_network_by_hand),
        cmocka_unit_test(test_its_gradient_is_a_derivative),
        cmocka_unit_test(test_it_learns_the_predefined_curriculum),
        cmocka_unit_test(test_its_iteration_by_hand),
        cmocka_unit_test(test_dropping_ends_late_and_hard),
        cmocka_unit_test(test_dd_learns_from_right_and_wrong_labels_of_the_meta_set),
    };
    return cmocka_run_group_tests_name("mentornet", tests, NULL, NULL);
}
