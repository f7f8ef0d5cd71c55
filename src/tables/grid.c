/* grid.c - makes the cells of a table, knows their options, and trains them. */
#include "tables/grid.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Paths -------------------------------------------------------------------------- */

mwn_status mwn_grid_path(const struct mwn_cell *cell, const char *name, char **out,
                         struct mwn_error *err)
{
    size_t room = strlen(cell->dir) + strlen(name ? name : "failed") + 2;
    char *path = mwn_alloc(room, 1);
    if (!path)
        return mwn_fail_memory(err, room, "a path");
    snprintf(path, room, "%s%s%s", cell->dir, name ? "/" : ".", name ? name : "failed");
    *out = path;
    return MWN_OK;
}

bool mwn_grid_has(const struct mwn_cell *cell, const char *name)
{
    snprintf(cell->work, strlen(cell->dir) + MWN_CELL_ROOM, "%s%s%s", cell->dir,
             name ? "/" : ".", name ? name : "failed");
    return mwn_path_exists(cell->work);
}

/* ---- Options of a cell -------------------------------------------------------------- */

/* The method that a row names: by its options, or by its own name; NULL: that of the recipe. */
static const char *row_method(const struct mwn_axis *row)
{
    const char *given = mwn_config_get(row->options, "method.name");
    return given ? given : mwn_method_find(row->name) ? row->name : NULL;
}

/* A recipe's options. Those of its method mean nothing to another one, even where they have the
 * same names: it has defaults of its own. */
static mwn_status append_recipe(const mwn_config *recipe, const char *method,
                                mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *own = mwn_config_get(recipe, "method.name");
    bool other = method && strcmp(method, own ? own : "mwnet") != 0;
    for (size_t i = 0; recipe && i < recipe->count && status == MWN_OK; i++) {
        const struct mwn_pair *pair = &recipe->pairs[i];
        if (!other || strncmp(pair->key, "method.", strlen("method.")) != 0)
            status = mwn_config_add(config, pair->key, pair->value, pair->origin, err);
    }
    return status;
}

static mwn_status append_options(const struct mwn_table *table, const struct mwn_cell *cell,
                                 mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_axis *row = &table->row[cell->row];
    const struct mwn_axis *column = &table->column[cell->column];
    const mwn_config *const parts[] = {table->options, column->options, row->options};
    const char *method = row_method(row);
    char seed[24];

    MWN_TRY(append_recipe(column->recipe ? column->recipe : table->recipe, method, config,
                          err));
    for (size_t i = 0; i < MWN_COUNT(parts); i++)
        MWN_TRY(mwn_config_append(config, parts[i], err));
    if (method)
        MWN_TRY(mwn_config_add(config, "method.name", method, table->path, err));
    snprintf(seed, sizeof(seed), "%" PRId64, cell->seed);
    MWN_TRY(mwn_config_add(config, "train.seed", seed, table->path, err));
    MWN_TRY(mwn_config_append(config, table->overrides, err));
out:
    return status;
}

mwn_status mwn_grid_config(const struct mwn_table *table, const struct mwn_cell *cell,
                           bool scaled, mwn_config **out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    MWN_TRY(mwn_config_create(&config, err));
    MWN_TRY(append_options(table, cell, config, err));
    if (scaled && table->scale.budget > 0)
        MWN_TRY(mwn_scale_apply(table, cell, config, err));
    *out = config;
    config = NULL;
out:
    mwn_config_free(config);
    return status;
}

struct mwn_cell_cost *mwn_grid_cost(const struct mwn_table *table,
                                    const struct mwn_cell *cell)
{
    return &table->cost[cell->row * table->columns + cell->column];
}

/* Whether a cell that was begun has the options that the table has now. */
static mwn_status check_cell(const struct mwn_table *table, const struct mwn_cell *cell,
                             struct mwn_error *err)
{
    mwn_config *config = NULL;
    mwn_status status = mwn_grid_config(table, cell, true, &config, err);
    if (status == MWN_OK)
        status = mwn_run_check_same(cell->dir, config, err);
    mwn_config_free(config);
    return status;
}

/* ---- Making a table ----------------------------------------------------------------- */

/* Whether one of the patterns, separated by commas, is the cell's. */
static bool is_chosen(const struct mwn_table *table, const struct mwn_cell *cell,
                      const char *only)
{
    const char *row = table->row[cell->row].name,
               *column = table->column[cell->column].name;
    char pattern[3 * MWN_TABLE_NAME], two[3 * MWN_TABLE_NAME], three[4 * MWN_TABLE_NAME];
    snprintf(two, sizeof(two), "%s/%s", row, column);
    snprintf(three, sizeof(three), "%s/seed%" PRId64, two, cell->seed);
    const char *const names[] = {row, column, two, three};
    while (*only) {
        size_t length = strcspn(only, ",");
        if (length < sizeof(pattern)) {
            memcpy(pattern, only, length);
            pattern[length] = '\0';
            for (size_t i = 0; i < MWN_COUNT(names); i++)
                if (fnmatch(pattern, names[i], FNM_PATHNAME) == 0)
                    return true;
        }
        only += length + (only[length] == ',');
    }
    return false;
}

static mwn_status make_cell(struct mwn_table *table, struct mwn_cell *cell,
                            const char *only, struct mwn_error *err)
{
    const char *row = table->row[cell->row].name,
               *column = table->column[cell->column].name;
    size_t room = strlen(table->dir) + strlen(row) + strlen(column) + 40;
    cell->dir = mwn_alloc(room, 1);
    cell->work = mwn_alloc(room + MWN_CELL_ROOM, 1);
    if (!cell->dir || !cell->work)
        return mwn_fail_memory(err, room, "a path");
    snprintf(cell->dir, room, "%s/%s/%s/seed%" PRId64, table->dir, row, column, cell->seed);
    cell->chosen = !only || is_chosen(table, cell, only);
    return MWN_OK;
}

/* All rows of a column and seed come together, so that a table that is not complete yet can be
 * compared. */
static mwn_status make_cells(struct mwn_table *table, const char *only,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t pairs = table->rows * table->columns, chosen = 0;
    table->cell = mwn_alloc(pairs * table->seeds, sizeof(*table->cell));
    table->cost = mwn_alloc(pairs, sizeof(*table->cost));
    table->epochs = mwn_alloc(pairs, sizeof(*table->epochs));
    if (!table->cell || !table->cost || !table->epochs)
        return mwn_fail_memory(err, pairs * table->seeds * sizeof(*table->cell), "a table");
    for (size_t i = 0; i < pairs * table->seeds && status == MWN_OK; i++) {
        struct mwn_cell *cell = &table->cell[table->cells++];
        cell->seed = table->seed[i / pairs];
        cell->column = i % pairs / table->rows;
        cell->row = i % table->rows;
        status = make_cell(table, cell, only, err);
        chosen += cell->chosen;
    }
    if (status == MWN_OK && chosen == 0)
        status =
            mwn_fail(err, MWN_ERR_CONFIG, "only: '%.80s' names no cell of the table", only);
    return status;
}

/* Whether the options of every cell resolve, before the first one is trained; notes the rows'
 * methods and the epochs. */
static mwn_status check_options(struct mwn_table *table, const struct mwn_cell *cell,
                                struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    struct mwn_settings settings = {0};
    struct mwn_axis *row = &table->row[cell->row];

    MWN_TRY(mwn_grid_config(table, cell, false, &config, err));
    MWN_TRY(mwn_settings_resolve(&settings, config, err));
    table->epochs[cell->row * table->columns + cell->column] =
        (double)settings.train.epochs;
    if (!row->method)
        row->method = mwn_strdup(settings.method->name);
    if (!row->method)
        status = mwn_fail_memory(err, 0, "a table");
out:
    if (status == MWN_ERR_CONFIG)
        mwn_context(err, "%s/%s", row->name, table->column[cell->column].name);
    if (settings.method)
        mwn_settings_release(&settings);
    mwn_config_free(config);
    return status;
}

mwn_status mwn_grid_check_seed(const char *key, struct mwn_error *err)
{
    if (strcmp(key, "train.seed") != 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "train.seed: every cell has a seed of its own");
    return mwn_hint(err, "choose the seeds by --seeds 1-5");
}

/* What tells the cells apart is not to be set for all of them. */
static mwn_status check_override(const struct mwn_table *table, const char *key,
                                 struct mwn_error *err)
{
    bool named = false;
    for (size_t r = 0; r < table->rows; r++)
        named = named || row_method(&table->row[r]);
    if (!named || strcmp(key, "method.name") != 0)
        return mwn_grid_check_seed(key, err);
    mwn_fail(err, MWN_ERR_CONFIG, "method.name: the rows of the table name their methods");
    return mwn_hint(err, "choose rows by --only ROW,ROW");
}

mwn_status mwn_grid_finish(struct mwn_table *table, const struct mwn_table_options *options,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if (options->seeds)
        MWN_TRY(mwn_grid_set_seeds(table, options->seeds, err));
    if (table->seeds == 0)
        MWN_TRY(mwn_grid_set_seeds(table, "1", err));
    for (size_t i = 0; options->config && i < options->config->count; i++) {
        const struct mwn_pair *pair = &options->config->pairs[i];
        MWN_TRY(check_override(table, pair->key, err));
        MWN_TRY(
            mwn_config_add(table->overrides, pair->key, pair->value, "command line", err));
    }
    MWN_TRY(make_cells(table, options->only, err));
    MWN_TRY(mwn_scale_read(table, err));
    for (size_t i = 0; i < table->rows * table->columns; i++)
        MWN_TRY(check_options(table, &table->cell[i], err));
    for (size_t i = 0; i < table->cells; i++)
        if (mwn_grid_has(&table->cell[i], "recipe.yaml"))
            MWN_TRY(check_cell(table, &table->cell[i], err));
out:
    return status;
}

mwn_status mwn_grid_create(struct mwn_table **out, const char *path, const char *dir,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_table *table = mwn_alloc(1, sizeof(*table));
    if (!table)
        return mwn_fail_memory(err, sizeof(*table), "a table");
    table->path = mwn_strdup(path);
    table->dir = mwn_strdup(dir);
    if (!table->path || !table->dir) {
        status = mwn_fail_memory(err, strlen(path), "a table");
        goto out;
    }
    MWN_TRY(mwn_config_create(&table->options, err));
    MWN_TRY(mwn_config_create(&table->overrides, err));
    *out = table;
    table = NULL;
out:
    mwn_table_free(table);
    return status;
}

mwn_status mwn_table_open(mwn_table **out, const char *path,
                          const struct mwn_table_options *options, struct mwn_error *err)
{
    mwn_table *table = NULL;
    mwn_status status = mwn_grid_create(&table, path, options->dir, err);
    if (!table)
        return status;
    status = mwn_grid_read(table, path, err);
    if (status == MWN_OK)
        status = mwn_grid_finish(table, options, err);
    if (status == MWN_OK)
        *out = table;
    else
        mwn_table_free(table);
    return status;
}

static void axes_free(struct mwn_axis *axes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mwn_free(axes[i].name);
        mwn_free(axes[i].label);
        mwn_free(axes[i].source);
        mwn_free(axes[i].method);
        mwn_free(axes[i].figure);
        mwn_config_free(axes[i].recipe);
        mwn_config_free(axes[i].options);
    }
    mwn_free(axes);
}

void mwn_table_free(mwn_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cells; i++) {
        mwn_free(table->cell[i].dir);
        mwn_free(table->cell[i].work);
    }
    mwn_free(table->cell);
    mwn_free(table->cost);
    mwn_free(table->epochs);
    axes_free(table->row, table->rows);
    axes_free(table->column, table->columns);
    mwn_config_free(table->recipe);
    mwn_config_free(table->options);
    mwn_config_free(table->overrides);
    mwn_free(table->title);
    mwn_free(table->note);
    mwn_free(table->source);
    mwn_free(table->path);
    mwn_free(table->dir);
    mwn_free(table);
}

/* ---- Cells -------------------------------------------------------------------------- */

size_t mwn_table_count(const mwn_table *table)
{
    return table->cells;
}

void mwn_table_cell(const mwn_table *table, size_t i, struct mwn_cell_info *out)
{
    const struct mwn_cell *cell = &table->cell[i];
    enum mwn_cell_state state = mwn_grid_has(cell, "cell.json")     ? MWN_CELL_DONE
                                : mwn_grid_has(cell, NULL)          ? MWN_CELL_FAILED
                                : mwn_grid_has(cell, "recipe.yaml") ? MWN_CELL_BEGUN
                                                                    : MWN_CELL_NEW;
    *out = (struct mwn_cell_info){.row = table->row[cell->row].name,
                                  .column = table->column[cell->column].name,
                                  .dir = cell->dir,
                                  .seed = cell->seed,
                                  .chosen = cell->chosen,
                                  .state = state,
                                  .seconds = mwn_scale_expect(table, cell)};
}

static mwn_status open_run(const struct mwn_table *table, const struct mwn_cell *cell,
                           mwn_run **run, struct mwn_error *err)
{
    mwn_config *config = NULL;
    mwn_status status = mwn_grid_config(table, cell, true, &config, err);
    if (status == MWN_OK)
        status = mwn_run_open(run, config, cell->dir, err);
    mwn_config_free(config);
    return status;
}

/* Says that the cell is done, once its last checkpoint is on the disk. */
static mwn_status mark_done(const struct mwn_table *table, const struct mwn_cell *cell,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json json = {0};
    char *path = NULL, *text = NULL;
    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "version", mwn_version());
    mwn_json_text(&json, "row", table->row[cell->row].name);
    mwn_json_text(&json, "column", table->column[cell->column].name);
    mwn_json_int(&json, "seed", cell->seed);
    mwn_json_end_object(&json);
    MWN_TRY(mwn_json_take(&json, &text, err));
    MWN_TRY(mwn_grid_path(cell, "cell.json", &path, err));
    MWN_TRY(mwn_file_write(path, text, strlen(text), err));
out:
    mwn_json_release(&json);
    mwn_free(text);
    mwn_free(path);
    return status;
}

/* Notes beside the folder why a cell has failed; removes the note for a status of MWN_OK. */
static void note_failure(const struct mwn_cell *cell, mwn_status status,
                         const struct mwn_error *err)
{
    struct mwn_error unused = {0};
    char *path = NULL;
    if (mwn_grid_path(cell, NULL, &path, &unused) != MWN_OK)
        return;
    if (status == MWN_OK)
        (void)mwn_path_remove(path, &unused);
    else if (mwn_file_write(path, err->text, strlen(err->text), &unused) != MWN_OK)
        unused.status = MWN_OK; /* What has failed is reported all the same. */
    mwn_free(path);
}

static mwn_status train_cell(const struct mwn_table *table, const struct mwn_cell *cell,
                             mwn_progress_fn *progress, void *user, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_run *run = NULL;
    MWN_TRY(open_run(table, cell, &run, err));
    mwn_run_set_progress(run, progress, user);
    while (mwn_run_more(run))
        MWN_TRY(mwn_run_epoch(run, err));
    mwn_run_report(run, "save");
    MWN_TRY(mark_done(table, cell, err));
out:
    mwn_run_free(run);
    return status;
}

mwn_status mwn_table_train(const mwn_table *table, size_t i, mwn_progress_fn *progress,
                           void *user, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_cell *cell = &table->cell[i];
    struct mwn_error own = {0};
    int lock = -1;

    if (!err)
        err = &own;
    MWN_TRY(mwn_path_make_dir(cell->dir, err));
    MWN_TRY(mwn_path_lock(cell->dir, &lock, err));
    note_failure(cell, MWN_OK, err);
    status = train_cell(table, cell, progress, user, err);
    if (status != MWN_OK && status != MWN_INTERRUPTED)
        note_failure(cell, status, err);
out:
    mwn_path_unlock(lock);
    return status;
}
