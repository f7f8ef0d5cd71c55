/* cmd_why.c - mwnet why: the history of one training sample. */
#include "cmd.h"

#include <stdio.h>

static int explain(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    /* An id may hold a '='. */
    if (args->rest_count != 2)
        return (int)say_usage("why", "name one run's folder and the id of one sample");
    if (mwn_why(args->rest[0], args->rest[1], &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_why(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_why = {
    .name = "why",
    .summary = "show the history of one training sample",
    .help =
        "Usage: mwnet why RUN ID\n"
        "\n"
        "Shows what weight, loss and margin a training sample had in each epoch, its "
        "given\n"
        "and suggested label and its rank in the audit. IDs are the first column of the\n"
        "table that mwnet audit writes.\n"
        "\n"
        "Options\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet why runs/try 31337\n",
    .run = explain,
};
