/* test_noise_files.c - label noise by a file: a matrix, or class probabilities of each sample. */
#include "data_files.h"

#include "data/noise.h"
#include "data/prob_file.h"
#include "tensor/npy.h"

#include <math.h>

static void put_npy(const char *name, const double *items, size_t rows, size_t columns)
{
    struct mwn_error err = {0};
    const size_t shape[] = {rows, columns};
    mwn_status status = mwn_npy_write(data_path(name), MWN_NPY_F64, 2, shape, items, &err);
    data_expect(&err, status, MWN_OK, (char *)NULL);
}

/* ---- The matrix --------------------------------------------------------------------- */

static double T[9];

static mwn_status read_matrix(const char *name, struct mwn_error *err)
{
    const struct mwn_labels none = {.classes = 3};
    const struct mwn_noise_options options = {.name = "matrix", .matrix = data_path(name)};
    return mwn_noise_apply(&options, 1, &none, T, err);
}

#define EXPECT_BAD(read, name, status, ...)                                                \
    do {                                                                                   \
        struct mwn_error err_ = {0};                                                       \
        mwn_status got_ = read(name, &err_);                                               \
        data_expect(&err_, got_, status, __VA_ARGS__, (char *)NULL);                       \
    } while (0)

static void expect_matrix(const char *name, const double *wanted, double room)
{
    struct mwn_error err = {0};
    data_expect(&err, read_matrix(name, &err), MWN_OK, (char *)NULL);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(T[i] - wanted[i]) <= room);
}

static const double example[9] = {0.75, 0.25, 0, 0, 1, 0, 0.125, 0.375, 0.5};

static void test_a_matrix_is_read_from_text_and_npy(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.75,0.25,0\n0,1,0\n0.125,0.375,0.5\n",
        "0.75 0.25 0\n 0 1  0 \n\n.125 3.75e-1\t0.5",
        "\xEF\xBB\xBF 0.75; 0.25; 0\r\n0; 1; 0\r\n0.125; 0.375; 0.5\r\n",
        "0.75\t0.25\t0\n0\t1\t0\n0.125\t0.375\t0.5\n",
    };
    for (size_t i = 0; i < MWN_COUNT(texts); i++) {
        data_write_text("T.txt", texts[i]);
        expect_matrix("T.txt", example, 0);
    }
    put_npy("T.npy", example, 3, 3);
    expect_matrix("T.npy", example, 0);
}

static void test_sums_that_are_nearly_1_are_mended(void **state)
{
    (void)state;
    static const double wanted[9] = {0.7 / 0.9995, 0.2995 / 0.9995, 0,      0, 1, 0,
                                     1 / 3.0,      1 / 3.0,         1 / 3.0};
    data_write_text("T.csv", "0.7,0.2995,0\n0,1,0\n0.3333,0.3333,0.3333\n");
    expect_matrix("T.csv", wanted, 1e-15);
}

static void test_bad_matrices_are_reported(void **state)
{
    (void)state;
    static const double wide[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    static const double bad[9] = {1, 0, 0, 0, 1, 0, 0, (double)NAN, 1};
    static const struct {
        const char *text, *place, *words;
    } files[] = {
        {"0.5,0.5\n0,1\n", ":1", "has fewer numbers than the data has classes, 3"},
        {"1 0 0\n0 1 0\n0 0 1 0\n", ":3", "has more numbers"},
        {"1,0,0\n0,1,0\n", "", "has 2 rows, the data has 3 classes"},
        {"1,0,0\n0,1,0\n0,0,1\n1,0,0\n", "", "has 4 rows"},
        {"a,b,c\n1,0,0\n0,1,0\n0,0,1\n", ":1", "column 0: 'a' is not a number"},
        {"1,0,0\n0,,1\n0,0,1\n", ":2", "column 1: '' is not a number"},
        {"1,0,0\n\n0,nan,1\n0,0,1\n", ":3", "'nan' is not a number"},
        {"1,0,0\n0,1.5,-0.5\n0,0,1\n", ":2", "row 1, column 1 is 1.5, expected 0 .. 1"},
        {"1,0,0\n0,1,0\n-0.5,0.5,1\n", ":3", "row 2, column 0 is -0.5, expected 0 .. 1"},
        {"1,0,0\n0,0.9,0\n0,0,1\n", ":2", "row 1 sums to 0.9, expected 1"},
        {"1e999,0,0\n0,1,0\n0,0,1\n", ":1", "is inf"},
    };
    for (size_t i = 0; i < MWN_COUNT(files); i++) {
        char place[32];
        (void)snprintf(place, sizeof(place), "T.csv%s: ", files[i].place);
        data_write_text("T.csv", files[i].text);
        EXPECT_BAD(read_matrix, "T.csv", MWN_ERR_DATA, place, files[i].words);
    }
    put_npy("wide.npy", wide, 3, 4);
    EXPECT_BAD(read_matrix, "wide.npy", MWN_ERR_DATA, "wide.npy: has 4 columns",
               "3 classes");
    put_npy("long.npy", wide, 4, 3);
    EXPECT_BAD(read_matrix, "long.npy", MWN_ERR_DATA, "long.npy: has 4 rows", "3 classes");
    put_npy("nan.npy", bad, 3, 3);
    EXPECT_BAD(read_matrix, "nan.npy", MWN_ERR_DATA, "row 2, column 1 is nan");
    put_npy("cut.npy", example, 3, 3);
    assert_int_equal(truncate(data_path("cut.npy"), 150), 0);
    EXPECT_BAD(read_matrix, "cut.npy", MWN_ERR_DATA, "cut.npy", "truncated");
    EXPECT_BAD(read_matrix, "absent.csv", MWN_ERR_IO, "absent.csv");
}

enum { N = 30000 };

static uint32_t id[N];
static int32_t label[N];

static void test_labels_follow_the_matrix_and_the_seed(void **state)
{
    (void)state;
    static int32_t first[N];
    int count[9] = {0}, differ = 0;
    struct mwn_error err = {0};
    const struct mwn_labels labels = {3, N, id, label, N};
    put_npy("T.npy", example, 3, 3);
    const struct mwn_noise_options options = {.name = "matrix",
                                              .matrix = data_path("T.npy")};
    for (uint64_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < N; i++) {
            id[i] = i;
            label[i] = (int32_t)(i % 3);
        }
        assert_int_equal(mwn_noise_apply(&options, 7 + round / 2, &labels, NULL, &err),
                         MWN_OK);
        if (round == 0)
            memcpy(first, label, sizeof(first));
        if (round == 1)
            assert_memory_equal(first, label, sizeof(first));
    }
    for (int i = 0; i < N; i++) {
        count[i % 3 * 3 + first[i]]++;
        differ += first[i] != label[i];
    }
    for (int i = 0; i < 9; i++) {
        double spread = 5 * sqrt(N / 3.0 * example[i] * (1 - example[i])) + 1e-6;
        assert_true(fabs(count[i] - N / 3.0 * example[i]) <= spread);
    }
    assert_true(differ > N / 10);
}

/* ---- Class probabilities ------------------------------------------------------------ */

/* Margins 0.5, 0.2, 0 and 1. The second sample's own label is its second class. */
enum { FEW = 4 };
static const double probs[FEW * 3] = {0.7, 0.1, 0.2, 0.2, 0.5, 0.3, 0.4, 0.4, 0.2, 0, 0, 1};
static const int32_t own[FEW] = {0, 2, 0, 2};
static const int32_t likely[FEW] = {0, 1, 0, 2}, second[FEW] = {2, 2, 1, 0};

static mwn_status prepare(void **self, const struct mwn_noise *noise, double rate,
                          const char *name, struct mwn_error *err)
{
    static const uint32_t ids[FEW] = {0, 1, 2, 3};
    int32_t given[FEW];
    const struct mwn_noise_options options = {
        .name = noise->name, .rate = rate, .probs = data_path(name)};
    const struct mwn_labels labels = {3, FEW, ids, given, FEW};
    memcpy(given, own, sizeof(given));
    return noise->prepare(self, &options, &labels, err);
}

/* flip[i]: the probability of the second class; the rest is that of the first. */
static void get_flips(const struct mwn_noise *noise, double rate, double flip[FEW])
{
    struct mwn_error err = {0};
    void *self = NULL;
    put_npy("p.npy", probs, FEW, 3);
    data_expect(&err, prepare(&self, noise, rate, "p.npy", &err), MWN_OK, (char *)NULL);
    for (size_t i = 0; i < FEW; i++) {
        double row[3] = {0};
        noise->row(self, i, row);
        flip[i] = row[second[i]];
        assert_true(fabs(row[likely[i]] - (1 - flip[i])) < 1e-15);
        assert_true(fabs(row[0] + row[1] + row[2] - 1) < 1e-15);
    }
    noise->release(self);
}

/* With the factor c the labels of samples 0 and 2 are wrong with probability c tau, that of 1 with
 * 1 - c tau, that of 3 never. c = 0.8 cuts nothing off. */
static void test_tau_of_each_type(void **state)
{
    (void)state;
    static const struct {
        const struct mwn_noise *noise;
        double tau[FEW], rate; /* (0.8 (tau0 - tau1 + tau2) + 1) / 4 */
    } types[] = {
        {&mwn_noise_pmd1, {0.375, 0.48, 0.5, 0}, 0.329},
        {&mwn_noise_pmd2, {0.875, 0.992, 1, 0}, 0.4266},
        {&mwn_noise_pmd3, {2.125 / 3, 2.752 / 3, 1, 0}, 0.4082},
    };
    for (size_t t = 0; t < MWN_COUNT(types); t++) {
        double flip[FEW];
        get_flips(types[t].noise, types[t].rate, flip);
        for (int i = 0; i < FEW; i++)
            assert_true(fabs(flip[i] - 0.8 * types[t].tau[i]) < 1e-12);
    }
}

/* c = 2.5: samples 1 and 2 are cut off at 1, (2.5 * 0.375 + 0 + 1 + 0) / 4 = 0.484375. */
static void test_probabilities_end_at_1(void **state)
{
    (void)state;
    static const double wanted[FEW] = {0.9375, 1, 1, 0};
    double flip[FEW];
    get_flips(&mwn_noise_pmd1, 0.484375, flip);
    for (int i = 0; i < FEW; i++)
        assert_true(fabs(flip[i] - wanted[i]) < 1e-12);
}

static void test_rates_out_of_reach_are_reported(void **state)
{
    (void)state;
    static const double rates[] = {0.2, 0.6};
    put_npy("p.npy", probs, FEW, 3);
    for (size_t i = 0; i < MWN_COUNT(rates); i++) {
        struct mwn_error err = {0};
        void *self = NULL;
        mwn_status status = prepare(&self, &mwn_noise_pmd1, rates[i], "p.npy", &err);
        data_expect(&err, status, MWN_ERR_CONFIG, "data.noise_rate", "0.2500 .. 0.5000",
                    (char *)NULL);
        assert_null(self);
    }
}

static mwn_status read_probs(const char *name, struct mwn_error *err)
{
    void *self = NULL;
    return prepare(&self, &mwn_noise_pmd2, 0.4, name, err);
}

static void test_bad_probabilities_are_reported(void **state)
{
    (void)state;
    double bad[FEW * 3];
    const size_t deep[] = {2, 2, 3};
    struct mwn_error err = {0};
    put_npy("wide.npy", probs, 3, 4);
    EXPECT_BAD(read_probs, "wide.npy", MWN_ERR_DATA, "wide.npy: has 4 columns, the data",
               "3 classes");
    assert_int_equal(
        mwn_npy_write(data_path("deep.npy"), MWN_NPY_F64, 3, deep, probs, &err), MWN_OK);
    EXPECT_BAD(read_probs, "deep.npy", MWN_ERR_DATA, "has 3 dimensions, expected 2");
    put_npy("few.npy", probs, 3, 3);
    EXPECT_BAD(read_probs, "few.npy", MWN_ERR_DATA, "has 3 rows", "4 training samples",
               "no ids.csv", "mwnet cv");
    memcpy(bad, probs, sizeof(bad));
    bad[7] = (double)NAN;
    put_npy("nan.npy", bad, FEW, 3);
    EXPECT_BAD(read_probs, "nan.npy", MWN_ERR_DATA, "nan.npy: row 2, column 1 is nan");
    bad[7] = 0.5;
    put_npy("sum.npy", bad, FEW, 3);
    EXPECT_BAD(read_probs, "sum.npy", MWN_ERR_DATA, "sum.npy: row 2 sums to 1.1");
    bad[7] = -0.4;
    put_npy("minus.npy", bad, FEW, 3);
    EXPECT_BAD(read_probs, "minus.npy", MWN_ERR_DATA, "row 2, column 1 is -0.4");
    EXPECT_BAD(read_probs, "absent.npy", MWN_ERR_IO, "absent.npy");
}

/* The second class is always right. */
static void test_a_model_that_has_not_learned_is_reported(void **state)
{
    (void)state;
    static const double wrong[FEW * 3] = {0.4, 0.6, 0, 0, 0.6, 0.4,
                                          0.4, 0.6, 0, 0, 0.6, 0.4};
    put_npy("wrong.npy", wrong, FEW, 3);
    EXPECT_BAD(read_probs, "wrong.npy", MWN_ERR_CONFIG, "1.0000 .. 0.0000",
               "a model that has learned");
}

/* ---- ids.csv ------------------------------------------------------------------------ */

static mwn_status match(const char *ids, size_t samples, size_t *row_of,
                        struct mwn_error *err)
{
    struct mwn_prob_file file = {0};
    put_npy("part.npy", probs, FEW, 3);
    data_write_text("ids.csv", ids);
    mwn_status status = mwn_prob_file_read(&file, data_path("part.npy"), 3, err);
    if (status == MWN_OK)
        status = mwn_prob_file_match(&file, samples, row_of, err);
    mwn_prob_file_release(&file);
    data_remove("ids.csv");
    return status;
}

static void test_ids_say_whose_a_row_is(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    size_t row_of[6] = {0};
    static const size_t wanted[6] = {1, MWN_PROB_FILE_NONE, 3, MWN_PROB_FILE_NONE, 2, 0};
    assert_int_equal(match("index,id\n5,e\n0,\"a,b\"\n4,x\n2,c\n", 6, row_of, &err),
                     MWN_OK);
    assert_memory_equal(row_of, wanted, sizeof(wanted));
    assert_int_equal(match("not looked at", 4, row_of, &err), MWN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(row_of[i], i);
}

static void test_bad_ids_are_reported(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } files[] = {
        {"index,id\n5,e\n0,a\n4,x\n", "is not the list of the 4 rows"},
        {"number,id\n5,e\n0,a\n4,x\n2,c\n", "is not the list of the 4 rows"},
        {"index,id\n5,e\n0,a\n6,x\n2,c\n", "ids.csv:4: index '6', expected 0 .. 5"},
        {"index,id\n5,e\n0,a\n1.5,x\n2,c\n", "ids.csv:4: index '1.5'"},
        {"index,id\n5,e\n0,a\n0,x\n2,c\n", "ids.csv:4: a second row for sample 0"},
    };
    for (size_t i = 0; i < MWN_COUNT(files); i++) {
        struct mwn_error err = {0};
        size_t row_of[6] = {0};
        mwn_status status = match(files[i].text, 6, row_of, &err);
        data_expect(&err, status, MWN_ERR_DATA, files[i].words, (char *)NULL);
    }
}

/* ---- Drawing ------------------------------------------------------------------------ */

/* Sample i has label i % 3 and row i % 4 of the example. */
static void draw_labels(const char *name, double rate, uint64_t seed)
{
    struct mwn_error err = {0};
    const struct mwn_noise_options options = {
        .name = name, .rate = rate, .probs = data_path("many.npy")};
    const struct mwn_labels labels = {3, N, id, label, N};
    for (uint32_t i = 0; i < N; i++) {
        id[i] = i;
        label[i] = (int32_t)(i % 3);
    }
    data_expect(&err, mwn_noise_apply(&options, seed, &labels, NULL, &err), MWN_OK,
                (char *)NULL);
}

static void test_the_share_of_wrong_labels_is_the_rate(void **state)
{
    (void)state;
    static const char *const names[] = {"pmd1", "pmd2", "pmd3"};
    static double many[N * 3];
    static int32_t first[N];
    for (int i = 0; i < N; i++) /* the label's class is the likely one, or 1 of 12 */
        for (int j = 0; j < 3; j++)
            many[i * 3 + (i % 12 == 5 ? j : (j + i + 3 - likely[i % FEW]) % 3)] =
                probs[i % FEW * 3 + j];
    put_npy("many.npy", many, N, 3);
    for (size_t t = 0; t < MWN_COUNT(names); t++) {
        int wrong = 0, same = 0;
        draw_labels(names[t], 0.4, 3);
        memcpy(first, label, sizeof(first));
        for (int i = 0; i < N; i++)
            wrong += label[i] != i % 3;
        assert_true(fabs(wrong / (double)N - 0.4) < 5 * sqrt(0.24 / N));
        draw_labels(names[t], 0.4, 3);
        assert_memory_equal(first, label, sizeof(first));
        draw_labels(names[t], 0.4, 4);
        for (int i = 0; i < N; i++)
            same += label[i] == first[i];
        assert_true(same < N * 9 / 10);
    }
}

/* ---- Options against each other ----------------------------------------------------- */

static void test_options_that_do_not_fit_are_reported(void **state)
{
    (void)state;
    static const struct {
        struct mwn_noise_options options;
        const char *words, *hint;
    } cases[] = {
        {{"matrix", 0, "", ""}, "data.noise_matrix: data.noise=matrix needs", "=FILE"},
        {{"matrix", 0.4, "T.csv", ""}, "data.noise_rate: 0.4", "data.noise_rate=0"},
        {{"matrix", 0, "T.csv", "p.npy"}, "data.noise_probs: a file", "data.noise=pmd1"},
        {{"uniform", 0.4, "T.csv", NULL}, "data.noise_matrix: a file", "data.noise=matrix"},
        {{"none", 0, "T.csv", NULL}, "data.noise=none does not read", "data.noise_matrix="},
        {{"none", 0, NULL, "p.npy"}, "data.noise_probs", "data.noise_probs="},
        {{"pmd3", 0.4, NULL, NULL}, "data.noise_probs: data.noise=pmd3", "=FILE"},
        {{"pmd1", 0, NULL, "p.npy"}, "data.noise_rate: 0", "data.noise=none"},
        {{"pmd1", 1.5, NULL, "p.npy"}, "data.noise_rate: 1.5", ""},
        {{"pmd4", 0.4, NULL, "p.npy"}, "pmd4", "did you mean 'pmd"},
    };
    for (size_t i = 0; i < MWN_COUNT(cases); i++) {
        struct mwn_error err = {0};
        mwn_status status = mwn_noise_check(&cases[i].options, &err);
        data_expect(&err, status, MWN_ERR_CONFIG, cases[i].words, cases[i].hint,
                    (char *)NULL);
    }
}

#define WITH_FOLDER(test)                                                                  \
    cmocka_unit_test_setup_teardown(test, data_make_folder, data_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_a_matrix_is_read_from_text_and_npy),
        WITH_FOLDER(test_sums_that_are_nearly_1_are_mended),
        WITH_FOLDER(test_bad_matrices_are_reported),
        WITH_FOLDER(test_labels_follow_the_matrix_and_the_seed),
        WITH_FOLDER(test_tau_of_each_type),
        WITH_FOLDER(test_probabilities_end_at_1),
        WITH_FOLDER(test_rates_out_of_reach_are_reported),
        WITH_FOLDER(test_bad_probabilities_are_reported),
        WITH_FOLDER(test_a_model_that_has_not_learned_is_reported),
        WITH_FOLDER(test_ids_say_whose_a_row_is),
        WITH_FOLDER(test_bad_ids_are_reported),
        WITH_FOLDER(test_the_share_of_wrong_labels_is_the_rate),
        cmocka_unit_test(test_options_that_do_not_fit_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
