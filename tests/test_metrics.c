/* test_metrics.c - the numbers of an evaluation, on cases worked out by hand. */
#include "base/base.h"
#include "base/mem.h"
#include "train/journal.h"
#include "train/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void near(double value, double wanted)
{
    if (!(fabs(value - wanted) < 1e-6))
        fail_msg("%.9g, expected %.9g", value, wanted);
}

static struct mwn_score score_of(int classes, size_t n, const double *logits,
                                 const int32_t *label)
{
    struct mwn_score score = {0};
    struct mwn_error err = {0};
    assert_int_equal(mwn_score_init(&score, classes, &err), MWN_OK);
    mwn_score_add(&score, n, logits, label);
    return score;
}

/* ---- Accuracies --------------------------------------------------------------------- */

static void test_scores_are_counted_by_class(void **state)
{
    (void)state;
    const double logits[] = {2, 1, 0, 0, 3, 0, 0, 1000, -1000, (double)NAN, 0, 0};
    const int32_t label[] = {0, 1, 0, 0};
    struct mwn_score score = score_of(3, 0, logits, label);
    assert_true(mwn_score_result(&score, NULL).accuracy < 0);
    mwn_score_add(&score, 3, logits, label);
    struct mwn_result result = mwn_score_result(&score, NULL);
    near(result.accuracy, 2.0 / 3);
    near(result.balanced, 0.75);
    near(result.worst, 0.5);
    double first = log(1 + exp(-1) + exp(-2)), second = log(1 + 2 * exp(-3));
    near(result.loss, (first + second + 1000) / 3);
    mwn_score_add(&score, 1, logits + 9, label + 3);
    near(mwn_score_result(&score, NULL).accuracy, 0.5);
    mwn_score_release(&score);
}

/* Labels 0 0 0 1 1 2 taken for 0 0 1 1 2 2: F1 of 2 2/(3+2), 2 1/(2+2), 2 1/(1+2); class 3 neither
 * occurs nor is guessed. */
static void test_macro_f1_is_the_mean_over_the_classes_that_occur(void **state)
{
    (void)state;
    const int32_t label[] = {0, 0, 0, 1, 1, 2}, guess[] = {0, 0, 1, 1, 2, 2};
    double logits[6 * 4] = {0};
    for (size_t i = 0; i < 6; i++)
        logits[4 * i + (size_t)guess[i]] = 5;
    struct mwn_score score = score_of(4, 6, logits, label);
    struct mwn_result result = mwn_score_result(&score, NULL);
    near(result.macro_f1, (0.8 + 0.5 + 2.0 / 3) / 3);
    near(result.balanced, (2.0 / 3 + 0.5 + 1) / 3);
    near(result.worst, 0.5);
    assert_true(isnan(result.many) && isnan(result.medium) && isnan(result.few));
    mwn_score_release(&score);
}

/* The same with 101, 100, 20 and 19 training samples: class 0 is a "many" one, 1 and 2 are
 * "medium", and no "few" one occurs. */
static void test_shots_go_by_the_training_samples(void **state)
{
    (void)state;
    const int32_t label[] = {0, 0, 0, 1, 1, 2}, guess[] = {0, 0, 1, 1, 2, 2};
    const double count[] = {101, 100, 20, 19}, other[] = {19, 100, 101, 7};
    double logits[6 * 4] = {0};
    for (size_t i = 0; i < 6; i++)
        logits[4 * i + (size_t)guess[i]] = 5;
    struct mwn_score score = score_of(4, 6, logits, label);
    struct mwn_result result = mwn_score_result(&score, count);
    near(result.many, 2.0 / 3);
    near(result.medium, 0.75);
    assert_true(isnan(result.few));
    result = mwn_score_result(&score, other);
    near(result.few, 2.0 / 3);
    near(result.medium, 0.5);
    near(result.many, 1);
    mwn_score_release(&score);
}

/* ---- Calibration -------------------------------------------------------------------- */

/* Two samples at 0.9 of which one is right, one at 0.58 that is right: bins 14 and 9 of 15, so
 * (|1 - 1.8| + |1 - 0.58|) / 3 = 1.22 / 3. */
static void test_calibration_error_compares_bin_by_bin(void **state)
{
    (void)state;
    const double logits[] = {log(9), 0, log(9), 0, log(0.58 / 0.42), 0};
    const int32_t label[] = {0, 1, 0};
    struct mwn_score score = score_of(2, 3, logits, label);
    near(mwn_score_result(&score, NULL).ece, 1.22 / 3);
    near(score.bin[13], 2);
    near(score.bin[8], 1);
    near(mwn_score_result(&score, NULL).loss, (-log(0.9) - log(0.1) - log(0.58)) / 3);
    mwn_score_release(&score);
}

static void test_sure_and_right_is_no_error(void **state)
{
    (void)state;
    const double logits[] = {800, 0, 0, 800};
    const int32_t label[] = {0, 1};
    struct mwn_score score = score_of(2, 2, logits, label);
    near(mwn_score_result(&score, NULL).ece, 0);
    near(score.bin[MWN_ECE_BINS - 1], 2);
    mwn_score_release(&score);
}

/* ---- Weights ------------------------------------------------------------------------ */

/* 1 1 2 4: sum 8, squares 22, so 64/22 of four samples count. */
static void test_weight_health(void **state)
{
    (void)state;
    float weight[] = {4, -1, 1, NAN, 2, 1};
    struct mwn_weight_health health;
    mwn_weigh_health(&health, 6, weight);
    assert_int_equal(health.samples, 4);
    near(health.mean, 2);
    near(health.effective, 64.0 / 22);
    near(health.quantile[2], 1.5);
    near(health.quantile[1], 1);
    near(health.quantile[3], 2.5);
    near(health.quantile[4], 2 + 0.85 * 2);
    float nothing[] = {0, 0};
    mwn_weigh_health(&health, 2, nothing);
    near(health.mean, 0);
    assert_true(isnan(health.effective));
}

/* ---- Memorisation ------------------------------------------------------------------- */

/* Samples 1 to 4 have wrong labels: one is predicted as labelled, two as is true, one as neither;
 * sample 5 was not drawn. */
static void test_memory_of_wrong_labels(void **state)
{
    (void)state;
    enum { N = 6 };
    const int32_t given[N] = {0, 1, 1, 2, 2, 1}, truth[N] = {0, 0, 0, 0, 1, 0};
    const float margin[N] = {1, 2, -1, -0.5f, -3, NAN}, rival[N] = {1, 0, 0, 1, 1, 0};
    float value[N][MWN_JOURNAL_COLUMNS] = {{0}};
    struct mwn_memory memory;
    for (size_t i = 0; i < N; i++) {
        value[i][MWN_JOURNAL_MARGIN] = margin[i];
        value[i][MWN_JOURNAL_RIVAL] = rival[i];
    }
    const struct mwn_journal journal = {.n = N, .value = &value[0][0]};
    mwn_journal_memory(&journal, given, truth, &memory);
    near(memory.wrong, 4);
    near(memory.given, 0.25);
    near(memory.truth, 0.5);
    mwn_journal_memory(&journal, given, given, &memory);
    assert_true(memory.wrong < 1 && isnan(memory.given));
    mwn_journal_memory(&journal, given, NULL, &memory);
    assert_true(memory.wrong < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_counted_by_class),
        cmocka_unit_test(test_macro_f1_is_the_mean_over_the_classes_that_occur),
        cmocka_unit_test(test_shots_go_by_the_training_samples),
        cmocka_unit_test(test_calibration_error_compares_bin_by_bin),
        cmocka_unit_test(test_sure_and_right_is_no_error),
        cmocka_unit_test(test_weight_health),
        cmocka_unit_test(test_memory_of_wrong_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
