/* cmd_bench.c - mwnet bench: the speed of a step on this machine. */
#include "cmd.h"

#include <stdio.h>

static int measure(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    if (args->words > 0 || args->settings > 0)
        return (int)say_usage("bench", "no arguments but options are expected");
    if (mwn_bench(args->only, args->threads, &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_bench(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_bench = {
    .name = "bench",
    .summary = "measure the speed of a training step on this machine",
    .help =
        "Usage: mwnet bench [--only NAME,...] [--threads N]\n"
        "\n"
        "Measures a plain SGD step and a Meta-Weight-Net step in float32 and, where the\n"
        "CPU has it, in bfloat16: seconds, their ratio, the share of the machine's peak "
        "of\n"
        "multiply-adds (measured beside each step), and the memory.\n"
        "\n"
        "Options\n"
        "  --only NAME,...    networks to measure (default: the usual ones)\n"
        "  --threads N        threads that compute (default: as many as the process may "
        "use)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet bench --only resnet32 --json\n",
    .flags = (const char *const[]){"threads", "only", NULL},
    .run = measure,
};
