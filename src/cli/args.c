/* args.c - the arguments of a command: options, settings "section.key=value", other words. */
#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLAG_RESUME = 256,
    FLAG_DRY_RUN,
    FLAG_JSON,
    FLAG_THREADS,
    FLAG_ONLY,
    FLAG_PRED_PROBS,
    FLAG_FAIL_OVER,
    FLAG_TOP,
    FLAG_WEIGHTS,
    FLAG_FOLDS,
    FLAG_FOLD,
    FLAG_WEIGHT_NET,
    FLAG_META,
    FLAG_FROM,
    FLAG_SUMS,
    FLAG_RETRIES,
    FLAG_ONNX,
    FLAG_FORMAT,
    FLAG_SEEDS,
    FLAG_JOBS,
    FLAG_BUDGET
};

static const struct option all_flags[] = {
    {"output", required_argument, NULL, 'o'},
    {"resume", required_argument, NULL, FLAG_RESUME},
    {"dry-run", no_argument, NULL, FLAG_DRY_RUN},
    {"json", no_argument, NULL, FLAG_JSON},
    {"threads", required_argument, NULL, FLAG_THREADS},
    {"only", required_argument, NULL, FLAG_ONLY},
    {"pred-probs", required_argument, NULL, FLAG_PRED_PROBS},
    {"fail-over", required_argument, NULL, FLAG_FAIL_OVER},
    {"top", required_argument, NULL, FLAG_TOP},
    {"weights", required_argument, NULL, FLAG_WEIGHTS},
    {"folds", required_argument, NULL, FLAG_FOLDS},
    {"fold", required_argument, NULL, FLAG_FOLD},
    {"weight-net", required_argument, NULL, FLAG_WEIGHT_NET},
    {"meta", required_argument, NULL, FLAG_META},
    {"from", required_argument, NULL, FLAG_FROM},
    {"sums", required_argument, NULL, FLAG_SUMS},
    {"retries", required_argument, NULL, FLAG_RETRIES},
    {"onnx", required_argument, NULL, FLAG_ONNX},
    {"format", required_argument, NULL, FLAG_FORMAT},
    {"seeds", required_argument, NULL, FLAG_SEEDS},
    {"jobs", required_argument, NULL, FLAG_JOBS},
    {"budget", required_argument, NULL, FLAG_BUDGET},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *flag_name(int value)
{
    for (const struct option *flag = all_flags; flag->name; flag++)
        if (flag->val == value)
            return flag->name;
    return "";
}

/* --help and --json go with every command, the others with those that name them. */
static bool flag_fits(const struct args *args, int value)
{
    const char *name = flag_name(value);
    if (value == 'h' || value == FLAG_JSON)
        return true;
    for (const char *const *flag = args->command->flags; flag && *flag; flag++)
        if (strcmp(*flag, name) == 0)
            return true;
    return false;
}

static mwn_status set_number(const struct args *args, const char *text, int flag, int min,
                             int *out)
{
    enum { MAX = 4096 };
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < min || value > MAX)
        return say_usage(args->command->name, "--%s: '%s' is not a number from %d to %d",
                         flag_name(flag), text, min, MAX);
    *out = (int)value;
    return MWN_OK;
}

/* A number from 0 to 1, or one with a percent sign behind it. */
static mwn_status set_fail_over(struct args *args, const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    bool percent = end != text && strcmp(end, "%") == 0;
    value = percent ? value / 100 : value;
    if (end == text || (*end && !percent) || !(value >= 0 && value <= 1))
        return say_usage(args->command->name,
                         "--fail-over: '%s' is not a share such as 5%% or 0.05", text);
    args->fail_over = value;
    args->has_fail_over = true;
    return MWN_OK;
}

static mwn_status set_count(const struct args *args, const char *flag, const char *text,
                            long *out)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 0 || value > 1000000000)
        return say_usage(args->command->name,
                         "--%s: '%s' is not a number from 0 to 1000000000", flag, text);
    *out = value;
    return MWN_OK;
}

/* The options of the audit, cross-validation and weight-net commands. */
static mwn_status set_audit_flag(struct args *args, int value, const char *text)
{
    switch (value) {
    case FLAG_PRED_PROBS:
        args->pred_probs = text;
        return MWN_OK;
    case FLAG_FAIL_OVER:
        return set_fail_over(args, text);
    case FLAG_TOP:
        return set_count(args, "top", text, &args->top);
    case FLAG_FOLDS:
        return set_count(args, "folds", text, &args->folds);
    case FLAG_FOLD:
        return set_count(args, "fold", text, &args->fold);
    case FLAG_WEIGHTS:
        args->weights = text;
        return MWN_OK;
    default:
        args->weight_net = text;
        return MWN_OK;
    }
}

static mwn_status set_retries(struct args *args, const char *text)
{
    mwn_status status = set_number(args, text, FLAG_RETRIES, 0, &args->retries);
    if (status == MWN_OK && args->retries == 0)
        args->retries = -1;
    return status;
}

/* "90s", "30m", "2h", "1d", or a number of seconds. */
static mwn_status set_budget(struct args *args, const char *text)
{
    static const char units[] = "smhd";
    static const double seconds[] = {1, 60, 3600, 86400};
    char *end = NULL;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : units;
    if (end == text || !unit || (*end && end[1]) || !(value > 0 && value < 1e8))
        return say_usage(args->command->name,
                         "--budget: '%s' is not a time such as 90s, 30m or 2h", text);
    args->budget = value * seconds[unit - units];
    return MWN_OK;
}

/* The options of commands that train many runs. */
static mwn_status set_grid_flag(struct args *args, int value, const char *text)
{
    if (value == FLAG_JOBS)
        return set_number(args, text, FLAG_JOBS, 1, &args->jobs);
    if (value == FLAG_BUDGET)
        return set_budget(args, text);
    args->seeds = text;
    return MWN_OK;
}

static mwn_status set_flag(struct args *args, int value, const char *text)
{
    if (!flag_fits(args, value))
        return say_usage(args->command->name, "'%s' does not take --%s",
                         args->command->name, flag_name(value));
    if (value >= FLAG_PRED_PROBS && value <= FLAG_WEIGHT_NET)
        return set_audit_flag(args, value, text);
    if (value >= FLAG_SEEDS && value <= FLAG_BUDGET)
        return set_grid_flag(args, value, text);
    switch (value) {
    case 'o':
        args->output = text;
        return MWN_OK;
    case FLAG_RESUME:
        args->resume = text;
        return MWN_OK;
    case FLAG_ONLY:
        args->only = text;
        return MWN_OK;
    case FLAG_META:
        args->meta = text;
        return MWN_OK;
    case FLAG_ONNX:
        args->onnx = text;
        return MWN_OK;
    case FLAG_FORMAT:
        args->format = text;
        return MWN_OK;
    case FLAG_THREADS:
        return set_number(args, text, FLAG_THREADS, 1, &args->threads);
    case FLAG_FROM:
        args->from = text;
        return MWN_OK;
    case FLAG_SUMS:
        args->sums = text;
        return MWN_OK;
    case FLAG_RETRIES:
        return set_retries(args, text);
    case FLAG_DRY_RUN:
        args->dry_run = true;
        return MWN_OK;
    case FLAG_JSON:
        args->json = true;
        return MWN_OK;
    case 'q':
        args->quiet = true;
        return MWN_OK;
    default:
        args->help = true;
        return MWN_OK;
    }
}

/* A word with '=' is a setting, unless a '/' comes first: then it is a path. */
static bool is_setting(const char *word)
{
    const char *equals = strchr(word, '=');
    const char *slash = strchr(word, '/');
    return equals && (!slash || equals < slash);
}

static mwn_status add_word(struct args *args, const char *word)
{
    if (is_setting(word)) {
        args->settings++;
        return MWN_OK;
    }
    if (args->words == sizeof(args->word) / sizeof(args->word[0]))
        return say_usage(args->command->name, "'%s' is one argument too many", word);
    args->word[args->words++] = word;
    return MWN_OK;
}

static mwn_status unknown_flag(const struct args *args, int found, char **argv)
{
    const char *text = optind > 0 ? argv[optind - 1] : "";
    if (found == ':')
        return say_usage(args->command->name, "%s needs a value", text);
    if (optopt && optopt < 256)
        return say_usage(args->command->name, "unknown option -%c", optopt);
    return say_usage(args->command->name, "unknown option %s", text);
}

mwn_status args_parse(struct args *args, const struct cmd *command, int argc, char **argv)
{
    mwn_status status = MWN_OK;

    *args = (struct args){.command = command, .top = 10, .folds = 5, .fold = -1};
    /* --json counts from the start, so that every error honours it. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            say_set_json(true);
    opterr = 0;
    optind = 1;
    while (status == MWN_OK) {
        int found = getopt_long(argc, argv, ":o:qh", all_flags, NULL);
        if (found == -1)
            break;
        if (found == '?' || found == ':')
            status = unknown_flag(args, found, argv);
        else
            status = set_flag(args, found, optarg);
    }
    args->rest = argv + optind;
    args->rest_count = (size_t)(argc - optind);
    for (size_t i = 0; status == MWN_OK && i < args->rest_count; i++)
        status = add_word(args, args->rest[i]);
    return status;
}

static mwn_status apply_setting(const char *word, mwn_config *config, struct mwn_error *err)
{
    const char *equals = strchr(word, '=');
    size_t length = (size_t)(equals - word);
    char key[128];

    snprintf(key, sizeof(key), "%.*s", (int)(length < sizeof(key) ? length : sizeof(key)),
             word);
    return mwn_config_set(config, key, equals + 1, err);
}

mwn_status args_apply(const struct args *args, mwn_config *config, struct mwn_error *err)
{
    char number[16];
    mwn_status status = MWN_OK;
    for (size_t i = 0; status == MWN_OK && i < args->rest_count; i++)
        if (is_setting(args->rest[i]))
            status = apply_setting(args->rest[i], config, err);
    if (status != MWN_OK || args->threads == 0)
        return status;
    snprintf(number, sizeof(number), "%d", args->threads);
    return mwn_config_set(config, "train.threads", number, err);
}
