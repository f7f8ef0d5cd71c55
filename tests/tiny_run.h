/* tiny_run.h - runs on tiny images that a test has put into its folder. */
#ifndef MWN_TESTS_TINY_RUN_H
#define MWN_TESTS_TINY_RUN_H

#include "data_files.h"

#include "base/file.h"
#include "base/status.h"
#include "train/run.h"

static inline void must(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK)
        fail_msg("%s: %s", mwn_status_name(status), err->text);
}

static inline void set(mwn_config *config, const char *key, const char *value)
{
    struct mwn_error err = {0};
    must(mwn_config_set(config, key, value, &err), &err);
}

/* 48 training samples of 6 x 6 in 4 classes, half of the labels redrawn, batches of 6. */
static inline mwn_config *tiny_config(void)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    must(mwn_config_create(&config, &err), &err);
    set(config, "data.path", data_folder);
    set(config, "data.meta_per_class", "2");
    set(config, "data.noise", "uniform");
    set(config, "data.noise_rate", "0.5");
    set(config, "data.augment", "true");
    set(config, "data.pad", "1");
    set(config, "model.name", "mlp");
    set(config, "model.hidden", "8");
    set(config, "model.dropout", "0.2");
    set(config, "train.backend", "ref");
    set(config, "train.epochs", "3");
    set(config, "train.batch", "6");
    set(config, "train.eval_batch", "5");
    set(config, "meta.batch", "3");
    set(config, "train.threads", "1");
    return config;
}

static inline void train_all(mwn_run *run)
{
    struct mwn_error err = {0};
    while (mwn_run_more(run))
        must(mwn_run_epoch(run, &err), &err);
}

/* Trains a whole run in a new folder below the test's. */
static inline char *train_in(const char *name, const mwn_config *config)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *dir = data_path(name);
    must(mwn_run_create(&run, config, dir, &err), &err);
    train_all(run);
    mwn_run_free(run);
    return dir;
}

/* Stops a run after so many calls. */
static inline int stop_after(const struct mwn_progress *progress, void *user)
{
    int *left = user;
    (void)progress;
    return --*left <= 0;
}

static inline void expect_same_file(const char *a, const char *b, const char *name)
{
    struct mwn_error err = {0};
    struct mwn_bytes x = {0}, y = {0};
    char *from = mwn_path_join(a, name), *to = mwn_path_join(b, name);
    must(mwn_file_read(from, (size_t)1 << 26, &x, &err), &err);
    must(mwn_file_read(to, (size_t)1 << 26, &y, &err), &err);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
        fail_msg("%s and %s differ", from, to);
    mwn_bytes_release(&x);
    mwn_bytes_release(&y);
    mwn_free(from);
    mwn_free(to);
}

/* The samples of tiny_config(), as the setup of a test program. */
static inline int tiny_make_data(void **state)
{
    if (data_make_folder(state) != 0)
        return 1;
    data_put_set(56, 10, 4);
    return 0;
}

#endif
