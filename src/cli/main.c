/* main.c - finds the command and runs it. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

const struct cmd *const cmds[] = {
#define CMD(name) &cmd_##name,
#include "cmd_list.h"
#undef CMD
    NULL,
};

const char cmd_exit_codes[] =
    "Exit codes\n"
    "  0 done              4 I/O error or disk full    7 checkpoint does not fit\n"
    "  1 runtime error     5 out of memory           130 interrupted (SIGINT), state "
    "saved\n"
    "  2 usage or options  6 diverged                143 terminated (SIGTERM), state "
    "saved\n"
    "  3 bad data         10 audit --fail-over: more labels are wrong\n"
    "                     11 table, sweep: runs failed, the others are done\n";

const struct cmd *cmd_find(const char *name)
{
    for (const struct cmd *const *cmd = cmds; *cmd; cmd++)
        if (strcmp((*cmd)->name, name) == 0)
            return *cmd;
    fprintf(stderr, "mwnet: unknown command '%s'\nhint: 'mwnet help' shows the commands\n",
            name);
    return NULL;
}

/* argv[0] is the command's name. */
static int run_command(const struct cmd *command, int argc, char **argv)
{
    struct args args;
    int code = (int)args_parse(&args, command, argc, argv);
    if (code == 0 && args.help)
        printf("%s\n%s", command->help, cmd_exit_codes);
    else if (code == 0)
        code = command->run(&args);
    return code;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("mwnet %s\n", mwn_version());
        return 0;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct cmd *command = cmd_find(name);
    if (!command)
        return MWN_ERR_CONFIG;
    return run_command(command, argc > 1 ? argc - 1 : argc, argc > 1 ? argv + 1 : argv);
}

int main(int argc, char **argv)
{
    return say_finish(run(argc, argv));
}
