/* test_engine.c - the weight net against finite differences, the optimisers against sequences
 * worked out by hand, the weight forms against their definition, the schedules. */
#include "base/base.h"
#include "base/mem.h"
#include "engine/layer_cut.h"
#include "engine/optimizer.h"
#include "engine/schedule.h"
#include "engine/weight_net.h"
#include "engine/weighting.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", actual, tolerance, expected);
}

/* ---- weight net ---- */

enum { SAMPLES = 9 };
static const double losses[SAMPLES] = {0, 0.01, 0.3, 0.7, 1.1, 2.3, 3.9, 6.5, 12};
static const double slopes[SAMPLES] = {0.4, -1.2, 0.3, 2.2, -0.5, 0.9, -1.7, 0.6, 1.1};

static double weighted_sum(struct mwn_weight_net *net, const int32_t *head)
{
    double v[SAMPLES], sum = 0;
    mwn_weight_net_forward(net, SAMPLES, losses, head, v);
    for (size_t i = 0; i < SAMPLES; i++)
        sum += slopes[i] * v[i];
    return sum;
}

static void check_gradient(struct mwn_int_list hidden, size_t heads)
{
    struct mwn_weight_net net;
    struct mwn_error err = {0};
    int32_t head[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++)
        head[i] = (int32_t)(i * 2 % heads);
    assert_int_equal(mwn_weight_net_init(&net, &hidden, heads, SAMPLES, 3, &err), MWN_OK);
    weighted_sum(&net, head);
    mwn_weight_net_backward(&net, SAMPLES, losses, head, slopes);
    for (size_t p = 0; p < net.n_params; p++) {
        const double kept = net.theta[p], h = 1e-6;
        net.theta[p] = kept + h;
        double up = weighted_sum(&net, head);
        net.theta[p] = kept - h;
        double down = weighted_sum(&net, head);
        net.theta[p] = kept;
        assert_near(net.grad[p], (up - down) / (2 * h), 2e-8);
    }
    mwn_weight_net_release(&net);
}

static void test_weight_net_gradient_matches_differences(void **state)
{
    (void)state;
    check_gradient((struct mwn_int_list){1, {100}}, 1);
    check_gradient((struct mwn_int_list){2, {5, 7}}, 3);
    check_gradient((struct mwn_int_list){3, {10, 4, 10}}, 1);
    check_gradient((struct mwn_int_list){0}, 2);
}

static void test_weight_net_is_the_written_formula(void **state)
{
    (void)state;
    const struct mwn_int_list hidden = {1, {2}};
    struct mwn_weight_net net;
    double v[2], loss[2] = {1.5, 0.25};
    const int32_t head[2] = {1, 0};
    assert_int_equal(mwn_weight_net_init(&net, &hidden, 2, 2, 1, NULL), MWN_OK);
    assert_int_equal(net.n_params, 10);
    const double theta[10] = {0.5, -1, 0.25, 0.5, 2, 3, -1, 4, 0.1, -0.2};
    memcpy(net.theta, theta, sizeof theta);
    mwn_weight_net_forward(&net, 2, loss, head, v);
    assert_near(v[0], 1 / (1 + exp(-(-1 * 1.0 - 0.2))), 1e-15);
    assert_near(v[1], 1 / (1 + exp(-(2 * 0.375 + 3 * 0.25 + 0.1))), 1e-15);
    mwn_weight_net_release(&net);
}

static void test_weight_net_apply_equals_forward(void **state)
{
    (void)state;
    const struct mwn_int_list hidden = {3, {6, 3, 5}};
    struct mwn_weight_net net;
    double v[SAMPLES], other[SAMPLES];
    assert_int_equal(mwn_weight_net_init(&net, &hidden, 1, SAMPLES, 8, NULL), MWN_OK);
    mwn_weight_net_forward(&net, SAMPLES, losses, NULL, v);
    mwn_weight_net_apply(&net, SAMPLES, losses, other);
    assert_memory_equal(v, other, sizeof v);
    mwn_weight_net_release(&net);
}

static void test_weight_net_starts_like_a_linear_layer_of_pytorch(void **state)
{
    (void)state;
    const struct mwn_int_list hidden = {1, {100}};
    struct mwn_weight_net net, same, other;
    assert_int_equal(mwn_weight_net_init(&net, &hidden, 1, 1, 7, NULL), MWN_OK);
    assert_int_equal(mwn_weight_net_init(&same, &hidden, 1, 1, 7, NULL), MWN_OK);
    assert_int_equal(mwn_weight_net_init(&other, &hidden, 1, 1, 8, NULL), MWN_OK);
    assert_int_equal(net.n_params, 301);
    double first = 0, second = 0;
    for (size_t p = 0; p < 301; p++) {
        double *most = p < 200 ? &first : &second;
        *most = fmax(*most, fabs(net.theta[p]));
    }
    assert_true(first > 0.9 && first <= 1);
    assert_true(second > 0.09 && second <= 0.1);
    assert_memory_equal(net.theta, same.theta, 301 * sizeof(double));
    assert_memory_not_equal(net.theta, other.theta, 301 * sizeof(double));
    mwn_weight_net_release(&net);
    mwn_weight_net_release(&same);
    mwn_weight_net_release(&other);
}

static void test_impossible_weight_net_is_refused(void **state)
{
    (void)state;
    const struct mwn_int_list many = {8, {1, 1, 1, 1, 1, 1, 1, 1}}, none = {1, {0}},
                              one = {1, {1}}, empty = {0};
    struct mwn_weight_net net;
    struct mwn_error err = {0};
    assert_int_equal(mwn_weight_net_init(&net, &many, 1, 4, 1, &err), MWN_ERR_CONFIG);
    assert_non_null(strstr(err.text, "8 hidden layers"));
    assert_int_equal(mwn_weight_net_init(&net, &none, 1, 4, 1, &err), MWN_ERR_CONFIG);
    assert_int_equal(mwn_weight_net_init(&net, &empty, 0, 4, 1, &err), MWN_ERR_CONFIG);
    for (uint64_t n = 1; n <= 4; n++) {
        mwn_mem_fail_after(n);
        assert_int_equal(mwn_weight_net_init(&net, &one, 1, 4, 1, &err), MWN_ERR_MEMORY);
    }
    mwn_mem_fail_after(0);
}

/* ---- weight forms ---- */

static double form_value(enum mwn_weighting form, const double *v, const double *d,
                         double by)
{
    double coef[3], sum = 0;
    mwn_weighting_coef(form, 3, v, coef);
    for (size_t i = 0; i < 3; i++)
        sum += d[i] * (by > 0 ? v[i] / by : coef[i]);
    return sum;
}

static void test_weight_forms_and_their_gradients(void **state)
{
    (void)state;
    const double d[3] = {0.7, -1.1, 0.4}, h = 1e-6, scale = -0.3;
    double v[3] = {0.2, 0.5, 0.9}, coef[3], dv[3];
    mwn_weighting_coef(MWN_WEIGHTING_MEAN, 3, v, coef);
    assert_near(coef[2], 0.3, 1e-16);
    mwn_weighting_coef(MWN_WEIGHTING_SUM, 3, v, coef);
    assert_near(coef[0] + coef[1] + coef[2], 1, 1e-15);
    assert_near(coef[2], 0.9 / 1.6, 1e-15);
    for (int form = MWN_WEIGHTING_MEAN; form <= MWN_WEIGHTING_SUM_DETACHED; form++) {
        double by = form == MWN_WEIGHTING_SUM_DETACHED ? 1.6 : 0; /* the sum stands still */
        mwn_weighting_gradient((enum mwn_weighting)form, 3, v, d, scale, dv);
        for (size_t i = 0; i < 3; i++) {
            const double kept = v[i];
            v[i] = kept + h;
            double up = form_value((enum mwn_weighting)form, v, d, by);
            v[i] = kept - h;
            double down = form_value((enum mwn_weighting)form, v, d, by);
            v[i] = kept;
            assert_near(dv[i], scale * (up - down) / (2 * h), 1e-9);
        }
    }
}

static void test_weights_that_sum_to_zero_are_not_divided(void **state)
{
    (void)state;
    const double v[2] = {0, 0}, d[2] = {3, -2};
    double coef[2], dv[2];
    mwn_weighting_coef(MWN_WEIGHTING_SUM, 2, v, coef);
    mwn_weighting_gradient(MWN_WEIGHTING_SUM, 2, v, d, 0.5, dv);
    assert_near(coef[0], 0, 0);
    assert_near(dv[0], 1.5, 0);
    assert_near(dv[1], -1, 0);
}

/* ---- optimisers ---- */

/* Two steps from w = 1 with the gradients 0.5 and -0.25, at the rate 0.1. */
static void check_sgd(struct mwn_sgd sgd, const double expected[2], const double scale[2])
{
    const double grads[2] = {0.5, -0.25};
    for (int dtype = MWN_F32; dtype <= MWN_F64; dtype++) {
        double wide = 1, wide_trial = 0;
        float narrow = 1, narrow_trial = 0;
        void *w = dtype == MWN_F64 ? (void *)&wide : (void *)&narrow;
        void *trial = dtype == MWN_F64 ? (void *)&wide_trial : (void *)&narrow_trial;
        assert_int_equal(mwn_sgd_init(&sgd, (enum mwn_dtype)dtype, 1, NULL), MWN_OK);
        for (size_t i = 0; i < 2; i++) {
            float narrow_grad = (float)grads[i];
            const void *grad =
                dtype == MWN_F64 ? (const void *)&grads[i] : (const void *)&narrow_grad;
            assert_near(mwn_sgd_scale(&sgd), scale[i], 1e-15);
            mwn_sgd_virtual(&sgd, 0.1, w, grad, trial);
            mwn_sgd_update(&sgd, 0.1, w, grad);
            assert_near(dtype == MWN_F64 ? wide : (double)narrow, expected[i],
                        dtype == MWN_F64 ? 1e-15 : 1e-7);
            assert_near(dtype == MWN_F64 ? wide_trial : (double)narrow_trial, expected[i],
                        dtype == MWN_F64 ? 1e-15 : 1e-7);
        }
        mwn_sgd_release(&sgd);
    }
}

static void test_sgd_gives_the_sequences_of_pytorch(void **state)
{
    (void)state;
    /* plain: 1 - 0.05 = 0.95; + 0.025 */
    check_sgd((struct mwn_sgd){0}, (double[]){0.95, 0.975}, (double[]){1, 1});
    /* decay 0.1: g' = 0.6, then -0.25 + 0.094 = -0.156 */
    check_sgd((struct mwn_sgd){.weight_decay = 0.1}, (double[]){0.94, 0.9556},
              (double[]){1, 1});
    /* and momentum 0.9: b = 0.6, then 0.54 - 0.156 = 0.384 */
    check_sgd((struct mwn_sgd){.weight_decay = 0.1, .momentum = 0.9},
              (double[]){0.94, 0.9016}, (double[]){1, 1});
    /* and dampening 0.1: b = 0.6 undamped, then 0.54 - 0.9 * 0.156 = 0.3996 */
    check_sgd((struct mwn_sgd){.weight_decay = 0.1, .momentum = 0.9, .dampening = 0.1},
              (double[]){0.94, 0.90004}, (double[]){1, 0.9});
    /* nesterov: 0.6 + 0.54 = 1.14; g' = -0.1614, b = 0.3786, step = 0.17934 */
    check_sgd((struct mwn_sgd){.weight_decay = 0.1, .momentum = 0.9, .nesterov = true},
              (double[]){0.886, 0.868066}, (double[]){1.9, 1.9});
    /* nesterov and dampening 0.5: b = 0.54 - 0.0807 = 0.4593, step = -0.1614 + 0.41337 */
    check_sgd(
        (struct mwn_sgd){
            .weight_decay = 0.1, .momentum = 0.9, .dampening = 0.5, .nesterov = true},
        (double[]){0.886, 0.860803}, (double[]){1.9, 1.45});
    /* without momentum, dampening and nesterov mean nothing */
    check_sgd((struct mwn_sgd){.dampening = 0.5, .nesterov = true}, (double[]){0.95, 0.975},
              (double[]){1, 1});
}

static void test_long_vectors_step_like_short_ones(void **state)
{
    (void)state;
    enum { LONG = 100003 };
    struct mwn_sgd sgd = {.momentum = 0.9, .weight_decay = 5e-4, .nesterov = true};
    float *w = mwn_alloc(LONG, sizeof *w), *grad = mwn_alloc(LONG, sizeof *grad);
    float *trial = mwn_alloc(LONG, sizeof *trial);
    assert_true(w && grad && trial);
    for (size_t i = 0; i < LONG; i++)
        grad[i] = w[i] = (float)(i % 7) - 3;
    assert_int_equal(mwn_sgd_init(&sgd, MWN_F32, LONG, NULL), MWN_OK);
    for (int k = 0; k < 3; k++) {
        mwn_sgd_virtual(&sgd, 0.1, w, grad, trial);
        mwn_sgd_update(&sgd, 0.1, w, grad);
        assert_memory_equal(w, trial, LONG * sizeof *w);
        for (size_t i = 7; i < LONG; i++)
            assert_true(w[i] == w[i - 7]);
    }
    mwn_sgd_release(&sgd);
    mwn_free(w);
    mwn_free(grad);
    mwn_free(trial);
}

static void check_theta(struct mwn_theta_optimizer opt, const double expected[3])
{
    const double grads[3] = {0.5, -0.25, 2};
    double theta = 1;
    assert_int_equal(mwn_theta_optimizer_init(&opt, 1, NULL), MWN_OK);
    for (size_t i = 0; i < 3; i++) {
        mwn_theta_optimizer_update(&opt, &theta, &grads[i]);
        assert_int_equal(opt.steps, i + 1);
        assert_near(theta, expected[i], 1e-15);
    }
    mwn_theta_optimizer_release(&opt);
}

static void test_theta_optimiser_gives_the_sequences_of_pytorch(void **state)
{
    (void)state;
    /* w = 0.886 and 0.868066 as above; g' = 2.0868066, b = 2.4275466, step = 4.27159854 */
    check_theta((struct mwn_theta_optimizer){.rule = MWN_THETA_SGD,
                                             .lr = 0.1,
                                             .momentum = 0.9,
                                             .weight_decay = 0.1,
                                             .nesterov = true},
                (double[]){0.886, 0.868066, 0.440906146});
    check_theta((struct mwn_theta_optimizer){.rule = MWN_THETA_SGD, .lr = 0.1},
                (double[]){0.95, 0.975, 0.775});
    /* m, v, m/(1-0.9^t), v/(1-0.999^t) written out to 17 digits */
    check_theta((struct mwn_theta_optimizer){.rule = MWN_THETA_ADAM, .lr = 0.1},
                (double[]){0.90000000199999997, 0.87336629870784621, 0.80630153452915287});
    check_theta((struct mwn_theta_optimizer){.rule = MWN_THETA_ADAM,
                                             .lr = 0.1,
                                             .weight_decay = 0.1},
                (double[]){0.9000000016666666, 0.85444136746176225, 0.7831704440285272});
}

/* ---- the layers of a sampled meta-gradient ---- */

static void test_the_chances_of_layers_rise_and_have_the_wanted_mean(void **state)
{
    (void)state;
    const size_t layers[] = {2, 3, 32, 161};
    const double shares[] = {0.01, 0.25, 0.7, 0.999};
    for (size_t k = 0; k < MWN_COUNT(layers) * MWN_COUNT(shares); k++) {
        const size_t count = layers[k / 4];
        const struct mwn_layer_cut cut = mwn_layer_cut_of(count, shares[k % 4]);
        double sum = 0, a = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            double chance = mwn_layer_cut_chance(&cut, i), above = (double)(count - 1 - i);
            assert_true(chance > 0 && chance < mwn_layer_cut_chance(&cut, i + 1));
            a = i ? a : above * chance / (1 - chance);
            assert_near(1 / chance, 1 + above / a, 1e-6 / chance);
            sum += chance;
        }
        assert_near(mwn_layer_cut_chance(&cut, count - 1), 1, 0);
        assert_near(sum / (double)(count - 1), shares[k % 4], 1e-9);
    }
}

/* Evenly spaced numbers instead of random ones give the chances but for their spacing. */
static void test_cuts_come_by_their_chances(void **state)
{
    (void)state;
    enum { LAYERS = 9, DRAWS = 100000 };
    const struct mwn_layer_cut cut = mwn_layer_cut_of(LAYERS, 0.3);
    size_t from[LAYERS] = {0}, sum = 0;
    for (size_t i = 0; i < DRAWS; i++)
        from[mwn_layer_cut_draw(&cut, ((double)i + 0.5) / DRAWS)]++;
    for (size_t k = 0; k < LAYERS; k++) {
        sum += from[k];
        assert_near((double)sum / DRAWS, mwn_layer_cut_chance(&cut, k), 2.0 / DRAWS);
    }
    const struct mwn_layer_cut all = mwn_layer_cut_of(LAYERS, 1);
    assert_int_equal(mwn_layer_cut_draw(&all, 0.999999), 0);
    assert_near(mwn_layer_cut_chance(&all, 0), 1, 0);
    const struct mwn_layer_cut one = mwn_layer_cut_of(1, 0.2);
    assert_int_equal(mwn_layer_cut_draw(&one, 0.9), 0);
    assert_near(mwn_layer_cut_chance(&one, 0), 1, 0);
}

/* sum_k (1/q_k - 1) (T_k - T_(k-1)) of three layers below the last one. */
static double noise_of(const double *square, const double *q)
{
    double sum = 0;
    for (size_t k = 0; k < 3; k++)
        sum += (1 / q[k] - 1) * (square[k] - (k ? square[k - 1] : 0));
    return sum;
}

/* Against all chances on a grid that rise, have the mean and keep the bounds. */
static void test_fitted_chances_have_the_least_variance(void **state)
{
    (void)state;
    const double squares[][4] = {{0.1, 0.3, 0.7, 1},
                                 {0.5, 0.2, 0.6, 1},
                                 {0, 0, 0.9, 1},
                                 {0.2, 0.6, 0.4, 1},
                                 {3, 2, 1, 1}};
    const double shares[] = {0.1, 0.4, 0.8};
    const struct mwn_layer_cut cut = {.layers = 4, .reach = 1};
    for (size_t c = 0; c < MWN_COUNT(squares) * MWN_COUNT(shares); c++) {
        const double *square = squares[c / 3], share = shares[c % 3];
        double q[4], grid[3];
        mwn_layer_cut_fit(&cut, share, square, q);
        assert_near(q[3], 1, 0);
        assert_true(q[0] >= share / 4 && q[0] <= q[1] && q[1] <= q[2] && q[2] <= 1);
        assert_true(q[0] + q[1] + q[2] <= 3 * share + 1e-9);
        for (grid[0] = share / 4; grid[0] <= 1; grid[0] += 0.005)
            for (grid[1] = grid[0]; grid[1] <= 1; grid[1] += 0.005) {
                grid[2] = 3 * share - grid[0] - grid[1];
                if (grid[2] >= grid[1] && grid[2] <= 1)
                    assert_true(noise_of(square, q) <= noise_of(square, grid) + 1e-9);
            }
    }
}

/* ---- schedules ---- */

static void test_step_schedule_drops_at_its_epochs(void **state)
{
    (void)state;
    struct mwn_schedule s = {.kind = MWN_SCHEDULE_STEP,
                             .lr = 0.1,
                             .drops = {.count = 2, .item = {2, 4}},
                             .factor = 0.1,
                             .epochs = 6};
    assert_near(mwn_schedule_lr(&s, 0, 0, 10), 0.1, 1e-17);
    assert_near(mwn_schedule_lr(&s, 1, 9, 10), 0.1, 1e-17);
    assert_near(mwn_schedule_lr(&s, 2, 0, 10), 0.01, 1e-17);
    assert_near(mwn_schedule_lr(&s, 5, 3, 10), 0.001, 1e-17);
    s.kind = MWN_SCHEDULE_CONSTANT;
    assert_near(mwn_schedule_lr(&s, 5, 3, 10), 0.1, 1e-17);
}

static void test_warmup_rises_evenly_to_the_full_rate(void **state)
{
    (void)state;
    struct mwn_schedule s = {
        .kind = MWN_SCHEDULE_CONSTANT, .lr = 0.4, .warmup = 2, .epochs = 6};
    assert_near(mwn_schedule_lr(&s, 0, 0, 10), 0.02, 1e-15);
    assert_near(mwn_schedule_lr(&s, 1, 0, 10), 0.22, 1e-15);
    assert_near(mwn_schedule_lr(&s, 1, 9, 10), 0.4, 1e-15);
    assert_near(mwn_schedule_lr(&s, 2, 0, 10), 0.4, 1e-15);
}

static void test_cosine_falls_from_the_warmup_to_the_end(void **state)
{
    (void)state;
    struct mwn_schedule s = {
        .kind = MWN_SCHEDULE_COSINE, .lr = 1, .warmup = 1, .epochs = 5};
    assert_near(mwn_schedule_lr(&s, 1, 0, 10), 1, 1e-15);
    assert_near(mwn_schedule_lr(&s, 3, 0, 10), 0.5, 1e-15);
    assert_near(mwn_schedule_lr(&s, 4, 9, 10), (1 + cos(acos(-1.0) * 39 / 40)) / 2, 1e-15);
    s.warmup = 9;
    assert_true(mwn_schedule_lr(&s, 4, 9, 10) > 0);
    assert_true(isfinite(mwn_schedule_lr(&s, 0, 0, 0)));
}

/* A warm-up and two epochs held, then four of cosine, down to a fifth. */
static void test_cosine_begins_after_the_hold_and_ends_at_its_minimum(void **state)
{
    (void)state;
    struct mwn_schedule s = {.kind = MWN_SCHEDULE_COSINE,
                             .lr = 1,
                             .lr_min = 0.2,
                             .warmup = 1,
                             .hold = 2,
                             .epochs = 7};
    assert_near(mwn_schedule_lr(&s, 0, 4, 10), 0.5, 1e-15);
    assert_near(mwn_schedule_lr(&s, 2, 9, 10), 1, 1e-15);
    assert_near(mwn_schedule_lr(&s, 3, 0, 10), 1, 1e-15);
    assert_near(mwn_schedule_lr(&s, 5, 0, 10), 0.6, 1e-15);
    assert_near(mwn_schedule_lr(&s, 7, 0, 10), 0.2, 1e-15);
}

/* Cycles of 2, 4, 8 epochs after one epoch: they begin at 1, 3, 7 and 15. */
static void test_each_cosine_of_many_starts_at_the_full_rate(void **state)
{
    (void)state;
    struct mwn_schedule s = {.kind = MWN_SCHEDULE_COSINE,
                             .lr = 1,
                             .hold = 1,
                             .cycle = 2,
                             .cycle_factor = 2,
                             .epochs = 4};
    static const size_t starts[] = {0, 1, 3, 7, 15};
    static const size_t middles[] = {2, 5, 11};
    for (size_t i = 0; i < MWN_COUNT(starts); i++)
        assert_near(mwn_schedule_lr(&s, starts[i], 0, 10), 1, 1e-15);
    for (size_t i = 0; i < MWN_COUNT(middles); i++)
        assert_near(mwn_schedule_lr(&s, middles[i], 0, 10), 0.5, 1e-15);
    double last = (1 + cos(acos(-1.0) * 39 / 40)) / 2;
    assert_near(mwn_schedule_lr(&s, 6, 9, 10), last, 1e-15);

    s.cycle_factor = 1;
    for (size_t epoch = 1; epoch < 9; epoch += 2) {
        assert_near(mwn_schedule_lr(&s, epoch, 0, 10), 1, 1e-15);
        assert_near(mwn_schedule_lr(&s, epoch + 1, 0, 10), 0.5, 1e-15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight_net_gradient_matches_differences),
        cmocka_unit_test(test_weight_net_is_the_written_formula),
        cmocka_unit_test(test_weight_net_apply_equals_forward),
        cmocka_unit_test(test_weight_net_starts_like_a_linear_layer_of_pytorch),
        cmocka_unit_test(test_impossible_weight_net_is_refused),
        cmocka_unit_test(test_weight_forms_and_their_gradients),
        cmocka_unit_test(test_weights_that_sum_to_zero_are_not_divided),
        cmocka_unit_test(test_sgd_gives_the_sequences_of_pytorch),
        cmocka_unit_test(test_long_vectors_step_like_short_ones),
        cmocka_unit_test(test_theta_optimiser_gives_the_sequences_of_pytorch),
        cmocka_unit_test(test_the_chances_of_layers_rise_and_have_the_wanted_mean),
        cmocka_unit_test(test_cuts_come_by_their_chances),
        cmocka_unit_test(test_fitted_chances_have_the_least_variance),
        cmocka_unit_test(test_step_schedule_drops_at_its_epochs),
        cmocka_unit_test(test_warmup_rises_evenly_to_the_full_rate),
        cmocka_unit_test(test_cosine_falls_from_the_warmup_to_the_end),
        cmocka_unit_test(test_cosine_begins_after_the_hold_and_ends_at_its_minimum),
        cmocka_unit_test(test_each_cosine_of_many_starts_at_the_full_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
