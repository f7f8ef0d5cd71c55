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

static int help(const struct args *args)
{
    if (args->words > 1 || args->settings > 0)
        return (int)say_usage("help", "name one command");
    const char *name = args->words ? args->word[0] : "help";
    if (strcmp(name, "help") == 0)
        return print_overview();
    const struct cmd *cmd = cmd_find(name);
    if (!cmd)
        return MWN_ERR_CONFIG;
    printf("%s\n%s", cmd->help, cmd_exit_codes);
    return 0;
}

const struct cmd cmd_help = {
    .name = "help",
    .summary = "show the commands, or the help of one",
    .help = "Usage: mwnet help [COMMAND]\n",
    .run = help,
};
