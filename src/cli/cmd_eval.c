/* cmd_eval.c - mwnet eval: the accuracy of a run's or a file's model on a test set. */
#include "cmd.h"

#include <stdio.h>

static int evaluate(const struct args *args)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    char *text = NULL;
    int code = 0;

    if (args->words != 1)
        return (int)say_usage("eval", "name one run's folder or one safetensors file");
    mwn_status status = mwn_config_create(&config, &err);
    if (status == MWN_OK)
        status = args_apply(args, config, &err);
    if (status == MWN_OK)
        status = mwn_evaluate(args->word[0], config, &text, &err);
    mwn_config_free(config);
    if (status != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_evaluation(text);
    mwn_text_free(text);
    return code;
}

const struct cmd cmd_eval = {
    .name = "eval",
    .summary = "evaluate a model on a test set",
    .help = "Usage: mwnet eval RUN|FILE.safetensors [section.key=value ...]\n"
            "\n"
            "Evaluates a model on the test set of data.path. Of a run's folder the best "
            "model is\n"
            "taken, with the options of the run. A file that mwnet wrote knows its "
            "network; for\n"
            "others say model.name, data.reader and data.normalize.\n"
            "\n"
            "Options\n"
            "  --threads N        threads that compute (default: as many as the process "
            "may use)\n"
            "  --json             the last line on stdout is a JSON object\n"
            "  -h, --help         this text\n"
            "\n"
            "Examples\n"
            "  mwnet eval runs/try\n"
            "  mwnet eval resnet20.safetensors model.name=resnet20 data.reader=cifar10 \\\n"
            "        data.path=DIR data.normalize=imagenet\n",
    .flags = (const char *const[]){"threads", NULL},
    .run = evaluate,
};
