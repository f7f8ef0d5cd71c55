/* cv.c - cross-validation: every training sample's class probabilities by a model that has not
 * seen it. Each fold is a normal run in a folder of its own, which can be taken up again. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/fold.h"
#include "tensor/npy.h"
#include "train/predict.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 32 };

struct cv {
    const mwn_config *config; /* borrowed */
    const struct mwn_cv_options *options;
    const char *path; /* borrowed: of the result */
    struct mwn_settings settings;
    struct mwn_sets sets; /* without folds */
    float *probs;         /* owned [n][classes] */
    bool complete;
};

/* ---- Paths -------------------------------------------------------------------------- */

/* "PATH.folds" or, for a name, "PATH.folds/K/NAME"; freed by the caller. */
static mwn_status fold_path(const struct cv *cv, long fold, const char *name, char **out,
                            struct mwn_error *err)
{
    size_t room = strlen(cv->path) + NAME_ROOM + strlen(name);
    *out = mwn_alloc(room, 1);
    if (!*out)
        return mwn_fail_memory(err, room, "a path");
    snprintf(*out, room, "%s.folds/%ld%s%s", cv->path, fold, *name ? "/" : "", name);
    return MWN_OK;
}

/* A file beside the result. */
static mwn_status beside(const struct cv *cv, const char *name, char **out,
                         struct mwn_error *err)
{
    *out = mwn_path_beside(cv->path, name);
    return *out ? MWN_OK : mwn_fail_memory(err, strlen(cv->path), "a path");
}

/* ---- A fold ------------------------------------------------------------------------- */

static mwn_status fold_config(const struct cv *cv, long fold, mwn_config **out,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char number[24];
    MWN_TRY(mwn_config_create(out, err));
    MWN_TRY(mwn_config_append(*out, cv->config, err));
    snprintf(number, sizeof(number), "%ld", cv->options->folds);
    MWN_TRY(mwn_config_set(*out, "data.folds", number, err));
    snprintf(number, sizeof(number), "%ld", fold);
    MWN_TRY(mwn_config_set(*out, "data.fold", number, err));
out:
    return status;
}

/* Makes the fold's run, or takes it up. What is taken up must be the same run. */
static mwn_status open_fold(const struct cv *cv, long fold, mwn_run **run,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    char *dir = NULL;

    MWN_TRY(fold_path(cv, fold, "", &dir, err));
    MWN_TRY(fold_config(cv, fold, &config, err));
    status = mwn_run_open(run, config, dir, err);
    if (status == MWN_ERR_MISMATCH)
        mwn_hint(err, "remove %s.folds, or give another name by -o", cv->path);
out:
    mwn_config_free(config);
    mwn_free(dir);
    return status;
}

/* Predicts the samples that the fold has left out; the file says that the fold is done. */
static mwn_status predict_fold(const struct cv *cv, long fold, struct mwn_run *run,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_set *set = &run->sets.fold;
    const size_t shape[2] = {set->n, (size_t)run->sets.classes};
    mwn_loader *loader = NULL;
    char *path = NULL;
    float *rows = mwn_alloc(set->n, shape[1] * sizeof(*rows));

    if (!rows)
        return mwn_fail_memory(err, set->n * shape[1] * sizeof(*rows), "predictions");
    MWN_TRY(mwn_run_make_eval_loader(&loader, &run->settings, set, &run->normalize, err));
    MWN_TRY(mwn_predict_set(run->net, loader, rows, err));
    MWN_TRY(fold_path(cv, fold, "fold_probs.npy", &path, err));
    MWN_TRY(mwn_npy_write(path, MWN_NPY_F32, 2, shape, rows, err));
out:
    mwn_loader_free(loader);
    mwn_free(rows);
    mwn_free(path);
    return status;
}

static mwn_status run_fold(const struct cv *cv, long fold, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_run *run = NULL;
    char *path = NULL;

    MWN_TRY(fold_path(cv, fold, "fold_probs.npy", &path, err));
    MWN_TRY(open_fold(cv, fold, &run, err));
    if (mwn_path_exists(path))
        goto out;
    mwn_run_set_progress(run, cv->options->progress, cv->options->user);
    while (mwn_run_more(run))
        MWN_TRY(mwn_run_epoch(run, err));
    MWN_TRY(predict_fold(cv, fold, run, err));
out:
    if (status != MWN_OK)
        mwn_context(err, "fold %ld", fold);
    mwn_run_free(run);
    mwn_free(path);
    return status;
}

/* ---- Joining ------------------------------------------------------------------------ */

/* Puts a fold's predictions where its samples are in the training set, which has dealt them out
 * to fold_of[n]. */
static mwn_status join_fold(struct cv *cv, long fold, const uint32_t *fold_of,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t classes = (size_t)cv->sets.classes, n = 0;
    struct mwn_npy npy = {0};
    char *path = NULL;

    for (size_t i = 0; i < cv->sets.train.n; i++)
        n += fold_of[i] == fold;
    MWN_TRY(fold_path(cv, fold, "fold_probs.npy", &path, err));
    if (!mwn_path_exists(path)) {
        cv->complete = false;
        goto out;
    }
    MWN_TRY(mwn_npy_read(path, &npy, err));
    if (npy.type != MWN_NPY_F32 || npy.dims != 2 || npy.shape[0] != n ||
        npy.shape[1] != classes) {
        status = mwn_fail(err, MWN_ERR_MISMATCH,
                          "%s: is not of %zu samples in %zu classes as the fold", path, n,
                          classes);
        goto out;
    }
    const float *row = npy.data;
    for (size_t i = 0; i < cv->sets.train.n; i++) {
        if (fold_of[i] != fold)
            continue;
        memcpy(cv->probs + i * classes, row, classes * sizeof(float));
        row += classes;
    }
out:
    mwn_npy_release(&npy);
    mwn_free(path);
    return status;
}

/* All folds, as far as they are there. */
static mwn_status join_folds(struct cv *cv, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_set *train = &cv->sets.train;
    const struct mwn_deal deal = {
        (size_t)cv->options->folds, cv->sets.classes,
        mwn_data_seed(&cv->settings.data, (uint64_t)cv->settings.train.seed)};
    uint32_t *fold_of = mwn_alloc(train->n, sizeof(*fold_of));

    if (!fold_of)
        return mwn_fail_memory(err, train->n * sizeof(*fold_of), "the folds");
    cv->complete = true;
    MWN_TRY(mwn_fold_deal(&deal, train, fold_of, err));
    for (long fold = 0; fold < cv->options->folds && cv->complete; fold++)
        MWN_TRY(join_fold(cv, fold, fold_of, err));
out:
    mwn_free(fold_of);
    return status;
}

static mwn_status fail_other(const char *path, const char *what, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_MISMATCH, "%s: holds other %s than this data", path, what);
    return mwn_hint(err, "choose another folder by -o, or the recipe of that run");
}

/* labels.npy beside the result. The one of a run is left alone if it says the same, and must not
 * be overwritten if it does not; without `write` that is only checked. */
static mwn_status write_labels(const struct cv *cv, bool write, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_set *set = &cv->sets.train;
    struct mwn_npy npy = {0};
    char *path = NULL;

    MWN_TRY(beside(cv, "labels.npy", &path, err));
    if (!mwn_path_exists(path)) {
        if (write)
            MWN_TRY(mwn_npy_write(path, MWN_NPY_I32, 1, &set->n, set->given, err));
        goto out;
    }
    MWN_TRY(mwn_npy_read(path, &npy, err));
    if (npy.type != MWN_NPY_I32 || npy.count != set->n ||
        memcmp(npy.data, set->given, set->n * sizeof(*set->given)) != 0)
        status = fail_other(path, "labels", err);
out:
    mwn_npy_release(&npy);
    mwn_free(path);
    return status;
}

/* ids.csv beside the result, on the same terms. */
static mwn_status write_ids(const struct cv *cv, bool write, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes there = {0};
    struct mwn_buf text = {0};
    char *path = NULL;

    mwn_folder_print_ids(&cv->sets.train, &text);
    if (text.failed)
        return mwn_fail_memory(err, text.size, "the ids");
    MWN_TRY(beside(cv, "ids.csv", &path, err));
    if (!mwn_path_exists(path)) {
        if (write)
            MWN_TRY(mwn_file_write(path, text.text, text.size, err));
        goto out;
    }
    MWN_TRY(mwn_file_read_plain(path, SIZE_MAX / 2, &there, err));
    if (there.size != text.size || memcmp(there.data, text.text, text.size) != 0)
        status = fail_other(path, "ids", err);
out:
    mwn_bytes_release(&there);
    mwn_buf_release(&text);
    mwn_free(path);
    return status;
}

static mwn_status join(struct cv *cv, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const size_t shape[2] = {cv->sets.train.n, (size_t)cv->sets.classes};

    cv->probs = mwn_alloc(shape[0], shape[1] * sizeof(*cv->probs));
    if (!cv->probs)
        return mwn_fail_memory(err, shape[0] * shape[1] * sizeof(*cv->probs),
                               "class probabilities");
    MWN_TRY(join_folds(cv, err));
    if (!cv->complete)
        goto out;
    MWN_TRY(write_labels(cv, true, err));
    MWN_TRY(write_ids(cv, true, err));
    MWN_TRY(mwn_npy_write(cv->path, MWN_NPY_F32, 2, shape, cv->probs, err));
out:
    return status;
}

/* ---- All of it ---------------------------------------------------------------------- */

static mwn_status check_options(const struct cv *cv, struct mwn_error *err)
{
    const struct mwn_cv_options *o = cv->options;
    if (o->folds < 2 || o->folds > 1000)
        return mwn_fail(err, MWN_ERR_CONFIG, "folds: %ld, expected 2 .. 1000", o->folds);
    if (o->fold >= o->folds)
        return mwn_fail(err, MWN_ERR_CONFIG, "fold: %ld of %ld, expected 0 .. %ld", o->fold,
                        o->folds, o->folds - 1);
    if (!mwn_path_has_end(cv->path, ".npy"))
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "%s: probabilities are written as .npy, name them so", cv->path);
    if (cv->settings.data.folds > 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.folds: cross-validation sets it, the recipe must not");
    if (cv->settings.data.train_on_meta)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.train_on_meta: true puts the meta samples into every fold; "
                        "set it to false");
    return MWN_OK;
}

/* What would be found out after the last fold only. */
static mwn_status check_data(const struct cv *cv, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if ((size_t)cv->options->folds > cv->sets.train.n)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "folds: %ld of %zu samples, expected at most %zu",
                        cv->options->folds, cv->sets.train.n, cv->sets.train.n);
    MWN_TRY(mwn_folder_check_output(NULL, cv->config, cv->path, err));
    MWN_TRY(write_labels(cv, false, err));
    MWN_TRY(write_ids(cv, false, err));
out:
    return status;
}

/* How the predictions agree with the labels, as JSON. */
static mwn_status report(const struct cv *cv, char **out, struct mwn_error *err)
{
    struct mwn_json json = {0};
    const struct mwn_set *set = &cv->sets.train;
    size_t classes = (size_t)cv->sets.classes, agree = 0, right = 0;
    for (size_t i = 0; i < set->n && cv->complete; i++) {
        const float *row = cv->probs + i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        agree += (int32_t)best == set->given[i];
        right += set->truth && (int32_t)best == set->truth[i];
    }
    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "pred_probs", cv->path);
    mwn_json_bool(&json, "complete", cv->complete);
    mwn_json_int(&json, "folds", cv->options->folds);
    mwn_json_size(&json, "samples", set->n);
    mwn_json_size(&json, "classes", classes);
    if (cv->complete)
        mwn_json_fixed(&json, "accuracy", 100 * (double)agree / (double)set->n, 2);
    if (cv->complete && set->truth)
        mwn_json_fixed(&json, "true_accuracy", 100 * (double)right / (double)set->n, 2);
    mwn_json_end_object(&json);
    mwn_status status = mwn_json_take(&json, out, err);
    mwn_json_release(&json);
    return status;
}

mwn_status mwn_cv(const mwn_config *config, const char *path,
                  const struct mwn_cv_options *options, char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct cv cv = {.config = config, .options = options, .path = path};

    MWN_TRY(mwn_settings_resolve(&cv.settings, config, err));
    MWN_TRY(check_options(&cv, err));
    MWN_TRY(
        mwn_sets_open(&cv.sets, &cv.settings.data, (uint64_t)cv.settings.train.seed, err));
    MWN_TRY(check_data(&cv, err));
    for (long fold = 0; fold < options->folds; fold++)
        if (options->fold < 0 || options->fold == fold)
            MWN_TRY(run_fold(&cv, fold, err));
    MWN_TRY(join(&cv, err));
    MWN_TRY(report(&cv, json, err));
out:
    mwn_free(cv.probs);
    mwn_sets_close(&cv.sets);
    if (cv.settings.method)
        mwn_settings_release(&cv.settings);
    return status;
}
