/* evaluate.c - runs a net over a set in evaluation mode, and evaluates models for users. */
#include "base/base.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "tensor/npy.h"
#include "train/evaluate.h"
#include "train/model_open.h"
#include "train/run.h"

#include <math.h>

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
    struct mwn_opened model;
    struct mwn_sets sets;
    struct mwn_normalize normalize;
    mwn_loader *loader;
    struct mwn_score score;
    bool keeps_hits;
    unsigned char *hit;  /* owned [test.n], if kept                                    */
    double *train_count; /* owned [classes of the score]: training samples; NULL: unknown */
};

static void evaluation_release(struct evaluation *e)
{
    mwn_score_release(&e->score);
    mwn_free(e->hit);
    mwn_free(e->train_count);
    mwn_loader_free(e->loader);
    mwn_normalize_release(&e->normalize);
    mwn_sets_close(&e->sets);
    mwn_opened_release(&e->model);
}

static mwn_status check_data(const struct mwn_settings *settings, struct mwn_error *err)
{
    if (settings->data.path && *settings->data.path)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "data.path: the folder of the data is not given");
    return mwn_hint(err, "add data.path=FOLDER");
}

static mwn_status evaluate_model(struct evaluation *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_settings *settings = &e->model.settings;

    MWN_TRY(check_data(settings, err));
    MWN_TRY(mwn_sets_open_test(&e->sets, &settings->data,
                               mwn_st_metadata(e->model.file, "data.schema"),
                               (uint64_t)settings->train.seed, err));
    if (e->sets.test.n == 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.test: %s has no test set, and none is held out",
                 settings->data.path);
        return mwn_hint(err, "name one by data.test=PATH, or hold samples out of training "
                             "by data.test_share");
    }
    MWN_TRY(mwn_normalize_resolve(&e->normalize, &settings->data, &e->sets.train, err));
    MWN_TRY(
        mwn_run_make_eval_loader(&e->loader, settings, &e->sets.test, &e->normalize, err));
    /* A test set may lack the last classes. */
    int classes = e->model.facts.classes;
    classes = e->sets.classes > classes ? e->sets.classes : classes;
    MWN_TRY(mwn_opened_load(&e->model, e->sets.shape, classes, err));
    MWN_TRY(mwn_net_plan_eval(e->model.net, mwn_loader_batch(e->loader), err));
    if (e->keeps_hits) {
        e->hit = e->score.hit = mwn_alloc(e->sets.test.n, 1);
        if (!e->hit)
            return mwn_fail_memory(err, e->sets.test.n, "an evaluation");
    }
    MWN_TRY(mwn_evaluate_loader(e->model.net, e->loader, &e->score, NULL, NULL, err));
out:
    return status;
}

mwn_status mwn_evaluate_hits(const char *dir, unsigned char **hit, size_t *n,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct evaluation e = {.keeps_hits = true};

    MWN_TRY(mwn_opened_open_last(&e.model, dir, err));
    MWN_TRY(evaluate_model(&e, err));
    *n = e.score.samples;
    *hit = e.hit;
    e.hit = NULL;
out:
    evaluation_release(&e);
    return status;
}

/* Training samples of each class, out of the labels of a run's folder, if path is one. */
static mwn_status count_training(struct evaluation *e, const char *path,
                                 struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_npy npy = {0};
    char *name = NULL;

    MWN_TRY(mwn_folder_path(path, "labels.npy", &name, err));
    if (!mwn_path_is_dir(path) || !mwn_path_exists(name))
        goto out;
    MWN_TRY(mwn_npy_read(name, &npy, err));
    e->train_count = mwn_alloc((size_t)e->score.classes, sizeof(*e->train_count));
    if (!e->train_count) {
        status = mwn_fail_memory(err, (size_t)e->score.classes, "class counts");
        goto out;
    }
    const int32_t *label = npy.data;
    for (size_t i = 0; npy.type == MWN_NPY_I32 && i < npy.count; i++)
        if (label[i] >= 0 && label[i] < e->score.classes)
            e->train_count[label[i]] += 1;
out:
    mwn_npy_release(&npy);
    mwn_free(name);
    return status;
}

mwn_status mwn_evaluate(const char *path, const mwn_config *config, char **json,
                        struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct evaluation e = {0};
    struct mwn_json out = {0};
    double start = mwn_clock_now();

    MWN_TRY(mwn_opened_open(&e.model, path, config, err));
    MWN_TRY(evaluate_model(&e, err));
    MWN_TRY(count_training(&e, path, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "model", e.model.settings.model.name);
    mwn_json_text(&out, "file", e.model.path);
    struct mwn_result result = mwn_score_result(&e.score, e.train_count);
    if (isnan(result.loss)) {
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: what the model says of some test samples is not a number",
                 e.model.path);
        status =
            mwn_hint(err, "did the training diverge, or are the samples unlike those of "
                          "the training?");
        goto out;
    }
    mwn_result_add(&out, "", &result);
    mwn_json_size(&out, "samples", e.score.samples);
    mwn_json_fixed(&out, "seconds", mwn_clock_now() - start, 3);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    evaluation_release(&e);
    return status;
}
