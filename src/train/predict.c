/* predict.c - class probabilities, softmax of the logits in evaluation mode: of a set, and for
 * users, of a file's samples into a table. */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/ids_file.h"
#include "tensor/npy.h"
#include "train/model_open.h"
#include "train/predict.h"
#include "train/run.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- A set -------------------------------------------------------------------------- */

static void softmax(const double *logits, size_t classes, float *out)
{
    double top = logits[0], sum = 0;
    for (size_t k = 1; k < classes; k++)
        top = logits[k] > top ? logits[k] : top;
    for (size_t k = 0; k < classes; k++)
        sum += exp(logits[k] - top);
    for (size_t k = 0; k < classes; k++)
        out[k] = (float)(exp(logits[k] - top) / sum);
}

mwn_status mwn_predict_loader(mwn_net *net, mwn_loader *loader, mwn_predict_fn *fn,
                              void *user, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t classes = (size_t)mwn_net_classes(net), first = 0;
    size_t room = mwn_loader_batch(loader) * classes;
    double *logits = mwn_alloc(room, sizeof(*logits));
    float *probabilities = mwn_alloc(room, sizeof(*probabilities));
    struct mwn_batch batch = {0};

    if (!logits || !probabilities) {
        status = mwn_fail_memory(err, room * sizeof(*logits), "a prediction");
        goto out;
    }
    MWN_TRY(mwn_loader_seek(loader, 0, 0, err));
    for (;; first += batch.n) {
        MWN_TRY(mwn_loader_next(loader, &batch, err));
        if (batch.n == 0)
            break;
        MWN_TRY(mwn_net_infer(net, &batch, logits, err));
        for (size_t i = 0; i < batch.n; i++)
            softmax(logits + i * classes, classes, probabilities + i * classes);
        MWN_TRY(fn(first, batch.n, probabilities, user, err));
    }
out:
    mwn_free(logits);
    mwn_free(probabilities);
    return status;
}

struct table {
    float *probabilities;
    size_t classes;
};

static mwn_status keep_batch(size_t first, size_t n, const float *probabilities, void *user,
                             struct mwn_error *err)
{
    struct table *table = user;
    (void)err;
    memcpy(table->probabilities + first * table->classes, probabilities,
           n * table->classes * sizeof(*probabilities));
    return MWN_OK;
}

mwn_status mwn_predict_set(mwn_net *net, mwn_loader *loader, float *probabilities,
                           struct mwn_error *err)
{
    struct table table = {.classes = (size_t)mwn_net_classes(net)};
    table.probabilities = probabilities;
    return mwn_predict_loader(net, loader, keep_batch, &table, err);
}

/* ---- A file, for users -------------------------------------------------------------- */

struct prediction {
    const struct mwn_prediction *what; /* borrowed */
    struct mwn_opened model;
    struct mwn_source source;
    struct mwn_set set;
    struct mwn_normalize normalize;
    mwn_loader *loader;
    struct table table;       /* npy: owned probabilities of all */
    struct mwn_writer writer; /* csv                             */
    struct mwn_buf line;
    size_t labelled;
    struct mwn_score score; /* of the samples with a label that the model knows */
    double *logits;         /* owned [classes] */
    double start;
};

static void prediction_release(struct prediction *p)
{
    mwn_writer_discard(&p->writer);
    mwn_buf_release(&p->line);
    mwn_free(p->table.probabilities);
    mwn_free(p->logits);
    mwn_score_release(&p->score);
    mwn_loader_free(p->loader);
    mwn_normalize_release(&p->normalize);
    mwn_free(p->set.id);
    mwn_free(p->set.given);
    mwn_source_close(&p->source);
    mwn_opened_release(&p->model);
}

/* Reads the samples as those of the training were, with or without labels. */
static mwn_status open_samples(struct prediction *p, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_settings *settings = &p->model.settings;
    const struct mwn_request request = {
        .options = &settings->data,
        .part = MWN_PART_TEST,
        .path = p->what->data,
        .schema = mwn_st_metadata(p->model.file, "data.schema"),
        .unlabelled = true,
    };
    struct mwn_set *set = &p->set;

    MWN_TRY(mwn_source_open(&p->source, &request, err));
    set->source = &p->source;
    set->n = p->source.n;
    set->id = mwn_alloc(set->n, sizeof(*set->id));
    set->given = mwn_alloc(set->n, sizeof(*set->given));
    if (!set->id || !set->given) {
        status = mwn_fail_memory(err, set->n * sizeof(*set->id), "a prediction");
        goto out;
    }
    for (size_t i = 0; i < set->n; i++)
        set->id[i] = (uint32_t)i;
    memcpy(set->given, p->source.label, set->n * sizeof(*set->given));
    MWN_TRY(mwn_normalize_resolve(&p->normalize, &settings->data, NULL, err));
    MWN_TRY(mwn_run_make_eval_loader(&p->loader, settings, set, &p->normalize, err));
out:
    return status;
}

/* ---- CSV ---- */

static void add_field(struct mwn_buf *line, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        mwn_buf_add(line, text, strlen(text));
        return;
    }
    mwn_buf_add(line, "\"", 1);
    for (const char *c = text; *c; c++)
        mwn_buf_add(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    mwn_buf_add(line, "\"", 1);
}

/* A class's name, or its number where names are not known. */
static void add_class(struct prediction *p, size_t class)
{
    char *const *names = p->model.facts.class_names;
    if (!names && p->source.class_names && (size_t)p->source.classes == p->table.classes)
        names = p->source.class_names;
    if (names)
        add_field(&p->line, names[class]);
    else
        mwn_buf_printf(&p->line, "%zu", class);
}

static void begin_csv(struct prediction *p)
{
    mwn_buf_printf(&p->line, "id,predicted,p");
    for (size_t k = 0; k < p->table.classes; k++) {
        mwn_buf_add(&p->line, ",", 1);
        add_class(p, k);
    }
    mwn_buf_add(&p->line, "\n", 1);
}

static void add_row(struct prediction *p, size_t i, size_t best, const float *row)
{
    if (p->source.id)
        add_field(&p->line, p->source.id[i]);
    else
        mwn_buf_printf(&p->line, "%zu", i);
    mwn_buf_add(&p->line, ",", 1);
    add_class(p, best);
    mwn_buf_printf(&p->line, ",%.6g", (double)row[best]);
    for (size_t k = 0; k < p->table.classes; k++)
        mwn_buf_printf(&p->line, ",%.6g", (double)row[k]);
    mwn_buf_add(&p->line, "\n", 1);
}

/* Hands the lines so far over to the file. */
static mwn_status flush_lines(struct prediction *p, struct mwn_error *err)
{
    if (p->line.failed)
        return mwn_fail_memory(err, p->line.size, "a prediction's lines");
    mwn_writer_add(&p->writer, p->line.text, p->line.size);
    p->line.size = 0;
    return MWN_OK;
}

/* ---- The samples ---- */

static mwn_status report(struct prediction *p, size_t done, struct mwn_error *err)
{
    double seconds = mwn_clock_now() - p->start;
    struct mwn_progress now = {
        .step = done,
        .steps = p->set.n,
        .seconds = seconds,
        .eta_seconds = seconds * (double)(p->set.n - done) / (double)done,
        .accuracy = -1,
        .best_accuracy = -1,
        .phase = "predict",
    };
    if (p->what->progress && p->what->progress(&now, p->what->user))
        return mwn_fail(err, MWN_INTERRUPTED, "stopped on request after %zu of %zu samples",
                        done, p->set.n);
    return MWN_OK;
}

/* The logarithms of probabilities are logits. */
static void score_row(struct prediction *p, const float *row, int32_t label)
{
    for (size_t k = 0; k < p->table.classes; k++)
        p->logits[k] = log(fmax((double)row[k], (double)FLT_MIN));
    mwn_score_add(&p->score, 1, p->logits, &label);
}

static mwn_status fail_row(const struct prediction *p, size_t i, struct mwn_error *err)
{
    char number[24];
    mwn_fail(err, MWN_ERR_DATA, "%s: what the model says of sample %s is not a number",
             p->what->data, mwn_source_id(&p->source, i, number));
    return mwn_hint(err, "is the sample as those of the training are? Or did the training "
                         "diverge?");
}

static mwn_status take_batch(size_t first, size_t n, const float *probabilities, void *user,
                             struct mwn_error *err)
{
    struct prediction *p = user;
    mwn_status status = MWN_OK;
    for (size_t i = 0; i < n; i++) {
        const float *row = probabilities + i * p->table.classes;
        int32_t label = p->source.label[first + i];
        size_t best = 0;
        if (isnan(row[0])) /* A softmax has one everywhere or nowhere. */
            return fail_row(p, first + i, err);
        for (size_t k = 1; k < p->table.classes; k++)
            best = row[k] > row[best] ? k : best;
        p->labelled += label >= 0;
        if (label >= 0 && (size_t)label < p->table.classes)
            score_row(p, row, label);
        if (!p->what->npy)
            add_row(p, first + i, best, row);
    }
    if (p->what->npy)
        MWN_TRY(keep_batch(first, n, probabilities, &p->table, err));
    else
        MWN_TRY(flush_lines(p, err));
    MWN_TRY(report(p, first + n, err));
out:
    return status;
}

static mwn_status predict(struct prediction *p, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    int classes = p->model.facts.classes;

    MWN_TRY(open_samples(p, err));
    MWN_TRY(mwn_opened_load(&p->model, p->source.shape,
                            classes > 0 ? classes : p->source.classes, err));
    p->table.classes = (size_t)mwn_net_classes(p->model.net);
    const size_t shape[2] = {p->set.n, p->table.classes};
    MWN_TRY(mwn_score_init(&p->score, (int)p->table.classes, err));
    p->logits = mwn_alloc(p->table.classes, sizeof(*p->logits));
    if (!p->logits)
        return mwn_fail_memory(err, p->table.classes * sizeof(*p->logits), "a prediction");
    if (p->what->npy) {
        p->table.probabilities = mwn_alloc(shape[0], shape[1] * sizeof(float));
        if (!p->table.probabilities) {
            status = mwn_fail_memory(err, shape[0] * shape[1] * sizeof(float),
                                     "the probabilities");
            goto out;
        }
        MWN_TRY(mwn_predict_loader(p->model.net, p->loader, take_batch, p, err));
        MWN_TRY(mwn_npy_write(p->what->out, MWN_NPY_F32, 2, shape, p->table.probabilities,
                              err));
        goto out;
    }
    begin_csv(p);
    MWN_TRY(mwn_writer_open(&p->writer, p->what->out, err));
    MWN_TRY(mwn_predict_loader(p->model.net, p->loader, take_batch, p, err));
    MWN_TRY(mwn_writer_commit(&p->writer, err));
out:
    return status;
}

/* A label of a class that the model does not know is never right. */
static void add_score(const struct prediction *p, struct mwn_json *out)
{
    struct mwn_result result = mwn_score_result(&p->score, NULL);
    if (p->labelled == 0)
        return;
    if (p->score.samples == p->labelled)
        mwn_result_add(out, "", &result);
    else
        mwn_json_fixed(out, "accuracy",
                       100 * fmax(0, result.accuracy) * (double)p->score.samples /
                           (double)p->labelled,
                       2);
}

mwn_status mwn_predict(const char *path, const mwn_config *config,
                       const struct mwn_prediction *what, char **json,
                       struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct prediction p = {.what = what, .start = mwn_clock_now()};
    struct mwn_json out = {0};

    if (mwn_path_is_same(what->data, what->out)) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: is to be read and written", what->out);
        return mwn_hint(err, "name another file for the predictions");
    }
    MWN_TRY(mwn_opened_open(&p.model, path, config, err));
    MWN_TRY(predict(&p, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "model", p.model.settings.model.name);
    mwn_json_text(&out, "file", p.model.path);
    mwn_json_text(&out, "out", what->out);
    mwn_json_size(&out, "samples", p.set.n);
    mwn_json_size(&out, "classes", p.table.classes);
    mwn_json_size(&out, "skipped", p.source.skipped);
    mwn_json_size(&out, "labelled", p.labelled);
    add_score(&p, &out);
    mwn_json_fixed(&out, "seconds", mwn_clock_now() - p.start, 3);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    prediction_release(&p);
    return status;
}
