/* test_inspect.c - equal samples, and looking into data while memory and files fail. */
#include "data_files.h"

#include "base/file.h"
#include "train/inspect.h"

static mwn_config *config_of(const char *path)
{
    mwn_config *config = NULL;
    struct mwn_error err = {0};
    assert_int_equal(mwn_config_create(&config, &err), MWN_OK);
    assert_int_equal(mwn_config_set(config, "data.path", path, &err), MWN_OK);
    return config;
}

/* A source of samples of one byte. */
static struct mwn_source source_of(const unsigned char *samples, int32_t *label, size_t n)
{
    return (struct mwn_source){
        .n = n,
        .shape = {1, 1, 1},
        .classes = 3,
        .type = MWN_SAMPLE_U8,
        .samples = samples,
        .label = label,
    };
}

static void test_equal_samples_are_counted(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_equals equals;
    const unsigned char train[] = {7, 1, 7, 2, 7, 1, 3}, test[] = {2, 9, 7};
    int32_t train_label[] = {0, 1, 2, 1, 0, 1, 0}, test_label[] = {1, 1, 0};
    const struct mwn_source sources[MWN_INSPECT_PARTS] = {
        [MWN_PART_TRAIN] = source_of(train, train_label, MWN_COUNT(train)),
        [MWN_PART_TEST] = source_of(test, test_label, MWN_COUNT(test)),
    };
    assert_int_equal(mwn_inspect_equals(sources, &equals, &err), MWN_OK);
    assert_int_equal(equals.copies[MWN_PART_TRAIN], 3); /* two sevens and a one */
    assert_int_equal(equals.copies[MWN_PART_TEST], 0);
    assert_int_equal(equals.shared[MWN_PART_TRAIN][MWN_PART_TEST], 4);
    assert_int_equal(equals.shared[MWN_PART_TEST][MWN_PART_TRAIN], 2);
    assert_int_equal(equals.shared[MWN_PART_TRAIN][MWN_PART_TRAIN], 0);
    assert_int_equal(equals.conflicts, 1);
    assert_int_equal(equals.conflicting, 4);
    assert_int_equal(equals.first[0].n, 4);
    assert_int_equal(equals.first[0].place[1].sample, 2);
    assert_int_equal(equals.first[0].place[3].part, MWN_PART_TEST);
    assert_int_equal(equals.unreadable, 0);
}

static void test_conflicts_are_told_in_order(void **state)
{
    (void)state;
    enum { N = 40 };
    struct mwn_error err = {0};
    struct mwn_equals equals;
    unsigned char samples[N];
    int32_t label[N];
    for (size_t i = 0; i < N; i++) {
        samples[i] = (unsigned char)(i / 2);
        label[i] = (int32_t)(i % 2);
    }
    const struct mwn_source sources[MWN_INSPECT_PARTS] = {source_of(samples, label, N)};
    assert_int_equal(mwn_inspect_equals(sources, &equals, &err), MWN_OK);
    assert_int_equal(equals.conflicts, N / 2);
    for (size_t i = 1; i < MWN_INSPECT_SHOWN; i++)
        assert_true(equals.first[i - 1].place[0].sample < equals.first[i].place[0].sample);
    assert_int_equal(equals.first[0].place[0].sample, 0);
    assert_int_equal(equals.first[MWN_INSPECT_SHOWN - 1].place[0].sample,
                     2 * (MWN_INSPECT_SHOWN - 1));
}

static void test_ids_of_two_samples_are_a_problem(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *json = NULL;
    data_write_text("t.csv", "id,x,label\na,1,u\nb,2,v\na,3,u\nb,4,v\na,5,u\n");
    mwn_config *config = config_of(data_path("t.csv"));
    assert_int_equal(mwn_inspect(config, &json, &err), MWN_OK);
    assert_non_null(strstr(json,
                           "3 training samples have the id of an earlier one: samples "
                           "0 and 2 are both called 'a'"));
    mwn_text_free(json);
    mwn_config_free(config);
    data_remove("t.csv");
}

/* Every failing call is reported, or is one about a part that is not needed. */
static void survive(void (*begin)(uint64_t n), mwn_status expected)
{
    struct mwn_error err = {0};
    mwn_config *config = config_of(data_path(""));
    for (uint64_t n = 1; n < 2000; n++) {
        char *json = NULL;
        begin(n);
        mwn_status status = mwn_inspect(config, &json, &err);
        begin(0);
        bool clean = json && strstr(json, "\"problems\": []");
        if (status != MWN_OK) {
            assert_int_equal(status, expected);
            assert_null(json);
        } else {
            assert_non_null(json);
        }
        mwn_text_free(json);
        if (clean) {
            mwn_config_free(config);
            assert_true(n > 5);
            return;
        }
    }
    fail_msg("never without a problem");
}

static void test_inspecting_survives_every_failure(void **state)
{
    (void)state;
    data_put_set(12, 6, 4);
    survive(mwn_mem_fail_once, MWN_ERR_MEMORY);
    survive(mwn_mem_fail_after, MWN_ERR_MEMORY);
    survive(mwn_file_fail_after, MWN_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_samples_are_counted),
        cmocka_unit_test(test_conflicts_are_told_in_order),
        cmocka_unit_test(test_ids_of_two_samples_are_a_problem),
        cmocka_unit_test(test_inspecting_survives_every_failure),
    };
    return cmocka_run_group_tests(tests, data_make_folder, data_remove_folder);
}
