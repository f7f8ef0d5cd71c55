/* run_folder.c - the folder of a run: made, described by recipe.yaml and the labels, cleaned. */
#include "base/base.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/ids_file.h"
#include "tensor/npy.h"
#include "train/model_file.h"
#include "train/run.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 32 }; /* for a slash and the longest name below */

mwn_status mwn_folder_path(const char *dir, const char *name, char **out,
                           struct mwn_error *err)
{
    char *path = mwn_path_join(dir, name);
    if (!path)
        return mwn_fail_memory(err, strlen(dir) + strlen(name) + 2, "a path");
    *out = path;
    return MWN_OK;
}

/* What a run writes, and the folders that it makes for some of it. */
static const char *const files[] = {"recipe.yaml",
                                    "last/state.safetensors",
                                    "train_ids.npy",
                                    "labels.npy",
                                    "true_labels.npy",
                                    "ids.csv",
                                    "classes.csv",
                                    "record.jsonl",
                                    "summary.json",
                                    "journal.npy",
                                    "weights.npy",
                                    "weight_net.json",
                                    "best/model.safetensors",
                                    "last/model.safetensors"};
static const char *const folders[] = {"last", "best"};

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

mwn_status mwn_folder_check_free(const char *dir, struct mwn_error *err)
{
    for (size_t i = 0; i < MWN_COUNT(files); i++) {
        char *path = NULL;
        mwn_status status = mwn_folder_path(dir, files[i], &path, err);
        if (status != MWN_OK || !path)
            return status;
        bool taken = is_there(path);
        mwn_free(path);
        if (taken && i < 2) {
            mwn_fail(err, MWN_ERR_CONFIG, "%s: the folder holds a run already", dir);
            return mwn_hint(err, "go on with it by --resume %s, or choose another folder",
                            dir);
        }
        if (taken) {
            mwn_fail(err, MWN_ERR_CONFIG,
                     "%s: the folder holds a file '%s', which the run would write over",
                     dir, files[i]);
            return mwn_hint(err, "choose another folder by -o, best a new one");
        }
    }
    return MWN_OK;
}

static mwn_status fail_overwrite(const char *out, const char *what, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_CONFIG, "%s: is %s, and would be written over", out, what);
    return mwn_hint(err, "name another file");
}

static mwn_status check_inputs(const mwn_config *config, const char *out,
                               struct mwn_error *err)
{
    struct mwn_settings settings = {0};
    char **paths[MWN_PATHS_MAX];
    mwn_status status = mwn_settings_resolve(&settings, config, err);
    if (status != MWN_OK)
        return status;
    size_t count = mwn_settings_paths(&settings, paths);
    for (size_t i = 0; i < count && status == MWN_OK; i++)
        if (*paths[i] && mwn_path_is_same(*paths[i], out))
            status = fail_overwrite(out, "read as data", err);
    mwn_settings_release(&settings);
    return status;
}

mwn_status mwn_folder_check_output(const char *dir, const mwn_config *config,
                                   const char *out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (size_t i = 0; dir && i < MWN_COUNT(files) && status == MWN_OK; i++) {
        char *path = NULL;
        status = mwn_folder_path(dir, files[i], &path, err);
        if (status == MWN_OK && mwn_path_is_same(path, out))
            status = fail_overwrite(out, "a file of the run", err);
        mwn_free(path);
    }
    return status == MWN_OK && config ? check_inputs(config, out, err) : status;
}

/* Replaces a path by its absolute form, so that the recipe works from any folder. A path that
 * leads nowhere stays as it is. */
static mwn_status make_absolute(char **path, struct mwn_error *err)
{
    char *full = *path && **path ? realpath(*path, NULL) : NULL;
    if (!full)
        return MWN_OK;
    char *copy = mwn_strdup(full);
    free(full);
    if (!copy)
        return mwn_fail_memory(err, strlen(*path), "a path");
    mwn_free(*path);
    *path = copy;
    return MWN_OK;
}

mwn_status mwn_folder_make_absolute(struct mwn_settings *settings, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char **paths[MWN_PATHS_MAX];
    size_t count = mwn_settings_paths(settings, paths);
    for (size_t i = 0; i < count && status == MWN_OK; i++)
        status = make_absolute(paths[i], err);
    return status;
}

mwn_status mwn_folder_write_recipe(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_buf text = {0};
    char *path = NULL;

    MWN_TRY(mwn_folder_make_absolute(&run->settings, err));
    mwn_buf_printf(&text, "# Written by mwnet %s: every option of this run.\n",
                   mwn_version());
    mwn_settings_yaml(&run->settings, &text);
    if (text.failed) {
        status = mwn_fail_memory(err, 0, "the recipe");
        goto out;
    }
    MWN_TRY(mwn_folder_path(run->dir, "recipe.yaml", &path, err));
    MWN_TRY(mwn_file_write(path, text.text, text.size, err));
out:
    mwn_buf_release(&text);
    mwn_free(path);
    return status;
}

/* A number of each training sample, also in place of a file that is there if that is wanted. */
static mwn_status write_array(const struct mwn_run *run, const char *name, bool anew,
                              enum mwn_npy_type type, const void *data,
                              struct mwn_error *err)
{
    char *path = NULL;
    mwn_status status = mwn_folder_path(run->dir, name, &path, err);
    if (status == MWN_OK && (anew || !mwn_path_exists(path)))
        status = mwn_npy_write(path, type, 1, &run->sets.train.n, data, err);
    mwn_free(path);
    return status;
}

void mwn_folder_print_ids(const struct mwn_set *set, struct mwn_buf *out)
{
    char number[24];
    mwn_buf_printf(out, "index,id\n");
    for (size_t i = 0; i < set->n; i++) {
        mwn_buf_printf(out, "%lu,", (unsigned long)set->id[i]);
        mwn_csv_add(out, mwn_source_id(set->source, set->id[i], number));
        mwn_buf_add(out, "\n", 1);
    }
}

static mwn_status write_ids(const char *path, const struct mwn_set *set,
                            struct mwn_error *err)
{
    struct mwn_buf text = {0};
    mwn_folder_print_ids(set, &text);
    mwn_status status = text.failed ? mwn_fail_memory(err, text.size, "the ids")
                                    : mwn_file_write(path, text.text, text.size, err);
    mwn_buf_release(&text);
    return status;
}

static mwn_status write_class_names(const char *path, const struct mwn_source *source,
                                    struct mwn_error *err)
{
    struct mwn_buf text = {0};
    mwn_buf_printf(&text, "class,name\n");
    for (int c = 0; c < source->classes; c++) {
        mwn_buf_printf(&text, "%d,", c);
        mwn_csv_add(&text, source->class_names[c]);
        mwn_buf_add(&text, "\n", 1);
    }
    mwn_status status = text.failed ? mwn_fail_memory(err, text.size, "names of classes")
                                    : mwn_file_write(path, text.text, text.size, err);
    mwn_buf_release(&text);
    return status;
}

/* What samples and classes are called, where they have names. */
static mwn_status write_names(const struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_source *source = run->sets.train.source;
    char *ids = NULL, *classes = NULL;
    if (source->id) {
        MWN_TRY(mwn_folder_path(run->dir, "ids.csv", &ids, err));
        if (!mwn_path_exists(ids))
            MWN_TRY(write_ids(ids, &run->sets.train, err));
    }
    if (source->class_names) {
        MWN_TRY(mwn_folder_path(run->dir, "classes.csv", &classes, err));
        if (!mwn_path_exists(classes))
            MWN_TRY(write_class_names(classes, source, err));
    }
out:
    mwn_free(ids);
    mwn_free(classes);
    return status;
}

static mwn_status make_folders(const struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = mwn_path_make_dir(run->dir, err);
    for (size_t i = 0; i < MWN_COUNT(folders) && status == MWN_OK; i++) {
        char *path = NULL;
        status = mwn_folder_path(run->dir, folders[i], &path, err);
        if (status == MWN_OK)
            status = mwn_path_make_dir(path, err);
        mwn_free(path);
    }
    return status;
}

/* The length of the shortest leading part of dir that does not exist yet; 0 if all exists. */
static size_t first_missing(const char *dir, char *work)
{
    size_t missing = 0;
    memcpy(work, dir, strlen(dir) + 1);
    for (size_t end = strlen(work); end > 0;) {
        work[end] = '\0';
        if (mwn_path_exists(work))
            break;
        missing = end;
        while (end > 0 && work[end - 1] != '/')
            end--;
        while (end > 0 && work[end - 1] == '/')
            end--;
    }
    return missing;
}

/* Removes what create has made in a folder that held none of it; `missing` as first_missing() gave
 * it. Allocates nothing: memory may just have run out. */
static void undo(const struct mwn_run *run, char *work, size_t missing)
{
    size_t length = strlen(run->dir);
    for (size_t i = 0; i < MWN_COUNT(files); i++) {
        snprintf(work, length + NAME_ROOM, "%s/%s", run->dir, files[i]);
        (void)unlink(work);
    }
    for (size_t i = 0; i < MWN_COUNT(folders); i++) {
        snprintf(work, length + NAME_ROOM, "%s/%s", run->dir, folders[i]);
        (void)rmdir(work);
    }
    memcpy(work, run->dir, length + 1);
    for (size_t end = length; missing > 0 && end >= missing;) {
        work[end] = '\0';
        (void)rmdir(work);
        while (end > 0 && work[end - 1] != '/')
            end--;
        while (end > 0 && work[end - 1] == '/')
            end--;
    }
}

mwn_status mwn_folder_lock(struct mwn_run *run, struct mwn_error *err)
{
    char *path = NULL;
    int lock = MWN_LOCK_NONE;
    mwn_status status = make_folders(run, err);
    if (status == MWN_OK)
        status = mwn_folder_path(run->dir, folders[0], &path, err);
    if (status == MWN_OK)
        status = mwn_path_lock(path, &lock, err);
    if (lock == MWN_LOCK_TAKEN) {
        mwn_fail(err, MWN_ERR_IO, "%s: another process is training in this folder",
                 run->dir);
        status = mwn_hint(err, "wait for it, or choose another folder by -o");
    }
    run->lock = lock + 1;
    mwn_free(path);
    return status;
}

mwn_status mwn_folder_write_labels(const struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_set *set = &run->sets.train;
    MWN_TRY(write_array(run, "train_ids.npy", false, MWN_NPY_U32, set->id, err));
    MWN_TRY(write_array(run, "labels.npy", false, MWN_NPY_I32, set->given, err));
    if (set->truth)
        MWN_TRY(write_array(run, "true_labels.npy", false, MWN_NPY_I32, set->truth, err));
    MWN_TRY(write_names(run, err));
out:
    return status;
}

mwn_status mwn_folder_create(struct mwn_run *run, struct mwn_error *err)
{
    char *work = mwn_alloc(strlen(run->dir) + NAME_ROOM, 1);

    if (!work)
        return mwn_fail_memory(err, strlen(run->dir), "a path");
    size_t missing = first_missing(run->dir, work);
    mwn_status status = mwn_folder_lock(run, err);
    bool ours = run->lock >= 0;
    if (status == MWN_OK) {
        status = mwn_folder_check_free(run->dir, err);
        ours = status == MWN_OK || status == MWN_ERR_MEMORY;
    }
    /* The recipe first: with it, a run that is killed here can be taken up. */
    if (status == MWN_OK)
        status = mwn_folder_write_recipe(run, err);
    if (status == MWN_OK)
        status = mwn_folder_write_labels(run, err);
    if (status != MWN_OK && ours)
        undo(run, work, missing);
    mwn_free(work);
    return status;
}

/* Removes the temporary files that a killed process has left in a folder. */
static void clean_folder(const char *dir)
{
    DIR *stream = opendir(dir);
    if (!stream)
        return;
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        char *path =
            strstr(entry->d_name, ".tmp-") ? mwn_path_join(dir, entry->d_name) : NULL;
        if (path)
            (void)unlink(path);
        mwn_free(path);
    }
    (void)closedir(stream);
}

void mwn_folder_clean(const struct mwn_run *run)
{
    static const char *const names[] = {".", "last", "best"};
    for (size_t i = 0; i < MWN_COUNT(names); i++) {
        char *path = mwn_path_join(run->dir, names[i]);
        if (path)
            clean_folder(path);
        mwn_free(path);
    }
}

mwn_status mwn_folder_write_model(struct mwn_run *run, const char *name,
                                  struct mwn_error *err)
{
    const struct mwn_model_note note = {
        &run->settings,  &run->normalize,
        run->sets.shape, run->sets.train_source.schema,
        run->iteration,  run->sets.train_source.class_names};
    char *path = NULL;
    mwn_status status = mwn_folder_path(run->dir, name, &path, err);
    if (status == MWN_OK)
        status = mwn_model_save(path, run->net, &note, err);
    mwn_free(path);
    return status;
}

static mwn_status write_curve(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json json = {0};
    char *path = NULL, *text = NULL;

    mwn_summary_curve(&json, NULL, run);
    MWN_TRY(mwn_json_take(&json, &text, err));
    MWN_TRY(mwn_folder_path(run->dir, "weight_net.json", &path, err));
    MWN_TRY(mwn_file_write(path, text, strlen(text), err));
out:
    mwn_json_release(&json);
    mwn_free(text);
    mwn_free(path);
    return status;
}

mwn_status mwn_folder_write_weights(struct mwn_run *run, struct mwn_error *err)
{
    float *mean = mwn_alloc(run->weights.n, sizeof(*mean));
    if (!mean)
        return mwn_fail_memory(err, run->weights.n * sizeof(*mean), "sample weights");
    mwn_weight_log_mean(&run->weights, mean);
    mwn_status status = write_array(run, "weights.npy", true, MWN_NPY_F32, mean, err);
    mwn_free(mean);
    if (status != MWN_OK || !mwn_summary_has_curve(run))
        return status;
    return write_curve(run, err);
}

mwn_status mwn_folder_write_journal(struct mwn_run *run, struct mwn_error *err)
{
    char *path = NULL;
    mwn_status status = mwn_folder_path(run->dir, "journal.npy", &path, err);
    if (status == MWN_OK)
        status = mwn_journal_write(&run->journal, path, run->epoch - 1, err);
    mwn_free(path);
    return status;
}

mwn_status mwn_folder_truncate_journal(struct mwn_run *run, struct mwn_error *err)
{
    char *path = NULL;
    mwn_status status = mwn_folder_path(run->dir, "journal.npy", &path, err);
    if (status == MWN_OK)
        status = mwn_journal_truncate(&run->journal, path, run->epoch, err);
    mwn_free(path);
    return status;
}
