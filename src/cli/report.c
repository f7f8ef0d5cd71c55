/* report.c - the library's JSON reports as tables on stdout. */
#include "cmd.h"
#include "report_json.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLOT_WIDTH = 60, PLOT_HEIGHT = 11 };

/* ---- Reading ------------------------------------------------------------------------ */

/* The value at "key.key.key"; NULL if there is none. */
static json_t *at(json_t *root, const char *path)
{
    char key[64];
    while (root && *path) {
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        root = json_object_get(root, key);
        path += length + (path[length] == '.');
    }
    return root;
}

static double number_at(json_t *root, const char *path)
{
    return json_number_value(at(root, path));
}

static const char *text_at(json_t *root, const char *path)
{
    const char *text = json_string_value(at(root, path));
    return text ? text : "";
}

static bool has(json_t *root, const char *path)
{
    json_t *value = at(root, path);
    return value && !json_is_null(value);
}

/* ---- Printing ----------------------------------------------------------------------- */

/* The text of a number, a text, a list of them. */
static void print_value(json_t *value)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_is_string(value)) {
        printf("%s", json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            printf("%s", i ? ", " : "");
            print_value(item);
        }
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        printf("%s", text ? text : "");
        free(text);
    }
}

/* "section.key = value" for every value in nested objects. */
static void print_nested(json_t *object, const char *prefix, const char *between)
{
    const char *key = NULL;
    json_t *value = NULL;
    char name[160];
    json_object_foreach(object, key, value)
    {
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value)) {
            print_nested(value, name, between);
            continue;
        }
        printf("%s%s", name, between);
        print_value(value);
        printf("\n");
    }
}

/* The weight V at a loss, by the nearest point of the curve below it. */
static double curve_at(json_t *curve, double loss)
{
    json_t *losses = json_object_get(curve, "loss");
    json_t *weights = json_object_get(curve, "weight");
    size_t best = 0;
    for (size_t i = 0; i < json_array_size(losses); i++)
        if (json_number_value(json_array_get(losses, i)) <= loss + 1e-9)
            best = i;
    return json_number_value(json_array_get(weights, best));
}

/* V against the loss: one column of stars for each point. */
static void print_curve(json_t *curve)
{
    const double top_loss = 6;
    if (json_array_size(json_object_get(curve, "loss")) == 0)
        return;
    printf("\nV(loss), the learned weight of a sample\n\n");
    for (int row = PLOT_HEIGHT - 1; row >= 0; row--) {
        char line[PLOT_WIDTH + 1];
        for (int column = 0; column < PLOT_WIDTH; column++) {
            double loss = top_loss * column / (PLOT_WIDTH - 1);
            double height = curve_at(curve, loss) * (PLOT_HEIGHT - 1);
            line[column] = (int)(height + 0.5) == row ? '*' : ' ';
        }
        line[PLOT_WIDTH] = '\0';
        for (int end = PLOT_WIDTH; end > 0 && line[end - 1] == ' '; end--)
            line[end - 1] = '\0';
        printf("  %.1f |%s\n", (double)row / (PLOT_HEIGHT - 1), line);
    }
    printf("      +");
    for (int column = 0; column < PLOT_WIDTH; column++)
        printf("-");
    printf("\n       0%*s%g  loss\n", PLOT_WIDTH - 2, "", top_loss);
}

static void print_sets(json_t *root)
{
    report_label("data");
    printf("%.0f train", number_at(root, "sets.train"));
    if (number_at(root, "sets.meta") > 0)
        printf(", %.0f meta", number_at(root, "sets.meta"));
    if (number_at(root, "sets.valid") > 0)
        printf(", %.0f validation", number_at(root, "sets.valid"));
    printf(", %.0f test; %.0f classes", number_at(root, "sets.test"),
           number_at(root, "sets.classes"));
    if (has(root, "sets.wrong_labels"))
        printf("; %.1f %% of the training labels wrong",
               100 * number_at(root, "sets.wrong_labels"));
    if (has(root, "sets.dropped"))
        printf("; %.0f in two sets left out", number_at(root, "sets.dropped"));
    if (has(root, "sets.damaged"))
        printf("; %.0f damaged images left out", number_at(root, "sets.damaged"));
    printf("\n");
}

static void print_model(json_t *root)
{
    report_label("method");
    printf("%s\n", text_at(root, "options.method.name"));
    report_label("model");
    printf("%s, %.0f parameters (%s, %.0f threads)\n", text_at(root, "model.name"),
           number_at(root, "model.parameters"), text_at(root, "model.backend"),
           number_at(root, "model.threads"));
}

static void print_accuracy(json_t *result)
{
    bool both = has(result, "valid") && has(result, "test");
    if (has(result, "valid"))
        printf("validation %.2f %%", number_at(result, "valid.accuracy"));
    printf("%s", both ? ", " : "");
    if (has(result, "test"))
        printf("test %.2f %%", number_at(result, "test.accuracy"));
}

static void print_epochs(json_t *root)
{
    const char *by = text_at(root, "best.chosen_by");
    if (strcmp(by, "last") == 0) {
        report_label("best");
        printf("epoch %.0f, the last: there is no test set and no validation set\n",
               number_at(root, "best.epoch"));
        return;
    }
    report_label("best");
    print_accuracy(at(root, "best"));
    printf(" (epoch %.0f, chosen on the %s set)\n", number_at(root, "best.epoch"),
           strcmp(by, "valid") == 0 ? "validation" : "test");
    report_label("last");
    print_accuracy(at(root, "last"));
    printf(" (epoch %.0f)\n", number_at(root, "last.epoch"));
}

static void print_results(json_t *root)
{
    print_epochs(root);
    if (has(root, "detection.auroc")) {
        report_label("labels");
        printf("%.1f %% of the %.0f lowest-weighted samples have a wrong label "
               "(AUROC %.3f)\n",
               100 * number_at(root, "detection.precision"),
               number_at(root, "detection.wrong"), number_at(root, "detection.auroc"));
    }
    if (has(root, "memorisation")) {
        report_label("");
        printf("of the wrongly labelled %.1f %% are predicted as labelled, %.1f %% as they "
               "should be\n",
               number_at(root, "memorisation.given"),
               number_at(root, "memorisation.truth"));
    }
}

static void print_cost(json_t *root)
{
    char time[32], memory[32];
    if (number_at(root, "cost.steps") <= 0)
        return;
    report_label("cost");
    printf("%s, %.0f images/s, %s\n", say_seconds(number_at(root, "cost.seconds"), time),
           number_at(root, "cost.images_per_second"),
           say_bytes(number_at(root, "cost.peak_memory"), memory));
}

int report_summary(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    print_model(root);
    print_sets(root);
    print_results(root);
    print_cost(root);
    if (strcmp(text_at(root, "options.method.name"), "ce") != 0)
        print_curve(json_object_get(root, "curve"));
    if (has(root, "dir")) {
        printf("\nThe run is in %s. What now:\n", text_at(root, "dir"));
        if (number_at(root, "sets.test") > 0)
            printf("  mwnet eval %s\n", text_at(root, "dir"));
        if (json_is_true(at(root, "options.train.journal")))
            printf("  mwnet audit %s\n", text_at(root, "dir"));
        printf("  mwnet info %s/weights.npy\n", text_at(root, "dir"));
    }
    json_decref(root);
    return 0;
}

void report_notes(const char *json)
{
    json_t *root = report_parse(json);
    if (json_is_true(at(root, "model.head_replaced")))
        fprintf(stderr,
                "note: the last layer begins at random: %s has another number of classes "
                "than the data's %.0f\n",
                text_at(root, "options.model.init"), number_at(root, "sets.classes"));
    if (has(root, "sets.dropped"))
        fprintf(
            stderr,
            "note: %.0f samples are left out of their set, as another set has equal ones "
            "(data.overlap=keep keeps them)\n",
            number_at(root, "sets.dropped"));
    if (has(root, "sets.damaged"))
        fprintf(stderr, "note: %.0f damaged images are left out (data.damaged=skip)\n",
                number_at(root, "sets.damaged"));
    json_decref(root);
}

static void print_memory(json_t *root)
{
    static const char *const parts[] = {"network", "vectors",    "data",
                                        "batches", "checkpoint", "program"};
    char text[32], path[32];
    report_label("memory");
    printf("%s", say_bytes(number_at(root, "memory.total"), text));
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        snprintf(path, sizeof(path), "memory.%s", parts[i]);
        printf("%s%s %s", i ? ", " : " (", parts[i],
               say_bytes(number_at(root, path), text));
    }
    printf(")\n");
}

int report_plan(const char *json)
{
    char text[32];
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    print_nested(json_object_get(root, "options"), "", " = ");
    printf("\n");
    print_model(root);
    print_sets(root);
    print_memory(root);
    report_label("time");
    printf("%.4g s a step, %.0f steps an epoch", number_at(root, "time.seconds_per_step"),
           number_at(root, "time.steps_per_epoch"));
    printf(", %s an epoch", say_seconds(number_at(root, "time.seconds_per_epoch"), text));
    printf(", %s in all\n", say_seconds(number_at(root, "time.seconds"), text));
    json_decref(root);
    return 0;
}

/* What else an evaluation found, as far as it is defined. */
static void print_metrics(json_t *root)
{
    static const struct {
        const char *key, *text;
    } metrics[] = {
        {"macro_f1", "macro F1"},
        {"worst_class_accuracy", "worst class"},
        {"many_shot_accuracy", "many-shot classes"},
        {"medium_shot_accuracy", "medium-shot"},
        {"few_shot_accuracy", "few-shot"},
        {"ece", "calibration error"},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        if (!has(root, metrics[i].key))
            continue;
        if (!any)
            report_label("");
        printf("%s%s %.2f %%", any ? ", " : "", metrics[i].text,
               number_at(root, metrics[i].key));
        any = true;
    }
    printf("%s", any ? "\n" : "");
}

int report_evaluation(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    report_label("model");
    printf("%s (%s)\n", text_at(root, "model"), text_at(root, "file"));
    report_label("accuracy");
    printf("%.2f %% (mean over the classes %.2f %%)\n", number_at(root, "accuracy"),
           number_at(root, "balanced_accuracy"));
    print_metrics(root);
    report_label("loss");
    printf("%.4f\n", number_at(root, "loss"));
    report_label("samples");
    printf("%.0f in %.1f s\n", number_at(root, "samples"), number_at(root, "seconds"));
    json_decref(root);
    return 0;
}

int report_prediction(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    report_label("model");
    printf("%s (%s)\n", text_at(root, "model"), text_at(root, "file"));
    report_label("samples");
    printf("%.0f in %.1f s", number_at(root, "samples"), number_at(root, "seconds"));
    if (number_at(root, "skipped") > 0)
        printf(", %.0f damaged ones left out", number_at(root, "skipped"));
    printf("\n");
    if (has(root, "accuracy")) {
        report_label("accuracy");
        printf("%.2f %% of the %.0f with a label\n", number_at(root, "accuracy"),
               number_at(root, "labelled"));
        print_metrics(root);
    }
    report_label("written");
    printf("%s\n", text_at(root, "out"));
    json_decref(root);
    return 0;
}

int report_export(const char *json)
{
    char size[32];
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    report_label("model");
    printf("%s (%s)\n", text_at(root, "model"), text_at(root, "file"));
    report_label("input");
    printf("input [batch, ");
    print_value(at(root, "input"));
    printf("]\n");
    report_label("output");
    printf("logits [batch, %.0f]\n", number_at(root, "classes"));
    report_label("written");
    printf("%s (%s, ONNX opset %.0f)\n", text_at(root, "out"),
           say_bytes(number_at(root, "bytes"), size), number_at(root, "opset"));
    json_decref(root);
    return 0;
}

static void print_tensors(json_t *tensors)
{
    size_t i = 0;
    json_t *tensor = NULL;
    json_array_foreach(tensors, i, tensor)
    {
        printf("  %-40s %-4s [", text_at(tensor, "name"), text_at(tensor, "type"));
        print_value(json_object_get(tensor, "shape"));
        printf("]\n");
    }
}

/* A line for each object of a list: name and type, then the rest as "key value"; counts of
 * nothing are left out. */
static void print_items(json_t *items)
{
    size_t i = 0;
    json_t *item = NULL, *value = NULL;
    const char *key = NULL;
    json_array_foreach(items, i, item)
    {
        printf("  %-24s %-8s", text_at(item, "name"), text_at(item, "type"));
        json_object_foreach(item, key, value)
        {
            bool is_said = strcmp(key, "name") == 0 || strcmp(key, "type") == 0;
            bool is_count = strcmp(key, "missing") == 0 || strcmp(key, "nan") == 0;
            if (is_said || (is_count && json_integer_value(value) == 0))
                continue;
            printf("  %s ", key);
            print_value(value);
        }
        printf("\n");
    }
}

int report_info(const char *json)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    json_object_foreach(root, key, value)
    {
        if (strcmp(key, "curve") == 0 || strcmp(key, "summary") == 0)
            continue;
        if (strcmp(key, "tensors") == 0) {
            print_tensors(value);
        } else if (strcmp(key, "columns") == 0 || strcmp(key, "arrays") == 0) {
            printf("%s\n", key);
            print_items(value);
        } else if (json_is_object(value)) {
            print_nested(value, strcmp(key, "options") == 0 ? "" : key, " = ");
        } else {
            printf("%s = ", key);
            print_value(value);
            printf("\n");
        }
    }
    if (json_object_get(root, "curve"))
        print_curve(json_object_get(root, "curve"));
    json_decref(root);
    return 0;
}

int report_bench(const char *json)
{
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    print_nested(root, "", " = ");
    json_decref(root);
    return 0;
}

/* A text with a capital letter at its start and a stop at its end. */
static void print_sentence(const char *text)
{
    size_t length = strlen(text);
    if (length > 0)
        printf("%c%s%s", toupper((unsigned char)text[0]), text + 1,
               text[length - 1] == '.' ? "" : ".");
}

static void print_option(json_t *option)
{
    char name[80];
    const char *method = text_at(option, "method");
    snprintf(name, sizeof(name), "%s=%s", text_at(option, "key"),
             text_at(option, "default"));
    printf("%s%s%s%s\n    ", name, *method ? "  (method " : "", method, *method ? ")" : "");
    print_sentence(text_at(option, "help"));
    if (has(option, "choices")) {
        printf(" Choices: ");
        print_value(json_object_get(option, "choices"));
        printf(".");
    } else if (has(option, "range")) {
        json_t *range = json_object_get(option, "range");
        printf(" Range: %.15g to %.15g.", json_number_value(json_array_get(range, 0)),
               json_number_value(json_array_get(range, 1)));
    }
    printf("\n");
}

int report_list(const char *what, const char *json)
{
    size_t i = 0;
    json_t *item = NULL;
    json_t *root = report_parse(json);
    if (!root)
        return MWN_ERR_RUNTIME;
    json_array_foreach(root, i, item)
    {
        if (strcmp(what, "options") == 0)
            print_option(item);
        else
            printf("%-20s %s\n", text_at(item, "name"), text_at(item, "summary"));
    }
    json_decref(root);
    return 0;
}
