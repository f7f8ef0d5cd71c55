/* cmd_try.c - mwnet try: looks at data, trains plainly and by Meta-Weight-Net, and says whether
 * that was worth it and which labels are probably wrong. */
#include "cmd.h"
#include "report_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIR_SIZE = 4096 };

static const char *const methods[] = {"ce", "mwnet"};

/* A trial: its folder holds one run for each method. */
struct trial {
    const struct args *args;
    char dir[DIR_SIZE - 64];
    mwn_config *config;
    char *suggestion, *comparison, *audit; /* JSON */
};

/* "tries/NAME" of the data's name, without its ending. */
static void choose_dir(struct trial *trial)
{
    const char *data = trial->args->word[0];
    size_t length = strlen(data);
    while (length > 1 && data[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && data[begin - 1] != '/')
        begin--;
    size_t end = begin;
    while (end < length && (end == begin || data[end] != '.'))
        end++;
    if (trial->args->output)
        snprintf(trial->dir, sizeof(trial->dir), "%s", trial->args->output);
    else
        snprintf(trial->dir, sizeof(trial->dir), "tries/%.*s", (int)(end - begin),
                 data + begin);
}

static bool has_end(const char *path, const char *end)
{
    size_t length = strlen(path), size = strlen(end);
    return length >= size && strcasecmp(path + length - size, end) == 0;
}

/* What the user has said: data, meta set, settings. A list of ids is a text file. */
static mwn_status gather(struct trial *trial, struct mwn_error *err)
{
    const struct args *args = trial->args;
    bool ids = args->meta && (has_end(args->meta, ".txt") || has_end(args->meta, ".ids"));
    mwn_status status = mwn_config_create(&trial->config, err);
    if (status == MWN_OK)
        status = mwn_config_set(trial->config, "data.reader", "auto", err);
    if (status == MWN_OK)
        status = mwn_config_set(trial->config, "data.path", args->word[0], err);
    if (status == MWN_OK && args->meta)
        status = mwn_config_set(trial->config, ids ? "data.meta_ids" : "data.meta",
                                args->meta, err);
    if (status == MWN_OK)
        status = args_apply(args, trial->config, err);
    return status;
}

static double number_of(json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_sets(json_t *root)
{
    json_t *sets = json_object_get(root, "sets");
    printf("data       %.0f training samples in %.0f classes, %.0f meta, %.0f validation, "
           "%.0f test\n",
           number_of(sets, "train"), number_of(sets, "classes"), number_of(sets, "meta"),
           number_of(sets, "valid"), number_of(sets, "test"));
}

static mwn_status fail_untested(struct mwn_error *err)
{
    err->status = MWN_ERR_CONFIG;
    snprintf(err->text, sizeof(err->text),
             "a trial compares two models on a test set, and there is none");
    snprintf(err->hint, sizeof(err->hint),
             "name one by data.test=PATH, or hold out a share by data.test_share=0.2");
    return err->status;
}

/* Asks the library what to do, says it, and takes it over. */
static mwn_status suggest(struct trial *trial, struct mwn_error *err)
{
    mwn_status status = mwn_suggest(trial->config, &trial->suggestion, err);
    if (status != MWN_OK)
        return status;
    json_t *root = json_loads(trial->suggestion, 0, NULL), *choice = NULL;
    bool quiet = trial->args->json;
    size_t i = 0;
    if (!quiet)
        print_sets(root);
    json_array_foreach(json_object_get(root, "choices"), i, choice)
    {
        const char *key = report_text(choice, "key"), *value = report_text(choice, "value");
        if (!quiet)
            printf("%-10s %s=%s (%s)\n", i == 0 ? "chosen" : "", key, value,
                   report_text(choice, "why"));
        if (status == MWN_OK)
            status = mwn_config_set(trial->config, key, value, err);
    }
    double tests = number_of(json_object_get(root, "sets"), "test");
    json_decref(root);
    fflush(stdout);
    return status == MWN_OK && tests < 1 ? fail_untested(err) : status;
}

/* Trains by a method, or goes on where an earlier trial was stopped. */
static mwn_status train(struct trial *trial, const char *method, struct mwn_error *err)
{
    char dir[DIR_SIZE];
    mwn_run *run = NULL;
    snprintf(dir, sizeof(dir), "%s/%s", trial->dir, method);
    mwn_status status = mwn_config_set(trial->config, "method.name", method, err);
    if (status == MWN_OK)
        status = mwn_run_open(&run, trial->config, dir, err);
    if (status == MWN_OK && !trial->args->quiet)
        fprintf(stderr, "training by %s in %s\n", method, dir);
    if (status == MWN_OK)
        status = progress_train(run, trial->args->quiet, err);
    mwn_run_free(run);
    return status;
}

static mwn_status judge(struct trial *trial, struct mwn_error *err)
{
    char first[DIR_SIZE], second[DIR_SIZE];
    const struct mwn_audit_options options = {.top = 10};
    snprintf(first, sizeof(first), "%s/%s", trial->dir, methods[0]);
    snprintf(second, sizeof(second), "%s/%s", trial->dir, methods[1]);
    mwn_status status = mwn_compare(first, second, &trial->comparison, err);
    if (status == MWN_OK)
        status = mwn_audit(second, &options, &trial->audit, err);
    return status;
}

static void print_verdict(const struct trial *trial)
{
    json_t *root = json_loads(trial->comparison, 0, NULL);
    const char *better = report_text(root, "better");
    double gain = number_of(root, "gain");
    printf("\nverdict    ");
    if (strcmp(better, "second") == 0)
        printf("Meta-Weight-Net helps: %+.2f points of accuracy", gain);
    else if (strcmp(better, "first") == 0)
        printf("plain training is better here: Meta-Weight-Net changes accuracy by %+.2f "
               "points",
               gain);
    else
        printf("plain training is enough: the gain of %+.2f points may be chance", gain);
    printf(" (95 %% interval %+.2f to %+.2f)\n", number_of(root, "low"),
           number_of(root, "high"));
    printf("           accuracy on %.0f test samples, as they are labelled: plain %.2f %%, "
           "Meta-Weight-Net %.2f %%\n\n",
           number_of(root, "samples"), number_of(root, "first_accuracy"),
           number_of(root, "second_accuracy"));
    json_decref(root);
}

static int report(const struct trial *trial)
{
    int code = 0;
    if (trial->args->json) {
        json_t *dir = json_string(trial->dir);
        char *quoted = json_dumps(dir, JSON_ENCODE_ANY);
        printf("{\"dir\": %s, \"suggestion\": %s, \"comparison\": %s, \"audit\": %s}\n",
               quoted ? quoted : "null", trial->suggestion, trial->comparison,
               trial->audit);
        free(quoted);
        json_decref(dir);
        return 0;
    }
    print_verdict(trial);
    code = report_audit(trial->audit);
    printf("  mwnet train %s/mwnet/recipe.yaml train.epochs=N -o DIR\n", trial->dir);
    printf("  mwnet cv %s/mwnet/recipe.yaml --folds 5 -o %s/mwnet/pred_probs.npy\n",
           trial->dir, trial->dir);
    printf("  mwnet audit %s/mwnet\n", trial->dir);
    return code;
}

static int try_data(const struct args *args)
{
    struct mwn_error err = {0};
    struct trial trial = {.args = args};

    if (args->words != 1)
        return (int)say_usage("try", "name one file or folder with data");
    choose_dir(&trial);
    progress_watch_signals();
    mwn_status status = gather(&trial, &err);
    if (status == MWN_OK)
        status = suggest(&trial, &err);
    for (size_t i = 0; status == MWN_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        status = train(&trial, methods[i], &err);
    if (status == MWN_OK)
        status = judge(&trial, &err);
    int code = status == MWN_OK ? report(&trial) : say_stopped(&err);
    mwn_config_free(trial.config);
    mwn_text_free(trial.suggestion);
    mwn_text_free(trial.comparison);
    mwn_text_free(trial.audit);
    return code;
}

const struct cmd cmd_try = {
    .name = "try",
    .summary = "look at data, train, and say which labels are probably wrong",
    .help =
        "Usage: mwnet try DATA [--meta FILE] [-o DIR] [section.key=value ...]\n"
        "\n"
        "For your own data and no reading: finds out the format, chooses a network and a\n"
        "schedule and says why, trains plainly (ce) and by Meta-Weight-Net (mwnet) on "
        "the\n"
        "same schedule, says whether that was worth it, and shows the labels that are\n"
        "probably wrong. A trial that was stopped goes on when it is called again.\n"
        "\n"
        "Options\n"
        "  --meta FILE        samples whose labels were checked: a text file (.txt) with "
        "the\n"
        "                     id of one a line (of a table its row, from 0, if it has no "
        "ids),\n"
        "                     or data like DATA, in part the same (default: none; the\n"
        "                     samples with the lowest losses stand in)\n"
        "  -o, --output DIR   folder of the trial (default: tries/NAME)\n"
        "  --threads N        threads that compute (default: as many as the process "
        "may use)\n"
        "  -q, --quiet        no progress on stderr\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Examples\n"
        "  mwnet try customers.csv --meta checked.txt\n"
        "  mwnet try photos/ --meta checked.txt train.epochs=20\n",
    .flags = (const char *const[]){"output", "meta", "threads", "quiet", NULL},
    .run = try_data,
};
