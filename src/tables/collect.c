/* collect.c - reads what the cells of a table have come to, and sums it up over the seeds. */
#include "tables/collect.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/status.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 28 };

const struct mwn_metric mwn_table_metrics[MWN_TABLE_METRICS] = {
    {"balanced_accuracy", "last", "balanced", 2},
    {"macro_f1", "last", "macro F1", 2},
    {"worst_class_accuracy", "last", "worst class", 2},
    {"many_shot_accuracy", "last", "many-shot", 2},
    {"medium_shot_accuracy", "last", "medium-shot", 2},
    {"few_shot_accuracy", "last", "few-shot", 2},
    {"ece", "last", "ECE", 2},
    {"loss", "last", "NLL", 4},
    {"given", "memorisation", "wrong labels: as labelled", 2},
    {"truth", "memorisation", "as is true", 2},
    {"auroc", "detection", "found by weight (AUROC)", 3},
    {"mean", "weights", "mean weight", 3},
    {"effective_share", "weights", "effective share", 3},
};

/* A cell that is done. What is not there is NaN. */
struct outcome {
    bool by_valid;
    double best, last, valid, tested, seconds, memory;
    double metric[MWN_TABLE_METRICS];
};

/* What a step took in each epoch, in that of the runs in which it was least: other work makes a step
 * longer, never shorter. */
struct pace {
    double *step; /* owned [room] */
    size_t epochs, room;
};

/* ---- Reading ------------------------------------------------------------------------ */

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* A number of the last epoch's test, or of an object of the summary itself. */
static double metric_of(const json_t *root, const struct mwn_metric *metric)
{
    const json_t *part = json_object_get(root, metric->object);
    const json_t *test = json_object_get(part, "test");
    return number(test ? test : part, metric->key);
}

static mwn_status read_summary(const struct mwn_cell *cell, struct outcome *out,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char *path = NULL;
    json_t *root = NULL;

    MWN_TRY(mwn_grid_path(cell, "summary.json", &path, err));
    MWN_TRY(mwn_file_read(path, FILE_LIMIT, &bytes, err));
    root = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
    if (!root) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is not JSON", path);
        goto out;
    }
    const json_t *best = json_object_get(root, "best"),
                 *last = json_object_get(root, "last");
    const char *by = json_string_value(json_object_get(best, "chosen_by"));
    out->by_valid = by && strcmp(by, "valid") == 0;
    out->best = number(json_object_get(best, "test"), "accuracy");
    out->valid = number(json_object_get(best, "valid"), "accuracy");
    out->last = number(json_object_get(last, "test"), "accuracy");
    out->tested = number(json_object_get(root, "sets"), "test");
    for (size_t i = 0; i < MWN_TABLE_METRICS && mwn_table_metrics[i].key; i++)
        out->metric[i] = metric_of(root, &mwn_table_metrics[i]);
out:
    json_decref(root);
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

/* Adds a line of the record, an epoch, and what a step of it took if it had any; *epoch counts
 * those. */
static void add_epoch(const json_t *line, struct outcome *out, struct pace *pace,
                      size_t *epoch)
{
    double took = number(line, "step_seconds") / number(line, "steps");
    out->seconds += number(line, "seconds");
    out->memory = fmax(out->memory, number(line, "peak_memory"));
    if (!isfinite(took))
        return;
    double before = *epoch < pace->epochs ? pace->step[*epoch] : (double)INFINITY;
    pace->step[(*epoch)++] = fmin(before, took);
    pace->epochs = *epoch > pace->epochs ? *epoch : pace->epochs;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

/* The mean of a step's time over the epochs, each one's the median of the five around it: a halt of
 * the machine is no cost of the method, but methods may have cheap and dear epochs. */
static double mean_step(const double *step, size_t epochs)
{
    enum { REACH = 2, AROUND = 2 * REACH + 1 };
    double sum = 0;
    for (size_t e = 0; e < epochs; e++) {
        double around[AROUND];
        size_t first = e > REACH ? e - REACH : 0, n = 0;
        for (size_t k = first; k < epochs && k <= e + REACH; k++)
            around[n++] = step[k];
        sum += mwn_median(n, around);
    }
    return epochs > 0 ? sum / (double)epochs : (double)NAN;
}

static mwn_status make_room(struct pace *pace, size_t epochs, struct mwn_error *err)
{
    if (epochs <= pace->room)
        return MWN_OK;
    double *step = mwn_resize(pace->step, epochs, sizeof(*step));
    if (!step)
        return mwn_fail_memory(err, epochs * sizeof(*step), "a record's times");
    pace->step = step;
    pace->room = epochs;
    return MWN_OK;
}

static mwn_status read_record(const struct mwn_cell *cell, struct outcome *out,
                              struct pace *pace, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char *path = NULL;
    size_t epoch = 0;

    MWN_TRY(mwn_grid_path(cell, "record.jsonl", &path, err));
    MWN_TRY(mwn_file_read(path, FILE_LIMIT, &bytes, err));
    const char *at = bytes.data ? (const char *)bytes.data : "";
    MWN_TRY(make_room(pace, count_lines(at), err));
    while (*at) {
        size_t length = strcspn(at, "\n");
        json_t *line = json_loadb(at, length, 0, NULL);
        if (line)
            add_epoch(line, out, pace, &epoch);
        json_decref(line);
        at += length + (at[length] == '\n');
    }
out:
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

/* *done is false for a cell that is not. */
static mwn_status read_cell(const struct mwn_table *table, size_t i, struct outcome *out,
                            struct pace *pace, bool *done, struct mwn_error *err)
{
    const struct mwn_cell *cell = &table->cell[i];
    struct mwn_cell_info info;
    mwn_table_cell(table, i, &info);
    *out = (struct outcome){.best = (double)NAN, .last = (double)NAN, .valid = (double)NAN};
    *done = info.state == MWN_CELL_DONE;
    if (!*done)
        return MWN_OK;
    mwn_status status = read_summary(cell, out, err);
    return status == MWN_OK ? read_record(cell, out, pace, err) : status;
}

/* ---- Summing up --------------------------------------------------------------------- */

/* The outcomes of one row in one column, by seed; NaN where there is none. */
struct runs {
    double best[MWN_TABLE_SEEDS], last[MWN_TABLE_SEEDS], valid[MWN_TABLE_SEEDS];
    double seconds[MWN_TABLE_SEEDS], memory[MWN_TABLE_SEEDS];
    double metric[MWN_TABLE_METRICS][MWN_TABLE_SEEDS];
};

static void put(struct runs *runs, size_t s, const struct outcome *o, bool done)
{
    runs->best[s] = o->best;
    runs->last[s] = o->last;
    runs->valid[s] = o->valid;
    runs->seconds[s] = done ? o->seconds : (double)NAN;
    runs->memory[s] = done ? o->memory : (double)NAN;
    for (size_t m = 0; m < MWN_TABLE_METRICS; m++)
        runs->metric[m][s] = done ? o->metric[m] : (double)NAN;
}

static mwn_status sum_up(const struct mwn_table *table, size_t first, struct runs *runs,
                         struct mwn_entry *entry, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t pairs = table->rows * table->columns;
    struct pace pace = {0};
    for (size_t s = 0; s < table->seeds; s++) {
        struct outcome outcome;
        bool done = false;
        MWN_TRY(read_cell(table, first + s * pairs, &outcome, &pace, &done, err));
        put(runs, s, &outcome, done);
        entry->done += done;
        entry->failed += !done && mwn_grid_has(&table->cell[first + s * pairs], NULL);
        entry->by_valid = entry->by_valid || (done && outcome.by_valid);
        entry->tested = done ? outcome.tested : entry->tested;
    }
    entry->best = mwn_stat_of(runs->best, table->seeds);
    entry->last = mwn_stat_of(runs->last, table->seeds);
    entry->valid = mwn_stat_of(runs->valid, table->seeds);
    entry->seconds = mwn_stat_of(runs->seconds, table->seeds);
    entry->memory = mwn_stat_of(runs->memory, table->seeds);
    entry->step = mean_step(pace.step, pace.epochs);
    for (size_t m = 0; m < MWN_TABLE_METRICS; m++)
        entry->metric[m] = mwn_stat_of(runs->metric[m], table->seeds);
out:
    mwn_free(pace.step);
    return status;
}

/* How far the best accuracy is from the published figure. */
static void set_difference(const struct mwn_table *table, const struct mwn_figure *figure,
                           struct mwn_entry *entry)
{
    struct mwn_spread exact = {0, (double)INFINITY};
    if (!figure->given || entry->best.n == 0)
        return;
    if (figure->sd >= 0 && table->published_seeds > 1) {
        exact.variance = figure->sd * figure->sd / (double)table->published_seeds;
        exact.df = (double)(table->published_seeds - 1);
    }
    entry->difference = mwn_span_of(entry->best.mean - figure->value,
                                    mwn_spread_of(&entry->best, entry->tested), exact);
}

/* What a row has over ce in the last epoch, seed by seed; with one seed, as two shares of the
 * test set. */
static void set_gain(const struct mwn_table *table, const struct runs *runs,
                     const struct runs *plain, struct mwn_entry *entry)
{
    double gain[MWN_TABLE_SEEDS], ours = 0, theirs = 0;
    struct mwn_spread a, b = {0, (double)INFINITY};
    for (size_t s = 0; s < table->seeds; s++) {
        gain[s] = runs->last[s] - plain->last[s];
        ours = isnan(gain[s]) ? ours : runs->last[s];
        theirs = isnan(gain[s]) ? theirs : plain->last[s];
    }
    struct mwn_stat stat = mwn_stat_of(gain, table->seeds);
    if (stat.n == 0)
        return;
    if (stat.n > 1) {
        a = mwn_spread_of(&stat, 0);
    } else {
        a = mwn_spread_of(&(struct mwn_stat){1, ours, 0}, entry->tested);
        b = mwn_spread_of(&(struct mwn_stat){1, theirs, 0}, entry->tested);
    }
    entry->gain = mwn_span_of(stat.mean, a, b);
}

/* The row of plain training: rows if there is none. */
static size_t plain_row(const struct mwn_table *table)
{
    size_t r = 0;
    while (r < table->rows && strcmp(table->row[r].method, "ce") != 0)
        r++;
    return r;
}

static mwn_status collect_column(const struct mwn_table *table, size_t c, struct runs *runs,
                                 struct mwn_results *out, struct mwn_error *err)
{
    size_t plain = plain_row(table);
    for (size_t r = 0; r < table->rows; r++) {
        struct mwn_entry *entry = &out->entry[r * table->columns + c];
        mwn_status status = sum_up(table, c * table->rows + r, &runs[r], entry, err);
        if (status != MWN_OK)
            return status;
        if (table->row[r].figure)
            set_difference(table, &table->row[r].figure[c], entry);
        out->done += entry->done;
        out->failed += entry->failed;
    }
    for (size_t r = 0; r < table->rows; r++) {
        struct mwn_entry *entry = &out->entry[r * table->columns + c];
        entry->step_cost = (double)NAN;
        if (plain == table->rows)
            continue;
        entry->step_cost = entry->step / out->entry[plain * table->columns + c].step;
        if (r != plain)
            set_gain(table, &runs[r], &runs[plain], entry);
    }
    return MWN_OK;
}

/* A choice by the test set is none: only the chosen row of a sweep shows what it came to there, and
 * not what it has over another one. */
static void hide_tests(const struct mwn_table *table, struct mwn_results *results)
{
    size_t chosen = mwn_results_chosen(table, results);
    const struct mwn_stat none = {0, (double)NAN, (double)NAN};
    for (size_t r = 0; r < table->rows; r++) {
        struct mwn_entry *entry = &results->entry[r * table->columns];
        entry->gain.given = false;
        if (r == chosen)
            continue;
        entry->best = entry->last = none;
        entry->difference.given = false;
        for (size_t m = 0; m < MWN_TABLE_METRICS; m++)
            entry->metric[m] = none;
    }
}

mwn_status mwn_collect(const struct mwn_table *table, struct mwn_results *out,
                       struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct runs *runs = mwn_alloc(table->rows, sizeof(*runs));
    out->entry = mwn_alloc(table->rows * table->columns, sizeof(*out->entry));
    if (!runs || !out->entry) {
        mwn_free(runs);
        return mwn_fail_memory(err, table->rows * sizeof(*runs), "the results of a table");
    }
    for (size_t c = 0; status == MWN_OK && c < table->columns; c++)
        status = collect_column(table, c, runs, out, err);
    mwn_free(runs);
    if (status == MWN_OK && table->sweep)
        hide_tests(table, out);
    return status;
}

const char *mwn_table_source(const struct mwn_table *table, size_t row)
{
    return table->row[row].source ? table->row[row].source : table->source;
}

void mwn_results_release(struct mwn_results *results)
{
    mwn_free(results->entry);
    *results = (struct mwn_results){0};
}

const struct mwn_entry *mwn_results_at(const struct mwn_table *table,
                                       const struct mwn_results *results, size_t row,
                                       size_t column)
{
    return &results->entry[row * table->columns + column];
}

size_t mwn_results_chosen(const struct mwn_table *table, const struct mwn_results *results)
{
    size_t chosen = table->rows, most = 0;
    for (size_t r = 0; r < table->rows; r++) {
        size_t done = mwn_results_at(table, results, r, 0)->done;
        most = done > most ? done : most;
    }
    for (size_t r = 0; r < table->rows; r++) {
        double now = mwn_results_at(table, results, r, 0)->valid.mean;
        if (isnan(now) || mwn_results_at(table, results, r, 0)->done < most)
            continue;
        if (chosen == table->rows ||
            now > mwn_results_at(table, results, chosen, 0)->valid.mean)
            chosen = r;
    }
    return chosen;
}
