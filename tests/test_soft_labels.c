/* test_soft_labels.c - methods whose labels are learned: the meta-gradient of their weight nets
 * against differences of the meta loss, and mixup. */
#include "method_bench.h"

#include "base/rng.h"
#include "engine/weight_net.h"
#include "methods/mixup.h"

#include <stdlib.h>

static const char *const plain_sgd[] = {
    "optimizer", "sgd", "lr", "1", "momentum", "0", "weight_decay", "0", "hidden", "5"};

/* What a step sees; f is the method's target, from its weights. */
struct scene {
    double w[TOY_PARAMS], prob[TRAIN][TOY_CLASSES], loss[TRAIN];
    struct toy_pass pass;
    const struct mwn_batch *train, *meta;
    double lr;
};

static void set_scene(struct scene *s, const struct bench *b, const struct mwn_batch *train,
                      const struct mwn_batch *meta)
{
    memcpy(s->w, b->toy.params, sizeof s->w);
    s->train = train;
    s->meta = meta;
    s->lr = b->step.lr;
    toy_run(&s->pass, s->w, train, s->loss);
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            s->prob[i][k] = s->pass.p[i][k] + (train->label[i] == (int32_t)k);
}

/* The meta loss behind a plain step towards target[TRAIN][CLASSES]. */
static double loss_behind(const struct scene *s, double target[TRAIN][TOY_CLASSES])
{
    double slope[TRAIN * TOY_CLASSES], grad[TOY_PARAMS], w[TOY_PARAMS], loss[TOY_BATCH];
    struct toy_pass pass = {0};
    double sum = 0;
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            slope[i * TOY_CLASSES + k] = (s->prob[i][k] - target[i][k]) / TRAIN;
    toy_back_from(&s->pass, s->w, slope, grad);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        w[i] = s->w[i] - s->lr * grad[i];
    toy_run(&pass, w, s->meta, loss);
    for (size_t i = 0; i < META; i++)
        sum += loss[i] / META;
    return sum;
}

/* V at losses, with a parameter of Theta moved. */
static void weights_at(const double *theta, size_t n_params, size_t heads,
                       const double *loss, const int32_t *head, double *v)
{
    const struct mwn_int_list hidden = {.count = 1, .item = {5}};
    struct mwn_weight_net net = {0};
    assert_int_equal(mwn_weight_net_init(&net, &hidden, heads, TRAIN, 1, NULL), MWN_OK);
    assert_int_equal(net.n_params, n_params);
    memcpy(net.theta, theta, n_params * sizeof *theta);
    mwn_weight_net_forward(&net, TRAIN, loss, head, v);
    mwn_weight_net_release(&net);
}

/* ---- mslc ------------------------------------------------------------------------------ */

static size_t top(const double *p)
{
    size_t best = 0;
    for (size_t k = 1; k < TOY_CLASSES; k++)
        best = p[k] > p[best] ? k : best;
    return best;
}

/* The meta loss by both Thetas, t being the soft labels of the training set. */
static double mslc_loss(const struct scene *s, bool hard, const double *theta,
                        const double *theta2, size_t n_params, const double *t)
{
    double a[TRAIN], b[TRAIN], former[TRAIN] = {0}, q[TRAIN][TOY_CLASSES];
    double T[TRAIN][TOY_CLASSES], P[TRAIN][TOY_CLASSES];
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++) {
            const double *row = t + (size_t)some_index[i] * TOY_CLASSES, *p = s->prob[i];
            T[i][k] = hard ? top(row) == k : row[k];
            P[i][k] = hard ? top(p) == k : p[k];
            former[i] -= T[i][k] * log(p[k]);
        }
    weights_at(theta, n_params, 1, s->loss, NULL, a);
    weights_at(theta2, n_params, 1, former, NULL, b);
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            q[i][k] = a[i] * (s->train->label[i] == (int32_t)k) +
                      (1 - a[i]) * (b[i] * T[i][k] + (1 - b[i]) * P[i][k]);
    return loss_behind(s, q);
}

static void check_mslc(const char *target)
{
    const char *options[MWN_COUNT(plain_sgd) + 3] = {NULL};
    enum { SIZE = 16 };
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    struct scene s = {0};
    double theta[2][SIZE], t[TRAIN * TOY_CLASSES], largest = 0;
    memcpy(options, plain_sgd, sizeof plain_sgd);
    options[MWN_COUNT(plain_sgd)] = "target";
    options[MWN_COUNT(plain_sgd) + 1] = target;
    bench_open(&b, "mslc", options);
    uint64_t at = 3 * STEPS; /* the first epoch with soft labels */
    steps_until(&b, 0, at);
    assert_int_equal(b.method->state(b.self, item), 9);
    assert_int_equal(item[0].n, SIZE);
    memcpy(theta[0], item[0].data, sizeof theta[0]);
    memcpy(theta[1], item[4].data, sizeof theta[1]);
    memcpy(t, item[8].data, sizeof t);
    set_scene(&s, &b, &b.train.batch, &b.meta.batch);
    step_at(&b, at);
    for (size_t net = 0; net < 2; net++)
        for (size_t j = 0; j < SIZE; j++) {
            double kept = theta[net][j], f[2], h = 1e-5;
            for (int k = 0; k < 2; k++) {
                theta[net][j] = kept + (k ? h : -h);
                f[k] =
                    mslc_loss(&s, strcmp(target, "hard") == 0, theta[0], theta[1], SIZE, t);
            }
            theta[net][j] = kept;
            double slope = (f[1] - f[0]) / (2 * h);
            assert_near(kept - item[4 * net].data[j], slope, 1e-9);
            largest = fmax(largest, fabs(slope));
        }
    assert_true(largest > 1e-5);
    bench_close(&b);
}

static void test_mslc_learns_both_nets_along_the_meta_gradient(void **state)
{
    (void)state;
    check_mslc("hard");
    check_mslc("soft");
}

/* ---- cmwnet_sl ------------------------------------------------------------------------- */

/* The batches as the method mixes them in that iteration. */
static void mix(struct mwn_mixup *mixup, const struct bench *b, bool meta, double alpha,
                uint64_t at)
{
    struct mwn_rng rng = mwn_rng_at(5, MWN_STREAM_MIXUP, at, meta);
    assert_int_equal(mwn_mixup_init(mixup, &b->learner, TOY_BATCH, NULL), MWN_OK);
    mwn_mixup_mix(mixup, meta ? &b->meta.batch : &b->train.batch, alpha, &rng);
    if (meta)
        mwn_mixup_labels(mixup);
}

/* The running mean's probabilities z at the batch that is not mixed. */
static void ask(const double *w, const struct mwn_batch *batch,
                double z[TRAIN][TOY_CLASSES])
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH];
    toy_run(&pass, w, batch, loss);
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            z[i][k] = pass.p[i][k] + (batch->label[i] == (int32_t)k);
}

static double sl_loss(const struct scene *s, const double *theta, size_t n_params,
                      double z[TRAIN][TOY_CLASSES], const struct mwn_mixup *mixup)
{
    double v[TRAIN], q[TRAIN][TOY_CLASSES], target[TRAIN][TOY_CLASSES];
    weights_at(theta, n_params, 1, s->loss, NULL, v);
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            q[i][k] = v[i] * (s->train->label[i] == (int32_t)k) + (1 - v[i]) * z[i][k];
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t k = 0; k < TOY_CLASSES; k++)
            target[i][k] = !mixup ? q[i][k]
                                  : mixup->share * q[i][k] +
                                        (1 - mixup->share) * q[mixup->order[i]][k];
    return loss_behind(s, target);
}

static void check_sl(const char *alpha)
{
    const char *options[MWN_COUNT(plain_sgd) + 7] = {NULL};
    const char *const more[] = {"mixup", alpha, "families", "1", "decay", "0.5"};
    enum { SIZE = 16 };
    bool mixed = strcmp(alpha, "0") != 0;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    struct mwn_vector_item vector[MWN_VECTORS_MAX];
    struct mwn_mixup train = {0}, meta = {0};
    struct scene s = {0};
    double theta[SIZE], z[TRAIN][TOY_CLASSES], mean[TOY_PARAMS], largest = 0;
    memcpy(options, plain_sgd, sizeof plain_sgd);
    memcpy(options + MWN_COUNT(plain_sgd), more, sizeof more);
    bench_open(&b, "cmwnet_sl", options);
    uint64_t at = STEPS + 2;
    steps_until(&b, 0, at);
    b.method->state(b.self, item);
    assert_int_equal(b.method->vectors(b.self, vector), 1);
    assert_int_equal(item[0].n, SIZE);
    memcpy(theta, item[0].data, sizeof theta);
    memcpy(mean, vector[0].data, sizeof mean);
    ask(mean, &b.train.batch, z);
    if (mixed) {
        mix(&train, &b, false, strtod(alpha, NULL), at);
        mix(&meta, &b, true, 1, at);
    }
    set_scene(&s, &b, mixed ? &train.batch : &b.train.batch,
              mixed ? &meta.batch : &b.meta.batch);
    step_at(&b, at);
    for (size_t j = 0; j < SIZE; j++) {
        double kept = theta[j], f[2], h = 1e-5;
        for (int k = 0; k < 2; k++) {
            theta[j] = kept + (k ? h : -h);
            f[k] = sl_loss(&s, theta, SIZE, z, mixed ? &train : NULL);
        }
        theta[j] = kept;
        double slope = (f[1] - f[0]) / (2 * h);
        assert_near(kept - item[0].data[j], slope, 1e-9);
        largest = fmax(largest, fabs(slope));
    }
    assert_true(largest > 1e-5);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        assert_near(((const double *)vector[0].data)[i],
                    0.5 * mean[i] + 0.5 * b.toy.params[i], 1e-15);
    mwn_mixup_release(&train);
    mwn_mixup_release(&meta);
    bench_close(&b);
}

static void test_cmwnet_sl_learns_along_the_meta_gradient(void **state)
{
    (void)state;
    check_sl("0");
    check_sl("1");
    check_sl("0.4");
}

/* ---- mixup ----------------------------------------------------------------------------- */

/* Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2 a + 1)). */
static void test_shares_follow_the_beta_distribution(void **state)
{
    (void)state;
    const double alphas[] = {0.1, 0.4, 1, 4};
    enum { DRAWS = 20000 };
    for (size_t a = 0; a < MWN_COUNT(alphas); a++) {
        double sum = 0, square = 0;
        struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_MIXUP, a, 0);
        for (int i = 0; i < DRAWS; i++) {
            double x = mwn_mixup_beta(alphas[a], &rng);
            assert_true(x >= 0 && x <= 1);
            sum += (x - 0.5) / DRAWS;
            square += (x - 0.5) * (x - 0.5) / DRAWS;
        }
        assert_near(sum, 0, 0.02);
        assert_near(square, 1 / (4 * (2 * alphas[a] + 1)), 0.01);
    }
}

static void test_samples_and_labels_are_mixed_alike(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_mixup m = {0};
    struct mwn_rng rng = mwn_rng_at(2, MWN_STREAM_MIXUP, 0, 0);
    bench_open(&b, "ce", NULL);
    assert_int_equal(mwn_mixup_init(&m, &b.learner, TOY_BATCH, NULL), MWN_OK);
    mwn_mixup_mix(&m, &b.train.batch, 1, &rng);
    assert_true(m.share >= 0.5 && m.share < 1);
    mwn_mixup_labels(&m);
    for (size_t i = 0; i < TRAIN; i++) {
        size_t j = m.order[i];
        for (size_t k = 0; k < TOY_IN; k++)
            assert_near(((const double *)m.batch.x)[i * TOY_IN + k],
                        m.share * b.train.x[i * TOY_IN + k] +
                            (1 - m.share) * b.train.x[j * TOY_IN + k],
                        1e-15);
        for (int32_t k = 0; k < TOY_CLASSES; k++)
            assert_near(((const double *)m.batch.target)[i * TOY_CLASSES + (size_t)k],
                        m.share * (b.train.label[i] == k) +
                            (1 - m.share) * (b.train.label[j] == k),
                        1e-15);
    }
    mwn_mixup_release(&m);
    b.learner.inputs = 0;
    assert_int_equal(mwn_mixup_init(&m, &b.learner, TOY_BATCH, NULL), MWN_ERR_CONFIG);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mslc_learns_both_nets_along_the_meta_gradient),
        cmocka_unit_test(test_cmwnet_sl_learns_along_the_meta_gradient),
        cmocka_unit_test(test_shares_follow_the_beta_distribution),
        cmocka_unit_test(test_samples_and_labels_are_mixed_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
