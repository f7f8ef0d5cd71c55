/* markdown.c - the results of a table as Markdown: for each column what every row has come to, the
 * published figure beside it, and what it cost. */
#include "tables/collect.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { REASON_LIMIT = 1 << 16 };

/* A text inside of a table's cell. */
static void add_label(struct mwn_buf *out, const char *text)
{
    for (; *text; text++)
        mwn_buf_printf(out, *text == '|' ? "\\%c" : "%c", *text == '\n' ? ' ' : *text);
}

static void add_stat(struct mwn_buf *out, const struct mwn_stat *stat, int decimals)
{
    if (stat->n == 0)
        mwn_buf_printf(out, " |");
    else if (stat->n == 1)
        mwn_buf_printf(out, " %.*f |", decimals, stat->mean);
    else
        mwn_buf_printf(out, " %.*f ± %.*f |", decimals, stat->mean, decimals, stat->sd);
}

static void add_span(struct mwn_buf *out, const struct mwn_span *span)
{
    if (!span->given)
        mwn_buf_printf(out, " |");
    else
        mwn_buf_printf(out, " %+.2f (%+.2f .. %+.2f) |", span->value, span->low,
                       span->high);
}

static void add_duration(struct mwn_buf *out, double seconds)
{
    long whole = isfinite(seconds) ? (long)(seconds + 0.5) : -1;
    if (whole < 0)
        mwn_buf_printf(out, " |");
    else if (whole < 3600)
        mwn_buf_printf(out, " %ld:%02ld |", whole / 60, whole % 60);
    else
        mwn_buf_printf(out, " %ld:%02ld:%02ld |", whole / 3600, whole / 60 % 60,
                       whole % 60);
}

/* ---- Sources ------------------------------------------------------------------------ */

/* Number of a row's source, counted from 1, in the order of the rows; 0: it names none. */
static size_t source_number(const struct mwn_table *table, size_t row)
{
    const char *wanted = mwn_table_source(table, row);
    size_t number = 0;
    for (size_t r = 0; wanted && r <= row; r++) {
        bool known = !mwn_table_source(table, r);
        for (size_t k = 0; k < r && !known; k++)
            known = mwn_table_source(table, k) &&
                    strcmp(mwn_table_source(table, k), mwn_table_source(table, r)) == 0;
        number += !known;
        if (mwn_table_source(table, r) && strcmp(mwn_table_source(table, r), wanted) == 0)
            return number;
    }
    return 0;
}

static void add_sources(const struct mwn_table *table, struct mwn_buf *out)
{
    size_t last = 0;
    for (size_t r = 0; r < table->rows; r++) {
        size_t number = source_number(table, r);
        if (number <= last)
            continue;
        mwn_buf_printf(out, "%s[%zu] %s\n",
                       last == 0 ? "\nSources of the published figures:\n\n" : "\n", number,
                       mwn_table_source(table, r));
        last = number;
    }
}

/* ---- One column --------------------------------------------------------------------- */

static void add_published(const struct mwn_table *table, size_t r, size_t c,
                          struct mwn_buf *out)
{
    const struct mwn_figure *figure =
        table->row[r].figure ? &table->row[r].figure[c] : NULL;
    size_t source = source_number(table, r);
    if (!figure || !figure->given) {
        mwn_buf_printf(out, " |");
        return;
    }
    mwn_buf_printf(out, " %.2f", figure->value);
    if (figure->sd >= 0)
        mwn_buf_printf(out, " ± %.2f", figure->sd);
    if (source)
        mwn_buf_printf(out, " [%zu]", source);
    mwn_buf_printf(out, " |");
}

static void add_row(const struct mwn_table *table, const struct mwn_entry *e, size_t r,
                    size_t c, struct mwn_buf *out)
{
    mwn_buf_printf(out, "| ");
    add_label(out, table->row[r].label);
    mwn_buf_printf(out, " | %zu |", e->done);
    add_stat(out, &e->best, 2);
    add_stat(out, &e->last, 2);
    add_span(out, &e->gain);
    add_published(table, r, c, out);
    add_span(out, &e->difference);
    add_duration(out, e->seconds.mean);
    if (e->memory.n)
        mwn_buf_printf(out, " %.0f MB |", e->memory.mean / 1e6);
    else
        mwn_buf_printf(out, " |");
    if (isfinite(e->step))
        mwn_buf_printf(out, " %.1f ms |", 1000 * e->step);
    else
        mwn_buf_printf(out, " |");
    if (isfinite(e->step_cost))
        mwn_buf_printf(out, " %.2f |\n", e->step_cost);
    else
        mwn_buf_printf(out, " |\n");
}

static bool has_metric(const struct mwn_table *table, const struct mwn_results *results,
                       size_t c, size_t m)
{
    for (size_t r = 0; r < table->rows; r++)
        if (mwn_results_at(table, results, r, c)->metric[m].n > 0)
            return true;
    return false;
}

static void add_metrics(const struct mwn_table *table, const struct mwn_results *results,
                        size_t c, struct mwn_buf *out)
{
    size_t kept[MWN_TABLE_METRICS], count = 0;
    for (size_t m = 0; m < MWN_TABLE_METRICS && mwn_table_metrics[m].key; m++)
        if (has_metric(table, results, c, m))
            kept[count++] = m;
    if (count == 0)
        return;
    mwn_buf_printf(out, "\nThe last epoch in more detail:\n\n| method |");
    for (size_t i = 0; i < count; i++)
        mwn_buf_printf(out, " %s |", mwn_table_metrics[kept[i]].label);
    mwn_buf_printf(out, "\n|---|");
    for (size_t i = 0; i < count; i++)
        mwn_buf_printf(out, "--:|");
    for (size_t r = 0; r < table->rows; r++) {
        const struct mwn_entry *e = mwn_results_at(table, results, r, c);
        if (e->done == 0)
            continue;
        mwn_buf_printf(out, "\n| ");
        add_label(out, table->row[r].label);
        mwn_buf_printf(out, " |");
        for (size_t i = 0; i < count; i++)
            add_stat(out, &e->metric[kept[i]], mwn_table_metrics[kept[i]].decimals);
    }
    mwn_buf_printf(out, "\n");
}

static void add_column(const struct mwn_table *table, const struct mwn_results *results,
                       size_t c, struct mwn_buf *out)
{
    mwn_buf_printf(out, "\n## %s\n\n", table->column[c].label);
    mwn_buf_printf(out,
                   "| method | runs | best | last | gain over ce (95 %%) | published | "
                   "best - published (95 %%) | time | memory | step | step / ce |\n"
                   "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t r = 0; r < table->rows; r++)
        add_row(table, mwn_results_at(table, results, r, c), r, c, out);
    add_metrics(table, results, c, out);
}

/* ---- The whole ---------------------------------------------------------------------- */

static void add_overview(const struct mwn_table *table, const struct mwn_results *results,
                         struct mwn_buf *out)
{
    mwn_buf_printf(out, "\nBest / last test accuracy, %%:\n\n| method |");
    for (size_t c = 0; c < table->columns; c++) {
        mwn_buf_printf(out, " ");
        add_label(out, table->column[c].label);
        mwn_buf_printf(out, " |");
    }
    mwn_buf_printf(out, "\n|---|");
    for (size_t c = 0; c < table->columns; c++)
        mwn_buf_printf(out, "--:|");
    for (size_t r = 0; r < table->rows; r++) {
        mwn_buf_printf(out, "\n| ");
        add_label(out, table->row[r].label);
        mwn_buf_printf(out, " |");
        for (size_t c = 0; c < table->columns; c++) {
            const struct mwn_entry *e = mwn_results_at(table, results, r, c);
            if (e->done)
                mwn_buf_printf(out, " %.2f / %.2f |", e->best.mean, e->last.mean);
            else
                mwn_buf_printf(out, " |");
        }
    }
    mwn_buf_printf(out, "\n");
}

/* Options of the command line; where the data is and how many threads compute is of no interest. */
static void add_overrides(const struct mwn_table *table, struct mwn_buf *out)
{
    const mwn_config *set = table->overrides;
    bool any = false;
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->pairs[i].key, "data.path") == 0 ||
            strcmp(set->pairs[i].key, "train.threads") == 0)
            continue;
        mwn_buf_printf(out, "%s %s=%s",
                       any ? "" : " Set for all of them:", set->pairs[i].key,
                       set->pairs[i].value);
        any = true;
    }
    mwn_buf_printf(out, any ? ".\n" : "\n");
}

static void add_title(const struct mwn_table *table, const struct mwn_results *results,
                      struct mwn_buf *out)
{
    char scale[MWN_SCALE_TEXT];
    mwn_table_scale_text(table, scale, sizeof(scale));
    mwn_buf_printf(out, "# %s", table->title ? table->title : table->path);
    mwn_buf_printf(out, scale[0] ? " (%s)\n\n" : "\n\n", scale);
    if (table->note)
        mwn_buf_printf(out, "%s\n\n", table->note);
    mwn_buf_printf(out, "%zu of %zu runs are done", results->done, table->cells);
    if (results->failed)
        mwn_buf_printf(out, ", %zu failed", results->failed);
    mwn_buf_printf(out, ".");
    add_overrides(table, out);
}

static void add_key(const struct mwn_table *table, const struct mwn_results *results,
                    struct mwn_buf *out)
{
    bool by_valid = false;
    for (size_t i = 0; i < table->rows * table->columns; i++)
        by_valid = by_valid || results->entry[i].by_valid;
    mwn_buf_printf(
        out,
        "\nAccuracies in %% of the test set, mean ± standard deviation over the runs "
        "(seeds). "
        "best: of the epoch that is best by the %s; last: of the last one. Intervals are "
        "of "
        "95 %% (Welch over the runs; for a single run only what the size of the test set "
        "makes of it). time: of training alone; step: of the method's own step, in each "
        "epoch in the run where it is least, the mean over the epochs, of which each is "
        "the "
        "median of the five around it; step / ce: relative to plain training in the same "
        "table.\n",
        by_valid ? "validation set" : "test set itself, which flatters");
}

/* What was noted when the cell failed. */
static void add_reason(const struct mwn_cell *cell, struct mwn_buf *out)
{
    struct mwn_error unused = {0};
    struct mwn_bytes bytes = {0};
    char *path = NULL;
    if (mwn_grid_path(cell, NULL, &path, &unused) == MWN_OK &&
        mwn_file_read(path, REASON_LIMIT, &bytes, &unused) == MWN_OK)
        mwn_buf_printf(out, ": %s", (const char *)bytes.data);
    mwn_bytes_release(&bytes);
    mwn_free(path);
}

static void add_failures(const struct mwn_table *table, struct mwn_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < table->cells; i++) {
        struct mwn_cell_info cell;
        mwn_table_cell(table, i, &cell);
        if (cell.state != MWN_CELL_FAILED)
            continue;
        mwn_buf_printf(out, "%s- %s/%s/seed%" PRId64, any ? "" : "\nFailed:\n\n", cell.row,
                       cell.column, cell.seed);
        add_reason(&table->cell[i], out);
        mwn_buf_printf(out, "\n");
        any = true;
    }
}

/* Best first; the test accuracy of the chosen row only. */
static void add_sweep(const struct mwn_table *table, const struct mwn_results *results,
                      struct mwn_buf *out)
{
    size_t chosen = mwn_results_chosen(table, results);
    double below = (double)INFINITY;
    mwn_buf_printf(out, "\n| options | runs | validation | test, best | test, last |\n"
                        "|---|--:|--:|--:|--:|\n");
    for (;;) { /* All rows of the next lower accuracy. */
        double next = -1;
        for (size_t r = 0; r < table->rows; r++) {
            double now = mwn_results_at(table, results, r, 0)->valid.mean;
            next = now < below && now > next ? now : next;
        }
        for (size_t r = 0; r < table->rows && next >= 0; r++) {
            const struct mwn_entry *e = mwn_results_at(table, results, r, 0);
            const struct mwn_stat none = {0};
            if (!(e->valid.mean >= next && e->valid.mean <= next))
                continue;
            mwn_buf_printf(out, "| %s | %zu |", table->row[r].label, e->done);
            add_stat(out, &e->valid, 2);
            add_stat(out, r == chosen ? &e->best : &none, 2);
            add_stat(out, r == chosen ? &e->last : &none, 2);
            mwn_buf_printf(out, "\n");
        }
        if (next < 0)
            break;
        below = next;
    }
    if (chosen == table->rows)
        return;
    mwn_buf_printf(out, "\nChosen by the validation set: %s\n", table->row[chosen].label);
    if (results->done < table->cells)
        mwn_buf_printf(out,
                       "\nWarning: not all runs are done. The choice is among the "
                       "combinations with the most, %zu of %zu.\n",
                       mwn_results_at(table, results, chosen, 0)->done, table->seeds);
}

void mwn_table_markdown(const struct mwn_table *table, const struct mwn_results *results,
                        struct mwn_buf *out)
{
    add_title(table, results, out);
    if (table->sweep) {
        add_sweep(table, results, out);
    } else {
        if (table->columns > 1)
            add_overview(table, results, out);
        for (size_t c = 0; c < table->columns; c++)
            add_column(table, results, c, out);
        add_key(table, results, out);
        add_sources(table, out);
    }
    add_failures(table, out);
}
