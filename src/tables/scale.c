/* scale.c - what the cells of a table will take, and a table made smaller to fit a budget.
 *
 * A cell of E epochs with S steps of t seconds each, and evaluations of v seconds, takes
 * E (S t + v), v with a moment for the epoch's files, which are flushed to the disk. Scaled by the
 * shares e (epochs) and f (samples) it takes E' (ceil(f S) t + v)
 * with E' = round(e E). Epochs are cut first, but not below the few that a schedule needs to be
 * one; then samples. The drops of the learning rate stay where they were, relative to E'. */
#include "tables/grid.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/json_writer.h"

#include <jansson.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEWEST_EPOCHS = 10, SCALE_LIMIT = 1 << 24, HALVINGS = 40 };
static const double fewest_samples = 0.01; /* as a share */
static const double files = 0.05;          /* seconds an epoch */
static const double reserve = 0.05; /* of the budget: reading the data, writing files */

/* ---- Time --------------------------------------------------------------------------- */

mwn_status mwn_table_measure(const mwn_table *table, size_t i, struct mwn_cell_time *out,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    char *text = NULL;
    json_t *root = NULL;

    MWN_TRY(mwn_grid_config(table, &table->cell[i], false, &config, err));
    MWN_TRY(mwn_plan(config, &text, err));
    root = json_loads(text, 0, NULL);
    json_t *time = json_object_get(root, "time"), *sets = json_object_get(root, "sets");
    if (!time || !sets) {
        status = mwn_fail_memory(err, strlen(text), "a plan");
        goto out;
    }
    out->step = json_number_value(json_object_get(time, "seconds_per_step"));
    out->evaluation = json_number_value(json_object_get(time, "seconds_per_evaluation"));
    out->steps = json_number_value(json_object_get(time, "steps_per_epoch"));
    out->samples = json_number_value(json_object_get(sets, "train"));
out:
    json_decref(root);
    mwn_text_free(text);
    mwn_config_free(config);
    return status;
}

void mwn_table_note_time(mwn_table *table, size_t i, const struct mwn_cell_time *time)
{
    *mwn_grid_cost(table, &table->cell[i]) = (struct mwn_cell_cost){
        true, time->step, time->evaluation + files, time->steps, time->samples};
}

bool mwn_table_is_scaled(const mwn_table *table)
{
    return table->scale.budget > 0;
}

static double scaled_epochs(double epochs, const struct mwn_table_scale *scale)
{
    double few = fmin(epochs, FEWEST_EPOCHS);
    return fmax(few, round(epochs * scale->epochs));
}

static double cell_seconds(const struct mwn_table *table, const struct mwn_cell *cell,
                           const struct mwn_table_scale *scale)
{
    size_t at = cell->row * table->columns + cell->column;
    const struct mwn_cell_cost *cost = &table->cost[at];
    double steps = ceil(cost->steps * scale->samples);
    return scaled_epochs(table->epochs[at], scale) *
           (steps * cost->step + cost->evaluation);
}

static void scale_epochs(const struct mwn_table *table, const struct mwn_table_scale *scale,
                         double *fewest, double *most)
{
    *fewest = (double)INFINITY;
    *most = 0;
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        double epochs = scaled_epochs(table->epochs[i], scale);
        *fewest = fmin(*fewest, epochs);
        *most = fmax(*most, epochs);
    }
}

double mwn_scale_expect(const struct mwn_table *table, const struct mwn_cell *cell)
{
    const struct mwn_table_scale whole = {.epochs = 1, .samples = 1};
    if (!mwn_grid_cost(table, cell)->known)
        return -1;
    return cell_seconds(table, cell, table->scale.budget > 0 ? &table->scale : &whole);
}

static double unit_seconds(double seconds)
{
    return seconds < 120 ? 1 : seconds < 7200 ? 60 : 3600;
}

static const char *unit_name(double seconds)
{
    return seconds < 120 ? "s" : seconds < 7200 ? "min" : "h";
}

/* The epochs that are trained: their share says little where a cell has the fewest there may be. */
void mwn_table_scale_text(const mwn_table *table, char *text, size_t size)
{
    const struct mwn_table_scale *scale = &table->scale;
    double fewest = 0, most = 0;
    char from[32] = "";
    text[0] = '\0';
    if (!mwn_table_is_scaled(table))
        return;
    scale_epochs(table, scale, &fewest, &most);
    if (fewest < most)
        snprintf(from, sizeof(from), "%.0f to ", fewest);
    snprintf(text, size,
             "scaled to a budget of %.3g %s: %s%.0f epochs, training samples x %.3g",
             scale->budget / unit_seconds(scale->budget), unit_name(scale->budget), from,
             most, scale->samples);
}

/* ---- Options ------------------------------------------------------------------------ */

static mwn_status set_number(mwn_config *config, const char *key, double value,
                             struct mwn_error *err)
{
    char text[40];
    snprintf(text, sizeof(text), "%.0f", value);
    return mwn_config_add(config, key, text, "scale", err);
}

/* A drop within the run stays within, and before the next one: rounding must not lose the epochs
 * between them. So the last one is placed first. */
static void place_drops(const struct mwn_int_list *drops, double before, double after,
                        double *placed)
{
    double latest = after - 1;
    for (size_t i = drops->count; i-- > 0;) {
        double at = (double)drops->item[i], scaled = round(at * after / before);
        placed[i] = fmax(1, at < before ? fmin(scaled, latest) : scaled);
        bool rises = i > 0 && drops->item[i - 1] < drops->item[i];
        latest = rises ? fmin(after, placed[i]) - 1 : after - 1;
    }
}

static mwn_status scale_drops(const struct mwn_schedule *schedule, double before,
                              double after, mwn_config *config, struct mwn_error *err)
{
    struct mwn_buf text = {0};
    double placed[MWN_LIST_MAX];
    place_drops(&schedule->drops, before, after, placed);
    for (size_t i = 0; i < schedule->drops.count; i++)
        mwn_buf_printf(&text, "%s%.0f", i ? "," : "", placed[i]);
    mwn_status status = text.failed
                            ? mwn_fail_memory(err, 0, "options")
                            : mwn_config_add(config, "train.lr_drops",
                                             text.text ? text.text : "", "scale", err);
    mwn_buf_release(&text);
    return status;
}

/* Epochs of so many cosines. */
static double cycles_length(double cycle, double factor, int count)
{
    double sum = 0;
    for (; count > 0; count--, cycle *= factor)
        sum += cycle;
    return sum;
}

/* How many cosines the run has, if it ends with one; else 0. */
static int whole_cycles(const struct mwn_schedule *schedule, double epochs)
{
    double cycle = (double)schedule->cycle, factor = (double)schedule->cycle_factor;
    double left = epochs - (double)schedule->warmup - (double)schedule->hold;
    int count = 0;
    for (; cycle > 0 && left >= cycle; cycle *= factor, count++)
        left -= cycle;
    return left <= 0 ? count : 0;
}

/* Warm-up, hold and the first cosine take the same share of the run. If it ended with a cosine, it
 * does so again: rounding goes into the hold, and cosines that do not fit are left out. */
static mwn_status scale_parts(const struct mwn_schedule *schedule, double before,
                              double after, mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    double ratio = after / before, factor = (double)schedule->cycle_factor;
    double warmup = round((double)schedule->warmup * ratio);
    double hold = round((double)schedule->hold * ratio);
    double cycle = fmax(1, round((double)schedule->cycle * ratio));
    int count = whole_cycles(schedule, before);
    while (count > 1 && cycles_length(cycle, factor, count) > after - warmup)
        count--;
    if (count > 0)
        hold = fmax(0, after - warmup - cycles_length(cycle, factor, count));
    MWN_TRY(set_number(config, "train.warmup", warmup, err));
    MWN_TRY(set_number(config, "train.hold", hold, err));
    if (schedule->cycle > 0)
        MWN_TRY(set_number(config, "train.cycle", cycle, err));
out:
    return status;
}

mwn_status mwn_scale_apply(const struct mwn_table *table, const struct mwn_cell *cell,
                           mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_table_scale *scale = &table->scale;
    const struct mwn_cell_cost *cost = mwn_grid_cost(table, cell);
    struct mwn_settings settings = {0};

    MWN_TRY(mwn_settings_resolve(&settings, config, err));
    double before = (double)settings.train.epochs, after = scaled_epochs(before, scale);
    if (after < before) {
        MWN_TRY(set_number(config, "train.epochs", after, err));
        MWN_TRY(scale_drops(&settings.train.schedule, before, after, config, err));
        MWN_TRY(scale_parts(&settings.train.schedule, before, after, config, err));
    }
    if (scale->samples < 1 && cost->known)
        MWN_TRY(set_number(
            config, "data.limit",
            fmax((double)settings.train.batch, floor(cost->samples * scale->samples)),
            err));
out:
    if (settings.method)
        mwn_settings_release(&settings);
    return status;
}

/* ---- scale.json --------------------------------------------------------------------- */

static mwn_status scale_path(const struct mwn_table *table, char **out,
                             struct mwn_error *err)
{
    *out = mwn_path_join(table->dir, "scale.json");
    return *out ? MWN_OK : mwn_fail_memory(err, strlen(table->dir), "a path");
}

static void write_cost(struct mwn_json *json, const struct mwn_table *table, size_t row,
                       size_t column)
{
    const struct mwn_cell_cost *cost = &table->cost[row * table->columns + column];
    if (!cost->known)
        return;
    mwn_json_object(json, NULL);
    mwn_json_text(json, "row", table->row[row].name);
    mwn_json_text(json, "column", table->column[column].name);
    mwn_json_real(json, "step", cost->step, 17);
    mwn_json_real(json, "evaluation", cost->evaluation, 17);
    mwn_json_real(json, "steps", cost->steps, 17);
    mwn_json_real(json, "samples", cost->samples, 17);
    mwn_json_end_object(json);
}

static mwn_status scale_write(const struct mwn_table *table, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json json = {0};
    char *path = NULL, *text = NULL;

    mwn_json_object(&json, NULL);
    mwn_json_real(&json, "budget", table->scale.budget, 17);
    mwn_json_real(&json, "epochs", table->scale.epochs, 17);
    mwn_json_real(&json, "samples", table->scale.samples, 17);
    mwn_json_real(&json, "seconds", table->scale.seconds, 17);
    mwn_json_array(&json, "measured");
    for (size_t row = 0; row < table->rows; row++)
        for (size_t column = 0; column < table->columns; column++)
            write_cost(&json, table, row, column);
    mwn_json_end_array(&json);
    mwn_json_end_object(&json);
    MWN_TRY(mwn_json_take(&json, &text, err));
    MWN_TRY(mwn_path_make_dir(table->dir, err));
    MWN_TRY(scale_path(table, &path, err));
    MWN_TRY(mwn_file_write(path, text, strlen(text), err));
out:
    mwn_json_release(&json);
    mwn_free(text);
    mwn_free(path);
    return status;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool is_called(const struct mwn_axis *axis, const json_t *entry, const char *key)
{
    const char *name = json_string_value(json_object_get(entry, key));
    return name && strcmp(name, axis->name) == 0;
}

static void take_cost(struct mwn_table *table, const json_t *entry)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        if (is_called(&table->row[i / table->columns], entry, "row") &&
            is_called(&table->column[i % table->columns], entry, "column"))
            table->cost[i] = (struct mwn_cell_cost){
                true, number(entry, "step"), number(entry, "evaluation"),
                number(entry, "steps"), number(entry, "samples")};
}

/* A row that was not measured, or has come to the file since, counts as another one in its
 * column. */
static void fill_costs(struct mwn_table *table)
{
    for (size_t i = 0; table->columns > 0 && i < table->rows * table->columns; i++)
        for (size_t k = i % table->columns;
             !table->cost[i].known && k < table->rows * table->columns; k += table->columns)
            if (table->cost[k].known)
                table->cost[i] = table->cost[k];
}

mwn_status mwn_scale_read(struct mwn_table *table, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char *path = NULL;
    json_t *root = NULL, *entry = NULL;
    size_t i = 0;

    MWN_TRY(scale_path(table, &path, err));
    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_file_read(path, SCALE_LIMIT, &bytes, err));
    root = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
    table->scale =
        (struct mwn_table_scale){number(root, "budget"), number(root, "epochs"),
                                 number(root, "samples"), number(root, "seconds")};
    if (!(table->scale.budget > 0 && table->scale.epochs > 0 && table->scale.samples > 0)) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is not the scale of a table", path);
        goto out;
    }
    json_array_foreach(json_object_get(root, "measured"), i, entry) take_cost(table, entry);
    fill_costs(table);
out:
    json_decref(root);
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

/* ---- The budget --------------------------------------------------------------------- */

/* Seconds of all cells at a scale. */
static double table_seconds(const struct mwn_table *table, int jobs,
                            const struct mwn_table_scale *scale)
{
    double sum = 0;
    for (size_t i = 0; i < table->cells; i++)
        if (table->cell[i].chosen)
            sum += cell_seconds(table, &table->cell[i], scale);
    return sum / jobs;
}

/* The largest share, from `low` on, at which the table takes no more than `seconds`. *share is
 * part of *scale. */
static void find_share(const struct mwn_table *table, int jobs,
                       struct mwn_table_scale *scale, double *share, double low)
{
    double high = 1, room = scale->budget * (1 - reserve);
    *share = 1;
    if (table_seconds(table, jobs, scale) <= room)
        return;
    for (int i = 0; i < HALVINGS; i++) {
        *share = (low + high) / 2;
        bool fits = table_seconds(table, jobs, scale) <= room;
        *(fits ? &low : &high) = *share;
    }
    *share = low;
}

/* No cell can lose any more epochs at the share that leaves the longest FEWEST_EPOCHS. */
static mwn_status fit(struct mwn_table *table, int jobs, struct mwn_table_scale scale,
                      bool keep, struct mwn_error *err)
{
    double fewest = 0, most = 0;
    scale_epochs(table, &scale, &fewest, &most);
    find_share(table, jobs, &scale, &scale.epochs, fmin(1, FEWEST_EPOCHS / most));
    find_share(table, jobs, &scale, &scale.samples, fewest_samples);
    scale.seconds = table_seconds(table, jobs, &scale);
    if (scale.seconds > scale.budget)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "budget: %.0f s is too short, %d epochs on %.0f %% of the samples "
                        "take %.0f s",
                        scale.budget, FEWEST_EPOCHS, 100 * fewest_samples, scale.seconds);
    table->scale = scale;
    return keep ? scale_write(table, err) : MWN_OK;
}

mwn_status mwn_table_fit(mwn_table *table, double seconds, int jobs, bool keep,
                         struct mwn_error *err)
{
    const struct mwn_table_scale whole = {seconds, 1, 1, 0};
    if (table->scale.budget > 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: was scaled to a budget of %.0f s before",
                 table->dir, table->scale.budget);
        return mwn_hint(err, "go on without a budget, or choose another folder by -o");
    }
    for (size_t i = 0; i < table->cells; i++)
        if (mwn_grid_has(&table->cell[i], "recipe.yaml")) {
            mwn_fail(err, MWN_ERR_CONFIG, "%s: was begun at its full length",
                     table->cell[i].dir);
            return mwn_hint(err, "go on without a budget, or choose another folder by -o");
        }
    fill_costs(table);
    return fit(table, jobs, whole, keep, err);
}
