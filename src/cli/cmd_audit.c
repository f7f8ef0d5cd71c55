/* cmd_audit.c - mwnet audit: which labels are probably wrong. */
#include "cmd.h"

#include <jansson.h>
#include <stdio.h>

/* Whether the report's estimate is above --fail-over. */
static int check_limit(const struct args *args, const char *text)
{
    json_t *root = args->has_fail_over ? json_loads(text, 0, NULL) : NULL;
    double rate =
        json_number_value(json_object_get(json_object_get(root, "noise"), "rate"));
    json_decref(root);
    if (!args->has_fail_over || !(rate > args->fail_over))
        return 0;
    fprintf(stderr,
            "mwnet: %.1f %% of the labels are probably wrong, more than the %.1f %% "
            "of --fail-over\n",
            100 * rate, 100 * args->fail_over);
    return MWN_NOISY;
}

static int audit(const struct args *args)
{
    const struct mwn_audit_options options = {
        .output = args->output,
        .pred_probs = args->pred_probs,
        .weights = args->weights,
        .top = (size_t)args->top,
    };
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    if (args->words != 1 || args->settings > 0)
        return (int)say_usage("audit", "name one run's folder");
    if (mwn_audit(args->word[0], &options, &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_audit(text);
    if (code == 0)
        code = check_limit(args, text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_audit = {
    .name = "audit",
    .summary = "find the labels of a run that are probably wrong",
    .help =
        "Usage: mwnet audit RUN [-o FILE.csv] [--pred-probs FILE.npy] [--fail-over 5%]\n"
        "\n"
        "Ranks the training samples of a run by how well their labels agree with what the\n"
        "run has seen, the worst first, and estimates how many labels are wrong and which\n"
        "class is taken for which. With probabilities by mwnet cv it uses these as well.\n"
        "Where the true labels are known (noise that was put in) it says how well each\n"
        "score finds the wrong ones.\n"
        "\n"
        "Options\n"
        "  -o, --output FILE  table of all samples (default: audit.csv in the run)\n"
        "  --pred-probs FILE  out-of-sample probabilities, .npy [samples][classes] "
        "(default:\n"
        "                     pred_probs.npy in the run, if it is there)\n"
        "  --fail-over SHARE  exit with code 10 if more labels than that are wrong\n"
        "  --top N            samples to show (default: 10)\n"
        "  --weights FILE     write the samples' weights, one a line, as LightGBM's "
        ".weight\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet audit runs/try --top 50 --fail-over 5%\n",
    .flags =
        (const char *const[]){"output", "pred-probs", "fail-over", "top", "weights", NULL},
    .run = audit,
};
