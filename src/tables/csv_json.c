/* csv_json.c - the results of a table as CSV and as JSON, and the files. */
#include "tables/collect.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/json_writer.h"

#include <math.h>
#include <string.h>

/* ---- CSV ---------------------------------------------------------------------------- */

static void csv_number(struct mwn_buf *out, double value, int decimals)
{
    if (isfinite(value))
        mwn_buf_printf(out, ",%.*f", decimals, value);
    else
        mwn_buf_printf(out, ",");
}

static void csv_span(struct mwn_buf *out, const struct mwn_span *span)
{
    double none = (double)NAN;
    csv_number(out, span->given ? span->value : none, 3);
    csv_number(out, span->given ? span->low : none, 3);
    csv_number(out, span->given ? span->high : none, 3);
}

static void csv_stat(struct mwn_buf *out, const struct mwn_stat *stat, int decimals)
{
    csv_number(out, stat->mean, decimals);
    csv_number(out, stat->n > 1 ? stat->sd : (double)NAN, decimals);
}

static void csv_row(const struct mwn_table *table, const struct mwn_entry *e, size_t r,
                    size_t c, struct mwn_buf *out)
{
    const struct mwn_figure none = {.sd = -1};
    const struct mwn_figure *figure =
        table->row[r].figure ? &table->row[r].figure[c] : &none;
    const char *source = mwn_table_source(table, r);
    mwn_csv_add(out, table->row[r].name);
    mwn_buf_printf(out, ",");
    mwn_csv_add(out, table->column[c].name);
    mwn_buf_printf(out, ",%zu,%zu", e->done, e->failed);
    csv_stat(out, &e->best, 3);
    csv_stat(out, &e->last, 3);
    csv_stat(out, &e->valid, 3);
    csv_span(out, &e->gain);
    csv_number(out, figure->given ? figure->value : (double)NAN, 2);
    csv_number(out, figure->given && figure->sd >= 0 ? figure->sd : (double)NAN, 2);
    csv_span(out, &e->difference);
    csv_number(out, e->seconds.mean, 3);
    csv_number(out, e->memory.mean, 0);
    csv_number(out, e->step, 6);
    csv_number(out, e->step_cost, 4);
    for (size_t m = 0; m < MWN_TABLE_METRICS && mwn_table_metrics[m].key; m++)
        csv_stat(out, &e->metric[m], 5);
    mwn_buf_printf(out, ",");
    if (figure->given && source)
        mwn_csv_add(out, source);
    mwn_buf_printf(out, "\n");
}

void mwn_table_csv(const struct mwn_table *table, const struct mwn_results *results,
                   struct mwn_buf *out)
{
    mwn_buf_printf(out,
                   "row,column,done,failed,best,best_sd,last,last_sd,valid,valid_sd,gain,"
                   "gain_low,gain_high,published,published_sd,difference,difference_low,"
                   "difference_high,seconds,memory,step_seconds,step_cost");
    for (size_t m = 0; m < MWN_TABLE_METRICS && mwn_table_metrics[m].key; m++)
        mwn_buf_printf(out, ",%s,%s_sd", mwn_table_metrics[m].key,
                       mwn_table_metrics[m].key);
    mwn_buf_printf(out, ",source\n");
    for (size_t c = 0; c < table->columns; c++)
        for (size_t r = 0; r < table->rows; r++)
            csv_row(table, mwn_results_at(table, results, r, c), r, c, out);
}

/* ---- JSON --------------------------------------------------------------------------- */

static void json_stat(struct mwn_json *json, const char *key, const struct mwn_stat *stat)
{
    if (stat->n == 0)
        return;
    mwn_json_object(json, key);
    mwn_json_real(json, "mean", stat->mean, 8);
    mwn_json_real(json, "sd", stat->sd, 8);
    mwn_json_size(json, "n", stat->n);
    mwn_json_end_object(json);
}

static void json_span(struct mwn_json *json, const char *key, const struct mwn_span *span)
{
    if (!span->given)
        return;
    mwn_json_object(json, key);
    mwn_json_fixed(json, "value", span->value, 3);
    mwn_json_fixed(json, "low", span->low, 3);
    mwn_json_fixed(json, "high", span->high, 3);
    mwn_json_end_object(json);
}

static void json_published(const struct mwn_table *table, size_t r, size_t c,
                           struct mwn_json *json)
{
    const struct mwn_figure *figure =
        table->row[r].figure ? &table->row[r].figure[c] : NULL;
    if (!figure || !figure->given)
        return;
    mwn_json_object(json, "published");
    mwn_json_fixed(json, "value", figure->value, 2);
    if (figure->sd >= 0)
        mwn_json_fixed(json, "sd", figure->sd, 2);
    mwn_json_text(json, "source", mwn_table_source(table, r));
    mwn_json_end_object(json);
}

static void json_entry(const struct mwn_table *table, const struct mwn_entry *e, size_t r,
                       size_t c, struct mwn_json *json)
{
    mwn_json_object(json, NULL);
    mwn_json_text(json, "row", table->row[r].name);
    mwn_json_text(json, "column", table->column[c].name);
    mwn_json_text(json, "label", table->row[r].label);
    mwn_json_text(json, "method", table->row[r].method);
    mwn_json_size(json, "done", e->done);
    mwn_json_size(json, "failed", e->failed);
    if (e->done)
        mwn_json_text(json, "chosen_by", e->by_valid ? "valid" : "test");
    json_stat(json, "best", &e->best);
    json_stat(json, "last", &e->last);
    json_stat(json, "valid", &e->valid);
    json_span(json, "gain", &e->gain);
    json_published(table, r, c, json);
    json_span(json, "difference", &e->difference);
    json_stat(json, "seconds", &e->seconds);
    json_stat(json, "memory", &e->memory);
    mwn_json_real(json, "step_seconds", e->step, 6);
    mwn_json_real(json, "step_cost", e->step_cost, 5);
    mwn_json_object(json, "metrics");
    for (size_t m = 0; m < MWN_TABLE_METRICS && mwn_table_metrics[m].key; m++)
        json_stat(json, mwn_table_metrics[m].key, &e->metric[m]);
    mwn_json_end_object(json);
    mwn_json_end_object(json);
}

static void json_scale(const struct mwn_table *table, struct mwn_json *json)
{
    if (!(table->scale.budget > 0))
        return;
    mwn_json_object(json, "scale");
    mwn_json_real(json, "budget", table->scale.budget, 8);
    mwn_json_real(json, "epochs", table->scale.epochs, 6);
    mwn_json_real(json, "samples", table->scale.samples, 6);
    mwn_json_real(json, "seconds", table->scale.seconds, 6);
    mwn_json_end_object(json);
}

mwn_status mwn_table_json(const struct mwn_table *table, const struct mwn_results *results,
                          char **out, struct mwn_error *err)
{
    struct mwn_json json = {0};
    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "version", mwn_version());
    mwn_json_text(&json, "title", table->title ? table->title : table->path);
    mwn_json_text(&json, "dir", table->dir);
    mwn_json_size(&json, "cells", table->cells);
    mwn_json_size(&json, "done", results->done);
    mwn_json_size(&json, "failed", results->failed);
    mwn_json_array(&json, "seeds");
    for (size_t i = 0; i < table->seeds; i++)
        mwn_json_int(&json, NULL, table->seed[i]);
    mwn_json_end_array(&json);
    json_scale(table, &json);
    if (table->sweep) {
        size_t chosen = mwn_results_chosen(table, results);
        mwn_json_text(&json, "chosen",
                      chosen < table->rows ? table->row[chosen].label : NULL);
    }
    mwn_json_array(&json, "entries");
    for (size_t c = 0; c < table->columns; c++)
        for (size_t r = 0; r < table->rows; r++)
            json_entry(table, mwn_results_at(table, results, r, c), r, c, &json);
    mwn_json_end_array(&json);
    mwn_json_end_object(&json);
    mwn_status status = mwn_json_take(&json, out, err);
    mwn_json_release(&json);
    return status;
}

/* ---- Files -------------------------------------------------------------------------- */

static mwn_status write_text(const struct mwn_table *table, const char *name,
                             const char *text, struct mwn_error *err)
{
    char *path = mwn_path_join(table->dir, name);
    if (!path)
        return mwn_fail_memory(err, strlen(table->dir), "a path");
    mwn_status status = mwn_file_write(path, text, strlen(text), err);
    mwn_free(path);
    return status;
}

mwn_status mwn_table_write(const mwn_table *table, char **json, char **markdown,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_results results = {0};
    struct mwn_buf page = {0}, lines = {0};
    char *object = NULL;

    MWN_TRY(mwn_collect(table, &results, err));
    MWN_TRY(mwn_table_json(table, &results, &object, err));
    mwn_table_markdown(table, &results, &page);
    mwn_table_csv(table, &results, &lines);
    if (page.failed || lines.failed) {
        status = mwn_fail_memory(err, page.size + lines.size, "the results of a table");
        goto out;
    }
    MWN_TRY(mwn_path_make_dir(table->dir, err));
    MWN_TRY(write_text(table, "table.json", object, err));
    MWN_TRY(write_text(table, "table.csv", lines.text, err));
    MWN_TRY(write_text(table, "table.md", page.text, err));
    if (json) {
        *json = object;
        object = NULL;
    }
    if (markdown)
        *markdown = mwn_buf_take(&page);
out:
    mwn_results_release(&results);
    mwn_buf_release(&page);
    mwn_buf_release(&lines);
    mwn_free(object);
    return status;
}
