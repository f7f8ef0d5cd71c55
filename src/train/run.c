/* run.c - a training run from its creation to its last epoch. */
#include "base/base.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/meta_source.h"
#include "train/run.h"

#include <string.h>

/* ---- Creation ----------------------------------------------------------------------- */

/* NULL, with the error made, if memory is out. */
static mwn_run *run_alloc(const char *dir, struct mwn_error *err)
{
    mwn_run *run = mwn_alloc(1, sizeof(*run));
    if (run && dir)
        run->dir = mwn_strdup(dir);
    if (run && (!dir || run->dir))
        return run;
    mwn_free(run);
    mwn_fail_memory(err, sizeof(*run), "a run");
    return NULL;
}

void mwn_run_free(mwn_run *run)
{
    if (!run)
        return;
    mwn_run_release(run);
    mwn_free(run);
}

mwn_status mwn_run_create(mwn_run **out, const mwn_config *config, const char *dir,
                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_run *run = run_alloc(dir, err);

    if (!run)
        return MWN_ERR_MEMORY;
    if (dir)
        MWN_TRY(mwn_folder_check_free(dir, err));
    MWN_TRY(mwn_settings_resolve(&run->settings, config, err));
    MWN_TRY(mwn_run_setup(run, err));
    MWN_TRY(mwn_run_begin(run, err));
    MWN_TRY(mwn_run_seek(run, err));
    if (dir)
        MWN_TRY(mwn_folder_create(run, err));
out:
    if (status == MWN_OK)
        *out = run;
    else
        mwn_run_free(run);
    return status;
}

/* ---- Taking up ---------------------------------------------------------------------- */

/* Only options that leave what was trained so far as it is may change. */
static mwn_status check_changes(const mwn_config *changes, struct mwn_error *err)
{
    static const char *const allowed[] = {"train.epochs", "train.threads", "train.memory",
                                          "data.threads"};
    for (size_t i = 0; changes && i < changes->count; i++) {
        bool fine = false;
        for (size_t k = 0; k < MWN_COUNT(allowed); k++)
            fine = fine || strcmp(changes->pairs[i].key, allowed[k]) == 0;
        if (fine)
            continue;
        mwn_fail(err, MWN_ERR_CONFIG, "%s: cannot change when a run is taken up again",
                 changes->pairs[i].key);
        return mwn_hint(err, "only train.epochs, train.threads, train.memory and "
                             "data.threads can");
    }
    return MWN_OK;
}

/* The number of epochs can grow; under one cosine to the end it cannot even do that, since the
 * learning rates so far depend on it. */
static mwn_status check_epochs(const struct mwn_settings *before,
                               const struct mwn_settings *after, struct mwn_error *err)
{
    int64_t old = before->train.epochs, new = after->train.epochs;
    if (new < old)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "train.epochs: %lld is less than the run's %lld, it can only grow",
                        (long long)new, (long long)old);
    if (new > old && before->train.schedule.kind == MWN_SCHEDULE_COSINE &&
        before->train.schedule.cycle == 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "train.epochs: cannot grow under train.schedule=cosine, whose "
                        "learning rates depend on it");
    if (new > old && (after->needs & MWN_NEEDS_EPOCHS))
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "train.epochs: cannot grow with method '%s', which goes by it",
                        after->method->name);
    return MWN_OK;
}

/* The options of the run in dir, with the changes. */
static mwn_status resume_settings(struct mwn_run *run, const mwn_config *changes,
                                  struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    struct mwn_settings before = {0};
    char *path = NULL;

    MWN_TRY(check_changes(changes, err));
    MWN_TRY(mwn_folder_path(run->dir, "recipe.yaml", &path, err));
    MWN_TRY(mwn_config_create(&config, err));
    status = mwn_config_read(config, path, err);
    if (status == MWN_ERR_IO)
        mwn_hint(err, "%s holds no run to take up", run->dir);
    if (status != MWN_OK)
        goto out;
    MWN_TRY(mwn_settings_resolve(&before, config, err));
    MWN_TRY(mwn_config_append(config, changes, err));
    MWN_TRY(mwn_settings_resolve(&run->settings, config, err));
    MWN_TRY(check_epochs(&before, &run->settings, err));
out:
    if (before.method)
        mwn_settings_release(&before);
    mwn_config_free(config);
    mwn_free(path);
    return status;
}

mwn_status mwn_run_resume(mwn_run **out, const char *dir, const mwn_config *changes,
                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_run *run = run_alloc(dir, err);
    bool found = false;

    if (!run)
        return MWN_ERR_MEMORY;
    MWN_TRY(resume_settings(run, changes, err));
    MWN_TRY(mwn_folder_lock(run, err));
    MWN_TRY(mwn_run_setup(run, err));
    mwn_folder_clean(run);
    MWN_TRY(mwn_checkpoint_load(run, &found, err));
    MWN_TRY(mwn_folder_write_labels(run, err));
    if (!found)
        MWN_TRY(mwn_run_begin(run, err));
    MWN_TRY(mwn_run_seek(run, err));
    MWN_TRY(mwn_record_truncate(run, err));
    MWN_TRY(mwn_folder_truncate_journal(run, err));
    if (changes && changes->count > 0)
        MWN_TRY(mwn_folder_write_recipe(run, err));
out:
    if (status == MWN_OK)
        *out = run;
    else
        mwn_run_free(run);
    return status;
}

/* ---- Training ----------------------------------------------------------------------- */

void mwn_run_set_progress(mwn_run *run, mwn_progress_fn *fn, void *user)
{
    run->progress = fn;
    run->user = user;
}

/* An epoch that was stopped at the limit is still to be evaluated and counted. */
bool mwn_run_more(const mwn_run *run)
{
    return run->epoch < (uint64_t)run->settings.train.epochs &&
           (!mwn_run_at_limit(run) || run->epoch_step > 0);
}

/* Saves the state in the middle of an epoch. */
static mwn_status interrupt(struct mwn_run *run, struct mwn_error *err)
{
    if (run->dir) {
        mwn_run_report(run, "save");
        mwn_status status = mwn_checkpoint_save(run, err);
        if (status != MWN_OK)
            return status;
    }
    mwn_fail(err, MWN_INTERRUPTED, "stopped on request in epoch %llu of %lld",
             (unsigned long long)run->epoch + 1, (long long)run->settings.train.epochs);
    if (run->dir)
        mwn_hint(err, "the state is saved; go on by --resume %s", run->dir);
    return MWN_INTERRUPTED;
}

static mwn_status train_epoch(struct mwn_run *run, struct mwn_error *err)
{
    if (run->epoch_step == 0) {
        memset(&run->sums, 0, sizeof(run->sums));
        mwn_weight_log_begin(&run->weights, run->epoch);
        mwn_journal_begin(&run->journal);
    }
    run->epoch_wait_seconds = run->epoch_step_seconds = 0;
    run->epoch_steps_here = 0;
    double start = mwn_clock_now();
    mwn_status status = mwn_loader_seek(run->train, run->epoch, run->epoch_step, err);
    while (status == MWN_OK && run->epoch_step < mwn_run_steps(run) &&
           !mwn_run_at_limit(run)) {
        status = mwn_run_step(run, err);
        if (status == MWN_OK)
            mwn_run_report(run, "train");
        if (status == MWN_OK && run->stop)
            return interrupt(run, err);
    }
    run->epoch_seconds = mwn_clock_now() - start;
    return status;
}

static bool report_evaluation(void *user)
{
    struct mwn_run *run = user;
    mwn_run_report(run, "evaluate");
    return run->stop;
}

static mwn_status evaluate_set(struct mwn_run *run, mwn_loader *loader,
                               struct mwn_result *result, struct mwn_error *err)
{
    struct mwn_score score = {0};
    if (!loader)
        return MWN_OK;
    mwn_status status =
        mwn_evaluate_loader(run->net, loader, &score, report_evaluation, run, err);
    if (status == MWN_OK)
        *result = mwn_score_result(&score, run->class_count);
    mwn_score_release(&score);
    return status;
}

/* Evaluates on both sets. Nothing is kept of an evaluation that was stopped. */
static mwn_status evaluate(struct mwn_run *run, struct mwn_error *err)
{
    struct mwn_result valid = run->last_valid, test = run->last_test;
    double start = mwn_clock_now();
    mwn_status status = evaluate_set(run, run->valid, &valid, err);
    if (status == MWN_OK)
        status = evaluate_set(run, run->test, &test, err);
    if (status == MWN_INTERRUPTED)
        return interrupt(run, err);
    if (status != MWN_OK)
        return status;
    run->last_valid = valid;
    run->last_test = test;
    run->eval_seconds += mwn_clock_now() - start;
    run->evaluations_here++;
    return MWN_OK;
}

/* Counts the epoch and finds out whether its model is the best so far: by the validation set if
 * there is one, else by the test set; with neither, each one is. */
static bool count_epoch(struct mwn_run *run)
{
    double now = run->valid ? run->last_valid.accuracy : run->last_test.accuracy;
    double before = run->valid ? run->best_valid.accuracy : run->best_test.accuracy;

    run->epoch++;
    run->epoch_step = 0;
    if (run->sums.samples > 0) {
        run->last_loss = run->sums.loss / run->sums.samples;
        run->last_weight = run->sums.weight / run->sums.samples;
    }
    mwn_journal_memory(&run->journal, run->sets.train.given, run->sets.train.truth,
                       &run->last_memory);
    if (run->best_epoch > 0 && (run->valid || run->test) && now <= before)
        return false;
    run->best_epoch = run->epoch;
    run->best_valid = run->last_valid;
    run->best_test = run->last_test;
    return true;
}

/* The state goes to disk last: whatever it calls done has been written by then. */
static mwn_status save_epoch(struct mwn_run *run, bool is_best, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    bool is_last = !mwn_run_more(run);
    if (!run->dir)
        return MWN_OK;
    if (is_best)
        MWN_TRY(mwn_folder_write_model(run, "best/model.safetensors", err));
    MWN_TRY(mwn_folder_write_journal(run, err));
    MWN_TRY(mwn_record_append(run, err));
    if (is_last)
        MWN_TRY(mwn_summary_write(run, err));
    if (is_last || run->epoch % (uint64_t)run->settings.train.checkpoint_every == 0)
        MWN_TRY(mwn_checkpoint_save(run, err));
out:
    return status;
}

mwn_status mwn_run_epoch(mwn_run *run, struct mwn_error *err)
{
    run->stop = false;
    if (run->start <= 0)
        run->start = mwn_clock_now();
    if (!mwn_run_more(run))
        return mwn_fail(err, MWN_ERR_RUNTIME, "the run has no epochs left to train");
    mwn_status status = train_epoch(run, err);
    if (status == MWN_OK)
        status = evaluate(run, err);
    if (status != MWN_OK)
        return status;
    bool is_best = count_epoch(run);
    mwn_meta_source_choose(run);
    status = save_epoch(run, is_best, err);
    if (status == MWN_OK)
        mwn_run_report(run, "save");
    return status == MWN_OK && run->stop && mwn_run_more(run) ? interrupt(run, err)
                                                              : status;
}
