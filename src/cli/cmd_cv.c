/* cmd_cv.c - mwnet cv: out-of-sample class probabilities by cross-validation. */
#include "cmd.h"

#include <jansson.h>
#include <stdio.h>

static int say_result(const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!root)
        return MWN_ERR_RUNTIME;
    const char *path = json_string_value(json_object_get(root, "pred_probs"));
    json_t *truth = json_object_get(root, "true_accuracy");
    if (!json_is_true(json_object_get(root, "complete"))) {
        printf("The fold is done; others are missing, so %s is not written yet.\n", path);
    } else {
        printf("%s: %.0f samples, %.0f classes; %.2f %% agree with the given labels", path,
               json_number_value(json_object_get(root, "samples")),
               json_number_value(json_object_get(root, "classes")),
               json_number_value(json_object_get(root, "accuracy")));
        if (truth)
            printf(", %.2f %% with the true ones", json_number_value(truth));
        printf("\n");
    }
    json_decref(root);
    return 0;
}

static mwn_status gather(const struct args *args, mwn_config **out, struct mwn_error *err)
{
    mwn_status status = mwn_config_create(out, err);
    if (status == MWN_OK && args->words > 0)
        status = mwn_config_read(*out, args->word[0], err);
    if (status == MWN_OK)
        status = args_apply(args, *out, err);
    return status;
}

static int validate(const struct args *args)
{
    struct mwn_error err = {0};
    struct progress progress;
    struct mwn_cv_options options = {
        .folds = args->folds, .fold = args->fold, .progress = progress_step};
    mwn_config *config = NULL;
    char *text = NULL;
    int code = 0;

    if (args->words != 1)
        return (int)say_usage("cv", "which recipe?");
    if (!args->output)
        return (int)say_usage("cv", "name the file to write by -o");
    progress_watch_signals();
    mwn_status status = gather(args, &config, &err);
    progress_begin(&progress, args->quiet);
    options.user = &progress;
    if (status == MWN_OK)
        status = mwn_cv(config, args->output, &options, &text, &err);
    progress_clear(&progress);
    mwn_config_free(config);
    if (status != MWN_OK)
        return say_stopped(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = say_result(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_cv = {
    .name = "cv",
    .summary = "predict every training sample by a model that has not seen it",
    .help =
        "Usage: mwnet cv RECIPE [section.key=value ...] [--folds K] -o FILE.npy\n"
        "\n"
        "Cross-validates: K stratified folds, each a run of the recipe without it in a "
        "folder\n"
        "below FILE.npy.folds; its last model predicts the fold. Writes the class\n"
        "probabilities of all training samples, with labels.npy and ids.csv beside, as\n"
        "cleanlab reads them. With -o RUN/pred_probs.npy mwnet audit finds them. Stopped "
        "at\n"
        "any point and started again it goes on and gives the same bytes.\n"
        "\n"
        "Options\n"
        "  -o, --output FILE  file of the probabilities, .npy\n"
        "  --folds K          folds (default: 5)\n"
        "  --fold N           run fold N only, 0 to K-1: several processes share the "
        "work,\n"
        "                     the last one to end joins the folds\n"
        "  --threads N        threads that compute (default: as many as the process may "
        "use)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet cv recipes/fashion-noise40.yaml data.path=DIR --folds 5 \\\n"
        "        -o runs/fashion/pred_probs.npy\n",
    .flags = (const char *const[]){"output", "folds", "fold", "threads", "quiet", NULL},
    .run = validate,
};
