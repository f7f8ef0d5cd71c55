/* test_loader.c - batches: order, augmentation, normalisation, and the same for any number of
 * threads. */
#include "data_files.h"

#include "base/buf.h"
#include "base/status.h"
#include "data/loader.h"

#include <math.h>

/* A source of 23 pictures of 2 x 5 x 6, made in memory. */
enum {
    COUNT = 23,
    CHANNELS = 2,
    HIGH = 5,
    WIDE = 6,
    PLANE = HIGH * WIDE,
    SAMPLE = CHANNELS * PLANE
};

struct made {
    struct mwn_source source;
    struct mwn_set set;
    unsigned char pictures[(COUNT + 1) * SAMPLE];
    uint32_t id[COUNT];
    int32_t given[COUNT];
};

static struct made made;

/* The set leaves the first picture of the source out. */
static int make_set(void **state)
{
    (void)state;
    for (size_t i = 0; i <= COUNT; i++)
        for (size_t j = 0; j < SAMPLE; j++)
            made.pictures[i * SAMPLE + j] = data_byte(4, i, j);
    for (uint32_t i = 0; i < COUNT; i++) {
        made.id[i] = i + 1;
        made.given[i] = (int32_t)(i * 7 % 10);
    }
    made.source = (struct mwn_source){.n = COUNT + 1,
                                      .shape = {CHANNELS, HIGH, WIDE},
                                      .classes = 10,
                                      .samples = made.pictures};
    made.set = (struct mwn_set){
        .source = &made.source, .n = COUNT, .id = made.id, .given = made.given};
    return 0;
}

static float zero[3] = {0}, one[3] = {1, 1, 1};
static const struct mwn_normalize plain = {.channels = 1, .mean = zero, .std = one};

static struct mwn_loader_options base_options(enum mwn_loader_order order)
{
    return (struct mwn_loader_options){.batch = 5,
                                       .order = order,
                                       .seed = 3,
                                       .order_stream = MWN_STREAM_ORDER,
                                       .augment_stream = MWN_STREAM_AUGMENT,
                                       .dtype = MWN_F32};
}

static mwn_loader *open_loader(const struct mwn_loader_options *options)
{
    mwn_loader *loader = NULL;
    struct mwn_error err = {0};
    mwn_status status = mwn_loader_create(&loader, &made.set, &plain, options, &err);
    data_expect(&err, status, MWN_OK, (char *)NULL);
    return loader;
}

static void next(mwn_loader *loader, struct mwn_batch *batch)
{
    struct mwn_error err = {0};
    assert_int_equal(mwn_loader_next(loader, batch, &err), MWN_OK);
}

static void seek(mwn_loader *loader, uint64_t epoch, uint64_t step)
{
    struct mwn_error err = {0};
    assert_int_equal(mwn_loader_seek(loader, epoch, step, &err), MWN_OK);
}

/* ---- Normalisation ------------------------------------------------------------------ */

static mwn_status resolve(const char *name, const char *reader, const struct mwn_set *train,
                          struct mwn_normalize *out, struct mwn_error *err)
{
    struct mwn_data_options options = data_options(reader);
    data_set_text(&options.normalize, name);
    mwn_status status = mwn_normalize_resolve(out, &options, train, err);
    data_release(&options);
    return status;
}

static void test_known_constants_are_used(void **state)
{
    (void)state;
    struct mwn_normalize out = {0};
    struct mwn_error err = {0};
    mwn_normalize_release(&out);
    assert_int_equal(resolve("cifar", "cifar10", NULL, &out, &err), MWN_OK);
    assert_int_equal(out.channels, 3);
    assert_true(fabsf(out.mean[0] - 125.3f / 255) < 1e-7f);
    assert_true(fabsf(out.std[2] - 66.7f / 255) < 1e-7f);
    mwn_normalize_release(&out);
    assert_int_equal(resolve("auto", "cifar100", NULL, &out, &err), MWN_OK);
    assert_true(fabsf(out.mean[1] - 123.0f / 255) < 1e-7f);
    mwn_normalize_release(&out);
    assert_int_equal(resolve("imagenet", "idx", NULL, &out, &err), MWN_OK);
    assert_true(fabsf(out.mean[2] - 0.406f) < 1e-7f);
    assert_true(fabsf(out.std[0] - 0.229f) < 1e-7f);
    mwn_normalize_release(&out);
    assert_int_equal(resolve("none", "idx", NULL, &out, &err), MWN_OK);
    assert_int_equal(out.channels, 1);
    assert_true(out.mean[0] == 0 && out.std[0] == 1);
    mwn_normalize_release(&out);
}

static void test_mean_is_measured_on_the_training_set(void **state)
{
    (void)state;
    /* Two samples of 2 x 1 x 2 in the set: channel 0: 0 255 255 255, channel 1: 51 all. */
    unsigned char pictures[] = {0, 255, 51, 51, 9, 9, 9, 9, 255, 255, 51, 51};
    uint32_t id[] = {0, 2};
    struct mwn_source source = {.n = 3, .shape = {2, 1, 2}, .samples = pictures};
    struct mwn_set set = {.source = &source, .n = 2, .id = id};
    float real[] = {1, 2, 7, 7, 0, 0, 0, 0, 3, 6, 7, 7};
    struct mwn_normalize out = {0};
    struct mwn_error err = {0};
    mwn_normalize_release(&out);
    assert_int_equal(resolve("auto", "idx", &set, &out, &err), MWN_OK);
    assert_int_equal(out.channels, 2);
    assert_true(fabsf(out.mean[0] - 0.75f) < 1e-7f);
    assert_true(fabsf(out.std[0] - 0.4330127f) < 1e-7f);
    assert_true(fabsf(out.mean[1] - 0.2f) < 1e-7f);
    assert_true(out.std[1] == 1);
    source.type = MWN_SAMPLE_F32;
    source.samples = real;
    mwn_normalize_release(&out);
    assert_int_equal(resolve("mean", "idx", &set, &out, &err), MWN_OK);
    assert_true(fabsf(out.mean[0] - 3) < 1e-6f);
    assert_true(fabsf(out.std[0] - sqrtf(3.5f)) < 1e-6f);
    double wide[12];
    for (size_t i = 0; i < 12; i++)
        wide[i] = (double)real[i];
    source.type = MWN_SAMPLE_F64;
    source.samples = wide;
    mwn_normalize_release(&out);
    assert_int_equal(resolve("mean", "idx", &set, &out, &err), MWN_OK);
    assert_true(fabsf(out.mean[0] - 3) < 1e-6f);
    mwn_normalize_release(&out);
    data_expect(&err, resolve("mean", "idx", NULL, &out, &err), MWN_ERR_CONFIG,
                "training set", (char *)NULL);
    set.n = 0;
    data_expect(&err, resolve("auto", "idx", &set, &out, &err), MWN_ERR_CONFIG,
                "training set", (char *)NULL);
}

/* The mean of ten times 0.1, as it is computed, is not 0.1. */
static void test_equal_numbers_have_no_deviation(void **state)
{
    (void)state;
    double tenths[10];
    uint32_t id[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct mwn_source source = {
        .n = 10, .shape = {1, 1, 1}, .type = MWN_SAMPLE_F64, .samples = tenths};
    struct mwn_set set = {.source = &source, .n = 10, .id = id};
    struct mwn_normalize out = {0};
    struct mwn_error err = {0};
    for (size_t i = 0; i < 10; i++)
        tenths[i] = 0.1;
    assert_int_equal(resolve("mean", "npy", &set, &out, &err), MWN_OK);
    assert_true(out.std[0] == 1);
    mwn_normalize_release(&out);
}

static void test_normalize_text_reads_back_exactly(void **state)
{
    (void)state;
    float mean[16], std[16], half[] = {0.5f, 0}, quarter[] = {0.25f, 1};
    struct mwn_normalize in = {16, mean, std}, out = {0};
    struct mwn_buf text = {0};
    struct mwn_error err = {0};
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 0);
    for (int round = 0; round < 200; round++) {
        for (int c = 0; c < 16; c++) {
            in.mean[c] = (float)(mwn_rng_normal(&rng) * pow(10, c - 8));
            in.std[c] = (float)(1e-6 + mwn_rng_unit(&rng) * pow(10, c - 8));
        }
        mwn_normalize_text(&in, &text);
        char *words = mwn_buf_take(&text);
        assert_int_equal(resolve(words, "idx", NULL, &out, &err), MWN_OK);
        mwn_free(words);
        assert_int_equal(out.channels, 16);
        assert_memory_equal(out.mean, mean, sizeof(mean));
        assert_memory_equal(out.std, std, sizeof(std));
        mwn_normalize_release(&out);
    }
    in = (struct mwn_normalize){2, half, quarter};
    mwn_normalize_text(&in, &text);
    assert_string_equal(text.text, "0.5,0;0.25,1");
    mwn_buf_release(&text);
}

static void test_bad_normalize_is_reported(void **state)
{
    (void)state;
    static const char *const bad[] = {"cifra",     "0.5",
                                      "0.5;",      "0.5;0",
                                      "0.5;-1",    "a;b",
                                      "0.5,1;0.5", "nan;1",
                                      "0.5;1e-60", "0.5;1,",
                                      "0.5;1;2",   "",
                                      "0;inf",     "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1;1"};
    struct mwn_normalize out = {0};
    struct mwn_error err = {0};
    for (size_t i = 0; i < MWN_COUNT(bad); i++)
        data_expect(&err, resolve(bad[i], "idx", NULL, &out, &err), MWN_ERR_CONFIG,
                    "data.normalize", bad[i], (char *)NULL);
    data_expect(&err, resolve("cifar", "idx", &made.set, &out, &err), MWN_ERR_CONFIG,
                "3 channels", "has 2", (char *)NULL);
}

/* ---- One sample --------------------------------------------------------------------- */

static void test_sample_is_normalised(void **state)
{
    (void)state;
    float means[] = {0.5f, 0.25f}, stds[] = {0.25f, 2};
    const struct mwn_normalize normalize = {2, means, stds};
    const struct mwn_preparation how = {&made.set, &normalize, 4, true, NULL};
    float out[SAMPLE];
    assert_int_equal(mwn_sample_prepare(&how, 3, NULL, out, NULL), MWN_OK);
    for (size_t j = 0; j < SAMPLE; j++) {
        double mean = j < PLANE ? 0.5 : 0.25, std = j < PLANE ? 0.25 : 2;
        double x = data_byte(4, 4, j) / 255.0;
        assert_true(fabs((double)out[j] - (x - mean) / std) < 1e-6);
    }
}

/* The index that NumPy's pad(mode="reflect") would take. */
static int mirrored(int i, int n)
{
    while (i < 0 || i >= n)
        i = i < 0 ? -i : 2 * (n - 1) - i;
    return i;
}

/* Crops by hand what the documented draws say. */
static void expect_crop(const float *out, size_t position, int pad, bool flip,
                        struct mwn_rng rng)
{
    int top = (int)mwn_rng_below(&rng, 2 * (uint64_t)pad + 1) - pad;
    int left = (int)mwn_rng_below(&rng, 2 * (uint64_t)pad + 1) - pad;
    bool mirror = flip && mwn_rng_unit(&rng) < 0.5;
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < HIGH; y++)
            for (int x = 0; x < WIDE; x++) {
                int column = mirrored((mirror ? WIDE - 1 - x : x) + left, WIDE);
                int from = (c * HIGH + mirrored(y + top, HIGH)) * WIDE + column;
                double wanted = data_byte(4, position + 1, (size_t)from) / 255.0;
                assert_true(fabs((double)out[(c * HIGH + y) * WIDE + x] - wanted) < 1e-6);
            }
}

static void test_crop_reflects_without_repeating_the_edge(void **state)
{
    (void)state;
    for (int pad = 1; pad <= 4; pad++)
        for (uint64_t i = 0; i < 200; i++) {
            const struct mwn_preparation how = {&made.set, &plain, pad, i % 4 != 0, NULL};
            struct mwn_rng rng = mwn_rng_at(9, MWN_STREAM_AUGMENT, 1, i);
            struct mwn_rng copy = rng;
            float out[SAMPLE];
            assert_int_equal(mwn_sample_prepare(&how, i % COUNT, &rng, out, NULL), MWN_OK);
            expect_crop(out, i % COUNT, pad, how.flip, copy);
        }
}

/* One row 10 20 30 shifted by hand. */
static void test_reflected_row_by_hand(void **state)
{
    (void)state;
    static const float rows[5][3] = {
        {30, 20, 10}, {20, 10, 20}, {10, 20, 30}, {20, 30, 20}, {30, 20, 10}};
    const float row[] = {10, 20, 30, 10, 20, 30, 10, 20, 30};
    const uint32_t id = 0;
    uint32_t ids[] = {id};
    const struct mwn_source source = {
        .n = 1, .shape = {1, 3, 3}, .type = MWN_SAMPLE_F32, .samples = row};
    const struct mwn_set set = {.source = &source, .n = 1, .id = ids};
    const struct mwn_preparation how = {&set, &plain, 2, false, NULL};
    bool seen[5] = {false};
    for (uint64_t i = 0; i < 100; i++) {
        struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_AUGMENT, 0, i), copy = rng;
        float out[9];
        (void)mwn_rng_below(&copy, 5);
        uint64_t left = mwn_rng_below(&copy, 5);
        assert_int_equal(mwn_sample_prepare(&how, 0, &rng, out, NULL), MWN_OK);
        for (int y = 0; y < 3; y++)
            assert_memory_equal(out + (ptrdiff_t)3 * y, rows[left], sizeof(rows[left]));
        seen[left] = true;
    }
    for (int left = 0; left < 5; left++)
        assert_true(seen[left]);
}

/* ---- Order -------------------------------------------------------------------------- */

static void test_fixed_order_ends_in_a_smaller_batch(void **state)
{
    (void)state;
    const struct mwn_loader_options options = base_options(MWN_ORDER_FIXED);
    mwn_loader *loader = open_loader(&options);
    struct mwn_batch batch;
    assert_int_equal(mwn_loader_batch(loader), 5);
    assert_int_equal(mwn_loader_steps(loader), 5);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        uint32_t position = 0;
        for (next(loader, &batch); batch.n > 0; next(loader, &batch)) {
            assert_int_equal(batch.n, position < 20 ? 5 : 3);
            assert_null(batch.target);
            for (size_t i = 0; i < batch.n; i++, position++) {
                const float *x = (const float *)batch.x + i * SAMPLE;
                assert_int_equal(batch.index[i], position);
                assert_int_equal(batch.label[i], position * 7 % 10);
                for (size_t j = 0; j < SAMPLE; j++)
                    assert_true(fabs((double)x[j] - data_byte(4, position + 1, j) / 255.0) <
                                1e-6);
            }
        }
        assert_int_equal(position, COUNT);
        seek(loader, 0, 0);
    }
    mwn_loader_free(loader);
}

/* Reads the positions of an epoch; how many. */
static size_t read_epoch(mwn_loader *loader, uint32_t *index)
{
    struct mwn_batch batch;
    size_t count = 0;
    for (next(loader, &batch); batch.n > 0; next(loader, &batch)) {
        memcpy(index + count, batch.index, batch.n * sizeof(*index));
        count += batch.n;
    }
    return count;
}

static void test_shuffled_epochs_are_new_permutations(void **state)
{
    (void)state;
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    mwn_loader *loader = open_loader(&options);
    uint32_t first[COUNT], second[COUNT], again[COUNT];
    bool seen[COUNT] = {false};
    assert_int_equal(mwn_loader_steps(loader), 4);
    assert_int_equal(read_epoch(loader, first), 20);
    assert_int_equal(read_epoch(loader, second), 20);
    for (size_t i = 0; i < 20; i++) {
        assert_in_range(first[i], 0, COUNT - 1);
        assert_false(seen[first[i]]);
        seen[first[i]] = true;
    }
    assert_memory_not_equal(first, second, 20 * sizeof(*first));
    seek(loader, 0, 0);
    assert_int_equal(read_epoch(loader, again), 20);
    assert_memory_equal(first, again, 20 * sizeof(*first));
    seek(loader, 1, 2);
    assert_int_equal(read_epoch(loader, again), 10);
    assert_memory_equal(second + 10, again, 10 * sizeof(*first));
    mwn_loader_free(loader);
    options.seed = 4;
    loader = open_loader(&options);
    assert_int_equal(read_epoch(loader, again), 20);
    assert_memory_not_equal(first, again, 20 * sizeof(*first));
    mwn_loader_free(loader);
}

/* Classes 0..9 have 2 or 3 of the 23 samples each. */
static void test_draws_follow_the_chances_of_the_classes(void **state)
{
    (void)state;
    static const double chance[10] = {1, 0, 3, 0, 0, 0, 0, 0, 0, 0};
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    double drawn[10] = {0}, size[10] = {0}, all = 0;
    options.class_chance = chance;
    for (size_t i = 0; i < COUNT; i++)
        size[made.given[i]] += 1;
    mwn_loader *loader = open_loader(&options);
    assert_int_equal(mwn_loader_steps(loader), 4);
    for (uint64_t epoch = 0; epoch < 500; epoch++) {
        struct mwn_batch batch;
        seek(loader, epoch, 0);
        for (int step = 0; step < 4; step++) {
            next(loader, &batch);
            for (size_t i = 0; i < batch.n; i++) {
                assert_int_equal(batch.label[i], made.given[batch.index[i]]);
                drawn[batch.label[i]] += 1;
                all += 1;
            }
        }
    }
    double first = size[0] / (size[0] + 3 * size[2]);
    assert_true(all > 0 && drawn[0] + drawn[2] >= all);
    assert_true(fabs(drawn[0] / all - first) < 0.02);
    mwn_loader_free(loader);
}

static void test_a_sample_drawn_twice_is_varied_twice(void **state)
{
    (void)state;
    double chance[10] = {0};
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    struct mwn_batch batch;
    size_t twice = 0, varied = 0;
    chance[made.given[0]] = 1;
    options.class_chance = chance;
    options.augment = options.flip = true;
    options.pad = 3;
    options.batch = 20;
    mwn_loader *loader = open_loader(&options);
    next(loader, &batch);
    const float *x = batch.x;
    for (size_t i = 1; i < batch.n; i++) {
        if (batch.index[i] != batch.index[0])
            continue;
        twice++;
        const void *first = x, *second = x + i * SAMPLE;
        varied += memcmp(first, second, SAMPLE * sizeof *x) != 0;
    }
    assert_true(twice > 2 && varied > twice / 2);
    mwn_loader_free(loader);
}

static void test_large_batch_is_clamped_to_the_set(void **state)
{
    (void)state;
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    uint32_t index[COUNT];
    options.batch = 1000;
    options.threads = 2;
    mwn_loader *loader = open_loader(&options);
    assert_int_equal(mwn_loader_batch(loader), COUNT);
    assert_int_equal(mwn_loader_steps(loader), 1);
    assert_int_equal(read_epoch(loader, index), COUNT);
    mwn_loader_free(loader);
}

/* Rounds of 23 in batches of `batch`: each round is a permutation. */
static void check_endless(size_t size, int threads)
{
    struct mwn_loader_options options = base_options(MWN_ORDER_ENDLESS);
    size_t round[COUNT] = {0}, count = 0;
    options.batch = size;
    options.threads = threads;
    mwn_loader *loader = open_loader(&options);
    assert_int_equal(mwn_loader_batch(loader), size);
    while (count < (size_t)10 * COUNT) {
        struct mwn_batch batch;
        next(loader, &batch);
        assert_int_equal(batch.n, size);
        for (size_t i = 0; i < batch.n; i++, count++)
            assert_int_equal(round[batch.index[i]]++, count / COUNT);
    }
    mwn_loader_free(loader);
}

static void test_endless_order_goes_round_the_set(void **state)
{
    (void)state;
    check_endless(5, 0);
    check_endless(23, 0);
    check_endless(70, 0);
    check_endless(7, 2);
}

static void test_endless_seek_resumes_exactly(void **state)
{
    (void)state;
    struct mwn_loader_options options = base_options(MWN_ORDER_ENDLESS);
    static float kept[40][5 * SAMPLE];
    struct mwn_batch batch;
    options.augment = options.flip = true;
    options.pad = 2;
    options.threads = 1;
    mwn_loader *loader = open_loader(&options);
    for (size_t s = 0; s < 40; s++) {
        next(loader, &batch);
        memcpy(kept[s], batch.x, sizeof(kept[s]));
    }
    for (size_t s = 0; s < 40; s += 3) {
        seek(loader, 77, s);
        next(loader, &batch);
        assert_memory_equal(batch.x, kept[s], sizeof(kept[s]));
        if (s < 39) {
            next(loader, &batch);
            assert_memory_equal(batch.x, kept[s + 1], sizeof(kept[s]));
        }
    }
    mwn_loader_free(loader);
    /* The same sample in another round is augmented otherwise. */
    assert_memory_not_equal(kept[0], kept[23], sizeof(kept[0]));
}

static void test_seek_beyond_the_epoch_is_reported(void **state)
{
    (void)state;
    const struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    mwn_loader *loader = open_loader(&options);
    struct mwn_error err = {0};
    struct mwn_batch batch;
    data_expect(&err, mwn_loader_seek(loader, 2, 5, &err), MWN_ERR_MISMATCH, "step 5",
                "epoch of 4", (char *)NULL);
    seek(loader, 2, 4);
    next(loader, &batch);
    assert_int_equal(batch.n, 0);
    next(loader, &batch);
    assert_int_equal(batch.n, 5);
    mwn_loader_free(loader);
}

/* ---- Threads ------------------------------------------------------------------------ */

/* All that 60 calls of next() give, with seeks in between. */
static uint64_t trace(enum mwn_loader_order order, const double *chance, int threads)
{
    struct mwn_loader_options options = base_options(order);
    uint64_t sum = 1469598103934665603U;
    options.augment = options.flip = true;
    options.pad = 3;
    options.threads = threads;
    options.class_chance = chance;
    mwn_loader *loader = open_loader(&options);
    for (uint64_t call = 0; call < 60; call++) {
        struct mwn_batch batch;
        if (call % 13 == 12)
            seek(loader, call % 3, call % 4);
        next(loader, &batch);
        const unsigned char *x = batch.x;
        sum = (sum ^ batch.n) * 1099511628211U;
        for (size_t i = 0; i < batch.n; i++)
            sum = (sum ^ batch.index[i] ^ (uint64_t)batch.label[i] << 32) * 1099511628211U;
        for (size_t i = 0; i < batch.n * SAMPLE * sizeof(float); i++)
            sum = (sum ^ x[i]) * 1099511628211U;
    }
    assert_true(mwn_loader_waited(loader) >= 0);
    mwn_loader_free(loader);
    return sum;
}

static void test_batches_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    static const enum mwn_loader_order orders[] = {MWN_ORDER_FIXED, MWN_ORDER_SHUFFLE,
                                                   MWN_ORDER_ENDLESS};
    for (size_t o = 0; o < MWN_COUNT(orders); o++) {
        uint64_t alone = trace(orders[o], NULL, 0);
        assert_true(alone == trace(orders[o], NULL, 1));
        assert_true(alone == trace(orders[o], NULL, 3));
        assert_true(alone == trace(orders[o], NULL, 7));
    }
    const double chance[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    uint64_t drawn = trace(MWN_ORDER_SHUFFLE, chance, 0);
    assert_true(drawn == trace(MWN_ORDER_SHUFFLE, chance, 3));
    assert_true(drawn != trace(MWN_ORDER_SHUFFLE, NULL, 0));
    assert_true(trace(MWN_ORDER_FIXED, NULL, 1) != trace(MWN_ORDER_SHUFFLE, NULL, 1));
}

static void test_batch_stays_valid_until_the_call_after_next(void **state)
{
    (void)state;
    static const int threads[] = {0, 1, 3};
    for (size_t t = 0; t < MWN_COUNT(threads); t++) {
        struct mwn_loader_options options = base_options(MWN_ORDER_ENDLESS);
        static float kept[5 * SAMPLE];
        struct mwn_batch batch, later;
        options.threads = threads[t];
        mwn_loader *loader = open_loader(&options);
        for (int round = 0; round < 200; round++) {
            next(loader, &batch);
            memcpy(kept, batch.x, sizeof(kept));
            int32_t label = batch.label[4];
            next(loader, &later);
            assert_true(later.x != batch.x);
            assert_memory_equal(kept, batch.x, sizeof(kept));
            assert_int_equal(label, batch.label[4]);
        }
        mwn_loader_free(loader);
    }
}

static void test_next_and_seek_allocate_nothing(void **state)
{
    (void)state;
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    uint32_t index[COUNT];
    options.augment = true;
    options.threads = 2;
    mwn_loader *loader = open_loader(&options);
    uint64_t before = mwn_mem_count();
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        seek(loader, epoch * 7, 1);
        assert_int_equal(read_epoch(loader, index), 15);
    }
    assert_int_equal(mwn_mem_count(), before);
    mwn_loader_free(loader);
}

static void test_double_samples_equal_float_ones(void **state)
{
    (void)state;
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    struct mwn_batch narrow, wide;
    options.augment = options.flip = true;
    options.pad = 2;
    options.threads = 1;
    mwn_loader *floats = open_loader(&options);
    options.dtype = MWN_F64;
    mwn_loader *doubles = open_loader(&options);
    for (int step = 0; step < 4; step++) {
        next(floats, &narrow);
        next(doubles, &wide);
        for (size_t i = 0; i < (size_t)5 * SAMPLE; i++)
            assert_true((double)((const float *)narrow.x)[i] ==
                        ((const double *)wide.x)[i]);
    }
    mwn_loader_free(floats);
    mwn_loader_free(doubles);
}

/* A reader that makes its samples when they are asked for, but for the sixth. */
static mwn_status load_made(const struct mwn_source *source, size_t i, struct mwn_rng *rng,
                            void *out, struct mwn_error *err)
{
    (void)source;
    if (i == 5 && rng)
        return mwn_fail(err, MWN_ERR_DATA, "picture 5 is damaged");
    memcpy(out, made.pictures + i * SAMPLE, SAMPLE);
    return MWN_OK;
}

static void test_samples_are_loaded_when_needed(void **state)
{
    (void)state;
    static const struct mwn_reader reader = {.name = "made", .load = load_made};
    struct mwn_source source = made.source;
    struct mwn_set set = made.set;
    struct mwn_error err = {0};
    source.reader = &reader;
    source.samples = NULL;
    set.source = &source;
    for (int threads = 0; threads < 3; threads++) {
        struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
        struct mwn_batch a = {0}, b = {0};
        mwn_loader *loaded = NULL, *kept = open_loader(&options);
        options.threads = threads;
        assert_int_equal(mwn_loader_create(&loaded, &set, &plain, &options, &err), MWN_OK);
        for (size_t step = 0; step < mwn_loader_steps(kept); step++) {
            next(kept, &a);
            next(loaded, &b);
            assert_memory_equal(a.x, b.x, a.n * SAMPLE * sizeof(float));
        }
        mwn_loader_free(loaded);
        mwn_loader_free(kept);
        options.augment = true;
        assert_int_equal(mwn_loader_create(&loaded, &set, &plain, &options, &err), MWN_OK);
        mwn_status status = MWN_OK;
        for (size_t step = 0; step < 50 && status == MWN_OK; step++)
            status = mwn_loader_next(loaded, &b, &err);
        data_expect(&err, status, MWN_ERR_DATA, "picture 5 is damaged", (char *)NULL);
        mwn_loader_free(loaded);
    }
}

static void test_features_are_normalised_one_by_one(void **state)
{
    (void)state;
    const double wide[] = {1, 2, 4, 8, 16, 32};
    float mean[] = {1, 2, 3}, std[] = {1, 2, 4}, out[3];
    uint32_t id[] = {1};
    const struct mwn_source source = {
        .n = 2, .shape = {3, 1, 1}, .type = MWN_SAMPLE_F64, .samples = wide};
    const struct mwn_set set = {.source = &source, .n = 1, .id = id};
    const struct mwn_normalize normalize = {3, mean, std};
    const struct mwn_preparation how = {&set, &normalize, 4, true, NULL};
    assert_int_equal(mwn_sample_prepare(&how, 0, NULL, out, NULL), MWN_OK);
    assert_true(out[0] == 7 && out[1] == 7 && out[2] == 7.25f);
}

static void test_bad_loader_options_are_reported(void **state)
{
    (void)state;
    mwn_loader *loader = NULL;
    struct mwn_error err = {0};
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    const struct mwn_set empty = {.source = &made.source};
    const struct mwn_normalize three = {3, zero, one};
    data_expect(&err, mwn_loader_create(&loader, &made.set, &three, &options, &err),
                MWN_ERR_CONFIG, "3 channels", "has 2", (char *)NULL);
    options.augment = true;
    options.pad = 5;
    data_expect(&err, mwn_loader_create(&loader, &made.set, &plain, &options, &err),
                MWN_ERR_CONFIG, "data.pad: 5", "5 x 6", (char *)NULL);
    options.pad = 0;
    options.batch = 0;
    data_expect(&err, mwn_loader_create(&loader, &made.set, &plain, &options, &err),
                MWN_ERR_CONFIG, "batch", (char *)NULL);
    options.batch = 5;
    data_expect(&err, mwn_loader_create(&loader, &empty, &plain, &options, &err),
                MWN_ERR_DATA, "empty", (char *)NULL);
    assert_null(loader);
    mwn_loader_free(NULL);
}

static void test_failing_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    mwn_loader *loader = NULL;
    struct mwn_error err = {0};
    struct mwn_loader_options options = base_options(MWN_ORDER_SHUFFLE);
    mwn_status status = MWN_ERR_MEMORY;
    uint64_t n = 0;
    const double chance[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    options.threads = 2;
    options.dtype = MWN_F64;
    options.class_chance = chance;
    while (status != MWN_OK) {
        mwn_mem_fail_after(++n);
        status = mwn_loader_create(&loader, &made.set, &plain, &options, &err);
        mwn_mem_fail_after(0);
        assert_true(status == MWN_OK || status == MWN_ERR_MEMORY);
    }
    assert_true(n > 15);
    mwn_loader_free(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_constants_are_used),
        cmocka_unit_test(test_mean_is_measured_on_the_training_set),
        cmocka_unit_test(test_equal_numbers_have_no_deviation),
        cmocka_unit_test(test_normalize_text_reads_back_exactly),
        cmocka_unit_test(test_bad_normalize_is_reported),
        cmocka_unit_test(test_sample_is_normalised),
        cmocka_unit_test(test_crop_reflects_without_repeating_the_edge),
        cmocka_unit_test(test_reflected_row_by_hand),
        cmocka_unit_test(test_fixed_order_ends_in_a_smaller_batch),
        cmocka_unit_test(test_shuffled_epochs_are_new_permutations),
        cmocka_unit_test(test_draws_follow_the_chances_of_the_classes),
        cmocka_unit_test(test_a_sample_drawn_twice_is_varied_twice),
        cmocka_unit_test(test_large_batch_is_clamped_to_the_set),
        cmocka_unit_test(test_endless_order_goes_round_the_set),
        cmocka_unit_test(test_endless_seek_resumes_exactly),
        cmocka_unit_test(test_seek_beyond_the_epoch_is_reported),
        cmocka_unit_test(test_batches_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(test_batch_stays_valid_until_the_call_after_next),
        cmocka_unit_test(test_next_and_seek_allocate_nothing),
        cmocka_unit_test(test_double_samples_equal_float_ones),
        cmocka_unit_test(test_samples_are_loaded_when_needed),
        cmocka_unit_test(test_features_are_normalised_one_by_one),
        cmocka_unit_test(test_bad_loader_options_are_reported),
        cmocka_unit_test(test_failing_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, make_set, NULL);
}
