/* cmd_export.c - mwnet export: what a run has learned, for other programs. */
#include "cmd.h"

#include <stdio.h>

static int export_weight_net(const struct args *args)
{
    struct mwn_error err = {0};
    if (args->words != 1 || args->settings > 0)
        return (int)say_usage("export", "name one run's folder");
    if (!args->weight_net)
        return (int)say_usage("export", "say what to write by --weight-net FILE");
    if (mwn_export_weight_net(args->word[0], args->weight_net, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("{\"weight_net\": true}\n");
    else
        printf("The weight net is in %s.\n", args->weight_net);
    return 0;
}

static int cmd_export_run(int argc, char **argv)
{
    static const char *const flags[] = {"weight-net", NULL};
    struct args args = {.flags = flags};
    int code = (int)args_parse(&args, argc, argv);
    if (code == 0 && args.help)
        printf("%s\n%s", cmd_export.help, cmd_exit_codes);
    else if (code == 0)
        code = export_weight_net(&args);
    return code;
}

const struct cmd cmd_export = {
    .name = "export",
    .summary = "write what a run has learned for other programs",
    .help = "Usage: mwnet export RUN --weight-net FILE.json|FILE.h\n"
            "\n"
            "Writes the function from a sample's loss to its weight that a run has "
            "learned: as\n"
            "JSON for mwnet score and method.name=frozen, or as a C header with\n"
            "static inline double mwn_weight(double loss).\n"
            "\n"
            "Options\n"
            "  --weight-net FILE  what to write; ends in .json or .h\n"
            "  --json             the last line on stdout is a JSON object\n"
            "  -h, --help         this text\n"
            "\n"
            "Example\n"
            "  mwnet export runs/try --weight-net weight.h\n",
    .run = cmd_export_run,
};
