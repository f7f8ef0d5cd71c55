/* summary.c - what a run has come to, as one JSON object. */
#include "base/base.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/metrics.h"
#include "train/run.h"

#include <math.h>
#include <string.h>

enum { CURVE_POINTS = 101 };
static const double curve_step = 0.1;

/* ---- Options ------------------------------------------------------------------------ */

static void add_option(struct mwn_json *json, const struct mwn_option *row,
                       const void *fields)
{
    struct mwn_buf text = {0};
    mwn_option_print(row, fields, &text);
    const char *value = text.text ? text.text : "";
    if (row->type == MWN_OPT_LIST) {
        mwn_json_array(json, row->name);
        if (text.size > 0)
            mwn_json_raw(json, NULL, value);
        mwn_json_end_array(json);
    } else if (row->type == MWN_OPT_TEXT || row->type == MWN_OPT_CHOICE) {
        mwn_json_text(json, row->name, value);
    } else {
        mwn_json_raw(json, row->name, value);
    }
    json->buf.failed = json->buf.failed || text.failed;
    mwn_buf_release(&text);
}

static void add_rows(struct mwn_json *json, const struct mwn_option *rows,
                     const void *fields)
{
    for (const struct mwn_option *row = rows; row && row->name; row++)
        add_option(json, row, fields);
}

void mwn_summary_options(struct mwn_json *json, const struct mwn_settings *settings)
{
    mwn_json_object(json, "options");
    for (const struct mwn_section *s = mwn_sections; s->name; s++) {
        mwn_json_object(json, s->name);
        add_rows(json, s->rows, (const char *)settings + s->offset);
        mwn_json_end_object(json);
    }
    mwn_json_object(json, "method");
    mwn_json_text(json, "name", settings->method->name);
    add_rows(json, settings->method->options, settings->method_options);
    mwn_json_end_object(json);
    mwn_json_end_object(json);
}

/* ---- Sets and model ----------------------------------------------------------------- */

void mwn_summary_left_out(struct mwn_json *json, const struct mwn_sets *sets)
{
    size_t damaged = sets->train_source.skipped + sets->test_source.skipped +
                     sets->meta_source.skipped + sets->valid_source.skipped;
    if (sets->dropped > 0)
        mwn_json_size(json, "dropped", sets->dropped);
    if (damaged > 0)
        mwn_json_size(json, "damaged", damaged);
}

void mwn_summary_sets(struct mwn_json *json, const struct mwn_sets *sets)
{
    mwn_json_object(json, "sets");
    mwn_json_size(json, "train", sets->train.n);
    mwn_json_size(json, "meta", sets->meta.n);
    mwn_json_size(json, "valid", sets->valid.n);
    mwn_json_size(json, "test", sets->test.n);
    mwn_json_int(json, "classes", sets->classes);
    mwn_json_array(json, "sample");
    mwn_json_int(json, NULL, sets->shape.c);
    mwn_json_int(json, NULL, sets->shape.h);
    mwn_json_int(json, NULL, sets->shape.w);
    mwn_json_end_array(json);
    double rate = sets->noise_rate < 0 ? (double)NAN : sets->noise_rate;
    mwn_json_real(json, "wrong_labels", rate, 6);
    mwn_summary_left_out(json, sets);
    mwn_json_end_object(json);
}

void mwn_summary_model(struct mwn_json *json, const struct mwn_run *run)
{
    mwn_json_object(json, "model");
    mwn_json_text(json, "name", run->settings.model.name);
    if (run->head_replaced)
        mwn_json_bool(json, "head_replaced", true);
    mwn_json_size(json, "parameters", mwn_net_count(run->net));
    mwn_json_real(json, "flops", mwn_net_flops(run->net), 9);
    mwn_json_text(json, "backend", mwn_net_backend(run->net));
    mwn_json_int(json, "threads", mwn_net_threads(run->net));
    mwn_json_end_object(json);
}

/* ---- Results ------------------------------------------------------------------------ */

static void add_result(struct mwn_json *json, const char *key,
                       const struct mwn_result *result)
{
    if (result->accuracy < 0)
        return;
    mwn_json_object(json, key);
    mwn_result_add(json, "", result);
    mwn_json_end_object(json);
}

static void add_results(struct mwn_json *json, const struct mwn_run *run)
{
    mwn_json_object(json, "best");
    mwn_json_size(json, "epoch", (size_t)run->best_epoch);
    mwn_json_text(json, "chosen_by", run->valid ? "valid" : run->test ? "test" : "last");
    add_result(json, "valid", &run->best_valid);
    add_result(json, "test", &run->best_test);
    mwn_json_end_object(json);
    mwn_json_object(json, "last");
    mwn_json_size(json, "epoch", (size_t)run->epoch);
    add_result(json, "valid", &run->last_valid);
    add_result(json, "test", &run->last_test);
    mwn_json_real(json, "train_loss", run->last_loss, 6);
    mwn_json_real(json, "weight", run->last_weight, 6);
    mwn_json_end_object(json);
}

/* How well low weights point at wrong labels; nothing if the truth is unknown. */
static mwn_status add_detection(struct mwn_json *json, const struct mwn_run *run,
                                struct mwn_error *err)
{
    const struct mwn_set *set = &run->sets.train;
    struct mwn_detection found = {0};

    if (!set->truth)
        return MWN_OK;
    float *mean = mwn_alloc(set->n, sizeof(*mean));
    if (!mean)
        return mwn_fail_memory(err, set->n * sizeof(*mean), "sample weights");
    mwn_weight_log_mean(&run->weights, mean);
    mwn_status status = mwn_detect(&found, set->n, mean, set->given, set->truth, err);
    mwn_free(mean);
    if (status != MWN_OK)
        return status;
    mwn_json_object(json, "detection");
    mwn_json_size(json, "samples", found.samples);
    mwn_json_size(json, "wrong", found.wrong);
    mwn_json_real(json, "auroc", found.auroc, 6);
    mwn_json_real(json, "precision", found.precision, 6);
    mwn_json_end_object(json);
    return MWN_OK;
}

mwn_status mwn_summary_weights(struct mwn_json *json, const struct mwn_run *run,
                               struct mwn_error *err)
{
    static const char *const keys[MWN_WEIGHT_QUANTILES] = {"q05", "q25", "q50", "q75",
                                                           "q95"};
    const struct mwn_weight_log *log = &run->weights;
    struct mwn_weight_health health;
    float *weight = mwn_alloc(log->n, sizeof(*weight));

    if (!weight)
        return mwn_fail_memory(err, log->n * sizeof(*weight), "sample weights");
    uint64_t epoch = run->epoch > 0 ? run->epoch - 1 : 0;
    memcpy(weight, log->value + (size_t)(epoch % log->slots) * log->n,
           log->n * sizeof(*weight));
    mwn_weigh_health(&health, log->n, weight);
    mwn_free(weight);
    mwn_json_object(json, "weights");
    mwn_json_real(json, "mean", health.mean, 6);
    for (size_t q = 0; q < MWN_WEIGHT_QUANTILES; q++)
        mwn_json_real(json, keys[q], health.quantile[q], 6);
    mwn_json_real(json, "effective_samples", health.effective, 8);
    mwn_json_real(json, "effective_share", health.effective / (double)health.samples, 6);
    mwn_json_end_object(json);
    return MWN_OK;
}

void mwn_summary_memory(struct mwn_json *json, const struct mwn_run *run)
{
    const struct mwn_memory *memory = &run->last_memory;
    if (!(memory->wrong > 0))
        return;
    mwn_json_object(json, "memorisation");
    mwn_json_size(json, "wrong", (size_t)memory->wrong);
    mwn_json_fixed(json, "given", 100 * memory->given, 2);
    mwn_json_fixed(json, "truth", 100 * memory->truth, 2);
    mwn_json_end_object(json);
}

static void add_cost(struct mwn_json *json, const struct mwn_run *run)
{
    double images = (double)run->steps_here * (double)mwn_loader_batch(run->train);
    double seconds = run->train_seconds;
    mwn_json_object(json, "cost");
    mwn_json_fixed(json, "seconds", run->start > 0 ? mwn_clock_now() - run->start : 0, 3);
    mwn_json_fixed(json, "train_seconds", seconds, 3);
    mwn_json_fixed(json, "wait_seconds", run->wait_seconds, 3);
    mwn_json_fixed(json, "evaluate_seconds", run->eval_seconds, 3);
    mwn_json_size(json, "steps", (size_t)run->steps_here);
    mwn_json_real(json, "images_per_second", seconds > 0 ? images / seconds : (double)NAN,
                  6);
    mwn_json_size(json, "peak_memory", mwn_record_peak_memory());
    mwn_json_end_object(json);
}

bool mwn_summary_has_curve(const struct mwn_run *run)
{
    const struct mwn_method *method = run->settings.method;
    return method->weigh && (method->needs & MWN_NEEDS_HYPERGRADIENT);
}

void mwn_summary_curve(struct mwn_json *json, const char *key, const struct mwn_run *run)
{
    double loss[CURVE_POINTS], weight[CURVE_POINTS];

    for (size_t i = 0; i < CURVE_POINTS; i++)
        loss[i] = curve_step * (double)i;
    run->settings.method->weigh(run->method_self, CURVE_POINTS, loss, weight);
    mwn_json_object(json, key);
    mwn_json_array(json, "loss");
    for (size_t i = 0; i < CURVE_POINTS; i++)
        mwn_json_fixed(json, NULL, loss[i], 1);
    mwn_json_end_array(json);
    mwn_json_array(json, "weight");
    for (size_t i = 0; i < CURVE_POINTS; i++)
        mwn_json_real(json, NULL, weight[i], 6);
    mwn_json_end_array(json);
    mwn_json_end_object(json);
}

mwn_status mwn_run_summary(const mwn_run *run, char **out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json json = {0};

    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "version", mwn_version());
    mwn_json_text(&json, "dir", run->dir);
    mwn_json_size(&json, "epochs", (size_t)run->epoch);
    mwn_json_bool(&json, "finished", !mwn_run_more(run));
    mwn_summary_options(&json, &run->settings);
    mwn_summary_sets(&json, &run->sets);
    mwn_summary_model(&json, run);
    add_results(&json, run);
    MWN_TRY(add_detection(&json, run, err));
    mwn_summary_memory(&json, run);
    MWN_TRY(mwn_summary_weights(&json, run, err));
    add_cost(&json, run);
    if (mwn_summary_has_curve(run))
        mwn_summary_curve(&json, "curve", run);
    mwn_json_end_object(&json);
    MWN_TRY(mwn_json_take(&json, out, err));
out:
    mwn_json_release(&json);
    return status;
}

mwn_status mwn_summary_write(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char *text = NULL, *path = NULL;
    struct mwn_buf line = {0};

    MWN_TRY(mwn_run_summary(run, &text, err));
    MWN_TRY(mwn_folder_path(run->dir, "summary.json", &path, err));
    mwn_buf_printf(&line, "%s\n", text);
    if (line.failed)
        status = mwn_fail_memory(err, strlen(text), "the summary");
    else
        status = mwn_file_write(path, line.text, line.size, err);
out:
    mwn_buf_release(&line);
    mwn_free(text);
    mwn_free(path);
    return status;
}
