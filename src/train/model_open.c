/* model_open.c - opens a trained model for use, with the options that it was trained with. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/model_open.h"
#include "train/run.h"

#include <string.h>

/* The model's file and, if path is a run's folder, its recipe. */
static mwn_status find_files(struct mwn_opened *model, const char *path,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if (!mwn_path_is_dir(path)) {
        model->path = mwn_strdup(path);
        return model->path ? MWN_OK : mwn_fail_memory(err, strlen(path), "a path");
    }
    MWN_TRY(mwn_folder_path(path, "recipe.yaml", &model->recipe, err));
    MWN_TRY(mwn_folder_path(path, "best/model.safetensors", &model->path, err));
    if (!mwn_path_exists(model->path)) {
        mwn_free(model->path);
        model->path = NULL;
        MWN_TRY(mwn_folder_path(path, "last/model.safetensors", &model->path, err));
    }
    if (!mwn_path_exists(model->path)) {
        mwn_fail(err, MWN_ERR_IO, "%s: the folder holds no model", path);
        status = mwn_hint(err, "name a run's folder or a safetensors file");
    }
out:
    return status;
}

/* Options: the run's recipe, then what the file says of itself, then the user's. */
static mwn_status gather_options(struct mwn_opened *model, const mwn_config *config,
                                 struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_config_create(&model->config, err));
    if (model->recipe)
        MWN_TRY(mwn_config_read(model->config, model->recipe, err));
    MWN_TRY(mwn_st_open(&model->file, model->path, err));
    MWN_TRY(mwn_model_settings(model->file, model->path, model->config, err));
    MWN_TRY(mwn_config_append(model->config, config, err));
    if (!mwn_config_get(model->config, "model.name")) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s does not say which network it is", model->path);
        status = mwn_hint(err, "add model.name=NAME; 'mwnet list models' shows the names");
        goto out;
    }
    MWN_TRY(mwn_settings_resolve(&model->settings, model->config, err));
    model->resolved = true;
out:
    return status;
}

mwn_status mwn_opened_open(struct mwn_opened *model, const char *path,
                           const mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(find_files(model, path, err));
    MWN_TRY(gather_options(model, config, err));
    MWN_TRY(mwn_model_facts_read(&model->facts, model->file, model->path, err));
out:
    return status;
}

mwn_status mwn_opened_open_last(struct mwn_opened *model, const char *dir,
                                struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_folder_path(dir, "recipe.yaml", &model->recipe, err));
    MWN_TRY(mwn_folder_path(dir, "last/model.safetensors", &model->path, err));
    MWN_TRY(gather_options(model, NULL, err));
    MWN_TRY(mwn_model_facts_read(&model->facts, model->file, model->path, err));
out:
    return status;
}

mwn_status mwn_opened_load(struct mwn_opened *model, struct mwn_shape sample, int classes,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_run_make_net(&model->net, &model->settings, sample, classes, err));
    MWN_TRY(mwn_model_load(model->net, model->file, model->path, NULL, err));
out:
    return status;
}

void mwn_opened_release(struct mwn_opened *model)
{
    mwn_net_free(model->net);
    mwn_model_facts_release(&model->facts);
    if (model->resolved)
        mwn_settings_release(&model->settings);
    mwn_st_close(model->file);
    mwn_config_free(model->config);
    mwn_free(model->path);
    mwn_free(model->recipe);
    memset(model, 0, sizeof(*model));
}
