/* test_methods.c - every method on the hand-written learner: the contract that all of them keep,
 * and each one's formula on numbers worked out by hand or by differences. */
#include "base/rng.h"
#include "data_files.h"
#include "engine/weight_net_file.h"
#include "method_bench.h"
#include "methods/formulas.h"
#include "methods/transition.h"

/* ---- The contract ---------------------------------------------------------------------- */

/* A method with options. */
struct subject {
    const struct mwn_method *method;
    const char *const *options; /* NULL: the defaults */
};

/* Every method as it is, and then those whose options give them another state. */
static bool subject_at(size_t k, struct subject *out)
{
    static const char *const complex_layer[] = {"form", "complex", NULL};
    static const struct {
        const char *name;
        const char *const *options;
    } more[] = {{"s_model", complex_layer}};
    size_t count = 0;
    while (mwn_methods[count])
        count++;
    if (k >= count + MWN_COUNT(more))
        return false;
    *out = k < count ? (struct subject){mwn_methods[k], NULL}
                     : (struct subject){mwn_method_find(more[k - count].name),
                                        more[k - count].options};
    return true;
}

static void test_every_method_does_the_same_twice(void **state)
{
    (void)state;
    struct subject s;
    for (size_t k = 0; subject_at(k, &s); k++) {
        struct bench a, b;
        bench_open(&a, s.method->name, s.options);
        bench_open(&b, s.method->name, s.options);
        steps_until(&a, 0, STEPS_ALL);
        steps_until(&b, 0, STEPS_ALL);
        assert_memory_equal(a.toy.params, b.toy.params, sizeof a.toy.params);
        for (size_t i = 0; i < TOY_PARAMS; i++)
            assert_true(isfinite(a.toy.params[i]));
        for (size_t i = 0; i < TRAIN; i++)
            assert_true(isfinite(a.step.weight[i]) && isfinite(a.step.loss[i]));
        bench_close(&a);
        bench_close(&b);
    }
}

/* Carries parameters and state to a new object, as a checkpoint does. */
static void carry(struct bench *from, struct bench *to)
{
    struct mwn_state_item a[MWN_STATE_MAX], b[MWN_STATE_MAX];
    struct mwn_vector_item v[MWN_VECTORS_MAX], w[MWN_VECTORS_MAX];
    memcpy(to->toy.params, from->toy.params, sizeof to->toy.params);
    to->toy.stat = from->toy.stat;
    int vectors = from->method->vectors ? from->method->vectors(from->self, v) : 0;
    assert_true(vectors <= MWN_VECTORS_MAX);
    if (vectors > 0)
        assert_int_equal(to->method->vectors(to->self, w), vectors);
    for (int i = 0; i < vectors; i++) {
        assert_string_equal(v[i].name, w[i].name);
        memcpy(w[i].data, v[i].data, sizeof to->toy.params);
    }
    if (!from->method->state)
        return;
    int count = from->method->state(from->self, a);
    assert_true(count <= MWN_STATE_MAX);
    assert_int_equal(to->method->state(to->self, b), count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].n, b[i].n);
        memcpy(b[i].data, a[i].data, a[i].n * sizeof(double));
    }
}

static void test_every_method_goes_on_from_a_restored_state_anywhere(void **state)
{
    (void)state;
    struct subject s;
    for (size_t k = 0; subject_at(k, &s); k++)
        for (uint64_t cut = 1; cut < STEPS_ALL; cut++) {
            struct bench a, b;
            bench_open(&a, s.method->name, s.options);
            bench_open(&b, s.method->name, s.options);
            steps_until(&a, 0, cut);
            carry(&a, &b);
            steps_until(&a, cut, STEPS_ALL);
            steps_until(&b, cut, STEPS_ALL);
            const void *whole = a.toy.params, *pieces = b.toy.params;
            if (memcmp(whole, pieces, sizeof a.toy.params) != 0)
                fail_msg("%s: cut at %d", s.method->name, (int)cut);
            assert_memory_equal(a.step.weight, b.step.weight, TRAIN * sizeof(double));
            bench_close(&a);
            bench_close(&b);
        }
}

static void test_no_method_allocates_in_a_step(void **state)
{
    (void)state;
    struct subject s;
    for (size_t k = 0; subject_at(k, &s); k++) {
        struct bench b;
        bench_open(&b, s.method->name, s.options);
        uint64_t before = mwn_mem_count();
        steps_until(&b, 0, STEPS_ALL);
        assert_int_equal(mwn_mem_count(), before);
        bench_close(&b);
    }
}

static void test_no_method_keeps_anything_when_memory_runs_out(void **state)
{
    (void)state;
    struct subject s;
    for (size_t k = 0; subject_at(k, &s); k++) {
        mwn_status status = MWN_ERR_MEMORY;
        for (uint64_t n = 1; status == MWN_ERR_MEMORY && s.method->begin; n++) {
            struct bench b;
            bench_open(&b, s.method->name, s.options);
            if (s.method->end)
                s.method->end(b.self);
            memset(b.self, 0, s.method->self_size);
            const struct mwn_method_context context = context_of(&b);
            mwn_mem_fail_after(n);
            status = s.method->begin(b.self, b.options, &context, NULL);
            mwn_mem_fail_after(0);
            assert_true(n < 30);
            bench_close(&b);
        }
    }
}

/* A sample that the data gives the weight 0 does not move w by its own loss. */
static void test_every_method_minds_the_weights_of_the_data(void **state)
{
    (void)state;
    const double ones[TRAIN] = {1, 1, 1, 1, 1, 1, 1};
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        struct bench a, b, c;
        bench_open(&a, (*m)->name, NULL);
        bench_open(&b, (*m)->name, NULL);
        bench_open(&c, (*m)->name, NULL);
        b.step.given = ones;
        c.step.given = some_weights;
        step_at(&a, 0);
        step_at(&b, 0);
        step_at(&c, 0);
        assert_memory_equal(a.toy.params, b.toy.params, sizeof a.toy.params);
        if (strcmp((*m)->name, "meta_only") != 0)
            assert_memory_not_equal(a.toy.params, c.toy.params, sizeof a.toy.params);
        bench_close(&a);
        bench_close(&b);
        bench_close(&c);
    }
}

/* Its label may be any then. Not so where mixup puts it into other samples' images, and where all
 * weights of a batch are divided by their sum. */
static void test_a_sample_of_weight_zero_has_no_say(void **state)
{
    (void)state;
    struct subject s;
    for (size_t k = 0; subject_at(k, &s); k++) {
        struct bench a, b;
        bool open = strcmp(s.method->name, "cmwnet_sl") == 0 ||
                    strcmp(s.method->name, "cmwnet") == 0 ||
                    strcmp(s.method->name, "ldam") == 0;
        if (open)
            continue;
        bench_open(&a, s.method->name, s.options);
        bench_open(&b, s.method->name, s.options);
        a.step.given = b.step.given = some_weights;
        for (size_t i = 0; i < TRAIN; i++)
            if (!(some_weights[i] > 0))
                b.train.label[i] = (b.train.label[i] + 1) % TOY_CLASSES;
        steps_until(&a, 0, STEPS_ALL);
        steps_until(&b, 0, STEPS_ALL);
        for (size_t p = 0; p < TOY_PARAMS; p++)
            if (a.toy.params[p] > b.toy.params[p] || a.toy.params[p] < b.toy.params[p])
                fail_msg("%s", s.method->name);
        bench_close(&a);
        bench_close(&b);
    }
}

/* Without it they would learn from what is not there. */
static void test_methods_that_never_saw_the_meta_set_say_so(void **state)
{
    (void)state;
    static const char *const names[] = {"glc", "fwl", "mentornet_dd"};
    for (size_t k = 0; k < MWN_COUNT(names); k++) {
        struct bench b;
        struct mwn_error err = {0};
        mwn_status status = MWN_OK;
        bench_open(&b, names[k], NULL);
        for (b.step.iteration = 0; b.step.iteration < STEPS_ALL && status == MWN_OK;
             b.step.iteration++)
            status = b.method->step(b.self, &b.step, &err);
        data_expect(&err, status, MWN_ERR_CONFIG, names[k], "no meta sample", NULL);
        bench_close(&b);
    }
}

static void test_what_a_method_lacks_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *method, *word;
    } row[] = {{"class_balanced", "class_count"},
               {"elr", "facts: n"},
               {"finetune", "epochs, steps"},
               {"spl", "facts: steps"},
               {"reed", "output and pull"}};
    const struct mwn_data_facts nothing = {0};
    struct toy toy;
    struct mwn_learner learner = toy_learner(&toy);
    learner.pull = NULL;
    for (size_t i = 0; i < MWN_COUNT(row); i++) {
        struct mwn_error err = {0};
        if (i == 1)
            learner = toy_learner(&toy);
        if (i == 4)
            learner.pull = NULL;
        assert_int_equal(mwn_method_check(mwn_method_find(row[i].method), NULL, &nothing,
                                          &learner, &err),
                         MWN_ERR_CONFIG);
        assert_non_null(strstr(err.text, row[i].method));
        if (!strstr(err.text, row[i].word))
            fail_msg("'%s' does not say '%s'", err.text, row[i].word);
    }
}

/* ---- Formulas -------------------------------------------------------------------------- */

static void test_the_focal_slope_is_a_derivative(void **state)
{
    (void)state;
    const double gammas[] = {0.5, 1, 2}, losses[] = {0.01, 0.3, 1, 4};
    for (size_t g = 0; g < 3; g++)
        for (size_t i = 0; i < 4; i++) {
            double f[2];
            for (int k = 0; k < 2; k++) {
                double l = losses[i] + (k ? 1e-6 : -1e-6);
                f[k] = pow(1 - exp(-l), gammas[g]) * l;
            }
            assert_near(mwn_focal_slope(losses[i], gammas[g]), (f[1] - f[0]) / 2e-6, 1e-7);
        }
    /* p = 1/2, gamma 1: 1/2 + log(2)/2. */
    assert_near(mwn_focal_slope(log(2), 1), 0.5 + 0.5 * log(2), 1e-15);
    assert_near(mwn_focal_slope(0, 0), 1, 0);
    assert_near(mwn_focal_slope(0, 0.5), 0, 0);
    assert_near(mwn_focal_slope(800, 2), 1, 1e-12);
}

static void test_class_weights_by_hand(void **state)
{
    (void)state;
    const double count[4] = {1, 2, 0, 4};
    double w[4];
    /* beta 1/2: 1/2 over 1/2, 3/4, 15/16 is 1, 2/3, 8/15; their sum is 33/15. */
    mwn_effective_weights(4, count, 0.5, w);
    assert_near(w[0], 3 / 2.2, 1e-14);
    assert_near(w[1], 2 / 2.2, 1e-14);
    assert_near(w[2], 0, 0);
    assert_near(w[3], 1.6 / 2.2, 1e-14);
    mwn_effective_weights(4, count, 1, w);
    assert_near(w[0], 3 / 1.75, 1e-14);
    assert_near(w[3], 0.75 / 1.75, 1e-14);
    mwn_effective_weights(4, count, 0, w);
    assert_near(w[0], 1, 0);
    assert_near(w[3], 1, 0);
}

static void test_quantiles_and_phases_by_hand(void **state)
{
    (void)state;
    const double v[4] = {3, 1, 4, 2};
    double work[4];
    assert_near(mwn_quantile(4, v, 0.75, work), 3, 0);
    assert_near(mwn_quantile(4, v, 0.76, work), 4, 0);
    assert_near(mwn_quantile(4, v, 0, work), 1, 0);
    assert_near(mwn_quantile(4, v, 1, work), 4, 0);
    assert_int_equal(mwn_argmax(4, v), 2);
    assert_int_equal(mwn_last_epochs(40, 0.25), 30);
    assert_int_equal(mwn_last_epochs(200, 0.2), 160);
    assert_int_equal(mwn_last_epochs(10, 0), 10);
    assert_int_equal(mwn_last_epochs(3, 0.2), 2);
    assert_int_equal(mwn_last_epochs(1, 0.2), 1);
    assert_int_equal(mwn_last_epochs(10, 1), 0);
}

/* Weights at losses by a method's own curve, without training. */
static void expect_curve(const char *method, const char *const *options, size_t n,
                         const double *loss, const double *expected)
{
    struct bench b;
    double weight[8];
    bench_open(&b, method, options);
    b.method->weigh(b.self, n, loss, weight);
    for (size_t i = 0; i < n; i++)
        assert_near(weight[i], expected[i], 1e-14);
    bench_close(&b);
}

static void test_curves_by_hand(void **state)
{
    (void)state;
    const double loss[4] = {0.25, 1, 1.5, 2};
    const char *const hard[] = {"pace", "growth", "start", "1.5", NULL};
    const char *const linear[] = {"form", "linear", "pace", "growth", "start", "2", NULL};
    const char *const mixture[] = {"form", "mixture", "pace", "growth", "start", "2", NULL};
    const char *const cut[] = {"q", "1", "truncate", "0.3", NULL};
    expect_curve("spl", hard, 4, loss, (const double[]){1, 1, 0, 0});
    expect_curve("spl", linear, 4, loss, (const double[]){0.875, 0.5, 0.25, 0});
    /* lambda 2 and 1: zeta 2, so 2 (1/1.5 - 1/2). */
    expect_curve("spl", mixture, 4, loss, (const double[]){1, 1, 1.0 / 3, 0});
    expect_curve("gce", NULL, 2, loss, (const double[]){exp(-0.175), exp(-0.7)});
    expect_curve("gce", cut, 4, loss, (const double[]){exp(-0.25), exp(-1), 0, 0});
    expect_curve("focal", NULL, 1, (const double[]){log(2)},
                 (const double[]){0.5 + 0.5 * log(2)});
}

static void test_spl_threshold_follows_the_batch(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double work[TRAIN], first, second;
    bench_open(&b, "spl", NULL);
    assert_int_equal(b.method->state(b.self, item), 1);
    step_at(&b, 0);
    first = mwn_quantile(TRAIN, b.step.loss, 0.75, work);
    assert_near(item[0].data[0], first, 0);
    step_at(&b, 1);
    second = mwn_quantile(TRAIN, b.step.loss, 0.75, work);
    assert_near(item[0].data[0], 0.5 * first + 0.5 * second, 1e-15);
    bench_close(&b);
    const char *const growth[] = {"pace", "growth", "start", "0.5", NULL};
    bench_open(&b, "spl", growth);
    step_at(&b, 2 * STEPS + 1);
    assert_int_equal(b.method->state(b.self, item), 1);
    assert_near(item[0].data[0], 0.5 * 1.69, 1e-15);
    bench_close(&b);
}

static void test_ohem_keeps_the_largest(void **state)
{
    (void)state;
    struct bench b;
    size_t kept = 0;
    double least = HUGE_VAL, most = 0;
    bench_open(&b, "ohem", NULL);
    step_at(&b, 0);
    for (size_t i = 0; i < TRAIN; i++) {
        bool in = b.step.weight[i] > 0;
        kept += in;
        if (in) {
            assert_near(b.step.weight[i], 7.0 / 4, 1e-15);
            least = fmin(least, b.step.loss[i]);
        } else {
            most = fmax(most, b.step.loss[i]);
        }
    }
    assert_int_equal(kept, 4);
    assert_true(most <= least);
    bench_close(&b);
}

static void test_l2rw_takes_the_samples_that_agree(void **state)
{
    (void)state;
    struct bench b;
    double grad[TOY_PARAMS], loss[TOY_BATCH], coef[TRAIN], d[TRAIN], sum = 0, total = 0;
    double u[TOY_PARAMS], before, after = 0;
    bench_open(&b, "l2rw", NULL);
    b.step.lr = 1e-4;
    const struct mwn_meta_pass pass = {.loss = loss, .grad = u};
    toy_meta(&b.toy, b.toy.params, &b.meta.batch, &pass, NULL);
    toy_forward(&b.toy, &b.train.batch, loss, NULL);
    for (size_t i = 0; i < TRAIN; i++) {
        memset(coef, 0, sizeof coef);
        coef[i] = 1;
        toy_back(&b.toy.pass, b.toy.params, coef, grad);
        d[i] = 0;
        for (size_t p = 0; p < TOY_PARAMS; p++)
            d[i] += grad[p] * u[p];
        sum += d[i] > 0 ? d[i] : 0;
    }
    step_at(&b, 0);
    before = b.step.meta_mean;
    for (size_t i = 0; i < TRAIN; i++) {
        assert_near(b.step.weight[i], d[i] > 0 ? TRAIN * d[i] / sum : 0, 1e-12);
        total += b.step.weight[i];
    }
    assert_near(total, TRAIN, 1e-12);
    toy_meta(&b.toy, b.toy.params, &b.meta.batch, &pass, NULL);
    toy_run(&b.toy.pass, b.toy.params, &b.meta.batch, loss);
    for (size_t j = 0; j < META; j++)
        after += loss[j] / META;
    assert_true(after < before); /* That is what the weights are for. */
    bench_close(&b);
}

/* Meta loss after the step w - lr sum_i coef_i grad l_i. */
static double moved_meta_loss(struct bench *b, const double *coef)
{
    struct toy_pass pass = {0};
    double loss[TOY_BATCH], grad[TOY_PARAMS];
    toy_run(&pass, b->toy.params, &b->train.batch, loss);
    toy_back(&pass, b->toy.params, coef, grad);
    return meta_loss_along(b, grad);
}

static void test_class_weights_move_against_the_meta_gradient(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double moved[TOY_CLASSES], sum = 0;
    bench_open(&b, "meta_class_weight", NULL);
    for (int c = 0; c < TOY_CLASSES; c++) {
        double f[2], coef[TRAIN];
        for (int k = 0; k < 2; k++) {
            for (size_t i = 0; i < TRAIN; i++)
                coef[i] = (1 + (b.train.label[i] == c ? (k ? 1e-4 : -1e-4) : 0)) / TRAIN;
            f[k] = moved_meta_loss(&b, coef);
        }
        moved[c] = 1 - 0.1 * (f[1] - f[0]) / 2e-4;
        sum += moved[c];
    }
    step_at(&b, 0);
    assert_int_equal(b.method->state(b.self, item), 1);
    for (int c = 0; c < TOY_CLASSES; c++)
        assert_near(item[0].data[c], moved[c] * TOY_CLASSES / sum, 1e-8);
    bench_close(&b);
}

static void test_mcw_corrects_class_weights_by_the_meta_gradient(void **state)
{
    (void)state;
    const char *const options[] = {"share", "0.5", "beta", "1", NULL};
    struct bench b;
    double w[TOY_CLASSES], expected[TRAIN];
    bench_open(&b, "mcw", options);
    step_at(&b, 0);
    assert_near(b.step.weight[0], 1, 0);
    mwn_effective_weights(TOY_CLASSES, b.count, 1, w);
    for (size_t s = 0; s < TRAIN; s++) {
        double f[2], coef[TRAIN];
        for (int k = 0; k < 2; k++) {
            for (size_t i = 0; i < TRAIN; i++)
                coef[i] = w[b.train.label[i]] + (i == s ? (k ? 1e-4 : -1e-4) : 0);
            f[k] = moved_meta_loss(&b, coef);
        }
        expected[s] = w[b.train.label[s]] - 0.01 * (f[1] - f[0]) / 2e-4;
    }
    step_at(&b, 2 * STEPS);
    for (size_t s = 0; s < TRAIN; s++)
        assert_near(b.step.weight[s], expected[s], 1e-9);
    bench_close(&b);
}

static void test_finetuning_leaves_the_training_set_at_the_end(void **state)
{
    (void)state;
    struct bench b;
    double before[TOY_PARAMS], grad[TOY_PARAMS], loss[TOY_BATCH], mean = 0;
    bench_open(&b, "finetune", NULL);
    step_at(&b, 3 * STEPS - 1);
    assert_false(b.step.passed_over);
    assert_near(b.step.weight[0], 1, 0);
    memcpy(before, b.toy.params, sizeof before);
    const struct mwn_meta_pass pass = {.loss = loss, .grad = grad};
    toy_meta(&b.toy, before, &b.meta.batch, &pass, NULL);
    step_at(&b, 3 * STEPS);
    assert_true(b.step.passed_over);
    assert_near(b.step.weight[0], 0, 0);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b.toy.params[p], before[p] - 0.1 * grad[p], 1e-15);
    for (size_t j = 0; j < META; j++)
        mean += loss[j] / META;
    assert_near(b.step.meta_mean, mean, 1e-15);
    bench_close(&b);
}

static void test_families_are_the_clusters_of_class_sizes(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_error err = {0};
    struct mwn_state_item item[MWN_STATE_MAX];
    const double count[6] = {100, 4, 90, 5, 40, 6};
    bench_open(&b, "cmwnet", NULL);
    struct mwn_method_context context = context_of(&b);
    /* 3 classes of 3, 2 and 2 samples: the middle cluster is empty. */
    assert_int_equal(b.method->state(b.self, item), 4);
    assert_int_equal(item[0].n, 200 + 2 * 101);
    b.method->end(b.self);
    memset(b.self, 0, b.method->self_size);
    context.facts.classes = 6;
    context.facts.class_count = count;
    assert_int_equal(b.method->begin(b.self, b.options, &context, &err), MWN_OK);
    b.method->state(b.self, item);
    assert_int_equal(item[0].n, 200 + 3 * 101);
    bench_close(&b);
}

/* ---- Losses of the output -------------------------------------------------------------- */

/* The mean of a method's own losses at parameters w; state that moves on must not move here. */
typedef double own_loss(struct bench *b, const double *p, const double *z, size_t i);

static double own_mean(struct bench *b, const double *w, own_loss *loss)
{
    struct toy_pass pass = {0};
    double ce[TOY_BATCH], sum = 0;
    toy_run(&pass, w, &b->train.batch, ce);
    for (size_t i = 0; i < TRAIN; i++) {
        double p[TOY_CLASSES], z[TOY_CLASSES];
        for (int k = 0; k < TOY_CLASSES; k++) {
            p[k] = pass.p[i][k] + (k == b->train.label[i]);
            z[k] = log(p[k]);
        }
        sum += loss(b, p, z, i);
    }
    return sum;
}

/* One step of the method goes along the gradient of `loss` times `share`. */
static void expect_descent(struct bench *b, uint64_t iteration, own_loss *loss,
                           double share)
{
    double w[TOY_PARAMS], expected[TOY_PARAMS];
    const double h = 1e-5;
    memcpy(w, b->toy.params, sizeof w);
    for (size_t p = 0; p < TOY_PARAMS; p++) {
        double kept = w[p], f[2];
        for (int k = 0; k < 2; k++) {
            w[p] = kept + (k ? h : -h);
            f[k] = own_mean(b, w, loss);
        }
        w[p] = kept;
        expected[p] = kept - b->step.lr * share * (f[1] - f[0]) / (2 * h);
    }
    step_at(b, iteration);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b->toy.params[p], expected[p], 1e-9);
}

static size_t fixed_top[TRAIN];

static double reed_hard(struct bench *b, const double *p, const double *z, size_t i)
{
    (void)p;
    return -0.8 * z[b->train.label[i]] - 0.2 * z[fixed_top[i]];
}

static double reed_soft(struct bench *b, const double *p, const double *z, size_t i)
{
    double sum = -0.95 * z[b->train.label[i]];
    for (int k = 0; k < TOY_CLASSES; k++)
        sum -= 0.05 * p[k] * z[k];
    return sum;
}

static void test_reed_goes_down_its_loss(void **state)
{
    (void)state;
    const char *const soft[] = {"target", "soft", "beta", "0.95", NULL};
    struct bench b;
    double loss[TOY_BATCH];
    bench_open(&b, "reed", NULL);
    toy_run(&b.toy.pass, b.toy.params, &b.train.batch, loss);
    for (size_t i = 0; i < TRAIN; i++) {
        double p[TOY_CLASSES];
        for (int k = 0; k < TOY_CLASSES; k++)
            p[k] = b.toy.pass.p[i][k] + (k == b.train.label[i]);
        fixed_top[i] = mwn_argmax(TOY_CLASSES, p);
    }
    expect_descent(&b, 0, reed_hard, 1.0 / TRAIN);
    bench_close(&b);
    bench_open(&b, "reed", soft);
    expect_descent(&b, 0, reed_soft, 1.0 / TRAIN);
    bench_close(&b);
}

static double elr_target[TRAIN][TOY_CLASSES];

static double elr_loss(struct bench *b, const double *p, const double *z, size_t i)
{
    double dot = 0;
    for (int k = 0; k < TOY_CLASSES; k++)
        dot += elr_target[i][k] * p[k];
    return -z[b->train.label[i]] + 3 * log(1 - dot);
}

static void test_elr_goes_down_its_loss_from_a_moving_target(void **state)
{
    (void)state;
    struct bench b;
    double loss[TOY_BATCH];
    memset(elr_target, 0, sizeof elr_target);
    bench_open(&b, "elr", NULL);
    for (uint64_t s = 0; s < 2; s++) {
        toy_run(&b.toy.pass, b.toy.params, &b.train.batch, loss);
        for (size_t i = 0; i < TRAIN; i++)
            for (int k = 0; k < TOY_CLASSES; k++)
                elr_target[i][k] = 0.7 * elr_target[i][k] +
                                   0.3 * (b.toy.pass.p[i][k] + (k == b.train.label[i]));
        expect_descent(&b, s, elr_loss, 1.0 / TRAIN);
    }
    struct mwn_state_item item[MWN_STATE_MAX];
    assert_int_equal(b.method->state(b.self, item), 1);
    assert_int_equal(item[0].n, TRAIN * TOY_CLASSES);
    for (size_t i = 0; i < TRAIN; i++) /* In the order of the training set. */
        assert_near(item[0].data[(size_t)some_index[i] * TOY_CLASSES], elr_target[i][0],
                    1e-12);
    bench_close(&b);
}

static double ldam_loss(struct bench *b, const double *p, const double *z, size_t i)
{
    int y = b->train.label[i];
    double moved[TOY_CLASSES], sum = 0;
    (void)p;
    for (int k = 0; k < TOY_CLASSES; k++) {
        moved[k] = 2 * (z[k] - (k == y ? 0.5 * pow(2 / b->count[y], 0.25) : 0));
        sum += exp(moved[k]);
    }
    double w[TOY_CLASSES];
    mwn_effective_weights(TOY_CLASSES, b->count, 1, w);
    return (log(sum) - moved[y]) * (b->step.iteration >= 2 * STEPS ? w[y] : 1);
}

static void test_ldam_goes_down_its_loss_and_defers_its_weights(void **state)
{
    (void)state;
    const char *const options[] = {"scale", "2", "beta", "1", "share", "0.5", NULL};
    struct bench b;
    double w[TOY_CLASSES], sum = 0;
    bench_open(&b, "ldam", options);
    expect_descent(&b, 0, ldam_loss, 1.0 / TRAIN);
    mwn_effective_weights(TOY_CLASSES, b.count, 1, w);
    for (size_t i = 0; i < TRAIN; i++)
        sum += w[b.train.label[i]];
    b.step.iteration = 2 * STEPS;
    expect_descent(&b, 2 * STEPS, ldam_loss, 1 / sum);
    assert_near(b.step.weight[0], w[b.train.label[0]], 0);
    bench_close(&b);
}

static double matrix[TOY_CLASSES][TOY_CLASSES];

static double corrected_loss(struct bench *b, const double *p, const double *z, size_t i)
{
    double sum = 0;
    (void)z;
    for (int k = 0; k < TOY_CLASSES; k++)
        sum += p[k] * matrix[k][b->train.label[i]];
    return -log(sum);
}

/* Before the layer learns; from the first iteration on there is one. */
static void test_s_model_goes_down_its_loss_in_both(void **state)
{
    (void)state;
    const char *const options[] = {"share", "1", "layer_lr", "0.01", NULL};
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    bench_open(&b, "s_model", options);
    for (int k = 0; k < TOY_CLASSES; k++)
        for (int j = 0; j < TOY_CLASSES; j++)
            matrix[k][j] = k == j ? 0.54 : 0.23;
    double before = own_mean(&b, b.toy.params, corrected_loss), w[TOY_PARAMS];
    memcpy(w, b.toy.params, sizeof w);
    expect_descent(&b, 0, corrected_loss, 1.0 / TRAIN);
    assert_int_equal(b.method->state(b.self, item), 5);
    assert_near(item[3].data[0], 1, 0);
    for (int k = 0; k < TOY_CLASSES; k++) {
        double sum = 0;
        for (int j = 0; j < TOY_CLASSES; j++) /* Adam's first step: lr times the sign. */
            assert_near(fabs(item[0].data[k * TOY_CLASSES + j] - log(k == j ? 0.54 : 0.23)),
                        0.01, 1e-6);
        for (int j = 0; j < TOY_CLASSES; j++)
            sum += exp(item[0].data[k * TOY_CLASSES + j]);
        for (int j = 0; j < TOY_CLASSES; j++)
            matrix[k][j] = exp(item[0].data[k * TOY_CLASSES + j]) / sum;
    }
    assert_true(own_mean(&b, w, corrected_loss) < before);
    bench_close(&b);
}

static void test_s_model_begins_from_the_confusion_of_the_last_plain_epoch(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double sum = 0;
    bench_open(&b, "s_model", NULL);
    assert_int_equal(b.method->state(b.self, item), 5);
    steps_until(&b, 0, STEPS);
    for (size_t i = 0; i < item[4].n; i++)
        sum += item[4].data[i];
    assert_near(sum, 0, 0);
    steps_until(&b, STEPS, 2 * STEPS);
    for (size_t i = 0; i < item[4].n; i++)
        sum += item[4].data[i];
    assert_near(sum, (double)(TRAIN * STEPS), 0);
    mwn_transition_of_counts(TOY_CLASSES, item[4].data, &matrix[0][0]);
    for (int k = 0; k < TOY_CLASSES; k++)
        for (int j = 0; j < TOY_CLASSES; j++)
            matrix[k][j] += 1e-8;
    expect_descent(&b, 2 * STEPS, corrected_loss, 1.0 / TRAIN);
    bench_close(&b);
}

/* The mean loss of both batches. */
static double gold_loss(struct bench *b, const double *p, const double *z, size_t i)
{
    return corrected_loss(b, p, z, i);
}

static void test_glc_measures_the_matrix_and_learns_from_both_sets(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double sum = 0, w[TOY_PARAMS], gold[TOY_PARAMS] = {0}, loss[TOY_BATCH];
    bench_open(&b, "glc", NULL);
    assert_int_equal(b.method->state(b.self, item), 1);
    steps_until(&b, 0, 2 * STEPS);
    for (size_t i = 0; i < item[0].n; i++)
        sum += item[0].data[i];
    assert_near(sum, (double)(META * STEPS), 1e-12); /* Each row of p sums to 1. */
    mwn_transition_of_counts(TOY_CLASSES, item[0].data, &matrix[0][0]);
    memcpy(w, b.toy.params, sizeof w);
    const struct mwn_meta_pass pass = {.loss = loss, .grad = gold};
    toy_meta(&b.toy, w, &b.meta.batch, &pass, NULL);
    const double h = 1e-5;
    double expected[TOY_PARAMS];
    for (size_t p = 0; p < TOY_PARAMS; p++) {
        double kept = w[p], f[2];
        for (int k = 0; k < 2; k++) {
            w[p] = kept + (k ? h : -h);
            f[k] = own_mean(&b, w, gold_loss);
        }
        w[p] = kept;
        expected[p] =
            kept - 0.1 * ((f[1] - f[0]) / (2 * h) + META * gold[p]) / (TRAIN + META);
    }
    step_at(&b, 2 * STEPS);
    for (size_t p = 0; p < TOY_PARAMS; p++)
        assert_near(b.toy.params[p], expected[p], 1e-9);
    bench_close(&b);
}

static void test_posteriors_by_hand(void **state)
{
    (void)state;
    const double t[4] = {0.8, 0.2, 0.4, 0.6}, p[2] = {0.5, 0.5}, none[4] = {1, 0, 1, 0};
    double r[2];
    mwn_transition_posterior(2, t, p, 0, r);
    assert_near(r[0], 2.0 / 3, 1e-15);
    assert_near(r[1], 1.0 / 3, 1e-15);
    mwn_transition_posterior(2, none, p, 1, r);
    assert_near(r[0], 0.5, 0);
}

static void test_boosting_by_hand(void **state)
{
    (void)state;
    struct bench b;
    struct mwn_state_item item[MWN_STATE_MAX];
    double missed = 0, alpha, total;
    bench_open(&b, "adaboost", NULL);
    assert_int_equal(b.method->state(b.self, item), 4);
    steps_until(&b, 0, STEPS);
    for (size_t s = 0; s < TRAIN; s++) {
        assert_near(item[0].data[s], 1, 0);
        missed += item[1].data[s];
    }
    assert_true(missed > 0 && missed < TRAIN);
    alpha = log((TRAIN - missed) / missed) + log(TOY_CLASSES - 1);
    double miss[TRAIN];
    memcpy(miss, item[1].data, sizeof miss);
    step_at(&b, STEPS);
    total = TRAIN - missed + missed * (alpha > 0 ? exp(alpha) : 1);
    for (size_t s = 0; s < TRAIN; s++)
        assert_near(item[0].data[s],
                    (miss[s] > 0 && alpha > 0 ? exp(alpha) : 1) * TRAIN / total, 1e-12);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i], item[0].data[some_index[i]], 0);
    bench_close(&b);
}

static void test_class_balanced_weighs_by_the_label(void **state)
{
    (void)state;
    const char *const options[] = {"beta", "1", "loss", "focal", "gamma", "2", NULL};
    struct bench b;
    double w[TOY_CLASSES];
    bench_open(&b, "class_balanced", options);
    step_at(&b, 0);
    mwn_effective_weights(TOY_CLASSES, b.count, 1, w);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i],
                    w[b.train.label[i]] * mwn_focal_slope(b.step.loss[i], 2), 1e-15);
    bench_close(&b);
}

static void test_resampling_chances_by_hand(void **state)
{
    (void)state;
    const char *const root[] = {"power", "0.5", NULL};
    struct bench b;
    double chance[3];
    const double count[3] = {4, 0, 16};
    const struct mwn_data_facts facts = {.classes = 3, .class_count = count};
    bench_open(&b, "resampling", root);
    b.method->draw(b.options, &facts, chance);
    assert_near(chance[0], 0.5, 1e-15);
    assert_near(chance[1], 0, 0);
    assert_near(chance[2], 0.25, 1e-15);
    bench_close(&b);
}

/* ---- A weight net that travels --------------------------------------------------------- */

/* A weight net that falls from 1/2 on, with hidden layers of 3 and 2, in the file v.json. */
static void put_weight_net(struct mwn_weight_net *net)
{
    const struct mwn_int_list hidden = {2, {3, 2}};
    struct mwn_error err = {0};
    struct mwn_buf text = {0};
    *net = (struct mwn_weight_net){0};
    assert_int_equal(mwn_weight_net_init(net, &hidden, 1, TOY_BATCH, 21, &err), MWN_OK);
    mwn_weight_net_json(net, &text);
    data_write_text("v.json", text.text);
    mwn_buf_release(&text);
}

static void test_a_frozen_weight_net_weighs_as_its_file_says(void **state)
{
    (void)state;
    const char *options[] = {"weight_net", data_path("v.json"), "freeze", "true", NULL};
    struct mwn_weight_net net;
    struct mwn_state_item items[MWN_STATE_MAX];
    struct bench b;
    double v[TRAIN], loss[TRAIN], grad[TOY_PARAMS], expected[TOY_PARAMS];
    put_weight_net(&net);
    bench_open(&b, "mwnet", options);
    assert_int_equal(mwn_method_needs(b.method, b.options), 0);
    assert_int_equal(b.learner.forward(&b.toy, &b.train.batch, loss, NULL), MWN_OK);
    mwn_weight_net_apply(&net, TRAIN, loss, v);
    for (size_t i = 0; i < TRAIN; i++)
        loss[i] = v[i] / TRAIN;
    assert_int_equal(b.learner.backward(&b.toy, loss, grad, NULL), MWN_OK);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        expected[i] = b.toy.params[i] - b.step.lr * grad[i];
    step_at(&b, 0);
    assert_null(b.step.meta);
    for (size_t i = 0; i < TRAIN; i++)
        assert_near(b.step.weight[i], v[i], 1e-15);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        assert_near(b.toy.params[i], expected[i], 1e-15);
    steps_until(&b, 1, STEPS_ALL);
    b.method->state(b.self, items);
    assert_int_equal(items[0].n, net.n_params);
    assert_memory_equal(items[0].data, net.theta, net.n_params * sizeof(double));
    bench_close(&b);
    mwn_weight_net_release(&net);
}

static void test_a_weight_net_from_a_file_learns_on(void **state)
{
    (void)state;
    const char *options[] = {"weight_net", data_path("v.json"), "lr", "0.01", NULL};
    struct mwn_weight_net net;
    struct mwn_state_item items[MWN_STATE_MAX];
    struct bench b;
    put_weight_net(&net);
    bench_open(&b, "mwnet", options);
    assert_int_equal(mwn_method_needs(b.method, b.options), b.method->needs);
    b.method->state(b.self, items);
    assert_int_equal(items[0].n, net.n_params);
    assert_memory_equal(items[0].data, net.theta, net.n_params * sizeof(double));
    step_at(&b, 0);
    assert_non_null(b.step.meta);
    assert_memory_not_equal(items[0].data, net.theta, net.n_params * sizeof(double));
    bench_close(&b);
    mwn_weight_net_release(&net);
}

static void test_a_frozen_weight_net_needs_its_file(void **state)
{
    (void)state;
    const char *options[] = {"weight_net", data_path("v.json"), "freeze", "true", NULL};
    struct mwn_weight_net net;
    struct mwn_error err = {0};
    struct bench b;
    put_weight_net(&net);
    bench_open(&b, "mwnet", options);
    const struct mwn_method_context context = context_of(&b);
    b.method->end(b.self);
    memset(b.self, 0, b.method->self_size);
    set_option(&b, "weight_net", "");
    assert_int_equal(b.method->begin(b.self, b.options, &context, &err), MWN_ERR_CONFIG);
    assert_string_equal(err.text, "method.freeze: true needs method.weight_net, the file "
                                  "of a weight net");
    set_option(&b, "weight_net", data_path("none.json"));
    assert_int_equal(b.method->begin(b.self, b.options, &context, &err), MWN_ERR_IO);
    bench_close(&b);
    mwn_weight_net_release(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_method_does_the_same_twice),
        cmocka_unit_test(test_every_method_goes_on_from_a_restored_state_anywhere),
        cmocka_unit_test(test_no_method_allocates_in_a_step),
        cmocka_unit_test(test_no_method_keeps_anything_when_memory_runs_out),
        cmocka_unit_test(test_every_method_minds_the_weights_of_the_data),
        cmocka_unit_test(test_a_sample_of_weight_zero_has_no_say),
        cmocka_unit_test(test_methods_that_never_saw_the_meta_set_say_so),
        cmocka_unit_test(test_what_a_method_lacks_is_named),
        cmocka_unit_test(test_the_focal_slope_is_a_derivative),
        cmocka_unit_test(test_class_weights_by_hand),
        cmocka_unit_test(test_quantiles_and_phases_by_hand),
        cmocka_unit_test(test_curves_by_hand),
        cmocka_unit_test(test_spl_threshold_follows_the_batch),
        cmocka_unit_test(test_ohem_keeps_the_largest),
        cmocka_unit_test(test_l2rw_takes_the_samples_that_agree),
        cmocka_unit_test(test_class_weights_move_against_the_meta_gradient),
        cmocka_unit_test(test_mcw_corrects_class_weights_by_the_meta_gradient),
        cmocka_unit_test(test_finetuning_leaves_the_training_set_at_the_end),
        cmocka_unit_test(test_families_are_the_clusters_of_class_sizes),
        cmocka_unit_test(test_reed_goes_down_its_loss),
        cmocka_unit_test(test_elr_goes_down_its_loss_from_a_moving_target),
        cmocka_unit_test(test_ldam_goes_down_its_loss_and_defers_its_weights),
        cmocka_unit_test(test_s_model_goes_down_its_loss_in_both),
        cmocka_unit_test(test_s_model_begins_from_the_confusion_of_the_last_plain_epoch),
        cmocka_unit_test(test_glc_measures_the_matrix_and_learns_from_both_sets),
        cmocka_unit_test(test_posteriors_by_hand),
        cmocka_unit_test(test_boosting_by_hand),
        cmocka_unit_test(test_class_balanced_weighs_by_the_label),
        cmocka_unit_test(test_resampling_chances_by_hand),
        cmocka_unit_test(test_a_frozen_weight_net_weighs_as_its_file_says),
        cmocka_unit_test(test_a_weight_net_from_a_file_learns_on),
        cmocka_unit_test(test_a_frozen_weight_net_needs_its_file),
    };
    return cmocka_run_group_tests(tests, data_make_folder, data_remove_folder);
}
