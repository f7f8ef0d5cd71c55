/* cmd_train.c - mwnet train: trains a run, or goes on with one. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DIR_SIZE = 4096 };

/* runs/NAME of the recipe's name, with a number behind it if that folder is taken. */
static mwn_status choose_dir(const char *recipe, char out[DIR_SIZE])
{
    struct stat info;
    const char *name = recipe ? recipe : "run";
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    const char *dot = strrchr(name, '.');
    int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);

    for (int i = 1; i < 10000; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof(number), "-%d", i);
        int size = snprintf(out, DIR_SIZE, "runs/%.*s%s", length, name, number);
        if (size < 0 || size >= DIR_SIZE)
            break;
        if (stat(out, &info) != 0)
            return MWN_OK;
    }
    return say_usage("train", "no free folder for the run below runs/; choose one by -o");
}

static mwn_status check_args(const struct args *args)
{
    if (args->words > 1)
        return say_usage("train", "one recipe at a time; '%s' is one too many",
                         args->word[1]);
    if (args->resume && (args->words > 0 || args->output || args->dry_run))
        return say_usage("train", "--resume takes no recipe, -o or --dry-run");
    if (!args->resume && args->words == 0 && args->settings == 0)
        return say_usage("train", "which recipe?");
    return MWN_OK;
}

/* The recipe's options first, then those of the command line. */
static mwn_status gather(const struct args *args, mwn_config **out, struct mwn_error *err)
{
    mwn_status status = mwn_config_create(out, err);
    if (status == MWN_OK && args->words > 0)
        status = mwn_config_read(*out, args->word[0], err);
    if (status == MWN_OK)
        status = args_apply(args, *out, err);
    return status;
}

/* Says what of the run is other than one may think. */
static void note(const mwn_run *run)
{
    struct mwn_error unused = {0};
    char *text = NULL;
    if (mwn_run_summary(run, &text, &unused) == MWN_OK)
        report_notes(text);
    mwn_text_free(text);
}

static mwn_status report(const mwn_run *run, bool json, struct mwn_error *err)
{
    char *text = NULL;
    mwn_status status = mwn_run_summary(run, &text, err);
    if (status != MWN_OK)
        return status;
    if (json)
        printf("%s\n", text);
    else
        report_summary(text);
    mwn_text_free(text);
    return MWN_OK;
}

static int run_training(const struct args *args, const mwn_config *config, const char *dir)
{
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    progress_watch_signals();
    mwn_status status = args->resume ? mwn_run_resume(&run, args->resume, config, &err)
                                     : mwn_run_create(&run, config, dir, &err);
    if (status == MWN_OK && !args->quiet)
        fprintf(stderr, "run folder %s\n", args->resume ? args->resume : dir);
    if (status == MWN_OK && !args->quiet)
        note(run);
    if (status == MWN_OK)
        status = progress_train(run, args->quiet, &err);
    if (status == MWN_OK)
        status = report(run, args->json, &err);
    mwn_run_free(run);
    return status == MWN_OK ? 0 : say_stopped(&err);
}

static int run_plan(const struct args *args, const mwn_config *config)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;
    if (mwn_plan(config, &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_plan(text);
    mwn_text_free(text);
    return code;
}

static int cmd_train_run(const struct args *args)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    char dir[DIR_SIZE] = "";
    int code = (int)check_args(args);

    if (code == 0 && gather(args, &config, &err) != MWN_OK)
        code = say_error(&err);
    if (code == 0 && args->output)
        snprintf(dir, sizeof(dir), "%s", args->output);
    else if (code == 0 && !args->resume && !args->dry_run)
        code = (int)choose_dir(args->words ? args->word[0] : NULL, dir);
    if (code == 0)
        code = args->dry_run ? run_plan(args, config) : run_training(args, config, dir);
    mwn_config_free(config);
    return code;
}

const struct cmd cmd_train = {
    .name = "train",
    .summary = "train a classifier by a recipe, or go on with a run",
    .help =
        "Usage: mwnet train [RECIPE] [section.key=value ...] [-o DIR]\n"
        "       mwnet train --resume DIR [train.epochs=N] [train.memory=low]\n"
        "\n"
        "Trains a classifier. A recipe is a YAML file of options; settings on the command\n"
        "line win over it. 'mwnet list options' shows all options and their defaults.\n"
        "\n"
        "Options\n"
        "  -o, --output DIR   folder of the run (default: runs/ and the recipe's name)\n"
        "  --resume DIR       go on with the run in DIR where its last checkpoint was "
        "written\n"
        "  --dry-run          show the options, the memory plan and the time of an epoch\n"
        "  --threads N        threads that compute (default: as many as the process may "
        "use)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Ctrl-C saves the state and stops; a second one stops at once.\n"
        "\n"
        "Example\n"
        "  mwnet train recipes/fashion-noise40.yaml data.path=DIR train.epochs=6 -o "
        "runs/try\n",
    .flags = (const char *const[]){"output", "resume", "dry-run", "threads", "quiet", NULL},
    .run = cmd_train_run,
};
