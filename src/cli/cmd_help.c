/* cmd_help.c - mwnet help: the commands, or the help of one. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static int print_overview(void)
{
    printf("mwnet %s - trains classifiers on biased data by Meta-Weight-Net\n\n"
           "Usage: mwnet COMMAND [ARGUMENTS]\n\nCommands\n",
           mwn_version());
    for (const struct cmd *const *cmd = cmds; *cmd; cmd++)
        printf("  %-8s %s\n", (*cmd)->name, (*cmd)->summary);
    printf("\n'mwnet help COMMAND' explains one; 'mwnet --version' prints the version.\n\n"
           "Example\n"
           "  mwnet train recipes/fashion-noise40.yaml data.path=DIR -o runs/first\n\n%s",
           cmd_exit_codes);
    return 0;
}

static int cmd_help_run(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0)
        return print_overview();
    for (const struct cmd *const *cmd = cmds; *cmd; cmd++) {
        if (strcmp((*cmd)->name, argv[1]) != 0)
            continue;
        printf("%s\n%s", (*cmd)->help, cmd_exit_codes);
        return 0;
    }
    fprintf(stderr, "mwnet: unknown command '%s'\nhint: 'mwnet help' shows the commands\n",
            argv[1]);
    return MWN_ERR_CONFIG;
}

const struct cmd cmd_help = {
    .name = "help",
    .summary = "show the commands, or the help of one",
    .help = "Usage: mwnet help [COMMAND]\n",
    .run = cmd_help_run,
};
