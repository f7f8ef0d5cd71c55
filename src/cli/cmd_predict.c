/* cmd_predict.c - mwnet predict: the classes of new samples, as a table. */
#include "cmd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static mwn_status check_args(const struct args *args)
{
    if (args->words != 2)
        return say_usage("predict", "name a model (a run's folder or a safetensors file) "
                                    "and the data to classify");
    if (!args->output)
        return say_usage("predict", "name the file to write: -o FILE");
    if (args->format && strcmp(args->format, "csv") != 0 &&
        strcmp(args->format, "npy") != 0)
        return say_usage("predict", "--format: '%s' is not csv or npy", args->format);
    return MWN_OK;
}

/* --format, or else the file's ending. */
static bool wants_npy(const struct args *args)
{
    const char *end = args->output ? strrchr(args->output, '.') : NULL;
    return strcmp(args->format ? args->format : end ? end + 1 : "", "npy") == 0;
}

static int predict(const struct args *args)
{
    struct mwn_error err = {0};
    struct progress progress;
    mwn_config *config = NULL;
    char *text = NULL;
    int code = (int)check_args(args);
    const struct mwn_prediction what = {
        .data = args->word[1],
        .out = args->output,
        .npy = wants_npy(args),
        .progress = progress_step,
        .user = &progress,
    };

    if (code != 0)
        return code;
    mwn_status status = mwn_config_create(&config, &err);
    if (status == MWN_OK)
        status = args_apply(args, config, &err);
    progress_watch_signals();
    progress_begin(&progress, args->quiet);
    if (status == MWN_OK)
        status = mwn_predict(args->word[0], config, &what, &text, &err);
    progress_clear(&progress);
    mwn_config_free(config);
    if (status != MWN_OK) {
        code = say_error(&err);
        bool terminated = status == MWN_INTERRUPTED && progress_signal() == SIGTERM;
        return terminated ? 128 + SIGTERM : code;
    }
    if (args->json)
        printf("%s\n", text);
    else
        code = report_prediction(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_predict = {
    .name = "predict",
    .summary = "classify new samples by a model",
    .help =
        "Usage: mwnet predict RUN|FILE.safetensors DATA -o FILE [section.key=value ...]\n"
        "\n"
        "Classifies the samples in DATA, a file or folder of the format that the model "
        "was\n"
        "trained on; labels may be missing. Writes CSV: id, predicted class, its\n"
        "probability p, and the probability of each class. Of a run's folder the best\n"
        "model is taken. A file that mwnet wrote knows its network; for others say\n"
        "model.name, data.reader and data.normalize.\n"
        "\n"
        "Options\n"
        "  -o, --output FILE  file to write; whole or absent\n"
        "  --format csv|npy   npy: the probabilities alone, float32 [samples][classes]\n"
        "                     (default: npy for a FILE.npy, else csv)\n"
        "  --threads N        threads that compute (default: as many as the process may "
        "use)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet predict runs/try new-images -o predicted.csv\n",
    .flags = (const char *const[]){"output", "format", "threads", "quiet", NULL},
    .run = predict,
};
