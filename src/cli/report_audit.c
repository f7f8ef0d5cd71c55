/* report_audit.c - the reports of mwnet audit and mwnet why as tables on stdout. */
#include "cmd.h"
#include "report_json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES_MAX = 12, SPARK_MAX = 60 };

/* NaN for what is not there. */
static double number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* A number in so many columns, or a dash. */
static void cell(double value, int width, int decimals)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, decimals, value);
}

/* ---- audit -------------------------------------------------------------------------- */

static void print_evidence(json_t *root)
{
    report_label("evidence");
    if (strcmp(report_text(root, "evidence"), "out_of_sample") == 0)
        printf("out-of-sample probabilities in %s", report_text(root, "pred_probs"));
    else
        printf("what the run saw while it trained (for out-of-sample: mwnet cv)");
    if (number(root, "epochs") > 0)
        printf("; journal of %.0f epochs", number(root, "epochs"));
    printf("\n");
}

static void print_classes(json_t *noise)
{
    size_t i = 0, shown = 0;
    json_t *entry = NULL;
    report_label("by class");
    json_array_foreach(json_object_get(noise, "by_class"), i, entry)
    {
        if (shown == CLASSES_MAX || isnan(number(entry, "rate")))
            continue;
        printf("%s%s %.1f %%", shown ? ", " : "", report_text(entry, "given"),
               100 * number(entry, "rate"));
        shown++;
    }
    printf("%s\n",
           json_array_size(json_object_get(noise, "by_class")) > shown ? ", ..." : "");
}

static void print_noise(json_t *root)
{
    size_t i = 0;
    json_t *noise = json_object_get(root, "noise"), *pair = NULL,
           *truth = json_object_get(root, "truth");
    report_label("labels");
    printf("%.0f of %.0f are probably wrong: %.1f %%", number(noise, "labels"),
           number(root, "samples"), 100 * number(noise, "rate"));
    if (truth)
        printf(" (in truth %.1f %%)", 100 * number(truth, "rate"));
    printf("\n");
    print_classes(noise);
    report_label("confused");
    json_array_foreach(json_object_get(noise, "pairs"), i, pair)
    {
        if (i < 5)
            printf("%s%s for %s (%.0f)", i ? ", " : "", report_text(pair, "given"),
                   report_text(pair, "suggested"), number(pair, "samples"));
    }
    printf("\n");
}

/* How well each score finds wrong labels, where the truth is known. */
static void print_judgement(json_t *root)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (!json_object_get(root, "auroc"))
        return;
    printf("\n%-10s %6s %6s %8s %8s\n", "score", "AUROC", "AUPRC", "P@wrong", "P@100");
    json_object_foreach(json_object_get(root, "auroc"), key, value)
    {
        printf("%-10s", key);
        cell(number(json_object_get(root, "auroc"), key), 6, 3);
        cell(number(json_object_get(root, "auprc"), key), 6, 3);
        cell(number(json_object_get(root, "precision_at_k"), key), 8, 3);
        cell(number(json_object_get(root, "precision_at_100"), key), 8, 3);
        printf("\n");
    }
}

static void print_worst(json_t *root)
{
    size_t i = 0;
    json_t *sample = NULL;
    if (json_array_size(json_object_get(root, "worst")) == 0)
        return;
    printf("\n%5s %-28s %-12s %-12s %6s %6s %7s\n", "rank", "id", "given", "suggested", "p",
           "weight", "quality");
    json_array_foreach(json_object_get(root, "worst"), i, sample)
    {
        printf("%5.0f %-28s %-12s %-12s", number(sample, "rank"), report_text(sample, "id"),
               report_text(sample, "given"), report_text(sample, "suggested"));
        cell(number(sample, "p_suggested"), 6, 3);
        cell(number(sample, "weight"), 6, 3);
        cell(number(sample, "quality"), 7, 4);
        printf("\n");
    }
}

int report_audit(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    print_evidence(root);
    print_noise(root);
    print_judgement(root);
    print_worst(root);
    printf("\nThe table of all samples, the worst first, is in %s. What now:\n",
           report_text(root, "table"));
    printf("  mwnet why %s ID\n", report_text(root, "run"));
    json_decref(root);
    return 0;
}

/* ---- why ---------------------------------------------------------------------------- */

/* One column of the history as a line of blocks, lowest to highest value. */
static void print_spark(json_t *history, const char *key)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    size_t count = json_array_size(history), width = count < SPARK_MAX ? count : SPARK_MAX;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        double value = number(json_array_get(history, i), key);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    report_label(key);
    for (size_t k = 0; k < width; k++) {
        double value = number(json_array_get(history, k * count / width), key);
        double height = high > low ? (value - low) / (high - low) * 7 : 0;
        printf("%s", isnan(value) ? " " : blocks[(int)(height + 0.5)]);
    }
    if (high >= low)
        printf("  %.4g .. %.4g", low, high);
    printf("\n");
}

static void print_history(json_t *history)
{
    size_t i = 0;
    json_t *epoch = NULL;
    if (json_array_size(history) == 0)
        return;
    printf("\n%5s %8s %8s %8s  %s\n", "epoch", "weight", "loss", "margin",
           "strongest other class");
    json_array_foreach(history, i, epoch)
    {
        printf("%5.0f", number(epoch, "epoch"));
        cell(number(epoch, "weight"), 8, 4);
        cell(number(epoch, "loss"), 8, 4);
        cell(number(epoch, "margin"), 8, 3);
        printf("  %s\n", report_text(epoch, "rival"));
    }
    printf("\n");
    print_spark(history, "weight");
    print_spark(history, "loss");
    print_spark(history, "margin");
}

int report_why(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    report_label("sample");
    printf("%s\n", report_text(root, "id"));
    report_label("label");
    printf("given %s, suggested %s", report_text(root, "given"),
           report_text(root, "suggested"));
    if (json_object_get(root, "true"))
        printf(", in truth %s", report_text(root, "true"));
    printf("\n");
    report_label("rank");
    printf("%.0f of %.0f, quality %.4f\n", number(root, "rank"), number(root, "samples"),
           number(root, "quality"));
    report_label("belief");
    printf("p(given) %.3f, p(suggested) %.3f, forgotten %.0f times\n",
           number(root, "p_given"), number(root, "p_suggested"),
           number(root, "forgetting"));
    print_history(json_object_get(root, "history"));
    json_decref(root);
    return 0;
}
