/* test_readers.c - IDX and CIFAR files, good and damaged, and labels files. */
#include "data_files.h"

#include "base/file.h"
#include "data/guess.h"
#include "data/labels_file.h"
#include "tensor/npy.h"

#include <math.h>

/* Opens a part of the folder; the caller closes. */
static mwn_status open_part(const char *reader, enum mwn_part part,
                            struct mwn_source *source, struct mwn_error *err)
{
    struct mwn_data_options options = data_options(reader);
    mwn_status status = data_open(source, &options, part, err);
    data_release(&options);
    return status;
}

/* Opening the training part must fail so. */
#define EXPECT_TRAIN_FAILS(reader, status, ...)                                            \
    do {                                                                                   \
        struct mwn_source source_ = {0};                                                   \
        struct mwn_error err_ = {0};                                                       \
        mwn_status got_ = open_part(reader, MWN_PART_TRAIN, &source_, &err_);              \
        data_expect(&err_, got_, status, __VA_ARGS__, (char *)NULL);                       \
    } while (0)

/* ---- IDX ---------------------------------------------------------------------------- */

static void check_idx_source(const struct mwn_source *source, size_t n, uint32_t salt)
{
    const unsigned char *samples = source->samples;
    assert_int_equal(source->n, n);
    assert_int_equal(source->shape.c, 1);
    assert_int_equal(source->shape.h, 6);
    assert_int_equal(source->shape.w, 6);
    assert_int_equal(source->type, MWN_SAMPLE_U8);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(source->label[i], i % 4);
        for (size_t j = 0; j < 36; j++)
            assert_int_equal(samples[i * 36 + j], data_byte(salt, i, j));
    }
}

static void test_idx_plain_is_read(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    data_put_set(10, 6, 4);
    assert_int_equal(open_part("idx", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_idx_source(&source, 10, 1);
    assert_int_equal(source.classes, 4);
    assert_string_equal(source.reader->normalize, "mean");
    mwn_source_close(&source);
    assert_int_equal(open_part("idx", MWN_PART_TEST, &source, &err), MWN_OK);
    check_idx_source(&source, 6, 2);
    mwn_source_close(&source);
}

static void test_idx_gzip_with_other_names_is_read(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    data_put_idx("train-5000-images-idx3-ubyte.gz", data_idx_images(10, 6, 1));
    data_put_idx("train-5000-labels-idx1-ubyte.gz", data_idx_labels(10, 4));
    data_put_idx("test-images.idx3-ubyte", data_idx_images(6, 6, 2));
    data_put_idx("test-labels.idx1-ubyte.gz", data_idx_labels(6, 4));
    assert_int_equal(open_part("idx", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_idx_source(&source, 10, 1);
    mwn_source_close(&source);
    assert_int_equal(open_part("idx", MWN_PART_TEST, &source, &err), MWN_OK);
    check_idx_source(&source, 6, 2);
    mwn_source_close(&source);
}

static void test_two_idx_candidates_are_an_error(void **state)
{
    (void)state;
    data_put_idx("train-a-images-idx3-ubyte", data_idx_images(10, 6, 1));
    data_put_idx("train-b-images-idx3-ubyte.gz", data_idx_images(10, 6, 1));
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(10, 4));
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_IO, "train-a-images-idx3-ubyte",
                       "train-b-images-idx3-ubyte");
}

static void test_published_idx_name_beats_others_and_plain_beats_gzip(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    data_put_set(10, 6, 4);
    data_put_idx("train-a-images-idx3-ubyte", data_idx_images(8, 6, 7));
    data_put_idx("train-images-idx3-ubyte.gz", data_idx_images(8, 6, 8));
    assert_int_equal(open_part("idx", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_idx_source(&source, 10, 1);
    mwn_source_close(&source);
}

static void test_test_labels_below_those_of_training_keep_the_classes(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    data_put_set(10, 6, 4);
    data_put_idx("t10k-labels-idx1-ubyte", data_idx_labels(6, 2));
    assert_int_equal(open_part("idx", MWN_PART_TEST, &source, &err), MWN_OK);
    assert_int_equal(source.classes, 4);
    mwn_source_close(&source);
}

/* Rewrites the training images with a change and says what opening must report. */
static void test_damaged_idx_is_reported(void **state)
{
    (void)state;
    struct data_idx idx = data_idx_images(10, 6, 1);
    const char *name = "train-images-idx3-ubyte";
    data_put_set(10, 6, 4);

    data_write(name, idx.bytes, idx.size - 1);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "truncated", "375", "376", "10 items");
    data_write(name, idx.bytes, 15);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "truncated", "15 bytes");
    data_write(name, "", 0);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "truncated", "0 bytes");
    idx.bytes[7] = 9;
    data_write(name, idx.bytes, idx.size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "oversized", "340");
    idx.bytes[7] = 0;
    data_write(name, idx.bytes, idx.size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "dimension 0 is 0");
    memset(idx.bytes + 4, 0xFF, 12);
    data_write(name, idx.bytes, idx.size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "more than 3221225472 bytes");
    memcpy(idx.bytes + 8, "\0\0\x10\0\0\0\x10\0", 8);
    data_write(name, idx.bytes, idx.size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "more than");
    idx.bytes[2] = 0x0D;
    data_write(name, idx.bytes, idx.size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name, "00000d03", "00000803");
    free(idx.bytes);
}

static void test_labels_in_place_of_images_are_reported(void **state)
{
    (void)state;
    data_put_set(10, 6, 4);
    data_put_idx("train-images-idx3-ubyte", data_idx_labels(5, 4));
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, "train-images-idx3-ubyte", "truncated");
    data_put_idx("train-images-idx3-ubyte", data_idx_labels(30, 4));
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, "train-images-idx3-ubyte", "00000801");
}

static void test_other_number_of_labels_is_reported(void **state)
{
    (void)state;
    data_put_set(10, 6, 4);
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(11, 4));
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, "10 images", "11 labels");
}

static void test_damaged_gzip_is_reported(void **state)
{
    (void)state;
    const char *name = "train-images-idx3-ubyte.gz";
    data_put_set(10, 6, 4);
    data_remove("train-images-idx3-ubyte");
    data_put_idx(name, data_idx_images(10, 6, 1));
    FILE *stream = fopen(data_path(name), "rb");
    assert_non_null(stream);
    unsigned char bytes[2048];
    size_t size = fread(bytes, 1, sizeof(bytes), stream);
    assert_int_equal(fclose(stream), 0);
    assert_in_range(size, 100, sizeof(bytes) - 1);
    data_write(name, bytes, size - 20);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name);
    bytes[size / 2] ^= 0x55;
    data_write(name, bytes, size);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_DATA, name);
}

static void test_missing_folder_and_files_are_reported(void **state)
{
    (void)state;
    struct mwn_source source = {0};
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("idx");
    data_set_text(&options.path, "/nonexistent/place");
    data_expect(&err, data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_ERR_IO,
                "/nonexistent/place", "data.path", (char *)NULL);
    data_set_text(&options.path, "");
    data_expect(&err, data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_ERR_CONFIG,
                "data.path", (char *)NULL);
    data_release(&options);
    EXPECT_TRAIN_FAILS("idx", MWN_ERR_IO, data_folder, "train-images-idx3-ubyte",
                       "train-5000-images-idx3-ubyte.gz");
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_IO, "data_batch_1.bin", "cifar-10-batches-bin");
    EXPECT_TRAIN_FAILS("cifar100", MWN_ERR_IO, "train.bin", "cifar-100-binary");
}

/* What auto finds in the folder, which is emptied first. */
static void expect_guess(const char *const *files, const char *path, const char *reader)
{
    const char *found = NULL;
    struct mwn_error err = {0};
    char command[2 * DATA_PATH];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", data_path("guess"));
    assert_int_equal(system(command), 0);
    for (; *files; files++) {
        (void)snprintf(command, sizeof(command), "install -D /dev/null '%s/%s'",
                       data_path("guess"), *files);
        assert_int_equal(system(command), 0);
    }
    mwn_status status = mwn_reader_guess(data_path(path), &found, &err);
    if (!reader) {
        data_expect(&err, status, MWN_ERR_CONFIG, "cannot tell", "data.reader=csv", NULL);
        return;
    }
    assert_int_equal(status, MWN_OK);
    assert_string_equal(found, reader);
}

static void test_the_reader_is_guessed_by_names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *reader, *files[4];
    } cases[] = {
        {"guess", "idx", {"train-images-idx3-ubyte.gz"}},
        {"guess", "idx", {"t10k.images.idx3-ubyte", "notes.txt"}},
        {"guess", "cifar10", {"data_batch_1.bin"}},
        {"guess", "cifar10", {"cifar-10-batches-bin/data_batch_1.bin"}},
        {"guess", "cifar100", {"train.bin", "fine_label_names.txt"}},
        {"guess", "cifar100", {"cifar-100-binary/train.bin"}},
        {"guess", "folder", {"cat/1.jpg", "dog/2.PNG"}},
        {"guess", "folder", {"train/cat/deep/1.jpeg", "test/cat/1.jpeg"}},
        {"guess", "animal10n", {"training/0_1.jpg", "testing/3_2.jpg"}},
        {"guess", "clothing1m", {"noisy_train_key_list.txt", "noisy_label_kv.txt"}},
        {"guess", "npy", {"X_train.npy", "y_train.npy"}},
        {"guess", NULL, {"1.jpg"}},
        {"guess", NULL, {"a/notes.txt"}},
        {"guess/a.csv", "csv", {"a.csv"}},
        {"guess/a.TSV.gz", "csv", {"a.TSV.gz"}},
        {"guess/a.svm", "libsvm", {"a.svm"}},
        {"guess/a.npz", "npy", {"a.npz"}},
        {"guess/a.txt", "list", {"a.txt"}},
        {"guess/a.bin", NULL, {"a.bin"}},
    };
    for (size_t i = 0; i < MWN_COUNT(cases); i++)
        expect_guess(cases[i].files, cases[i].path, cases[i].reader);
    const char *found = NULL;
    struct mwn_error err = {0};
    mwn_status status = mwn_reader_guess(data_path("nothing"), &found, &err);
    data_expect(&err, status, MWN_ERR_IO, "nothing", NULL);
}

static void test_auto_reads_what_it_finds(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    data_put_set(10, 6, 4);
    assert_int_equal(open_part("auto", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_idx_source(&source, 10, 1);
    assert_string_equal(source.reader->name, "idx");
    mwn_source_close(&source);
}

static void test_unknown_reader_names_the_nearest(void **state)
{
    (void)state;
    EXPECT_TRAIN_FAILS("cifar-10", MWN_ERR_CONFIG, "data.reader",
                       "did you mean 'cifar10'?");
    EXPECT_TRAIN_FAILS("parquetry", MWN_ERR_CONFIG, "mwnet list readers");
}

/* ---- CIFAR -------------------------------------------------------------------------- */

static void put_cifar10(const char *folder)
{
    char name[64];
    for (uint32_t b = 1; b <= 5; b++) {
        (void)snprintf(name, sizeof(name), "%sdata_batch_%u.bin", folder, b);
        data_put_cifar(name, 10 + b, 1, 10, b);
    }
    (void)snprintf(name, sizeof(name), "%stest_batch.bin", folder);
    data_put_cifar(name, 10, 1, 10, 6);
}

static void check_cifar10(const struct mwn_source *source)
{
    const unsigned char *samples = source->samples;
    size_t i = 0;
    assert_int_equal(source->n, 65);
    assert_int_equal(source->classes, 10);
    assert_int_equal(source->shape.c, 3);
    assert_int_equal(source->shape.h, 32);
    for (uint32_t b = 1; b <= 5; b++)
        for (size_t k = 0; k < 10 + b; k++, i++) {
            assert_int_equal(source->label[i], k % 10);
            for (size_t j = 0; j < CIFAR_PICTURE; j++)
                assert_int_equal(samples[i * CIFAR_PICTURE + j], data_byte(b, k, j));
        }
}

static void test_cifar10_joins_its_batches(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    put_cifar10("");
    data_write_text("batches.meta.txt", "a\nb\nc \r\nd\ne\nf\ng\nh\ni\nlast one\n\n");
    assert_int_equal(open_part("cifar10", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_cifar10(&source);
    assert_string_equal(source.class_names[2], "c");
    assert_string_equal(source.class_names[9], "last one");
    assert_string_equal(source.reader->normalize, "cifar");
    mwn_source_close(&source);
    assert_int_equal(open_part("cifar10", MWN_PART_TEST, &source, &err), MWN_OK);
    assert_int_equal(source.n, 10);
    mwn_source_close(&source);
}

static void test_cifar10_is_found_in_its_own_folder(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    assert_int_equal(mkdir(data_path("cifar-10-batches-bin"), 0755), 0);
    put_cifar10("cifar-10-batches-bin/");
    assert_int_equal(open_part("cifar10", MWN_PART_TRAIN, &source, &err), MWN_OK);
    check_cifar10(&source);
    assert_null(source.class_names);
    mwn_source_close(&source);
}

static void test_damaged_cifar10_is_reported(void **state)
{
    (void)state;
    size_t size = 10 * (1 + CIFAR_PICTURE);
    unsigned char *bytes = data_cifar(10, 1, 10, 1);
    put_cifar10("");
    data_write("data_batch_4.bin", bytes, size - 1);
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_DATA, "data_batch_4.bin", "truncated", "30729");
    data_write("data_batch_4.bin", bytes, 0);
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_DATA, "data_batch_4.bin", "0 rows");
    bytes[7 * (1 + CIFAR_PICTURE)] = 10;
    data_write("data_batch_4.bin", bytes, size);
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_DATA, "data_batch_4.bin", "row 7", "is 10",
                       "0 .. 9");
    data_remove("data_batch_4.bin");
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_IO, "data_batch_4.bin");
    free(bytes);
}

static void test_wrong_number_of_class_names_is_reported(void **state)
{
    (void)state;
    put_cifar10("");
    data_write_text("batches.meta.txt", "a\nb\n");
    EXPECT_TRAIN_FAILS("cifar10", MWN_ERR_DATA, "batches.meta.txt", "2 class names", "10");
}

static void test_cifar100_takes_the_fine_label(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    size_t row = 2 + CIFAR_PICTURE;
    unsigned char *bytes = data_cifar(110, 2, 100, 3);
    bytes[5 * row] = 19;
    data_write("train.bin", bytes, 110 * row);
    assert_int_equal(open_part("cifar100", MWN_PART_TRAIN, &source, &err), MWN_OK);
    assert_int_equal(source.n, 110);
    assert_int_equal(source.classes, 100);
    assert_int_equal(source.label[5], 5);
    assert_int_equal(source.label[109], 9);
    assert_memory_equal((const char *)source.samples + 109 * CIFAR_PICTURE,
                        bytes + 109 * row + 2, CIFAR_PICTURE);
    mwn_source_close(&source);

    bytes[5 * row] = 20;
    data_write("train.bin", bytes, 110 * row);
    EXPECT_TRAIN_FAILS("cifar100", MWN_ERR_DATA, "train.bin", "superclass", "row 5",
                       "is 20");
    bytes[5 * row] = 19;
    bytes[6 * row + 1] = 100;
    data_write("train.bin", bytes, 110 * row);
    EXPECT_TRAIN_FAILS("cifar100", MWN_ERR_DATA, "train.bin", "label", "row 6", "is 100");
    free(bytes);
}

/* ---- Every source ------------------------------------------------------------------- */

static void test_source_check_finds_bad_numbers(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    float samples[] = {0, 1, 2, 3, 4, 5};
    int32_t label[] = {0, 1, 2};
    struct mwn_source source = {.n = 3,
                                .shape = {2, 1, 1},
                                .classes = 3,
                                .type = MWN_SAMPLE_F32,
                                .samples = samples,
                                .label = label};
    assert_int_equal(mwn_source_check(&source, "file", false, &err), MWN_OK);
    samples[3] = NAN;
    data_expect(&err, mwn_source_check(&source, "file", false, &err), MWN_ERR_DATA, "file",
                "value 1 of sample 1", "nan", (char *)NULL);
    samples[3] = INFINITY;
    data_expect(&err, mwn_source_check(&source, "file", false, &err), MWN_ERR_DATA, "inf",
                (char *)NULL);
    samples[3] = 3;
    label[2] = 3;
    data_expect(&err, mwn_source_check(&source, "file", false, &err), MWN_ERR_DATA,
                "label of sample 2 is 3", "0 .. 2", (char *)NULL);
    label[2] = -1;
    data_expect(&err, mwn_source_check(&source, "file", false, &err), MWN_ERR_DATA, "is -1",
                (char *)NULL);
    assert_int_equal(mwn_source_check(&source, "file", true, &err), MWN_OK);
    source.n = 0;
    data_expect(&err, mwn_source_check(&source, "file", false, &err), MWN_ERR_DATA,
                "no samples", (char *)NULL);
}

/* Opens with the n-th allocation (or I/O call) failing, for all n until nothing fails. */
static void torture(const char *reader, void (*fail_after)(uint64_t), mwn_status wanted)
{
    struct mwn_data_options options = data_options(reader);
    size_t failures = 0;
    for (uint64_t n = 1;; n++) {
        struct mwn_source source = {0};
        struct mwn_error err = {0};
        fail_after(n);
        mwn_status status = data_open(&source, &options, MWN_PART_TRAIN, &err);
        fail_after(0);
        if (status == MWN_OK) {
            mwn_source_close(&source);
            break;
        }
        if (status != wanted)
            print_error("call %zu: %s\n", (size_t)n, err.text);
        assert_int_equal(status, wanted);
        assert_null(source.label);
        failures++;
    }
    assert_true(failures > 3);
    data_release(&options);
}

static void test_failing_calls_leave_nothing_behind(void **state)
{
    (void)state;
    data_put_set(10, 6, 4);
    put_cifar10("");
    data_write_text("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    torture("idx", mwn_mem_fail_after, MWN_ERR_MEMORY);
    torture("cifar10", mwn_mem_fail_after, MWN_ERR_MEMORY);
    torture("cifar10", mwn_file_fail_after, MWN_ERR_IO);
}

static void test_real_fashion_mnist_is_read(void **state)
{
    (void)state;
    static const int32_t first[] = {9, 0, 0, 3, 0, 2, 7, 2};
    struct mwn_source source = {0};
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("idx");
    char path[DATA_PATH];
    double sum = 0;
    (void)snprintf(path, sizeof(path), "%s/data/fashion_mnist_subset", data_shared());
    if (!mwn_path_is_dir(path)) {
        data_release(&options);
        print_message("skip: there is no %s\n", path);
        skip();
    }
    data_set_text(&options.path, path);
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    assert_int_equal(source.n, 5000);
    assert_int_equal(source.classes, 10);
    assert_int_equal(source.shape.h, 28);
    assert_memory_equal(source.label, first, sizeof(first));
    for (size_t i = 0; i < source.n * 784; i++)
        sum += ((const unsigned char *)source.samples)[i];
    assert_true(fabs(sum / (5000.0 * 784 * 255) - 0.28614644) < 1e-7);
    mwn_source_close(&source);
    assert_int_equal(data_open(&source, &options, MWN_PART_TEST, &err), MWN_OK);
    assert_int_equal(source.n, 1000);
    mwn_source_close(&source);
    data_release(&options);
}

/* ---- Labels files ------------------------------------------------------------------- */

static mwn_status read_labels(const char *name, int32_t label[4], struct mwn_error *err)
{
    for (int i = 0; i < 4; i++)
        label[i] = 0;
    return mwn_labels_read(data_path(name), &(struct mwn_labelled){10, 4, NULL}, label,
                           NULL, err);
}

static void test_labels_csv_is_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        "3\n1\n0\n9\n",
        "label\n3\n1\n0\n9",
        "\357\273\2773\r\n1\r\n\r\n0\r\n9\r\n",
        "index,label\n3,9\n1,1\n0,3\n",
        "0,3\n 3 , 9\n1,1\n",
    };
    static const int32_t wanted[] = {3, 1, 0, 9};
    for (size_t i = 0; i < MWN_COUNT(good); i++) {
        int32_t label[4];
        struct mwn_error err = {0};
        data_write_text("labels.csv", good[i]);
        assert_int_equal(read_labels("labels.csv", label, &err), MWN_OK);
        assert_memory_equal(label, wanted, sizeof(wanted));
    }
}

static void test_bad_labels_csv_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words[2];
    } bad[] = {
        {"3\n1\n0\n", {"3 labels", "4 training samples"}},
        {"3\n1\n0\n9\n2\n", {"csv:5", "no training sample 4"}},
        {"3\n1\n10\n9\n", {"10 of line 3 is not in 0 .. 9", "classes.csv"}},
        {"3\n-1\n0\n9\n", {"-1 of line 2", "0 .. 9"}},
        {"3\nx\n0\n9\n", {"csv:2: 'x'", "the number of a class, from 0"}},
        {"3\n1.5\n0\n9\n", {"csv:2", "'1.5'"}},
        {"3x\n1\n0\n9\n", {"csv:1", "'3x'"}},
        {"a\nb\n3\n", {"csv:2", "'b'"}},
        {"0,3\n1\n", {"csv:2", "index,label"}},
        {"0,3\n0,3\n", {"csv:2", "second label"}},
        {"0,3\n4,3\n", {"csv:2", "no training sample 4"}},
        {"0,3,5\n", {"csv:1", "0,3,5"}},
        {"99999999999999999999\n", {"csv:1", "99999999999999999999"}},
        {"index,label\n", {"0 labels", "4 training samples"}},
        {"", {"0 labels", "4 training samples"}},
    };
    for (size_t i = 0; i < MWN_COUNT(bad); i++) {
        int32_t label[4];
        struct mwn_error err = {0};
        data_write_text("labels.csv", bad[i].text);
        data_expect(&err, read_labels("labels.csv", label, &err), MWN_ERR_DATA,
                    bad[i].words[0], bad[i].words[1], (char *)NULL);
    }
    struct mwn_error err = {0};
    int32_t label[4];
    data_write("labels.csv", "3\n\0\n", 4);
    data_expect(&err, read_labels("labels.csv", label, &err), MWN_ERR_DATA, "zero bytes",
                (char *)NULL);
    data_expect(&err, read_labels("labels.txt", label, &err), MWN_ERR_CONFIG, "data.labels",
                (char *)NULL);
    data_expect(&err, read_labels("none.csv", label, &err), MWN_ERR_IO, "none.csv",
                (char *)NULL);
}

static void test_labels_npy_is_read(void **state)
{
    (void)state;
    int32_t label[4];
    struct mwn_error err = {0};
    const int64_t good[] = {3, 1, 0, 9};
    const int64_t high[] = {3, 1, INT64_C(4294967296), 9};
    const float real[] = {3, 1, 0, 9};
    const size_t four = 4, three = 3;
    char *path = data_path("labels.npy");
    assert_int_equal(mwn_npy_write(path, MWN_NPY_I64, 1, &four, good, &err), MWN_OK);
    assert_int_equal(read_labels("labels.npy", label, &err), MWN_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(label[i], good[i]);
    path = data_path("labels.npy");
    assert_int_equal(mwn_npy_write(path, MWN_NPY_I64, 1, &four, high, &err), MWN_OK);
    data_expect(&err, read_labels("labels.npy", label, &err), MWN_ERR_DATA,
                "4294967296 of item 2", (char *)NULL);
    path = data_path("labels.npy");
    assert_int_equal(mwn_npy_write(path, MWN_NPY_F32, 1, &four, real, &err), MWN_OK);
    data_expect(&err, read_labels("labels.npy", label, &err), MWN_ERR_DATA, "real numbers",
                (char *)NULL);
    path = data_path("labels.npy");
    assert_int_equal(mwn_npy_write(path, MWN_NPY_I64, 1, &three, good, &err), MWN_OK);
    data_expect(&err, read_labels("labels.npy", label, &err), MWN_ERR_DATA, "3 labels",
                "4 training samples", (char *)NULL);
}

#define IN_FOLDER(test)                                                                    \
    cmocka_unit_test_setup_teardown(test, data_make_folder, data_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_idx_plain_is_read),
        IN_FOLDER(test_idx_gzip_with_other_names_is_read),
        IN_FOLDER(test_two_idx_candidates_are_an_error),
        IN_FOLDER(test_published_idx_name_beats_others_and_plain_beats_gzip),
        IN_FOLDER(test_test_labels_below_those_of_training_keep_the_classes),
        IN_FOLDER(test_damaged_idx_is_reported),
        IN_FOLDER(test_labels_in_place_of_images_are_reported),
        IN_FOLDER(test_other_number_of_labels_is_reported),
        IN_FOLDER(test_damaged_gzip_is_reported),
        IN_FOLDER(test_missing_folder_and_files_are_reported),
        IN_FOLDER(test_the_reader_is_guessed_by_names),
        IN_FOLDER(test_auto_reads_what_it_finds),
        IN_FOLDER(test_unknown_reader_names_the_nearest),
        IN_FOLDER(test_cifar10_joins_its_batches),
        IN_FOLDER(test_cifar10_is_found_in_its_own_folder),
        IN_FOLDER(test_damaged_cifar10_is_reported),
        IN_FOLDER(test_wrong_number_of_class_names_is_reported),
        IN_FOLDER(test_cifar100_takes_the_fine_label),
        IN_FOLDER(test_failing_calls_leave_nothing_behind),
        IN_FOLDER(test_real_fashion_mnist_is_read),
        IN_FOLDER(test_labels_csv_is_read),
        IN_FOLDER(test_bad_labels_csv_is_reported),
        IN_FOLDER(test_labels_npy_is_read),
        cmocka_unit_test(test_source_check_finds_bad_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
