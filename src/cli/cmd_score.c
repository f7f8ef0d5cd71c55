/* cmd_score.c - mwnet score: weights of losses by a weight net. */
#include "cmd.h"

#include <stdio.h>

static int score(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;

    if (args->words != 2 || args->settings > 0)
        return (int)say_usage("score", "name a weight net and a file of losses");
    if (!args->output)
        return (int)say_usage("score", "name the file to write by -o");
    if (mwn_score(args->word[0], args->word[1], args->output, &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        printf("The weights are in %s.\n", args->output);
    mwn_text_free(text);
    return 0;
}

const struct cmd cmd_score = {
    .name = "score",
    .summary = "weigh losses by a weight net that a run has learned",
    .help =
        "Usage: mwnet score WEIGHT_NET.json LOSSES.npy|.csv -o WEIGHTS.npy|.csv|.weight\n"
        "\n"
        "Applies the weight net that mwnet export --weight-net has written to losses that\n"
        "any other program has computed. Of a .csv file with a header the column 'loss' "
        "is\n"
        "taken, else the first. A .weight file has one weight a line, as LightGBM reads "
        "it.\n"
        "\n"
        "Options\n"
        "  -o, --output FILE  the weights\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet score weight.json losses.csv -o train.csv.weight\n",
    .flags = (const char *const[]){"output", NULL},
    .run = score,
};
