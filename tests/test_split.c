/* test_split.c - long tail, meta set, validation set, labels and the overlap check. */
#include "data_files.h"

#include "data/fold.h"
#include "data/ids_file.h"
#include "data/split.h"
#include "tensor/npy.h"

#include <math.h>

/* 4 classes of 30 training samples, 12 test samples. */
enum { CLASSES = 4, PER_CLASS = 30, TRAIN = CLASSES * PER_CLASS, TEST = 12 };

static int make_data(void **state)
{
    int failed = data_make_folder(state);
    if (!failed)
        data_put_set(TRAIN, TEST, CLASSES);
    return failed;
}

static mwn_status open_sets(struct mwn_sets *sets, const struct mwn_data_options *options,
                            uint64_t seed)
{
    struct mwn_error err = {0};
    mwn_status status = mwn_sets_open(sets, options, seed, &err);
    if (status != MWN_OK)
        print_error("%s\n", err.text);
    return status;
}

/* Opens with seed 1; must succeed. */
static void open_good(struct mwn_sets *sets, const struct mwn_data_options *options)
{
    assert_int_equal(open_sets(sets, options, 1), MWN_OK);
}

#define EXPECT_FAILS(options, status, ...)                                                 \
    do {                                                                                   \
        struct mwn_sets sets_;                                                             \
        struct mwn_error err_ = {0};                                                       \
        mwn_status got_ = mwn_sets_open(&sets_, options, 1, &err_);                        \
        data_expect(&err_, got_, status, __VA_ARGS__, (char *)NULL);                       \
    } while (0)

static void count_classes(const struct mwn_set *set, size_t count[CLASSES])
{
    memset(count, 0, CLASSES * sizeof(*count));
    for (size_t i = 0; i < set->n; i++)
        count[set->source->label[set->id[i]]]++;
}

static bool has_id(const struct mwn_set *set, uint32_t id)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->id[i] == id)
            return true;
    return false;
}

static bool same_set(const struct mwn_set *a, const struct mwn_set *b)
{
    return a->n == b->n && memcmp(a->id, b->id, a->n * sizeof(*a->id)) == 0 &&
           memcmp(a->given, b->given, a->n * sizeof(*a->given)) == 0;
}

/* ---- Long tail ---------------------------------------------------------------------- */

static void test_long_tail_has_the_published_counts(void **state)
{
    (void)state;
    static const struct {
        double factor;
        size_t size[10], total;
    } cifar10[] = {
        {200, {4990, 2769, 1537, 853, 473, 262, 145, 80, 44, 24}, 11177},
        {100, {4990, 2991, 1793, 1075, 644, 386, 231, 138, 83, 49}, 12380},
        {50, {4990, 3230, 2091, 1354, 877, 567, 367, 238, 154, 99}, 13967},
        {20, {4990, 3577, 2564, 1838, 1317, 944, 677, 485, 348, 249}, 16989},
        {10, {4990, 3863, 2991, 2316, 1793, 1388, 1075, 832, 644, 499}, 20391},
        {1, {4990, 4990, 4990, 4990, 4990, 4990, 4990, 4990, 4990, 4990}, 49900},
    };
    for (size_t f = 0; f < MWN_COUNT(cifar10); f++) {
        size_t size[10], total = 0;
        mwn_imbalance_sizes(4990, cifar10[f].factor, 10, size);
        for (size_t c = 0; c < 10; c++) {
            assert_int_equal(size[c], cifar10[f].size[c]);
            total += size[c];
        }
        assert_int_equal(total, cifar10[f].total);
    }
}

static void test_long_tail_of_100_classes_has_the_published_totals(void **state)
{
    (void)state;
    static const double factor[] = {200, 100, 50, 20, 10, 1};
    static const size_t total[] = {9304, 10626, 12354, 15594, 19183, 49000};
    static const size_t smallest[] = {2, 4, 9, 24, 49, 490};
    for (size_t f = 0; f < MWN_COUNT(factor); f++) {
        size_t size[100], sum = 0;
        mwn_imbalance_sizes(490, factor[f], 100, size);
        for (size_t c = 0; c < 100; c++)
            sum += size[c];
        assert_int_equal(sum, total[f]);
        assert_int_equal(size[99], smallest[f]);
    }
}

static void test_long_tail_is_cut_from_what_meta_leaves(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    size_t count[CLASSES];
    options.meta_per_class = 2;
    options.valid_per_class = 1;
    options.imbalance = 9;
    open_good(&sets, &options);
    count_classes(&sets.train, count);
    /* 27 * 9^(-c/3) = 27, 12.98, 6.24, 3 */
    assert_int_equal(count[0], 27);
    assert_int_equal(count[1], 12);
    assert_int_equal(count[2], 6);
    assert_int_equal(count[3], 3);
    count_classes(&sets.meta, count);
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(count[c], 2);
    assert_int_equal(sets.valid.n, CLASSES);
    assert_int_equal(sets.test.n, TEST);
    mwn_sets_close(&sets);
    data_release(&options);
}

static void test_shuffled_long_tail_permutes_the_sizes(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    static const size_t sizes[] = {30, 14, 6, 3}; /* 30 * 9^(-c/3) */
    int moved = 0;
    options.imbalance = 9;
    options.imbalance_shuffle = true;
    for (uint64_t seed = 0; seed < 8; seed++) {
        size_t count[CLASSES];
        int found = 0;
        assert_int_equal(open_sets(&sets, &options, seed), MWN_OK);
        count_classes(&sets.train, count);
        for (int s = 0; s < CLASSES; s++)
            for (int c = 0; c < CLASSES; c++)
                found += count[c] == sizes[s];
        assert_int_equal(found, CLASSES);
        moved += count[0] != 30;
        mwn_sets_close(&sets);
    }
    assert_in_range(moved, 1, 8);
    data_release(&options);
}

static void test_tail_without_a_sample_is_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    options.imbalance = 1000;
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.imbalance", "class 2", "30");
    data_release(&options);
}

/* ---- Meta, validation, limit -------------------------------------------------------- */

static void test_sets_are_disjoint_and_complete(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    options.meta_per_class = 5;
    options.valid_per_class = 3;
    open_good(&sets, &options);
    assert_int_equal(sets.train.n, CLASSES * 22);
    assert_int_equal(sets.meta.n, CLASSES * 5);
    assert_int_equal(sets.valid.n, CLASSES * 3);
    for (uint32_t i = 0; i < TRAIN; i++)
        assert_int_equal(
            has_id(&sets.train, i) + has_id(&sets.meta, i) + has_id(&sets.valid, i), 1);
    for (size_t i = 0; i < sets.train.n; i++)
        assert_int_equal(sets.train.given[i], sets.train.id[i] % CLASSES);
    assert_int_equal(sets.classes, CLASSES);
    assert_int_equal(sets.shape.h, 6);
    assert_int_equal(sets.dropped, 0);
    assert_null(sets.train.truth);
    assert_true(sets.noise_rate < 0);
    mwn_sets_close(&sets);
    data_release(&options);
}

static void test_split_follows_the_seed(void **state)
{
    (void)state;
    struct mwn_sets a, b, c, d;
    struct mwn_data_options options = data_options("idx");
    options.meta_per_class = 5;
    options.valid_per_class = 3;
    options.imbalance = 4;
    data_set_text(&options.noise, "uniform");
    options.noise_rate = 0.5;
    open_good(&a, &options);
    open_good(&b, &options);
    assert_int_equal(open_sets(&c, &options, 2), MWN_OK);
    options.seed = 2;
    open_good(&d, &options);
    assert_true(same_set(&a.train, &b.train) && same_set(&a.meta, &b.meta));
    assert_true(same_set(&a.valid, &b.valid));
    assert_false(same_set(&a.train, &c.train));
    assert_false(same_set(&a.meta, &c.meta));
    assert_false(same_set(&a.valid, &c.valid));
    assert_true(same_set(&c.train, &d.train) && same_set(&c.meta, &d.meta));
    mwn_sets_close(&a);
    mwn_sets_close(&b);
    mwn_sets_close(&c);
    mwn_sets_close(&d);
    data_release(&options);
}

static void test_larger_meta_set_contains_the_smaller(void **state)
{
    (void)state;
    struct mwn_sets small, large;
    struct mwn_data_options options = data_options("idx");
    options.meta_per_class = 2;
    open_good(&small, &options);
    options.meta_per_class = 7;
    open_good(&large, &options);
    for (size_t i = 0; i < small.meta.n; i++)
        assert_true(has_id(&large.meta, small.meta.id[i]));
    mwn_sets_close(&small);
    mwn_sets_close(&large);
    data_release(&options);
}

static void test_limit_takes_a_random_subset(void **state)
{
    (void)state;
    struct mwn_sets few, more, all;
    struct mwn_data_options options = data_options("idx");
    options.meta_per_class = 5;
    open_good(&all, &options);
    options.limit = 20;
    open_good(&few, &options);
    options.limit = 60;
    open_good(&more, &options);
    assert_int_equal(few.train.n, 20);
    assert_int_equal(more.train.n, 60);
    assert_true(few.train.id[19] > 30);
    assert_true(same_set(&few.meta, &all.meta));
    for (size_t i = 0; i < few.train.n; i++) {
        assert_true(has_id(&more.train, few.train.id[i]));
        assert_true(has_id(&all.train, few.train.id[i]));
    }
    mwn_sets_close(&few);
    mwn_sets_close(&more);
    mwn_sets_close(&all);
    data_release(&options);
}

static void test_train_on_meta_appends_the_meta_set(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    options.meta_per_class = 5;
    options.train_on_meta = true;
    data_set_text(&options.noise, "flip");
    options.noise_rate = 1;
    open_good(&sets, &options);
    assert_int_equal(sets.train.n, TRAIN);
    assert_int_equal(sets.meta.n, 20);
    for (size_t i = 0; i < TRAIN; i++) {
        bool wrong = sets.train.given[i] != sets.train.truth[i];
        assert_int_equal(wrong, i < 100);
        if (i >= 100)
            assert_int_equal(sets.train.id[i], sets.meta.id[i - 100]);
    }
    assert_true(fabs(sets.noise_rate - 100.0 / 120) < 1e-12);
    mwn_sets_close(&sets);
    options.meta_per_class = 0;
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.train_on_meta", "data.meta_per_class");
    data_set_text(&options.meta, options.path);
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.train_on_meta", "cannot be appended");
    data_release(&options);
}

static void test_small_and_empty_classes_are_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    struct data_idx labels = data_idx_labels(TRAIN, CLASSES);
    options.meta_per_class = 28;
    options.valid_per_class = 2;
    EXPECT_FAILS(&options, MWN_ERR_DATA, "class 0 has 2 samples left",
                 "data.valid_per_class=2");
    options.meta_per_class = 10;
    options.valid_per_class = 0;
    for (size_t i = 0; i < TRAIN - 16; i++)
        if (labels.bytes[labels.header + i] == 3)
            labels.bytes[labels.header + i] = 2;
    data_put_idx("train-labels-idx1-ubyte", labels);
    EXPECT_FAILS(&options, MWN_ERR_DATA, "class 3 has 4 samples", "data.meta_per_class=10");
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(TRAIN, 3));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "class 3 has no training samples", "0 to 3");
    data_release(&options);
}

static void test_errors_call_classes_by_their_names(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("csv");
    data_write_text("t.csv", "x,label\n1,cat\n2,cat\n3,cat\n4,cat\n5,dog\n6,dog\n");
    data_set_text(&options.path, data_path("t.csv"));
    options.test_share = 0;
    options.meta_per_class = 2;
    EXPECT_FAILS(&options, MWN_ERR_DATA, "class dog has 2 samples left");
    options.meta_per_class = 0;
    options.imbalance = 1000;
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "leaves class dog without a sample");
    data_release(&options);
}

/* ---- Labels ------------------------------------------------------------------------- */

static void test_noise_is_put_into_train_only(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    size_t wrong = 0;
    options.meta_per_class = 5;
    options.valid_per_class = 5;
    data_set_text(&options.noise, "uniform");
    options.noise_rate = 0.6;
    open_good(&sets, &options);
    assert_non_null(sets.train.truth);
    for (size_t i = 0; i < sets.train.n; i++) {
        assert_int_equal(sets.train.truth[i], sets.train.id[i] % CLASSES);
        wrong += sets.train.given[i] != sets.train.truth[i];
    }
    assert_true(fabs(sets.noise_rate - (double)wrong / 80) < 1e-12);
    assert_true(fabs(sets.noise_rate - 0.45) < 0.2); /* 0.6 * 3/4 expected */
    for (size_t i = 0; i < sets.meta.n; i++)
        assert_int_equal(sets.meta.given[i], sets.meta.id[i] % CLASSES);
    for (size_t i = 0; i < sets.valid.n; i++)
        assert_int_equal(sets.valid.given[i], sets.valid.id[i] % CLASSES);
    for (size_t i = 0; i < sets.test.n; i++)
        assert_int_equal(sets.test.given[i], i % CLASSES);
    assert_null(sets.meta.truth);
    mwn_sets_close(&sets);
    data_release(&options);
}

/* A matrix that moves every label on to the next class; the class after the last is the first. */
static void test_a_matrix_reaches_the_training_set_alone(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    data_write_text("T.csv", "0,1,0,0\n0,0,1,0\n0,0,0,1\n1,0,0,0\n");
    data_set_text(&options.noise, "matrix");
    data_set_text(&options.noise_matrix, data_path("T.csv"));
    options.meta_per_class = 5;
    options.limit = 60;
    open_good(&sets, &options);
    assert_int_equal(sets.train.n, 60);
    assert_true(fabs(sets.noise_rate - 1) < 1e-12);
    for (size_t i = 0; i < sets.train.n; i++) {
        assert_int_equal(sets.train.truth[i], sets.train.id[i] % CLASSES);
        assert_int_equal(sets.train.given[i], (sets.train.id[i] + 1) % CLASSES);
    }
    for (size_t i = 0; i < sets.meta.n; i++)
        assert_int_equal(sets.meta.given[i], sets.meta.id[i] % CLASSES);
    mwn_sets_close(&sets);
    data_release(&options);
}

/* The second class that test_probabilities_are_of_the_files_samples gives sample i. */
static uint32_t second_of(uint32_t i)
{
    return (i + 1 + i / CLASSES % (CLASSES - 1)) % CLASSES;
}

static void put_probs(const char *name, const uint32_t *id, size_t n)
{
    static float rows[TRAIN * CLASSES];
    struct mwn_error err = {0};
    const size_t shape[] = {n, CLASSES};
    memset(rows, 0, sizeof(rows));
    for (size_t i = 0; i < n; i++) {
        rows[i * CLASSES + id[i] % CLASSES] = 0.6F;
        rows[i * CLASSES + second_of(id[i])] = 0.4F;
    }
    assert_int_equal(mwn_npy_write(data_path(name), MWN_NPY_F32, 2, shape, rows, &err),
                     MWN_OK);
}

static void expect_second_classes(const struct mwn_data_options *options)
{
    struct mwn_sets sets;
    open_good(&sets, options);
    for (size_t i = 0; i < sets.train.n; i++) {
        uint32_t id = sets.train.id[i];
        assert_int_equal(sets.train.truth[i], id % CLASSES);
        if (sets.train.given[i] != sets.train.truth[i])
            assert_int_equal(sets.train.given[i], second_of(id));
    }
    assert_true(sets.noise_rate > 0.3 && sets.noise_rate < 0.7);
    assert_null(sets.meta.truth);
    mwn_sets_close(&sets);
}

/* Whatever the sets are, and also where the file has the training samples alone. */
static void test_probabilities_are_of_the_files_samples(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    uint32_t all[TRAIN];
    char ids[TRAIN * 8] = "index,id\n";
    for (uint32_t i = 0; i < TRAIN; i++)
        all[i] = i;
    options.meta_per_class = 4;
    options.valid_share = 0.2;
    options.imbalance = 2;
    options.limit = 50;
    open_good(&sets, &options);
    put_probs("all.npy", all, TRAIN);
    put_probs("part.npy", sets.train.id, sets.train.n);
    for (size_t i = 0; i < sets.train.n; i++)
        (void)snprintf(ids + strlen(ids), 8, "%u,x\n", (unsigned)sets.train.id[i]);
    data_write_text("ids.csv", ids);
    mwn_sets_close(&sets);
    data_set_text(&options.noise, "pmd2");
    options.noise_rate = 0.5;
    data_set_text(&options.noise_probs, data_path("all.npy"));
    expect_second_classes(&options);
    data_set_text(&options.noise_probs, data_path("part.npy"));
    expect_second_classes(&options);
    options.limit = 0;
    EXPECT_FAILS(&options, MWN_ERR_DATA, "part.npy: has no row for training sample",
                 "mwnet cv");
    data_release(&options);
}

static void test_labels_file_is_for_train_and_validation(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    char text[TRAIN * 8] = "index,label\n";
    for (int i = 0; i < TRAIN; i += 2)
        (void)snprintf(text + strlen(text), 16, "%d,%d\n", i, (i + 1) % CLASSES);
    data_write_text("labels.csv", text);
    data_set_text(&options.labels, data_path("labels.csv"));
    options.meta_per_class = 5;
    options.valid_per_class = 5;
    open_good(&sets, &options);
    for (size_t i = 0; i < sets.train.n; i++) {
        uint32_t id = sets.train.id[i];
        assert_int_equal(sets.train.truth[i], id % CLASSES);
        assert_int_equal(sets.train.given[i], (id + (id % 2 == 0)) % CLASSES);
    }
    for (size_t i = 0; i < sets.valid.n; i++) {
        uint32_t id = sets.valid.id[i];
        assert_int_equal(sets.valid.truth[i], id % CLASSES);
        assert_int_equal(sets.valid.given[i], (id + (id % 2 == 0)) % CLASSES);
    }
    for (size_t i = 0; i < sets.meta.n; i++)
        assert_int_equal(sets.meta.given[i], sets.meta.id[i] % CLASSES);
    assert_true(fabs(sets.noise_rate - 0.5) < 1e-12);
    mwn_sets_close(&sets);
    data_set_text(&options.noise, "flip");
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.labels", "data.noise=flip");
    data_release(&options);
}

static void test_unknown_noise_is_reported_before_reading(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    data_set_text(&options.noise, "unifrm");
    data_set_text(&options.path, "/nonexistent");
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "unifrm", "did you mean 'uniform'?");
    data_release(&options);
}

/* ---- Overlap ------------------------------------------------------------------------ */

/* Rewrites picture `to` of a file of pictures as picture `from` of the training file. */
static void copy_picture(struct data_idx *images, size_t to, size_t from)
{
    for (size_t j = 0; j < 36; j++)
        images->bytes[images->header + to * 36 + j] = data_byte(1, from, j);
}

static void test_equal_samples_leave_the_earlier_set(void **state)
{
    (void)state;
    struct mwn_sets before, sets;
    struct mwn_data_options options = data_options("idx");
    struct data_idx test = data_idx_images(TEST, 6, 2);
    struct data_idx train = data_idx_images(TRAIN, 6, 1);
    options.meta_per_class = 5;
    options.valid_per_class = 5;
    open_good(&before, &options);
    uint32_t meta = before.meta.id[3], valid = before.valid.id[4];
    uint32_t plain = before.train.id[7], twin = before.train.id[9];
    uint32_t like_valid = before.meta.id[8], pair = before.train.id[11];
    copy_picture(&test, 0, meta);
    copy_picture(&test, 5, valid);
    copy_picture(&test, 6, plain);
    copy_picture(&train, twin, plain); /* two of train, and test */
    copy_picture(&train, like_valid, before.valid.id[6]);
    copy_picture(&train, pair, before.train.id[12]); /* both of train: both stay */
    data_put_idx("t10k-images-idx3-ubyte", test);
    data_put_idx("train-images-idx3-ubyte", train);
    open_good(&sets, &options);
    assert_int_equal(sets.dropped, 5);
    assert_int_equal(sets.meta.n, before.meta.n - 2);
    assert_int_equal(sets.valid.n, before.valid.n - 1);
    assert_int_equal(sets.train.n, before.train.n - 2);
    assert_int_equal(sets.test.n, TEST);
    assert_false(has_id(&sets.meta, meta) || has_id(&sets.meta, like_valid));
    assert_false(has_id(&sets.valid, valid));
    assert_false(has_id(&sets.train, plain) || has_id(&sets.train, twin));
    assert_true(has_id(&sets.valid, before.valid.id[6]));
    assert_true(has_id(&sets.train, pair) && has_id(&sets.train, before.train.id[12]));
    mwn_sets_close(&sets);
    mwn_sets_close(&before);
    data_release(&options);
}

static void test_one_file_for_two_sets_is_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    data_put_idx("t10k-images-idx3-ubyte", data_idx_images(TEST, 6, 1));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "12 of 12 samples of the test set",
                 "the training set", "one file");
    data_put_idx("t10k-images-idx3-ubyte", data_idx_images(TRAIN, 6, 1));
    data_put_idx("t10k-labels-idx1-ubyte", data_idx_labels(TRAIN, CLASSES));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "120 of 120", "training", "test");
    data_release(&options);
}

/* ---- Cross-validation, checked samples, parts of their own ---------------------------- */

static void test_folds_partition_the_training_set(void **state)
{
    (void)state;
    struct mwn_sets whole, part;
    struct mwn_data_options options = data_options("idx");
    size_t seen[TRAIN] = {0};
    uint32_t fold_of[TRAIN] = {0};
    struct mwn_error err = {0};
    const struct mwn_deal deal = {3, CLASSES, 1};
    data_set_text(&options.noise, "uniform");
    options.noise_rate = 0.5;
    options.limit = 90;
    open_good(&whole, &options);
    assert_int_equal(mwn_fold_deal(&deal, &whole.train, fold_of, &err), MWN_OK);
    options.folds = 3;
    for (options.fold = 0; options.fold < 3; options.fold++) {
        open_good(&part, &options);
        assert_int_equal(part.train.n + part.fold.n, whole.train.n);
        size_t next = 0;
        for (size_t at = 0; at < whole.train.n; at++) {
            if (fold_of[at] != options.fold)
                continue;
            assert_true(next < part.fold.n);
            seen[at]++;
            assert_int_equal(part.fold.id[next], whole.train.id[at]);
            assert_int_equal(part.fold.given[next], whole.train.given[at]);
            assert_int_equal(part.fold.truth[next], whole.train.truth[at]);
            next++;
        }
        assert_int_equal(next, part.fold.n);
        size_t held[CLASSES] = {0}, all[CLASSES] = {0};
        for (size_t i = 0; i < part.fold.n; i++)
            held[part.fold.given[i]]++;
        for (size_t i = 0; i < whole.train.n; i++)
            all[whole.train.given[i]]++;
        for (int c = 0; c < CLASSES; c++)
            assert_in_range(held[c], all[c] / 3, all[c] / 3 + 1);
        mwn_sets_close(&part);
    }
    for (size_t i = 0; i < whole.train.n; i++)
        assert_int_equal(seen[i], 1);
    mwn_sets_close(&whole);
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.fold: 3 of 3");
    data_release(&options);
}

static void test_meta_set_is_drawn_from_the_ids_given(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    char *const path = mwn_strdup(data_path("ids.txt"));
    data_write_text("ids.txt", "# checked\n 0\n1\n\n6\r\n3\n2\n9\n8\n11\n");
    data_set_text(&options.meta_ids, path);
    open_good(&sets, &options);
    assert_int_equal(sets.meta.n, 8);
    assert_int_equal(sets.meta.id[4], 6);
    mwn_sets_close(&sets);
    options.meta_per_class = 1;
    open_good(&sets, &options);
    assert_int_equal(sets.meta.n, CLASSES);
    for (size_t i = 0; i < sets.meta.n; i++)
        assert_true(sets.meta.id[i] < 12);
    mwn_sets_close(&sets);
    options.meta_per_class = 3;
    EXPECT_FAILS(&options, MWN_ERR_DATA, "class 0 has 2 samples that were checked",
                 "data.meta_per_class=3");
    data_write_text("ids.txt", "0\n120\n");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "ids.txt:2", "'120'");
    data_release(&options);
    mwn_free(path);
}

/* Of rows a, #b, c and again c: ids may begin with '#', and two c cannot be told apart. */
static void test_ids_are_looked_up_as_they_are_written(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("csv");
    unsigned char named[5] = {0};
    data_write_text("t.csv", "id,x,label\na,1,u\n#b,2,v\nc,3,u\nd,4,v\nc,5,u\n");
    data_set_text(&options.path, data_path("t.csv"));
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    data_write_text("ids.txt", "\xEF\xBB\xBF"
                               "a\n# a remark\n#b\n");
    assert_int_equal(mwn_ids_read(data_path("ids.txt"), &source, named, &err), MWN_OK);
    assert_memory_equal(named, "\1\1\0\0\0", 5);
    data_write_text("ids.txt", "a\nc\n");
    data_expect(&err, mwn_ids_read(data_path("ids.txt"), &source, named, &err),
                MWN_ERR_DATA, "ids.txt:2: training samples 2 and 4 both have the id 'c'",
                "data.id_column", (char *)NULL);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_meta_set_can_be_a_folder_of_its_own(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    char *const path = mwn_strdup(data_path("more"));
    assert_int_equal(mkdir(path, 0777), 0);
    data_put_idx("more/train-images-idx3-ubyte", data_idx_images(8, 6, 5));
    data_put_idx("more/train-labels-idx1-ubyte", data_idx_labels(8, 4));
    data_set_text(&options.meta, path);
    data_set_text(&options.valid, path);
    options.overlap = 1;
    open_good(&sets, &options);
    assert_int_equal(sets.train.n, TRAIN);
    assert_int_equal(sets.meta.n, 8);
    assert_int_equal(sets.valid.n, 8);
    assert_ptr_equal(sets.meta.source, &sets.meta_source);
    mwn_sets_close(&sets);
    options.overlap = 0;
    EXPECT_FAILS(&options, MWN_ERR_DATA, "meta set", "validation set", "data.overlap=keep");
    data_release(&options);
    mwn_free(path);
}

/* Rows that were checked and stand in a file of their own leave the training set; a file that
 * serves twice is refused. */
static void test_checked_rows_of_the_training_data_are_a_meta_set(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_buf rows = {0};
    struct mwn_data_options options = data_options("csv");
    mwn_buf_printf(&rows, "x,z,label\n");
    for (int i = 0; i < 20; i++) {
        mwn_buf_printf(&rows, "%d,%d,%c\n", i, i * 7 % 5, i % 2 ? 'u' : 'v');
        if (i == 5)
            data_write_text("checked.csv", rows.text);
    }
    data_write_text("all.csv", rows.text);
    mwn_buf_release(&rows);
    data_set_text(&options.path, data_path("all.csv"));
    data_set_text(&options.meta, data_path("checked.csv"));
    options.test_share = 0;
    open_good(&sets, &options);
    assert_int_equal(sets.meta.n, 6);
    assert_int_equal(sets.train.n, 14);
    mwn_sets_close(&sets);
    data_set_text(&options.meta, data_path("all.csv"));
    EXPECT_FAILS(&options, MWN_ERR_DATA,
                 "20 of 20 samples of the training set are in the meta",
                 "data.overlap=keep");
    data_release(&options);
}

/* Of 8 meta samples, 2 are in the test set and 1 in the validation set; of 8 validation samples 1 in
 * the test set. */
static void test_samples_leave_parts_of_their_own(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    char *const meta = mwn_strdup(data_path("meta")),
                *valid = mwn_strdup(data_path("valid"));
    struct data_idx test = data_idx_images(TEST, 6, 2), images = data_idx_images(8, 6, 5);
    assert_int_equal(mkdir(meta, 0777) + mkdir(valid, 0777), 0);
    copy_picture(&test, 3, 500);
    copy_picture(&test, 4, 501);
    copy_picture(&test, 5, 502);
    copy_picture(&images, 0, 500);
    copy_picture(&images, 6, 501);
    copy_picture(&images, 7, 503);
    data_put_idx("meta/train-images-idx3-ubyte", images);
    images = data_idx_images(8, 6, 7);
    copy_picture(&images, 1, 502);
    copy_picture(&images, 2, 503);
    data_put_idx("valid/train-images-idx3-ubyte", images);
    data_put_idx("meta/train-labels-idx1-ubyte", data_idx_labels(8, CLASSES));
    data_put_idx("valid/train-labels-idx1-ubyte", data_idx_labels(8, CLASSES));
    data_put_idx("t10k-images-idx3-ubyte", test);
    data_set_text(&options.meta, meta);
    data_set_text(&options.valid, valid);
    open_good(&sets, &options);
    assert_int_equal(sets.dropped, 4);
    assert_int_equal(sets.train.n, TRAIN);
    assert_int_equal(sets.test.n, TEST);
    assert_int_equal(sets.meta.n, 5);
    assert_false(has_id(&sets.meta, 0) || has_id(&sets.meta, 6) || has_id(&sets.meta, 7));
    assert_int_equal(sets.valid.n, 7);
    assert_false(has_id(&sets.valid, 1));
    assert_int_equal(sets.valid.given[1], 2);
    mwn_sets_close(&sets);
    data_release(&options);
    mwn_free(meta);
    mwn_free(valid);
}

static void test_share_of_each_class_is_held_out(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_data_options options = data_options("idx");
    size_t count[CLASSES];
    options.valid_share = 0.1;
    open_good(&sets, &options);
    count_classes(&sets.valid, count);
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(count[c], 3);
    assert_int_equal(sets.train.n, TRAIN - (size_t)3 * CLASSES);
    mwn_sets_close(&sets);
    data_release(&options);
}

/* ---- The rest ----------------------------------------------------------------------- */

static void test_other_shape_of_test_samples_is_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    data_put_idx("t10k-images-idx3-ubyte", data_idx_images(TEST, 5, 2));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "1 x 6 x 6", "1 x 5 x 5");
    data_release(&options);
}

static void test_evaluation_reads_the_test_part_alone(void **state)
{
    (void)state;
    struct mwn_sets sets;
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("idx");
    data_remove("train-images-idx3-ubyte");
    data_remove("train-labels-idx1-ubyte");
    assert_int_equal(mwn_sets_open_test(&sets, &options, NULL, 1, &err), MWN_OK);
    assert_int_equal(sets.test.n, TEST);
    assert_int_equal(sets.train.n, 0);
    assert_int_equal(sets.classes, CLASSES);
    assert_int_equal(sets.test.given[5], 1);
    mwn_sets_close(&sets);
    EXPECT_FAILS(&options, MWN_ERR_IO, "train-images-idx3-ubyte");
    data_release(&options);
}

/* Opens with the n-th allocation failing, for all n until none fails. */
static void test_failing_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("idx");
    uint64_t n = 0;
    mwn_status status;
    options.meta_per_class = 5;
    options.valid_per_class = 5;
    options.imbalance = 4;
    options.train_on_meta = true;
    options.folds = 3;
    data_set_text(&options.noise, "uniform");
    options.noise_rate = 0.5;
    do {
        struct mwn_sets sets;
        struct mwn_error err = {0};
        mwn_mem_fail_after(++n);
        status = mwn_sets_open(&sets, &options, 1, &err);
        mwn_mem_fail_after(0);
        if (status == MWN_OK)
            mwn_sets_close(&sets);
        else
            data_expect(&err, status, MWN_ERR_MEMORY, "memory", (char *)NULL);
    } while (status != MWN_OK);
    assert_true(n > 30);
    data_release(&options);
}

#define WITH_DATA(test) cmocka_unit_test_setup_teardown(test, make_data, data_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_tail_has_the_published_counts),
        cmocka_unit_test(test_long_tail_of_100_classes_has_the_published_totals),
        WITH_DATA(test_long_tail_is_cut_from_what_meta_leaves),
        WITH_DATA(test_shuffled_long_tail_permutes_the_sizes),
        WITH_DATA(test_tail_without_a_sample_is_reported),
        WITH_DATA(test_sets_are_disjoint_and_complete),
        WITH_DATA(test_split_follows_the_seed),
        WITH_DATA(test_larger_meta_set_contains_the_smaller),
        WITH_DATA(test_limit_takes_a_random_subset),
        WITH_DATA(test_train_on_meta_appends_the_meta_set),
        WITH_DATA(test_errors_call_classes_by_their_names),
        WITH_DATA(test_small_and_empty_classes_are_reported),
        WITH_DATA(test_noise_is_put_into_train_only),
        WITH_DATA(test_a_matrix_reaches_the_training_set_alone),
        WITH_DATA(test_probabilities_are_of_the_files_samples),
        WITH_DATA(test_labels_file_is_for_train_and_validation),
        WITH_DATA(test_unknown_noise_is_reported_before_reading),
        WITH_DATA(test_equal_samples_leave_the_earlier_set),
        WITH_DATA(test_one_file_for_two_sets_is_reported),
        WITH_DATA(test_folds_partition_the_training_set),
        WITH_DATA(test_meta_set_is_drawn_from_the_ids_given),
        WITH_DATA(test_ids_are_looked_up_as_they_are_written),
        WITH_DATA(test_meta_set_can_be_a_folder_of_its_own),
        WITH_DATA(test_checked_rows_of_the_training_data_are_a_meta_set),
        WITH_DATA(test_samples_leave_parts_of_their_own),
        WITH_DATA(test_share_of_each_class_is_held_out),
        WITH_DATA(test_other_shape_of_test_samples_is_reported),
        WITH_DATA(test_evaluation_reads_the_test_part_alone),
        WITH_DATA(test_failing_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
