/* test_run.c - whole runs on tiny data: the same bytes from the same seed, exact resumption,
 * every method with every network, evaluation, model files, and how scores are counted. */
#include "tier.h"
#include "tiny_run.h"

#include "base/file.h"
#include "base/status.h"
#include "methods/method.h"
#include "nn/net.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"
#include "train/metrics.h"
#include "train/run.h"

#include <math.h>

static const char *const same_files[] = {"last/state.safetensors",
                                         "last/model.safetensors",
                                         "best/model.safetensors",
                                         "weights.npy",
                                         "weight_net.json",
                                         "journal.npy",
                                         "recipe.yaml"};

/* MentorNet's own training is cut short. */
static void set_method(mwn_config *config, const struct mwn_method *method)
{
    set(config, "method.name", method->name);
    if (method->options && mwn_option_find(method->options, "steps"))
        set(config, "method.steps", "100");
}

static void expect_same_run(const char *a, const char *b)
{
    for (size_t i = 0; i < MWN_COUNT(same_files); i++)
        expect_same_file(a, b, same_files[i]);
}

/* The same for a method that has no curve. */
static void expect_same_plain_run(const char *a, const char *b)
{
    for (size_t i = 0; i < MWN_COUNT(same_files); i++)
        if (strcmp(same_files[i], "weight_net.json") != 0)
            expect_same_file(a, b, same_files[i]);
}

static size_t count_lines(const char *dir, const char *name)
{
    struct mwn_error err = {0};
    struct mwn_bytes bytes = {0};
    size_t lines = 0;
    char *path = mwn_path_join(dir, name);
    must(mwn_file_read(path, (size_t)1 << 20, &bytes, &err), &err);
    for (size_t i = 0; i < bytes.size; i++)
        lines += bytes.data[i] == '\n';
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return lines;
}

static void test_the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    const char *a = train_in("same-a", config);
    set(config, "data.threads", "0");
    const char *b = train_in("same-b", config);
    for (size_t i = 0; i + 1 < MWN_COUNT(same_files); i++)
        expect_same_file(a, b, same_files[i]);
    assert_int_equal(count_lines(a, "record.jsonl"), 3);
    mwn_config_free(config);
}

static void test_another_seed_gives_another_model(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_bytes x = {0}, y = {0};
    mwn_config *config = tiny_config();
    train_in("seed-1", config);
    set(config, "train.seed", "2");
    train_in("seed-2", config);
    must(mwn_file_read(data_path("seed-1/last/model.safetensors"), 1 << 20, &x, &err),
         &err);
    must(mwn_file_read(data_path("seed-2/last/model.safetensors"), 1 << 20, &y, &err),
         &err);
    assert_int_equal(x.size, y.size);
    assert_int_not_equal(memcmp(x.data, y.data, x.size), 0);
    mwn_bytes_release(&x);
    mwn_bytes_release(&y);
    mwn_config_free(config);
}

static double number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    if (at)
        return strtod(at + strlen(key), NULL);
    fail_msg("no %s in %s", key, text);
    return 0;
}

/* Without loader threads, what is waited for is the work itself, so that it takes time. */
static void test_the_record_says_where_the_time_of_an_epoch_went(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_bytes bytes = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    set(config, "data.threads", "0");
    must(mwn_run_create(&run, config, data_path("times"), &err), &err);
    must(mwn_run_epoch(run, &err), &err);
    double parts = run->epoch_step_seconds + run->epoch_wait_seconds;
    assert_true(run->epoch_step_seconds > 0 && run->epoch_wait_seconds > 0);
    assert_true(parts < run->epoch_seconds);
    assert_true(run->epoch_seconds >= run->train_seconds);
    assert_true(run->wait_seconds == run->epoch_wait_seconds);
    must(mwn_file_read(data_path("times/record.jsonl"), 1 << 16, &bytes, &err), &err);
    const char *line = (const char *)bytes.data;
    assert_true(fabs(number_after(line, "\"step_seconds\": ") - run->epoch_step_seconds) <
                1e-3);
    assert_true(fabs(number_after(line, "\"wait_seconds\": ") - run->epoch_wait_seconds) <
                1e-3);
    mwn_bytes_release(&bytes);
    mwn_run_free(run);
    mwn_config_free(config);
}

/* Trains a run that is stopped again and again, at calls of the progress function that fall into
 * epochs and into evaluations, and taken up each time. */
static void train_in_pieces(const char *dir, const mwn_config *config, int calls)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_status status = mwn_run_create(&run, config, dir, &err);
    must(status, &err);
    for (int pieces = 0; pieces < 200 && mwn_run_more(run); pieces++) {
        int left = calls;
        mwn_run_set_progress(run, stop_after, &left);
        status = mwn_run_epoch(run, &err);
        if (status == MWN_INTERRUPTED) {
            mwn_run_free(run);
            run = NULL;
            must(mwn_run_resume(&run, dir, NULL, &err), &err);
        } else {
            must(status, &err);
        }
    }
    assert_false(mwn_run_more(run));
    mwn_run_free(run);
}

static void test_a_run_stopped_in_an_epoch_ends_the_same(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "meta.every", "2");
    const char *whole = train_in("whole", config);
    train_in_pieces(data_path("pieces-4"), config, 4);
    expect_same_run(whole, data_path("pieces-4"));
    train_in_pieces(data_path("pieces-5"), config, 5);
    expect_same_run(whole, data_path("pieces-5"));
    assert_int_equal(count_lines(data_path("pieces-5"), "record.jsonl"), 3);
    mwn_config_free(config);
}

static void expect_same_when_stopped(const mwn_config *config, const char *name)
{
    char dir[64];
    (void)snprintf(dir, sizeof(dir), "%s-whole", name);
    const char *whole = train_in(dir, config);
    (void)snprintf(dir, sizeof(dir), "%s-pieces", name);
    train_in_pieces(data_path(dir), config, 5);
    expect_same_plain_run(whole, data_path(dir));
}

/* Whatever a method keeps of epochs, samples and classes is in the checkpoint. */
static void test_every_method_ends_the_same_when_stopped(void **state)
{
    (void)state;
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        mwn_config *config = tiny_config();
        set_method(config, *m);
        expect_same_when_stopped(config, (*m)->name);
        mwn_config_free(config);
    }
    mwn_config *config = tiny_config();
    set_method(config, mwn_method_find("s_model"));
    set(config, "method.form", "complex");
    expect_same_when_stopped(config, "s_model-complex");
    mwn_config_free(config);
}

static void test_training_on_the_meta_set_alone_has_a_record_of_it(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_bytes bytes = {0};
    mwn_config *config = tiny_config();
    set(config, "method.name", "meta_only");
    set(config, "meta.every", "3"); /* means nothing here */
    const char *dir = train_in("meta-only", config);
    must(mwn_file_read(data_path("meta-only/record.jsonl"), 1 << 16, &bytes, &err), &err);
    assert_non_null(strstr((const char *)bytes.data, "\"train_loss\": null"));
    assert_true(number_after((const char *)bytes.data, "\"meta_loss\": ") > 0);
    mwn_bytes_release(&bytes);
    (void)dir;
    mwn_config_free(config);
}

static void test_a_run_that_samples_layers_ends_the_same_when_stopped(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "meta.gradient", "sampled");
    set(config, "meta.layers", "0.5");
    const char *whole = train_in("sampled", config);
    train_in_pieces(data_path("sampled-pieces"), config, 4);
    expect_same_run(whole, data_path("sampled-pieces"));
    mwn_config_free(config);
}

/* It measures at the start alone here: a stopped run must remember what it found. */
static void test_a_run_with_learned_chances_ends_the_same_when_stopped(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "meta.gradient", "sampled");
    set(config, "meta.layers", "0.5");
    set(config, "meta.chances", "learned");
    const char *whole = train_in("learned", config);
    train_in_pieces(data_path("learned-pieces"), config, 4);
    expect_same_run(whole, data_path("learned-pieces"));
    mwn_config_free(config);
}

static void test_a_run_without_a_meta_set_chooses_one_and_ends_the_same(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    set(config, "data.meta_per_class", "0");
    set(config, "meta.source", "lowest_loss");
    set(config, "meta.loss", "mae");
    set(config, "meta.per_class", "3");
    set(config, "meta.every", "2");
    set(config, "data.threads", "2");
    const char *whole = train_in("chosen", config);
    train_in_pieces(data_path("chosen-pieces"), config, 4);
    expect_same_run(whole, data_path("chosen-pieces"));
    set(config, "train.journal", "false");
    data_expect(&err, mwn_run_create(&run, config, NULL, &err), MWN_ERR_CONFIG,
                "train.journal", NULL);
    set(config, "train.journal", "true");
    set(config, "data.meta_per_class", "2");
    data_expect(&err, mwn_run_create(&run, config, NULL, &err), MWN_ERR_CONFIG,
                "meta.source", NULL);
    mwn_config_free(config);
}

/* Epochs on the meta set alone have no losses to choose by. */
static void expect_choice_kept(const char *method, const char *share, uint64_t plain_epochs)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    uint32_t chosen[12];
    set(config, "data.meta_per_class", "0");
    set(config, "meta.source", "lowest_loss");
    set(config, "meta.per_class", "3");
    set(config, "train.epochs", "4");
    set(config, "method.name", method);
    if (share)
        set(config, "method.share", share);
    must(mwn_run_create(&run, config, NULL, &err), &err);
    assert_int_equal(run->sets.meta.n, MWN_COUNT(chosen));
    while (mwn_run_more(run)) {
        must(mwn_run_epoch(run, &err), &err);
        if (run->epoch <= plain_epochs)
            memcpy(chosen, run->meta_chosen, sizeof(chosen));
        assert_memory_equal(chosen, run->meta_chosen, sizeof(chosen));
    }
    mwn_run_free(run);
    mwn_config_free(config);
}

static void test_epochs_on_the_meta_set_alone_keep_the_chosen_one(void **state)
{
    (void)state;
    expect_choice_kept("finetune", "0.5", 2);
    expect_choice_kept("meta_only", NULL, 1);
}

/* A killed run leaves what it wrote after its last checkpoint: the best model and lines. */
static void test_a_run_killed_between_checkpoints_ends_the_same(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    set(config, "train.epochs", "5");
    set(config, "train.checkpoint_every", "2");
    const char *whole = train_in("every-2", config);
    const char *dir = data_path("killed");
    must(mwn_run_create(&run, config, dir, &err), &err);
    for (int i = 0; i < 3; i++)
        must(mwn_run_epoch(run, &err), &err);
    mwn_run_free(run);
    data_write_text("killed/last/state.safetensors.tmp-77", "half");
    must(mwn_file_append(data_path("killed/record.jsonl"), "{\"epo", &err), &err);
    must(mwn_run_resume(&run, dir, NULL, &err), &err);
    assert_int_equal(run->epoch, 2);
    assert_int_equal(count_lines(dir, "record.jsonl"), 2);
    assert_false(mwn_path_exists(data_path("killed/last/state.safetensors.tmp-77")));
    train_all(run);
    mwn_run_free(run);
    expect_same_run(whole, dir);
    assert_int_equal(count_lines(dir, "record.jsonl"), 5);
    mwn_config_free(config);
}

static void test_a_run_killed_before_its_first_checkpoint_ends_the_same(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    const char *whole = train_in("from-0", config);
    const char *dir = data_path("early");
    must(mwn_run_create(&run, config, dir, &err), &err);
    mwn_run_free(run);
    must(mwn_run_resume(&run, dir, NULL, &err), &err);
    train_all(run);
    mwn_run_free(run);
    expect_same_run(whole, dir);
    mwn_config_free(config);
}

static void test_epochs_can_be_added(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config(), *more = NULL;
    train_in("added", config);
    set(config, "train.epochs", "4");
    const char *whole = train_in("four", config);
    must(mwn_config_create(&more, &err), &err);
    set(more, "train.epochs", "4");
    must(mwn_run_resume(&run, data_path("added"), more, &err), &err);
    assert_true(mwn_run_more(run));
    train_all(run);
    mwn_run_free(run);
    expect_same_run(whole, data_path("added"));
    mwn_config_free(config);
    mwn_config_free(more);
}

/* Tries to take up the run in dir with one change. */
static void expect_refused(const char *dir, const char *key, const char *value,
                           mwn_status wanted, const char *word)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *changes = NULL;
    must(mwn_config_create(&changes, &err), &err);
    if (key)
        set(changes, key, value);
    mwn_status status = mwn_run_resume(&run, dir, changes, &err);
    data_expect(&err, status, wanted, word, NULL);
    assert_null(run);
    mwn_config_free(changes);
}

static void replace_in(const char *name, const char *old, const char *new)
{
    struct mwn_error err = {0};
    struct mwn_bytes bytes = {0};
    struct mwn_buf text = {0};
    must(mwn_file_read(data_path(name), 1 << 20, &bytes, &err), &err);
    char *found = strstr((char *)bytes.data, old);
    assert_non_null(found);
    mwn_buf_add(&text, bytes.data, (size_t)(found - (char *)bytes.data));
    mwn_buf_printf(&text, "%s%s", new, found + strlen(old));
    must(mwn_file_write(data_path(name), text.text, text.size, &err), &err);
    mwn_buf_release(&text);
    mwn_bytes_release(&bytes);
}

static void test_a_run_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    train_in("fits", config);
    expect_refused(data_path("fits"), "train.lr", "0.2", MWN_ERR_CONFIG, "train.lr");
    expect_refused(data_path("fits"), "train.epochs", "2", MWN_ERR_CONFIG, "can only grow");
    expect_refused(data_path("nowhere"), NULL, NULL, MWN_ERR_IO, "no run");
    mwn_status status = mwn_run_create(&run, config, data_path("fits"), &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "holds a run", "--resume", NULL);

    replace_in("fits/recipe.yaml", "lr: 0.1\n", "lr: 0.2\n");
    expect_refused(data_path("fits"), NULL, NULL, MWN_ERR_MISMATCH, "recipe");
    replace_in("fits/recipe.yaml", "lr: 0.2\n", "lr: 0.1\n");
    must(mwn_run_resume(&run, data_path("fits"), NULL, &err), &err);
    mwn_run_free(run);

    struct data_idx other = data_idx_labels(56, 4);
    other.bytes[other.header] = 1;
    data_put_idx("train-labels-idx1-ubyte", other);
    expect_refused(data_path("fits"), NULL, NULL, MWN_ERR_MISMATCH, "labels");
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(56, 4));

    data_write("fits/last/state.safetensors", "12345678{}", 10);
    expect_refused(data_path("fits"), NULL, NULL, MWN_ERR_DATA, "state.safetensors");
    mwn_config_free(config);
}

static void test_a_cosine_run_cannot_grow(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "train.schedule", "cosine");
    const char *dir = train_in("cosine", config);
    expect_refused(dir, "train.epochs", "9", MWN_ERR_CONFIG, "cosine");
    mwn_config_free(config);
}

/* Cycles do not depend on where the run ends. */
static void test_a_run_of_cosine_cycles_grows(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config(), *more = NULL;
    must(mwn_config_create(&more, &err), &err);
    set(more, "train.epochs", "9");
    set(config, "train.schedule", "cosine");
    set(config, "train.lr_min", "0.5");
    data_expect(&err, mwn_run_create(&run, config, NULL, &err), MWN_ERR_CONFIG,
                "train.lr_min", "more than train.lr", NULL);
    set(config, "train.lr_min", "0.01");
    set(config, "train.cycle", "1");
    const char *dir = train_in("cycles", config);
    must(mwn_run_resume(&run, dir, more, &err), &err);
    assert_true(mwn_run_more(run));
    mwn_run_free(run);
    mwn_config_free(more);
    mwn_config_free(config);
}

static void test_a_run_whose_method_goes_by_its_length_cannot_grow(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "method.name", "finetune");
    const char *dir = train_in("by-length", config);
    expect_refused(dir, "train.epochs", "9", MWN_ERR_CONFIG, "'finetune'");
    mwn_config_free(config);
}

static void test_failed_creation_leaves_nothing(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    mwn_config *config = tiny_config();
    mwn_file_fail_after(0);
    set(config, "data.meta_per_class", "0");
    mwn_status status = mwn_run_create(&run, config, data_path("no/run"), &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "data.meta_per_class", "'mwnet'", NULL);
    set(config, "data.meta_per_class", "2");
    set(config, "data.path", "");
    status = mwn_run_create(&run, config, data_path("no/run"), &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "data.path", NULL);
    set(config, "data.path", data_path("nothing"));
    status = mwn_run_create(&run, config, data_path("no/run"), &err);
    assert_int_equal(status, MWN_ERR_IO);
    set(config, "data.path", data_folder);
    set(config, "model.name", "nomodel");
    status = mwn_run_create(&run, config, data_path("no/run"), &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "nomodel", NULL);
    assert_false(mwn_path_exists(data_path("no")));
    mwn_config_free(config);
}

/* Divergence is told from other failures and does not touch the last checkpoint. */
static void test_a_diverging_run_keeps_its_checkpoint(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    struct mwn_bytes x = {0}, y = {0};
    mwn_config *config = tiny_config();
    set(config, "train.lr", "1000000");
    set(config, "train.lr_drops", "1");
    set(config, "train.lr_factor", "1");
    set(config, "train.warmup", "0");
    set(config, "train.epochs", "50");
    set(config, "method.name", "ce");
    must(mwn_run_create(&run, config, data_path("diverges"), &err), &err);
    mwn_status status = mwn_checkpoint_save(run, &err);
    must(status, &err);
    must(mwn_file_read(data_path("diverges/last/state.safetensors"), 1 << 20, &x, &err),
         &err);
    while (status == MWN_OK && mwn_run_more(run))
        status = mwn_run_epoch(run, &err);
    data_expect(&err, status, MWN_ERR_DIVERGED, "epoch 1", "train.lr", NULL);
    must(mwn_file_read(data_path("diverges/last/state.safetensors"), 1 << 20, &y, &err),
         &err);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    mwn_bytes_release(&x);
    mwn_bytes_release(&y);
    mwn_run_free(run);
    mwn_config_free(config);
}

static void test_the_best_epoch_is_chosen_on_the_validation_set(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *json = NULL;
    mwn_config *config = tiny_config();
    set(config, "data.valid_per_class", "2");
    must(mwn_run_create(&run, config, NULL, &err), &err);
    train_all(run);
    must(mwn_run_summary(run, &json, &err), &err);
    assert_non_null(strstr(json, "\"chosen_by\": \"valid\""));
    assert_non_null(strstr(json, "\"valid\": 8, \"test\": 10"));
    assert_true(run->best_epoch >= 1 && run->best_epoch <= 3);
    mwn_text_free(json);
    mwn_run_free(run);
    mwn_config_free(config);
}

/* weights.npy belongs to the samples of train_ids.npy and holds the mean of the epochs. */
static void test_weights_belong_to_the_training_samples(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_npy weights = {0}, ids = {0}, given = {0}, truth = {0};
    mwn_config *config = tiny_config();
    train_in("weights", config);
    must(mwn_npy_read(data_path("weights/weights.npy"), &weights, &err), &err);
    must(mwn_npy_read(data_path("weights/train_ids.npy"), &ids, &err), &err);
    must(mwn_npy_read(data_path("weights/labels.npy"), &given, &err), &err);
    must(mwn_npy_read(data_path("weights/true_labels.npy"), &truth, &err), &err);
    assert_int_equal(weights.count, 48);
    assert_int_equal(ids.count, 48);
    size_t wrong = 0;
    for (size_t i = 0; i < 48; i++) {
        double w = mwn_npy_real(&weights, i);
        assert_true(w > 0 && w < 1);
        assert_int_equal(mwn_npy_int(&truth, i), mwn_npy_int(&ids, i) % 4);
        wrong += mwn_npy_int(&truth, i) != mwn_npy_int(&given, i);
    }
    assert_true(wrong > 5 && wrong < 40);
    mwn_npy_release(&weights);
    mwn_npy_release(&ids);
    mwn_npy_release(&given);
    mwn_npy_release(&truth);
    mwn_config_free(config);
}

static void test_only_the_last_epochs_enter_the_weights(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_weight_log log = {0};
    const uint32_t index[] = {0, 2};
    float mean[3] = {0};
    must(mwn_weight_log_init(&log, 3, 2, &err), &err);
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        const double weight[] = {0.25 * (double)epoch, 1};
        mwn_weight_log_begin(&log, epoch);
        mwn_weight_log_add(&log, epoch, epoch == 3 ? 1 : 2, index, weight);
    }
    mwn_weight_log_mean(&log, mean);
    assert_true(fabsf(mean[0] - 0.625f) < 1e-6f); /* epochs 2 and 3 */
    assert_true(isnan(mean[1]));                  /* never drawn    */
    assert_true(fabsf(mean[2] - 1.0f) < 1e-6f);   /* epoch 2        */
    mwn_weight_log_release(&log);
}

/* The model of a run, loaded from its file, is as good as the run says. */
static void test_a_saved_model_evaluates_as_in_the_run(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = tiny_config(), *data = NULL;
    char *whole = NULL, *alone = NULL, wanted[64];
    mwn_run *run = NULL;
    must(mwn_run_create(&run, config, data_path("eval"), &err), &err);
    train_all(run);
    (void)snprintf(wanted, sizeof(wanted), "\"accuracy\": %.2f,",
                   100 * run->best_test.accuracy);
    mwn_run_free(run);
    must(mwn_evaluate(data_path("eval"), NULL, &whole, &err), &err);
    assert_non_null(strstr(whole, wanted));
    assert_non_null(strstr(whole, "\"samples\": 10"));
    must(mwn_config_create(&data, &err), &err);
    set(data, "data.path", data_folder);
    must(mwn_evaluate(data_path("eval/best/model.safetensors"), data, &alone, &err), &err);
    assert_non_null(strstr(alone, wanted));
    mwn_text_free(whole);
    mwn_text_free(alone);
    mwn_config_free(config);
    mwn_config_free(data);
}

/* Writes a model file of the mlp 36-2-4 with one thing changed. */
struct odd_model {
    const char *prefix, *left_out, *added;
    size_t hidden;
    enum mwn_st_type type;
    float value;
};

static void put_model(const struct odd_model *odd)
{
    static const char *const names[] = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};
    const size_t shapes[][2] = {
        {odd->hidden, 36}, {odd->hidden, 0}, {4, odd->hidden}, {4, 0}};
    struct mwn_error err = {0};
    char name[64];
    unsigned char *value = calloc((size_t)36 * 8, 8);
    mwn_st_builder *builder = mwn_st_builder_create();
    assert_non_null(builder);
    assert_non_null(value);
    memcpy(value, &odd->value, sizeof(odd->value));
    for (size_t i = 0; i < MWN_COUNT(names); i++) {
        if (odd->left_out && strcmp(names[i], odd->left_out) == 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s%s", odd->prefix, names[i]);
        mwn_st_builder_add(builder, name, odd->type, shapes[i][1] ? 2 : 1, shapes[i],
                           value);
    }
    if (odd->added)
        mwn_st_builder_add(builder, odd->added, MWN_ST_F32, 1, shapes[1], value);
    must(mwn_st_builder_write(builder, data_path("odd.safetensors"), &err), &err);
    mwn_st_builder_free(builder);
    free(value);
}

static void expect_model(const struct odd_model *odd, mwn_status wanted, const char *word,
                         const char *word2)
{
    struct mwn_error err = {0};
    char *json = NULL;
    mwn_config *config = tiny_config();
    put_model(odd);
    set(config, "model.hidden", "2");
    set(config, "data.normalize", "none");
    mwn_status status = mwn_evaluate(data_path("odd.safetensors"), config, &json, &err);
    data_expect(&err, status, wanted, word, word2, NULL);
    mwn_text_free(json);
    mwn_config_free(config);
}

static void test_a_model_that_does_not_fit_names_the_tensor(void **state)
{
    (void)state;
    const struct odd_model good = {"", NULL, NULL, 2, MWN_ST_F32, 0};
    struct odd_model odd = good;
    expect_model(&odd, MWN_OK, NULL, NULL);
    odd.prefix = "module.";
    expect_model(&odd, MWN_OK, NULL, NULL);
    odd = good;
    odd.type = MWN_ST_F64;
    expect_model(&odd, MWN_OK, NULL, NULL);
    odd = good;
    odd.hidden = 3;
    expect_model(&odd, MWN_ERR_MISMATCH, "'fc1.weight'", "[3, 36]");
    odd = good;
    odd.left_out = "fc2.bias";
    expect_model(&odd, MWN_ERR_MISMATCH, "'fc2.bias'", "[4]");
    odd = good;
    odd.added = "fc3.bias";
    expect_model(&odd, MWN_ERR_MISMATCH, "'fc3.bias'", "[2]");
    odd = good;
    odd.added = "bn1.num_batches_tracked";
    expect_model(&odd, MWN_OK, NULL, NULL);
    odd = good;
    odd.type = MWN_ST_I32;
    expect_model(&odd, MWN_ERR_MISMATCH, "'fc1.weight'", "F32");
    odd = good;
    odd.value = NAN;
    expect_model(&odd, MWN_ERR_DATA, "'fc1.weight'", "not finite");
}

/* A batch of one has no deviation that batch-norm could divide by. */
static void test_batch_norm_refuses_batches_of_one(void **state)
{
    (void)state;
    static const char *const keys[] = {"train.batch", "meta.batch"};
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    for (size_t i = 0; i < MWN_COUNT(keys); i++) {
        mwn_config *config = tiny_config();
        set(config, "model.norm", "batch");
        set(config, keys[i], "1");
        mwn_status status = mwn_run_create(&run, config, NULL, &err);
        data_expect(&err, status, MWN_ERR_CONFIG, keys[i], "batch-norm", NULL);
        set(config, "model.norm", "none");
        must(mwn_run_create(&run, config, NULL, &err), &err);
        mwn_run_free(run);
        mwn_config_free(config);
    }
}

static void test_an_unnamed_model_needs_its_name(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *json = NULL;
    const struct odd_model good = {"", NULL, NULL, 2, MWN_ST_F32, 0};
    put_model(&good);
    mwn_status status = mwn_evaluate(data_path("odd.safetensors"), NULL, &json, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "odd.safetensors", "model.name", NULL);
}

/* ---- Every method with every network -------------------------------------------------- */

/* A method that takes its weight net from a file gets one. */
static void set_weight_net(mwn_config *config, const char *method)
{
    static const char net[] =
        "{\"format\": \"mwnet-weight-net-1\", \"layers\": [{\"in\": 1, "
        "\"out\": 1, \"weight\": [-0.5], \"bias\": [1]}]}";
    const struct mwn_option *rows = mwn_method_find(method)->options;
    if (!rows || !mwn_option_find(rows, "weight_net"))
        return;
    data_write_text("v.json", net);
    set(config, "method.weight_net", data_path("v.json"));
}

static void try_pair(const char *method, const char *model)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *json = NULL;
    mwn_config *config = tiny_config();
    set(config, "data.reader", "cifar10");
    set(config, "data.meta_per_class", "1");
    set(config, "data.limit", "4");
    set(config, "method.name", method);
    set_weight_net(config, method);
    set(config, "model.name", model);
    set(config, "train.backend", "auto");
    set(config, "train.batch", "2");
    set(config, "meta.batch", "2");
    set(config, "train.stop_after", "1");
    must(mwn_run_create(&run, config, NULL, &err), &err);
    must(mwn_run_epoch(run, &err), &err);
    assert_false(mwn_run_more(run));
    assert_int_equal(run->iteration, 1);
    must(mwn_run_summary(run, &json, &err), &err);
    assert_non_null(strstr(json, "\"finished\": true"));
    mwn_text_free(json);
    mwn_run_free(run);
    mwn_config_free(config);
}

/* A small network of each family; a family that is not named here fails the test. */
static const char *small_model(const struct mwn_model *family)
{
    static const char *const names[] = {"mlp",      "smallconv",       "resnet8",
                                        "wrn-10-1", "preact-resnet18", "resnet18"};
    for (size_t i = 0; i < MWN_COUNT(names); i++)
        if (family->matches(names[i]))
            return names[i];
    fail_msg("no small network of the family %s", family->pattern);
    return NULL;
}

/* Networks of 11 million parameters are for one method, where time is short. */
static bool is_dear(const struct mwn_method *method, const struct mwn_model *family)
{
    return strstr(small_model(family), "resnet18") && strcmp(method->name, "mwnet") != 0;
}

static void test_every_method_trains_every_network(void **state)
{
    (void)state;
    for (int i = 1; i <= 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "data_batch_%d.bin", i);
        data_put_cifar(name, 10, 1, 10, (uint32_t)i);
    }
    data_put_cifar("test_batch.bin", 2, 1, 10, 9);
    for (const struct mwn_method *const *m = mwn_methods; *m; m++)
        for (const struct mwn_model *const *n = mwn_models; *n; n++)
            if (!tier_is_fast() || !is_dear(*m, *n))
                try_pair((*m)->name, small_model(*n));
}

/* ---- Plan, list, info ------------------------------------------------------------------ */

static void test_a_plan_trains_nothing(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *json = NULL;
    mwn_config *config = tiny_config();
    set(config, "meta.every", "2");
    must(mwn_plan(config, &json, &err), &err);
    assert_non_null(strstr(json, "\"steps_per_epoch\": 8"));
    assert_non_null(strstr(json, "\"memory\": {\"network\": "));
    assert_non_null(strstr(json, "\"meta\": 8"));
    assert_null(strstr(json, "nan"));
    mwn_text_free(json);
    mwn_config_free(config);
}

static double planned_step(const mwn_config *config, const char *label)
{
    static const char key[] = "\"seconds_per_step\": ";
    struct mwn_error err = {0};
    char *json = NULL;
    mwn_status status = mwn_plan(config, &json, &err);
    if (status != MWN_OK)
        fail_msg("%s: %s", label, err.text);
    const char *at = strstr(json, key);
    assert_non_null(at);
    assert_null(strstr(json, "nan"));
    double seconds = strtod(at + strlen(key), NULL);
    mwn_text_free(json);
    return seconds;
}

/* The first epoch has no meta batch; a later one has one of twenty times the train batch. */
static void test_a_plan_times_the_dear_epochs_of_a_run(void **state)
{
    (void)state;
    mwn_config *config = tiny_config();
    set(config, "model.hidden", "64,64");
    set(config, "train.batch", "2");
    set(config, "meta.batch", "40");
    set(config, "data.meta_per_class", "0");
    set(config, "method.name", "ce");
    double plain = planned_step(config, "ce");
    for (int i = 0; i < 4; i++) /* Other work on the machine only makes it longer. */
        plain = fmin(plain, planned_step(config, "ce"));
    set(config, "method.name", "mwnet");
    set(config, "meta.source", "lowest_loss");
    double learning = planned_step(config, "mwnet");
    if (learning < 3 * plain)
        fail_msg("%g s a step, plainly %g s", learning, plain);
    mwn_config_free(config);
}

static void test_a_plan_takes_every_method(void **state)
{
    (void)state;
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        mwn_config *config = tiny_config();
        set_method(config, *m);
        assert_true(planned_step(config, (*m)->name) > 0);
        if ((*m)->needs & MWN_NEEDS_META) {
            set(config, "data.meta_per_class", "0");
            set(config, "meta.source", "lowest_loss");
            assert_true(planned_step(config, (*m)->name) > 0);
        }
        mwn_config_free(config);
    }
}

static void test_lists_hold_what_is_registered(void **state)
{
    (void)state;
    static const char *const words[][2] = {{"methods", "\"name\": \"mwnet\""},
                                           {"models", "\"name\": \"mlp\""},
                                           {"readers", "\"name\": \"idx\""},
                                           {"noises", "\"name\": \"flip2\""},
                                           {"options", "\"key\": \"train.epochs\""}};
    struct mwn_error err = {0};
    char *json = NULL;
    for (size_t i = 0; i < MWN_COUNT(words); i++) {
        must(mwn_list(words[i][0], &json, &err), &err);
        assert_non_null(strstr(json, words[i][1]));
        mwn_text_free(json);
    }
    data_expect(&err, mwn_list("model", &json, &err), MWN_ERR_CONFIG, "'models'", NULL);
}

static void expect_info(const char *name, mwn_status wanted, const char *word)
{
    struct mwn_error err = {0};
    char *json = NULL;
    mwn_status status = mwn_info(data_path(name), &json, &err);
    if (status != MWN_OK || wanted != MWN_OK)
        data_expect(&err, status, wanted, word, NULL);
    else if (!strstr(json, word))
        fail_msg("'%s' is not in %s", word, json);
    mwn_text_free(json);
}

static void test_info_knows_the_formats(void **state)
{
    (void)state;
    const float value[] = {1, NAN, 3};
    const size_t shape[] = {3};
    struct mwn_error err = {0};
    mwn_config *config = tiny_config();
    train_in("described", config);
    must(mwn_npy_write(data_path("a.npy"), MWN_NPY_F32, 1, shape, value, &err), &err);
    data_put_cifar("c10.bin", 3, 1, 10, 1);
    data_put_cifar("c100.bin", 3, 2, 100, 1);
    data_put_idx("labels.gz", data_idx_labels(8, 4));
    data_write("cut",
               "\0\0\x08\1\0\0\0\x09"
               "abc",
               11);
    data_write_text("words", "hello, hello");
    data_write_text("table.csv", "id;size;colour\n1;2.5;red\n2;NA;\"dark red\"\n3;-1;\n"
                                 "4;0;red\n");
    data_write_text("plain.tsv", "1\tx\n2\ty\nz\tx\n4\ty\n");
    data_write_text("ragged.csv", "a,b\n1,2\n3\n");
    data_write("cut.npz", "PK\3\4 and no more", 16);
    expect_info("table.csv", MWN_OK,
                "\"kind\": \"csv\", \"delimiter\": \";\", \"header\": true, \"rows\": 4, "
                "\"columns\": [{\"name\": \"id\", \"type\": \"number\", \"missing\": 0, "
                "\"min\": 1, \"max\": 4, \"mean\": 2.5}, {\"name\": \"size\", \"type\": "
                "\"number\", \"missing\": 1, \"min\": -1, \"max\": 2.5, \"mean\": 0.5}, "
                "{\"name\": \"colour\", \"type\": \"text\", \"missing\": 1, "
                "\"different\": 2}]");
    expect_info("plain.tsv", MWN_OK,
                "\"header\": false, \"rows\": 4, \"columns\": [{\"name\": \"1\", "
                "\"type\": \"number\", \"missing\": 0, \"min\": 1, \"max\": 4, "
                "\"mean\": 2.33333333, \"no_number\": \"z\"}");
    expect_info("ragged.csv", MWN_ERR_DATA, "ragged.csv:3");
    expect_info("cut.npz", MWN_ERR_DATA, "is not a zip file, or is truncated");
    expect_info("described", MWN_OK, "\"kind\": \"run\"");
    expect_info("described", MWN_OK, "\"record\": {\"epoch\": 3");
    expect_info("described/last/model.safetensors", MWN_OK, "\"model.name\": \"mlp\"");
    expect_info("described/last/state.safetensors", MWN_OK, "\"name\": \"momentum\"");
    expect_info("a.npy", MWN_OK, "\"mean\": 2, \"nan\": 1");
    expect_info("c10.bin", MWN_OK, "\"cifar10\", \"shape\": [3, 3, 32, 32]");
    expect_info("c100.bin", MWN_OK, "\"cifar100\"");
    expect_info("labels.gz", MWN_OK, "\"samples_of_class\": [2, 2, 2, 2]");
    expect_info("train-images-idx3-ubyte", MWN_OK, "\"shape\": [56, 6, 6]");
    expect_info("cut", MWN_ERR_DATA, "promises 9");
    expect_info("words", MWN_ERR_DATA, "words");
    expect_info("nothing", MWN_ERR_IO, "nothing");
    expect_info(".", MWN_ERR_IO, "no run");
    mwn_config_free(config);
}

/* ---- Scores ---------------------------------------------------------------------------- */

static void test_detection_agrees_with_counting_pairs(void **state)
{
    (void)state;
    enum { N = 60 };
    struct mwn_error err = {0};
    struct mwn_detection found = {0};
    float weight[N];
    int32_t given[N], truth[N];
    double pairs = 0, below = 0;
    for (int i = 0; i < N; i++) {
        weight[i] = (float)(data_byte(3, 0, (size_t)i) % 7);
        truth[i] = 0;
        given[i] = data_byte(4, 0, (size_t)i) % 3 == 0;
    }
    weight[5] = NAN;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            if (given[i] == truth[i] || given[k] != truth[k] || isnan(weight[i]) ||
                isnan(weight[k]))
                continue;
            pairs += 1;
            below += weight[i] < weight[k] ? 1 : weight[i] <= weight[k] ? 0.5 : 0;
        }
    must(mwn_detect(&found, N, weight, given, truth, &err), &err);
    assert_int_equal(found.samples, N - 1);
    assert_true(fabs(found.auroc - below / pairs) < 1e-12);
}

static void test_precision_counts_ties_by_their_share(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_detection found = {0};
    const float weight[] = {0.1f, 0.5f, 0.5f, 0.9f};
    const int32_t truth[] = {0, 0, 0, 0}, given[] = {1, 1, 0, 0};
    must(mwn_detect(&found, 4, weight, given, truth, &err), &err);
    assert_int_equal(found.wrong, 2);
    assert_true(fabs(found.precision - 0.75) < 1e-12); /* one, and half of the tied pair */
    must(mwn_detect(&found, 2, weight + 2, given + 2, truth, &err), &err);
    assert_true(isnan(found.auroc) && isnan(found.precision));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(test_another_seed_gives_another_model),
        cmocka_unit_test(test_the_record_says_where_the_time_of_an_epoch_went),
        cmocka_unit_test(test_a_run_stopped_in_an_epoch_ends_the_same),
        cmocka_unit_test(test_every_method_ends_the_same_when_stopped),
        cmocka_unit_test(test_training_on_the_meta_set_alone_has_a_record_of_it),
        cmocka_unit_test(test_a_run_whose_method_goes_by_its_length_cannot_grow),
        cmocka_unit_test(test_a_run_that_samples_layers_ends_the_same_when_stopped),
        cmocka_unit_test(test_a_run_with_learned_chances_ends_the_same_when_stopped),
        cmocka_unit_test(test_a_run_without_a_meta_set_chooses_one_and_ends_the_same),
        cmocka_unit_test(test_epochs_on_the_meta_set_alone_keep_the_chosen_one),
        cmocka_unit_test(test_a_run_killed_between_checkpoints_ends_the_same),
        cmocka_unit_test(test_a_run_killed_before_its_first_checkpoint_ends_the_same),
        cmocka_unit_test(test_epochs_can_be_added),
        cmocka_unit_test(test_a_run_that_does_not_fit_is_refused),
        cmocka_unit_test(test_a_cosine_run_cannot_grow),
        cmocka_unit_test(test_a_run_of_cosine_cycles_grows),
        cmocka_unit_test(test_failed_creation_leaves_nothing),
        cmocka_unit_test(test_a_diverging_run_keeps_its_checkpoint),
        cmocka_unit_test(test_the_best_epoch_is_chosen_on_the_validation_set),
        cmocka_unit_test(test_weights_belong_to_the_training_samples),
        cmocka_unit_test(test_only_the_last_epochs_enter_the_weights),
        cmocka_unit_test(test_a_saved_model_evaluates_as_in_the_run),
        cmocka_unit_test(test_a_model_that_does_not_fit_names_the_tensor),
        cmocka_unit_test(test_an_unnamed_model_needs_its_name),
        cmocka_unit_test(test_batch_norm_refuses_batches_of_one),
        cmocka_unit_test(test_every_method_trains_every_network),
        cmocka_unit_test(test_a_plan_trains_nothing),
        cmocka_unit_test(test_a_plan_times_the_dear_epochs_of_a_run),
        cmocka_unit_test(test_a_plan_takes_every_method),
        cmocka_unit_test(test_lists_hold_what_is_registered),
        cmocka_unit_test(test_info_knows_the_formats),
        cmocka_unit_test(test_detection_agrees_with_counting_pairs),
        cmocka_unit_test(test_precision_counts_ties_by_their_share),
    };
    return cmocka_run_group_tests(tests, tiny_make_data, data_remove_folder);
}
