/* test_grid.c - tables of runs: the description, the cells' options, the budget, the statistics. */
#include "data_files.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/status.h"
#include "tables/collect.h"
#include "tables/grid.h"
#include "tables/interval.h"

#include <math.h>

static void assert_near(double value, double wanted, double room)
{
    if (!(fabs(value - wanted) <= room))
        fail_msg("%.9g, expected %.9g", value, wanted);
}

static const char plain[] = "table:\n"
                            "  recipe: small.yaml\n"
                            "  seeds: [1, 3]\n"
                            "  source: Somebody\n"
                            "  columns:\n"
                            "    a: {data.noise_rate: 0.4}\n"
                            "    b: {data: {noise_rate: 0.2}, label: B}\n"
                            "  rows:\n"
                            "    ce: {published: [70.77 +- 2.31, '-']}\n"
                            "    deep: {method.name: mwnet, method.hidden: [10, 10]}\n"
                            "    elr: {train.lr: 0.5, published: {b: 80}, source: Other}\n";

static void write_recipe(void)
{
    data_write_text("small.yaml", "data: {noise: uniform}\n"
                                  "train: {epochs: 60, lr_drops: [40, 50], warmup: 6}\n"
                                  "method: {name: mwnet, lr: 1e-2, hidden: [7]}\n");
}

static mwn_status open_text(mwn_table **table, const char *text,
                            struct mwn_table_options options, struct mwn_error *err)
{
    options.dir = options.dir ? options.dir : data_path("cells");
    write_recipe();
    data_write_text("table.yaml", text);
    return mwn_table_open(table, data_path("table.yaml"), &options, err);
}

static mwn_table *open_plain(struct mwn_table_options options)
{
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    if (open_text(&table, plain, options, &err) != MWN_OK)
        fail_msg("%s", err.text);
    return table;
}

/* The resolved options of a cell. */
static struct mwn_settings settings_of(const mwn_table *table, size_t i)
{
    struct mwn_error err = {0};
    struct mwn_settings settings = {0};
    mwn_config *config = NULL;
    if (mwn_grid_config(table, &table->cell[i], true, &config, &err) != MWN_OK ||
        mwn_settings_resolve(&settings, config, &err) != MWN_OK)
        fail_msg("%s", err.text);
    mwn_config_free(config);
    return settings;
}

static void expect_bad(const char *text, const char *word, const char *word2)
{
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    mwn_status status = open_text(&table, text, (struct mwn_table_options){0}, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, word, word2, NULL);
}

/* ---- The description ---------------------------------------------------------------- */

static void test_cells_are_all_combinations_seed_by_seed(void **state)
{
    (void)state;
    mwn_table *table = open_plain((struct mwn_table_options){0});
    static const char *const rows[] = {"ce", "deep", "elr"};
    struct mwn_cell_info cell;

    assert_int_equal(mwn_table_count(table), 12);
    for (size_t i = 0; i < 12; i++) {
        mwn_table_cell(table, i, &cell);
        assert_string_equal(cell.row, rows[i % 3]);
        assert_string_equal(cell.column, i / 3 % 2 ? "b" : "a");
        assert_int_equal(cell.seed, i < 6 ? 1 : 3);
        assert_int_equal(cell.state, MWN_CELL_NEW);
        assert_true(cell.chosen);
    }
    assert_non_null(strstr(cell.dir, "/elr/b/seed3"));
    mwn_table_free(table);
}

static void test_a_row_wins_over_a_column_over_the_recipe(void **state)
{
    (void)state;
    mwn_table *table = open_plain((struct mwn_table_options){0});
    struct mwn_settings s = settings_of(table, 8); /* elr, a, seed 3 */

    assert_string_equal(s.method ? s.method->name : "none", "elr");
    assert_int_equal(s.train.seed, 3);
    assert_near(s.train.schedule.lr, 0.5, 1e-12);
    assert_near(s.data.noise_rate, 0.4, 1e-12);
    assert_string_equal(s.data.noise, "uniform");
    mwn_settings_release(&s);
    mwn_table_free(table);
}

/* The recipe's method.lr is Meta-Weight-Net's: CMW-Net has a rate of its own. */
static void test_another_method_does_not_take_the_options_of_the_recipe_s(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    mwn_config *config = NULL;
    mwn_status status =
        open_text(&table, "table: {recipe: small.yaml, rows: [mwnet, cmwnet]}",
                  (struct mwn_table_options){0}, &err);
    assert_int_equal(status, MWN_OK);
    assert_int_equal(mwn_grid_config(table, &table->cell[0], true, &config, &err), MWN_OK);
    assert_string_equal(mwn_config_get(config, "method.lr"), "1e-2");
    mwn_config_free(config);
    assert_int_equal(mwn_grid_config(table, &table->cell[1], true, &config, &err), MWN_OK);
    assert_null(mwn_config_get(config, "method.lr"));
    assert_string_equal(mwn_config_get(config, "method.name"), "cmwnet");
    mwn_config_free(config);
    mwn_table_free(table);
}

static void test_the_command_line_wins_over_all(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    assert_int_equal(mwn_config_create(&config, &err), MWN_OK);
    assert_int_equal(mwn_config_set(config, "train.lr", "0.25", &err), MWN_OK);
    mwn_table *table =
        open_plain((struct mwn_table_options){.config = config, .seeds = "5-6"});
    struct mwn_settings s = settings_of(table, 2);

    assert_int_equal(mwn_table_count(table), 12);
    assert_int_equal(s.train.seed, 5);
    assert_near(s.train.schedule.lr, 0.25, 1e-12);
    mwn_settings_release(&s);
    mwn_table_free(table);
    mwn_config_free(config);
}

static void test_only_chooses_by_row_column_and_seed(void **state)
{
    (void)state;
    static const struct {
        const char *only;
        size_t count;
    } cases[] = {{"ce", 4},        {"b", 6},         {"ce/b", 2},
                 {"*/a/seed3", 3}, {"ce,deep/a", 6}, {"e*/b/seed1", 1}};
    for (size_t k = 0; k < MWN_COUNT(cases); k++) {
        mwn_table *table = open_plain((struct mwn_table_options){.only = cases[k].only});
        size_t chosen = 0;
        for (size_t i = 0; i < table->cells; i++)
            chosen += table->cell[i].chosen;
        assert_int_equal(chosen, cases[k].count);
        mwn_table_free(table);
    }
}

static void test_published_figures_are_read(void **state)
{
    (void)state;
    mwn_table *table = open_plain((struct mwn_table_options){0});

    assert_true(table->row[0].figure[0].given);
    assert_near(table->row[0].figure[0].value, 70.77, 1e-9);
    assert_near(table->row[0].figure[0].sd, 2.31, 1e-9);
    assert_false(table->row[0].figure[1].given);
    assert_true(table->row[2].figure[1].given);
    assert_true(table->row[2].figure[1].sd < 0);
    assert_string_equal(mwn_table_source(table, 0), "Somebody");
    assert_string_equal(mwn_table_source(table, 2), "Other");
    assert_string_equal(table->column[1].label, "B");
    mwn_table_free(table);
}

static void test_mistakes_name_file_and_line(void **state)
{
    (void)state;
    expect_bad("table:\n  recipe: small.yaml\n  rows: {ce: {publshed: 1}}", "publshed",
               NULL);
    expect_bad("table:\n  recipe: small.yaml\n  row: [ce]", "table.yaml:3", "'row'");
    expect_bad("table:\n  recipe: small.yaml\n  rows: [nothing]", "table.yaml:3",
               "no method");
    expect_bad("table:\n  recipe: small.yaml\n  rows: [ce, ce]", "table.yaml:3",
               "two rows");
    expect_bad("table:\n  recipe: small.yaml\n  rows: {a/b: {}}", "a/b", "name");
    expect_bad("table:\n  recipe: small.yaml\n  seeds: 5-1\n  rows: [ce]", "5-1", NULL);
    expect_bad("table:\n  recipe: small.yaml\n  seeds: [1, 2-4, 3]\n  rows: [ce]",
               "1,2-4,3", "each once");
    expect_bad("table: {recipe: small.yaml, rows: {ce: {published: 9x}}}", "published",
               NULL);
    expect_bad("table: {recipe: small.yaml, rows: {ce: {published: [1, 2]}}}",
               "more figures", NULL);
    expect_bad("table: {recipe: small.yaml, rows: {ce: {train.lr: x}}}", "ce/result",
               "train.lr");
    expect_bad("table: {recipe: small.yaml}", "no table with rows", NULL);
    expect_bad("tables: {}", "table.yaml:1", "table");
}

static void test_every_table_of_the_recipes_opens(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_names names = {0};
    if (!mwn_path_is_dir("recipes/tables"))
        skip();
    assert_int_equal(mwn_path_list("recipes/tables", &names, &err), MWN_OK);
    assert_true(names.count > 0);
    for (size_t i = 0; i < names.count; i++) {
        const struct mwn_table_options options = {.dir = data_path("cells")};
        mwn_table *table = NULL;
        char path[256];
        snprintf(path, sizeof(path), "recipes/tables/%s", names.name[i]);
        if (mwn_table_open(&table, path, &options, &err) != MWN_OK)
            fail_msg("%s", err.text);
        mwn_table_free(table);
    }
    mwn_names_release(&names);
}

/* ---- Sweeps ------------------------------------------------------------------------- */

static void test_a_sweep_has_all_combinations(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    const char *const settings[] = {"train.lr=[0.1,0.01]", "data.valid_share=0.1",
                                    "train.lr_drops=[[3],[4,5],[]x]"};
    const struct mwn_table_options options = {.dir = data_path("cells")};
    write_recipe();
    mwn_status status =
        mwn_sweep_open(&table, data_path("small.yaml"), settings, 3, &options, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "lr_drops", NULL);
    const char *const right[] = {settings[0], settings[1], "train.lr_drops=[[3],[4,5],9]"};
    status = mwn_sweep_open(&table, data_path("small.yaml"), right, 3, &options, &err);
    if (status != MWN_OK)
        fail_msg("%s", err.text);
    assert_int_equal(table->rows, 6);
    assert_string_equal(table->row[0].name, "lr=0.1,lr_drops=3");
    assert_string_equal(table->row[4].label, "train.lr=0.01 train.lr_drops=4,5");
    mwn_table_free(table);
}

static void test_a_sweep_needs_a_validation_set(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    const char *const settings[] = {"train.lr=[0.1,0.01]"};
    const struct mwn_table_options options = {.dir = data_path("cells")};
    write_recipe();
    mwn_status status =
        mwn_sweep_open(&table, data_path("small.yaml"), settings, 1, &options, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "validation", NULL);
    assert_non_null(strstr(err.hint, "data.valid_share="));
}

/* ---- The budget --------------------------------------------------------------------- */

static void note_times(mwn_table *table, double step)
{
    const struct mwn_cell_time time = {
        .step = step, .evaluation = 0.95, .steps = 100, .samples = 1000};
    for (size_t i = 0; i < table->rows * table->columns; i++)
        mwn_table_note_time(table, i, &time);
}

/* 12 cells of 60 epochs of 100 x 0.09 + 0.95 + 0.05 for files = 10 s are 7200 s; half of 3600 s at two jobs. */
static void test_a_budget_cuts_epochs_and_moves_the_drops(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_table *table = open_plain((struct mwn_table_options){.dir = data_path("half")});
    struct mwn_cell_info cell;

    note_times(table, 0.09);
    mwn_table_cell(table, 0, &cell);
    assert_near(cell.seconds, 600, 1e-9);
    assert_int_equal(mwn_table_fit(table, 1800 / 0.95 + 1, 2, false, &err), MWN_OK);
    mwn_table_cell(table, 0, &cell);
    assert_near(cell.seconds, 300, 1e-9);
    mwn_table_free(table);

    table = open_plain((struct mwn_table_options){.dir = data_path("half")});
    assert_false(mwn_table_is_scaled(table)); /* It was a look. */
    note_times(table, 0.09);
    assert_int_equal(mwn_table_fit(table, 1800 / 0.95 + 1, 2, true, &err), MWN_OK);
    struct mwn_settings s = settings_of(table, 0);
    assert_int_equal(s.train.epochs, 30);
    assert_int_equal(s.train.schedule.drops.item[0], 20);
    assert_int_equal(s.train.schedule.drops.item[1], 25);
    assert_int_equal(s.train.schedule.warmup, 3);
    assert_int_equal(s.data.limit, 0);
    mwn_settings_release(&s);
    mwn_table_free(table);

    table = open_plain((struct mwn_table_options){.dir = data_path("half")});
    assert_true(mwn_table_is_scaled(table)); /* It was written down. */
    s = settings_of(table, 0);
    assert_int_equal(s.train.epochs, 30);
    assert_int_equal(mwn_table_fit(table, 1, 1, true, &err), MWN_ERR_CONFIG);
    mwn_settings_release(&s);
    mwn_table_free(table);
}

/* 40 epochs of 10 s, scaled to so many; the drop after the end stays there. */
static void expect_drops(const char *dir, double epochs, const int64_t drops[3])
{
    static const char text[] = "table:\n  recipe: small.yaml\n"
                               "  options: {train: {epochs: 40, lr_drops: [36, 38, 50]}}\n"
                               "  rows: [ce]\n";
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    mwn_status status =
        open_text(&table, text, (struct mwn_table_options){.dir = data_path(dir)}, &err);
    assert_int_equal(status, MWN_OK);
    note_times(table, 0.09);
    assert_int_equal(mwn_table_fit(table, 10 * epochs / 0.95 + 1, 1, true, &err), MWN_OK);
    struct mwn_settings s = settings_of(table, 0);
    assert_int_equal(s.train.epochs, (int64_t)epochs);
    assert_int_equal(s.train.schedule.drops.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(s.train.schedule.drops.item[i], drops[i]);
    mwn_settings_release(&s);
    mwn_table_free(table);
}

static void test_scaled_drops_stay_apart_and_within_the_run(void **state)
{
    (void)state;
    expect_drops("twelve", 12, (const int64_t[]){10, 11, 15});
    expect_drops("ten", 10, (const int64_t[]){8, 9, 13});
}

/* 40 epochs, scaled to 12: hold and first cycle. */
static void expect_cycles(const char *dir, const char *schedule, int64_t hold,
                          int64_t cycle)
{
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    char text[300];
    snprintf(text, sizeof(text),
             "table:\n  recipe: small.yaml\n"
             "  options: {train: {epochs: 40, schedule: cosine, warmup: 0, %s}}\n"
             "  rows: [ce]\n",
             schedule);
    mwn_status status =
        open_text(&table, text, (struct mwn_table_options){.dir = data_path(dir)}, &err);
    assert_int_equal(status, MWN_OK);
    note_times(table, 0.09);
    assert_int_equal(mwn_table_fit(table, 10 * 12 / 0.95 + 1, 1, true, &err), MWN_OK);
    struct mwn_settings s = settings_of(table, 0);
    assert_int_equal(s.train.epochs, 12);
    assert_int_equal(s.train.schedule.hold, hold);
    assert_int_equal(s.train.schedule.cycle, cycle);
    mwn_settings_release(&s);
    mwn_table_free(table);
}

/* 2 + 4 + 8 + 16 after 10; 20 + 20; and a last cosine that is cut. */
static void test_a_scaled_run_ends_with_a_cosine_if_the_whole_one_does(void **state)
{
    (void)state;
    expect_cycles("cycles", "hold: 10, cycle: 2", 12 - (1 + 2 + 4), 1);
    expect_cycles("even", "cycle: 20, cycle_factor: 1", 0, 6);
    expect_cycles("cut", "hold: 10, cycle: 4", 3, 1);
}

static void expect_page(const mwn_table *table, const char *words)
{
    struct mwn_error err = {0};
    char *page = NULL;
    if (mwn_table_write(table, NULL, &page, &err) != MWN_OK)
        fail_msg("%s", err.text);
    if (!strstr(page, words))
        fail_msg("no '%s' in %s", words, page);
    mwn_text_free(page);
}

/* Ten epochs are the fewest: then the samples are cut. 12 x 10 x (100 f 0.09 + 1) = 660 s at
 * f = 1/2. */
static void test_a_small_budget_cuts_samples_too(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = data_path("small");
    mwn_table *table = open_plain((struct mwn_table_options){.dir = dir});

    note_times(table, 0.09);
    assert_int_equal(mwn_table_fit(table, 660 / 0.95 + 1e-6, 1, true, &err), MWN_OK);
    mwn_table_free(table);
    table = open_plain((struct mwn_table_options){.dir = dir});
    struct mwn_settings s = settings_of(table, 0);
    assert_int_equal(s.train.epochs, 10);
    assert_in_range(s.data.limit, 495, 510);
    expect_page(table, "budget of 11.6 min: 10 epochs, training samples x 0.5)");
    mwn_settings_release(&s);
    mwn_table_free(table);
    table = open_plain((struct mwn_table_options){.dir = data_path("tiny")});
    note_times(table, 0.09);
    mwn_status status = mwn_table_fit(table, 20, 1, true, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "too short", NULL);
    mwn_table_free(table);
}

/* ---- Statistics --------------------------------------------------------------------- */

static void test_means_leave_out_what_is_missing(void **state)
{
    (void)state;
    const double value[] = {1, (double)NAN, 3, 5};
    struct mwn_stat stat = mwn_stat_of(value, 4);
    assert_int_equal(stat.n, 3);
    assert_near(stat.mean, 3, 1e-12);
    assert_near(stat.sd, 2, 1e-12);
    stat = mwn_stat_of(value, 1);
    assert_true(isnan(stat.sd));
    stat = mwn_stat_of(value + 1, 1);
    assert_true(stat.n == 0 && isnan(stat.mean));
}

static void test_student_s_quantiles_are_the_tables(void **state)
{
    (void)state;
    static const struct {
        double df, t;
    } known[] = {{1, 12.706}, {1.2, 8.649}, {1.35, 7.048}, {2, 4.303},   {4, 2.776},
                 {11, 2.201}, {25, 2.060},  {40, 2.021},   {100, 1.984}, {1e9, 1.960}};
    for (size_t i = 0; i < MWN_COUNT(known); i++)
        assert_near(mwn_t_quantile(known[i].df), known[i].t, known[i].df < 2 ? 0.1 : 0.005);
}

/* 90 and 92 against 80 +- 2 of five: variances 1 on 1 and 0.8 on 4 degrees of freedom, so
 * 1.8^2 / (1 + 0.16) = 2.793 of them, t = 3.316. */
static void test_a_difference_has_welch_s_interval(void **state)
{
    (void)state;
    const double value[] = {90, 92};
    struct mwn_stat stat = mwn_stat_of(value, 2);
    struct mwn_spread ours = mwn_spread_of(&stat, 10000);
    struct mwn_span span = mwn_span_of(stat.mean - 80, ours, (struct mwn_spread){0.8, 4});
    assert_near(ours.variance, 1, 1e-12);
    assert_near(span.value, 11, 1e-12);
    assert_near((span.high - span.low) / 2, 3.345 * sqrt(1.8), 0.05);
    assert_near(span.high + span.low, 22, 1e-9);
}

/* One run of 80 % on 10,000 samples: 1.96 sqrt(0.8 0.2 / 10000) = 0.784 points. */
static void test_one_run_has_the_interval_of_its_test_set(void **state)
{
    (void)state;
    struct mwn_stat stat = {1, 80, (double)NAN};
    struct mwn_spread exact = {0, (double)INFINITY};
    struct mwn_span span = mwn_span_of(0, mwn_spread_of(&stat, 10000), exact);
    assert_near(span.high, 0.784, 1e-3);
}

/* ---- Results ------------------------------------------------------------------------ */

/* Epochs of 10 steps: four of them cheap, one of those with a halt in it, and three dear. The run is
 * disturbed in the odd or in the even ones. */
static void write_record(const char *dir, double factor, bool odd)
{
    static const double seconds[] = {1, 1, 900, 1, 3, 3, 3};
    struct mwn_error err = {0};
    struct mwn_buf text = {0};
    char path[600];
    snprintf(path, sizeof(path), "%s/record.jsonl", dir);
    for (size_t e = 0; e < MWN_COUNT(seconds); e++)
        mwn_buf_printf(&text,
                       "{\"epoch\": %zu, \"steps\": 10, \"seconds\": 2, "
                       "\"step_seconds\": %g, \"peak_memory\": %zu}\n",
                       e + 1, factor * seconds[e] * (e % 2 == odd ? 1.5 : 1), 100 - e);
    mwn_buf_printf(&text, "{\"epoch\": 8, \"steps\": 0, \"seconds\": 0, "
                          "\"step_seconds\": 0}\n");
    assert_int_equal(mwn_file_write(path, text.text, text.size, &err), MWN_OK);
    mwn_buf_release(&text);
}

static void write_cell(const mwn_table *table, size_t i, double best, double last)
{
    struct mwn_error err = {0};
    char path[600], text[400];
    const char *dir = table->cell[i].dir;
    assert_int_equal(mwn_path_make_dir(dir, &err), MWN_OK);
    snprintf(path, sizeof(path), "%s/summary.json", dir);
    snprintf(text, sizeof(text),
             "{\"sets\": {\"test\": 10000}, \"best\": {\"chosen_by\": \"test\", \"test\": "
             "{\"accuracy\": %g}, \"valid\": {\"accuracy\": %g}}, \"last\": {\"test\": "
             "{\"accuracy\": %g, \"balanced_accuracy\": 50, \"loss\": 2}}}",
             best, best, last);
    assert_int_equal(mwn_file_write(path, text, strlen(text), &err), MWN_OK);
    write_record(dir, (double)(2 + i % 3) / 2, i == 2 || i == 6);
    snprintf(path, sizeof(path), "%s/cell.json", dir);
    assert_int_equal(mwn_file_write(path, "{}", 2, &err), MWN_OK);
}

static void test_results_are_summed_up_over_the_seeds(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_results results = {0};
    mwn_table *table = open_plain((struct mwn_table_options){.dir = data_path("results")});

    write_cell(table, 0, 70, 60); /* ce, a, seed 1 */
    write_cell(table, 6, 72, 64); /* ce, a, seed 3 */
    write_cell(table, 2, 80, 75); /* elr, a, seed 1 */
    write_cell(table, 8, 82, 77); /* elr, a, seed 3 */
    assert_int_equal(mwn_collect(table, &results, &err), MWN_OK);
    assert_int_equal(results.done, 4);
    const struct mwn_entry *ce = mwn_results_at(table, &results, 0, 0);
    const struct mwn_entry *elr = mwn_results_at(table, &results, 2, 0);
    assert_near(ce->best.mean, 71, 1e-9);
    assert_near(ce->best.sd, sqrt(2), 1e-9);
    assert_near(ce->difference.value, 71 - 70.77, 1e-9);
    assert_near(ce->seconds.mean, 14, 1e-9);
    assert_near(ce->memory.mean, 100, 1e-9);
    assert_near(ce->step, 1.5 / 7, 1e-9); /* .1, .1, .1, .3, .3, .3, .3 */
    assert_near(elr->step_cost, 2, 1e-9);
    assert_true(elr->gain.given && !ce->gain.given);
    assert_near(elr->gain.value, 14, 1e-9); /* of 15 and 13 */
    assert_near(elr->gain.high - elr->gain.value, 12.706, 1e-3);
    assert_false(elr->difference.given);
    assert_int_equal(mwn_results_at(table, &results, 1, 0)->done, 0);
    mwn_results_release(&results);
    mwn_table_free(table);
}

static mwn_table *open_sweep(const char *dir, const char *choice)
{
    struct mwn_error err = {0};
    mwn_table *table = NULL;
    const char *const settings[] = {"data.valid_share=0.1", choice};
    const struct mwn_table_options options = {.dir = dir, .seeds = "1-2"};
    write_recipe();
    if (mwn_sweep_open(&table, data_path("small.yaml"), settings, 2, &options, &err) !=
        MWN_OK)
        fail_msg("%s", err.text);
    return table;
}

static void test_a_sweep_does_not_choose_by_the_lucky_seeds(void **state)
{
    (void)state;
    mwn_table *table = open_sweep(data_path("lucky"), "train.lr=[0.1,0.01]");
    write_cell(table, 0, 90, 90); /* 0.1, seed 1 */
    expect_page(table, "Chosen by the validation set: train.lr=0.1\n\nWarning: ");
    write_cell(table, 1, 70, 70); /* 0.01, seed 1 */
    write_cell(table, 3, 72, 72); /* 0.01, seed 2 */
    expect_page(table, "Chosen by the validation set: train.lr=0.01\n\nWarning: ");
    write_cell(table, 2, 80, 80); /* 0.1, seed 2 */
    expect_page(table, "Chosen by the validation set: train.lr=0.1\n");
    mwn_table_free(table);
}

static void test_a_sweep_hides_the_tests_of_what_it_does_not_choose(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_results results = {0};
    mwn_table *table = open_sweep(data_path("hidden"), "method.name=[ce,focal]");
    write_cell(table, 0, 70, 60);
    write_cell(table, 1, 80, 75);
    assert_int_equal(mwn_collect(table, &results, &err), MWN_OK);
    const struct mwn_entry *ce = mwn_results_at(table, &results, 0, 0);
    const struct mwn_entry *focal = mwn_results_at(table, &results, 1, 0);
    assert_int_equal(ce->last.n, 0);
    assert_near(focal->last.mean, 75, 1e-9);
    assert_false(focal->gain.given); /* 75 - gain is what ce came to. */
    mwn_results_release(&results);
    mwn_table_free(table);
}

static void test_the_files_are_written(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *json = NULL, *page = NULL;
    mwn_table *table = open_plain((struct mwn_table_options){.dir = data_path("results")});
    if (mwn_table_write(table, &json, &page, &err) != MWN_OK)
        fail_msg("%s", err.text);
    assert_non_null(strstr(json,
                           "\"published\": {\"value\": 70.77, \"sd\": 2.31, \"source\": "
                           "\"Somebody\"}"));
    assert_non_null(
        strstr(page, "| ce | 2 | 71.00 ± 1.41 | 62.00 ± 2.83 | | 70.77 ± 2.31 [1] |"));
    assert_non_null(strstr(page, "4 of 12 runs are done"));
    assert_true(mwn_path_exists(data_path("results/table.md")));
    assert_true(mwn_path_exists(data_path("results/table.csv")));
    assert_true(mwn_path_exists(data_path("results/table.json")));
    mwn_text_free(json);
    mwn_text_free(page);
    mwn_table_free(table);
}

/* ---- Failures ----------------------------------------------------------------------- */

static void test_memory_failures_leak_nothing(void **state)
{
    (void)state;
    mwn_status status = MWN_ERR_MEMORY;
    mwn_table_free(open_plain((struct mwn_table_options){0})); /* writes the files */
    char dir[DATA_PATH], path[DATA_PATH];
    snprintf(dir, sizeof(dir), "%s", data_path("results"));
    snprintf(path, sizeof(path), "%s", data_path("table.yaml"));
    const struct mwn_table_options options = {.dir = dir};
    for (uint64_t n = 1; n < 20000 && status != MWN_OK; n += n < 300 ? 1 : 97) {
        struct mwn_error err = {0};
        mwn_table *table = NULL;
        char *page = NULL;
        mwn_mem_fail_after(n);
        status = mwn_table_open(&table, path, &options, &err);
        if (status == MWN_OK)
            status = mwn_table_write(table, NULL, &page, &err);
        mwn_mem_fail_after(0);
        if (status != MWN_OK && status != MWN_ERR_MEMORY)
            fail_msg("%s", err.text);
        mwn_text_free(page);
        mwn_table_free(table);
    }
    assert_int_equal(status, MWN_OK);
}

static void test_a_full_disk_is_reported(void **state)
{
    (void)state;
    mwn_table *table = open_plain((struct mwn_table_options){.dir = data_path("results")});
    struct mwn_error err = {0};
    mwn_status status = MWN_ERR_IO;
    uint64_t n = 1;
    for (; n < 500 && status != MWN_OK; n++) {
        mwn_file_fail_after(n);
        status = mwn_table_write(table, NULL, NULL, &err);
        mwn_file_fail_after(0);
        if (status != MWN_OK)
            assert_int_equal(status, MWN_ERR_IO);
    }
    assert_true(n > 5);
    assert_int_equal(status, MWN_OK);
    mwn_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_are_all_combinations_seed_by_seed),
        cmocka_unit_test(test_a_row_wins_over_a_column_over_the_recipe),
        cmocka_unit_test(test_another_method_does_not_take_the_options_of_the_recipe_s),
        cmocka_unit_test(test_the_command_line_wins_over_all),
        cmocka_unit_test(test_only_chooses_by_row_column_and_seed),
        cmocka_unit_test(test_published_figures_are_read),
        cmocka_unit_test(test_mistakes_name_file_and_line),
        cmocka_unit_test(test_every_table_of_the_recipes_opens),
        cmocka_unit_test(test_a_sweep_has_all_combinations),
        cmocka_unit_test(test_a_sweep_needs_a_validation_set),
        cmocka_unit_test(test_a_budget_cuts_epochs_and_moves_the_drops),
        cmocka_unit_test(test_scaled_drops_stay_apart_and_within_the_run),
        cmocka_unit_test(test_a_scaled_run_ends_with_a_cosine_if_the_whole_one_does),
        cmocka_unit_test(test_a_small_budget_cuts_samples_too),
        cmocka_unit_test(test_means_leave_out_what_is_missing),
        cmocka_unit_test(test_student_s_quantiles_are_the_tables),
        cmocka_unit_test(test_a_difference_has_welch_s_interval),
        cmocka_unit_test(test_one_run_has_the_interval_of_its_test_set),
        cmocka_unit_test(test_results_are_summed_up_over_the_seeds),
        cmocka_unit_test(test_a_sweep_does_not_choose_by_the_lucky_seeds),
        cmocka_unit_test(test_a_sweep_hides_the_tests_of_what_it_does_not_choose),
        cmocka_unit_test(test_the_files_are_written),
        cmocka_unit_test(test_memory_failures_leak_nothing),
        cmocka_unit_test(test_a_full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, data_make_folder, data_remove_folder);
}
