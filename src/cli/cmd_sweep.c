/* cmd_sweep.c - mwnet sweep: chooses hyper-parameters by the validation set. */
#include "grid.h"

#include <stdio.h>

enum { SETTINGS_MAX = 256 };

static int sweep(const struct args *args)
{
    struct mwn_error err = {0};
    char dir[GRID_DIR_SIZE];
    const char *settings[SETTINGS_MAX];
    size_t count = 0;
    mwn_config *config = NULL;
    mwn_table *table = NULL;

    if (args->words != 1)
        return (int)say_usage("sweep", "which recipe?");
    for (size_t i = 0; i < args->rest_count && count < SETTINGS_MAX; i++)
        if (args->rest[i] != args->word[0])
            settings[count++] = args->rest[i];
    grid_choose_dir(args, "sweeps", dir);
    mwn_status status = grid_gather(args, false, &config, &err);
    struct mwn_table_options options = {dir, args->seeds, NULL, config};
    const struct grid_wish wish = {
        "sweep", args->jobs ? args->jobs : 1, 0, args->dry_run, args->quiet, args->json};
    if (status == MWN_OK)
        status = mwn_sweep_open(&table, args->word[0], settings, count, &options, &err);
    int code = status == MWN_OK ? grid_run(table, &wish) : say_error(&err);
    mwn_table_free(table);
    mwn_config_free(config);
    return code;
}

const struct cmd cmd_sweep = {
    .name = "sweep",
    .summary = "choose hyper-parameters by the validation set",
    .help =
        "Usage: mwnet sweep RECIPE section.key=[A,B,C] ... [section.key=value ...] [-o "
        "DIR]\n"
        "\n"
        "Trains the recipe with every combination of the values in brackets and chooses "
        "by\n"
        "the validation set, which the recipe must have (data.valid_share=0.1 takes one "
        "out\n"
        "of the training samples). Shows the combinations, best first, and the test "
        "accuracy\n"
        "of the chosen one alone. Stopped at any point and called again it goes on.\n"
        "\n"
        "Options\n"
        "  -o, --output DIR   folder of the runs (default: sweeps/ and the recipe's "
        "name)\n"
        "  --seeds LIST       1-5 or 1,3,7: runs of each combination (default: 1)\n"
        "  --jobs N           runs at once (default: 1)\n"
        "  --threads N        threads of a run (default: the processors divided by the "
        "jobs)\n"
        "  --dry-run          list the runs and what they will take\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet sweep recipes/fashion-noise40.yaml data.path=DIR data.valid_share=0.1 \\\n"
        "        'train.lr=[0.1,0.03]' 'method.lr=[1e-3,1e-4]'\n",
    .flags = (const char *const[]){"output", "seeds", "jobs", "threads", "dry-run", "quiet",
                                   NULL},
    .run = sweep,
};
