/* cmd_list.c - mwnet list: methods, models, readers, noises, options, data sets. */
#include "cmd.h"

#include <stdio.h>

static int list(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    if (args->words != 1 || args->settings > 0)
        return (int)say_usage("list",
                              "name one of methods, models, readers, noises, options, "
                              "datasets");
    if (mwn_list(args->word[0], &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("{\"%s\": %s}\n", args->word[0], text);
    else
        code = report_list(args->word[0], text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_list = {
    .name = "list",
    .summary = "list methods, models, readers, noises, options or data sets",
    .help = "Usage: mwnet list methods|models|readers|noises|options|datasets\n"
            "\n"
            "Options\n"
            "  --json             the last line on stdout is a JSON object\n"
            "  -h, --help         this text\n"
            "\n"
            "Example\n"
            "  mwnet list options\n",
    .run = list,
};
