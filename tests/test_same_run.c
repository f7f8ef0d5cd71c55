/* test_same_run.c - a run's folder: what it may hold before, who may train in it, and which run is
 * taken up. Where a run may be stopped. */
#include "tiny_run.h"

#include "base/file.h"
#include "tensor/npy.h"

#include <fcntl.h>

enum { FEATURES = 4, ROWS = 24 };

/* A folder of arrays: rows of two classes, `by` their scale. */
static char *put_rows(const char *name, float by)
{
    static const size_t shape[] = {ROWS, FEATURES};
    struct mwn_error err = {0};
    float x[ROWS * FEATURES];
    int32_t y[ROWS];
    for (size_t i = 0; i < MWN_COUNT(x); i++)
        x[i] = by * (float)(i * 7 % 31) / 10;
    for (size_t i = 0; i < ROWS; i++)
        y[i] = (int32_t)(i % 2);
    char *dir = data_path(name), *rows = mwn_path_join(dir, "X.npy"),
         *labels = mwn_path_join(dir, "y.npy");
    must(mwn_path_make_dir(dir, &err), &err);
    must(mwn_npy_write(rows, MWN_NPY_F32, 2, shape, x, &err), &err);
    must(mwn_npy_write(labels, MWN_NPY_I32, 1, shape, y, &err), &err);
    mwn_free(rows);
    mwn_free(labels);
    return dir;
}

/* Two epochs of plain training on rows, with a test set only if there is a share for it. */
static mwn_config *rows_config(const char *dir, const char *test_share)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    char *rows = mwn_path_join(dir, "X.npy");
    must(mwn_config_create(&config, &err), &err);
    set(config, "data.reader", "npy");
    set(config, "data.path", rows);
    set(config, "data.test_share", test_share);
    set(config, "data.meta_per_class", "0");
    set(config, "method.name", "ce");
    set(config, "model.name", "mlp");
    set(config, "model.hidden", "4");
    set(config, "train.backend", "ref");
    set(config, "train.epochs", "2");
    set(config, "train.batch", "4");
    set(config, "train.threads", "1");
    mwn_free(rows);
    return config;
}

static void expect_open(const mwn_config *config, const char *dir, mwn_status wanted,
                        const char *word)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    data_expect(&err, mwn_run_open(&run, config, dir, &err), wanted, word, NULL);
    assert_null(run);
}

/* ---- The same run ------------------------------------------------------------------- */

/* Killed right after the recipe was there. */
static void test_a_run_whose_folder_is_half_made_is_taken_up(void **state)
{
    (void)state;
    static const char *const late[] = {"train_ids.npy", "labels.npy", "true_labels.npy"};
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    const char *dir = data_path("half-made");
    must(mwn_run_open(&run, config, dir, &err), &err);
    mwn_run_free(run);
    for (size_t i = 0; i < MWN_COUNT(late); i++) {
        char *path = mwn_path_join(dir, late[i]);
        assert_int_equal(remove(path), 0);
        must(mwn_run_open(&run, config, dir, &err), &err);
        mwn_run_free(run);
        assert_true(mwn_path_exists(path));
        mwn_free(path);
    }
    mwn_config_free(config);
}

static void test_a_run_is_taken_up_by_the_same_options_alone(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    const char *dir = data_path("same");
    must(mwn_run_open(&run, config, dir, &err), &err);
    must(mwn_run_epoch(run, &err), &err);
    mwn_run_free(run);
    run = NULL;
    set(config, "train.threads", "2");
    must(mwn_run_open(&run, config, dir, &err), &err);
    assert_int_equal(run->epoch, 1);
    assert_int_equal(run->settings.train.threads, 2);
    train_all(run);
    mwn_run_free(run);
    run = NULL;
    must(mwn_run_open(&run, config, dir, &err), &err);
    assert_false(mwn_run_more(run));
    mwn_run_free(run);
    set(config, "train.lr", "0.2");
    expect_open(config, dir, MWN_ERR_MISMATCH, "lr: 0.1");
    set(config, "train.lr", "0.1");
    set(config, "train.epochs", "9");
    expect_open(config, dir, MWN_ERR_MISMATCH, "epochs: 3");
    mwn_config_free(config);
}

static void test_a_run_is_taken_up_with_the_same_samples_alone(void **state)
{
    (void)state;
    const char *rows = put_rows("rows", 1), *dir = data_path("on-rows");
    mwn_config *config = rows_config(rows, "0.25");
    (void)train_in("on-rows", config);
    put_rows("rows", 100);
    expect_open(config, dir, MWN_ERR_MISMATCH, "data");
    put_rows("rows", 1);
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    must(mwn_run_open(&run, config, dir, &err), &err);
    mwn_run_free(run);
    mwn_config_free(config);
}

/* Every fold is looked at, the finished ones as well. */
static void test_folds_of_other_options_are_not_joined(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    const struct mwn_cv_options options = {.folds = 2, .fold = -1};
    const char *out = data_path("cv.npy"), *rows = put_rows("cv-rows", 1);
    mwn_config *config = rows_config(rows, "0.25");
    char *json = NULL;
    must(mwn_cv(config, out, &options, &json, &err), &err);
    mwn_text_free(json);
    must(mwn_cv(config, out, &options, &json, &err), &err);
    mwn_text_free(json);
    set(config, "train.lr", "0.3");
    mwn_status status = mwn_cv(config, out, &options, &json, &err);
    data_expect(&err, status, MWN_ERR_MISMATCH, "lr: 0.1", "cv.npy.folds", NULL);
    set(config, "data.seed", "9");
    status = mwn_cv(config, out, &options, &json, &err);
    data_expect(&err, status, MWN_ERR_MISMATCH, "holds other", NULL);
    mwn_config_free(config);
}

static void test_ids_of_somebody_else_are_not_written_over(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    const struct mwn_cv_options options = {.folds = 2, .fold = -1};
    const char *rows = put_rows("cv-more", 1);
    mwn_config *config = rows_config(rows, "0.25");
    char *json = NULL;
    must(mwn_path_make_dir(data_path("taken"), &err), &err);
    data_write_text("taken/ids.csv", "mine");
    mwn_status status = mwn_cv(config, data_path("taken/p.npy"), &options, &json, &err);
    data_expect(&err, status, MWN_ERR_MISMATCH, "ids.csv: holds other ids", NULL);
    assert_int_equal(mwn_path_size(data_path("taken/ids.csv")), 4);
    mwn_config_free(config);
}

/* ---- The folder --------------------------------------------------------------------- */

static void test_a_folder_with_files_of_ones_own_is_left_alone(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    must(mwn_path_make_dir(data_path("mine"), &err), &err);
    data_write_text("mine/labels.npy", "mine");
    mwn_status status = mwn_run_create(&run, config, data_path("mine"), &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "'labels.npy'", "another folder", NULL);
    assert_int_equal(mwn_path_size(data_path("mine/labels.npy")), 4);
    assert_false(mwn_path_exists(data_path("mine/recipe.yaml")));
    mwn_config_free(config);
}

static void test_only_one_trains_in_a_folder(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL, *other = NULL;
    mwn_config *config = tiny_config();
    const char *dir = data_path("locked");
    must(mwn_run_create(&run, config, dir, &err), &err);
    mwn_status status = mwn_run_resume(&other, dir, NULL, &err);
    data_expect(&err, status, MWN_ERR_IO, "another process is training", NULL);
    train_all(run);
    mwn_run_free(run);
    must(mwn_run_resume(&other, dir, NULL, &err), &err);
    mwn_run_free(other);
    mwn_config_free(config);
}

static void test_paths_in_a_recipe_do_not_depend_on_where_one_is(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_bytes text = {0};
    char *rows = put_rows("relative", 1);
    mwn_config *config = rows_config(rows, "0.25");
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(rows), 0);
    set(config, "data.y", "y.npy");
    (void)train_in("from-relative", config);
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
    must(mwn_file_read(data_path("from-relative/recipe.yaml"), 1 << 20, &text, &err), &err);
    assert_non_null(strstr((char *)text.data, "relative/y.npy"));
    mwn_bytes_release(&text);
    mwn_config_free(config);
}

static void test_values_that_are_not_utf8_are_refused(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = tiny_config();
    mwn_status status = mwn_config_set(config, "data.path", "caf\xe9", &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "data.path", "not UTF-8", NULL);
    mwn_config_free(config);
}

/* ---- Epochs ------------------------------------------------------------------------- */

/* With nothing to choose an epoch by, the best model is the last. */
static void test_without_a_test_set_the_last_epoch_is_the_best(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *json = NULL;
    const char *rows = put_rows("no-test", 1), *dir = data_path("untested");
    mwn_config *config = rows_config(rows, "0");
    must(mwn_run_create(&run, config, dir, &err), &err);
    train_all(run);
    assert_int_equal(run->best_epoch, 2);
    must(mwn_run_summary(run, &json, &err), &err);
    assert_non_null(strstr(json, "\"chosen_by\": \"last\""));
    mwn_text_free(json);
    mwn_run_free(run);
    mwn_status status = mwn_evaluate(dir, NULL, &json, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "data.test", "data.test_share", NULL);
    mwn_config_free(config);
}

/* Trains with a limit of 10 steps, of which 7 make an epoch, and a stop after so many calls. */
static char *train_to_the_limit(const char *name, const mwn_config *config, int calls)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *dir = data_path(name);
    int left = calls;
    must(mwn_run_create(&run, config, dir, &err), &err);
    mwn_run_set_progress(run, stop_after, &left);
    mwn_status status = MWN_OK;
    while (status == MWN_OK && mwn_run_more(run))
        status = mwn_run_epoch(run, &err);
    assert_int_equal(status, calls < 1000 ? MWN_INTERRUPTED : MWN_OK);
    mwn_run_free(run);
    run = NULL;
    must(mwn_run_resume(&run, dir, NULL, &err), &err);
    train_all(run);
    mwn_run_free(run);
    return dir;
}

/* Stopped in each of the steps, evaluations and saves, also in the step that reaches the limit. */
static void test_a_stop_at_the_limit_loses_no_epoch(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    char name[32];
    set(config, "train.stop_after", "10");
    char *whole = mwn_strdup(train_to_the_limit("limit-whole", config, 100000));
    for (int calls = 1; calls < 16; calls++) {
        snprintf(name, sizeof(name), "limit-%d", calls);
        expect_same_file(whole, train_to_the_limit(name, config, calls),
                         "last/state.safetensors");
    }
    mwn_free(whole);
    mwn_config_free(config);
}

/* Stops in the phase in which the complete epoch is saved. */
static int stop_in_save(const struct mwn_progress *progress, void *user)
{
    (void)user;
    return strcmp(progress->phase, "save") == 0;
}

static void test_a_stop_while_an_epoch_is_saved_is_heard(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    set(config, "train.checkpoint_every", "3");
    const char *dir = data_path("stop-in-save");
    must(mwn_run_create(&run, config, dir, &err), &err);
    mwn_run_set_progress(run, stop_in_save, NULL);
    assert_int_equal(mwn_run_epoch(run, &err), MWN_INTERRUPTED);
    mwn_run_free(run);
    run = NULL;
    must(mwn_run_resume(&run, dir, NULL, &err), &err);
    assert_int_equal(run->epoch, 1);
    mwn_run_free(run);
    mwn_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_whose_folder_is_half_made_is_taken_up),
        cmocka_unit_test(test_a_run_is_taken_up_by_the_same_options_alone),
        cmocka_unit_test(test_a_run_is_taken_up_with_the_same_samples_alone),
        cmocka_unit_test(test_folds_of_other_options_are_not_joined),
        cmocka_unit_test(test_ids_of_somebody_else_are_not_written_over),
        cmocka_unit_test(test_a_folder_with_files_of_ones_own_is_left_alone),
        cmocka_unit_test(test_only_one_trains_in_a_folder),
        cmocka_unit_test(test_paths_in_a_recipe_do_not_depend_on_where_one_is),
        cmocka_unit_test(test_values_that_are_not_utf8_are_refused),
        cmocka_unit_test(test_without_a_test_set_the_last_epoch_is_the_best),
        cmocka_unit_test(test_a_stop_at_the_limit_loses_no_epoch),
        cmocka_unit_test(test_a_stop_while_an_epoch_is_saved_is_heard),
    };
    return cmocka_run_group_tests(tests, tiny_make_data, data_remove_folder);
}
