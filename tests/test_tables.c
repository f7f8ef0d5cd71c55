/* test_tables.c - tables, LIBSVM text and NumPy arrays: what is made of them. */
#include "data_files.h"

#include "base/file.h"
#include "data/csv_file.h"
#include "data/label_set.h"
#include "tensor/npy.h"
#include "tensor/npz.h"

#include <math.h>
#include <time.h>

/* Opens a file of the folder as the training part, or by a schema as the test part. */
static mwn_status open_file(const char *reader, const char *name, const char *schema,
                            struct mwn_source *source, struct mwn_error *err)
{
    struct mwn_data_options options = data_options(reader);
    const struct mwn_request request = {.options = &options,
                                        .part = schema ? MWN_PART_TEST : MWN_PART_TRAIN,
                                        .path = data_path(name),
                                        .schema = schema};
    mwn_status status = mwn_source_open(source, &request, err);
    data_release(&options);
    return status;
}

static void must_open(const char *reader, const char *name, const char *schema,
                      struct mwn_source *source)
{
    struct mwn_error err = {0};
    if (open_file(reader, name, schema, source, &err) != MWN_OK)
        fail_msg("%s (%s)", err.text, err.hint);
}

/* The same of new data, whose labels may be missing. */
static void must_open_new(const char *reader, const char *name, const char *schema,
                          struct mwn_source *source)
{
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options(reader);
    const struct mwn_request request = {.options = &options,
                                        .part = MWN_PART_TEST,
                                        .path = data_path(name),
                                        .schema = schema,
                                        .unlabelled = true};
    if (mwn_source_open(source, &request, &err) != MWN_OK)
        fail_msg("%s (%s)", err.text, err.hint);
    data_release(&options);
}

static void check_numbers(const struct mwn_source *source, size_t features,
                          const float *wanted, size_t count)
{
    const float *samples = source->samples;
    assert_int_equal(source->shape.c, features);
    assert_int_equal(source->type, MWN_SAMPLE_F32);
    assert_int_equal(source->n * features, count);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)samples[i] - (double)wanted[i]) < 1e-6))
            fail_msg("feature %zu of row %zu is %g, expected %g", i % features,
                     i / features, (double)samples[i], (double)wanted[i]);
}

/* The features of all rows, one after another. */
#define CHECK_FEATURES(source, features, ...)                                              \
    check_numbers(source, features, (const float[]){__VA_ARGS__},                          \
                  MWN_COUNT(((const float[]){__VA_ARGS__})))

/* ---- The parser --------------------------------------------------------------------- */

/* Parses and compares with rows of fields, each ended by '|' in `wanted`, rows by '/'. */
static void check_csv(const char *text, const char *wanted)
{
    struct mwn_csv_file csv = {0};
    struct mwn_error err = {0};
    struct mwn_buf got = {0};
    data_write_text("t.csv", text);
    if (mwn_csv_file_read(data_path("t.csv"), 0, &csv, &err) != MWN_OK)
        fail_msg("%s", err.text);
    for (size_t r = 0; r < csv.rows; r++) {
        for (size_t c = 0; c < csv.columns; c++)
            mwn_buf_printf(&got, "%s|", mwn_csv_file_field(&csv, r, c));
        mwn_buf_printf(&got, "/");
    }
    mwn_csv_file_release(&csv);
    assert_string_equal(got.text, wanted);
    mwn_buf_release(&got);
}

static void test_csv_fields_are_taken_apart(void **state)
{
    (void)state;
    check_csv("a,b\n1,2\n", "a|b|/1|2|/");
    check_csv("a,b\n1,2", "a|b|/1|2|/");
    check_csv("\xEF\xBB\xBF"
              "a,b\r\n\r\n 1 , 2\r\n",
              "a|b|/1|2|/");
    check_csv("a,b\r1,2\r", "a|b|/1|2|/");
    check_csv("\"a,b\";\"c\nd\"\n \"e\"\"f\" ;\"\"\n", "a,b|c\nd|/e\"f||/");
    check_csv("a\tb\n\t2\n1\t\n", "a|b|/|2|/1||/");
    check_csv("5\" disk,x\n,\n", "5\" disk|x|/||/");
    check_csv("a,b;c\n", "a|b;c|/");
    check_csv("\xC3\xA4,\xE2\x82\xAC,\xF0\x9F\x99\x82\n",
              "\xC3\xA4|\xE2\x82\xAC|\xF0\x9F\x99\x82|/");
}

static void test_csv_lines_are_counted_through_quotes(void **state)
{
    (void)state;
    struct mwn_csv_file csv = {0};
    struct mwn_error err = {0};
    data_write_text("t.csv", "a,b\n\"x\n\ny\",1\n\n2,3\n2\n");
    data_expect(&err, mwn_csv_file_read(data_path("t.csv"), 0, &csv, &err), MWN_ERR_DATA,
                "t.csv:7: has 1 field, line 1 has 2", (char *)NULL);
}

static void test_text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\xC3,", "\x80", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"};
    for (size_t i = 0; i < MWN_COUNT(bad); i++) {
        struct mwn_csv_file csv = {0};
        struct mwn_error err = {0};
        data_write_text("t.csv", bad[i]);
        data_expect(&err, mwn_csv_file_read(data_path("t.csv"), 0, &csv, &err),
                    MWN_ERR_DATA, "t.csv:1: byte", "UTF-8", (char *)NULL);
    }
}

static void test_headers_are_told_from_data(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool header;
    } cases[] = {
        {"a,b\n1,2\n", true},
        {"1,2\n3,4\n", false},
        {"0,1,label\n1,2,x\n", true},
        {"x,1\ny,2\n", false},
        {"p,x,x\ne,s,x\n", false},
        {"a,b\nc,d\n", true},
        {",a,b\n0,1,2\n", true},
        {"1,cat\n2,dog\n", false},
        {"1,?\n2,3\n", false},
        {"y,n,a\nn,n,b\ny,y,a\n", false},
        {"red,x\nblue,z\nred,z\n", false},
        {"c,y\nd,2\n", true},
    };
    for (size_t i = 0; i < MWN_COUNT(cases); i++) {
        struct mwn_csv_file csv = {0};
        data_write_text("t.csv", cases[i].text);
        assert_int_equal(mwn_csv_file_read(data_path("t.csv"), 0, &csv, NULL), MWN_OK);
        if (mwn_csv_file_has_header(&csv) != cases[i].header)
            fail_msg("header of case %zu", i);
        mwn_csv_file_release(&csv);
    }
}

/* What stands in one row alone cannot be told from names; the training part can. */
static void test_other_parts_have_a_header_where_training_has(void **state)
{
    (void)state;
    struct mwn_source train, test;
    struct mwn_error err = {0};
    data_write_text("t.csv", "y,n,rep\nn,n,dem\ny,y,rep\n");
    data_write_text("u.csv", "n,y,dem\n");
    must_open("csv", "t.csv", NULL, &train);
    assert_int_equal(train.n, 3);
    must_open("csv", "u.csv", train.schema, &test);
    assert_int_equal(test.n, 1);
    mwn_source_close(&test);
    mwn_source_close(&train);
    data_write_text("t.csv", "1,a\n2,b\n");
    data_write_text("u.csv", "size,kind\n2,b\n");
    must_open("csv", "t.csv", NULL, &train);
    data_expect(&err, open_file("csv", "u.csv", train.schema, &test, &err), MWN_ERR_DATA,
                "kind", (char *)NULL);
    mwn_source_close(&train);
    data_write_text("t.csv", "p,n,n,y\n1,2,3,4\n");
    data_expect(&err, open_file("csv", "t.csv", NULL, &test, &err), MWN_ERR_DATA,
                "t.csv:1: columns 2 and 3 are both called 'n'", "data.header=no",
                (char *)NULL);
}

/* ---- Tables ------------------------------------------------------------------------- */

static const char small_table[] = "age,sex,label\n10,m,b\n,f,a\n40,,b\n20,m,a\n";

static void test_columns_become_features_and_labels_classes(void **state)
{
    (void)state;
    /* age, age missing, sex "", f, m */
    static const float wanted[] = {10, 0, 0, 0, 1, 20, 1, 0, 1, 0,
                                   40, 0, 1, 0, 0, 20, 0, 0, 0, 1};
    static const int label[] = {1, 0, 1, 0};
    struct mwn_source source;
    data_write_text("t.csv", small_table);
    must_open("csv", "t.csv", NULL, &source);
    assert_int_equal(source.n, 4);
    assert_int_equal(source.classes, 2);
    assert_string_equal(source.class_names[0], "a");
    assert_string_equal(source.class_names[1], "b");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(source.label[i], label[i]);
    check_numbers(&source, 5, wanted, MWN_COUNT(wanted));
    mwn_source_close(&source);
}

static void test_another_part_is_read_as_the_training_part_was(void **state)
{
    (void)state;
    static const float wanted[] = {20, 1, 0, 0, 0, 7, 0, 0, 1, 0};
    struct mwn_source train, test;
    data_write_text("t.csv", small_table);
    data_write_text("u.csv", "label;sex;age\nb.;new;NA\nb;f;7\n");
    must_open("csv", "t.csv", NULL, &train);
    must_open("csv", "u.csv", train.schema, &test);
    assert_int_equal(test.classes, 2);
    assert_int_equal(test.label[0], 1);
    assert_string_equal(test.schema, train.schema);
    check_numbers(&test, 5, wanted, MWN_COUNT(wanted));
    mwn_source_close(&test);
    mwn_source_close(&train);
}

/* The training part has every year, so there is no feature that says which are missing. */
static void test_the_median_stands_for_what_only_new_data_lacks(void **state)
{
    (void)state;
    struct mwn_source train, test;
    data_write_text("t.csv", "x,year,label\n1,2000,a\n2,2008,b\n3,2002,a\n4,2006,b\n");
    data_write_text("u.csv", "x,year,label\n4,,a\n");
    must_open("csv", "t.csv", NULL, &train);
    must_open("csv", "u.csv", train.schema, &test);
    CHECK_FEATURES(&test, 2, 4, 2004);
    mwn_source_close(&test);
    mwn_source_close(&train);
}

static void test_rare_values_share_one_feature(void **state)
{
    (void)state;
    struct mwn_source source;
    char text[4096] = "v,label\n";
    for (int i = 0; i < 260; i++) /* v0 .. v129, the first 100 more often */
        (void)snprintf(text + strlen(text), 32, "v%d,%d\n", i < 130 ? i : i % 100, i % 2);
    data_write_text("t.csv", text);
    must_open("csv", "t.csv", NULL, &source);
    assert_int_equal(source.shape.c, 101);
    const float *samples = source.samples;
    assert_true(samples[(size_t)120 * 101 + 100] == 1);
    assert_true(samples[100] == 0);
    mwn_source_close(&source);
}

static void test_numbers_that_are_codes_can_be_texts(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("csv");
    struct mwn_source source;
    struct mwn_error err = {0};
    data_write_text("t.csv", "zip,label\n7,0\n10,1\n7,1\n");
    data_set_text(&options.path, data_path("t.csv"));
    data_set_text(&options.categorical, "zip");
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    CHECK_FEATURES(&source, 2, 0, 1, 1, 0, 0, 1);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_numbers_with_a_comma_are_no_categories(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("csv");
    struct mwn_source source;
    struct mwn_error err = {0};
    data_set_text(&options.path, data_path("t.csv"));
    data_write_text("t.csv", "x;label\n2;u\n1,5;v\n-1.234,50;u\n?;v\nlow;u\n");
    data_expect(&err, data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_ERR_DATA,
                "t.csv:3: column 'x': '1,5' has a comma", "data.categorical", (char *)NULL);
    data_set_text(&options.categorical, "x");
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    assert_int_equal(source.shape.c, 5);
    mwn_source_close(&source);
    data_set_text(&options.categorical, "auto");
    data_write_text("t.csv", "x;label\na,b;u\n1,5;v\n1,;u\n1,2,3;v\n");
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_a_blank_may_separate_fields(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("csv");
    struct mwn_source source;
    struct mwn_error err = {0};
    data_set_text(&options.path, data_path("t.csv"));
    data_set_text(&options.delimiter, " ");
    data_write_text("t.csv", "x y label\n1 2 u\n3  v\n\"5\" 6 u\n");
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    CHECK_FEATURES(&source, 3, 1, 2, 0, 3, 4, 1, 5, 6, 0);
    mwn_source_close(&source);
    data_release(&options);
}

static void test_ids_weights_and_marks_are_no_features(void **state)
{
    (void)state;
    struct mwn_data_options options = data_options("csv");
    struct mwn_source source;
    struct mwn_error err = {0};
    data_write_text("t.csv", "id,x,w,ok,class\nn1,1,0.5,yes,3\nn2,2,2,0,12\nn3,4,1,,3\n");
    data_set_text(&options.path, data_path("t.csv"));
    data_set_text(&options.weight_column, "w");
    data_set_text(&options.meta_column, "4");
    assert_int_equal(data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_OK);
    CHECK_FEATURES(&source, 1, 1, 2, 4);
    assert_string_equal(source.id[1], "n2");
    assert_true(source.weight[0] == 0.5F && source.weight[1] == 2.0F);
    assert_memory_equal(source.mark, "\1\0\0", 3);
    assert_string_equal(source.class_names[0], "3"); /* by value, not by bytes */
    assert_string_equal(source.class_names[1], "12");
    mwn_source_close(&source);
    data_write_text("t.csv", "id,x,w,ok,class\nn1,1,-1,yes,3\nn2,2,2,0,12\n");
    data_expect(&err, data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_ERR_DATA,
                "t.csv:2: weight '-1'", (char *)NULL);
    data_write_text("t.csv", "id,x,w,ok,class\nn1,1,1,maybe,3\nn2,2,2,0,12\n");
    data_expect(&err, data_open(&source, &options, MWN_PART_TRAIN, &err), MWN_ERR_DATA,
                "t.csv:2: 'maybe'", (char *)NULL);
    data_release(&options);
}

/* As a training and as another part: a minute if every name were compared with every other. */
static void test_many_columns_take_no_longer_than_they_should(void **state)
{
    (void)state;
    enum { COLUMNS = 100000 };
    struct mwn_source train, test;
    struct mwn_buf text = {0};
    clock_t before = clock();
    for (int c = 0; c < COLUMNS; c++)
        mwn_buf_printf(&text, "c%d,", c);
    mwn_buf_printf(&text, "label\n");
    for (int row = 0; row < 2; row++) {
        for (int c = 0; c < COLUMNS; c++)
            mwn_buf_printf(&text, "%d,", (c + row) % 10);
        mwn_buf_printf(&text, "%s\n", row ? "u" : "v");
    }
    data_write("t.csv", text.text, text.size);
    must_open("csv", "t.csv", NULL, &train);
    must_open("csv", "t.csv", train.schema, &test);
    assert_int_equal(test.shape.c, COLUMNS);
    assert_memory_equal(test.samples, train.samples, sizeof(float) * 2 * COLUMNS);
    mwn_source_close(&test);
    mwn_source_close(&train);
    mwn_buf_release(&text);
    assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 30);
}

/* As a part of a shuffled table has it. */
static void test_an_index_in_any_order_is_no_feature(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int features;
    } cases[] = {{",x,label\n7,1,u\n0,2,v\n-3,3,u\n", 1},
                 {"Unnamed: 0,x,label\n7,1,u\n0,2,v\n3,3,u\n", 1},
                 {",x,label\n7,1,u\n0,2,v\n7,3,u\n", 2},
                 {",x,label\n7,1,u\n0,2,v\n0.5,3,u\n", 2},
                 {"n,x,label\n7,1,u\n0,2,v\n3,3,u\n", 2}};
    for (size_t i = 0; i < MWN_COUNT(cases); i++) {
        struct mwn_source source;
        data_write_text("t.csv", cases[i].text);
        must_open("csv", "t.csv", NULL, &source);
        assert_int_equal(source.shape.c, cases[i].features);
        if (cases[i].features == 1) {
            struct mwn_source other;
            assert_string_equal(source.id[0], "7");
            must_open("csv", "t.csv", source.schema, &other);
            assert_string_equal(other.id[0], "7");
            mwn_source_close(&other);
        }
        mwn_source_close(&source);
    }
}

static void test_labels_may_be_missing_in_new_data(void **state)
{
    (void)state;
    struct mwn_source train, fresh;
    data_write_text("t.csv", "1,2,a\n3,4,b\n5,6,a\n");
    data_write_text("u.csv", "7,8\n9,1\n");
    must_open("csv", "t.csv", NULL, &train);
    must_open_new("csv", "u.csv", train.schema, &fresh);
    CHECK_FEATURES(&fresh, 2, 7, 8, 9, 1);
    assert_int_equal(fresh.label[0], -1);
    mwn_source_close(&fresh);
    mwn_source_close(&train);
}

static void test_damaged_schemas_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"width\":2,\"label\":1,\"columns\":[],\"classes\":[\"a\"]}",
        "{\"width\":2,\"label\":1,\"columns\":[{\"name\":\"1\",\"index\":0,\"kind\":"
        "\"text\"}],"
        "\"classes\":[\"a\"]}",
        "{\"width\":2,\"label\":1,\"columns\":[{\"name\":\"1\",\"index\":0,\"kind\":"
        "\"number\","
        "\"median\":\"x\"}],\"classes\":[\"a\"]}"};
    static const char *const readers[] = {"csv", "libsvm"};
    data_write_text("t.csv", "1,2\n");
    for (size_t i = 0; i < 2 * MWN_COUNT(bad); i++) {
        struct mwn_source source;
        struct mwn_error err = {0};
        if (i % 2)
            data_write_text("t.csv", "1 1:2\n");
        else
            data_write_text("t.csv", "1,2\n");
        data_expect(&err, open_file(readers[i % 2], "t.csv", bad[i / 2], &source, &err),
                    MWN_ERR_DATA, "schema", (char *)NULL);
    }
}

/* Every allocation fails once. */
static void test_tables_survive_no_memory(void **state)
{
    (void)state;
    static const struct {
        const char *reader, *text;
    } cases[] = {{"csv", small_table}, {"libsvm", "1 1:2\n-1 3:4\n"}};
    for (size_t k = 0; k < MWN_COUNT(cases); k++) {
        mwn_status status = MWN_ERR_MEMORY;
        data_write_text("t.csv", cases[k].text);
        for (uint64_t n = 1; status != MWN_OK; n++) {
            struct mwn_source source;
            struct mwn_error err = {0};
            struct mwn_data_options options = data_options(cases[k].reader);
            data_set_text(&options.path, data_path("t.csv"));
            mwn_mem_fail_once(n);
            status = data_open(&source, &options, MWN_PART_TRAIN, &err);
            mwn_mem_fail_once(0);
            assert_true(status == MWN_OK || status == MWN_ERR_MEMORY);
            assert_int_equal(err.status, status);
            mwn_source_close(&source);
            data_release(&options);
            assert_true(n < 1000);
        }
    }
}

/* ---- LIBSVM ------------------------------------------------------------------------- */

static void test_libsvm_is_made_dense(void **state)
{
    (void)state;
    struct mwn_source train, test;
    struct mwn_error err = {0};
    data_write_text("t.svm", "\xEF\xBB\xBF"
                             "+1 1:2 3:0.5\n# all\n\n-1 qid:4 2:7 # c\n1\n");
    must_open("libsvm", "t.svm", NULL, &train);
    CHECK_FEATURES(&train, 3, 2, 0, 0.5F, 0, 7, 0, 0, 0, 0);
    assert_int_equal(train.label[0], 1);
    assert_int_equal(train.label[1], 0);
    data_write_text("u.svm", "-1 2:1\n");
    must_open("libsvm", "u.svm", train.schema, &test);
    CHECK_FEATURES(&test, 3, 0, 1, 0);
    mwn_source_close(&test);
    data_write_text("u.svm", "-1 4:1\n");
    data_expect(&err, open_file("libsvm", "u.svm", train.schema, &test, &err), MWN_ERR_DATA,
                "has features 4 .. 4, the training data has 1 .. 3", (char *)NULL);
    data_write_text("u.svm", "2 1:1\n");
    data_expect(&err, open_file("libsvm", "u.svm", train.schema, &test, &err), MWN_ERR_DATA,
                "u.svm:1: label '2'", (char *)NULL);
    mwn_source_close(&train);
    data_write_text("t.svm", "0 0:2\n1 1:3\n");
    must_open("libsvm", "t.svm", NULL, &train);
    CHECK_FEATURES(&train, 2, 2, 0, 0, 3);
    mwn_source_close(&train);
}

/* ---- NumPy -------------------------------------------------------------------------- */

static void put_arrays(void)
{
    static const size_t shape[] = {6, 2};
    static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const int32_t y[] = {-1, 1, -1, 1, 1, -1};
    assert_int_equal(mwn_npy_write(data_path("X.npy"), MWN_NPY_F32, 2, shape, x, NULL),
                     MWN_OK);
    assert_int_equal(mwn_npy_write(data_path("y.npy"), MWN_NPY_I32, 1, shape, y, NULL),
                     MWN_OK);
}

/* y.npy could be of any samples in the folder: it is taken for the training part alone. */
static void test_labels_without_a_name_are_of_the_training_part(void **state)
{
    (void)state;
    struct mwn_source train, test;
    struct mwn_error err = {0};
    const size_t shape[] = {2, 2};
    const float x[] = {1, 2, 3, 4};
    put_arrays();
    assert_int_equal(rename(data_path("X.npy"), data_path("train.npy")), 0);
    assert_int_equal(mwn_npy_write(data_path("new.npy"), MWN_NPY_F32, 2, shape, x, NULL),
                     MWN_OK);
    must_open("npy", "train.npy", NULL, &train);
    data_expect(&err, open_file("npy", "new.npy", train.schema, &test, &err), MWN_ERR_IO,
                "new.npy: has no labels beside it", "NAME_labels.npy", (char *)NULL);
    must_open_new("npy", "new.npy", train.schema, &test);
    assert_int_equal(test.label[1], -1);
    mwn_source_close(&test);
    mwn_source_close(&train);
}

/* In a folder of their own they are of the samples there. */
static void test_labels_without_a_name_are_of_the_samples_in_their_folder(void **state)
{
    (void)state;
    struct mwn_source test;
    struct mwn_error err = {0};
    struct mwn_data_options options = data_options("npy");
    const size_t shape[] = {2, 2};
    const float x[] = {1, 2, 3, 4};
    const int32_t y[] = {1, -1};
    put_arrays();
    assert_int_equal(mwn_path_make_dir(data_path("own"), &err), MWN_OK);
    assert_int_equal(
        mwn_npy_write(data_path("own/images.npy"), MWN_NPY_F32, 2, shape, x, NULL), MWN_OK);
    assert_int_equal(
        mwn_npy_write(data_path("own/labels.npy"), MWN_NPY_I32, 1, shape, y, NULL), MWN_OK);
    data_set_text(&options.path, data_path("X.npy"));
    data_set_text(&options.test, data_path("own/images.npy"));
    assert_int_equal(data_open(&test, &options, MWN_PART_TEST, &err), MWN_OK);
    assert_int_equal(test.n, 2);
    assert_int_equal(test.label[0], 1);
    assert_int_equal(test.label[1], 0);
    mwn_source_close(&test);
    data_release(&options);
}

static void test_labels_are_whole_numbers_of_any_type(void **state)
{
    (void)state;
    static const int8_t i8[] = {0, 1, 0, 1, 1, 0};
    static const int16_t i16[] = {-9, 7, -9, 7, 7, -9};
    static const uint64_t u64[] = {4, 5, 4, 5, 5, 4};
    static const struct {
        enum mwn_npy_type type;
        const void *data;
    } cases[] = {{MWN_NPY_I8, i8},   {MWN_NPY_BOOL, i8}, {MWN_NPY_I16, i16},
                 {MWN_NPY_U16, i16}, {MWN_NPY_U64, u64}, {MWN_NPY_U8, i8}};
    const size_t six = 6;
    put_arrays();
    for (size_t k = 0; k < MWN_COUNT(cases); k++) {
        struct mwn_source source;
        assert_int_equal(
            mwn_npy_write(data_path("y.npy"), cases[k].type, 1, &six, cases[k].data, NULL),
            MWN_OK);
        must_open("npy", "X.npy", NULL, &source);
        assert_int_equal(source.classes, 2);
        for (size_t i = 0; i < 6; i++) /* as a number of 16 bits, -9 is the larger one */
            assert_int_equal(source.label[i], i8[i] ^ (cases[k].type == MWN_NPY_U16));
        mwn_source_close(&source);
    }
}

/* A mapping that fails must change nothing but how samples are reached. */
static void test_array_that_cannot_be_mapped_is_read(void **state)
{
    (void)state;
    put_arrays();
    size_t unmapped = 0;
    for (uint64_t n = 1;; n++) {
        struct mwn_source source;
        struct mwn_error err = {0};
        float work[2], wanted[2];
        uint64_t before = mwn_file_count();
        mwn_file_fail_once(n);
        mwn_status status = open_file("npy", "X.npy", NULL, &source, &err);
        mwn_file_fail_once(0);
        bool reached = mwn_file_count() - before >= n;
        assert_true(status == MWN_OK || status == MWN_ERR_IO);
        for (size_t i = 0; status == MWN_OK && i < 6; i++) {
            const void *x = NULL;
            assert_int_equal(mwn_source_sample(&source, i, NULL, work, &x, &err), MWN_OK);
            wanted[0] = (float)(2 * i);
            wanted[1] = (float)(2 * i + 1);
            assert_memory_equal(x, wanted, sizeof(wanted));
            assert_int_equal(source.label[i], i == 1 || i == 3 || i == 4);
        }
        unmapped += status == MWN_OK && !source.samples;
        mwn_source_close(&source);
        if (!reached)
            break;
    }
    assert_int_equal(unmapped, 1);
}

/* A zip file with one stored array; at[]: places of its checksum in the directory, its size. */
static size_t make_npz(unsigned char *out, size_t *content)
{
    struct mwn_bytes npy = {0};
    unsigned char *p = out;
    assert_int_equal(mwn_file_read_plain(data_path("X.npy"), 4096, &npy, NULL), MWN_OK);
    uint32_t sum = (uint32_t)crc32_z(0, npy.data, npy.size), size = (uint32_t)npy.size;
    unsigned char local[30] = "PK\3\4\24", head[46] = "PK\1\2\24\0\24", end[22] = "PK\5\6";
    memcpy(local + 14, &sum, 4);
    memcpy(local + 18, &size, 4);
    memcpy(local + 22, &size, 4);
    local[26] = 5;
    memcpy(head + 16, local + 14, 14);
    end[8] = end[10] = 1;
    end[12] = sizeof(head) + 5;
    uint32_t directory = (uint32_t)(sizeof(local) + 5 + npy.size);
    memcpy(end + 16, &directory, 4);
    memcpy(p, local, 30);
    memcpy(p + 30, "X.npy", 5);
    memcpy(p + 35, npy.data, npy.size);
    *content = 35;
    p += directory;
    memcpy(p, head, 46);
    memcpy(p + 46, "X.npy", 5);
    memcpy(p + 51, end, 22);
    mwn_bytes_release(&npy);
    return (size_t)(p + 73 - out);
}

static void test_npz_is_read_and_a_changed_byte_found(void **state)
{
    (void)state;
    unsigned char bytes[2048];
    size_t content = 0;
    put_arrays();
    size_t size = make_npz(bytes, &content);
    for (size_t change = 0; change <= 1; change++) {
        struct mwn_npz npz = {0};
        struct mwn_npy array = {0};
        struct mwn_error err = {0};
        bytes[content + 130] ^= (unsigned char)change;
        data_write("a.npz", bytes, size);
        assert_int_equal(mwn_npz_open(&npz, data_path("a.npz"), &err), MWN_OK);
        assert_int_equal(npz.count, 1);
        const struct mwn_npz_entry *entry = mwn_npz_find(&npz, "X");
        assert_non_null(entry);
        assert_null(mwn_npz_find(&npz, "Y"));
        mwn_status status = mwn_npz_read(&npz, entry, &array, &err);
        if (change)
            data_expect(&err, status, MWN_ERR_DATA, "checksum", (char *)NULL);
        else
            assert_true(status == MWN_OK && mwn_npy_real(&array, 11) == 11.0);
        char *json = NULL;
        assert_int_equal(mwn_info(data_path("a.npz"), &json, &err), MWN_OK);
        assert_non_null(strstr(json, "\"kind\": \"npz\", \"arrays\": [{\"name\": \"X\""));
        assert_true((strstr(json, "\"problem\": ") != NULL) == (change == 1));
        assert_true((strstr(json, "\"shape\": [") != NULL) == (change == 0));
        mwn_text_free(json);
        mwn_npy_release(&array);
        mwn_npz_close(&npz);
    }
    for (size_t cut = 0; cut < size; cut++) { /* nothing but an error comes of it */
        struct mwn_npz npz = {0};
        struct mwn_error err = {0};
        data_write("a.npz", bytes, cut);
        data_expect(&err, mwn_npz_open(&npz, data_path("a.npz"), &err), MWN_ERR_DATA, "npz",
                    (char *)NULL);
    }
}

/* An archive that NumPy has written by np.savez_compressed(). */
static void test_npz_of_numpy_is_unpacked(void **state)
{
    (void)state;
    struct mwn_npz npz = {0};
    struct mwn_npy array = {0};
    struct mwn_error err = {0};
    if (!mwn_path_exists("fuzz/corpus/npz/deflated"))
        skip();
    assert_int_equal(mwn_npz_open(&npz, "fuzz/corpus/npz/deflated", &err), MWN_OK);
    const struct mwn_npz_entry *entry = mwn_npz_find(&npz, "y_train");
    assert_non_null(entry);
    assert_int_equal(entry->method, 8);
    assert_int_equal(mwn_npz_read(&npz, entry, &array, &err), MWN_OK);
    assert_int_equal(array.count, 4);
    assert_int_equal(mwn_npy_int(&array, 3), 3);
    mwn_npy_release(&array);
    mwn_npz_close(&npz);
}

#define TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, data_make_folder, data_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_csv_fields_are_taken_apart),
        TEST(test_csv_lines_are_counted_through_quotes),
        TEST(test_text_that_is_not_utf8_is_refused),
        TEST(test_headers_are_told_from_data),
        TEST(test_other_parts_have_a_header_where_training_has),
        TEST(test_columns_become_features_and_labels_classes),
        TEST(test_another_part_is_read_as_the_training_part_was),
        TEST(test_the_median_stands_for_what_only_new_data_lacks),
        TEST(test_rare_values_share_one_feature),
        TEST(test_numbers_that_are_codes_can_be_texts),
        TEST(test_numbers_with_a_comma_are_no_categories),
        TEST(test_a_blank_may_separate_fields),
        TEST(test_ids_weights_and_marks_are_no_features),
        TEST(test_many_columns_take_no_longer_than_they_should),
        TEST(test_an_index_in_any_order_is_no_feature),
        TEST(test_labels_may_be_missing_in_new_data),
        TEST(test_damaged_schemas_are_refused),
        TEST(test_tables_survive_no_memory),
        TEST(test_libsvm_is_made_dense),
        TEST(test_labels_without_a_name_are_of_the_training_part),
        TEST(test_labels_without_a_name_are_of_the_samples_in_their_folder),
        TEST(test_labels_are_whole_numbers_of_any_type),
        TEST(test_array_that_cannot_be_mapped_is_read),
        TEST(test_npz_is_read_and_a_changed_byte_found),
        TEST(test_npz_of_numpy_is_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
