/* cmd_info.c - mwnet info: what is in a file or in a run's folder. */
#include "cmd.h"

#include <stdio.h>

static int describe(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    if (args->words != 1 || args->settings > 0)
        return (int)say_usage("info", "name one file or one run's folder");
    if (mwn_info(args->word[0], &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_info(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_info = {
    .name = "info",
    .summary = "describe a file or a run's folder",
    .help =
        "Usage: mwnet info FILE|RUN\n"
        "\n"
        "Describes a file (safetensors, csv, npy, npz, IDX or CIFAR; gzip is unpacked) or "
        "a\n"
        "run. Of a table it says the rows and, for each column, the name, type, missing\n"
        "fields, and range or number of different texts; of an archive, its arrays.\n"
        "\n"
        "Options\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet info runs/try/best/model.safetensors\n",
    .run = describe,
};
