/* same_run.c - a run that is begun or, where its folder holds it already, taken up: the options,
 * the paths among them, must be the same then. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run.h"

#include <string.h>

/* What may differ between two parts of a run, apart from its epochs. */
static const char *const free_keys[] = {"train.threads", "train.memory", "data.threads"};

/* All other options as text. */
static mwn_status print_options(struct mwn_settings *settings, struct mwn_buf *out,
                                struct mwn_error *err)
{
    mwn_settings_drop_free(settings);
    mwn_status status = mwn_folder_make_absolute(settings, err);
    if (status != MWN_OK)
        return status;
    mwn_settings_yaml(settings, out);
    return out->failed ? mwn_fail_memory(err, 0, "options") : MWN_OK;
}

/* The reader that the run has found counts as the one that was to be found. */
static mwn_status same_reader(struct mwn_settings *wanted, const struct mwn_settings *there,
                              struct mwn_error *err)
{
    if (!wanted->data.reader || strcmp(wanted->data.reader, "auto") != 0)
        return MWN_OK;
    char *copy = mwn_strdup(there->data.reader);
    if (!copy)
        return mwn_fail_memory(err, 0, "options");
    mwn_free(wanted->data.reader);
    wanted->data.reader = copy;
    return MWN_OK;
}

/* MWN_ERR_MISMATCH that names the first line that differs. */
static mwn_status compare_lines(const char *dir, const char *wanted, const char *there,
                                struct mwn_error *err)
{
    while (*wanted && *there) {
        size_t a = strcspn(wanted, "\n"), b = strcspn(there, "\n");
        if (a != b || memcmp(wanted, there, a) != 0) {
            mwn_fail(err, MWN_ERR_MISMATCH,
                     "%s: was trained with other options: '%.*s', now '%.*s'", dir,
                     (int)(b < 80 ? b : 80), there, (int)(a < 80 ? a : 80), wanted);
            return mwn_hint(err, "remove that folder, or choose another one by -o");
        }
        wanted += a + (wanted[a] == '\n');
        there += b + (there[b] == '\n');
    }
    return MWN_OK;
}

mwn_status mwn_run_check_same(const char *dir, const mwn_config *config,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *before = NULL;
    struct mwn_settings wanted = {0}, there = {0};
    struct mwn_buf a = {0}, b = {0};
    char *path = NULL;

    MWN_TRY(mwn_folder_path(dir, "recipe.yaml", &path, err));
    MWN_TRY(mwn_config_create(&before, err));
    MWN_TRY(mwn_config_read(before, path, err));
    MWN_TRY(mwn_settings_resolve(&wanted, config, err));
    MWN_TRY(mwn_settings_resolve(&there, before, err));
    MWN_TRY(same_reader(&wanted, &there, err));
    MWN_TRY(print_options(&wanted, &a, err));
    MWN_TRY(print_options(&there, &b, err));
    MWN_TRY(compare_lines(dir, a.text, b.text, err));
out:
    if (wanted.method)
        mwn_settings_release(&wanted);
    if (there.method)
        mwn_settings_release(&there);
    mwn_config_free(before);
    mwn_buf_release(&a);
    mwn_buf_release(&b);
    mwn_free(path);
    return status;
}

static mwn_status take_up(mwn_run **out, const mwn_config *config, const char *dir,
                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *changes = NULL;
    MWN_TRY(mwn_run_check_same(dir, config, err));
    MWN_TRY(mwn_config_create(&changes, err));
    for (size_t i = 0; i < MWN_COUNT(free_keys); i++) {
        const char *value = mwn_config_get(config, free_keys[i]);
        if (value)
            MWN_TRY(mwn_config_set(changes, free_keys[i], value, err));
    }
    MWN_TRY(mwn_run_resume(out, dir, changes, err));
out:
    mwn_config_free(changes);
    return status;
}

mwn_status mwn_run_open(mwn_run **out, const mwn_config *config, const char *dir,
                        struct mwn_error *err)
{
    char *recipe = NULL;
    mwn_status status = mwn_folder_path(dir, "recipe.yaml", &recipe, err);
    if (status != MWN_OK)
        return status;
    bool there = mwn_path_exists(recipe);
    mwn_free(recipe);
    return there ? take_up(out, config, dir, err) : mwn_run_create(out, config, dir, err);
}
