/* test_image_readers.c - image folders, lists, Clothing1M and ANIMAL-10N: what is found, what is
 * refused, and loading by several threads. */
#include "image_files.h"

#include "base/file.h"

#include <pthread.h>

enum { SIDE = 8 };

/* Options for small images. */
static struct mwn_data_options image_options(const char *reader)
{
    struct mwn_data_options options = data_options(reader);
    options.size = SIDE;
    return options;
}

static mwn_status open_with(struct mwn_source *source,
                            const struct mwn_data_options *options, enum mwn_part part,
                            const char *schema, struct mwn_error *err)
{
    const struct mwn_request request = {.options = options, .part = part, .schema = schema};
    return mwn_source_open(source, &request, err);
}

static void open_fine(struct mwn_source *source, const struct mwn_data_options *options,
                      enum mwn_part part)
{
    struct mwn_error err = {0};
    data_expect(&err, open_with(source, options, part, NULL, &err), MWN_OK, (char *)NULL);
}

/* Opening the training part must fail with the status and say all the words. */
#define EXPECT_FAILS(options, status, ...)                                                 \
    do {                                                                                   \
        struct mwn_source source_ = {0};                                                   \
        struct mwn_error err_ = {0};                                                       \
        mwn_status got_ = open_with(&source_, options, MWN_PART_TRAIN, NULL, &err_);       \
        data_expect(&err_, got_, status, __VA_ARGS__, (char *)NULL);                       \
    } while (0)

/* A folder with its parents. */
static void folders(const char *path)
{
    struct mwn_error err = {0};
    assert_int_equal(mwn_path_make_dir(data_path(path), &err), MWN_OK);
}

/* n pictures in a folder, 0.png, 1.jpg, 2.png, .. */
static void put_pictures(const char *dir, int n)
{
    char name[128];
    folders(dir);
    for (int i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "%s/%d.%s", dir, i, i % 2 ? "jpg" : "png");
        image_put(name, i % 2 ? image_jpeg(12 + i, 16) : image_png(12 + i, 16));
    }
}

static void expect_ids(const struct mwn_source *source, const char *const *id, size_t n)
{
    assert_int_equal(source->n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(source->id[i], id[i]);
}

/* ---- Folders ------------------------------------------------------------------------ */

static void test_classes_are_the_sorted_folders(void **state)
{
    (void)state;
    static const char *const id[] = {"cat/0.png", "cat/1.jpg", "dog/0.png",
                                     "dog/old/0.png"};
    struct mwn_source source;
    struct mwn_data_options options = image_options("folder");
    put_pictures("dog", 1);
    put_pictures("dog/old", 1);
    put_pictures("cat", 2);
    data_write_text("cat/notes.txt", "no picture");
    data_write_text("cat/.hidden.png", "no picture");
    data_write_text("readme.txt", "no class");
    open_fine(&source, &options, MWN_PART_TRAIN);
    expect_ids(&source, id, 4);
    assert_int_equal(source.classes, 2);
    assert_string_equal(source.class_names[0], "cat");
    assert_int_equal(source.label[1], 0);
    assert_int_equal(source.label[3], 1);
    assert_int_equal(source.shape.c, 3);
    assert_int_equal(source.shape.h, SIDE);
    assert_string_equal(source.schema, "{\"classes\": [\"cat\", \"dog\"]}");
    assert_null(source.samples);
    assert_false(mwn_source_has(&options, MWN_PART_TEST));
    assert_false(mwn_source_has(&options, MWN_PART_META));
    mwn_source_close(&source);
    data_release(&options);
}

static void test_parts_may_have_folders_of_their_own(void **state)
{
    (void)state;
    static const char *const id[] = {"val/b/0.png"};
    struct mwn_source train, part;
    struct mwn_error err = {0};
    struct mwn_data_options options = image_options("folder");
    put_pictures("train/a", 2);
    put_pictures("train/b", 2);
    put_pictures("val/b", 1);
    open_fine(&train, &options, MWN_PART_TRAIN);
    assert_int_equal(train.n, 4);
    assert_true(mwn_source_has(&options, MWN_PART_VALID));
    assert_false(mwn_source_has(&options, MWN_PART_TEST));
    assert_int_equal(open_with(&part, &options, MWN_PART_VALID, train.schema, &err),
                     MWN_OK);
    expect_ids(&part, id, 1);
    assert_int_equal(part.classes, 2);
    assert_int_equal(part.label[0], 1);
    mwn_source_close(&part);
    data_expect(&err, open_with(&part, &options, MWN_PART_TEST, NULL, &err), MWN_ERR_IO,
                "test", (char *)NULL);
    put_pictures("val/c", 1);
    data_expect(&err, open_with(&part, &options, MWN_PART_VALID, train.schema, &err),
                MWN_ERR_DATA, "val/c", "2 classes", (char *)NULL);
    mwn_source_close(&train);
    data_release(&options);
}

static void test_a_test_set_may_be_elsewhere(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_data_options options = image_options("folder");
    put_pictures("one/a", 1);
    put_pictures("two/a", 3);
    data_set_text(&options.path, data_path("one"));
    data_set_text(&options.test, data_path("two"));
    open_fine(&source, &options, MWN_PART_TEST);
    assert_int_equal(source.n, 3);
    assert_string_equal(source.id[0], "a/0.png");
    mwn_source_close(&source);
    data_release(&options);
}

static void test_a_class_may_be_called_train(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_data_options options = image_options("folder");
    put_pictures("bus", 1);
    put_pictures("train", 2);
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.classes, 2);
    assert_int_equal(source.n, 3);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_images_without_labels_are_read_if_that_is_asked_for(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    struct mwn_data_options options = image_options("folder");
    const struct mwn_request request = {.options = &options,
                                        .part = MWN_PART_TRAIN,
                                        .schema = "{\"classes\": [\"x\", \"y\"]}",
                                        .unlabelled = true};
    put_pictures("", 2);
    assert_int_equal(mwn_source_open(&source, &request, &err), MWN_OK);
    assert_int_equal(source.n, 2);
    assert_int_equal(source.label[0], -1);
    mwn_source_close(&source);
    EXPECT_FAILS(&options, MWN_ERR_DATA, "no folders");
    data_release(&options);
}

static void test_folders_that_cannot_be_used_are_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = image_options("folder");
    put_pictures("cat", 1);
    folders("dog");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "dog", "no JPEG or PNG");
    data_write_text("dog/a.webp", "RIFF");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "dog/a.webp", "JPEG or PNG", "data.damaged=skip");
    data_remove("dog/a.webp");
    put_pictures("dog", 1);
    options.resize = SIDE - 1;
    EXPECT_FAILS(&options, MWN_ERR_CONFIG, "data.resize");
    options.resize = 0;
    assert_int_equal(symlink("../dog", data_path("dog/again")), 0);
    EXPECT_FAILS(&options, MWN_ERR_DATA, "dog/again/again", "deep", "link");
    data_set_text(&options.path, data_path("nothing"));
    EXPECT_FAILS(&options, MWN_ERR_IO, "nothing");
    data_release(&options);
}

static void test_damaged_images_fail_or_are_left_out(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    unsigned char out[3 * SIDE * SIDE];
    struct mwn_data_options options = image_options("folder");
    put_pictures("cat", 3);
    put_pictures("dog", 2);
    data_write("cat/1.jpg", "\xFF\xD8\xFF\xE0", 4);
    data_write("dog/0.png", "", 0);
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.n, 5);
    assert_int_equal(source.reader->load(&source, 0, NULL, out, &err), MWN_OK);
    data_expect(&err, source.reader->load(&source, 1, NULL, out, &err), MWN_ERR_DATA,
                data_path("cat/1.jpg"), (char *)NULL);
    data_expect(&err, source.reader->load(&source, 3, NULL, out, &err), MWN_ERR_DATA,
                data_path("dog/0.png"), "empty", (char *)NULL);
    mwn_source_close(&source);
    options.damaged = 1;
    data_write_text("dog/z.gif", "GIF89a");
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.n, 3);
    assert_int_equal(source.skipped, 3);
    assert_string_equal(source.id[1], "cat/2.png");
    assert_string_equal(source.id[2], "dog/1.jpg");
    assert_int_equal(source.label[2], 1);
    mwn_source_close(&source);
    data_release(&options);
}

/* ---- Loading ------------------------------------------------------------------------ */

enum { THREADS = 4, PICTURES = 24, BYTES = 3 * SIDE * SIDE };

struct job {
    const struct mwn_source *source;
    unsigned char out[PICTURES][BYTES];
    bool failed;
};

static void *load_all(void *argument)
{
    struct job *job = argument;
    for (size_t i = 0; i < PICTURES; i++) {
        struct mwn_error err = {0};
        struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_AUGMENT, 0, i);
        job->failed = job->failed || job->source->reader->load(job->source, i, &rng,
                                                               job->out[i], &err) != MWN_OK;
    }
    return NULL;
}

static void test_threads_load_the_same(void **state)
{
    (void)state;
    static struct job jobs[THREADS];
    pthread_t threads[THREADS];
    struct mwn_source source;
    struct mwn_data_options options = image_options("folder");
    put_pictures("a", PICTURES);
    open_fine(&source, &options, MWN_PART_TRAIN);
    memset(jobs, 0, sizeof(jobs));
    for (size_t t = 0; t < THREADS; t++) {
        jobs[t].source = &source;
        assert_int_equal(pthread_create(&threads[t], NULL, load_all, &jobs[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        assert_false(jobs[t].failed);
        assert_memory_equal(jobs[t].out, jobs[0].out, sizeof(jobs[0].out));
    }
    assert_true(memcmp(jobs[0].out[0], jobs[0].out[1], BYTES) != 0);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_equal_files_have_equal_hashes(void **state)
{
    (void)state;
    struct mwn_hash a, b, c;
    struct mwn_error err = {0};
    struct mwn_source source;
    struct mwn_data_options options = image_options("folder");
    put_pictures("a", 2);
    put_pictures("b", 1);
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.reader->hash(&source, 0, &a, &err), MWN_OK);
    assert_int_equal(source.reader->hash(&source, 1, &b, &err), MWN_OK);
    assert_int_equal(source.reader->hash(&source, 2, &c, &err), MWN_OK);
    assert_true(a.low == c.low && a.high == c.high);
    assert_true(a.low != b.low);
    mwn_source_close(&source);
    data_release(&options);
}

/* ---- Lists -------------------------------------------------------------------------- */

/* Options for list.txt with this text, beside pictures in pics/. */
static struct mwn_data_options list_options(const char *text)
{
    struct mwn_data_options options = image_options("list");
    data_set_text(&options.path, data_path("list.txt"));
    data_write_text("list.txt", text);
    return options;
}

/* Two images: pics/0.png of class 0 and pics/1.jpg of class 1. */
static void check_list(const char *text, float weight)
{
    static const char *const id[] = {"pics/0.png", "pics/1.jpg"};
    struct mwn_source source;
    struct mwn_data_options options = list_options(text);
    open_fine(&source, &options, MWN_PART_TRAIN);
    expect_ids(&source, id, 2);
    assert_int_equal(source.label[0], 0);
    assert_int_equal(source.label[1], 1);
    assert_int_equal(source.classes, 2);
    assert_true(weight < 0 ? !source.weight : source.weight && source.weight[1] == weight);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_lists_of_many_looks_are_read(void **state)
{
    (void)state;
    char text[600];
    put_pictures("pics", 2);
    check_list("pics/0.png 0\npics/1.jpg 1\n", -1);
    check_list("# a comment\r\n\r\n./pics//0.png\t 0 \r\npics/1.jpg\t1", -1);
    check_list("pics/0.png,0\npics/1.jpg,1\n", -1);
    check_list("pics/0.png, cat, 1\npics/1.jpg, dog, 0.25\n", 0.25F);
    check_list("pics/0.png guinea 1\npics/1.jpg pig 0.5\n", 0.5F);
    check_list("path,label\npics/0.png,a cat\npics/1.jpg,a dog\n", -1);
    check_list("weight,note,class,image\n1,\"x, \"\"y\"\"\",cat,pics/0.png\n"
               "2,,dog,\"pics/1.jpg\"\n",
               2);
    check_list("\xEF\xBB\xBF"
               "filename\tkind\npics/0.png\tcat\npics/1.jpg\tdog\n",
               -1);
    (void)snprintf(text, sizeof(text), "%s 0\n%s 1\n", data_path("pics/0.png"),
                   data_path("pics/1.jpg"));
    check_list(text, -1);
}

static void test_commas_and_blanks_in_names_are_kept(void **state)
{
    (void)state;
    struct mwn_source source;
    folders("pics");
    image_put("pics/12,34.png", image_png(4, 4));
    image_put("pics/a b.png", image_png(5, 4));
    struct mwn_data_options options = list_options("pics/12,34.png 0\n");
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_string_equal(source.id[0], "pics/12,34.png");
    mwn_source_close(&source);
    data_write_text("list.txt", "pics/a b.png,0\n");
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_string_equal(source.id[0], "pics/a b.png");
    mwn_source_close(&source);
    data_release(&options);
}

/* A list that must be refused. */
static void expect_list(const char *text, mwn_status wanted, const char *first,
                        const char *second)
{
    struct mwn_data_options options = list_options(text);
    EXPECT_FAILS(&options, wanted, first, second);
    data_release(&options);
}

static void test_paths_that_leave_the_root_are_refused(void **state)
{
    (void)state;
    put_pictures("pics", 2);
    put_pictures("other", 1);
    assert_int_equal(symlink("loop.png", data_path("pics/loop.png")), 0);
    expect_list("pics/0.png 0\n../x.png 0\n", MWN_ERR_DATA, "list.txt:2", "'..'");
    expect_list("pics/../../x.png 0\n", MWN_ERR_DATA, "list.txt:1", "'..'");
    expect_list("/etc/passwd 0\n", MWN_ERR_DATA, "list.txt:1", "outside");
    expect_list("pics/0.png 0\n\npics/loop.png 0\n", MWN_ERR_IO, "list.txt:3", "loop.png");
    expect_list("pics/0.png 0\npics/9.png 0\n", MWN_ERR_IO, "list.txt:2", "pics/9.png");
    expect_list("pics 0\n", MWN_ERR_IO, "list.txt:1", "folder");
    expect_list("./ 0\n", MWN_ERR_DATA, "list.txt:1", "empty");

    struct mwn_data_options options = list_options("0.png 0\n");
    struct mwn_source source;
    data_set_text(&options.root, data_path("pics"));
    open_fine(&source, &options, MWN_PART_TRAIN);
    mwn_source_close(&source);
    char text[600];
    (void)snprintf(text, sizeof(text), "%s 0\n", data_path("other/0.png"));
    data_write_text("list.txt", text);
    EXPECT_FAILS(&options, MWN_ERR_DATA, "outside");
    /* /tmp/x/pics2 is not in /tmp/x/pics. */
    put_pictures("pics2", 1);
    (void)snprintf(text, sizeof(text), "%s 0\n", data_path("pics2/0.png"));
    data_write_text("list.txt", text);
    EXPECT_FAILS(&options, MWN_ERR_DATA, "outside");
    data_release(&options);
}

static void test_bad_lines_are_reported(void **state)
{
    (void)state;
    put_pictures("pics", 2);
    expect_list("", MWN_ERR_DATA, "list.txt", "empty");
    expect_list("# nothing\n", MWN_ERR_DATA, "list.txt", "no samples");
    expect_list("pics/0.png\n", MWN_ERR_DATA, "list.txt:1", "1 fields");
    expect_list("pics/0.png 0 1 2\n", MWN_ERR_DATA, "list.txt:1", "4 fields");
    expect_list("pics/0.png 0\npics/1.jpg\n", MWN_ERR_DATA, "list.txt:2", "1 fields");
    expect_list("pics/0.png,0\npics/1.jpg,\n", MWN_ERR_DATA, "list.txt:2", "no label");
    expect_list("pics/0.png 0 much\n", MWN_ERR_DATA, "list.txt:1", "'much'");
    expect_list("pics/0.png 0 -1\n", MWN_ERR_DATA, "list.txt:1", "'-1'");
    expect_list("pics/0.png 0 nan\n", MWN_ERR_DATA, "list.txt:1", "'nan'");
    expect_list("pics/0.png 123456789\n", MWN_ERR_DATA, "list.txt", "too many");
    expect_list("path,label\npics/0.png,\n", MWN_ERR_DATA, "list.txt:2", "label");
    data_write("list.txt", "a\0b", 3);
    struct mwn_data_options options = image_options("list");
    data_set_text(&options.path, data_path("list.txt"));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "list.txt", "not text");
    data_set_text(&options.path, data_path("none.txt"));
    EXPECT_FAILS(&options, MWN_ERR_IO, "none.txt");
    data_release(&options);
}

static void test_a_test_list_has_the_classes_of_the_training_list(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_error err = {0};
    put_pictures("pics", 3);
    struct mwn_data_options options = list_options("pics/0.png cat\n");
    data_set_text(&options.test, data_path("test.txt"));
    data_write_text("test.txt", "pics/0.png dog\n");
    const char *names = "{\"classes\": [\"ant\", \"dog\"]}";
    const char *numbers = "{\"classes\": [\"0\", \"1\"]}";
    assert_int_equal(open_with(&source, &options, MWN_PART_TEST, names, &err), MWN_OK);
    assert_int_equal(source.label[0], 1);
    mwn_source_close(&source);
    data_write_text("test.txt", "pics/0.png dog\npics/1.jpg cat\n");
    data_expect(&err, open_with(&source, &options, MWN_PART_TEST, names, &err),
                MWN_ERR_DATA, "test.txt:2", "'cat'", "2 classes", (char *)NULL);
    data_write_text("test.txt", "pics/0.png 1\npics/1.jpg 2\n");
    data_expect(&err, open_with(&source, &options, MWN_PART_TEST, numbers, &err),
                MWN_ERR_DATA, "test.txt:2", "'2'", "0 .. 1", (char *)NULL);
    data_release(&options);
}

static void test_missing_files_are_left_out_if_damaged_ones_are(void **state)
{
    (void)state;
    struct mwn_source source;
    put_pictures("pics", 1);
    struct mwn_data_options options = list_options("pics/9.png 1\npics/0.png 0\n");
    options.damaged = 1;
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.n, 1);
    assert_int_equal(source.skipped, 1);
    mwn_source_close(&source);
    data_release(&options);
}

/* ---- Published sets ----------------------------------------------------------------- */

static void put_clothing(const char *lists)
{
    char name[128];
    static const char *const files[][2] = {
        {"noisy_train_key_list.txt", "images/0/1,2.png\nimages/0/3,4.png\n"},
        {"noisy_label_kv.txt",
         "images/0/9,9.png 1\nimages/0/3,4.png 13\nimages/0/1,2.png 5\n"},
        {"clean_train_key_list.txt", "images/0/5,6.png\n"},
        {"clean_val_key_list.txt", "images/0/7,8.png\n"},
        {"clean_test_key_list.txt", "images/0/1,2.png\nimages/0/7,8.png\n"},
        {"clean_label_kv.txt",
         "images/0/5,6.png 0\nimages/0/7,8.png 2\nimages/0/1,2.png 3\n"},
    };
    folders("images/0");
    for (int i = 1; i < 8; i += 2) {
        (void)snprintf(name, sizeof(name), "images/0/%d,%d.png", i, i + 1);
        image_put(name, image_png(10 + i, 12));
    }
    for (size_t i = 0; i < MWN_COUNT(files); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", lists, files[i][0]);
        data_write_text(name, files[i][1]);
    }
}

static void test_clothing1m_has_four_parts(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_data_options options = image_options("clothing1m");
    folders("annotations");
    put_clothing("annotations/");
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.n, 2);
    assert_int_equal(source.classes, 14);
    assert_string_equal(source.id[1], "images/0/3,4.png");
    assert_int_equal(source.label[0], 5);
    assert_int_equal(source.label[1], 13);
    assert_string_equal(source.class_names[13], "Underwear");
    mwn_source_close(&source);
    assert_true(mwn_source_has(&options, MWN_PART_META));
    open_fine(&source, &options, MWN_PART_META);
    assert_int_equal(source.n, 1);
    assert_int_equal(source.label[0], 0);
    mwn_source_close(&source);
    open_fine(&source, &options, MWN_PART_VALID);
    assert_string_equal(source.id[0], "images/0/7,8.png");
    mwn_source_close(&source);
    open_fine(&source, &options, MWN_PART_TEST);
    assert_int_equal(source.n, 2);
    assert_int_equal(source.label[0], 3);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_damaged_clothing1m_is_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = image_options("clothing1m");
    put_clothing("");
    data_write_text("noisy_train_key_list.txt", "images/0/1,2.png\nimages/0/5,6.png\n");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "noisy_train_key_list.txt:2", "5,6.png",
                 "noisy_label_kv.txt");
    data_write_text("noisy_train_key_list.txt", "images/0/9,9.png\n");
    EXPECT_FAILS(&options, MWN_ERR_IO, "noisy_train_key_list.txt:1", "9,9.png");
    data_write_text("noisy_label_kv.txt", "images/0/1,2.png 5\nimages/0/3,4.png 14\n");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "noisy_label_kv.txt:2", "0 .. 13");
    data_write_text("noisy_label_kv.txt", "../1,2.png 5\n");
    data_write_text("noisy_train_key_list.txt", "../1,2.png\n");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "noisy_train_key_list.txt:1", "'..'");
    data_write_text("noisy_label_kv.txt", "# nothing\n");
    EXPECT_FAILS(&options, MWN_ERR_DATA, "noisy_train_key_list.txt:1", "no label");
    data_remove("noisy_label_kv.txt");
    EXPECT_FAILS(&options, MWN_ERR_IO, "noisy_label_kv.txt");
    assert_true(mwn_source_has(&options, MWN_PART_VALID));
    data_remove("clean_val_key_list.txt");
    assert_false(mwn_source_has(&options, MWN_PART_VALID));
    data_release(&options);
}

static void test_animal10n_takes_labels_from_names(void **state)
{
    (void)state;
    struct mwn_source source;
    struct mwn_data_options options = image_options("animal10n");
    folders("training");
    folders("testing");
    image_put("training/9_17.png", image_png(8, 8));
    image_put("training/0_4.jpg", image_jpeg(9, 8));
    image_put("testing/3_1.jpg", image_jpeg(8, 9));
    open_fine(&source, &options, MWN_PART_TRAIN);
    assert_int_equal(source.n, 2);
    assert_int_equal(source.classes, 10);
    assert_string_equal(source.id[0], "training/0_4.jpg");
    assert_int_equal(source.label[1], 9);
    mwn_source_close(&source);
    open_fine(&source, &options, MWN_PART_TEST);
    assert_int_equal(source.label[0], 3);
    mwn_source_close(&source);
    image_put("training/x_4.jpg", image_jpeg(9, 8));
    EXPECT_FAILS(&options, MWN_ERR_DATA, "training/x_4.jpg", "label");
    data_release(&options);
}

/* ---- Failures ----------------------------------------------------------------------- */

/* Opens and loads one image with the n-th call failing, for all n until nothing fails. */
static void torture(const struct mwn_data_options *options, void (*fail_after)(uint64_t),
                    mwn_status wanted)
{
    unsigned char out[3 * SIDE * SIDE];
    size_t failures = 0;
    for (uint64_t n = 1;; n++) {
        struct mwn_source source = {0};
        struct mwn_error err = {0};
        fail_after(n);
        mwn_status status = open_with(&source, options, MWN_PART_TRAIN, NULL, &err);
        if (status == MWN_OK)
            status = source.reader->load(&source, 0, NULL, out, &err);
        fail_after(0);
        mwn_source_close(&source);
        if (status == MWN_OK)
            break;
        data_expect(&err, status, wanted, (char *)NULL);
        failures++;
    }
    assert_true(failures > 3);
}

static void torture_both(struct mwn_data_options *options)
{
    torture(options, mwn_mem_fail_after, MWN_ERR_MEMORY);
    torture(options, mwn_file_fail_after, MWN_ERR_IO);
    data_release(options);
}

static void test_failing_calls_are_reported(void **state)
{
    (void)state;
    struct mwn_data_options options = image_options("folder");
    put_pictures("set/a", 2);
    put_pictures("set/b", 1);
    data_set_text(&options.path, data_path("set"));
    torture_both(&options);
    options = list_options("set/a/0.png cat 0.5\nset/a/1.jpg dog 1\n");
    torture_both(&options);
    options = list_options("set/a/0.png cat\n");
    options.damaged = 1;
    torture(&options, mwn_mem_fail_after, MWN_ERR_MEMORY);
    data_release(&options);
    put_clothing("");
    options = image_options("clothing1m");
    torture_both(&options);
    folders("training");
    image_put("training/9_17.png", image_png(8, 8));
    options = image_options("animal10n");
    torture_both(&options);
}

/* ---- Real photographs --------------------------------------------------------------- */

static void test_real_photographs_are_read(void **state)
{
    (void)state;
    char path[DATA_PATH];
    struct mwn_source source = {0};
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("folder");
    (void)snprintf(path, sizeof(path), "%s/data/clothing10_128", data_shared());
    if (!mwn_path_is_dir(path)) {
        data_release(&options);
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    data_set_text(&options.path, path);
    options.size = 112;
    unsigned char *out = malloc((size_t)3 * 112 * 112);
    assert_non_null(out);
    static const size_t count[] = {
        [MWN_PART_TRAIN] = 3068, [MWN_PART_TEST] = 372, [MWN_PART_VALID] = 341};
    for (int part = 0; part <= MWN_PART_VALID; part++) {
        if (count[part] == 0)
            continue;
        open_fine(&source, &options, (enum mwn_part)part);
        assert_int_equal(source.n, count[part]);
        assert_int_equal(source.classes, 10);
        assert_string_equal(source.class_names[9], "t-shirt");
        for (size_t i = 0; i < source.n; i += 40)
            assert_int_equal(source.reader->load(&source, i, NULL, out, &err), MWN_OK);
        mwn_source_close(&source);
    }
    free(out);
    data_release(&options);
}

int main(void)
{
#define FOLDER_TEST(name)                                                                  \
    cmocka_unit_test_setup_teardown(name, data_make_folder, data_remove_folder)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_classes_are_the_sorted_folders),
        FOLDER_TEST(test_parts_may_have_folders_of_their_own),
        FOLDER_TEST(test_a_test_set_may_be_elsewhere),
        FOLDER_TEST(test_a_class_may_be_called_train),
        FOLDER_TEST(test_images_without_labels_are_read_if_that_is_asked_for),
        FOLDER_TEST(test_folders_that_cannot_be_used_are_reported),
        FOLDER_TEST(test_damaged_images_fail_or_are_left_out),
        FOLDER_TEST(test_threads_load_the_same),
        FOLDER_TEST(test_equal_files_have_equal_hashes),
        FOLDER_TEST(test_lists_of_many_looks_are_read),
        FOLDER_TEST(test_commas_and_blanks_in_names_are_kept),
        FOLDER_TEST(test_paths_that_leave_the_root_are_refused),
        FOLDER_TEST(test_bad_lines_are_reported),
        FOLDER_TEST(test_a_test_list_has_the_classes_of_the_training_list),
        FOLDER_TEST(test_missing_files_are_left_out_if_damaged_ones_are),
        FOLDER_TEST(test_clothing1m_has_four_parts),
        FOLDER_TEST(test_damaged_clothing1m_is_reported),
        FOLDER_TEST(test_animal10n_takes_labels_from_names),
        FOLDER_TEST(test_failing_calls_are_reported),
        FOLDER_TEST(test_real_photographs_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
