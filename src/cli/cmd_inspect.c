/* cmd_inspect.c - mwnet inspect: what is in data, before anything is trained on it. */
#include "cmd.h"

#include <stdio.h>

static int inspect(const struct args *args)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    char *text = NULL;
    int code = 0;

    if (args->words > 1 || (args->words == 0 && args->settings == 0))
        return (int)say_usage("inspect", "name one file or folder with data");
    mwn_status status = mwn_config_create(&config, &err);
    if (status == MWN_OK && args->words == 1)
        status = mwn_config_set(config, "data.path", args->word[0], &err);
    if (status == MWN_OK)
        status = args_apply(args, config, &err);
    if (status == MWN_OK)
        status = mwn_inspect(config, &text, &err);
    mwn_config_free(config);
    if (status != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_inspect(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_inspect = {
    .name = "inspect",
    .summary = "look into data before training on it",
    .help =
        "Usage: mwnet inspect DATA [data.key=value ...]\n"
        "\n"
        "Says what is in a file or folder with data: classes and their samples, sizes, "
        "ranges,\n"
        "the memory it takes, samples that two parts share, equal samples with different "
        "labels,\n"
        "and whatever else a run would stumble over. The reader is chosen by the names of "
        "the\n"
        "files; data.reader=NAME says it.\n"
        "\n"
        "Options\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet inspect photos data.test=more_photos\n",
    .run = inspect,
};
