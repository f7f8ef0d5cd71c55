/* evaluate.c - runs a net over a set in evaluation mode, and evaluates models for users. */
#include "base/base.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/evaluate.h"
#include "train/model_file.h"
#include "train/run.h"

#include <string.h>

mwn_status mwn_evaluate_loader(mwn_net *net, mwn_loader *loader, struct mwn_score *score,
                               mwn_evaluate_stop_fn *stop, void *user,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    int classes = mwn_net_classes(net);
    size_t batch_size = mwn_loader_batch(loader);
    double *logits = mwn_alloc(batch_size * (size_t)classes, sizeof(*logits));
    struct mwn_batch batch = {0};

    if (!logits)
        return mwn_fail_memory(err, batch_size * (size_t)classes * sizeof(*logits),
                               "an evaluation");
    MWN_TRY(mwn_score_init(score, classes, err));
    MWN_TRY(mwn_loader_seek(loader, 0, 0, err));
    for (;;) {
        MWN_TRY(mwn_loader_next(loader, &batch, err));
        if (batch.n == 0)
            break;
        MWN_TRY(mwn_net_infer(net, &batch, logits, err));
        mwn_score_add(score, batch.n, logits, batch.label);
        if (stop && stop(user)) {
            status = MWN_INTERRUPTED;
            goto out;
        }
    }
out:
    mwn_free(logits);
    return status;
}

/* A model being evaluated for a user. */
struct evaluation {
    char *path;   /* owned: the model's file       */
    char *recipe; /* owned: of its run, or NULL    */
    mwn_config *config;
    mwn_st_file *file;
    struct mwn_settings settings;
    bool resolved;
    struct mwn_sets sets;
    struct mwn_normalize normalize;
    mwn_loader *loader;
    mwn_net *net;
    struct mwn_score score;
    bool keeps_hits;
    unsigned char *hit; /* owned [test.n], if kept */
};

static void evaluation_release(struct evaluation *e)
{
    mwn_score_release(&e->score);
    mwn_free(e->hit);
    mwn_loader_free(e->loader);
    mwn_net_free(e->net);
    mwn_normalize_release(&e->normalize);
    mwn_sets_close(&e->sets);
    if (e->resolved)
        mwn_settings_release(&e->settings);
    mwn_st_close(e->file);
    mwn_config_free(e->config);
    mwn_free(e->path);
    mwn_free(e->recipe);
}

/* The model's file and, if path is a run's folder, its recipe. */
static mwn_status find_files(struct evaluation *e, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if (!mwn_path_is_dir(path)) {
        e->path = mwn_strdup(path);
        return e->path ? MWN_OK : mwn_fail_memory(err, strlen(path), "a path");
    }
    MWN_TRY(mwn_folder_path(path, "recipe.yaml", &e->recipe, err));
    MWN_TRY(mwn_folder_path(path, "best/model.safetensors", &e->path, err));
    if (!mwn_path_exists(e->path)) {
        mwn_free(e->path);
        e->path = NULL;
        MWN_TRY(mwn_folder_path(path, "last/model.safetensors", &e->path, err));
    }
    if (!mwn_path_exists(e->path)) {
        mwn_fail(err, MWN_ERR_IO, "%s: the folder holds no model", path);
        status = mwn_hint(err, "name a run's folder or a safetensors file");
    }
out:
    return status;
}

/* Options: the run's recipe, then what the file says of itself, then the user's. */
static mwn_status gather_options(struct evaluation *e, const mwn_config *config,
                                 struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_config_create(&e->config, err));
    if (e->recipe)
        MWN_TRY(mwn_config_read(e->config, e->recipe, err));
    MWN_TRY(mwn_st_open(&e->file, e->path, err));
    MWN_TRY(mwn_model_settings(e->file, e->path, e->config, err));
    MWN_TRY(mwn_config_append(e->config, config, err));
    if (!mwn_config_get(e->config, "model.name")) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s does not say which network it is", e->path);
        status = mwn_hint(err, "add model.name=NAME; 'mwnet list models' shows the names");
        goto out;
    }
    MWN_TRY(mwn_settings_resolve(&e->settings, e->config, err));
    e->resolved = true;
    if (!e->settings.data.path || !*e->settings.data.path) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.path: the folder of the data is not given");
        status = mwn_hint(err, "add data.path=FOLDER");
    }
out:
    return status;
}

static mwn_status evaluate_model(struct evaluation *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_settings *settings = &e->settings;

    MWN_TRY(mwn_sets_open_test(&e->sets, &settings->data,
                               mwn_st_metadata(e->file, "data.schema"),
                               (uint64_t)settings->train.seed, err));
    MWN_TRY(mwn_normalize_resolve(&e->normalize, &settings->data, &e->sets.train, err));
    MWN_TRY(
        mwn_run_make_eval_loader(&e->loader, settings, &e->sets.test, &e->normalize, err));
    MWN_TRY(mwn_run_make_net(&e->net, settings, e->sets.shape, e->sets.classes, err));
    MWN_TRY(mwn_model_load(e->net, e->file, e->path, NULL, err));
    MWN_TRY(mwn_net_plan_eval(e->net, mwn_loader_batch(e->loader), err));
    if (e->keeps_hits) {
        e->hit = e->score.hit = mwn_alloc(e->sets.test.n, 1);
        if (!e->hit)
            return mwn_fail_memory(err, e->sets.test.n, "an evaluation");
    }
    MWN_TRY(mwn_evaluate_loader(e->net, e->loader, &e->score, NULL, NULL, err));
out:
    return status;
}

mwn_status mwn_evaluate_hits(const char *dir, unsigned char **hit, size_t *n,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct evaluation e = {.keeps_hits = true};

    MWN_TRY(mwn_folder_path(dir, "recipe.yaml", &e.recipe, err));
    MWN_TRY(mwn_folder_path(dir, "last/model.safetensors", &e.path, err));
    MWN_TRY(gather_options(&e, NULL, err));
    MWN_TRY(evaluate_model(&e, err));
    *n = e.score.samples;
    *hit = e.hit;
    e.hit = NULL;
out:
    evaluation_release(&e);
    return status;
}

mwn_status mwn_evaluate(const char *path, const mwn_config *config, char **json,
                        struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct evaluation e = {0};
    struct mwn_json out = {0};
    double start = mwn_clock_now();

    MWN_TRY(find_files(&e, path, err));
    MWN_TRY(gather_options(&e, config, err));
    MWN_TRY(evaluate_model(&e, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "model", e.settings.model.name);
    mwn_json_text(&out, "file", e.path);
    mwn_json_fixed(&out, "accuracy", 100 * mwn_score_accuracy(&e.score), 2);
    mwn_json_fixed(&out, "balanced_accuracy", 100 * mwn_score_balanced(&e.score), 2);
    mwn_json_real(&out, "loss", mwn_score_loss(&e.score), 6);
    mwn_json_size(&out, "samples", e.score.samples);
    mwn_json_fixed(&out, "seconds", mwn_clock_now() - start, 3);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    evaluation_release(&e);
    return status;
}
