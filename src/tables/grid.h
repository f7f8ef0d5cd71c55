/* grid.h - the insides of a table: rows (methods) x columns (settings) x seeds, each cell a run
 * in a folder of its own. */
#ifndef MWN_TABLES_GRID_H
#define MWN_TABLES_GRID_H

#include "base/base.h"
#include "train/config.h"

enum { MWN_TABLE_SEEDS = 100, MWN_TABLE_NAME = 64, MWN_CELL_ROOM = 32 };

/* A published figure: accuracy in percent. */
struct mwn_figure {
    bool given;
    double value, sd;   /* sd negative: not published             */
    const char *source; /* borrowed from the row or table; or NULL */
};

/* A row or a column. */
struct mwn_axis {
    char *name, *label;        /* owned: name of the folder; what is printed         */
    char *source;              /* owned: of a row's figures; NULL: the table's       */
    char *method;              /* owned: of a row, once its cells are made; or NULL  */
    mwn_config *recipe;        /* owned: of a column; NULL: the table's              */
    mwn_config *options;       /* owned                                             */
    struct mwn_figure *figure; /* owned [columns]: of a row                   */
};

/* What a few steps of a cell took. */
struct mwn_cell_cost {
    bool known;
    double step, evaluation; /* seconds                          */
    double steps, samples;   /* of an epoch; training samples    */
};

/* How much smaller the cells are than the file says. */
struct mwn_table_scale {
    double budget;          /* seconds; 0: not scaled        */
    double epochs, samples; /* shares, 0..1          */
    double seconds;         /* expected                      */
};

struct mwn_cell {
    size_t row, column;
    int64_t seed;
    char *dir;  /* owned                                             */
    char *work; /* owned: room for a name in it, so that looking cannot fail */
    bool chosen;
};

struct mwn_table {
    char *path, *dir;              /* owned */
    char *title, *note, *source;   /* owned; or NULL */
    int64_t published_seeds;       /* that the published deviations are of; 0: unknown */
    mwn_config *recipe, *options;  /* owned */
    mwn_config *overrides;         /* owned */
    struct mwn_axis *row, *column; /* owned */
    size_t rows, columns;
    int64_t seed[MWN_TABLE_SEEDS];
    size_t seeds;
    struct mwn_cell *cell; /* owned [rows * columns * seeds]: by seed, column, row */
    size_t cells;
    struct mwn_cell_cost *cost; /* owned [rows * columns] */
    double *epochs;             /* owned [rows * columns]: of a cell that is not scaled */
    struct mwn_table_scale scale;
    bool sweep; /* chooses by validation */
};

/* grid_file.c: fills a zeroed table from a file. */
MWN_MUST_CHECK mwn_status mwn_grid_read(struct mwn_table *table, const char *path,
                                        struct mwn_error *err);
/* "1-5" or "1,3,7". */
MWN_MUST_CHECK mwn_status mwn_grid_set_seeds(struct mwn_table *table, const char *text,
                                             struct mwn_error *err);
/* Adds a row or column, which the table owns. The name becomes that of a folder. */
MWN_MUST_CHECK mwn_status mwn_grid_add(struct mwn_axis **axes, size_t *count,
                                       const char *name, struct mwn_error *err);

/* MWN_ERR_CONFIG for train.seed, which nobody but the cells sets. */
MWN_MUST_CHECK mwn_status mwn_grid_check_seed(const char *key, struct mwn_error *err);

/* grid.c: an empty table. */
MWN_MUST_CHECK mwn_status mwn_grid_create(struct mwn_table **out, const char *path,
                                          const char *dir, struct mwn_error *err);
/* Makes the cells of what was read, and finds out how they stand. */
MWN_MUST_CHECK mwn_status mwn_grid_finish(struct mwn_table *table,
                                          const struct mwn_table_options *options,
                                          struct mwn_error *err);
/* The options of a cell, scaled. */
MWN_MUST_CHECK mwn_status mwn_grid_config(const struct mwn_table *table,
                                          const struct mwn_cell *cell, bool scaled,
                                          mwn_config **out, struct mwn_error *err);
/* "DIR/NAME" of a cell, or "DIR.failed" for NULL. */
MWN_MUST_CHECK mwn_status mwn_grid_path(const struct mwn_cell *cell, const char *name,
                                        char **out, struct mwn_error *err);
/* Whether there is such a file; the names as above, at most 30 bytes. */
bool mwn_grid_has(const struct mwn_cell *cell, const char *name);
struct mwn_cell_cost *mwn_grid_cost(const struct mwn_table *table,
                                    const struct mwn_cell *cell);

/* scale.c */
MWN_MUST_CHECK mwn_status mwn_scale_read(struct mwn_table *table, struct mwn_error *err);
/* Sets the epochs, drops and samples of a cell as the scale says. */
MWN_MUST_CHECK mwn_status mwn_scale_apply(const struct mwn_table *table,
                                          const struct mwn_cell *cell, mwn_config *config,
                                          struct mwn_error *err);
/* Seconds that a cell is expected to take; negative if unknown. */
double mwn_scale_expect(const struct mwn_table *table, const struct mwn_cell *cell);

#endif
