/* cmd_apply.c - mwnet apply: a reviewer's decisions become corrected labels. */
#include "cmd.h"

#include <jansson.h>
#include <stdio.h>

static double count(json_t *root, const char *key)
{
    return json_number_value(json_object_get(root, key));
}

static int say_result(const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!root)
        return MWN_ERR_RUNTIME;
    const char *labels = json_string_value(json_object_get(root, "labels"));
    printf("%.0f kept, %.0f relabelled, %.0f dropped\n", count(root, "keep"),
           count(root, "relabel"), count(root, "drop"));
    printf("The corrected labels are in %s, who changed what in %s. What now:\n", labels,
           json_string_value(json_object_get(root, "trail")));
    printf("  mwnet train RECIPE data.labels=%s data.noise=none\n", labels);
    json_decref(root);
    return 0;
}

static int apply(const struct args *args)
{
    struct mwn_error err = {0};
    char *text = NULL;
    int code = 0;

    if (args->words != 2 || args->settings > 0)
        return (int)say_usage("apply", "name one run's folder and one file of decisions");
    if (mwn_apply(args->word[0], args->word[1], args->output, &text, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = say_result(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_apply = {
    .name = "apply",
    .summary = "turn a reviewer's decisions into corrected labels",
    .help =
        "Usage: mwnet apply RUN DECISIONS.csv [-o LABELS.csv]\n"
        "\n"
        "DECISIONS.csv has the columns id, action (keep, relabel or drop) and label; "
        "other\n"
        "columns do not count. All decisions are taken, or none. LABELS.csv is for\n"
        "data.labels; if it is there already, what earlier decisions changed stays so. "
        "Each\n"
        "decision is noted in RUN/decisions.jsonl: when, who, old and new label, the hash\n"
        "of the decisions file.\n"
        "\n"
        "Options\n"
        "  -o, --output FILE  the corrected labels (default: labels.csv in the run)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet apply runs/try decisions.csv -o labels.csv\n",
    .flags = (const char *const[]){"output", NULL},
    .run = apply,
};
