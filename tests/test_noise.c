/* test_noise.c - the matrices of the label noises, and labels drawn from them. */
#include "data_files.h"

#include "base/rng.h"
#include "data/noise.h"

#include <math.h>

static double T[100 * 100];

static mwn_status matrix(const char *name, int classes, double rate, uint64_t seed,
                         struct mwn_error *err)
{
    const struct mwn_labels none = {.classes = classes};
    const struct mwn_noise_options options = {.name = name, .rate = rate};
    return mwn_noise_apply(&options, seed, &none, T, err);
}

static void expect_matrix(const char *name, int classes, double rate, uint64_t seed)
{
    struct mwn_error err = {0};
    mwn_status status = matrix(name, classes, rate, seed, &err);
    data_expect(&err, status, MWN_OK, (char *)NULL);
}

/* How many entries of row i besides the diagonal equal value, within rounding. */
static int count_in_row(int classes, int i, double value)
{
    int count = 0;
    for (int j = 0; j < classes; j++)
        count += j != i && fabs(T[i * classes + j] - value) < 1e-15;
    return count;
}

/* Whether a noise makes its own matrix for so many classes. */
static bool suits(const struct mwn_noise *noise, int classes)
{
    if (strcmp(noise->name, "hierarchical") == 0)
        return classes == 100;
    if (strcmp(noise->name, "asymmetric") == 0)
        return classes == 10 || classes == 100;
    return noise->reads == MWN_NOISE_RATE;
}

static void test_rows_of_every_noise_sum_to_one(void **state)
{
    (void)state;
    static const int sizes[] = {3, 10, 100};
    static const double rates[] = {0, 0.2, 0.4, 1};
    for (const struct mwn_noise *const *noise = mwn_noises; *noise; noise++)
        for (size_t s = 0; s < MWN_COUNT(sizes) * MWN_COUNT(rates); s++) {
            int k = sizes[s % MWN_COUNT(sizes)];
            double rate = rates[s / MWN_COUNT(sizes)];
            if (!suits(*noise, k))
                continue;
            expect_matrix((*noise)->name, k, rate, 1);
            for (int i = 0; i < k; i++) {
                double sum = 0;
                for (int j = 0; j < k; j++) {
                    assert_true(T[i * k + j] >= 0);
                    sum += T[i * k + j];
                }
                assert_true(fabs(sum - 1) < 1e-12);
                if (rate <= 0)
                    assert_true(T[i * k + i] >= 1);
            }
        }
}

static void test_uniform_includes_the_true_class(void **state)
{
    (void)state;
    expect_matrix("uniform", 10, 0.4, 1);
    for (int i = 0; i < 10; i++) {
        assert_true(fabs(T[i * 10 + i] - 0.64) < 1e-15);
        assert_int_equal(count_in_row(10, i, 0.04), 9);
    }
}

static void test_flip_has_one_other_class(void **state)
{
    (void)state;
    expect_matrix("flip", 10, 0.3, 1);
    for (int i = 0; i < 10; i++) {
        assert_true(fabs(T[i * 10 + i] - 0.7) < 1e-15);
        assert_int_equal(count_in_row(10, i, 0.3), 1);
        assert_int_equal(count_in_row(10, i, 0), 8);
    }
}

static void test_flip2_has_two_other_classes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        expect_matrix("flip2", 10, 0.4, seed);
        for (int i = 0; i < 10; i++) {
            assert_true(fabs(T[i * 10 + i] - 0.6) < 1e-15);
            assert_int_equal(count_in_row(10, i, 0.2), 2);
            assert_int_equal(count_in_row(10, i, 0), 7);
        }
    }
}

/* Over many seeds each pair of classes is flipped to equally often. */
static void test_flip_maps_come_from_the_seed(void **state)
{
    (void)state;
    int hits[10] = {0}, hits2[10] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        expect_matrix("flip", 10, 1, seed);
        for (int j = 0; j < 10; j++)
            hits[j] += T[3 * 10 + j] > 0.5;
        expect_matrix("flip2", 10, 1, seed);
        for (int j = 0; j < 10; j++)
            hits2[j] += T[3 * 10 + j] > 0.25;
    }
    for (int j = 0; j < 10; j++) {
        double expected = j == 3 ? 0 : 2000 / 9.0, spread = 4.5 * sqrt(expected);
        assert_true(fabs(hits[j] - expected) <= spread);
        assert_true(fabs(hits2[j] - 2 * expected) <= 2 * spread);
    }
}

static void test_superclasses_have_five_classes_each(void **state)
{
    (void)state;
    static const int mammals[] = {4, 30, 55, 72, 95}, insects[] = {6, 7, 14, 18, 24};
    int count[20] = {0};
    for (int i = 0; i < 100; i++)
        count[mwn_cifar100_superclass[i]]++;
    for (int i = 0; i < 20; i++)
        assert_int_equal(count[i], 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mwn_cifar100_superclass[mammals[i]], 0);
        assert_int_equal(mwn_cifar100_superclass[insects[i]], 7);
    }
}

static void test_hierarchical_stays_in_the_superclass(void **state)
{
    (void)state;
    static const int fruit[] = {51, 53, 57,
                                83}; /* apple's: mushroom, orange, pear, pepper */
    expect_matrix("hierarchical", 100, 0.4, 1);
    for (int i = 0; i < 100; i++) {
        assert_true(fabs(T[i * 100 + i] - 0.6) < 1e-15);
        assert_int_equal(count_in_row(100, i, 0.1), 4);
        assert_int_equal(count_in_row(100, i, 0), 95);
    }
    for (size_t j = 0; j < MWN_COUNT(fruit); j++)
        assert_true(fabs(T[fruit[j]] - 0.1) < 1e-15);
}

static void test_asymmetric_of_cifar10_has_four_pairs(void **state)
{
    (void)state;
    static const int to[] = {0, 1, 0, 5, 7, 5, 6, 7, 8, 1};
    expect_matrix("asymmetric", 10, 0.4, 1);
    for (int i = 0; i < 10; i++) {
        assert_true(fabs(T[i * 10 + i] - (to[i] == i ? 1 : 0.6)) < 1e-15);
        if (to[i] != i)
            assert_true(fabs(T[i * 10 + to[i]] - 0.4) < 1e-15);
    }
}

static void test_asymmetric_of_cifar100_goes_round_the_superclass(void **state)
{
    (void)state;
    expect_matrix("asymmetric", 100, 0.4, 1);
    assert_true(fabs(T[0 * 100 + 51] - 0.4) < 1e-15);  /* apple to mushroom  */
    assert_true(fabs(T[51 * 100 + 53] - 0.4) < 1e-15); /* mushroom to orange */
    assert_true(fabs(T[83 * 100 + 0] - 0.4) < 1e-15);  /* pepper to apple    */
    for (int i = 0; i < 100; i++)
        assert_int_equal(count_in_row(100, i, 0.4), 1);
}

/* ---- Drawing ------------------------------------------------------------------------ */

enum { N = 50000 };

static uint32_t id[N];
static int32_t label[N];

static void draw_labels(const char *name, double rate, uint64_t seed, int classes)
{
    struct mwn_error err = {0};
    const struct mwn_labels labels = {classes, N, id, label, N};
    const struct mwn_noise_options options = {.name = name, .rate = rate};
    for (uint32_t i = 0; i < N; i++) {
        id[i] = i;
        label[i] = (int32_t)(i % (uint32_t)classes);
    }
    data_expect(&err, mwn_noise_apply(&options, seed, &labels, T, &err), MWN_OK,
                (char *)NULL);
}

/* The share of each (true, drawn) pair is that of the matrix within 5 standard errors. */
static void test_realised_rates_follow_the_matrix(void **state)
{
    (void)state;
    static const double rates[] = {0.2, 0.4, 0.6};
    for (const struct mwn_noise *const *noise = mwn_noises; *noise; noise++)
        for (size_t r = 0; r < MWN_COUNT(rates); r++) {
            int k = suits(*noise, 10) ? 10 : 100;
            if (!suits(*noise, k))
                continue;
            static int count[100 * 100];
            double per_class = N / (double)k;
            memset(count, 0, sizeof(count));
            draw_labels((*noise)->name, rates[r], 11 + r, k);
            for (int i = 0; i < N; i++)
                count[(i % k) * k + label[i]]++;
            for (int i = 0; i < k * k; i++) {
                double spread = 5 * sqrt(per_class * T[i] * (1 - T[i])) + 1e-6;
                assert_true(fabs(count[i] - per_class * T[i]) <= spread);
            }
        }
}

static void test_uniform_noise_of_40_percent_changes_36(void **state)
{
    (void)state;
    int wrong = 0;
    draw_labels("uniform", 0.4, 3, 10);
    for (int i = 0; i < N; i++)
        wrong += label[i] != i % 10;
    assert_true(fabs(wrong / (double)N - 0.36) < 0.01);
}

static void test_a_label_depends_on_seed_and_id_only(void **state)
{
    (void)state;
    static int32_t first[N];
    struct mwn_error err = {0};
    const uint32_t few_ids[] = {49993, 17, 27};
    int32_t few[] = {3, 7, 7};
    const struct mwn_labels labels = {10, 3, few_ids, few, N};
    const struct mwn_noise_options options = {.name = "flip2", .rate = 0.5};
    int differ = 0;
    draw_labels("flip2", 0.5, 5, 10);
    memcpy(first, label, sizeof(first));
    assert_int_equal(mwn_noise_apply(&options, 5, &labels, NULL, &err), MWN_OK);
    assert_int_equal(few[0], first[49993]);
    assert_int_equal(few[1], first[17]);
    assert_int_equal(few[2], first[27]);
    draw_labels("flip2", 0.5, 5, 10);
    assert_memory_equal(first, label, sizeof(first));
    draw_labels("flip2", 0.5, 6, 10);
    for (int i = 0; i < N; i++)
        differ += first[i] != label[i];
    assert_true(differ > N / 4);
}

static void test_no_noise_leaves_the_labels(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "uniform", "flip2"};
    for (size_t i = 0; i < MWN_COUNT(names); i++) {
        draw_labels(names[i], strcmp(names[i], "none") == 0 ? 0.7 : 0, 5, 10);
        for (int j = 0; j < N; j++)
            assert_int_equal(label[j], j % 10);
    }
}

static void test_bad_noise_is_reported(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    data_expect(&err, matrix("unifrom", 10, 0.4, 1, &err), MWN_ERR_CONFIG, "unifrom",
                "did you mean 'uniform'?", (char *)NULL);
    data_expect(&err, matrix("uniform", 10, 1.5, 1, &err), MWN_ERR_CONFIG,
                "data.noise_rate", "1.5", (char *)NULL);
    data_expect(&err, matrix("uniform", 10, nan(""), 1, &err), MWN_ERR_CONFIG,
                "data.noise_rate", (char *)NULL);
    data_expect(&err, matrix("hierarchical", 10, 0.4, 1, &err), MWN_ERR_CONFIG,
                "hierarchical", "the data has 10", (char *)NULL);
    data_expect(&err, matrix("asymmetric", 26, 0.4, 1, &err), MWN_ERR_CONFIG, "asymmetric",
                "the data has 26", (char *)NULL);
    data_expect(&err, matrix("flip2", 2, 0.4, 1, &err), MWN_ERR_CONFIG, "flip2",
                "at least 3", (char *)NULL);
    data_expect(&err, matrix("flip", 1, 0.4, 1, &err), MWN_ERR_CONFIG, "flip", "at least 2",
                (char *)NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_every_noise_sum_to_one),
        cmocka_unit_test(test_uniform_includes_the_true_class),
        cmocka_unit_test(test_flip_has_one_other_class),
        cmocka_unit_test(test_flip2_has_two_other_classes),
        cmocka_unit_test(test_flip_maps_come_from_the_seed),
        cmocka_unit_test(test_superclasses_have_five_classes_each),
        cmocka_unit_test(test_hierarchical_stays_in_the_superclass),
        cmocka_unit_test(test_asymmetric_of_cifar10_has_four_pairs),
        cmocka_unit_test(test_asymmetric_of_cifar100_goes_round_the_superclass),
        cmocka_unit_test(test_realised_rates_follow_the_matrix),
        cmocka_unit_test(test_uniform_noise_of_40_percent_changes_36),
        cmocka_unit_test(test_a_label_depends_on_seed_and_id_only),
        cmocka_unit_test(test_no_noise_leaves_the_labels),
        cmocka_unit_test(test_bad_noise_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
