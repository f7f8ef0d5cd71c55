/* test_layer_profile.c - a meta-gradient sampled by learned chances: no bias, and less
 * noise than by the fixed ones, on the hand-written learner and on real networks. */
#include "nn_cases.h"

#include "base/option.h"
#include "engine/layer_profile.h"
#include "models/model.h"
#include "toy_learner.h"

enum { MOST = 32 };

/* Expectations over the law of the cut on a batch. */
struct law {
    double mean[64], noise; /* of D_i; of |D - d|^2 */
};

static void run(struct mwn_step *step, uint64_t iteration, double *d)
{
    struct mwn_error err = {0};
    double coef[64], scale = 0;
    for (size_t i = 0; i < step->train->n; i++)
        coef[i] = (0.3 + 0.1 * (double)(i % 4)) / (double)step->train->n;
    step->iteration = iteration;
    if (mwn_step_forward(step, &err) != MWN_OK ||
        mwn_step_hypergradient(step, coef, &scale, &err) != MWN_OK)
        fail_msg("%s", err.text);
    memcpy(d, step->d, step->train->n * sizeof *d);
}

/* By one iteration for each cut that comes in many. */
static struct law law_of(struct mwn_step *step, const double *exact)
{
    struct law law = {{0}, 0};
    const struct mwn_layer_cut cut = mwn_layer_profile_cut(step);
    bool seen[MOST] = {false};
    double sum = 0, d[64];
    for (uint64_t i = 1; i < 20000; i++) {
        struct mwn_rng rng = mwn_rng_at(step->seed, MWN_STREAM_LAYERS, i, 0);
        size_t k = mwn_layer_cut_draw(&cut, mwn_rng_unit(&rng));
        if (seen[k] || i % MWN_LAYER_PROFILE_EVERY == 0)
            continue;
        double chance = mwn_layer_cut_chance(&cut, k);
        chance -= k > 0 ? mwn_layer_cut_chance(&cut, k - 1) : 0;
        seen[k] = true;
        sum += chance;
        run(step, i, d);
        for (size_t j = 0; j < step->train->n; j++) {
            law.mean[j] += chance * d[j];
            law.noise += chance * (d[j] - exact[j]) * (d[j] - exact[j]);
        }
    }
    if (!(fabs(sum - 1) < 1e-9)) /* All cuts came. */
        fail_msg("the chances of all cuts have the sum %.12g", sum);
    return law;
}

static void open_step(struct mwn_step *step, struct mwn_learner *learner, double share)
{
    struct mwn_error err = {0};
    const struct mwn_meta_options options = {.every = 1,
                                             .layers = share,
                                             .gradient = MWN_GRADIENT_SAMPLED,
                                             .chances = MWN_CHANCES_LEARNED};
    *step = (struct mwn_step){0};
    assert_int_equal(mwn_step_init(step, learner, &options, 64, true, &err), MWN_OK);
    assert_true(step->cut.layers <= MOST);
    step->seed = 3;
    step->lr = 0.3;
}

/* Measures on one batch; then the ratio of the noise on another one to that of fixed
 * chances. */
static double compare(struct mwn_step *step, const struct mwn_batch *first,
                      const struct mwn_batch *second)
{
    double exact[64], d[64];
    step->train = first;
    assert_true(mwn_layer_profile_is_due(step));
    run(step, 0, d);
    step->options.gradient = MWN_GRADIENT_JVP;
    run(step, 0, exact);
    assert_memory_equal(d, exact, first->n * sizeof *d); /* Measuring, it is exact. */
    step->train = second;
    run(step, 1, exact);
    step->options.gradient = MWN_GRADIENT_SAMPLED;
    assert_false(mwn_layer_profile_is_due(step));
    const struct law learned = law_of(step, exact);
    ASSERT_BELOW(case_distance(learned.mean, exact, second->n), 1e-12);
    step->options.chances = MWN_CHANCES_FIXED;
    const struct law fixed = law_of(step, exact);
    ASSERT_BELOW(case_distance(fixed.mean, exact, second->n), 1e-12);
    return learned.noise / fixed.noise;
}

static void test_learned_chances_have_no_bias_on_the_toy(void **state)
{
    (void)state;
    const double shares[] = {0.1, 0.3, 0.7}, given[TOY_BATCH] = {1, 0.5, 2, 0, 1.5, 3};
    for (size_t k = 0; k < 2 * MWN_COUNT(shares); k++) {
        struct toy toy;
        struct toy_data train, meta;
        struct mwn_step step;
        struct mwn_learner learner = toy_learner(&toy);
        toy_data(&train, 7, 0.2);
        toy_data(&meta, 5, 1.1);
        open_step(&step, &learner, shares[k / 2]);
        step.meta = &meta.batch;
        step.given = k % 2 ? given : NULL;
        ASSERT_BELOW(compare(&step, &train.batch, &train.batch), 1 + 1e-9);
        mwn_step_release(&step);
    }
}

/* Measured on one batch, the noise on another one is below `ratio`. */
static void test_learned_chances_have_less_noise_on_real_networks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct mwn_shape shape;
        double share, ratio;
    } row[] = {{"smallconv", {1, 28, 28}, 0.5, 0.6},
               {"smallconv", {1, 28, 28}, 0.25, 0.9},
               {"resnet8", {3, 16, 16}, 0.5, 0.95}};
    for (size_t k = 0; k < MWN_COUNT(row); k++) {
        struct mwn_graph graph = {0};
        struct mwn_model_options options = {0};
        struct case_data data;
        struct mwn_learner learner;
        struct mwn_step step;
        assert_int_equal(mwn_options_default(mwn_model_option_rows, &options, NULL),
                         MWN_OK);
        assert_int_equal(mwn_option_set(mwn_option_find(mwn_model_option_rows, "name"),
                                        "model", &options, row[k].name, NULL),
                         MWN_OK);
        assert_int_equal(
            mwn_model_build(&graph, &options, row[k].shape, CASE_CLASSES, NULL), MWN_OK);
        case_data_make(&data, &graph, 24, CASE_CLASSES, 0.01);
        mwn_net *net = case_net(&graph, &CASE_REF64);
        double *x = case_input(net, &data);
        struct mwn_batch batch[3];
        for (size_t i = 0; i < 3; i++)
            batch[i] = (struct mwn_batch){.n = 8,
                                          .x = x + i * 8 * data.sample,
                                          .label = data.label + i * 8,
                                          .key = 3};
        mwn_net_learner(net, &learner);
        open_step(&step, &learner, row[k].share);
        step.meta = &batch[2];
        ASSERT_BELOW(compare(&step, &batch[0], &batch[1]), row[k].ratio);
        mwn_step_release(&step);
        free(x);
        case_data_release(&data);
        mwn_net_free(net);
        mwn_options_release(mwn_model_option_rows, &options);
    }
}

/* Every 500 meta updates, and until there is a gradient to measure. */
static void test_when_it_measures(void **state)
{
    (void)state;
    struct toy toy;
    struct mwn_step step;
    struct mwn_learner learner = toy_learner(&toy);
    open_step(&step, &learner, 0.5);
    assert_int_equal(mwn_layer_profile_size(&step), 2 * MWN_COUNT(toy_layers));
    step.iteration = 7;
    assert_true(mwn_layer_profile_is_due(&step));
    step.profile[step.cut.layers - 1] = 1;
    assert_false(mwn_layer_profile_is_due(&step));
    step.options.every = 3;
    step.iteration = 1500;
    assert_true(mwn_layer_profile_is_due(&step));
    step.iteration = 2000; /* update 666 */
    assert_false(mwn_layer_profile_is_due(&step));
    step.options.chances = MWN_CHANCES_FIXED;
    step.iteration = 1500;
    assert_false(mwn_layer_profile_is_due(&step));
    assert_int_equal(mwn_layer_profile_size(&step), 0);
    mwn_step_release(&step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learned_chances_have_no_bias_on_the_toy),
        cmocka_unit_test(test_learned_chances_have_less_noise_on_real_networks),
        cmocka_unit_test(test_when_it_measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
