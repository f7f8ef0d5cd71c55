/* grid.h - trains the cells of a table, each in a process of its own. */
#ifndef MWN_CLI_GRID_H
#define MWN_CLI_GRID_H

#include "cmd.h"

/* What is to be done with a table. */
struct grid_wish {
    const char *command;
    int jobs;      /* at once                          */
    double budget; /* seconds; 0: none                 */
    bool dry_run, quiet, json;
};

/* Trains what is not done yet of the chosen cells, and reports. The exit code: MWN_INCOMPLETE if
 * cells have failed. */
int grid_run(mwn_table *table, const struct grid_wish *wish);

/* Options that hold for all cells: the settings of the command line, if wanted, and how many
 * threads a run has: --threads or, with several jobs, a share of the processors. */
mwn_status grid_gather(const struct args *args, bool settings, mwn_config **out,
                       struct mwn_error *err);

enum { GRID_DIR_SIZE = 4096 };
/* The folder that -o names, or "base/NAME" of the file's name. */
void grid_choose_dir(const struct args *args, const char *base, char out[GRID_DIR_SIZE]);

#endif
