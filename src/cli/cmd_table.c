/* cmd_table.c - mwnet table: trains a grid of methods, settings and seeds, and sets what they
 * come to beside the published figures. */
#include "grid.h"

#include <stdio.h>

static int make_table(const struct args *args)
{
    struct mwn_error err = {0};
    char dir[GRID_DIR_SIZE];
    mwn_config *config = NULL;
    mwn_table *table = NULL;
    int code = 0;

    if (args->words != 1)
        return (int)say_usage("table", "which file describes the table?");
    grid_choose_dir(args, "tables", dir);
    mwn_status status = grid_gather(args, true, &config, &err);
    struct mwn_table_options options = {dir, args->seeds, args->only, config};
    const struct grid_wish wish = {"table",      args->jobs ? args->jobs : 1,
                                   args->budget, args->dry_run,
                                   args->quiet,  args->json};
    if (status == MWN_OK)
        status = mwn_table_open(&table, args->word[0], &options, &err);
    code = status == MWN_OK ? grid_run(table, &wish) : say_error(&err);
    mwn_table_free(table);
    mwn_config_free(config);
    return code;
}

const struct cmd cmd_table = {
    .name = "table",
    .summary = "train a grid of methods, settings and seeds, beside published figures",
    .help =
        "Usage: mwnet table FILE [section.key=value ...] [-o DIR]\n"
        "\n"
        "Trains a grid, methods x settings x seeds, that a YAML file describes (see\n"
        "recipes/tables/); each cell is a run in DIR/ROW/COLUMN/seedN. Writes table.md,\n"
        "table.csv and table.json into DIR, after every cell: best and last accuracy, "
        "time,\n"
        "memory, the cost of a step relative to ce, the published figures and the\n"
        "differences. Stopped at any point and called again it goes on; a cell that fails "
        "is\n"
        "reported, and the others go on (exit code 11). Settings hold for all cells.\n"
        "\n"
        "Options\n"
        "  -o, --output DIR   folder of the table (default: tables/ and the file's name)\n"
        "  --seeds LIST       1-5 or 1,3,7 (default: as the file says)\n"
        "  --only LIST        cells to train: ROW, COLUMN, ROW/COLUMN or "
        "ROW/COLUMN/seedN,\n"
        "                     with * and ?, separated by commas (default: all)\n"
        "  --jobs N           runs at once (default: 1)\n"
        "  --budget TIME      fewer epochs, then fewer training samples, so that all is "
        "done\n"
        "                     in 90s, 30m, 2h, ... on this machine\n"
        "  --threads N        threads of a run (default: the processors divided by the "
        "jobs)\n"
        "  --dry-run          list the cells and what they will take, with --budget after\n"
        "                     scaling; nothing is written\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet table recipes/tables/reduced-table3.yaml data.path=DIR --jobs 2\n",
    .flags = (const char *const[]){"output", "seeds", "only", "jobs", "budget", "threads",
                                   "dry-run", "quiet", NULL},
    .run = make_table,
};
