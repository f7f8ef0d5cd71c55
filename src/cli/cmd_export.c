/* cmd_export.c - mwnet export: what a run has learned, for other programs. */
#include "cmd.h"

#include <stdio.h>

static int export_weight_net(const struct args *args)
{
    struct mwn_error err = {0};
    if (args->words != 1 || args->settings > 0)
        return (int)say_usage("export", "name one run's folder");
    if (mwn_export_weight_net(args->word[0], args->weight_net, &err) != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("{\"weight_net\": true}\n");
    else
        printf("The weight net is in %s.\n", args->weight_net);
    return 0;
}

static int export_onnx(const struct args *args)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    char *text = NULL;
    int code = 0;

    if (args->words != 1)
        return (int)say_usage("export", "name one run's folder or one safetensors file");
    mwn_status status = mwn_config_create(&config, &err);
    if (status == MWN_OK)
        status = args_apply(args, config, &err);
    if (status == MWN_OK)
        status = mwn_export_onnx(args->word[0], config, args->onnx, &text, &err);
    mwn_config_free(config);
    if (status != MWN_OK)
        return say_error(&err);
    if (args->json)
        printf("%s\n", text);
    else
        code = report_export(text);
    mwn_text_free(text);
    return code;
}

static int export_any(const struct args *args)
{
    if (!args->onnx == !args->weight_net)
        return (int)say_usage("export",
                              "say what to write by --onnx FILE or by --weight-net FILE");
    return args->onnx ? export_onnx(args) : export_weight_net(args);
}

const struct cmd cmd_export = {
    .name = "export",
    .summary = "write what a run has learned for other programs",
    .help = "Usage: mwnet export RUN|FILE.safetensors --onnx FILE [section.key=value ...]\n"
            "       mwnet export RUN --weight-net FILE.json|FILE.h\n"
            "\n"
            "Writes the best model of a run, or a file's, as ONNX (opset 13) for ONNX "
            "Runtime\n"
            "and others. Input 'input' takes any number of samples as they are in their "
            "files,\n"
            "bytes divided by 255; the normalisation is part of the model. Output "
            "'logits'.\n"
            "A file that mwnet wrote knows its network; for others say model.name,\n"
            "data.reader, data.path and data.normalize.\n"
            "\n"
            "Or writes the function from a sample's loss to its weight that a run has "
            "learned: as\n"
            "JSON for mwnet score and method.weight_net, or as a C header with\n"
            "static inline double mwn_weight(double loss).\n"
            "\n"
            "Options\n"
            "  --onnx FILE        file to write\n"
            "  --weight-net FILE  what to write; ends in .json or .h\n"
            "  --json             the last line on stdout is a JSON object\n"
            "  -h, --help         this text\n"
            "\n"
            "Examples\n"
            "  mwnet export runs/try --onnx model.onnx\n"
            "  mwnet export runs/try --weight-net weight.h\n",
    .flags = (const char *const[]){"weight-net", "onnx", NULL},
    .run = export_any,
};
